// npm `ai-gateway-provider`, Cloudflare's own provider for `ai`: it sends the universal array.
//
// Its host is a constant, `https://gateway.ai.cloudflare.com`, so changing a URL is not enough: the name itself has to lead
// to the gateway. Here it does, below the client: its connections end at the gateway's TLS listener, with the server name
// and the requests unchanged, as an entry in DNS would have it. The other way in is its option `binding`, an object with
// `run` that Cloudflare's runtime provides; here it is one that posts the array it is given. It has no metadata in its
// options, which would be headers of each entry: the gateway takes those from the request alone, so `run` sends them there.
import assert from "node:assert/strict";
import { generateText, streamText } from "ai";
import { AiGatewayDoesNotExist, AiGatewayUnauthorizedError, createAiGateway } from "ai-gateway-provider";
import { createAzure } from "ai-gateway-provider/providers/azure";
import { createOpenAI } from "ai-gateway-provider/providers/openai";
import { Agent, buildConnector, setGlobalDispatcher } from "undici";
import { check, counts, finish, note } from "./outcome.mjs";
import { BASE, CHAT, KEY, PROVIDER, RESOURCE, SAID, SUITE, TLS_BASE, TOKEN, VERSION } from "./place.mjs";
import { callsFor, headersOf } from "./place.mjs";

const HOST = "gateway.ai.cloudflare.com";
const [, , accountId, gateway] = new URL(TLS_BASE).pathname.split("/");
const BROKEN = "gpt-4o-broken";
const prompt = "What does the invoice cover?";
const metadata = { tenantId: SUITE, userId: "interop" };

const connect = buildConnector({});
const leadToGateway = (target) => {
  const { hostname, port } = new URL(TLS_BASE);
  return target.hostname === HOST ? { ...target, hostname, port, servername: HOST } : target;
};
setGlobalDispatcher(new Agent({ connect: (target, done) => connect(leadToGateway(target), done) }));
note(`ai-gateway-provider: its host ${HOST} cannot be configured; here that name leads to the gateway, as DNS would`);

await fetch(`${PROVIDER}/_sim/behave`, {
  method: "POST",
  body: JSON.stringify({ deployment: BROKEN, behave: "503" }),
});

/** A chat model of Azure; every one is new, as the client changes those it is given. */
function azure({ resourceName = RESOURCE, deployment = CHAT, behave = "" } = {}) {
  const headers = { "x-sim-tenant": SUITE, ...(behave && { "x-sim-behave": behave }) };
  const options = { resourceName, apiKey: KEY, apiVersion: VERSION, useDeploymentBasedUrls: true, headers };
  return createAzure(options).chat(deployment);
}

/** One that fails for good. */
const broken = () => azure({ resourceName: "aoai-broken", deployment: BROKEN });
const openai = () => createOpenAI({ apiKey: KEY, headers: { "x-sim-tenant": SUITE } });
const gatewayWith = (options = {}, more = {}) =>
  createAiGateway({ accountId, gateway, apiKey: TOKEN, options: { metadata, ...options }, ...more });

async function generate(model) {
  const { text, usage, response } = await generateText({ model, prompt, maxRetries: 0 });
  if (response.headers["cf-aig-cache-status"] === "HIT") counts.hits += 1;
  assert.ok(text.startsWith(SAID) && usage.outputTokens > 0);
  return response.headers;
}

await check("one Azure model: generateText", async () => {
  assert.equal((await generate(gatewayWith()(azure())))["cf-aig-step"], "0");
});

await check("one Azure model: streamText", async () => {
  const failures = [];
  const result = streamText({
    model: gatewayWith()(azure()),
    prompt,
    maxRetries: 0,
    onError: ({ error }) => failures.push(error),
  });
  let text = "";
  for await (const piece of result.textStream) text += piece;
  assert.deepEqual(failures, []);
  assert.ok(text.startsWith(SAID) && (await result.usage).outputTokens > 0);
});

await check("two Azure models: the second answers when the first fails", async () => {
  const headers = await generate(gatewayWith()([broken(), azure()]));
  assert.deepEqual([headers["cf-aig-step"], headers["cf-aig-attempts"]], ["1", "2"]);
});

await check("one Azure model that a configured target stands in for: its answer is that model's", async () => {
  const headers = await generate(gatewayWith()(azure({ resourceName: "aoai-flaky", deployment: BROKEN })));
  assert.equal(headers["cf-aig-provider"], "azure-openai-eu");
});

await check("an OpenAI model, whose endpoint begins with v1: generateText", () =>
  generate(gatewayWith()(openai().chat(CHAT))));

await check("an OpenAI Responses model: generateText", () => generate(gatewayWith()(openai()(CHAT))));

await check("option cacheTtl: MISS, then HIT", async () => {
  const [aigateway, before] = [gatewayWith({ cacheTtl: 60, cacheKey: SUITE }), await callsFor(SUITE)];
  const first = await generate(aigateway(azure()));
  const second = await generate(aigateway(azure()));
  assert.deepEqual([first, second].map((headers) => headers["cf-aig-cache-status"]), ["MISS", "HIT"]);
  assert.equal((await callsFor(SUITE)) - before, 1);
});

await check("option retries: the second try answers", async () => {
  const aigateway = gatewayWith({ retries: { maxAttempts: 2, retryDelayMs: 20, backoff: "constant" } });
  const headers = await generate(aigateway(azure({ behave: "503;times=1;key=provider" })));
  assert.equal(headers["cf-aig-attempts"], "2");
});

await check("wrong apiKey: AiGatewayUnauthorizedError", () =>
  assert.rejects(generate(gatewayWith({}, { apiKey: "wrong" })(azure())), AiGatewayUnauthorizedError));

await check("no such gateway: AiGatewayDoesNotExist", () =>
  assert.rejects(generate(gatewayWith({}, { gateway: "nobodys" })(azure())), AiGatewayDoesNotExist));

const binding = {
  run: (entries, { signal }) => {
    const headers = { "content-type": "application/json", ...headersOf() };
    return fetch(BASE, { method: "POST", headers, body: JSON.stringify(entries), signal });
  },
};

await check("option binding: the array as it is handed to run(), its options as headers of each entry", async () => {
  const retries = { maxAttempts: 2, retryDelayMs: 20, backoff: "constant" };
  const aigateway = createAiGateway({ binding, options: { retries } });
  const headers = await generate(aigateway([broken(), azure({ behave: "503;times=1;key=binding" })]));
  assert.deepEqual([headers["cf-aig-step"], headers["cf-aig-attempts"]], ["1", "4"]);
});

await check("option binding with cacheTtl, a header of the entry: MISS, then HIT", async () => {
  const [aigateway, before] = [createAiGateway({ binding, options: { cacheTtl: 60 } }), await callsFor(SUITE)];
  const first = await generate(aigateway(azure()));
  const second = await generate(aigateway(azure()));
  assert.deepEqual([first, second].map((headers) => headers["cf-aig-cache-status"]), ["MISS", "HIT"]);
  assert.equal((await callsFor(SUITE)) - before, 1);
});

finish();
