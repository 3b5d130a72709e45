// Concept 4, second half: whose request it is.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ask, question, refusal } from "./application.mjs";
import { azure, standIn } from "./installation.mjs";
import { TENANTS } from "./place.mjs";

/** Headers that the gateway got for a request with these. */
async function sentFor(headers, options = {}) {
  const before = standIn.seen.length;
  await ask("named", { worker: "standIn", headers, ...options });
  return standIn.seen[before].headers;
}

test("metadata: the tenant of the key, and what was told of user and prompt; nothing is null", async () => {
  const all = await sentFor({ "x-user-id": "alice@example.com", "x-prompt-version": "v7" });
  assert.equal(all["cf-aig-metadata"], '{"tenantId":"acme","userId":"alice@example.com","promptVersion":"v7"}');
  const alone = await sentFor({}, { tenant: TENANTS.rival });
  assert.equal(alone["cf-aig-metadata"], '{"tenantId":"rival"}');
});

test("metadata: no control header of the caller gets through", async () => {
  const forged = {
    "cf-aig-metadata": '{"tenantId":"rival"}',
    "cf-aig-collect-log": "false",
    "cf-aig-collect-log-payload": "false",
    "cf-aig-custom-cost": '{"total_cost":0}',
    "cf-aig-cache-key": "shared",
    "cf-aig-max-attempts": "5",
    "cf-aig-authorization": "Bearer stolen",
    "cf-skip-cache": "true",
  };
  const [clean, sent] = [await sentFor({}), await sentFor(forged)];
  const controls = (headers) => Object.entries(headers).filter(([name]) => name.startsWith("cf-"));
  assert.deepEqual(controls(sent), controls(clean));
});

test("metadata: a tenant with a spent budget cannot spend another's", async () => {
  // Once or more: whatever is left of it.
  await azure.behave("forged", "usage=500/500", 1);
  await ask("forged", { tenant: TENANTS.spender, body: question({ max_completion_tokens: 500 }) });
  const called = (await azure.calls("forged")).length;
  const headers = { "cf-aig-metadata": `{"tenantId":"${TENANTS.acme}"}`, "x-tenant-id": TENANTS.acme };
  assert.deepEqual(await refusal(await ask("forged", { tenant: TENANTS.spender, headers })), [429, "budget_spent"]);
  assert.equal((await azure.calls("forged")).length, called);
});

for (const [title, headers] of [
  ["a user with a space", { "x-user-id": "a b" }],
  ["an empty version", { "x-prompt-version": "" }],
  ["a user of 129 characters", { "x-user-id": "u".repeat(129) }],
  ["a user that is sent twice", [["x-user-id", "a"], ["x-user-id", "b"]]],
]) {
  test(`metadata: ${title} is refused`, async () => {
    const sent = new Headers(headers);
    const before = standIn.seen.length;
    const response = await ask("named", { worker: "standIn", headers: Object.fromEntries(sent) });
    assert.deepEqual(await refusal(response), [400, "bad_header"]);
    assert.equal(standIn.seen.length, before);
  });
}
