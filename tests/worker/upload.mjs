// What wrangler would send to Cloudflare: the bundle, and the metadata that it makes of wrangler.jsonc.
import { readFile } from "node:fs/promises";

export async function readUpload(path) {
  const bytes = await readFile(path);
  const boundary = bytes.subarray(2, bytes.indexOf("\n")).toString().trim();
  const headers = { "content-type": `multipart/form-data; boundary=${boundary}` };
  const form = await new Response(bytes, { headers }).formData();
  const metadata = JSON.parse(form.get("metadata"));
  const code = await form.get(metadata.main_module).text();
  return { code, metadata };
}
