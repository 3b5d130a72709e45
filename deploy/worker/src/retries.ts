/**
 * Three tries, half a second and then a second apart, unless the provider names a time.
 *
 * The gateway does it, before the first byte of an answer: a broken stream is never tried again.
 */
export const RETRY_CONTROLS = {
  "cf-aig-max-attempts": "3",
  "cf-aig-retry-delay": "500",
  "cf-aig-backoff": "exponential",
};
