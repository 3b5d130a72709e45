// The simulated Azure OpenAI. Every test asks for a deployment of its own, so it can tell its calls from all others.
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { firstLine, start } from "./programs.mjs";

const END_MS = 10_000;

export async function startAzure({ binaries, folder, name, key, region }) {
  const command = [join(binaries, "gatelog-testkit-azure"), "--api-key", key, "--region", region];
  const program = start(command, { log: join(folder, `${name}.log`) });
  const endpoint = await firstLine(program, (line) => line.trim());
  return new Azure(program, endpoint);
}

class Azure {
  constructor(program, endpoint) {
    this.program = program;
    this.endpoint = endpoint;
  }

  /** How the next requests for a deployment are met; all of them without `times`. */
  async behave(deployment, behave, times) {
    const rule = JSON.stringify({ deployment, behave, ...(times && { times }) });
    const answer = await fetch(`${this.endpoint}/_sim/behave`, { method: "POST", body: rule });
    if (!answer.ok) throw new Error(await answer.text());
  }

  /** What it was asked for a deployment, oldest first. */
  async calls(deployment) {
    const journal = await (await fetch(`${this.endpoint}/_sim/calls`)).json();
    return journal.calls.filter((call) => call.deployment === deployment);
  }

  /** Waits until the last call for a deployment has ended; how. */
  async lastEnd(deployment) {
    for (const deadline = Date.now() + END_MS; Date.now() < deadline; await pause(20)) {
      const last = (await this.calls(deployment)).at(-1);
      if (last && last.end !== "open") return last.end;
    }
    return "open";
  }
}
