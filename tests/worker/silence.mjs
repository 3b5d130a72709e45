// What the Worker wrote about everything before.
import assert from "node:assert/strict";
import { test } from "node:test";
import { workerLog } from "./installation.mjs";
import { AZURE_KEY, GATEWAY_TOKEN, NEEDLE, TENANTS, keyOf } from "./place.mjs";

const lines = () => workerLog().split("\n").filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));

test("log: one line per answer, with tenant, status, provider, tries and cache", () => {
  const found = lines().find(({ deployment }) => deployment === "twice-broken");
  const { logId, ...rest } = found;
  assert.match(logId, /^[0-9a-f-]{36}$/);
  const who = { message: "answered", tenant: "acme", deployment: "twice-broken" };
  const how = { status: 200, provider: "azure-openai-sa", step: "0", attempts: "3", cache: "BYPASS" };
  assert.deepEqual(rest, { ...who, ...how });
});

test("log: one line per refusal", () => {
  const found = lines().filter(({ message, code }) => message === "refused" && code === "gateway_unreachable");
  assert.deepEqual(found[0], { message: "refused", status: 502, code: "gateway_unreachable" });
});

test("log: the runtime itself has nothing to say, such as of a flag that it does not know", () => {
  const others = workerLog().split("\n").filter((line) => line !== "" && !line.startsWith("{"));
  assert.deepEqual(others, []);
});

test("log: a bad setting is named", () => {
  const messages = lines().map(({ message }) => message);
  assert.ok(messages.includes("AZURE_OPENAI_API_KEY is not set"));
  assert.ok(messages.includes("TENANT_KEYS must be a JSON object"));
});

test("log: no prompt, no key, no user", () => {
  const settings = [AZURE_KEY, GATEWAY_TOKEN, "a-key-and-no-hash", "{broken"];
  const secrets = [...settings, NEEDLE, keyOf(TENANTS.acme), "alice@example.com"];
  assert.deepEqual(secrets.filter((secret) => workerLog().includes(secret)), []);
});
