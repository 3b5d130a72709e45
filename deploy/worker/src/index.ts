import { ask } from "./ask.ts";
import { cacheControls, isRepeatable } from "./cache.ts";
import type { Env } from "./env.ts";
import { deploymentOf, gatewayUrl } from "./gateway_url.ts";
import { limited } from "./limits.ts";
import { metadataControl } from "./metadata.ts";
import { promptOf } from "./prompt.ts";
import { recordAnswer, recordRefusal } from "./record.ts";
import { Misconfigured, Refusal } from "./refusal.ts";
import { RETRY_CONTROLS } from "./retries.ts";
import { tenantOf } from "./tenant.ts";

/** Of the caller's headers these go on. No control header does: it could opt out of the audit log or name another tenant. */
const CARRIED = ["accept", "traceparent", "tracestate"];

export default {
  async fetch(request, env): Promise<Response> {
    try {
      return await serve(request, env);
    } catch (error) {
      const refusal = error instanceof Refusal ? error : failure(error);
      recordRefusal(refusal);
      return refusal.answer();
    }
  },
} satisfies ExportedHandler<Env>;

async function serve(request: Request, env: Env): Promise<Response> {
  const tenant = await tenantOf(request.headers, env.TENANT_KEYS);
  const deployment = deploymentOf(request, env.AZURE_DEPLOYMENTS);
  const url = gatewayUrl(env, deployment);
  const prompt = await promptOf(request);
  const headers = {
    ...carried(request.headers),
    ...credentials(env),
    ...metadataControl(tenant, request.headers),
    ...(await cacheControls(isRepeatable(request.headers), tenant, url, prompt)),
    ...RETRY_CONTROLS,
  };
  const answer = await ask(url, { headers, body: prompt }, request.signal, env.FIRST_BYTE_TIMEOUT_MS);
  recordAnswer(tenant, deployment, answer);
  // The body passes as it comes, without JavaScript touching it; `cf-aig-provider` and `cf-aig-step` pass with the headers.
  return answer.status === 429 ? limited(answer) : answer;
}

function carried(from: Headers): Record<string, string> {
  const present = CARRIED.flatMap((name) => {
    const value = from.get(name);
    return value === null ? [] : [[name, value]];
  });
  return { "content-type": "application/json", ...Object.fromEntries(present) };
}

function credentials(env: Env): Record<string, string> {
  if (!env.AZURE_OPENAI_API_KEY) throw new Misconfigured("AZURE_OPENAI_API_KEY is not set");
  const gateway = env.GATEWAY_TOKEN ? { "cf-aig-authorization": `Bearer ${env.GATEWAY_TOKEN}` } : {};
  return { "api-key": env.AZURE_OPENAI_API_KEY, ...gateway };
}

/** Logs a fault of ours in our own words: those of others may repeat what they were given. */
function failure(error: unknown): Refusal {
  console.error(JSON.stringify({ message: error instanceof Misconfigured ? error.message : "unexpected failure" }));
  return new Refusal(500, "internal_error", "The Worker has failed; its log says why.");
}
