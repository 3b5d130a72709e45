// No SDK: an application that calls Azure or Cloudflare with plain fetch changes one URL; and what it gets for that.
import assert from "node:assert/strict";
import { check, counts, finish, logged, refusedForLimit } from "./outcome.mjs";
import { AZURE, BASE, CHAT, KEY, MIRROR, PROVIDER, RESOURCE, SAID, SUITE, VERSION, callsFor, headersOf } from "./place.mjs";

const PATH = `chat/completions?api-version=${VERSION}`;
const CLOUDFLARE = `${AZURE}/${CHAT}/${PATH}`;
const BROKEN = "gpt-4o-flaky";

// For good, at this provider; the other one answers.
await fetch(`${PROVIDER}/_sim/behave`, { method: "POST", body: JSON.stringify({ deployment: BROKEN, behave: "503" }) });

let questions = 0;
/** A question that nobody asked before, so that the cache cannot know it. */
const question = (more = {}) => ({ messages: [{ role: "user", content: `Question ${(questions += 1)}` }], ...more });

function ask(url, headers = {}, body = question()) {
  const sent = { "content-type": "application/json", "api-key": KEY, ...headersOf(), ...headers };
  return fetch(url, { method: "POST", headers: sent, body: JSON.stringify(body) });
}

async function text(response) {
  assert.equal(response.status, 200);
  logged(response.headers);
  return (await response.json()).choices[0].message.content;
}

/** What of an answer a kept one has too. */
async function remembered(response) {
  assert.equal(response.status, 200);
  logged(response.headers);
  const cache = response.headers.get("cf-aig-cache-status");
  if (cache === "HIT") counts.hits += 1;
  return { cache, bytes: await response.text() };
}

for (const [name, url] of Object.entries({
  "Cloudflare's path": CLOUDFLARE,
  "Azure's path": `${AZURE}/openai/deployments/${CHAT}/${PATH}`,
})) {
  await check(`one URL changes: ${name} with api-version and api-key`, async () => {
    assert.ok((await text(await ask(url))).startsWith(SAID));
  });
}

await check("the answer is byte for byte the provider's, but for its own id and time", async () => {
  const body = question();
  const direct = await ask(`${MIRROR}/openai/deployments/${CHAT}/${PATH}`, {}, body);
  const passed = await ask(CLOUDFLARE, {}, body);
  logged(passed.headers);
  const plain = async (response) => (await response.text()).replace(/"id":"[^"]*"|"created":\d+/g, "");
  assert.equal(await plain(passed), await plain(direct));
  for (const name of ["content-type", "x-ms-region", "x-ratelimit-limit-tokens", "openai-processing-ms"])
    assert.equal(passed.headers.get(name), direct.headers.get(name), name);
});

await check("cf-aig-cache-ttl: MISS, then HIT with the same bytes; the provider is called once", async () => {
  const [body, before] = [question(), await callsFor(SUITE)];
  const [first, second] = [
    await ask(CLOUDFLARE, { "cf-aig-cache-ttl": "60" }, body).then(remembered),
    await ask(CLOUDFLARE, { "cf-aig-cache-ttl": "60" }, body).then(remembered),
  ];
  assert.deepEqual([first.cache, second.cache], ["MISS", "HIT"]);
  assert.equal(second.bytes, first.bytes);
  assert.equal((await callsFor(SUITE)) - before, 1);
});

await check("cf-aig-cache-ttl on a stream: the replay has the same bytes", async () => {
  const body = question({ stream: true, stream_options: { include_usage: true } });
  const first = await ask(CLOUDFLARE, { "cf-aig-cache-ttl": "60" }, body).then(remembered);
  const second = await ask(CLOUDFLARE, { "cf-aig-cache-ttl": "60" }, body).then(remembered);
  assert.deepEqual([first.cache, second.cache], ["MISS", "HIT"]);
  assert.ok(first.bytes.startsWith("data: ") && first.bytes.endsWith("data: [DONE]\n\n"));
  assert.equal(second.bytes, first.bytes);
});

await check("cf-aig-skip-cache: BYPASS although an answer is kept", async () => {
  const body = question();
  await ask(CLOUDFLARE, { "cf-aig-cache-ttl": "60" }, body).then(remembered);
  const skipped = await ask(CLOUDFLARE, { "cf-aig-cache-ttl": "60", "cf-aig-skip-cache": "true" }, body);
  assert.equal((await remembered(skipped)).cache, "BYPASS");
});

