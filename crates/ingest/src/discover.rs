//! Which objects there are, by listing.
//!
//! The look-back days are listed on every poll and everything now and then; there is no high-water mark, because Logpush
//! delivers late and out of order. The ledger takes each (key, etag) once.

use std::sync::Arc;

use chrono::{Days, NaiveDate};
use gatelog_catalog::{CatalogError, Listed};
use gatelog_logpush::{LogKey, day_prefix, folder_prefix};
use gatelog_objects::{ListedObject, ObjectError};
use tracing::{debug, warn};

use crate::{metrics, shared::Shared};

/// A listing or recording it failed; the next poll tries again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DiscoverError {
    #[error("cannot list the source bucket")]
    List(#[from] ObjectError),
    #[error("cannot record what was listed")]
    Record(#[from] CatalogError),
}

/// How much is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Today, tomorrow (clocks differ) and the look-back days.
    Recent,
    /// Every key under the prefixes.
    Everything,
}

/// Lists until shutdown: everything at the start and every `full_relist_interval`, the recent days in between.
pub(crate) async fn discover(shared: Arc<Shared>) {
    let mut since_full = shared.options.full_relist_interval;
    loop {
        let full = since_full >= shared.options.full_relist_interval;
        match list_once(&shared, if full { Scope::Everything } else { Scope::Recent }).await {
            Ok(new) => {
                debug!(objects.new = new, full, "listed the source bucket");
                if full {
                    since_full = std::time::Duration::ZERO;
                }
                shared.progress.found(new);
                shared.wake_feed.notify_one();
                shared.readiness.set_ready();
            }
            Err(error) => {
                metrics::list_failed();
                warn!(error = %crate::error_chain(&error), "cannot discover objects, trying again");
                shared.readiness.set_unready(error.to_string());
            }
        }
        since_full = since_full.saturating_add(shared.options.poll_interval);
        if !shared.shutdown.sleep(shared.options.poll_interval).await {
            return;
        }
    }
}

/// Lists once and records what is new; gives how many objects were.
pub(crate) async fn list_once(shared: &Shared, scope: Scope) -> Result<u64, DiscoverError> {
    let today = shared.clock.now().date();
    let mut new = 0;
    for prefix in &shared.options.prefixes {
        match scope {
            Scope::Everything => new += list_prefix(shared, &folder_prefix(prefix), prefix).await?,
            Scope::Recent => {
                for day in recent_days(today, shared.options.lookback_days) {
                    new += list_prefix(shared, &day_prefix(prefix, day), prefix).await?;
                }
            }
        }
    }
    Ok(new)
}

/// From the oldest look-back day to tomorrow.
fn recent_days(today: NaiveDate, lookback_days: u32) -> impl Iterator<Item = NaiveDate> {
    let oldest = today.checked_sub_days(Days::new(u64::from(lookback_days))).unwrap_or(today);
    oldest.iter_days().take(usize::try_from(lookback_days).unwrap_or(usize::MAX).saturating_add(2))
}

/// Lists the keys that start with `listed` and records those directly in day folders of `prefix`.
pub(crate) async fn list_prefix(shared: &Shared, listed: &str, prefix: &str) -> Result<u64, DiscoverError> {
    let mut new = 0;
    let mut continuation = None;
    loop {
        let page = shared.source.list_page(listed, None, continuation.as_deref()).await?;
        let listed: Vec<Listed> = page.objects.into_iter().filter_map(|object| log_object(object, prefix)).collect();
        if !listed.is_empty() {
            new += shared.catalog.record_listed(shared.source.bucket(), &listed).await?;
        }
        match page.next {
            Some(next) if !shared.shutdown.is_requested() => continuation = Some(next),
            _ => return Ok(new),
        }
    }
}

/// Keeps what is a log object of this prefix; anything else in the bucket is counted by kind and left alone.
fn log_object(object: ListedObject, prefix: &str) -> Option<Listed> {
    match LogKey::parse(&object.key) {
        Ok(key) if key.prefix() != folder_prefix(prefix) => {
            metrics::key_ignored("other_prefix");
            None
        }
        Ok(key) => Some(Listed {
            key: object.key,
            etag: object.etag,
            size_bytes: object.size_bytes,
            window_start: key.start(),
            window_end: key.end(),
        }),
        Err(kind) => {
            metrics::key_ignored(kind.as_str());
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recent_days_reach_from_the_look_back_to_tomorrow() {
        let today = NaiveDate::from_ymd_opt(2026, 3, 1).unwrap();
        let days: Vec<String> = recent_days(today, 2).map(|day| day.to_string()).collect();
        assert_eq!(days, ["2026-02-27", "2026-02-28", "2026-03-01", "2026-03-02"]);
    }
}
