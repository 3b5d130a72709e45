// Names that several files have to agree on.
import { createHash } from "node:crypto";

export const ACCOUNT = "sandbox";
export const GATEWAY = "prod";
export const VERSION = "2024-10-21";
/** Trouble has a resource of its own: the gateway keeps the health of each apart. */
export const RESOURCE = { healthy: "aoai-za", busy: "aoai-busy", flaky: "aoai-flaky" };
export const TENANTS = { acme: "acme", rival: "rival", spender: "spender", hasty: "hasty" };
/** What only the Worker may know. */
export const AZURE_KEY = "azure-key-of-the-worker";
export const GATEWAY_TOKEN = "gateway-token-of-the-worker";
/** In every prompt, to look for where it must not be. */
export const NEEDLE = "zebra-quartz-prompt";

/** One deployment per test; the first is the Worker's default. */
export const DEPLOYMENTS = [
  "gpt-4o", "named", "versioned", "large",
  "repeated", "differing", "tenants", "unasked", "replayed", "literal", "literal-other", "literal-tenants",
  "twice-broken", "always-broken", "spent", "forged", "hasty", "busy",
  "streamed", "stalled", "running", "silent",
];

export const keyOf = (tenant) => `key-of-${tenant}`;
export const hashOf = (key) => createHash("sha256").update(key).digest("hex");
export const TENANT_KEYS = JSON.stringify(
  Object.fromEntries(Object.values(TENANTS).map((tenant) => [hashOf(keyOf(tenant)), tenant])),
);
