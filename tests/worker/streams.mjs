// Streams pass while they are made.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ask, pathOf, plain, question } from "./application.mjs";
import { azure, standIn } from "./installation.mjs";
import { AZURE_KEY, VERSION } from "./place.mjs";

const ARRIVAL_MS = 5_000;

test("streams: every piece arrives before the next is made, and no byte differs", async () => {
  // Cut inside a line, inside a character and inside its line end, with bytes that are no UTF-8.
  const texts = ['data: {"a":1}\r', "\n\r\ndata: \xc3", "\xa9\n\n: \x00\xff", "\n\ndata: [DONE]\n\n"];
  const pieces = texts.map((text) => Buffer.from(text, "latin1"));
  let arrived;
  standIn.next(async (response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    for (const piece of pieces) {
      const read = new Promise((resolve) => (arrived = resolve));
      response.write(piece);
      // If the Worker waited for more, this would never come.
      await read;
    }
    response.end();
  });
  const signal = AbortSignal.timeout(ARRIVAL_MS);
  const response = await ask("named", { worker: "standIn", body: question({ stream: true }), signal });
  assert.equal(response.headers.get("content-type"), "text/event-stream");
  const got = [];
  for await (const chunk of response.body) {
    got.push(Buffer.from(chunk));
    arrived();
  }
  assert.deepEqual(got, pieces);
});

test("streams: through the gateway, the bytes are the provider's but for its own id and time", async () => {
  await azure.behave("streamed", "frames=20;write-bytes=7");
  const body = question({ stream: true, stream_options: { include_usage: true } });
  const passed = await (await ask("streamed", { body })).text();
  const direct = await fetch(`${azure.endpoint}${pathOf("streamed")}?api-version=${VERSION}`, {
    method: "POST",
    headers: { "api-key": AZURE_KEY, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  assert.ok(passed.endsWith("data: [DONE]\n\n"));
  assert.equal(plain(passed), plain(await direct.text()));
});

test("streams: one that breaks is seen to break", async () => {
  standIn.next((response) => {
    response.writeHead(200, { "content-type": "text/event-stream", "content-length": "100" });
    response.write("data: 1\n\n", () => response.destroy());
  });
  const response = await ask("named", { worker: "standIn", body: question({ stream: true }) });
  await assert.rejects(response.text());
});
