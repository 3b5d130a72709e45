// A caller that hangs up takes the provider's work with it: nobody should pay for tokens that nobody reads.
//
// The connection is reset. One that is closed in the ordinary way looks to workerd like a caller who has only finished
// sending, until it next writes; so that way is tested where there is something to write.
import assert from "node:assert/strict";
import { once } from "node:events";
import { request } from "node:http";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { bearer, pathOf, question } from "./application.mjs";
import { azure, workers } from "./installation.mjs";
import { TENANTS } from "./place.mjs";

const FRAMES_BEFORE_STALL = 3;
const ARRIVAL_MS = 5_000;
/** Long enough for a call that is wrongly ended to end. */
const STILL_MS = 300;

/** A request on a connection of its own. */
function call(deployment, body) {
  const options = { method: "POST", headers: bearer(TENANTS.acme), agent: false };
  const asked = request(`${workers.main}${pathOf(deployment)}`, options);
  asked.on("error", () => {});
  asked.end(JSON.stringify(body));
  return asked;
}

/** Reads until `count` frames are there. */
async function frames(asked, count) {
  const [response] = await once(asked, "response", { signal: AbortSignal.timeout(ARRIVAL_MS) });
  let text = "";
  response.on("error", () => {});
  response.on("data", (chunk) => (text += chunk));
  for (const deadline = Date.now() + ARRIVAL_MS; Date.now() < deadline; await pause(10))
    if (text.split("\n\n").length > count) return;
  throw new Error(`only ${text.length} bytes of the stream arrived`);
}

async function untilAsked(deployment) {
  for (const deadline = Date.now() + ARRIVAL_MS; Date.now() < deadline; await pause(10))
    if ((await azure.calls(deployment)).length > 0) return;
  throw new Error("the provider was not asked");
}

const ends = async (deployment) => (await azure.calls(deployment)).map(({ end }) => end);

test("hang-up: before the first byte, it reaches the provider", async () => {
  await azure.behave("silent", "hang");
  const asked = call("silent", question());
  await untilAsked("silent");
  await pause(STILL_MS);
  assert.deepEqual(await ends("silent"), ["open"]);
  asked.socket.resetAndDestroy();
  assert.equal(await azure.lastEnd("silent"), "cancelled");
  assert.equal((await azure.calls("silent")).length, 1, "nobody tries again for a caller who is gone");
});

test("hang-up: in a stream that has stopped, it reaches the provider; what was made had arrived", async () => {
  await azure.behave("stalled", `stall-after-frames=${FRAMES_BEFORE_STALL}`);
  const asked = call("stalled", question({ stream: true }));
  await frames(asked, FRAMES_BEFORE_STALL);
  await pause(STILL_MS);
  assert.deepEqual(await ends("stalled"), ["open"]);
  asked.socket.resetAndDestroy();
  assert.equal(await azure.lastEnd("stalled"), "cancelled");
});

test("hang-up: in a stream that runs, an ordinary close is enough", async () => {
  await azure.behave("running", "frames=2000;frame-ms=20");
  const asked = call("running", question({ stream: true }));
  await frames(asked, FRAMES_BEFORE_STALL);
  asked.destroy();
  assert.equal(await azure.lastEnd("running"), "cancelled");
});
