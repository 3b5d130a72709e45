import type { Env } from "./env.ts";
import { Refusal } from "./refusal.ts";

/** The path of Azure's client libraries, which name a deployment. */
const AZURE_PATH = /^\/openai\/deployments\/([^/]+)\/chat\/completions$/;
/** The path of OpenAI's client libraries. */
const OPENAI_PATH = "/v1/chat/completions";

/**
 * Which deployment the application asks for.
 *
 * Only those of the configuration: the key that opens them is ours, not the caller's.
 */
export function deploymentOf(request: Request, allowed: readonly string[]): string {
  if (request.method !== "POST")
    throw new Refusal(405, "method_not_allowed", "Send a POST request.", { allow: "POST" });
  const { pathname } = new URL(request.url);
  const asked = pathname === OPENAI_PATH ? allowed[0] : AZURE_PATH.exec(pathname)?.[1];
  const deployment = allowed.find((name) => name === asked);
  if (!deployment) throw new Refusal(404, "not_found", "There is no such path or deployment.");
  return deployment;
}

/**
 * The same deployment behind the gateway. Cloudflare AI Gateway and `gatelog gateway` have the same paths, so the base is
 * all that differs. The caller's own `api-version` does not count.
 */
export function gatewayUrl(env: Env, deployment: string): URL {
  const { GATEWAY_ACCOUNT, GATEWAY_ID, AZURE_RESOURCE, AZURE_API_VERSION } = env;
  const named = [GATEWAY_ACCOUNT, GATEWAY_ID, "azure-openai", AZURE_RESOURCE, deployment].map(encodeURIComponent);
  const base = env.GATEWAY_BASE_URL.replace(/\/+$/, "");
  const url = new URL(`${base}/v1/${named.join("/")}/chat/completions`);
  url.searchParams.set("api-version", AZURE_API_VERSION);
  return url;
}