await check("another tenant does not get the kept answer", async () => {
  const body = question();
  await ask(CLOUDFLARE, { "cf-aig-cache-ttl": "60" }, body).then(remembered);
  const other = headersOf(`other-${SUITE}`, { "cf-aig-cache-ttl": "60" });
  assert.equal((await ask(CLOUDFLARE, other, body).then(remembered)).cache, "MISS");
});

await check("cf-aig-max-attempts: the third try answers, cf-aig-attempts says 3", async () => {
  const before = await callsFor(SUITE);
  const response = await ask(CLOUDFLARE, {
    "cf-aig-max-attempts": "3",
    "cf-aig-retry-delay": "20",
    "cf-aig-backoff": "exponential",
    "x-sim-behave": "503;times=2;key=attempts",
  });
  assert.ok((await text(response)).startsWith(SAID));
  assert.equal(response.headers.get("cf-aig-attempts"), "3");
  assert.equal((await callsFor(SUITE)) - before, 3);
});

await check("cf-aig-request-timeout: a provider that hangs is asked again", async () => {
  const response = await ask(CLOUDFLARE, {
    "cf-aig-max-attempts": "2",
    "cf-aig-request-timeout": "500",
    "x-sim-behave": "hang;times=1;key=timeout",
  });
  assert.ok((await text(response)).startsWith(SAID));
  assert.equal(response.headers.get("cf-aig-attempts"), "2");
});

// Each of these tenants has one budget, which its first answer uses up.
const BUDGETS = { [`spent-${SUITE}`]: "tokens", [`usd-${SUITE}`]: "dollars" };
for (const [tenant, unit] of Object.entries(BUDGETS)) {
  await check(`budget of ${unit}: 429 with cf-aig-source rate-limit before the provider is called`, async () => {
    const first = headersOf(tenant, { "x-sim-behave": "usage=500/500" });
    await text(await ask(CLOUDFLARE, first, question({ max_completion_tokens: 500 })));
    const refused = await ask(CLOUDFLARE, headersOf(tenant));
    assert.equal(refused.status, 429);
    refusedForLimit(refused.headers);
    logged(refused.headers);
    const error = await refused.json();
    assert.deepEqual([error.success, error.name, error.error[0].code], [false, "AiGatewayError", 2045]);
    assert.equal(await callsFor(tenant), 1);
  });
}

await check("fallback: cf-aig-provider is the configured name, cf-aig-step 1, and it is asked with its own key", async () => {
  const response = await ask(`${BASE}/azure-openai/aoai-flaky/${BROKEN}/${PATH}`);
  assert.ok((await text(response)).startsWith(SAID));
  const said = ["cf-aig-provider", "cf-aig-step", "cf-aig-attempts"].map((name) => response.headers.get(name));
  assert.deepEqual(said, ["azure-openai-eu", "1", "2"]);
  assert.equal(response.headers.get("x-ms-region"), "Sweden Central");
});

/** One entry of the universal array, as Cloudflare documents it. */
const entry = (resource, deployment, headers = {}, query = question()) => ({
  provider: "azure-openai",
  endpoint: `${resource}/${deployment}/${PATH}`,
  headers: { "api-key": KEY, "content-type": "application/json", "x-sim-tenant": SUITE, ...headers },
  query,
});

await check("universal array: the second entry answers", async () => {
  const response = await ask(BASE, {}, [entry("aoai-broken", BROKEN), entry(RESOURCE, CHAT)]);
  assert.ok((await text(response)).startsWith(SAID));
  assert.equal(response.headers.get("cf-aig-step"), "1");
});

await check("universal array: cf-aig-cache-ttl 0 of the entry goes before 60 of the request", async () => {
  const [body, before] = [[entry(RESOURCE, CHAT, { "cf-aig-cache-ttl": "0" })], await callsFor(SUITE)];
  for (const _ of [1, 2]) await ask(BASE, { "cf-aig-cache-ttl": "60" }, body).then(remembered);
  assert.equal((await callsFor(SUITE)) - before, 2);
});

await check("unknown gateway: 400 in Cloudflare's shape, code 2001", async () => {
  const response = await ask(CLOUDFLARE.replace("/prod/", "/nobodys/"));
  assert.equal(response.status, 400);
  assert.equal((await response.json()).error[0].code, 2001);
});

finish();
