//! Which request meets which behaviour.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{
    behaviour::Behaviour,
    spoken::{NoBehaviour, Spoken},
};

/// Header texts with `times` that are remembered; a test has a few.
const COUNTED_HEADERS_MAX: usize = 10_000;

/// Why a request's header cannot be obeyed.
#[derive(Debug, thiserror::Error)]
pub(super) enum HeaderError {
    #[error(transparent)]
    Word(#[from] NoBehaviour),
    #[error("more than {COUNTED_HEADERS_MAX} header texts with `times`: POST /_sim/reset")]
    TooMany,
}

/// The rules in force. A request's own header comes first, then rules for a number of requests in the order they were
/// made, then the standing rule of its deployment, then the one for all, then the server's default.
#[derive(Debug)]
pub(super) struct Rules {
    fallback: Behaviour,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    counted: Vec<Counted>,
    standing: HashMap<String, Behaviour>,
    for_all: Option<Behaviour>,
    /// How many requests with this header text are still to be hit.
    headers: HashMap<String, u32>,
}

#[derive(Debug)]
struct Counted {
    /// `None` for any.
    deployment: Option<String>,
    behaviour: Behaviour,
    left: u32,
}

impl Rules {
    pub(super) fn new(fallback: Behaviour) -> Self {
        Self { fallback, state: Mutex::default() }
    }

    /// Makes a rule; `deployment` of `None` is any, `times` of `None` is for good.
    pub(super) fn add(&self, deployment: Option<&str>, behaviour: Behaviour, times: Option<u32>) {
        let mut state = self.lock();
        let deployment = deployment.map(str::to_owned);
        match (times, deployment) {
            (Some(0), _) => {}
            (Some(left), deployment) => state.counted.push(Counted { deployment, behaviour, left }),
            (None, Some(deployment)) => drop(state.standing.insert(deployment, behaviour)),
            (None, None) => state.for_all = Some(behaviour),
        }
    }

    pub(super) fn clear(&self) {
        *self.lock() = State::default();
    }

    /// The behaviour that a request for `deployment` meets; uses up what is counted.
    pub(super) fn meet(&self, deployment: &str, header: Option<&str>) -> Result<Behaviour, HeaderError> {
        let Some(header) = header else { return Ok(self.lock().meet(deployment, &self.fallback)) };
        let Spoken { behaviour, times } = Spoken::parse(header)?;
        match times {
            Some(times) if !self.lock().hits(header, times)? => Ok(Behaviour::default()),
            _ => Ok(behaviour),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn meet(&mut self, deployment: &str, fallback: &Behaviour) -> Behaviour {
        let met = self.counted.iter().position(|rule| rule.deployment.as_deref().is_none_or(|name| name == deployment));
        if let Some(index) = met {
            let rule = &mut self.counted[index];
            rule.left = rule.left.saturating_sub(1);
            let behaviour = rule.behaviour.clone();
            if rule.left == 0 {
                self.counted.remove(index);
            }
            return behaviour;
        }
        self.standing.get(deployment).or(self.for_all.as_ref()).unwrap_or(fallback).clone()
    }

    fn hits(&mut self, header: &str, times: u32) -> Result<bool, HeaderError> {
        if self.headers.len() >= COUNTED_HEADERS_MAX && !self.headers.contains_key(header) {
            return Err(HeaderError::TooMany);
        }
        let left = self.headers.entry(header.to_owned()).or_insert(times);
        let is_hit = *left > 0;
        *left = left.saturating_sub(1);
        Ok(is_hit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn azure_rules_are_met_in_order_and_used_up() {
        let rules = Rules::new(Behaviour::status(500));
        rules.add(None, Behaviour::status(501), None);
        rules.add(Some("a"), Behaviour::status(502), None);
        rules.add(Some("a"), Behaviour::status(503), Some(2));
        rules.add(None, Behaviour::status(504), Some(1));
        let met: Vec<Behaviour> =
            ["a", "b", "a", "a", "b"].iter().map(|name| rules.meet(name, None).unwrap()).collect();
        assert_eq!(met, [503, 504, 503, 502, 501].map(Behaviour::status));
        rules.clear();
        assert_eq!(rules.meet("a", None).unwrap(), Behaviour::status(500));
    }

    #[test]
    fn azure_headers_come_first_and_are_counted_by_their_text() {
        let rules = Rules::new(Behaviour::status(500));
        rules.add(None, Behaviour::status(501), None);
        let met = |header| rules.meet("a", Some(header)).unwrap();
        assert_eq!(met("502"), Behaviour::status(502));
        assert_eq!(met("503;times=1"), Behaviour::status(503));
        assert_eq!(met("503;times=1"), Behaviour::default());
        assert_eq!(met("503;times=1;key=2"), Behaviour::status(503));
        assert!(rules.meet("a", Some("no")).is_err());
    }
}
