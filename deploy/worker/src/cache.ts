import { sha256Hex, utf8 } from "./digest.ts";

const TTL_SECONDS = 3600;

/** What the application says of a prompt that may be answered with an earlier answer. Only it can know. */
export function isRepeatable(headers: Headers): boolean {
  return headers.get("x-repeatable") === "true";
}

export async function cacheControls(repeatable: boolean, tenant: string, url: URL, body: Uint8Array) {
  if (!repeatable) return { "cf-aig-skip-cache": "true" };
  return { "cf-aig-cache-ttl": `${TTL_SECONDS}`, "cf-aig-cache-key": await cacheKey(tenant, url, body) };
}

/**
 * Everything that decides the answer.
 *
 * On Cloudflare this header is not added to the key of an answer, it *is* the key: with the tenant alone, every prompt of
 * the tenant would get the answer to the first one. On `gatelog gateway` it is a scope and does no harm.
 */
export async function cacheKey(tenant: string, url: URL, body: Uint8Array): Promise<string> {
  const place = utf8(`${url.pathname}${url.search}\n`);
  const asked = new Uint8Array(place.length + body.length);
  asked.set(place);
  asked.set(body, place.length);
  return `${tenant}:${await sha256Hex(asked)}`;
}
