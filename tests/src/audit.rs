//! What an auditor finds, reading Postgres and the bucket only.

use std::collections::BTreeMap;

use gatelog_catalog::LedgerTotals;
use gatelog_columnar::{EventRow, read_events};
use gatelog_model::PicoUsd;

use crate::{Labels, World, labels};

/// Largest Parquet file that a test makes.
const FILE_BYTES_MAX: u64 = 1 << 30;

/// Ledger, rollup and lake at one moment.
#[derive(Debug)]
pub struct Audit {
    /// Totals of the ledger and the rollup.
    pub totals: LedgerTotals,
    /// Every row of the lake.
    pub rows: Vec<EventRow>,
    /// Files of the table's folder that no snapshot references.
    pub unreferenced: usize,
}

impl Audit {
    /// Reads everything.
    pub async fn of(world: &World) -> Self {
        let catalog = world.catalog().await;
        let store = world.lake_store().await;
        let totals = catalog.ledger_totals().await.expect("the ledger");
        let lake = gatelog_ingest::open_lake(store.clone(), catalog, "lake").await.expect("the lake");
        let pointer = lake.pointer().await.expect("a pointer");
        let mut rows = Vec::new();
        for path in lake.data_files(&pointer).await.expect("the manifests") {
            let key = lake.key(&path).expect("a path of the lake");
            let bytes = store.get_bytes(key, FILE_BYTES_MAX).await.expect("a referenced file is there");
            rows.extend(read_events(bytes).expect("Parquet"));
        }
        let in_a_year = gatelog_model::TimestampMicros::MAX;
        let orphans = lake.orphans(in_a_year, 3_600, gatelog_lake::OrphanAction::Report).await.expect("a listing");
        Self { totals, rows, unreferenced: orphans.orphans.len() }
    }

    /// How often each label stands in the lake.
    pub fn labels(&self) -> BTreeMap<u32, usize> {
        let mut counts = BTreeMap::new();
        for row in &self.rows {
            let label =
                row.event.metadata.get("trace").and_then(|text| text.parse().ok()).expect("every line has a label");
            *counts.entry(label).or_default() += 1;
        }
        counts
    }

    /// What the lake's rows cost.
    pub fn lake_cost(&self) -> PicoUsd {
        self.rows.iter().filter_map(|row| row.event.cost).sum()
    }

    /// Asserts that every label is there once, and that ledger, rollup and lake agree with each other and with the truth.
    pub fn assert_exactly(&self, expected: &Labels) {
        let counts = self.labels();
        let doubled: Vec<_> = counts.iter().filter(|(_, count)| **count > 1).collect();
        assert!(doubled.is_empty(), "counted twice: {doubled:?}");
        let lost: Vec<_> = expected.iter().filter(|label| !counts.contains_key(label)).collect();
        assert!(lost.is_empty(), "lost: {lost:?}");
        let invented: Vec<_> = counts.keys().filter(|label| !expected.contains(label)).collect();
        assert!(invented.is_empty(), "from nowhere: {invented:?}");

        self.assert_agreed();
        assert_eq!(self.totals.cost, labels::cost(expected), "and that is the true cost");
    }

    /// Asserts that every answer of `answered` is there once, every other call of `asked` once or not at all, and no line
    /// was seen twice or refused; and that ledger, rollup and lake agree.
    pub fn assert_answered(&self, answered: &Labels, asked: &Labels) {
        let counts = self.labels();
        let doubled: Vec<_> = counts.iter().filter(|(_, count)| **count > 1).collect();
        assert!(doubled.is_empty(), "counted twice: {doubled:?}");
        let lost: Vec<_> = answered.iter().filter(|label| !counts.contains_key(label)).collect();
        assert!(lost.is_empty(), "answered, and lost: {lost:?}");
        let invented: Vec<_> = counts.keys().filter(|label| !asked.contains(label)).collect();
        assert!(invented.is_empty(), "from nowhere: {invented:?}");
        let tally = &self.totals.tally;
        assert_eq!((tally.duplicates, tally.rejects), (0, 0), "{tally:?}");
        self.assert_agreed();
    }

    /// Asserts that ledger, rollup and lake agree with each other.
    fn assert_agreed(&self) {
        let totals = &self.totals;
        assert!(totals.is_balanced(), "{totals:?}");
        let rows = self.rows.len() as u64;
        let everywhere = [totals.tally.events, totals.lake_events, totals.file_rows, totals.rollup_requests];
        assert_eq!(everywhere, [rows; 4], "ledger, commits, files and rollup count the rows of the lake: {totals:?}");
        assert_eq!(totals.cost, self.lake_cost(), "rollup and lake cost the same");
    }
}
