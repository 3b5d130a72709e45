// Stands in for a gateway: shows what the Worker sent, and answers what Cloudflare's would and ours would not.
import { createServer } from "node:http";

const BODY_BYTES_MAX = 1024 * 1024;

export async function startStandIn() {
  const standIn = new StandIn();
  const server = createServer((request, response) => standIn.meet(request, response));
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  standIn.base = `http://127.0.0.1:${server.address().port}`;
  standIn.stop = () => {
    server.close();
    server.closeAllConnections();
  };
  return standIn;
}

class StandIn {
  seen = [];
  answers = [];

  /** The next request is answered by `answer(response, request)`. */
  next(answer) {
    this.answers.push(answer);
  }

  /** Cloudflare's cache, as documented and measured: of a request, the caller's key is all it looks at. */
  keeper() {
    const kept = new Map();
    return (response, request) => {
      const key = request.headers["cf-aig-cache-key"];
      const status = kept.has(key) ? "HIT" : "MISS";
      if (status === "MISS") kept.set(key, `answer ${kept.size}`);
      response.writeHead(200, { "cf-aig-cache-status": status }).end(kept.get(key));
    };
  }

  async meet(request, response) {
    const chunks = [];
    let length = 0;
    for await (const chunk of request) if ((length += chunk.length) <= BODY_BYTES_MAX) chunks.push(chunk);
    const { method, url, headers } = request;
    this.seen.push({ method, url, headers, body: Buffer.concat(chunks).toString() });
    const answer = this.answers.shift() ?? ((to) => to.writeHead(200, { "content-type": "application/json" }).end("{}"));
    await answer(response, request);
  }
}
