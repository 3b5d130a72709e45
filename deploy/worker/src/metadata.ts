import { Refusal } from "./refusal.ts";

/** What a caller may tell of a request beside its prompt. */
const TOLD = { userId: "x-user-id", promptVersion: "x-prompt-version" };
/** Visible ASCII: any other text would have to be encoded to stand in a header. */
const VALUE = /^[\x21-\x7e]{1,128}$/;

/**
 * The facts that requests are billed, limited and found by.
 *
 * The tenant is known by its key. The others are the tenant's own word on its users, so they count within that tenant
 * only. Cloudflare keeps five entries and drops all of them when one is null: what was not told is left out.
 */
export function metadataControl(tenant: string, headers: Headers) {
  const metadata: Record<string, string> = { tenantId: tenant };
  for (const [key, header] of Object.entries(TOLD)) {
    const value = headers.get(header);
    if (value === null) continue;
    if (!VALUE.test(value)) throw new Refusal(400, "bad_header", `${header} must be 1 to 128 visible ASCII characters.`);
    metadata[key] = value;
  }
  return { "cf-aig-metadata": JSON.stringify(metadata) };
}
