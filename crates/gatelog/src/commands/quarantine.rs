//! `gatelog quarantine`: what could not be read, why, and another try.

use std::process::ExitCode;

use anyhow::bail;
use gatelog_catalog::{ObjectReport, QuarantineEntry, QuarantineFilter, RetrySelection};
use gatelog_model::ObjectId;

use crate::{
    cli::{QuarantineCommand, RetryArgs},
    config::Config,
    wiring,
};

pub(crate) async fn run(command: QuarantineCommand, config: &Config) -> anyhow::Result<ExitCode> {
    let catalog = wiring::connect(config).await?;
    match command {
        QuarantineCommand::List { limit, reason } => {
            let filter = QuarantineFilter { reason, key_prefix: None };
            let entries = catalog.list_quarantine(&filter, limit).await?;
            println!("object\tstate\treason\tkey");
            entries.iter().for_each(print_entry);
            if entries.len() >= limit as usize {
                println!("there may be more: see --limit");
            }
        }
        QuarantineCommand::Show { object } => {
            let Some(report) = catalog.show_object(ObjectId(object)).await? else {
                bail!("there is no object {object} in the ledger; `gatelog quarantine list` has the numbers");
            };
            print_report(&report);
        }
        QuarantineCommand::Retry(args) => {
            let objects = catalog.request_retry(&selection(args)).await?;
            println!("{objects} objects will be read again by the next `gatelog ingest`");
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn selection(args: RetryArgs) -> RetrySelection {
    match (args.object, args.reason) {
        (Some(object), _) => RetrySelection::Objects(vec![ObjectId(object)]),
        (None, Some(reason)) => RetrySelection::Reason(reason),
        (None, None) => RetrySelection::All,
    }
}

fn print_entry(entry: &QuarantineEntry) {
    let id = entry.object.0;
    let key = &entry.source.key;
    let retry = if entry.retry_requested { " (retry requested)" } else { "" };
    match &entry.reason {
        Some(reason) => {
            let offset = entry.offset.map_or_else(String::new, |offset| format!(" at byte {offset}"));
            println!("{id}\tquarantined\t{reason}{offset}\t{key}");
        }
        None => {
            let counts: Vec<_> = entry.open_rejects.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
            println!("{id}\trejects{retry}\t{}\t{key}", counts.join(", "));
        }
    }
}

fn print_report(report: &ObjectReport) {
    let row = &report.row;
    println!("object {} at s3://{}/{} etag {}", row.object.0, row.source.bucket, row.source.key, row.source.etag);
    println!("state {}, claimed {} times, discovered {}", row.state, row.attempt, row.discovered_at);
    if let (Some(lines), Some(events), Some(duplicates), Some(rejects)) =
        (row.lines, row.events, row.duplicates, row.rejects)
    {
        println!("{lines} lines = {events} events + {duplicates} duplicates + {rejects} rejects");
    }
    if let Some(reason) = &row.quarantine_reason {
        let offset = row.quarantine_offset.map_or_else(String::new, |offset| format!(" at byte {offset}"));
        println!("quarantined: {reason}{offset}");
    }
    println!("line\tbyte offset\treason\tstate");
    for reject in &report.rejects {
        let state = match reject.resolved_commit_seq {
            Some(commit) => format!("resolved by commit {commit}"),
            None => format!("open since {}, last tried {}", reject.first_seen, reject.last_tried),
        };
        println!("{}\t{}\t{}\t{state}", reject.reject.line, reject.reject.byte_offset, reject.reject.reason);
    }
}
