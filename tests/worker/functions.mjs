// The pure functions by themselves, where a table says more than a request.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { readAtMost } from "../../deploy/worker/src/bounded.ts";
import { cacheKey } from "../../deploy/worker/src/cache.ts";
import { gatewayUrl } from "../../deploy/worker/src/gateway_url.ts";
import { upload } from "./installation.mjs";

const ENV_SOURCE = new URL("../../deploy/worker/src/env.ts", import.meta.url);
const bytes = (text) => new TextEncoder().encode(text);

test("functions: no part of a cache key can stand in for another", async () => {
  const asked = [
    ["a", "https://g/x?v=1", "body"],
    ["b", "https://g/x?v=1", "body"],
    ["a", "https://g/y?v=1", "body"],
    ["a", "https://g/x?v=2", "body"],
    ["a", "https://g/x?v=1", "bodY"],
    ["a", "https://g/x?v=1", ""],
    ["a", "https://g/x", "?v=1\nbody"],
  ];
  const keys = await Promise.all(asked.map(([tenant, url, body]) => cacheKey(tenant, new URL(url), bytes(body))));
  assert.equal(new Set(keys).size, asked.length);
  // The same prompt through another host of the same gateway is the same prompt.
  assert.equal(await cacheKey("a", new URL("https://other/x?v=1"), bytes("body")), keys[0]);
});

test("functions: names are escaped in the gateway's URL", () => {
  const gateway = { GATEWAY_BASE_URL: "https://g.example/", GATEWAY_ACCOUNT: "a/b", GATEWAY_ID: "g" };
  const env = { ...gateway, AZURE_RESOURCE: "r?", AZURE_API_VERSION: "1&2" };
  const url = gatewayUrl(env, "d#1").href;
  assert.equal(url, "https://g.example/v1/a%2Fb/g/azure-openai/r%3F/d%231/chat/completions?api-version=1%262");
});

test("functions: a stream is read up to its limit and no further", async () => {
  let pulled = 0;
  const pull = (to) => to.enqueue(new Uint8Array(10).fill((pulled += 1)));
  const endless = () => new ReadableStream({ pull }, { highWaterMark: 0 });
  assert.equal(await readAtMost(endless(), 35), null);
  assert.equal(pulled, 4);
  const whole = await readAtMost(new Blob(["abc", "def"]).stream(), 6);
  assert.equal(new TextDecoder().decode(whole), "abcdef");
  assert.equal((await readAtMost(null, 0)).length, 0);
});

test("upload: no secret, and no line of Cloudflare's own per request", () => {
  const { bindings, observability } = upload.metadata;
  assert.deepEqual(observability, { enabled: true, logs: { invocation_logs: false } });
  const inherited = bindings.filter(({ type }) => type === "inherit").map(({ name }) => name);
  assert.deepEqual(inherited, ["AZURE_OPENAI_API_KEY", "TENANT_KEYS"]);
  assert.deepEqual(bindings.filter(({ type }) => type.includes("secret")), []);
});

test("upload: what the code reads of its environment is what wrangler.jsonc has, and one secret more", () => {
  const names = readFileSync(ENV_SOURCE, "utf8").matchAll(/readonly (\w+)\??:/g);
  const read = Array.from(names, ([, name]) => name);
  const configured = [...upload.metadata.bindings.map(({ name }) => name), "GATEWAY_TOKEN"];
  assert.deepEqual(read.sort(), configured.sort());
});
