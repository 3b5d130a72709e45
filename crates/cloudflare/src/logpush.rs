//! The Logpush job of the dataset `ai_gateway_events`: what it has to be, what it is, and the way from one to the other.
//!
//! Only whole logs are evidence: every record (`sample_rate` 1, no filter), every field, in the bytes that the gateway sealed.
//! A job that falls short of that is a difference, and [`difference`] names each.

mod destination;
mod difference;
mod job;

use reqwest::Method;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

use crate::{ApiError, Client};

pub use destination::{BadDestination, Destination, KeyPair, Place};
pub use difference::{Change, difference};
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
    /// Every Logpush job of the account, of any dataset.
    ///
    /// # Errors
    ///
    /// [`ApiError`].
    pub async fn logpush_jobs(&self) -> Result<Vec<Job>, ApiError> {
        self.get("list the Logpush jobs", "/logpush/jobs").await
    }

    /// Names of the fields that the dataset offers.
    ///
    /// # Errors
    ///
    /// [`ApiError`].
    pub async fn logpush_fields(&self) -> Result<BTreeSet<String>, ApiError> {
        let path = format!("/logpush/datasets/{DATASET}/fields");
        let fields: BTreeMap<String, serde_json::Value> = self.get("list the dataset's fields", &path).await?;
        Ok(fields.into_keys().collect())
    }

    /// Has a challenge written to the destination, and gives the key of the object that holds its token.
    ///
    /// # Errors
    ///
    /// [`ApiError`].
    pub async fn logpush_challenge(&self, destination: &Destination) -> Result<String, ApiError> {
        #[derive(serde::Deserialize)]
        struct Challenge {
            filename: String,
        }
        let body = json!({ "destination_conf": destination.expose() });
        let action = "write an ownership challenge to the destination";
        let challenge: Challenge = self.send(action, Method::POST, "/logpush/ownership", &body).await?;
        Ok(challenge.filename)
    }

    /// Makes the job. `challenge` is the token found in the bucket, where the destination wants one.
    ///
    /// # Errors
    ///
    /// [`ApiError`].
    pub async fn logpush_create(&self, spec: &JobSpec, challenge: Option<&str>) -> Result<Job, ApiError> {
        let mut body = spec.body(challenge);
        body.insert("dataset".to_owned(), json!(DATASET));
        self.send("create the Logpush job", Method::POST, "/logpush/jobs", &body).await
    }

    /// Makes job `id` what `spec` says.
    ///
    /// # Errors
    ///
    /// [`ApiError`].
    pub async fn logpush_update(&self, id: u64, spec: &JobSpec, challenge: Option<&str>) -> Result<Job, ApiError> {
        let path = format!("/logpush/jobs/{id}");
        self.send("update the Logpush job", Method::PUT, &path, &spec.body(challenge)).await
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
