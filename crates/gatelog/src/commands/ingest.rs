//! `gatelog ingest`.

use std::{io::IsTerminal, process::ExitCode, sync::Arc};

use gatelog_ingest::{CommitReport, Mode, NoProgress, Progress};
use gatelog_runtime::Readiness;
use indicatif::{ProgressBar, ProgressStyle};

use super::process::Process;
use crate::{cli::IngestArgs, config::Config, wiring};

pub(crate) async fn run(args: &IngestArgs, config: &Config) -> anyhow::Result<ExitCode> {
    let process = Process::begin()?;
    gatelog_ingest::describe_metrics();
    let readiness = Readiness::default();
    let parts = wiring::ingest_parts(config, progress(), readiness.clone()).await?;
    if !args.once {
        process.serve_status(config, vec![readiness]).await?;
    }
    let mode = if args.once { Mode::Once } else { Mode::Daemon };
    let report = gatelog_ingest::run(parts, mode, process.stop.clone()).await?;
    if args.once {
        println!("{}", summary(&report.committed));
    }
    if report.unfinished > 0 {
        anyhow::bail!(
            "{} objects could not be read or stored; the log says why, the next run tries them again",
            report.unfinished
        );
    }
    Ok(ExitCode::SUCCESS)
}

fn summary(report: &CommitReport) -> String {
    format!(
        "{} objects in {} commits: {} lines = {} events + {} duplicates + {} rejects; {} events unpriced; {} files, {} bytes",
        report.objects,
        report.commits,
        report.lines,
        report.events,
        report.duplicates,
        report.rejects,
        report.unpriced,
        report.files,
        report.lake_bytes
    )
}

/// A bar for people, nothing for pipes: there the log has one line per commit.
fn progress() -> Arc<dyn Progress> {
    if std::io::stderr().is_terminal() { Arc::new(Bar::new()) } else { Arc::new(NoProgress) }
}

struct Bar(ProgressBar);

impl Bar {
    fn new() -> Self {
        let style = ProgressStyle::with_template("{spinner} {pos}/{len} objects [{elapsed}] {msg}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        Self(ProgressBar::new(0).with_style(style))
    }
}

impl Progress for Bar {
    fn found(&self, objects: u64) {
        self.0.set_length(objects);
    }

    fn committed(&self, report: &CommitReport) {
        self.0.inc(report.objects);
        self.0.set_message(format!("{} lines in the last commit", report.lines));
    }
}
