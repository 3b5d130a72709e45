// One line per test, why it failed if it did, and the sum.
const DETAIL_CHARS_MAX = 900;

export default async function* report(events) {
  let [passed, failed] = [0, 0];
  for await (const { type, data } of events) {
    if (type === "test:pass") {
      passed += 1;
      yield `PASS ${data.name}\n`;
    } else if (type === "test:fail") {
      failed += 1;
      yield `FAIL ${data.name}: ${`${data.details.error.cause ?? data.details.error}`.slice(0, DETAIL_CHARS_MAX)}\n`;
    } else if (type === "test:stderr" || type === "test:stdout") {
      yield data.message;
    }
  }
  // Node counts tests only, not what fails around them.
  if (failed > 0) process.exitCode = 1;
  yield `${passed} passed, ${failed} failed\n`;
}
