// An application that calls the Worker.
import { workers } from "./installation.mjs";
import { NEEDLE, TENANTS, keyOf } from "./place.mjs";

let questions = 0;
/** A question that nobody asked before, so that no cache can know it. */
export function question(more = {}) {
  questions += 1;
  return { messages: [{ role: "user", content: `${NEEDLE} ${questions}` }], ...more };
}

export const pathOf = (deployment) => `/openai/deployments/${deployment}/chat/completions`;
export const bearer = (tenant) => ({ authorization: `Bearer ${keyOf(tenant)}` });
export const REPEATABLE = { "x-repeatable": "true" };

/** Asks a deployment through a Worker, as the tenant `acme` unless told otherwise. */
export function ask(deployment, options = {}) {
  const { worker = "main", tenant = TENANTS.acme, headers = {}, body = question(), ...more } = options;
  const sent = { "content-type": "application/json", ...bearer(tenant), ...headers };
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return fetch(`${workers[worker]}${pathOf(deployment)}`, { method: "POST", headers: sent, body: text, ...more });
}

/** Text of an answer without the provider's own id and time of it. */
export const plain = (text) => text.replace(/"id":"[^"]*"|"created":\d+/g, "");

/** What the application is told, for comparing. */
export async function refusal(response) {
  const { error } = await response.json();
  return [response.status, error.code];
}
