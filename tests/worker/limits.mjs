// Concept 4, first half: whose 429 it is.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ask, question, refusal } from "./application.mjs";
import { azure, standIn } from "./installation.mjs";
import { TENANTS } from "./place.mjs";

const json = { "content-type": "application/json" };
/** Cloudflare's own refusal, as captured: no header says whose it is, and there is no `retry-after`. */
const cloudflares = (code) => (response) => {
  const error = { success: false, result: [], messages: [], error: [{ code, message: "x" }] };
  const text = JSON.stringify({ ...error, name: "AiGatewayError", httpCode: 429, internalCode: code });
  response.writeHead(429, { ...json, "cf-aig-log-id": "log-1" }).end(text);
};

/** Uses up the spender's thousand tokens; harmless if they are gone. */
async function spend() {
  await azure.behave("spent", "usage=500/500", 1);
  return ask("spent", { tenant: TENANTS.spender, body: question({ max_completion_tokens: 500 }) });
}

test("limits: a spent budget is answered before the provider is called, and says so", async () => {
  assert.equal((await spend()).status, 200);
  const response = await ask("spent", { tenant: TENANTS.spender });
  assert.equal(response.headers.get("x-limited-by"), "budget");
  assert.equal(response.headers.get("x-should-retry"), "false");
  assert.equal(response.headers.get("cf-aig-source"), "rate-limit");
  assert.ok(Number(response.headers.get("retry-after")) > 3600, "the end of the window");
  assert.match(response.headers.get("cf-aig-log-id"), /^[0-9a-f-]{36}$/);
  assert.deepEqual(await refusal(response), [429, "budget_spent"]);
  assert.equal((await azure.calls("spent")).length, 1);
});

test("limits: the budget of one tenant does not stop another", async () => {
  assert.equal((await ask("spent", { tenant: TENANTS.rival })).status, 200);
});

test("limits: too many requests is another answer", async () => {
  assert.equal((await ask("hasty", { tenant: TENANTS.hasty })).status, 200);
  const response = await ask("hasty", { tenant: TENANTS.hasty });
  assert.equal(response.headers.get("x-limited-by"), "rate");
  assert.equal(response.headers.get("x-should-retry"), null);
  assert.ok(Number(response.headers.get("retry-after")) >= 1);
  assert.deepEqual(await refusal(response), [429, "too_many_requests"]);
  assert.equal((await azure.calls("hasty")).length, 1);
});

test("limits: the provider's own 429 goes on as it came, after three tries", async () => {
  await azure.behave("busy", "429;retry-after-ms=50");
  const response = await ask("busy", { worker: "busy" });
  assert.equal(response.status, 429);
  assert.equal(response.headers.get("x-limited-by"), "provider");
  assert.equal(response.headers.get("retry-after-ms"), "50");
  assert.equal(response.headers.get("cf-aig-attempts"), "3");
  assert.equal(response.headers.get("x-should-retry"), null);
  const { error } = await response.json();
  assert.match(error.message, /have exceeded token rate limit|exceeded/);
  assert.ok(!["budget_spent", "too_many_requests"].includes(error.code));
  assert.equal((await azure.calls("busy")).length, 3);
});

for (const [code, limitedBy, expected] of [
  [2003, "rate", "too_many_requests"],
  [2041, "budget", "budget_spent"],
  [2045, "budget", "budget_spent"],
]) {
  test(`limits: Cloudflare's error ${code} is known by its body`, async () => {
    standIn.next(cloudflares(code));
    const response = await ask("named", { worker: "standIn" });
    assert.equal(response.headers.get("x-limited-by"), limitedBy);
    assert.equal(response.headers.get("cf-aig-log-id"), "log-1");
    assert.equal(response.headers.get("retry-after"), null);
    assert.deepEqual(await refusal(response), [429, expected]);
  });
}

test("limits: a 429 whose body is large or no JSON is the provider's, byte for byte", async () => {
  for (const body of ["x".repeat(200_000), "<html>busy</html>", "", "null", JSON.stringify({ name: "Other" })]) {
    standIn.next((response) => response.writeHead(429, { "retry-after": "7" }).end(body));
    const response = await ask("named", { worker: "standIn" });
    const said = ["x-limited-by", "retry-after"].map((name) => response.headers.get(name));
    assert.deepEqual([response.status, ...said], [429, "provider", "7"]);
    assert.equal(await response.text(), body);
  }
});
