// Concept 1: the application changes one URL; deployment, api-version and key are the Worker's.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ask, bearer, pathOf, plain, question } from "./application.mjs";
import { azure, standIn, workers } from "./installation.mjs";
import { ACCOUNT, AZURE_KEY, DEPLOYMENTS, GATEWAY, GATEWAY_TOKEN, RESOURCE, TENANTS, VERSION, keyOf } from "./place.mjs";

const header = (call, name) => call.headers.find(([known]) => known === name)?.[1];

test("url: Azure's path reaches that deployment with the Worker's key and api-version, body untouched", async () => {
  const body = question();
  const response = await ask("named", { body });
  assert.equal(response.status, 200);
  const [call] = await azure.calls("named");
  assert.equal(call.path, pathOf("named"));
  assert.equal(call.query, `api-version=${VERSION}`);
  assert.equal(header(call, "api-key"), AZURE_KEY);
  assert.equal(call.body_bytes, JSON.stringify(body).length);
  assert.equal(header(call, "authorization"), undefined, "the tenant's key must not reach the provider");
});

test("url: OpenAI's path reaches the first deployment", async () => {
  const headers = bearer(TENANTS.acme);
  const options = { method: "POST", headers, body: JSON.stringify(question()) };
  assert.equal((await fetch(`${workers.main}/v1/chat/completions`, options)).status, 200);
  assert.equal((await azure.calls(DEPLOYMENTS[0])).length, 1);
});

test("url: the caller's api-version does not count", async () => {
  const url = `${workers.main}${pathOf("versioned")}?api-version=2019-01-01&resource=other`;
  const headers = { "api-key": keyOf(TENANTS.acme) };
  assert.equal((await fetch(url, { method: "POST", headers, body: JSON.stringify(question()) })).status, 200);
  assert.deepEqual((await azure.calls("versioned")).map(({ query }) => query), [`api-version=${VERSION}`]);
});

test("url: what a gateway is asked, a token for it included", async () => {
  const before = standIn.seen.length;
  await ask("named", { worker: "standIn", headers: { traceparent: "00-1-2-01", "x-private": "1", cookie: "a=b" } });
  const { method, url, headers } = standIn.seen[before];
  const path = `/v1/${ACCOUNT}/${GATEWAY}/azure-openai/${RESOURCE.healthy}/named/chat/completions`;
  assert.deepEqual([method, url], ["POST", `${path}?api-version=${VERSION}`]);
  assert.equal(headers["cf-aig-authorization"], `Bearer ${GATEWAY_TOKEN}`);
  assert.equal(headers["api-key"], AZURE_KEY);
  assert.equal(headers.traceparent, "00-1-2-01");
  const others = ["authorization", "x-private", "cookie"].filter((name) => name in headers);
  assert.deepEqual(others, []);
});

test("url: the answer is byte for byte the provider's, but for its own id and time", async () => {
  const body = question();
  const response = await ask("named", { body });
  const direct = await fetch(`${azure.endpoint}${pathOf("named")}?api-version=${VERSION}`, {
    method: "POST",
    headers: { "api-key": AZURE_KEY, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  assert.equal(plain(await response.text()), plain(await direct.text()));
  for (const name of ["content-type", "x-ms-region", "x-ratelimit-limit-tokens"])
    assert.equal(response.headers.get(name), direct.headers.get(name), name);
});
