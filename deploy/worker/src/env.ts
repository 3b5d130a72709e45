/** What wrangler.jsonc and `wrangler secret put` bring. */
export interface Env {
  /** Secret. What Azure OpenAI is asked with. */
  readonly AZURE_OPENAI_API_KEY: string;
  /** Secret. JSON: SHA-256 of a tenant's key, in hexadecimal, to the tenant's name. */
  readonly TENANT_KEYS: string;
  /** Secret, only for a gateway with authentication: its token. */
  readonly GATEWAY_TOKEN?: string;

  readonly GATEWAY_BASE_URL: string;
  readonly GATEWAY_ACCOUNT: string;
  readonly GATEWAY_ID: string;
  readonly AZURE_RESOURCE: string;
  /** The first is the default. */
  readonly AZURE_DEPLOYMENTS: readonly string[];
  readonly AZURE_API_VERSION: string;
  readonly FIRST_BYTE_TIMEOUT_MS: number;
}
