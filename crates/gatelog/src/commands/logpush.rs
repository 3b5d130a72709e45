//! `gatelog logpush`: the job at Cloudflare that fills the source bucket.

mod plan;

use std::process::ExitCode;

use anyhow::Context;
use gatelog_cloudflare::{
    Client,
    logpush::{DATASET, Destination, Keys, difference},
};

use crate::{cli::LogpushCommand, config::Config, wiring};
use plan::{Plan, Step, find};

/// An ownership token is a JWT of a few hundred bytes.
const CHALLENGE_BYTES_MAX: u64 = 16 << 10;

pub(crate) async fn run(command: LogpushCommand, config: &Config) -> anyhow::Result<ExitCode> {
    let client = config.cloudflare.client(&config.account_id)?;
    match command {
        LogpushCommand::Plan(args) => {
            let plan = Plan::make(&client, config).await?;
            plan.print();
            if plan.step.is_some() {
                println!("\nrun `gatelog logpush apply` to make it so");
            }
            let is_fine = plan.step.is_none() && plan.warnings.is_empty();
            Ok(if args.check && !is_fine { ExitCode::FAILURE } else { ExitCode::SUCCESS })
        }
        LogpushCommand::Apply(args) => apply(&client, config, args.send_keys).await,
        LogpushCommand::Delete(args) => delete(&client, config, args.yes).await,
    }
}

async fn apply(client: &Client, config: &Config, send_keys: bool) -> anyhow::Result<ExitCode> {
    let plan = Plan::make(client, config).await?;
    plan.print();
    plan.refuse_what_loses_or_doubles()?;
    let step = match (plan.step, &plan.job) {
        (None, Some(_)) if send_keys => Step::Update(Vec::new()),
        (None, _) => return Ok(ExitCode::SUCCESS),
        (Some(step), _) => step,
    };
    let challenge = challenge(client, config, &plan.spec.destination, plan.job.as_ref()).await?;
    let (done, made) = match (&step, &plan.job) {
        (Step::Update(_), Some(job)) => {
            ("changed", client.logpush_update(job, &plan.spec, challenge.as_deref()).await?)
        }
        (Step::Create | Step::Update(_), _) => {
            ("created", client.logpush_create(&plan.spec, challenge.as_deref()).await?)
        }
    };
    // Asked again: what counts is what the job is, not what was answered.
    let jobs = client.logpush_jobs().await?;
    let after = jobs.iter().find(|job| job.id == made.id);
    let after = after.with_context(|| format!("job {} was {done}, but the API does not list it", made.id))?;
    let left = difference(&plan.spec, after, Keys::Trusted);
    let left: Vec<&str> = left.iter().map(|change| change.setting.as_str()).collect();
    anyhow::ensure!(
        left.is_empty(),
        "job {} was {done}, but the API says otherwise about {}",
        made.id,
        left.join(", ")
    );
    println!("\n{done} job {}; the first objects come within minutes of the first request", made.id);
    Ok(ExitCode::SUCCESS)
}

/// Proves that the bucket is ours, where keys do not: the API writes a token there, and we read it.
async fn challenge(
    client: &Client,
    config: &Config,
    destination: &Destination,
    job: Option<&gatelog_cloudflare::logpush::Job>,
) -> anyhow::Result<Option<String>> {
    let stays = job.is_some_and(|job| {
        Destination::parse(&job.destination_conf).is_ok_and(|there| there.to_string() == destination.to_string())
    });
    if !destination.needs_challenge() || stays {
        return Ok(None);
    }
    let key = client.logpush_challenge(destination).await?;
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
