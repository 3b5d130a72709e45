// What the Worker says when it does not ask, or gets no answer.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ask, bearer, pathOf, question, refusal } from "./application.mjs";
import { azure, standIn, workers } from "./installation.mjs";
import { TENANTS, hashOf, keyOf } from "./place.mjs";

const BYTES_MAX = 512 * 1024;

for (const [title, headers] of Object.entries({
  "no key": {},
  "an unknown key": { authorization: "Bearer nobody" },
  "the hash of a key": { authorization: `Bearer ${hashOf(keyOf(TENANTS.acme))}` },
  "the name of a tenant": { "api-key": TENANTS.acme },
  "a key in another scheme": { authorization: `Basic ${keyOf(TENANTS.acme)}` },
})) {
  test(`refusals: ${title} is a 401`, async () => {
    const before = standIn.seen.length;
    const url = `${workers.standIn}${pathOf("named")}`;
    const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(question()) });
    assert.equal(response.headers.get("www-authenticate"), "Bearer");
    assert.deepEqual(await refusal(response), [401, "unknown_key"]);
    assert.equal(standIn.seen.length, before);
  });
}

for (const [path, expected] of [
  [pathOf("not-allowed"), [404, "not_found"]],
  [pathOf("%2e%2e"), [404, "not_found"]],
  [`${pathOf("named")}/`, [404, "not_found"]],
  ["/v1/embeddings", [404, "not_found"]],
  ["/", [404, "not_found"]],
]) {
  test(`refusals: ${path} is not there`, async () => {
    const options = { method: "POST", headers: bearer(TENANTS.acme), body: "{}" };
    assert.deepEqual(await refusal(await fetch(`${workers.main}${path}`, options)), expected);
  });
}

test("refusals: GET is a 405", async () => {
  const response = await fetch(`${workers.main}${pathOf("named")}`, { headers: bearer(TENANTS.acme) });
  assert.equal(response.headers.get("allow"), "POST");
  assert.deepEqual(await refusal(response), [405, "method_not_allowed"]);
});

test("refusals: a body of one byte too many is a 413, with or without its length", async () => {
  const text = "x".repeat(BYTES_MAX + 1);
  assert.deepEqual(await refusal(await ask("large", { body: text })), [413, "prompt_too_large"]);
  const options = { method: "POST", headers: bearer(TENANTS.acme), body: new Blob([text]).stream(), duplex: "half" };
  assert.deepEqual(await refusal(await fetch(`${workers.main}${pathOf("large")}`, options)), [413, "prompt_too_large"]);
  assert.equal((await azure.calls("large")).length, 0);
});

test("refusals: a body of the largest size gets through whole", async () => {
  const before = standIn.seen.length;
  const body = "x".repeat(BYTES_MAX);
  assert.equal((await ask("large", { worker: "standIn", body })).status, 200);
  assert.equal(standIn.seen[before].body, body);
});

test("refusals: no gateway is a 502", async () => {
  assert.deepEqual(await refusal(await ask("named", { worker: "gone" })), [502, "gateway_unreachable"]);
});

for (const [status, expected] of [
  [302, [502, "gateway_unreachable"]],
  [521, [502, "gateway_unreachable"]],
  [522, [504, "gateway_timeout"]],
  [401, [502, "upstream_credentials"]],
]) {
  test(`refusals: ${status} from where the gateway should be is a ${expected[0]}`, async () => {
    const before = standIn.seen.length;
    standIn.next((response) => response.writeHead(status, { location: `${standIn.base}/elsewhere` }).end("<html>"));
    assert.deepEqual(await refusal(await ask("named", { worker: "standIn" })), expected);
    assert.equal(standIn.seen.length, before + 1, "a redirect is not followed");
  });
}

test("refusals: a gateway that is silent for too long is a 504, and its connection is closed", async () => {
  let closed;
  const gone = new Promise((resolve) => (closed = resolve));
  standIn.next((response) => response.once("close", closed));
  assert.deepEqual(await refusal(await ask("named", { worker: "impatient" })), [504, "gateway_timeout"]);
  await gone;
});

test("refusals: the time-out is for the first byte; a slow stream is not cut", async () => {
  standIn.next((response) => {
    response.writeHead(200, { "content-type": "text/event-stream" }).write("data: 1\n\n");
    setTimeout(() => response.end("data: 2\n\n"), 900);
  });
  assert.equal(await (await ask("named", { worker: "impatient" })).text(), "data: 1\n\ndata: 2\n\n");
});

test("refusals: the provider does not know the Worker's key", async () => {
  assert.deepEqual(await refusal(await ask("named", { worker: "wrongKey" })), [502, "upstream_credentials"]);
});

test("refusals: the provider's 400 goes on as it came", async () => {
  const response = await ask("named", { body: "no json" });
  assert.equal(response.status, 400);
  assert.notEqual((await response.json()).error.type, "gateway_error");
});

for (const worker of ["noKey", "noTenants", "nullTenants", "plainTenants"]) {
  test(`refusals: a Worker that is set up badly (${worker}) lets nobody in`, async () => {
    assert.deepEqual(await refusal(await ask("named", { worker })), [500, "internal_error"]);
  });
}
