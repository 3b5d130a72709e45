//! One request to the provider for all who ask the same at once.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::watch;

use super::{CacheKey, StoredAnswer};

/// How a flight ended: with an answer that can be shared, or with nothing.
type Landing = Option<Arc<StoredAnswer>>;

/// The requests under way, by key.
#[derive(Debug, Default, Clone)]
pub(crate) struct Flights(Arc<Mutex<HashMap<CacheKey, watch::Receiver<Option<Landing>>>>>);

/// What to do with a request.
pub(crate) enum Takeoff {
    /// Nobody else asks the same: go, and say through this what came of it.
    Lead(Lead),
    /// Somebody does: wait for what comes of that.
    Follow(Follow),
}

/// Leads a flight. However it is dropped, its followers hear of it.
pub(crate) struct Lead {
    flights: Flights,
    key: CacheKey,
    landing: watch::Sender<Option<Landing>>,
}

/// Follows a flight.
pub(crate) struct Follow(watch::Receiver<Option<Landing>>);

impl Flights {
    /// Joins the flight for this key, or leads a new one.
    pub(crate) fn join(&self, key: CacheKey) -> Takeoff {
        let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match flights.entry(key) {
            Entry::Occupied(flight) => Takeoff::Follow(Follow(flight.get().clone())),
            Entry::Vacant(place) => {
                let (landing, follower) = watch::channel(None);
                place.insert(follower);
                Takeoff::Lead(Lead { flights: self.clone(), key, landing })
            }
        }
    }
}

impl Lead {
    /// The key that the answer is to be kept under.
    pub(crate) fn key(&self) -> CacheKey {
        self.key
    }

    /// Hands the answer to all followers. It must be in the cache by now, for whoever asks next finds no flight.
    pub(crate) fn land(self, answer: Arc<StoredAnswer>) {
        self.landing.send_replace(Some(Some(answer)));
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        self.flights.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
        self.landing.send_if_modified(|landing| {
            let is_open = landing.is_none();
            if is_open {
                *landing = Some(None);
            }
            is_open
        });
    }
}

impl Follow {
    /// Waits for the leader; `None` when it brought nothing that can be shared.
    pub(crate) async fn landed(mut self) -> Landing {
        let landing = self.0.wait_for(Option::is_some).await.ok()?;
        landing.clone().flatten()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use gatelog_model::TenantId;
    use http::{HeaderMap, StatusCode};

    use super::*;
    use crate::cache::{AuthClass, CacheScope, KeyMode};

    fn key() -> CacheKey {
        let scope = CacheScope {
            account: "a",
            gateway: "g",
            method: "POST",
            provider: "p",
            endpoint: "e",
            asked_key: None,
            body: b"",
        };
        CacheKey::new(&TenantId::parse("t").unwrap(), AuthClass::of_credentials(&[]), KeyMode::Scope, &scope)
    }

    fn answer() -> Arc<StoredAnswer> {
        Arc::new(StoredAnswer {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            body: Bytes::from_static(b"x"),
            facts: gatelog_usage::ResponseFacts::default(),
            provider: String::new(),
            ttl: Duration::from_secs(60),
        })
    }

    fn lead(flights: &Flights) -> Lead {
        match flights.join(key()) {
            Takeoff::Lead(lead) => lead,
            Takeoff::Follow(_) => panic!("nobody flies"),
        }
    }

    fn follow(flights: &Flights) -> Follow {
        match flights.join(key()) {
            Takeoff::Follow(follow) => follow,
            Takeoff::Lead(_) => panic!("somebody flies"),
        }
    }

    #[tokio::test]
    async fn followers_share_the_answer_and_the_next_one_leads() {
        let flights = Flights::default();
        let leader = lead(&flights);
        let followers = [follow(&flights), follow(&flights)];
        leader.land(answer());
        for follower in followers {
            assert_eq!(follower.landed().await.unwrap().body, "x");
        }
        drop(lead(&flights));
        assert!(flights.0.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_leader_that_fails_lets_its_followers_go() {
        let flights = Flights::default();
        let leader = lead(&flights);
        let follower = follow(&flights);
        drop(leader);
        assert!(follower.landed().await.is_none());
        let _next = lead(&flights);
    }
}
