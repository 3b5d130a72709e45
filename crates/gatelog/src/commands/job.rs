//! `gatelog job`.

use std::{process::ExitCode, time::Duration};

use gatelog_model::Clock;
use gatelog_runtime::SystemClock;

use crate::{cli::JobCommand, config::Config, wiring};

pub(crate) async fn run(job: JobCommand, config: &Config) -> anyhow::Result<ExitCode> {
    match job {
        JobCommand::Orphans { grace_hours, dry_run } => {
            let catalog = wiring::connect(config).await?;
            let lake = wiring::lake(config, &catalog).await?;
            let grace = Duration::from_secs(grace_hours.saturating_mul(3_600));
            let report = lake.orphans(SystemClock.now(), grace, dry_run).await?;
            for path in &report.paths {
                println!("{path}");
            }
            let verb = if dry_run { "would be removed" } else { "removed" };
            println!(
                "{} files with {} bytes {verb}; {} referenced and {} younger than {grace_hours} h kept",
                report.paths.len(),
                report.bytes,
                report.referenced,
                report.young
            );
            Ok(ExitCode::SUCCESS)
        }
    }
}
