//! What an Azure deployment is: its URL holds only a name that somebody chose.

use std::{borrow::Cow, collections::HashMap};

use gatelog_model::DeploymentType;
use serde::Deserialize;

use crate::parse::deployment_type;

/// One deployment, as the config describes it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeploymentEntry {
    /// Name of the Azure resource: the first part of its host name.
    pub resource: String,
    /// Name of the deployment in it.
    pub deployment: String,
    /// Model, as Azure spells it: `gpt-4o`.
    pub model: String,
    /// Version of the model: `2024-11-20`.
    #[serde(default)]
    pub version: Option<String>,
    /// How it is sold: `regional`, `data_zone`, `global` or `ptu`.
    #[serde(deserialize_with = "deployment_type")]
    pub deployment_type: DeploymentType,
    /// Azure's short name of the resource's region: `southafricanorth`.
    #[serde(default)]
    pub region: Option<String>,
}

/// Deployments by resource and name. Azure takes both in any case, so they are compared without.
#[derive(Debug, Clone, Default)]
pub struct DeploymentMap {
    resources: HashMap<String, HashMap<String, DeploymentEntry>>,
}

/// A deployment map that contradicts itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeploymentMapError {
    /// Two entries for one deployment.
    #[error(
        "deployments {} and {} (counted from 1) both describe `{}` of `{}`", first + 1, second + 1,
        entry.deployment, entry.resource
    )]
    Duplicate {
        /// Index of the first.
        first: usize,
        /// Index of the second.
        second: usize,
        /// The second one.
        entry: Box<DeploymentEntry>,
    },
    /// A regional deployment without a region has no price.
    #[error(
        "deployment {} (counted from 1), `{}` of `{}`, is regional but has no `region`", index + 1, entry.deployment,
        entry.resource
    )]
    NoRegion {
        /// Its index.
        index: usize,
        /// The entry.
        entry: Box<DeploymentEntry>,
    },
}

impl DeploymentMap {
    /// Indexes the entries.
    ///
    /// # Errors
    ///
    /// [`DeploymentMapError`] at the first entry that repeats another, or is regional without a region.
    pub fn try_new(entries: Vec<DeploymentEntry>) -> Result<Self, DeploymentMapError> {
        let mut resources: HashMap<String, HashMap<String, DeploymentEntry>> = HashMap::new();
        let mut indexes: HashMap<(String, String), usize> = HashMap::new();
        for (index, entry) in entries.into_iter().enumerate() {
            if entry.deployment_type == DeploymentType::Regional && entry.region.is_none() {
                return Err(DeploymentMapError::NoRegion { index, entry: Box::new(entry) });
            }
            let (resource, deployment) = (entry.resource.to_ascii_lowercase(), entry.deployment.to_ascii_lowercase());
            if let Some(first) = indexes.insert((resource.clone(), deployment.clone()), index) {
                return Err(DeploymentMapError::Duplicate { first, second: index, entry: Box::new(entry) });
            }
            resources.entry(resource).or_default().insert(deployment, entry);
        }
        Ok(Self { resources })
    }

    /// The deployment of that name in that resource.
    pub fn lookup(&self, resource: &str, deployment: &str) -> Option<&DeploymentEntry> {
        self.resources.get(&*lowercase(resource))?.get(&*lowercase(deployment))
    }

    /// How many deployments are described.
    pub fn len(&self) -> usize {
        self.resources.values().map(HashMap::len).sum()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.resources.is_empty()
    }
}

fn lowercase(name: &str) -> Cow<'_, str> {
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    }
}
