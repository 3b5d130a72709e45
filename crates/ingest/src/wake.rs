//! Listing at once where a bucket says that it got something.
//!
//! A notice decides where to look and never what is there: the objects, their etags and sizes come from the listing. So
//! notices that are lost, repeated, stale or wrong change how soon an object is found, and nothing else.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use gatelog_logpush::{LogKey, folder_prefix};
use gatelog_runtime::Backoff;
use gatelog_triggers::{Notice, NoticeQueue, Received};
use tracing::{debug, warn};

use crate::{
    discover::{DiscoverError, list_prefix},
    error_chain, metrics,
    shared::Shared,
};

/// After a look that found nothing: a queue that does not wait for messages itself costs two requests a second at most, and an
/// object is found in half a second.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);
/// Places listed for one look; a hundred messages of one bucket name a few. What is left out is found by the next listing.
const PLACES_MAX: usize = 100;
/// Waits after a failure of the queue.
const RETRY_BASE: Duration = Duration::from_secs(1);
/// An outage of the queue costs a request a minute.
const RETRY_CAP: Duration = Duration::from_secs(60);
/// Characters of `YYYYMMDDTHHMM`: keys of one minute start alike.
const MINUTE_LEN: usize = 13;

/// Follows one queue until shutdown.
pub(crate) async fn follow(shared: Arc<Shared>, queue: Arc<dyn NoticeQueue>) {
    let mut backoff = Backoff::try_new(RETRY_BASE, RETRY_CAP).expect("the constants are in order");
    loop {
        // What was taken and is dropped here comes again.
        let looked = tokio::select! {
            looked = look(&shared, &*queue) => looked,
            () = shared.shutdown.requested() => return,
        };
        let pause = match looked {
            Ok(messages) => {
                backoff.reset();
                if messages { Duration::ZERO } else { LOOK_INTERVAL }
            }
            Err(error) => {
                metrics::notices_failed();
                warn!(error = %error_chain(&*error), "cannot follow the queue of notices, listing goes on without it");
                backoff.next_wait()
            }
        };
        if !shared.shutdown.sleep(pause).await {
            return;
        }
    }
}

/// Takes messages, lists what they are about, and removes them; says whether there were any.
async fn look(shared: &Shared, queue: &dyn NoticeQueue) -> Result<bool, Box<dyn std::error::Error + Send + Sync>> {
    let received = queue.receive().await?;
    if received.receipt.is_empty() {
        return Ok(false);
    }
    let new = list_places(shared, &received).await?;
    queue.acknowledge(received.receipt).await?;
    debug!(objects.new = new, "followed notices");
    Ok(true)
}

async fn list_places(shared: &Shared, received: &Received) -> Result<u64, DiscoverError> {
    for other in &received.others {
        metrics::notice(other.as_str());
    }
    let mut new = 0;
    for place in places(&received.notices, shared.source.bucket(), &shared.options.prefixes) {
        let found = list_prefix(shared, &place.listed, place.prefix).await?;
        // At once: what is in the ledger is no longer new when the next place fails and all are listed again.
        if found > 0 {
            shared.progress.found(found);
            shared.wake_feed.notify_one();
        }
        new += found;
    }
    Ok(new)
}

/// Where to list: the keys of one minute, under one of the prefixes that are read.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place<'a> {
    listed: String,
    prefix: &'a str,
}

/// Where notices of this bucket point to, each place once.
fn places<'a>(notices: &[Notice], bucket: &str, prefixes: &'a [String]) -> BTreeSet<Place<'a>> {
    let mut places = BTreeSet::new();
    for notice in notices {
        match place(notice, bucket, prefixes) {
            Ok(place) if places.len() < PLACES_MAX || places.contains(&place) => {
                metrics::notice("listed");
                places.insert(place);
            }
            Ok(_) => metrics::notice("left_to_listing"),
            Err(kind) => metrics::notice(kind),
        }
    }
    places
}

fn place<'a>(notice: &Notice, bucket: &str, prefixes: &'a [String]) -> Result<Place<'a>, &'static str> {
    if notice.bucket != bucket {
        return Err("other_bucket");
    }
    let key = LogKey::parse(&notice.key).map_err(|kind| kind.as_str())?;
    let prefix = prefixes.iter().find(|prefix| folder_prefix(prefix) == key.prefix()).ok_or("other_prefix")?;
    let name = notice.key.rfind('/').map_or(0, |slash| slash + 1);
    Ok(Place { listed: notice.key[..name + MINUTE_LEN].to_owned(), prefix })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(bucket: &str, key: &str) -> Notice {
        Notice { bucket: bucket.to_owned(), key: key.to_owned() }
    }

    #[test]
    fn a_notice_points_to_the_minute_of_its_key() {
        let prefixes = ["gw".to_owned(), String::new()];
        let found = |bucket: &str, key: &str| {
            place(&notice(bucket, key), "logs", &prefixes).map(|place| (place.listed, place.prefix.to_owned()))
        };
        let name = "20260801/20260801T100210Z_20260801T100240Z_1a2b3c4d.log.gz";
        let listed = "20260801/20260801T1002".to_owned();
        assert_eq!(found("logs", name), Ok((listed.clone(), String::new())));
        assert_eq!(found("logs", &format!("gw/{name}")), Ok((format!("gw/{listed}"), "gw".to_owned())));
        assert_eq!(found("lake", name), Err("other_bucket"));
        assert_eq!(found("logs", &format!("other/{name}")), Err("other_prefix"));
        assert_eq!(found("logs", "20260801/test.txt.gz"), Err("test_object"));
        assert_eq!(found("logs", "ü"), Err("other"));
    }

    #[test]
    fn a_flood_of_notices_lists_a_bounded_number_of_places() {
        let prefixes = [String::new()];
        let key = |minute: usize, second: usize| {
            let at = format!("20260801T{:02}{:02}{second:02}Z", minute / 60, minute % 60);
            notice("logs", &format!("20260801/{at}_{at}_00000000.log.gz"))
        };
        let repeated: Vec<Notice> = (0..60).flat_map(|second| [key(3, second), key(7, second)]).collect();
        assert_eq!(places(&repeated, "logs", &prefixes).len(), 2);
        let many: Vec<Notice> = (0..PLACES_MAX + 50).map(|minute| key(minute, 0)).collect();
        assert_eq!(places(&many, "logs", &prefixes).len(), PLACES_MAX);
    }
}
