// Where the clients find the gateway, and as whom they ask; place.py says the same in the other language.
const {
  INTEROP_BASE: BASE,
  INTEROP_TLS_BASE: TLS_BASE,
  INTEROP_TOKEN: TOKEN,
  INTEROP_PROVIDER: PROVIDER,
  INTEROP_MIRROR: MIRROR,
  INTEROP_KEY: KEY,
  INTEROP_RESOURCE: RESOURCE,
  INTEROP_SUITE: SUITE,
} = process.env;

export { BASE, KEY, MIRROR, PROVIDER, RESOURCE, SUITE, TLS_BASE, TOKEN };
export const AZURE = `${BASE}/azure-openai/${RESOURCE}`;
export const VERSION = "2025-04-01-preview";
export const CHAT = "gpt-4o";
export const EMBED = "text-embedding-3-small";
/** All text of the simulated provider begins with it. */
export const SAID = "zebra quartz confidential";

/** Headers that name the tenant to the gateway, and to the simulated provider, which sorts its totals by it. */
export function headersOf(tenant = SUITE, more = {}) {
  const metadata = { tenantId: tenant, userId: "interop" };
  return { "cf-aig-metadata": JSON.stringify(metadata), "x-sim-tenant": tenant, ...more };
}

/** How often the provider was called for a tenant, from its own totals. */
export async function callsFor(tenant) {
  const totals = await (await fetch(`${PROVIDER}/_sim/totals`)).json();
  return totals.by_tenant[tenant]?.calls ?? 0;
}

/** What the provider was asked for this tenant, with all headers. */
export async function calls(tenant) {
  const journal = await (await fetch(`${PROVIDER}/_sim/calls`)).json();
  return journal.calls.filter((call) => call.tenant === tenant);
}
