// Comes last: the programs stop when they are asked to, the gateways with all of their audit log shipped.
import assert from "node:assert/strict";
import { test } from "node:test";
import { stopAll } from "./installation.mjs";

test("end: both gateways end with 0", async () => {
  assert.deepEqual(await stopAll(), [0, 0]);
});
