"""What has to be true after a track was followed."""

from __future__ import annotations

import csv
import json
import re
import stat
import tomllib
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

from document import Page
from following import Followed
from job import Destination
from price import PRICED, cost_usd
from stand_ins import ACCOUNT, DEPLOYMENT, LOG_BUCKET, MODEL
from tally import Tally
from tracks import Track

NO_PROBLEMS = "no problems found"
INGESTED = "1 objects in 1 commits: 1 lines = 1 events + 0 duplicates + 0 rejects"
AS_IT_HAS_TO_BE = "is as it has to be"
MADE = "created job 1"
PREFIX = "ai-gateway"
# Of the request in step 8.
TENANT = "acme"
COST = "10"


def check(tally: Tally, followed: Followed, page: Page) -> None:
    """In the order of the steps. One that finds nothing to look at has failed, and the rest are still made."""
    checks: dict[str, Callable[[], None]] = {
        "the blocks": lambda: check_blocks(tally, followed, page),
        "the secrets": lambda: check_secrets(tally, followed.working / "secrets"),
        "step 5": lambda: check_proved(tally, followed, page),
        "step 4": lambda: check_deployments(tally, followed.working),
        "the answer": lambda: check_answer(tally, followed.working),
        "step 9": lambda: check_ingested(tally, followed, page),
        "step 10": lambda: check_cost(tally, followed),
    }
    if followed.track is Track.CLOUDFLARE:
        checks["the job"] = lambda: check_job(tally, followed)
    for what, look in checks.items():
        try:
            look()
        except (ArithmeticError, LookupError, OSError, ValueError) as error:
            tally.check(f"{what} can be checked", False, repr(error))


def check_blocks(tally: Tally, followed: Followed, page: Page) -> None:
    """Counted in the page's text by another way than the one that took them out of it."""
    marked = re.findall(rf"^ *```sh(?: values| {followed.track.value})?$", page.text, re.MULTILINE)
    ran = sum(said.block.page == page.name for said in followed.outcome.said)
    tally.equal("blocks of the track that ran", ran, len(marked))


def out(followed: Followed, step: str) -> list[str]:
    """What each block of a step printed."""
    return [said.out for said in followed.outcome.of_step(step)]


def last_line(text: str) -> str:
    return text.rstrip().rpartition("\n")[2]


def check_secrets(tally: Tally, folder: Path) -> None:
    """Nobody but their owner can look."""
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    loose = {name: oct(mode) for name, mode in modes.items() if mode & ~0o600}
    title = f"{len(modes)} secrets, each of mode 0600 or tighter"
    tally.check(title, len(modes) >= 2 and not loose, f"{loose or modes}")
    tally.equal("mode of the folder of secrets", oct(stat.S_IMODE(folder.stat().st_mode)), "0o700")


def check_proved(tally: Tally, followed: Followed, page: Page) -> None:
    found = last_line("".join(out(followed, "5")))
    tally.equal("`gatelog check` ends with", found, NO_PROBLEMS)
    tally.check("and the document says so", f"`{NO_PROBLEMS}`" in page.section("5."))


def check_deployments(tally: Tally, working: Path) -> None:
    """In every configuration, as the prices are those of one deployment."""
    for file in sorted(working.glob("*.toml")):
        listed = [{key: entry[key] for key in PRICED} for entry in tomllib.loads(file.read_text())["deployments"]]
        tally.equal(f"deployments in {file.name}", listed, [PRICED])


def check_job(tally: Tally, followed: Followed) -> None:
    """As Cloudflare has it, secrets included."""
    _, made, after = "".join(out(followed, "6")).partition(MADE)
    tally.check(f"after `{MADE}` the plan {AS_IT_HAS_TO_BE}", bool(made) and AS_IT_HAS_TO_BE in after)
    jobs = followed.around.jobs()
    tally.equal("jobs at Cloudflare", len(jobs), 1)
    job = jobs[0]
    found = (job["dataset"], job["enabled"], job["output_options"]["sample_rate"], job.get("filter") or "")
    tally.equal("the job's dataset, enabled, sample rate and filter", found, ("ai_gateway_events", True, 1, ""))
    keys = (followed.around.s3.access_key, followed.around.s3.secret_key)
    destination = Destination.of(job)
    goes_right = destination == Destination("r2", LOG_BUCKET, PREFIX, ACCOUNT, *keys)
    # With its secret only when it is wrong: it is one of a stand-in that ends with this.
    detail = f"found {destination}"
    tally.check(f"it writes to r2://{LOG_BUCKET}/{PREFIX}/{{DATE}} with the writer's keys", goes_right, detail)


def check_answer(tally: Tally, working: Path) -> None:
    answer = json.loads((working / "answer.json").read_text())
    tally.equal("the answer is a", answer.get("object"), "chat.completion")
    headers = (working / "answer.headers").read_text()
    log_id = re.search(r"^cf-aig-log-id: *(\S+)\s*$", headers, re.MULTILINE | re.IGNORECASE)
    tally.check("its headers have a `cf-aig-log-id`", log_id is not None, headers)


def check_ingested(tally: Tally, followed: Followed, page: Page) -> None:
    pattern = re.compile(rf"{PREFIX}/(\d{{4}})(\d\d)(\d\d)/[^/]+\.log\.gz")
    matches = [pattern.fullmatch(key) for key in followed.delivered]
    days = {"-".join(match.groups()) for match in matches if match}
    as_logpush = len(matches) == 1 and len(days) == 1 and days <= followed.days
    tally.check("one object was delivered, where Logpush puts it", as_logpush, f"{followed.delivered}")
    found = last_line("".join(out(followed, "9")))
    tally.check(f"ingest ends with `{INGESTED}`", found.startswith(INGESTED), f"found {found}")
    tally.check("and the document says so", f"`{INGESTED}`" in page.section("9."))


def check_cost(tally: Tally, followed: Followed) -> None:
    """Against the provider's own count, and against its published prices."""
    counted = followed.around.counted()
    sum_of = counted["sum"]
    tally.equal("deployments that Azure was asked for", list(counted["by_deployment"]), [DEPLOYMENT])
    tally.equal("calls that Azure counted", (sum_of["calls"], sum_of["finished"]), (1, 1))
    costs, status = out(followed, COST)
    rows = list(csv.DictReader(costs.splitlines()))
    tally.equal("cost lines", len(rows), 1)
    if not rows:
        return
    row = rows[0]
    tally.check(f"the day is {' or '.join(sorted(followed.days))}", row["day"] in followed.days, row["day"])
    named = (row["tenant_id"], row["deployment"], row["model"])
    tally.equal("tenant, deployment and model", named, (TENANT, DEPLOYMENT, MODEL))
    tokens = tuple(int(row[name]) for name in ("requests", "input_tokens", "output_tokens"))
    theirs = (sum_of["finished"], sum_of["input_tokens"], sum_of["output_tokens"])
    tally.equal("requests, input and output tokens, as Azure counted them", tokens, theirs)
    tally.equal("cost_usd, from the published prices", Decimal(row["cost_usd"]), cost_usd(sum_of))
    committed = [line for line in csv.reader(status.splitlines()[1:]) if line[1:] != ["0", "0"]]
    tally.equal("what became of objects and lines", committed, [["committed", "1", "1"]])
