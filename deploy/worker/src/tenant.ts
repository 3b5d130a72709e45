import { sha256Hex, utf8 } from "./digest.ts";
import { Misconfigured, Refusal } from "./refusal.ts";

/** Safe in a header, in JSON and before the colon of a cache key. */
const TENANT_NAME = /^[\w.@-]{1,64}$/;

/**
 * Who is calling: the tenant whose key the request has.
 *
 * The name comes from the key and from nothing else that a caller sends, so nobody can spend the budget of another tenant
 * or read its cached answers. The secret has hashes: reading it gives nobody a key, and looking a hash up tells nothing
 * of a key by how long it takes.
 */
export async function tenantOf(headers: Headers, tenantKeys: string): Promise<string> {
  const key = keyOf(headers);
  const tenant = key && namesByHash(tenantKeys).get(await sha256Hex(utf8(key)));
  if (!tenant) {
    const challenge = { "www-authenticate": "Bearer" };
    throw new Refusal(401, "unknown_key", "No tenant has this key.", challenge);
  }
  return tenant;
}

/** Where the client libraries of Azure and of OpenAI put it. */
function keyOf(headers: Headers): string | undefined {
  const bearer = /^bearer +(\S+)$/i.exec(headers.get("authorization") ?? "");
  return headers.get("api-key") ?? bearer?.[1];
}

function namesByHash(tenantKeys: string): Map<string, string> {
  const entries = Object.entries(parsed(tenantKeys));
  if (!entries.every(isTenant))
    throw new Misconfigured("TENANT_KEYS must have SHA-256 hashes in lower-case hexadecimal and names of tenants");
  return new Map(entries);
}

function parsed(tenantKeys: string): object {
  try {
    const keys: unknown = JSON.parse(tenantKeys);
    if (typeof keys === "object" && keys !== null) return keys;
  } catch {
    // What the parser says repeats what it read.
  }
  throw new Misconfigured("TENANT_KEYS must be a JSON object");
}

function isTenant(entry: [string, unknown]): entry is [string, string] {
  const [hash, name] = entry;
  return /^[0-9a-f]{64}$/.test(hash) && typeof name === "string" && TENANT_NAME.test(name);
}
