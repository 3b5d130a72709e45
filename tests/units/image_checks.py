"""What can be said of an image without building it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path, PurePosixPath

from tally import Tally

from context import Ignore, copied, has_some_of, reaches, read_by_cargo
from dockerfile import Dockerfile

STATE = "/var/lib/gatelog"
SECRET_NAME = re.compile(r"SECRET|PASSWORD|PASSWD|TOKEN|CREDENTIAL|PRIVATE|_KEY\b|_URL\b", re.IGNORECASE)


def check(tally: Tally, root: Path, dockerfile: Dockerfile) -> None:
    check_stages(tally, root, dockerfile)
    check_final(tally, dockerfile)
    check_context(tally, root, dockerfile)


def check_stages(tally: Tally, root: Path, dockerfile: Dockerfile) -> None:
    bases = [stage.base for stage in dockerfile.stages]
    pinned = [base for base in bases if re.search(r":(?!latest)[\w.-]+(@sha256:[0-9a-f]{64})?$", base)]
    tally.equal("bases with a tag of their own", pinned, bases)
    distributions = {base.partition(":")[2].removesuffix("-slim").rpartition("-")[2] for base in bases}
    tally.check("one C library: builder and final stage are of one Debian", len(distributions) == 1, str(distributions))
    wanted = tomllib.loads((root / "Cargo.toml").read_text())["workspace"]["package"]["rust-version"]
    tally.check(f"the builder's Rust is the workspace's {wanted}", f"rust:{wanted}-" in bases[0], bases[0])
    lines = [line for stage in dockerfile.stages for kind in ("ENV", "ARG") for line in stage.all(kind)]
    names = [word.partition("=")[0] for line in lines for word in line.arguments()]
    tally.equal("secrets in ENV or ARG", [name for name in names if SECRET_NAME.search(name)], [])


def check_final(tally: Tally, dockerfile: Dockerfile) -> None:
    final = dockerfile.final
    user = final.last("USER")
    is_number = user is not None and re.fullmatch(r"[1-9]\d*:[1-9]\d*", user.text) is not None
    tally.check("USER is a number and not root", is_number, str(user))
    entrypoint = final.last("ENTRYPOINT")
    tally.check("ENTRYPOINT has the exec form", entrypoint is not None and bool(entrypoint.exec_form()), str(entrypoint))
    has_health = final.last("HEALTHCHECK") is not None and bool(dockerfile.health_command())
    tally.check("HEALTHCHECK has the exec form", has_health, str(final.last("HEALTHCHECK")))
    signal = final.last("STOPSIGNAL")
    tally.equal("STOPSIGNAL", signal and signal.text, "SIGTERM")
    volume = final.last("VOLUME")
    tally.equal("VOLUME", volume and volume.exec_form(), [STATE])
    tally.equal("TMPDIR is on the volume: large objects are no memory", final.environment().get("TMPDIR"), STATE)
    owned = [run.text for run in final.all("RUN") if user and f"-o {user.text.replace(':', ' -g ')} {STATE}" in run.text]
    tally.check(f"{STATE} belongs to USER", len(owned) == 1, f"{len(owned)} RUN")


def check_context(tally: Tally, root: Path, dockerfile: Dockerfile) -> None:
    ignore = Ignore.read(root / ".dockerignore")
    sources = copied(dockerfile)
    absent = [str(source) for source in sources if not has_some_of(source, root, ignore)]
    tally.equal("sources of COPY that are not there or ignored", absent, [])
    stages = {stage.name for stage in dockerfile.stages}
    taken = {copy.flags().get("from", "") for copy in dockerfile.final.all("COPY")} - {""}
    tally.check("COPY --from names a stage", bool(taken) and taken <= stages, str(taken))
    missing = sorted(str(path) for path in read_by_cargo(root) if not reaches(path, ignore, sources))
    tally.equal("files that cargo reads and the build does not get", missing, [])
    private = ["deploy/image/secrets/database-url", ".git/config", "target/debug/gatelog", "tests/units/run.sh"]
    leaking = [path for path in private if ignore.is_kept(PurePosixPath(path))]
    tally.equal("files in the context that must not be there", leaking, [])
