// How a client reports to the harness; outcome.py says what the lines mean.
import assert from "node:assert/strict";

const DETAIL_CHARS_MAX = 600;

let failed = 0;
export const counts = { hits: 0, refusals: 0, unreached: 0 };

/** Fails if `run` throws; the checks after it are run all the same. */
export async function check(title, run) {
  try {
    await run();
    console.log(`PASS ${title}`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL ${title}: ${`${error}`.replaceAll("\n", " ").slice(0, DETAIL_CHARS_MAX)}`);
  }
}

/** Tells the reader something that is neither. */
export function note(text) {
  console.log(`NOTE ${text}`);
}

/** The answer has this name in the log; the harness looks for it in the lake. */
export function logged(headers) {
  console.log(`LOGGED ${headers.get("cf-aig-log-id")}`);
}

/** The 429 is the gateway's own, and it counts as one refusal. */
export function refusedForLimit(headers) {
  counts.refusals += 1;
  assert.equal(headers.get("cf-aig-source"), "rate-limit");
  assert.ok(Number(headers.get("retry-after")) >= 1);
}

export function finish() {
  console.log(`COUNT ${JSON.stringify(counts)}`);
  process.exitCode = failed > 0 ? 1 : 0;
}
