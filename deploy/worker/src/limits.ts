import { readAtMost } from "./bounded.ts";
import { Refusal } from "./refusal.ts";

/** Far more than the error of any gateway has. */
const ERROR_BYTES_MAX = 64 * 1024;
/** Too many requests. Cloudflare's other codes with 429 are of spend limits, and drift: 2041, then 2045. */
const RATE_CODE = 2003;
/** Of a refusal, what the caller needs to come back at the right time and to ask about it. */
const KEPT = ["retry-after", "cf-aig-source", "cf-aig-log-id", "cf-aig-event-id", "cf-aig-request-id"];

/**
 * A 429, told apart by who says it. For the application these are three things: its tenant has spent its budget and
 * nothing helps but time or money; its tenant is too fast; or Azure is busy, whoever asks.
 *
 * The provider's goes on as it came, `retry-after-ms` included.
 */
export async function limited(answer: Response): Promise<Response> {
  const error = await gatewayError(answer);
  const isGateways = error !== undefined || answer.headers.get("cf-aig-source") === "rate-limit";
  if (!isGateways) return marked(answer, "provider");
  await answer.body?.cancel();
  const refusal = error?.internalCode === RATE_CODE ? tooFast(answer.headers) : budgetSpent(answer.headers);
  return refusal.answer();
}

function budgetSpent(from: Headers): Refusal {
  const headers = kept(from, "budget");
  // The client libraries of OpenAI obey it; else they would ask twice more, in vain.
  headers.set("x-should-retry", "false");
  return new Refusal(429, "budget_spent", "The budget of this tenant is spent.", headers);
}

function tooFast(from: Headers): Refusal {
  return new Refusal(429, "too_many_requests", "This tenant has sent too many requests.", kept(from, "rate"));
}

function kept(from: Headers, limitedBy: string): Headers {
  const headers = new Headers({ "x-limited-by": limitedBy });
  for (const name of KEPT) {
    const value = from.get(name);
    if (value !== null) headers.set(name, value);
  }
  return headers;
}

function marked(answer: Response, limitedBy: string): Response {
  const passed = new Response(answer.body, answer);
  passed.headers.set("x-limited-by", limitedBy);
  return passed;
}

/** The body, if it is an error of the gateway: Cloudflare has no header that says so. Reads a copy. */
async function gatewayError(answer: Response): Promise<{ internalCode?: number } | undefined> {
  const bytes = await readAtMost(answer.clone().body, ERROR_BYTES_MAX);
  try {
    const error = JSON.parse(new TextDecoder().decode(bytes ?? undefined));
    return error?.name === "AiGatewayError" ? error : undefined;
  } catch {
    return undefined;
  }
}
