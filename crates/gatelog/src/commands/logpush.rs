//! `gatelog logpush`: the job at Cloudflare that fills the source bucket.

use std::{collections::BTreeSet, process::ExitCode};

use anyhow::Context;
use gatelog_cloudflare::{
    Client,
    logpush::{Change, DATASET, Destination, FIELDS, Job, JobSpec, difference},
};

use crate::{cli::LogpushCommand, config::Config, wiring};

/// An ownership token is a JWT of a few hundred bytes.
const CHALLENGE_BYTES_MAX: u64 = 16 << 10;

pub(crate) async fn run(command: LogpushCommand, config: &Config) -> anyhow::Result<ExitCode> {
    let client = config.cloudflare.client(&config.account_id)?;
    match command {
        LogpushCommand::Plan(args) => {
            let plan = Plan::make(&client, config).await?;
            plan.print();
            let as_it_has_to_be = plan.step.is_none();
            if !as_it_has_to_be {
                println!("\nrun `gatelog logpush apply` to make it so");
            }
            Ok(if args.check && !as_it_has_to_be { ExitCode::FAILURE } else { ExitCode::SUCCESS })
        }
        LogpushCommand::Apply => apply(&client, config).await,
        LogpushCommand::Delete(args) => delete(&client, config, args.yes).await,
    }
}

/// The job, and what is to be done about it.
struct Plan {
    spec: JobSpec,
    account: String,
    job: Option<Job>,
    /// `None` if nothing is.
    step: Option<Step>,
    warnings: Vec<String>,
}

enum Step {
    Create,
    Update { id: u64, changes: Vec<Change> },
}

impl Plan {
    async fn make(client: &Client, config: &Config) -> anyhow::Result<Self> {
        let mut spec = JobSpec {
            name: config.logpush.job_name.clone(),
            destination: config.logpush.destination(config)?,
            fields: FIELDS.map(str::to_owned).into(),
            interval_seconds: config.logpush.interval()?,
        };
        let mut warnings = Vec::new();
        let offered = client.logpush_fields().await?;
        warnings.extend(missing_fields(&offered));
        spec.fields = offered;
        let jobs = client.logpush_jobs().await?;
        let job = find(&jobs, &spec.name)?;
        warnings.extend(
            jobs.iter()
                .filter(|other| Some(other.id) != job.map(|job| job.id))
                .filter_map(|other| doubles(other, &spec)),
        );
        if let Some(job) = job {
            warnings.extend(health(job));
        }
        let step = match job {
            None => Some(Step::Create),
            Some(job) => {
                let changes = difference(&spec, job);
                (!changes.is_empty()).then_some(Step::Update { id: job.id, changes })
            }
        };
        Ok(Self { account: client.account().to_owned(), job: job.cloned(), spec, step, warnings })
    }

    fn print(&self) {
        println!("job `{}` of dataset {DATASET} in account {}", self.spec.name, self.account);
        if let Some(job) = &self.job {
            println!("  number {}, last delivery {}", job.id, job.last_complete.as_deref().unwrap_or("never"));
        }
        match &self.step {
            None => println!("  is as it has to be: every record, every field, to {}", self.spec.destination),
            Some(Step::Create) => {
                println!("  does not exist and would be created:");
                println!("    + destination_conf  {}", self.spec.destination);
                println!("    + field_names       {}", self.spec.fields.iter().cloned().collect::<Vec<_>>().join(", "));
                println!("    + sample_rate       1, no filter, NDJSON, at most {} s late", self.spec.interval_seconds);
            }
            Some(Step::Update { changes, .. }) => {
                println!("  would be changed:");
                for Change { setting, from, to } in changes {
                    println!("    ~ {setting}: {} -> {}", shown(from), shown(to));
                }
            }
        }
        for warning in &self.warnings {
            println!("  warning: {warning}");
        }
    }
}

/// An empty text would not be seen, and a newline would be seen too well.
fn shown(value: &str) -> String {
    if value.is_empty() { "none".to_owned() } else { value.escape_debug().to_string() }
}

/// The job of that name. Two of them would be two answers to one question.
fn find<'j>(jobs: &'j [Job], name: &str) -> anyhow::Result<Option<&'j Job>> {
    let mut named =
        jobs.iter().filter(|job| job.dataset.as_deref() == Some(DATASET) && job.name.as_deref() == Some(name));
    let job = named.next();
    if let Some(other) = named.next() {
        anyhow::bail!(
            "jobs {} and {} are both named `{name}`: delete one in the dashboard, or set `logpush.job_name`",
            job.map_or(0, |job| job.id),
            other.id
        );
    }
    Ok(job)
}

fn missing_fields(offered: &BTreeSet<String>) -> Option<String> {
    let missing: Vec<&str> = FIELDS.into_iter().filter(|field| !offered.contains(*field)).collect();
    (!missing.is_empty())
        .then(|| format!("the dataset no longer has {}: events will lack what they say", missing.join(", ")))
}

