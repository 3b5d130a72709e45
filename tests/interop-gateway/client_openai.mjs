// npm `openai`: chat, streams, embeddings, the Responses API and typed errors, Azure's client and OpenAI's.
import assert from "node:assert/strict";
import OpenAI, { AzureOpenAI } from "openai";
import { check, counts, finish, refusedForLimit } from "./outcome.mjs";
import { AZURE, BASE, CHAT, EMBED, KEY, SAID, SUITE, VERSION, calls, callsFor, headersOf } from "./place.mjs";

const messages = [{ role: "user", content: "What does the invoice cover?" }];
const options = { apiKey: KEY, defaultHeaders: headersOf(), maxRetries: 0 };
const azure = (more = {}) => new AzureOpenAI({ endpoint: AZURE, apiVersion: VERSION, ...options, ...more });

// By the words that users write; all of them replace one URL.
const CLIENTS = {
  "AzureOpenAI({endpoint: .../azure-openai/RESOURCE})": azure(),
  "AzureOpenAI({endpoint, deployment})": azure({ deployment: CHAT }),
  "AzureOpenAI({baseURL: .../azure-openai/RESOURCE/DEPLOYMENT})": azure({
    endpoint: undefined,
    baseURL: `${AZURE}/${CHAT}`,
  }),
  "OpenAI({baseURL: .../openai})": new OpenAI({ baseURL: `${BASE}/openai`, ...options }),
  "OpenAI({baseURL: .../azure-openai/RESOURCE/openai/v1})": new OpenAI({ baseURL: `${AZURE}/openai/v1`, ...options }),
};
const namesOneDeployment = (name) => /deployment/i.test(name);
// Azure has the Responses API beside its deployments, not below one.
const hasNoResponses = (name) => name.endsWith("DEPLOYMENT})");

async function chat(client) {
  const answer = await client.chat.completions.create({ model: CHAT, messages });
  assert.ok(answer.choices[0].message.content.startsWith(SAID));
  assert.ok(answer.model.startsWith(CHAT) && answer.usage.completion_tokens > 0);
}

async function stream(client) {
  const request = { model: CHAT, messages, stream: true, stream_options: { include_usage: true } };
  let [text, usage, finish] = ["", null, null];
  for await (const chunk of await client.chat.completions.create(request)) {
    text += chunk.choices[0]?.delta.content ?? "";
    finish = chunk.choices[0]?.finish_reason ?? finish;
    usage = chunk.usage ?? usage;
  }
  assert.ok(text.startsWith(SAID) && usage.completion_tokens > 0);
  assert.equal(finish, "stop");
}

async function embeddings(client) {
  const { data, usage } = await client.embeddings.create({ model: EMBED, input: ["one", "two"] });
  assert.deepEqual(data.map((item) => item.embedding.length), [1536, 1536]);
  assert.notDeepEqual(data[0].embedding, data[1].embedding);
  assert.ok(usage.prompt_tokens > 0);
}

async function responses(client) {
  const answer = await client.responses.create({ model: CHAT, input: "What does the invoice cover?" });
  assert.equal(answer.status, "completed");
  assert.ok(answer.output_text.startsWith(SAID) && answer.usage.output_tokens > 0);
}

async function responsesStream(client) {
  const events = client.responses.stream({ model: CHAT, input: "What does the invoice cover?" });
  let text = "";
  events.on("response.output_text.delta", (event) => (text += event.delta));
  const whole = await events.finalResponse();
  assert.equal(whole.output_text, text);
  assert.ok(text.startsWith(SAID) && whole.usage.output_tokens > 0);
}

for (const [name, client] of Object.entries(CLIENTS)) {
  await check(`${name}: chat`, () => chat(client));
  await check(`${name}: streamed chat with usage`, () => stream(client));
  if (!namesOneDeployment(name)) await check(`${name}: embeddings`, () => embeddings(client));
  if (hasNoResponses(name)) continue;
  await check(`${name}: Responses`, () => responses(client));
  await check(`${name}: streamed Responses`, () => responsesStream(client));
}

const ask = (client, behave, more = {}) =>
  client.chat.completions.create({ model: CHAT, messages, ...more }, { headers: { "x-sim-behave": behave } });
const raised = async (kind, promise) => {
  const error = await promise.then(() => assert.fail(`no ${kind.name}`), (error) => error);
  assert.equal(error.constructor.name, kind.name);
  return error;
};

await check("prompt filter: BadRequestError with code, param and inner error", async () => {
  const error = await raised(OpenAI.BadRequestError, ask(azure(), "filter-prompt"));
  assert.deepEqual([error.status, error.code, error.param], [400, "content_filter", "prompt"]);
  assert.equal(error.error.innererror.code, "ResponsibleAIPolicyViolation");
});

await check("provider's 429: RateLimitError, not marked as the gateway's", async () => {
  const error = await raised(OpenAI.RateLimitError, ask(azure(), "429;retry-after-ms=30"));
  assert.deepEqual([error.headers.get("retry-after-ms"), error.headers.get("cf-aig-source")], ["30", null]);
});

await check("provider's 429 once: maxRetries of the client tries again, as without a gateway", async () => {
  const answer = await ask(azure({ maxRetries: 2 }), "429;retry-after-ms=30;times=1;key=node");
  assert.ok(answer.choices[0].message.content.startsWith(SAID));
});

await check("wrong key: AuthenticationError of the provider", async () => {
  const error = await raised(OpenAI.AuthenticationError, ask(azure({ apiKey: "wrong" }), "ok"));
  assert.equal(error.code, "401");
});

await check("provider's 500: InternalServerError", () => raised(OpenAI.InternalServerError, ask(azure(), "500")));

await check("client's own timeout: APIConnectionTimeoutError", () =>
  raised(OpenAI.APIConnectionTimeoutError, ask(azure({ timeout: 500 }), "hang")));

await check("gateway's 429: maxRetries waits for retry-after and gets its answer", async () => {
  const tenant = `paced-${SUITE}`;
  const client = azure({ maxRetries: 2, defaultHeaders: headersOf(tenant) });
  await ask(client, "ok");
  await ask(client, "ok");
  const retries = (await calls(tenant)).map((call) => new Map(call.headers).get("x-stainless-retry-count"));
  counts.refusals += Number(retries.at(-1));
  assert.deepEqual(retries, ["0", "1"]);
});

await check("gateway's 429: RateLimitError at once with maxRetries 0; the provider is not called", async () => {
  const tenant = `spent-${SUITE}`;
  const client = azure({ defaultHeaders: headersOf(tenant) });
  await ask(client, "usage=500/500", { max_completion_tokens: 500 });
  refusedForLimit((await raised(OpenAI.RateLimitError, ask(client, "ok"))).headers);
  assert.equal(await callsFor(tenant), 1);
});

finish();
