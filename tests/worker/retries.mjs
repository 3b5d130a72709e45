// Concept 3: the gateway tries again, then elsewhere; the application sees who answered after how many tries.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ask } from "./application.mjs";
import { azure, eu, standIn } from "./installation.mjs";

const said = (response, names) => names.map((name) => response.headers.get(name));

test("retries: the provider fails twice, the third try answers", async () => {
  await azure.behave("twice-broken", "503;bare", 2);
  const response = await ask("twice-broken");
  assert.equal(response.status, 200);
  assert.deepEqual(said(response, ["cf-aig-attempts", "cf-aig-provider"]), ["3", "azure-openai-sa"]);
  assert.deepEqual((await azure.calls("twice-broken")).map(({ status }) => status), [503, 503, 200]);
});

test("retries: the headers are three tries from half a second, exponential", async () => {
  const before = standIn.seen.length;
  await ask("named", { worker: "standIn" });
  const { headers } = standIn.seen[before];
  const values = ["max-attempts", "retry-delay", "backoff"].map((name) => headers[`cf-aig-${name}`]);
  assert.deepEqual(values, ["3", "500", "exponential"]);
});

test("fallback: after three tries the other region answers, and the application sees which", async () => {
  await azure.behave("always-broken", "503;bare");
  const response = await ask("always-broken", { worker: "flaky" });
  assert.equal(response.status, 200);
  const names = ["cf-aig-provider", "cf-aig-step", "x-ms-region"];
  assert.deepEqual(said(response, names), ["azure-openai-eu", "1", "Sweden Central"]);
  assert.equal((await azure.calls("always-broken")).length, 3);
  assert.equal((await eu.calls("always-broken")).length, 1);
});
