#!/usr/bin/env python3
"""Builds crates/pricing/rates/azure-openai.csv, the dated price list that gatelog carries.

Inputs, all reviewed by hand and committed:
  source.csv        Azure retail list as of 2026-08-11, one row per meter, price, date and set of regions
  amendments.csv    prices published later, with their source; regions are those of the rows they amend
  long-context.csv  above how many input tokens a request is priced at the long rates
  meters.csv        (in crates/pricing/rates) which model and versions each meter name means, or why it is skipped

Stops at the first contradiction: a meter nobody reviewed, two prices for one key, region and date, a long rate
without a threshold. Run it from anywhere; `--check` only compares with the committed file.
"""

import argparse
import csv
import hashlib
import pathlib
import sys
from collections import Counter, defaultdict

HERE = pathlib.Path(__file__).resolve().parent
RATES = HERE.parents[1] / "crates" / "pricing" / "rates"
KINDS = ("input", "cache_read", "cache_write", "output")
COLUMNS = ("model version deployment_type region kind mode context long_over effective_from "
           "picousd_per_token rate_id").split()


def read(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def fail(message):
    sys.exit(f"rates: {message}")


def reviewed_meters():
    """Meter name to its (model, version, kind) rows; an empty list if skipped."""
    meters = defaultdict(list)
    for row in read(RATES / "meters.csv"):
        name = row["meter"]
        if row["review"] == "mapped":
            if not row["model"]:
                fail(f"meter {name} is mapped to no model")
            meters[name].append((row["model"], row["version"], row["kind"]))
        elif row["review"] == "skipped" and row["note"] and name not in meters:
            meters[name] = []
        else:
            fail(f"meter {name} is neither mapped nor skipped for a reason")
    return meters


def amended(source):
    """The source rows plus the amendments, which take over the regions of what they amend."""
    regions = defaultdict(set)
    for row in source:
        key = tuple(row[name] for name in ("model", "kind", "deployment_type", "mode", "context"))
        regions[key].update(row["regions"].split(";"))
    rows = list(source)
    for row in read(HERE / "amendments.csv"):
        context = row["regions_of"] or row["context"]
        listed = regions[(row["meter"], row["kind"], row["deployment_type"], row["mode"], context)]
        if not listed or not row["source"]:
            fail(f"amendment of {row['meter']} {row['kind']} {row['mode']} amends nothing or has no source")
        rows.append(row | {"model": row["meter"], "regions": ";".join(sorted(listed))})
    return rows


def rate_id(model, version, row, regions):
    """Names a tariff: with the kind it is one row. Holds no price, so that a correction keeps the name."""
    name = "-".join(filter(None, (model, version.split(";")[0])))
    extra = [part for part in (row["mode"], row["context"]) if part not in ("standard", "short")]
    digest = hashlib.sha256(";".join(regions).encode()).hexdigest()[:4]
    return "/".join([name, row["deployment_type"], *extra, row["effective_from"], digest])


def rate_rows(source, meters, thresholds):
    merged = defaultdict(set)  # (everything but regions) -> regions: one model may have several meters
    for row in source:
        if row["model"] not in meters:
            fail(f"meter {row['model']} is not reviewed")
        for model, version, kind in meters[row["model"]]:
            kind = kind or row["kind"]
            if kind not in KINDS or not row["picousd_per_token"].isdigit():
                fail(f"cannot use {row}")
            key = (model, version, row["deployment_type"], kind, row["mode"], row["context"],
                   row["effective_from"], int(row["picousd_per_token"]))
            merged[key].update(row["regions"].split(";"))
    rows = []
    for key, regions in sorted(merged.items()):
        model, version, deployment_type, kind, mode, context, effective_from, price = key
        if context == "long" and model not in thresholds:
            fail(f"{model} has long rates but no threshold")
        regions = sorted(regions)
        row = dict(model=model, version=version, deployment_type=deployment_type, region=";".join(regions), kind=kind,
                   mode=mode, context=context, long_over=thresholds[model] if context == "long" else "",
                   effective_from=effective_from, picousd_per_token=price)
        rows.append(row | {"rate_id": rate_id(model, version, row, regions)})
    return rows


def check(rows):
    """No two rows may answer the same question, no name may stand for two rows."""
    prices, names = {}, {}
    for row in rows:
        for version in row["version"].split(";"):
            for region in row["region"].split(";"):
                key = (row["model"], version, row["deployment_type"], region, row["kind"], row["mode"],
                       row["context"], row["effective_from"])
                if key in prices:
                    fail(f"two prices for {key}: {prices[key]} and {row['picousd_per_token']}")
                prices[key] = row["picousd_per_token"]
        name = (row["rate_id"], row["kind"])
        if name in names:
            fail(f"two rows are named {name}")
        names[name] = row
    return len(prices)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--check", action="store_true", help="compare with the committed file, write nothing")
    only_check = arguments.parse_args().check
    meters = reviewed_meters()
    thresholds = {row["model"]: row["long_over_tokens"] for row in read(HERE / "long-context.csv")}
    source = read(HERE / "source.csv")
    unused = set(meters) - {row["model"] for row in source}
    if unused:
        fail(f"reviewed meters that the source does not have: {sorted(unused)}")
    every = amended(source)
    rows = rate_rows(every, meters, thresholds)
    points = check(rows)
    lines = [",".join(COLUMNS)] + [",".join(str(row[name]) for name in COLUMNS) for row in rows]
    text = "\n".join(lines) + "\n"
    target = RATES / "azure-openai.csv"
    if only_check:
        if target.read_text(encoding="utf-8") != text:
            fail(f"{target.name} is not what its inputs give; run tools/rates/build.py")
    else:
        target.write_text(text, encoding="utf-8")
    used = Counter("mapped" if meters[row["model"]] else "skipped" for row in every)
    print(f"rates: {len(every)} source rows ({used['mapped']} mapped, {used['skipped']} skipped), "
          f"{sum(map(bool, meters.values()))} of {len(meters)} meters mapped; "
          f"{len(rows)} rates, {points} prices by region and date")


if __name__ == "__main__":
    main()
