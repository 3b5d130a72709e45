//! The map of cells.

use std::{hash::RandomState, vec};

use gatelog_model::Event;
use hashbrown::HashMap;

use crate::{CellKey, RollupCell, RollupKey, RollupOptions};

/// Cells by key. Keys come from callers, so the hash is one that they cannot aim at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rollup(HashMap<RollupKey, RollupCell, RandomState>);

impl Rollup {
    /// Counts one event.
    pub fn add(&mut self, event: &Event, options: &RollupOptions) {
        let key = CellKey::of(event, options);
        match self.0.get_mut(&key) {
            Some(cell) => cell.add(event),
            None => self.0.entry(RollupKey::from(&key)).or_default().add(event),
        }
    }

    /// Adds every cell of `other`.
    pub fn merge(&mut self, other: Self) {
        self.extend(other.0);
    }

    /// The cells in key order.
    pub fn iter(&self) -> vec::IntoIter<(&RollupKey, &RollupCell)> {
        let mut cells: Vec<_> = self.0.iter().collect();
        cells.sort_unstable_by_key(|(key, _)| *key);
        cells.into_iter()
    }

    /// Requests of all cells.
    pub fn requests(&self) -> u64 {
        self.0.values().map(|cell| cell.requests).sum()
    }

    /// How many cells there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> IntoIterator for &'a Rollup {
    type Item = (&'a RollupKey, &'a RollupCell);
    type IntoIter = vec::IntoIter<(&'a RollupKey, &'a RollupCell)>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Cells of equal keys are added up.
impl Extend<(RollupKey, RollupCell)> for Rollup {
    fn extend<I: IntoIterator<Item = (RollupKey, RollupCell)>>(&mut self, cells: I) {
        for (key, cell) in cells {
            self.0.entry(key).or_default().merge(&cell);
        }
    }
}

/// Cells of equal keys are added up; how totals read back from SQL become a rollup again.
impl FromIterator<(RollupKey, RollupCell)> for Rollup {
    fn from_iter<I: IntoIterator<Item = (RollupKey, RollupCell)>>(cells: I) -> Self {
        let mut rollup = Self::default();
        rollup.extend(cells);
        rollup
    }
}
