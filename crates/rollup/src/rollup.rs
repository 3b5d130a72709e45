//! The map of cells.

use std::collections::{BTreeMap, btree_map};

use gatelog_model::Event;

use crate::{RollupCell, RollupKey, RollupOptions};

/// Cells by key, in key order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rollup(BTreeMap<RollupKey, RollupCell>);

impl Rollup {
    /// Counts one event.
    pub fn add(&mut self, event: &Event, options: &RollupOptions) {
        self.0.entry(RollupKey::of(event, options)).or_default().add(event);
    }

    /// Adds every cell of `other`.
    pub fn merge(&mut self, other: Self) {
        self.extend(other.0);
    }

    /// The cells in key order.
    pub fn iter(&self) -> btree_map::Iter<'_, RollupKey, RollupCell> {
        self.0.iter()
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
    type IntoIter = btree_map::Iter<'a, RollupKey, RollupCell>;

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
