// Opens one sealed field with Node alone: `node open.mjs PRIVATE_PEM {subtle|decipher} < json`.
//
// The unwrap is the one of Cloudflare's page (`privateDecrypt` with RSA_PKCS1_OAEP_PADDING and oaepHash SHA256); the
// content is decrypted by WebCrypto, as there, or by `createDecipheriv`, with the tag cut off by hand.
import { constants, createDecipheriv, privateDecrypt, webcrypto } from "node:crypto";
import { readFileSync } from "node:fs";

const [pem, how] = process.argv.slice(2);
const { type, key, iv, data } = JSON.parse(readFileSync(0, "utf8"));
if (type !== "encrypted") throw new Error("the field does not say that it is encrypted");
const bytes = (base64) => Buffer.from(base64, "base64");

const aesKey = privateDecrypt(
  { key: readFileSync(pem, "utf8"), padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: "SHA256" },
  bytes(key),
);

async function bySubtle() {
  const imported = await webcrypto.subtle.importKey("raw", aesKey, "AES-GCM", false, ["decrypt"]);
  return Buffer.from(await webcrypto.subtle.decrypt({ name: "AES-GCM", iv: bytes(iv) }, imported, bytes(data)));
}

function byDecipher() {
  const sealed = bytes(data);
  const decipher = createDecipheriv("aes-256-gcm", aesKey, bytes(iv));
  decipher.setAuthTag(sealed.subarray(-16));
  return Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()]);
}

process.stdout.write(how === "subtle" ? await bySubtle() : byDecipher());
