//! `gatelog health`: what a container's health check runs.

use std::process::ExitCode;

use anyhow::Context;

use crate::config::Config;

pub(crate) async fn run(config: &Config) -> anyhow::Result<ExitCode> {
    let listen = config.status.listen;
    anyhow::ensure!(listen.port() != 0, "`status.listen` has port 0, so nobody knows where to ask: set a port");
    match gatelog_runtime::ask_readiness(listen).await.with_context(|| format!("ask for readiness at {listen}"))? {
        Ok(()) => {
            println!("ready");
            Ok(ExitCode::SUCCESS)
        }
        Err(reason) => {
            println!("{reason}");
            Ok(ExitCode::FAILURE)
        }
    }
}
