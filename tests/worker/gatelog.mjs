// `gatelog gateway` and the bucket that its audit log goes to.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { firstLine, run, start } from "./programs.mjs";
import { ACCOUNT, GATEWAY, RESOURCE, TENANTS } from "./place.mjs";

const LISTENING = "answering requests";
/** A window that does not end while this runs. */
const LONG_SECONDS = 366 * 86_400;
const BUCKET = "logs";

export async function startS3({ binaries, folder }) {
  const command = [join(binaries, "gatelog-testkit-s3"), join(folder, "s3"), "0", BUCKET];
  const program = start(command, { log: join(folder, "s3.log") });
  const said = {};
  while (Object.keys(said).length < 4) {
    const [name, value] = await firstLine(program, (line) => line.split(" "));
    said[name] = value;
  }
  return { program, said };
}

export async function writeConfig({ binaries, folder, s3, azure, eu, euKey }) {
  const gatelog = join(binaries, "gatelog");
  const publicKey = join(folder, "public.pem");
  const keygen = [gatelog, "keygen", "--bits", "2048", "--private", join(folder, "private.pem")];
  writeFileSync(publicKey, await run(keygen, join(folder, "keygen.log")));
  const path = join(folder, "gatelog.toml");
  const place = { name: BUCKET, region: s3.region, endpoint: s3.endpoint };
  writeFileSync(path, [
    `account_id = "${ACCOUNT}"`,
    section("source.bucket", { ...place, access_key_id: s3.access_key, secret_access_key: s3.secret_key }),
    section("status", { listen: "127.0.0.1:0" }),
    section("log", { filter: "info", format: "json" }),
    section("gateway", { listen: "127.0.0.1:0", gateways: [GATEWAY] }),
    section("gateway.audit", { public_key_file: publicKey }),
    target("azure-openai-sa", { resource: RESOURCE.healthy, base_url: azure.endpoint }),
    target("azure-openai-busy", { resource: RESOURCE.busy, base_url: azure.endpoint }),
    target("azure-openai-flaky", { resource: RESOURCE.flaky, base_url: azure.endpoint }),
    target("azure-openai-eu", { resource: "aoai-eu", base_url: eu.endpoint, api_key: euKey }),
    section("[gateway.fallbacks]", { from: RESOURCE.flaky, to: ["azure-openai-eu"] }),
    budget({ id: "tokens", tenant: TENANTS.spender, unit: "tokens", amount: "1000" }),
    budget({ id: "requests", tenant: TENANTS.hasty, unit: "requests", amount: "1" }),
  ].join("\n"));
  return path;
}

/** Starts one with its own spool and, by the environment, other `gateway` leaves than the file's. */
export async function startGateway({ binaries, folder, config, name, leaves = {} }) {
  const own = { AUDIT__SPOOL_FOLDER: join(folder, `${name}-spool`), ...leaves };
  const named = Object.entries(own).map(([leaf, value]) => [`GATELOG__GATEWAY__${leaf}`, value]);
  const environment = Object.fromEntries(named);
  const command = [join(binaries, "gatelog"), "--config", config, "gateway"];
  // It logs to standard error.
  const program = start(command, { log: join(folder, `${name}.log`), environment, linesFrom: 2 });
  const address = await firstLine(program, (line) => {
    const said = line.startsWith("{") ? JSON.parse(line) : {};
    return said.message === LISTENING ? said.address : undefined;
  });
  return { program, base: `http://${address}` };
}

const target = (name, more) => section("[gateway.targets]", { name, provider: "azure-openai", ...more });
const budget = (entry) => section("[budgets.list]", { per: "fixed", seconds: LONG_SECONDS, ...entry });

/** A TOML table; strings, numbers and lists of strings are spelt as in JSON. */
function section(name, values) {
  const lines = Object.entries(values).map(([key, value]) => `${key} = ${JSON.stringify(value)}`);
  return [`[${name}]`, ...lines, ""].join("\n");
}
