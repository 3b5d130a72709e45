// npm `ai` with `@ai-sdk/azure` and `@ai-sdk/openai`: generateText, streamText and embed, by every way to name the gateway.
import assert from "node:assert/strict";
import { createAzure } from "@ai-sdk/azure";
import { createOpenAI } from "@ai-sdk/openai";
import { APICallError, embed, embedMany, generateText, streamText } from "ai";
import { check, finish, refusedForLimit } from "./outcome.mjs";
import { AZURE, BASE, CHAT, EMBED, KEY, SAID, SUITE, VERSION, callsFor, headersOf } from "./place.mjs";

const prompt = "What does the invoice cover?";
const options = { apiKey: KEY, headers: headersOf() };
const ofVersion1 = createAzure({ baseURL: `${AZURE}/openai/v1`, ...options });
const ofDeployments = (more = {}) =>
  createAzure({ baseURL: AZURE, useDeploymentBasedUrls: true, apiVersion: VERSION, ...options, ...more });
const ofOpenAI = createOpenAI({ baseURL: `${BASE}/openai`, ...options });

// By the words that users write. What a bare call of the provider makes is a Responses model, but not below a deployment.
const MODELS = {
  "createAzure({baseURL: .../openai/v1}), Responses": ofVersion1(CHAT),
  "createAzure({baseURL: .../openai/v1}), chat": ofVersion1.chat(CHAT),
  "createAzure({useDeploymentBasedUrls}), chat": ofDeployments().chat(CHAT),
  "createOpenAI({baseURL: .../openai}), Responses": ofOpenAI(CHAT),
  "createOpenAI({baseURL: .../openai}), chat": ofOpenAI.chat(CHAT),
};
const EMBEDDINGS = {
  "createAzure({baseURL: .../openai/v1})": ofVersion1.embedding(EMBED),
  "createAzure({useDeploymentBasedUrls})": ofDeployments().embedding(EMBED),
  "createOpenAI({baseURL: .../openai})": ofOpenAI.embedding(EMBED),
};

for (const [name, model] of Object.entries(MODELS)) {
  await check(`${name}: generateText`, async () => {
    const { text, usage, finishReason, response } = await generateText({ model, prompt, maxRetries: 0 });
    assert.ok(text.startsWith(SAID) && usage.inputTokens > 0 && usage.outputTokens > 0);
    assert.equal(finishReason, "stop");
    assert.equal(response.headers["cf-aig-attempts"], "1");
  });
  await check(`${name}: streamText`, async () => {
    const failures = [];
    const result = streamText({ model, prompt, maxRetries: 0, onError: ({ error }) => failures.push(error) });
    let text = "";
    for await (const piece of result.textStream) text += piece;
    assert.deepEqual(failures, []);
    assert.ok(text.startsWith(SAID) && (await result.usage).outputTokens > 0);
    assert.equal(await result.finishReason, "stop");
  });
}

for (const [name, model] of Object.entries(EMBEDDINGS)) {
  await check(`${name}: embed and embedMany`, async () => {
    const { embedding, usage } = await embed({ model, value: "one", maxRetries: 0 });
    const { embeddings } = await embedMany({ model, values: ["one", "two"], maxRetries: 0 });
    assert.deepEqual([embedding, ...embeddings].map((vector) => vector.length), [1536, 1536, 1536]);
    assert.ok(usage.tokens > 0);
  });
}

const ask = (azure, behave, more = {}) =>
  generateText({ model: azure.chat(CHAT), prompt, maxRetries: 0, headers: { "x-sim-behave": behave }, ...more });
const failure = async (promise) => {
  const error = await promise.then(() => assert.fail("it was answered"), (error) => error);
  assert.ok(APICallError.isInstance(error), `${error}`);
  return error;
};

await check("prompt filter: APICallError with the provider's message", async () => {
  const error = await failure(ask(ofDeployments(), "filter-prompt"));
  assert.deepEqual([error.statusCode, error.isRetryable, error.data.error.code], [400, false, "content_filter"]);
  assert.match(error.message, /content management policy/);
});

await check("provider's 429 once: maxRetries of the SDK tries again", async () => {
  const { text } = await ask(ofDeployments(), "429;retry-after-ms=30;times=1;key=ai-sdk", { maxRetries: 1 });
  assert.ok(text.startsWith(SAID));
});

await check("gateway's 429: retryable APICallError with cf-aig-source; the provider is not called", async () => {
  const tenant = `spent-${SUITE}`;
  const azure = ofDeployments({ headers: headersOf(tenant) });
  await ask(azure, "usage=500/500", { maxOutputTokens: 500 });
  const error = await failure(ask(azure, "ok"));
  assert.deepEqual([error.statusCode, error.isRetryable], [429, true]);
  refusedForLimit(new Headers(error.responseHeaders));
  assert.equal(await callsFor(tenant), 1);
});

finish();
