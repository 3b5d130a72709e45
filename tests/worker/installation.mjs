// Everything that the tests need, up once, down at the end: bucket, providers, gateways, Workers.
import { mkdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { startAzure } from "./azure.mjs";
import { startGateway, startS3, writeConfig } from "./gatelog.mjs";
import { ACCOUNT, AZURE_KEY, DEPLOYMENTS, GATEWAY, GATEWAY_TOKEN, RESOURCE, TENANT_KEYS, VERSION } from "./place.mjs";
import { stop } from "./programs.mjs";
import { startStandIn } from "./stand_in.mjs";
import { readUpload } from "./upload.mjs";
import { startWorkerd } from "./workerd.mjs";

const { WORKER_BINARIES: binaries, WORKER_BUILD: build } = process.env;
const EU_KEY = "eu-key";
const SHORT_MS = 300;
// Goes when the build goes.
const folder = join(build, "installation");
mkdirSync(folder);

export const upload = await readUpload(join(build, "upload.form"));
const s3 = await startS3({ binaries, folder });
export const azure = await startAzure({ binaries, folder, name: "azure", key: AZURE_KEY, region: "South Africa North" });
export const eu = await startAzure({ binaries, folder, name: "eu", key: EU_KEY, region: "Sweden Central" });
const config = await writeConfig({ binaries, folder, s3: s3.said, azure, eu, euKey: EU_KEY });
const gateway = await startGateway({ binaries, folder, config, name: "gateway" });
// As Cloudflare's: the caller's cache key is all of the key.
const literal = await startGateway({ binaries, folder, config, name: "literal", leaves: { CACHE__KEY_MODE: "literal" } });
export const standIn = await startStandIn();
const workerd = await startWorkerd({ build, folder, upload, bindingsByName: bindings(await nobody()) });
/** The Workers by name. */
export const workers = workerd.urls;

/** What the Worker has written so far. */
export const workerLog = () => readFileSync(workerd.program.log, "utf8");

/** Stops everything; the exit codes of the gateways. */
export async function stopAll() {
  standIn.stop();
  await stop(workerd.program);
  const codes = await Promise.all([gateway, literal].map(({ program }) => stop(program)));
  for (const { program } of [s3, azure, eu]) await stop(program);
  return codes;
}

/** One Worker per gateway and resource, and some that are set up badly. */
function bindings(gone) {
  const common = {
    AZURE_OPENAI_API_KEY: AZURE_KEY,
    TENANT_KEYS,
    GATEWAY_BASE_URL: gateway.base,
    GATEWAY_ACCOUNT: ACCOUNT,
    GATEWAY_ID: GATEWAY,
    AZURE_RESOURCE: RESOURCE.healthy,
    AZURE_DEPLOYMENTS: DEPLOYMENTS,
    AZURE_API_VERSION: VERSION,
  };
  return {
    main: common,
    busy: { ...common, AZURE_RESOURCE: RESOURCE.busy },
    flaky: { ...common, AZURE_RESOURCE: RESOURCE.flaky },
    literal: { ...common, GATEWAY_BASE_URL: literal.base },
    standIn: { ...common, GATEWAY_BASE_URL: `${standIn.base}/`, GATEWAY_TOKEN },
    impatient: { ...common, GATEWAY_BASE_URL: standIn.base, FIRST_BYTE_TIMEOUT_MS: SHORT_MS },
    gone: { ...common, GATEWAY_BASE_URL: gone },
    wrongKey: { ...common, AZURE_OPENAI_API_KEY: "revoked" },
    noKey: { ...common, AZURE_OPENAI_API_KEY: "" },
    noTenants: { ...common, TENANT_KEYS: "{broken" },
    nullTenants: { ...common, TENANT_KEYS: "null" },
    plainTenants: { ...common, TENANT_KEYS: JSON.stringify({ "a-key-and-no-hash": "acme" }) },
  };
}

/** An address where nothing listens. */
async function nobody() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}`;
}
