//! `gatelog budget`: what tenants may use, and how much of it they have.

use std::process::ExitCode;

use anyhow::{Context, bail};
use gatelog_budget::{Amount, Budget, BudgetId, BudgetStatus, Period, Threshold, Unit};
use gatelog_model::TenantId;

use crate::{
    cli::{BudgetCommand, BudgetSetArgs},
    config::Config,
    wiring,
};

pub(crate) async fn run(command: BudgetCommand, config: &Config) -> anyhow::Result<ExitCode> {
    match command {
        BudgetCommand::Set(args) => {
            let budget = budget(&args, &config.reporting.time_zone)?;
            // Budgets may well be the first thing that is put into a database.
            let catalog = wiring::catalog(config).await?;
            let changed = catalog.put_budgets(std::slice::from_ref(&budget)).await?;
            println!("{}{}", describe(&budget), if changed == 0 { " (as it was)" } else { "" });
        }
        BudgetCommand::List { limit } => {
            let statuses = wiring::connect(config).await?.budget_statuses(limit).await?;
            println!("budget\ttenant\twindow\tlimit\tused\tshare\tleased\tstate");
            statuses.iter().for_each(|status| println!("{}", row(status)));
            if statuses.len() >= limit as usize {
                println!("there may be more: see --limit");
            }
        }
        BudgetCommand::Remove { id } => {
            let id = BudgetId::parse(&id)?;
            if !wiring::connect(config).await?.remove_budget(&id).await? {
                bail!("there is no budget `{id}`; `gatelog budget list` has the names");
            }
            println!("budget `{id}` is removed");
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn budget(args: &BudgetSetArgs, reporting_zone: &str) -> anyhow::Result<Budget> {
    let zone = args.zone.as_deref().unwrap_or(reporting_zone);
    let zone = zone.parse().with_context(|| {
        format!("`{zone}` is no IANA time zone such as `Africa/Johannesburg`; see `--zone` and `reporting.time_zone`")
    })?;
    let unit = Unit::from(args.unit);
    let tenant = args.holder.tenant.as_deref().map(TenantId::parse).transpose().context("read `--tenant`")?;
    Ok(Budget {
        id: BudgetId::parse(&args.id)?,
        tenant,
        unit,
        period: Period::parse(&args.per, args.sliding, zone).context("read `--per`")?,
        amount: Amount::parse(&args.amount, unit).context("read `--amount`")?,
    })
}

/// One line: ``budget `daily-tokens`: tenant acme, 1,000,000 tokens per day (UTC)``.
fn describe(budget: &Budget) -> String {
    let Budget { id, tenant, unit, period, amount } = budget;
    let whose = tenant.as_ref().map_or_else(|| "every tenant".to_owned(), |tenant| format!("tenant {tenant}"));
    let noun = match unit {
        Unit::Requests => " requests",
        Unit::Tokens => " tokens",
        Unit::PicoUsd => "",
    };
    format!("budget `{id}`: {whose}, {}{noun} per {}", unit.display(amount.get()), window(period))
}

fn window(period: &Period) -> String {
    match period {
        Period::Fixed(length) => format!("{} s", length.seconds()),
        Period::Sliding(length) => format!("{} s, sliding", length.seconds()),
        Period::Day(zone) | Period::Month(zone) => format!("{} ({})", period.label(), zone.name()),
    }
}

fn row(status: &BudgetStatus) -> String {
    let Budget { id, tenant, unit, period, amount } = &status.budget;
    let limit = amount.get();
    let whose = status.tenant.as_ref().or(tenant.as_ref()).map_or("every tenant", TenantId::as_str);
    let (used, leased) = status.standing.map_or((0, 0), |standing| (standing.used(), standing.account.leased));
    let share = u128::from(used) * 100 / u128::from(limit);
    let state = if Threshold::Exceeded.is_reached(used, limit) {
        "exceeded"
    } else if Threshold::Warning.is_reached(used, limit) {
        "warning"
    } else {
        "ok"
    };
    let [limit, used, leased] = [limit, used, leased].map(|amount| unit.display(amount));
    format!("{id}\t{whose}\t{}\t{limit}\t{used}\t{share} %\t{leased}\t{state}", window(period))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Command};

    fn parse(arguments: &str) -> anyhow::Result<Budget> {
        let words = ["gatelog", "budget", "set"].into_iter().chain(arguments.split_whitespace());
        match Cli::try_parse_from(words)?.command {
            Command::Budget(BudgetCommand::Set(args)) => budget(&args, "Africa/Johannesburg"),
            other => panic!("not a budget: {other:?}"),
        }
    }

    #[test]
    fn what_is_typed_becomes_a_budget() {
        let table = [
            (
                "daily-tokens --tenant acme --unit tokens --per day --amount 1,000,000",
                "budget `daily-tokens`: tenant acme, 1,000,000 tokens per day (Africa/Johannesburg)",
            ),
            (
                "usd --every-tenant --unit usd --per month --zone UTC --amount 25.5",
                "budget `usd`: every tenant, 25.50 USD per month (UTC)",
            ),
            (
                "rate --every-tenant --unit requests --per minute --sliding --amount 60",
                "budget `rate`: every tenant, 60 requests per 60 s, sliding",
            ),
        ];
        for (arguments, expected) in table {
            assert_eq!(describe(&parse(arguments).unwrap()), expected);
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let table = [
            "x --unit tokens --per day --amount 1",
            "x --tenant a --every-tenant --unit tokens --per day --amount 1",
            "x --tenant a --unit tokens --per day --sliding --amount 1",
            "x --tenant a --unit tokens --per day --zone Mars/Olympus --amount 1",
            "x --tenant a --unit tokens --per day --amount 1.5",
            "x --tenant a --unit tokens --per week --amount 1",
            "x/y --tenant a --unit tokens --per day --amount 1",
        ];
        for arguments in table {
            assert!(parse(arguments).is_err(), "{arguments}");
        }
    }

    #[test]
    fn a_row_says_where_a_budget_stands() {
        let budget = parse("t --every-tenant --unit tokens --per hour --amount 1000").unwrap();
        let unused = BudgetStatus { budget, tenant: None, standing: None };
        assert_eq!(row(&unused), "t\tevery tenant\t3600 s\t1,000\t0\t0 %\t0\tok");
    }
}
