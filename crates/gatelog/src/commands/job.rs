//! `gatelog job`.

use std::process::ExitCode;

use gatelog_lake::OrphanAction;
use gatelog_model::Clock;
use gatelog_runtime::SystemClock;

use crate::{cli::JobCommand, config::Config, wiring};

pub(crate) async fn run(job: JobCommand, config: &Config) -> anyhow::Result<ExitCode> {
    match job {
        JobCommand::Orphans { grace_hours, dry_run } => {
            let catalog = wiring::connect(config).await?;
            let store = wiring::lake_store(config).await?;
            let lake = wiring::lake(config, &store, &catalog).await?;
            let action = if dry_run { OrphanAction::Report } else { OrphanAction::Delete };
            let grace_seconds = i64::from(grace_hours) * 3_600;
            let report = lake.orphans(SystemClock.now(), grace_seconds, action).await?;
            for orphan in &report.orphans {
                println!("{}\t{}", orphan.size_bytes, orphan.key);
            }
            let verb = if dry_run { "would be removed" } else { "removed" };
            println!(
                "{} of {} files, {} bytes, {verb}; {} unreferenced ones are younger than {grace_hours} h and kept",
                report.orphans.len(),
                report.listed,
                report.orphan_bytes(),
                report.young
            );
            Ok(ExitCode::SUCCESS)
        }
    }
}
