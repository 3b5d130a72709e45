#!/usr/bin/env python3
"""Seals and opens fields with Python's `cryptography` and compares with our own tool and with Node.

interop.py ENVELOPE_TOOL OPEN_MJS WORK_DIR, called by run.sh. Every text goes three ways for every size of key and both
kinds of PEM: Python seals and we open, we seal and Python opens, we seal and Node opens.
"""
import base64
import json
import os
import subprocess
import sys

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

OAEP = padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None)
TEXTS = [
    b"",
    b"{}",
    '{"tenantId":"t","note":"é 日本 😀\\n"}'.encode(),
    b"data: {\"id\":1}\n\ndata: [DONE]\n\n",
    b"A" * 1_000_000,
]
SERIAL = serialization.Encoding.PEM
PLAIN = serialization.NoEncryption()
PRIVATE = {"pkcs8": serialization.PrivateFormat.PKCS8, "pkcs1": serialization.PrivateFormat.TraditionalOpenSSL}
PUBLIC = {"pkcs8": serialization.PublicFormat.SubjectPublicKeyInfo, "pkcs1": serialization.PublicFormat.PKCS1}


def b64(raw):
    return base64.b64encode(raw).decode()


def seal(key, text):
    """A sealed field as Cloudflare writes it."""
    aes, iv = os.urandom(32), os.urandom(12)
    wrapped = key.public_key().encrypt(aes, OAEP)
    data = AESGCM(aes).encrypt(iv, text, None)
    return json.dumps({"type": "encrypted", "key": b64(wrapped), "iv": b64(iv), "data": b64(data)}).encode()


def unseal(key, field):
    parts = json.loads(field)
    assert list(parts) == ["type", "key", "iv", "data"] and parts["type"] == "encrypted", list(parts)
    wrapped, iv, data = (base64.b64decode(parts[name], validate=True) for name in ("key", "iv", "data"))
    assert len(iv) == 12, len(iv)
    return AESGCM(key.decrypt(wrapped, OAEP)).decrypt(iv, data, None)


def run(*command, stdin):
    return subprocess.run(command, input=stdin, stdout=subprocess.PIPE, check=True).stdout


def write(path, content):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
    return path


def main():
    tool, node_script, work = sys.argv[1:]
    checked, differences = 0, []
    for bits in (2048, 3072, 4096):
        key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
        for kind in PRIVATE:
            private = write(os.path.join(work, "private.pem"), key.private_bytes(SERIAL, PRIVATE[kind], PLAIN))
            public = write(os.path.join(work, "public.pem"), key.public_key().public_bytes(SERIAL, PUBLIC[kind]))
            for index, text in enumerate(TEXTS):
                ours = run(tool, "seal", public, stdin=text)
                opened = {
                    "sealed by Python, opened by us": run(tool, "open", private, stdin=seal(key, text)),
                    "sealed by us, opened by us": run(tool, "open", private, stdin=ours),
                    "sealed by us, opened by Python": unseal(key, ours),
                    "sealed by us, opened by Node's WebCrypto":
                        run("node", node_script, private, "subtle", stdin=ours),
                    "sealed by us, opened by Node's createDecipheriv":
                        run("node", node_script, private, "decipher", stdin=ours),
                }
                for way, result in opened.items():
                    checked += 1
                    if result != text:
                        differences.append(f"RSA-{bits} {kind} text {index}: {way}")
    for difference in differences:
        print(f"interop-envelope: differs: {difference}", file=sys.stderr)
    print(f"interop-envelope: {checked} fields compared, {len(differences)} differ")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
