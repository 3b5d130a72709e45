//! What the job has to be, what it is, and what there is to say about that.

use std::collections::BTreeSet;

use gatelog_cloudflare::{
    Client,
    logpush::{Change, DATASET, Destination, FIELDS, Job, JobSpec, Keys, difference},
};

use crate::config::Config;

/// The job, and what is to be done about it.
pub(super) struct Plan {
    pub(super) spec: JobSpec,
    account: String,
    pub(super) job: Option<Job>,
    /// `None` if nothing is.
    pub(super) step: Option<Step>,
    pub(super) warnings: Vec<String>,
    missing: Vec<&'static str>,
    doubled: Vec<u64>,
}

/// What would be done.
pub(super) enum Step {
    Create,
    Update(Vec<Change>),
}

impl Plan {
    pub(super) async fn make(client: &Client, config: &Config) -> anyhow::Result<Self> {
        // What is wrong here is said before anything is asked there.
        let (destination, interval_seconds) = (config.logpush.destination(config)?, config.logpush.interval()?);
        let offered = client.logpush_fields().await?;
        let jobs = client.logpush_jobs().await?;
        let name = config.logpush.job_name.clone();
        let job = find(&jobs, &name)?;
        let spec = JobSpec { name, destination, fields: fields(&offered, job), interval_seconds };
        let others = jobs.iter().filter(|other| job.is_none_or(|job| job.id != other.id));
        let doubled: Vec<u64> = others.filter(|other| doubles(other, &spec)).map(|other| other.id).collect();
        let missing: Vec<&str> = FIELDS.into_iter().filter(|field| !offered.contains(*field)).collect();
        let mut warnings = job.map(|job| warnings(job, &spec)).unwrap_or_default();
        if !missing.is_empty() {
            warnings
                .push(format!("the API no longer offers {}: is this still the dataset it was?", missing.join(", ")));
        }
        warnings.extend(doubled.iter().map(|id| {
            format!("job {id} writes the same records to the same place; each would be there twice: disable one")
        }));
        let changes = job.map(|job| difference(&spec, job, Keys::Compared));
        let step = match changes {
            None => Some(Step::Create),
            Some(changes) if changes.is_empty() => None,
            Some(changes) => Some(Step::Update(changes)),
        };
        Ok(Self { account: client.account().to_owned(), job: job.cloned(), spec, step, warnings, missing, doubled })
    }

    /// A job that is made anew beside another writes each record twice, and one with fewer fields loses what they say, for
    /// ever: neither is done, whatever the API offers.
    pub(super) fn refuse_what_loses_or_doubles(&self) -> anyhow::Result<()> {
        anyhow::ensure!(
            self.missing.is_empty() || self.step.is_none(),
            "nothing was changed: without {} the log would be worth less, and what is not delivered never comes again",
            self.missing.join(", ")
        );
        if let (Some(Step::Create), Some(id)) = (&self.step, self.doubled.first()) {
            anyhow::bail!(
                "nothing was created: job {id} delivers to the same place already. Rename it to `{}`, or set `logpush.job_name` to its name",
                self.spec.name
            );
        }
        Ok(())
    }

    pub(super) fn print(&self) {
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
            Some(Step::Update(changes)) => {
                println!("  would be changed:");
                for Change { setting, from, to } in changes {
                    println!("    ~ {setting}: {} -> {}", shown(from), shown(to));
                }
            }
        }
        if self.job.as_ref().is_some_and(hides_its_keys) {
            println!("  note: the API does not show the job's keys; after a change of them, `apply --send-keys`");
        }
        for warning in &self.warnings {
            println!("  warning: {warning}");
        }
    }
}

/// Every field that the API offers, and what the job has besides: nothing is ever taken away from it.
fn fields(offered: &BTreeSet<String>, job: Option<&Job>) -> BTreeSet<String> {
    let there = job.map(|job| job.output_options.field_names.clone()).unwrap_or_default();
    offered.union(&there).cloned().collect()
}

/// An empty text would not be seen, and a newline would be seen too well.
fn shown(value: &str) -> String {
    if value.is_empty() { "none".to_owned() } else { value.escape_debug().to_string() }
}

/// The job of that name. Two of them would be two answers to one question.
pub(super) fn find<'j>(jobs: &'j [Job], name: &str) -> anyhow::Result<Option<&'j Job>> {
    let mut named = jobs.iter().filter(|job| job.name.as_deref() == Some(name));
    let job = named.next();
    if let Some(other) = named.next() {
        anyhow::bail!(
            "jobs {} and {} are both named `{name}`: delete one in the dashboard",
            job.map_or(0, |job| job.id),
            other.id
        );
    }
    Ok(job)
}

/// Whether another job of the dataset delivers what this one does, to the same place.
fn doubles(other: &Job, spec: &JobSpec) -> bool {
    other.enabled
        && Destination::parse(&other.destination_conf).is_ok_and(|there| there.is_same_place(&spec.destination))
}

fn hides_its_keys(job: &Job) -> bool {
    Destination::parse(&job.destination_conf).is_ok_and(|there| there.hides_its_keys())
}

fn warnings(job: &Job, spec: &JobSpec) -> Vec<String> {
    let failed = job.error_message.as_deref().filter(|message| !message.is_empty()).map(|message| {
        let when = job.last_error.as_deref().unwrap_or("an unknown time");
        format!("the job's last delivery failed at {when}: {}", spec.destination.hide(message))
    });
    let unknown = job.unknown_settings();
    let unknown = (!unknown.is_empty())
        .then(|| format!("the job has settings that gatelog does not know: {}; is the log whole?", unknown.join(", ")));
    failed.into_iter().chain(unknown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(id: u64, name: &str) -> Job {
        let mut job = Job::default();
        (job.id, job.name) = (id, Some(name.into()));
        job
    }

    #[test]
    fn a_job_is_found_by_its_name() {
        let jobs = [job(2, "other"), job(3, "gatelog")];
        assert_eq!(find(&jobs, "gatelog").unwrap().map(|job| job.id), Some(3));
        assert_eq!(find(&jobs, "none").unwrap(), None);
        let twice = [job(3, "gatelog"), job(4, "gatelog")];
        let error = find(&twice, "gatelog").unwrap_err().to_string();
        assert_eq!(error, "jobs 3 and 4 are both named `gatelog`: delete one in the dashboard");
    }

    #[test]
    fn no_field_is_taken_away_from_a_job() {
        let offered = BTreeSet::from(["Model".to_owned(), "New".to_owned()]);
        assert_eq!(fields(&offered, None), offered);
        let mut there = job(1, "gatelog");
        there.output_options.field_names = BTreeSet::from(["Metadata".to_owned(), "Model".to_owned()]);
        assert_eq!(fields(&offered, Some(&there)).into_iter().collect::<Vec<_>>(), ["Metadata", "Model", "New"]);
    }
}
