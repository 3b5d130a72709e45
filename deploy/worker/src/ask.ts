import { Refusal } from "./refusal.ts";

/** What Cloudflare's edge answers for an origin that it cannot reach; 522 and 524 are time-outs. */
const EDGE_STATUS = { first: 520, last: 530 };
const EDGE_TIMEOUTS = [522, 524];

/**
 * Asks the gateway and waits for the first byte of the answer.
 *
 * When the caller hangs up, so does this request, and the gateway's with the provider, which would otherwise go on making
 * tokens that somebody pays for. The runtime sees to that as long as nothing holds the request with `waitUntil`; the
 * caller's signal does also then.
 */
export async function ask(url: URL, init: RequestInit, caller: AbortSignal, timeoutMs: number): Promise<Response> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), timeoutMs);
  try {
    // Followed, a redirect would take the keys to another host.
    const signal = AbortSignal.any([caller, late.signal]);
    const answer = await fetch(url, { ...init, method: "POST", redirect: "manual", signal });
    const fault = faultIn(answer.status);
    if (!fault) return answer;
    await answer.body?.cancel();
    throw fault;
  } catch (error) {
    if (error instanceof Refusal) throw error;
    if (caller.aborted) throw new Refusal(499, "caller_gone", "The caller hung up.");
    throw late.signal.aborted ? timedOut() : unreachable();
  } finally {
    clearTimeout(timer);
  }
}

/** What no gateway says itself, or what it says to the Worker and not to the application. */
function faultIn(status: number): Refusal | undefined {
  if (EDGE_TIMEOUTS.includes(status)) return timedOut();
  if (status >= EDGE_STATUS.first && status <= EDGE_STATUS.last) return unreachable();
  if (status >= 300 && status < 400) return unreachable();
  // The caller's key was good. Passed on, a 401 would send people to look for the fault there.
  return status === 401 ? keysRefused() : undefined;
}

const keysRefused = () =>
  new Refusal(502, "upstream_credentials", "Gateway or provider do not accept the keys of this Worker.");
const unreachable = () => new Refusal(502, "gateway_unreachable", "The AI gateway cannot be reached.");
const timedOut = () => new Refusal(504, "gateway_timeout", "The AI gateway did not answer in time.");
