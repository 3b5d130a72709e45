// workerd, Cloudflare's runtime, with one upload under several configurations, each on a port of its own.
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { firstLine, start } from "./programs.mjs";

const CONTROL_DESCRIPTOR = 3;

/** Starts it; `bindingsByName` has what each Worker finds in its environment beside or instead of the upload's own. */
export async function startWorkerd({ build, folder, upload, bindingsByName }) {
  writeFileSync(join(folder, "worker.js"), upload.code);
  writeFileSync(join(folder, "workerd.capnp"), config(upload.metadata, bindingsByName));
  // The path of the program for this machine.
  const workerd = createRequire(join(build, "package.json"))("workerd").default;
  const command = [workerd, "serve", join(folder, "workerd.capnp"), `--control-fd=${CONTROL_DESCRIPTOR}`];
  const program = start(command, { log: join(folder, "workerd.log"), linesFrom: CONTROL_DESCRIPTOR });
  const urls = {};
  for (const _ of Object.keys(bindingsByName)) {
    const { socket, port } = await firstLine(program, (line) => JSON.parse(line));
    urls[socket] = `http://127.0.0.1:${port}`;
  }
  return { program, urls };
}

function config(metadata, bindingsByName) {
  const names = Object.keys(bindingsByName);
  const workers = names.map((name) => worker(name, metadata, bindingsByName[name]));
  const socket = (name) => `(name = ${quoted(name)}, address = "127.0.0.1:0", http = (), service = ${quoted(name)})`;
  // `internet` is where fetch() goes; here it ends at this machine.
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "internet", network = (allow = ["local"])),
    ${workers.join(",\n    ")}
  ],
  sockets = [
    ${names.map(socket).join(",\n    ")}
  ]
);
`;
}

function worker(name, { compatibility_date, compatibility_flags = [], bindings }, own) {
  const values = { ...uploaded(bindings), ...own };
  const bound = Object.entries(values).map(([key, value]) => binding(key, value));
  return `(name = ${quoted(name)}, worker = (
      modules = [(name = "index.js", esModule = embed "worker.js")],
      compatibilityDate = ${quoted(compatibility_date)},
      compatibilityFlags = [${compatibility_flags.map(quoted).join(", ")}],
      bindings = [${bound.join(", ")}]
    ))`;
}

/** The `vars` of wrangler.jsonc; its secrets have no value in an upload. */
function uploaded(bindings) {
  const vars = bindings.filter(({ type }) => type !== "inherit");
  return Object.fromEntries(vars.map(({ name, type, text, json }) => [name, type === "json" ? json : text]));
}

function binding(name, value) {
  const kind = typeof value === "string" ? `text = ${quoted(value)}` : `json = ${quoted(JSON.stringify(value))}`;
  return `(name = ${quoted(name)}, ${kind})`;
}

const quoted = (text) => JSON.stringify(text);
