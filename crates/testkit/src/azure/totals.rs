//! Sums over all calls.

use std::collections::BTreeMap;

use gatelog_model::Tokens;
use serde::Serialize;

use super::journal::CallEnd;

/// Sums over calls. `calls` = `finished` + `refused` + `cut` + `cancelled` + open ones.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Calls that arrived.
    pub calls: u64,
    /// Answers below 400 that were handed over whole.
    pub finished: u64,
    /// Answers of 400 and more that were handed over whole.
    pub refused: u64,
    /// Answers that were cut on purpose.
    pub cut: u64,
    /// Answers that the client did not wait for.
    pub cancelled: u64,
    /// Input tokens of the finished answers, whether the answers said so or not.
    pub input_tokens: u64,
    /// Those of them from the cache.
    pub cached_input_tokens: u64,
    /// Output tokens of the finished answers.
    pub output_tokens: u64,
    /// Those of them spent on reasoning.
    pub reasoning_tokens: u64,
}

impl Counts {
    /// Calls that are still being answered.
    pub fn open(&self) -> u64 {
        self.calls - self.finished - self.refused - self.cut - self.cancelled
    }

    pub(super) fn close(&mut self, status: Option<u16>, tokens: &Tokens, end: CallEnd) {
        match end {
            CallEnd::Open => {}
            CallEnd::Cut => self.cut += 1,
            CallEnd::Cancelled => self.cancelled += 1,
            CallEnd::Finished if status.is_some_and(|status| status >= 400) => self.refused += 1,
            CallEnd::Finished => {
                self.finished += 1;
                self.input_tokens += tokens.input.unwrap_or(0);
                self.cached_input_tokens += tokens.cached_input.unwrap_or(0);
                self.output_tokens += tokens.output.unwrap_or(0);
                self.reasoning_tokens += tokens.reasoning.unwrap_or(0);
            }
        }
    }
}

/// Sums over all calls since the start or the last reset.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Over all.
    pub sum: Counts,
    /// By deployment, or by model where the path names none.
    pub by_deployment: BTreeMap<String, Counts>,
    /// By the request header `x-sim-tenant`, where there is one.
    pub by_tenant: BTreeMap<String, Counts>,
    /// Calls that the journal had to drop for newer ones.
    pub calls_dropped: u64,
}
