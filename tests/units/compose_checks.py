"""What compose.yaml must and must not say."""

from __future__ import annotations

import re
from pathlib import Path

from tally import Tally

from accepted import Binary
from compose import Compose, Service
from dockerfile import Dockerfile

SECRETS = "/run/secrets/"
DURABLE = ("fsync", "synchronous_commit", "full_page_writes", "wal_level=minimal")
# Seconds that the gateway's own limits add up to: `gateway.drain_seconds`, shipping, spans.
GATEWAY_DRAIN_SECONDS = 30 + 20 + 5


def check(tally: Tally, root: Path, dockerfile: Dockerfile, compose: Compose, binary: Binary) -> None:
    for service in compose.services.values():
        check_hardening(tally, service)
    for service in compose.ours():
        check_ours(tally, root, compose, service)
        check_accepted(tally, dockerfile, service, binary)
    used = {name for service in compose.services.values() for name in service.secrets()}
    tally.equal("secrets, declared and used", sorted(compose.secrets), sorted(used))
    files = [name for name, entry in compose.secrets.items() if not entry.get("file", "").startswith("./secrets/")]
    tally.equal("secrets that are not files of the ignored folder", files, [])
    volumes = {name for service in compose.services.values() for name in service.named_volumes().values()}
    tally.equal("volumes, declared and used", sorted(compose.volumes), sorted(volumes))
    check_postgres(tally, compose)


def check_hardening(tally: Tally, service: Service) -> None:
    fields, name = service.fields, service.name
    tally.equal(f"{name}: read_only", fields.get("read_only"), True)
    tally.equal(f"{name}: cap_drop", fields.get("cap_drop"), ["ALL"])
    tally.equal(f"{name}: cap_add and privileged", (fields.get("cap_add"), fields.get("privileged")), (None, None))
    tally.equal(f"{name}: security_opt", fields.get("security_opt"), ["no-new-privileges:true"])
    tally.check(f"{name}: has a memory limit", "mem_limit" in fields)
    beyond = [port for port in fields.get("ports", []) if not str(port).startswith("127.0.0.1:")]
    tally.equal(f"{name}: ports published beyond loopback", beyond, [])


def check_ours(tally: Tally, root: Path, compose: Compose, service: Service) -> None:
    name = service.name
    tally.equal(f"{name}: waits for", service.fields["depends_on"], {"postgres": {"condition": "service_healthy"}})
    build = service.fields["build"]
    place = (service.folder / build["context"]).resolve() == root and (root / build["dockerfile"]).is_file()
    tally.check(f"{name}: builds the repository's Dockerfile", place, str(build))
    files = service.mounts().values()
    absent = [str(file) for file in files if not file.is_file()]
    tally.equal(f"{name}: mounts that are not in the repository", absent, [])
    if absent:
        return
    text = "".join(file.read_text() for file in files)
    tally.equal(f"{name}: files mounted to be written", service.writable_mounts(), [])
    named = sorted(set(re.findall(rf'"({SECRETS}[^"]+)"', text)))
    given = sorted(SECRETS + secret for secret in service.secrets())
    tally.equal(f"{name}: secrets that its configuration names and that it gets", named, given)
    spool = re.search(r'spool_folder = "([^"]+)"', text)
    if spool:
        on_volume = any(spool[1].startswith(f"{target}/") for target in service.named_volumes())
        tally.check(f"{name}: the spool is on a volume", on_volume, spool[1])
        grace = service.grace_seconds()
        tally.check(f"{name}: stop_grace_period outlasts the drain", grace > GATEWAY_DRAIN_SECONDS, f"{grace} s")


def check_accepted(tally: Tally, dockerfile: Dockerfile, service: Service, binary: Binary) -> None:
    """The command line and every key of the configuration, by the binary itself."""
    command = dockerfile.entrypoint() + service.fields["command"]
    tally.equal(f"{service.name}: `{' '.join(command)}`: words unknown to the binary", binary.unknown_words(command), [])
    environment = dockerfile.environment() | service.environment()
    file = service.mounts().get(environment["GATELOG_CONFIG"])
    tally.check(f"{service.name}: its configuration is where the image looks for it", file is not None)
    if file:
        objection = binary.objection(file, service.environment())
        tally.equal(f"{service.name}: what the binary says to {file.name}", objection, None)


def check_postgres(tally: Tally, compose: Compose) -> None:
    postgres = compose.services["postgres"]
    major = re.fullmatch(r"postgres:(\d+)-\w+", postgres.fields["image"])
    tally.check("postgres: 16 or newer, by tag", major is not None and int(major[1]) >= 16, postgres.fields["image"])
    tally.check("postgres: has a health check", bool(postgres.fields.get("healthcheck", {}).get("test")))
    tally.equal("postgres: published ports", postgres.fields.get("ports", []), [])
    isolated = [name for name in postgres.fields["networks"] if not compose.networks[name].get("internal")]
    tally.equal("postgres: networks with a way out", isolated, [])
    settings = f"{postgres.fields.get('command', '')} {postgres.environment()}"
    tally.equal("postgres: durability settings that are changed", [name for name in DURABLE if name in settings], [])
    environment = postgres.environment()
    passwords = [name for name in environment if "PASSWORD" in name and not name.endswith("_FILE")]
    tally.equal("postgres: passwords in the environment", passwords, [])
    file = environment.get("POSTGRES_PASSWORD_FILE", "").removeprefix(SECRETS)
    tally.check("postgres: the password's file is a secret", file in postgres.secrets(), file)
    scram = re.findall(r"--auth-(?:host|local)=(\S+)", environment["POSTGRES_INITDB_ARGS"])
    tally.equal("postgres: authentication", scram, ["scram-sha-256", "scram-sha-256"])
