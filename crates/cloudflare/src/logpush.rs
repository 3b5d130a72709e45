//! The Logpush job of the dataset `ai_gateway_events`: what it has to be, what it is, and the way from one to the other.
//!
//! Only whole logs are evidence: every record (`sample_rate` 1, no filter), every field, in the bytes that the gateway sealed.
//! A job that falls short of that is a difference, and [`difference()`] names each. One thing it cannot see: transformers, which
//! rewrite records before they are delivered, and of which the job says nothing.

mod destination;
mod difference;
mod job;

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde_json::{Value, json};

use crate::{ApiError, Client};

pub use destination::{BadDestination, Destination, KeyPair, Place};
pub use difference::{Change, Keys, difference};
pub use job::{Job, JobSpec, OutputOptions};

/// The dataset of the gateway's logs.
pub const DATASET: &str = "ai_gateway_events";
/// The fields without which a record cannot be told apart, priced or assigned, as readers of real files know them: Cloudflare
/// publishes no list. Others are asked for when the API offers them.
pub const FIELDS: [&str; 10] = [
    "Cached",
    "Endpoint",
    "Gateway",
    "Metadata",
    "Model",
    "Provider",
    "RateLimited",
    "RequestBody",
    "ResponseBody",
    "StatusCode",
];

impl Client {
    /// Every job of the dataset in this account. Those of other datasets may have any form.
    ///
    /// # Errors
    ///
    /// [`ApiError`].
    pub async fn logpush_jobs(&self) -> Result<Vec<Job>, ApiError> {
        let action = "list the Logpush jobs";
        let jobs: Vec<Value> = self.get(action, "/logpush/jobs").await?;
        let ours = jobs.into_iter().filter(|job| job["dataset"] == DATASET);
        let read = |job| {
            let problem = "a job of the dataset has another form than documented".to_owned();
            serde_json::from_value(job).map_err(|_| ApiError::Unreadable { action, problem })
        };
        ours.map(read).collect()
    }

    /// Names of the fields that the dataset offers.
    ///
    /// # Errors
    ///
    /// [`ApiError`].
    pub async fn logpush_fields(&self) -> Result<BTreeSet<String>, ApiError> {
        let path = format!("/logpush/datasets/{DATASET}/fields");
        let fields: BTreeMap<String, Value> = self.get("list the dataset's fields", &path).await?;
        Ok(fields.into_keys().collect())
    }

    /// Has a challenge written to the destination, and gives the key of the object that holds its token.
    ///
    /// # Errors
    ///
    /// [`ApiError`].
    pub async fn logpush_challenge(&self, destination: &Destination) -> Result<String, ApiError> {
        let body = json!({ "destination_conf": destination.expose() });
        let action = "write an ownership challenge to the destination";
        let challenge: Value = self.send(action, Method::POST, "/logpush/ownership", &body).await?;
        match challenge["filename"].as_str().filter(|name| !name.is_empty() && challenge["valid"] != false) {
            Some(name) => Ok(name.to_owned()),
            None => {
                let said = destination.hide(challenge["message"].as_str().unwrap_or("it does not say why"));
                Err(ApiError::Unreadable { action, problem: format!("it could not: {said}") })
            }
        }
    }

    /// Makes the job. `challenge` is the token found in the bucket, where the destination wants one.
    ///
    /// # Errors
    ///
    /// [`ApiError`].
    pub async fn logpush_create(&self, spec: &JobSpec, challenge: Option<&str>) -> Result<Job, ApiError> {
        let mut body = spec.body(None, challenge);
        body.insert("dataset".to_owned(), json!(DATASET));
        let made = self.send("create the Logpush job", Method::POST, "/logpush/jobs", &body).await;
        made.map_err(|error| error.without(|text| spec.destination.hide(text)))
    }

    /// Makes a job what `spec` says.
    ///
    /// # Errors
    ///
    /// [`ApiError`].
    pub async fn logpush_update(&self, job: &Job, spec: &JobSpec, challenge: Option<&str>) -> Result<Job, ApiError> {
        let path = format!("/logpush/jobs/{}", job.id);
        let body = spec.body(Some(&job.output_options), challenge);
        let made = self.send("update the Logpush job", Method::PUT, &path, &body).await;
        made.map_err(|error| error.without(|text| spec.destination.hide(text)))
    }

    /// Deletes job `id`.
    ///
    /// # Errors
    ///
    /// [`ApiError`].
    pub async fn logpush_delete(&self, id: u64) -> Result<(), ApiError> {
        self.delete("delete the Logpush job", &format!("/logpush/jobs/{id}")).await
    }
}
