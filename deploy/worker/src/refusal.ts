/** An answer of the Worker itself, thrown by whoever finds the reason and answered in one place. */
export class Refusal extends Error {
  readonly status: number;
  /** For programs; `message` is for people. */
  readonly code: string;
  readonly headers: Headers;

  constructor(status: number, code: string, message: string, headers: HeadersInit = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.headers = new Headers(headers);
  }

  /** In the shape of OpenAI's errors, so that its client libraries show code and message. */
  answer(): Response {
    const error = { message: this.message, type: "gateway_error", code: this.code, param: null };
    return Response.json({ error }, { status: this.status, headers: this.headers });
  }
}

/** A setting that is missing or broken. Says which one, never what it holds. */
export class Misconfigured extends Error {}
