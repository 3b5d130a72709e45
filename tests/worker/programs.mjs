// Programs beside the tests, each stopped by its own process id.
import { spawn } from "node:child_process";
import { createWriteStream, readFileSync } from "node:fs";
import { createInterface } from "node:readline";

const START_MS = 30_000;
const STOP_MS = 20_000;
const running = new Set();

// Whatever ends the tests, nothing stays behind.
process.on("exit", () => running.forEach((child) => child.kill("SIGKILL")));
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));

/** Starts a program. What it says goes to `log`; one of its descriptors is also read line by line. */
export function start(command, { log, environment = {}, linesFrom = 1 }) {
  const stdio = ["ignore", "pipe", "pipe", ...(linesFrom > 2 ? ["pipe"] : [])];
  const child = spawn(command[0], command.slice(1), { stdio, env: { ...process.env, ...environment } });
  running.add(child);
  const ended = new Promise((resolve) => child.once("exit", (code) => resolve(code)));
  ended.then(() => running.delete(child));
  const sink = createWriteStream(log);
  for (const stream of [child.stdout, child.stderr]) stream.pipe(sink, { end: false });
  const lines = createInterface({ input: child.stdio[linesFrom] })[Symbol.asyncIterator]();
  return { child, ended, lines, log };
}

/** The first line of which `find` makes something. The program must not end before. */
export async function firstLine(program, find) {
  const timer = setTimeout(() => program.child.kill("SIGKILL"), START_MS);
  for (;;) {
    const { value, done } = await program.lines.next();
    if (done) throw new Error(`a program did not start\n${readFileSync(program.log, "utf8")}`);
    const found = find(value);
    if (found === undefined) continue;
    clearTimeout(timer);
    return found;
  }
}

/** SIGTERM; the exit code. */
export async function stop({ child, ended }) {
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
  const code = await ended;
  clearTimeout(timer);
  return code;
}

/** Runs a program to its end; what it printed. */
export async function run(command, log) {
  const program = start(command, { log });
  const printed = [];
  for await (const line of program.lines) printed.push(line);
  if ((await program.ended) !== 0) throw new Error(readFileSync(log, "utf8"));
  return `${printed.join("\n")}\n`;
}
