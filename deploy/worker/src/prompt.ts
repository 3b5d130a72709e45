import { readAtMost } from "./bounded.ts";
import { Refusal } from "./refusal.ts";

/** Cloudflare exports logs of up to 1 MB: prompt and answer have to fit in one, or the audit trail has a hole. */
export const PROMPT_BYTES_MAX = 512 * 1024;

/** The body as it was sent. All of it is needed before the gateway is asked, for the cache key. */
export async function promptOf(request: Request): Promise<Uint8Array> {
  const declared = Number(request.headers.get("content-length") ?? 0);
  const body = declared > PROMPT_BYTES_MAX ? null : await readAtMost(request.body, PROMPT_BYTES_MAX);
  if (!body) throw new Refusal(413, "prompt_too_large", `A request may have ${PROMPT_BYTES_MAX} bytes.`);
  return body;
}
