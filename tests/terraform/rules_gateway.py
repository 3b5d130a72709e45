"""What the AI Gateway must say for its audit trail to be one."""

from __future__ import annotations

from configuration import Block, Expression
from expressions import bare, branches, elements, entries, is_null, literal, text
from selection import Modules, examples, must_be, needed, resources


def gateway_keeps_the_trail(modules: Modules) -> list[str]:
    gateways = resources(modules, "cloudflare_ai_gateway")
    fixed = {
        "collect_logs": "true",
        "logpush": "true",
        "authentication": "true",
        "log_management_strategy": "DELETE_OLDEST",
    }
    problems = needed(gateways, "AI Gateway")
    for gateway in gateways:
        problems += must_be(gateway, fixed)
        key = gateway.arguments.get("logpush_public_key")
        if key is None or is_null(key) or literal(key) == "":
            problems.append(f"{gateway.address}: `logpush_public_key` must be set")
    return problems


def private_keys_are_refused(modules: Modules) -> list[str]:
    variables = [
        block for block in modules["modules/gateway"].of("variable") if block.labels[0] == "logpush_public_key"
    ]
    conditions = [text(check.arguments["condition"]) for block in variables for check in block.nested("validation")]
    good = any("BEGIN PUBLIC KEY" in condition and '"PRIVATE"' in condition for condition in conditions)
    return [] if good else ["variable.logpush_public_key: no validation refuses a private key"]


def spend_rules_have_ids(modules: Modules) -> list[str]:
    lists = [rules for gateway in resources(modules, "cloudflare_ai_gateway") for rules in spend_rule_lists(gateway)]
    problems = [] if lists else ["no spend-limit rules were found"]
    for rules in lists:
        looped = rules.data == "for_tuple_expr"
        ids = [entries(rule).get("id") for rule in elements(rules)]
        problems += [
            "a spend-limit rule has no `id`: it would get the one that all others get"
            for each in ids
            if each is None or is_null(each)
        ]
        written = [literal(each) for each in ids if each is not None]
        problems += [f"every spend-limit rule has the id `{each}`" for each in written if looped and each is not None]
        problems += [f"two spend-limit rules have the id `{each}`" for each in repeated(written)]
    return problems + distinct_ids_of_variables(modules)


def spend_rule_lists(gateway: Block) -> list[Expression]:
    """The lists, or the loops that make them."""
    limits = branches(gateway.arguments["spend_limits"]) if "spend_limits" in gateway.arguments else iter(())
    written = [entries(branch) for branch in limits if branch.data == "object"]
    return [branch for one in written if "rules" in one for branch in branches(one["rules"])]


def distinct_ids_of_variables(modules: Modules) -> list[str]:
    variables = [
        block for module in modules.values() for block in module.of("variable") if block.labels[0] == "spend_limits"
    ]
    problems = needed(variables, "variable spend_limits")
    for block in variables:
        rules = [entries(bare(rule)) for rule in elements(block.arguments["default"])]
        ids = [literal(rule["id"]) if "id" in rule else None for rule in rules]
        problems += [f"the default of spend_limits repeats the id `{each}`" for each in repeated(ids)]
        problems += ["the default of spend_limits has a rule without an id" for each in ids if not each]
    checked = [
        text(check.arguments["condition"])
        for block in modules["modules/gateway"].of("variable")
        for check in block.nested("validation")
    ]
    if not any("distinct([forruleinvar.spend_limits:rule.id])" in condition for condition in checked):
        problems.append("modules/gateway: no validation compares the ids of spend_limits")
    return problems


def repeated(values: list[str | None]) -> list[str]:
    return sorted({value for value in values if value is not None and values.count(value) > 1})


def no_logpush_job_of_the_gateway(modules: Modules) -> list[str]:
    """The provider refuses the dataset when it plans; `gatelog logpush` makes the job."""
    problems = []
    for job in resources(modules, "cloudflare_logpush_job"):
        dataset = literal(job.arguments["dataset"]) if "dataset" in job.arguments else None
        if dataset in (None, "ai_gateway_events"):
            problems.append(f"{job.address}: the provider refuses the dataset ai_gateway_events")
    for example in examples(modules):
        said = [text(block.arguments["value"]) for block in example.of("output") if block.labels[0] == "next_command"]
        if not any("gatelog logpush plan" in each for each in said):
            problems.append(f"{example.folder}: no output `next_command` says how the Logpush job is made")
    return problems