/// What another job of the dataset does that the ledger would suffer from.
fn doubles(other: &Job, spec: &JobSpec) -> Option<String> {
    let is_ours = other.dataset.as_deref() == Some(DATASET);
    let there = Destination::parse(&other.destination_conf).ok()?;
    (is_ours && other.enabled && there.is_same_place(&spec.destination)).then(|| {
        format!("job {} writes the same records to the same place; each would be there twice: disable one", other.id)
    })
}

fn health(job: &Job) -> Option<String> {
    let message = job.error_message.as_deref().filter(|message| !message.is_empty())?;
    let when = job.last_error.as_deref().unwrap_or("an unknown time");
    Some(format!("the job's last delivery failed at {when}: {message}"))
}

async fn apply(client: &Client, config: &Config) -> anyhow::Result<ExitCode> {
    let plan = Plan::make(client, config).await?;
    plan.print();
    let Some(step) = &plan.step else { return Ok(ExitCode::SUCCESS) };
    let challenge = challenge(client, config, &plan).await?;
    let (done, job) = match step {
        Step::Create => ("created", client.logpush_create(&plan.spec, challenge.as_deref()).await?),
        Step::Update { id, .. } => ("changed", client.logpush_update(*id, &plan.spec, challenge.as_deref()).await?),
    };
    // Asked again: what counts is what the job is, not what was answered.
    let after = Plan::make(client, config).await?;
    if let Some(Step::Update { changes, .. }) = &after.step {
        let left: Vec<&str> = changes.iter().map(|change| change.setting).collect();
        anyhow::bail!("job {} was {done}, but the API still says otherwise about {}", job.id, left.join(", "));
    }
    anyhow::ensure!(after.step.is_none(), "job {} was {done}, but the API does not list it", job.id);
    println!("\n{done} job {}; the first objects come within minutes of the first request", job.id);
    Ok(ExitCode::SUCCESS)
}

/// Proves that the bucket is ours, where keys do not: the API writes a token there, and we read it.
async fn challenge(client: &Client, config: &Config, plan: &Plan) -> anyhow::Result<Option<String>> {
    let moves = match &plan.job {
        None => true,
        Some(job) => {
            !Destination::parse(&job.destination_conf).is_ok_and(|there| there.is_same_place(&plan.spec.destination))
        }
    };
    if !plan.spec.destination.needs_challenge() || !moves {
        return Ok(None);
    }
    let key = client.logpush_challenge(&plan.spec.destination).await?;
    let source = wiring::source(config).await?;
    let token = source
        .get_bytes(&key, CHALLENGE_BYTES_MAX)
        .await
        .with_context(|| format!("read the ownership challenge that Cloudflare wrote to `{key}`"))?;
    Ok(Some(String::from_utf8_lossy(&token).trim().to_owned()))
}

async fn delete(client: &Client, config: &Config, yes: bool) -> anyhow::Result<ExitCode> {
    let jobs = client.logpush_jobs().await?;
    let name = &config.logpush.job_name;
    let Some(job) = find(&jobs, name)? else {
        println!("there is no job `{name}` of dataset {DATASET} in account {}", client.account());
        return Ok(ExitCode::SUCCESS);
    };
    anyhow::ensure!(
        yes,
        "job {} `{name}` was not deleted: what the gateway logs from then on would be lost. Say --yes if that is meant",
        job.id
    );
    client.logpush_delete(job.id).await?;
    println!("deleted job {} `{name}`; nothing is delivered any more", job.id);
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(id: u64, name: &str, dataset: &str) -> Job {
        Job { id, name: Some(name.into()), dataset: Some(dataset.into()), ..Job::default() }
    }

    #[test]
    fn a_job_is_found_by_name_and_dataset() {
        let jobs = [job(1, "gatelog", "http_requests"), job(2, "other", DATASET), job(3, "gatelog", DATASET)];
        assert_eq!(find(&jobs, "gatelog").unwrap().map(|job| job.id), Some(3));
        assert_eq!(find(&jobs, "none").unwrap(), None);
        let twice = [job(3, "gatelog", DATASET), job(4, "gatelog", DATASET)];
        let error = find(&twice, "gatelog").unwrap_err().to_string();
        assert_eq!(
            error,
            "jobs 3 and 4 are both named `gatelog`: delete one in the dashboard, or set `logpush.job_name`"
        );
    }

    #[test]
    fn a_field_that_is_gone_is_said() {
        let offered: BTreeSet<String> = FIELDS[1..].iter().copied().map(str::to_owned).collect();
        assert_eq!(
            missing_fields(&offered).unwrap(),
            "the dataset no longer has Cached: events will lack what they say"
        );
        assert_eq!(missing_fields(&FIELDS.map(str::to_owned).into()), None);
    }
}
