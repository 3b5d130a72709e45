//! Targets that nobody configured, made when a path first names them, and kept so that their health is remembered.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use super::{BadTargets, Target, TargetOptions};

/// Most targets that are kept. Their names come from callers: beyond that all are forgotten, which costs no more than
/// making them again.
const KEPT_MAX: usize = 1_024;

/// What was made so far, by provider and lower-case resource.
#[derive(Debug, Default)]
pub(super) struct Unlisted(RwLock<HashMap<(String, String), Arc<Target>>>);

impl Unlisted {
    /// The target of a provider, of Azure that of a resource.
    ///
    /// # Errors
    ///
    /// [`BadTargets`] when the provider has no address of its own.
    pub(super) fn target(&self, provider: &str, resource: &str, azure_base: &str) -> Result<Arc<Target>, BadTargets> {
        let key = (provider.to_owned(), resource.to_ascii_lowercase());
        if let Some(kept) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(Arc::clone(kept));
        }
        let options = TargetOptions {
            name: provider.to_owned(),
            provider: provider.to_owned(),
            resource: resource.to_owned(),
            ..TargetOptions::default()
        };
        let target = Arc::new(Target::new(&options, azure_base)?);
        let mut kept = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        Ok(Arc::clone(kept.entry(key).or_insert(target)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::targets::PROVIDER_AZURE;

    #[test]
    fn a_target_keeps_its_health_and_there_is_an_end_of_them() {
        let unlisted = Unlisted::default();
        let of = |resource: &str| unlisted.target(PROVIDER_AZURE, resource, "https://{resource}.example").unwrap();
        assert!(Arc::ptr_eq(&of("one"), &of("ONE")));
        for number in 0..3 * KEPT_MAX {
            of(&format!("r{number}"));
        }
        assert!(unlisted.0.read().unwrap().len() <= KEPT_MAX);
        assert!(unlisted.target("custom-none", "", "https://{resource}.example").is_err());
    }
}
