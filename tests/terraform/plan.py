"""Validates, plans and applies the examples with the real Terraform and stand-ins for the providers."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from mistakes import MISTAKES, Mistake
from outcomes import EXPECTED, Outcome, gatelog_reads_its_configuration
from refusals import REFUSALS, VARIABLES, Refusal
from tally import Tally
from terraform_run import Answer, Configuration, stand_ins

PLAN = ("plan", "-input=false", "-lock=false", "-refresh=false")
STEPS = {
    "init": ("init", "-backend=false", "-input=false"),
    "validate": ("validate",),
    "plan": PLAN,
    "apply": ("apply", "-input=false", "-auto-approve"),
    "plan again: nothing changes": ("plan", "-input=false", "-detailed-exitcode"),
}


def check_with_terraform(tally: Tally, source: Path, types: dict[str, Any], gatelog_schema: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder, stand_ins(types, Path(folder)) as environment:
        configuration = Configuration(source, Path(folder) / "copy", environment)
        for example in VARIABLES:
            walk(tally, configuration, example, gatelog_schema)
        for number, refusal in enumerate(REFUSALS):
            broken = Configuration(source, Path(folder) / f"refused-{number}", environment)
            tally.check(f"terraform refuses {refusal.title}", accepted(refusal, broken))
        for number, mistake in enumerate(MISTAKES):
            broken = Configuration(source, Path(folder) / f"mistaken-{number}", environment)
            tally.check(f"noticed when applied: {mistake.title}", overlooked(mistake, broken))


def walk(tally: Tally, configuration: Configuration, example: str, gatelog_schema: dict[str, Any]) -> None:
    title = f"terraform, examples/{example}"
    for step, arguments in STEPS.items():
        answer = configuration.run(example, *arguments, variables=VARIABLES[example])
        tally.check(f"{title}: {step}", failure(answer))
        if not answer.succeeded:
            return
    outcome = Outcome(configuration.state(example))
    for expected, expectation in EXPECTED[example].items():
        tally.check(f"{title}: {expected}", expectation(outcome))
    unknown = gatelog_reads_its_configuration(outcome, gatelog_schema)
    tally.check(f"{title}: gatelog knows every key of output gatelog_toml", unknown)
    destroy = ("plan", "-destroy", "-input=false")
    refused = unrefused(configuration.run(example, *destroy), "Instance cannot be destroyed")
    tally.check(f"{title}: a destroy is refused as a whole", refused)
    parts = configuration.run(example, *destroy, "-target=module.gateway", "-target=module.notifications")
    tally.check(f"{title}: gateway and queue alone can be destroyed", failure(parts))


def failure(answer: Answer) -> list[str]:
    return [] if answer.succeeded else [answer.text[-2000:]]


def unrefused(answer: Answer, message: str) -> list[str]:
    if answer.succeeded:
        return ["it was accepted"]
    return [] if message in answer.text else [f"`{message}` is not in: {answer.text[-2000:]}"]


def accepted(refusal: Refusal, configuration: Configuration) -> list[str]:
    if refusal.edit:
        name, old, new = refusal.edit
        configuration.edit(f"examples/{refusal.example}/{name}", old, new)
    started = configuration.run(refusal.example, *STEPS["init"])
    if not started.succeeded:  # A block that is none is found while the modules are read.
        return unrefused(started, refusal.message)
    variables = VARIABLES[refusal.example] | refusal.variables
    return unrefused(configuration.run(refusal.example, *PLAN, variables=variables), refusal.message)


def overlooked(mistake: Mistake, configuration: Configuration) -> list[str]:
    configuration.edit(mistake.file, mistake.old, mistake.new)
    for step in ("init", "apply"):
        answer = configuration.run(mistake.example, *STEPS[step], variables=VARIABLES[mistake.example])
        if not answer.succeeded:
            return [f"terraform refuses it, so it proves nothing: {answer.text[-2000:]}"]
    return [] if mistake.given_away_by(Outcome(configuration.state(mistake.example))) else ["it was overlooked"]
