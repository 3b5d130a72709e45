import type { Refusal } from "./refusal.ts";

/** What the gateway says of an answer, by the name it has in the log. */
const SAID = {
  provider: "cf-aig-provider",
  step: "cf-aig-step",
  attempts: "cf-aig-attempts",
  cache: "cf-aig-cache-status",
  logId: "cf-aig-log-id",
};

/** One line per answer: who, what and how it went. Nothing of prompt, answer or keys, and no name of a user. */
export function recordAnswer(tenant: string, deployment: string, answer: Response): void {
  const said = Object.entries(SAID).map(([name, header]) => [name, answer.headers.get(header) ?? undefined]);
  const line = { message: "answered", tenant, deployment, status: answer.status, ...Object.fromEntries(said) };
  console.log(JSON.stringify(line));
}

/** One line per request that was not passed on, or got no answer. */
export function recordRefusal({ status, code }: Refusal): void {
  console.log(JSON.stringify({ message: "refused", status, code }));
}
