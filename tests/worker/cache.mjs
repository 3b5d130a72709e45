// Concept 2: repeatable prompts are answered once per tenant, all others every time.
import assert from "node:assert/strict";
import { test } from "node:test";
import { REPEATABLE, ask, question } from "./application.mjs";
import { azure, standIn } from "./installation.mjs";
import { TENANTS, hashOf } from "./place.mjs";

/** Asks, reads the answer, and says what the cache did. */
async function told(deployment, options) {
  const response = await ask(deployment, options);
  const text = await response.text();
  return { status: response.status, cache: response.headers.get("cf-aig-cache-status"), text };
}

test("cache: the second identical prompt is a HIT with the same bytes; the provider is called once", async () => {
  const body = question();
  const answers = [];
  for (const _ of [1, 2]) answers.push(await told("repeated", { body, headers: REPEATABLE }));
  assert.deepEqual(answers.map(({ cache }) => cache), ["MISS", "HIT"]);
  assert.equal(answers[1].text, answers[0].text);
  assert.equal((await azure.calls("repeated")).length, 1);
});

test("cache: another prompt of the same tenant is a MISS", async () => {
  for (const _ of [1, 2]) assert.equal((await told("differing", { headers: REPEATABLE })).cache, "MISS");
  assert.equal((await azure.calls("differing")).length, 2);
});

test("cache: the same prompt of another tenant is a MISS", async () => {
  const body = question();
  for (const tenant of [TENANTS.acme, TENANTS.rival])
    assert.equal((await told("tenants", { tenant, body, headers: REPEATABLE })).cache, "MISS");
  assert.equal((await azure.calls("tenants")).length, 2);
});

test("cache: a prompt that is not said to be repeatable is asked every time", async () => {
  const body = question();
  for (const headers of [REPEATABLE, {}, {}, { "x-repeatable": "false" }])
    assert.equal((await told("unasked", { body, headers })).cache, headers === REPEATABLE ? "MISS" : "BYPASS");
  assert.equal((await azure.calls("unasked")).length, 4);
});

test("cache: a stream is replayed with the same bytes", async () => {
  const body = question({ stream: true });
  const answers = [];
  for (const _ of [1, 2]) answers.push(await told("replayed", { body, headers: REPEATABLE }));
  assert.deepEqual(answers.map(({ cache }) => cache), ["MISS", "HIT"]);
  assert.ok(answers[0].text.endsWith("data: [DONE]\n\n"));
  assert.equal(answers[1].text, answers[0].text);
});

test("cache: where the key replaces everything, as on Cloudflare, another prompt still has another answer", async () => {
  const answers = [];
  const same = question();
  for (const body of [same, question(), same])
    answers.push(await told("literal", { worker: "literal", body, headers: REPEATABLE }));
  assert.deepEqual(answers.map(({ cache }) => cache), ["MISS", "MISS", "HIT"]);
  assert.notEqual(answers[1].text, answers[0].text);
  assert.equal(answers[2].text, answers[0].text);
});

test("cache: there, the same prompt for another deployment or of another tenant is a MISS", async () => {
  const options = { worker: "literal", body: question(), headers: REPEATABLE };
  await told("literal", options);
  assert.equal((await told("literal-other", options)).cache, "MISS");
  assert.equal((await told("literal-tenants", options)).cache, "MISS");
  assert.equal((await told("literal-tenants", { ...options, tenant: TENANTS.rival })).cache, "MISS");
});

test("cache: where the key is all that counts, no answer crosses tenants, deployments or prompts", async () => {
  const body = question();
  const keeper = standIn.keeper();
  const answers = [];
  for (const [deployment, more] of [
    ["literal", {}],
    ["literal", { tenant: TENANTS.rival }],
    ["literal-other", {}],
    ["literal", { body: question() }],
    ["literal", {}],
  ]) {
    standIn.next(keeper);
    answers.push(await told(deployment, { worker: "standIn", body, headers: REPEATABLE, ...more }));
  }
  assert.deepEqual(answers.map(({ cache }) => cache), ["MISS", "MISS", "MISS", "MISS", "HIT"]);
  assert.equal(answers[4].text, answers[0].text);
});

test("cache: the headers are an hour and a key of tenant, path and body, or skip-cache alone", async () => {
  const before = standIn.seen.length;
  const body = JSON.stringify(question());
  await ask("repeated", { worker: "standIn", body, headers: REPEATABLE });
  await ask("repeated", { worker: "standIn", body });
  const [kept, skipped] = standIn.seen.slice(before);
  assert.equal(kept.headers["cf-aig-cache-ttl"], "3600");
  assert.equal(kept.headers["cf-aig-cache-key"], `${TENANTS.acme}:${hashOf(`${kept.url}\n${body}`)}`);
  assert.equal(kept.headers["cf-aig-skip-cache"], undefined);
  assert.equal(skipped.headers["cf-aig-skip-cache"], "true");
  assert.deepEqual(Object.keys(skipped.headers).filter((name) => /^cf-aig-cache/.test(name)), []);
});
