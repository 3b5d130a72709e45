//! Durations in fixed buckets, so that percentiles of sums can be taken anywhere, also in SQL.
//!
//! Bucket `i` counts durations of more than `BOUNDS_MS[i - 1]` and at most `BOUNDS_MS[i]` milliseconds; the first also
//! takes 0 ms, the last everything longer. The bounds are the preferred numbers of ISO 3, series R10 (ten per decade:
//! 1, 1.25, 1.6, 2, 2.5, 3.15, 4, 5, 6.3, 8), rounded to whole milliseconds below 50: each is some 1.26 times the one before.
//!
//! # The same in SQL
//!
//! The `q`-percentile of a summed `bigint[]` is the first bucket whose running total reaches `ceil(total * q / 100)`,
//! and at least 1; its value is [`VALUES_MS`] at that index (arrays in SQL count from 1). Both tables are literals of
//! equal length, meant to be copied into a migration; an array is either empty or [`BUCKET_COUNT`] long.

/// How many buckets there are; a bound on the size of a cell in SQL (512 bytes).
pub const BUCKET_COUNT: usize = 64;

/// Greatest duration that each bucket counts, milliseconds; ends at 66 minutes, past any provider's timeout.
#[rustfmt::skip]
pub const BOUNDS_MS: [u32; BUCKET_COUNT] = [
    1, 2, 3, 4, 5, 6, 8,
    10, 13, 16, 20, 25, 32, 40, 50, 63, 80,
    100, 125, 160, 200, 250, 315, 400, 500, 630, 800,
    1_000, 1_250, 1_600, 2_000, 2_500, 3_150, 4_000, 5_000, 6_300, 8_000,
    10_000, 12_500, 16_000, 20_000, 25_000, 31_500, 40_000, 50_000, 63_000, 80_000,
    100_000, 125_000, 160_000, 200_000, 250_000, 315_000, 400_000, 500_000, 630_000, 800_000,
    1_000_000, 1_250_000, 1_600_000, 2_000_000, 2_500_000, 3_150_000, 4_000_000,
];

/// What a percentile that falls into each bucket is given as, milliseconds.
///
/// It is the value with the least worst relative error, `2 * low * high / (low + high)` rounded, where `low` is the
/// bound before plus 1: at most 12.5 % (exact up to 6 ms; 0 ms shows as 1, over 66 minutes as the last value).
pub const VALUES_MS: [u32; BUCKET_COUNT] = values_ms();

/// Counts of durations per bucket; merging is addition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LatencyHistogram {
    /// Empty while nothing is recorded, else [`BUCKET_COUNT`] long, so that equal counts are equal values.
    buckets: Vec<u64>,
}

/// Stored counts that are not a histogram of this layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a latency histogram has no or {BUCKET_COUNT} buckets, not {found}")]
pub struct BadBuckets {
    /// How many buckets were found.
    pub found: usize,
}

impl LatencyHistogram {
    /// Takes counts that [`Self::buckets`] gave.
    ///
    /// # Errors
    ///
    /// [`BadBuckets`] when the length is neither 0 nor [`BUCKET_COUNT`].
    pub fn try_new(buckets: Vec<u64>) -> Result<Self, BadBuckets> {
        match buckets.len() {
            0 => Ok(Self::default()),
            BUCKET_COUNT if buckets.iter().all(|count| *count == 0) => Ok(Self::default()),
            BUCKET_COUNT => Ok(Self { buckets }),
            found => Err(BadBuckets { found }),
        }
    }

    /// Counts one duration.
    pub fn record(&mut self, duration_ms: u32) {
        let index = BOUNDS_MS.partition_point(|bound| *bound < duration_ms).min(BUCKET_COUNT - 1);
        self.buckets.resize(BUCKET_COUNT, 0);
        self.buckets[index] = self.buckets[index].saturating_add(1);
    }

    /// Adds the counts of `other`.
    pub fn merge(&mut self, other: &Self) {
        if other.buckets.is_empty() {
            return;
        }
        self.buckets.resize(BUCKET_COUNT, 0);
        for (count, more) in self.buckets.iter_mut().zip(&other.buckets) {
            *count = count.saturating_add(*more);
        }
    }

    /// The counts: empty, or one per bucket of [`BOUNDS_MS`].
    pub fn buckets(&self) -> &[u64] {
        &self.buckets
    }

    /// Whether nothing was recorded.
    pub fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }

    /// How many durations were recorded.
    pub fn count(&self) -> u64 {
        self.buckets.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// Greatest duration that bucket `index` counts, milliseconds; `None` past the last bucket.
    pub fn upper_bound_ms(index: usize) -> Option<u32> {
        BOUNDS_MS.get(index).copied()
    }

    /// The duration that `percent` per cent of the requests did not exceed (nearest rank), milliseconds; within 12.5 %,
    /// see [`VALUES_MS`]. `None` if nothing was recorded; more than 100 counts as 100.
    pub fn percentile(&self, percent: u8) -> Option<u32> {
        let total: u128 = self.buckets.iter().map(|count| u128::from(*count)).sum();
        let rank = (total * u128::from(percent.min(100))).div_ceil(100).max(1);
        let mut reached = 0_u128;
        let index = self.buckets.iter().position(|count| {
            reached += u128::from(*count);
            reached >= rank
        })?;
        Some(VALUES_MS[index])
    }
}

const fn values_ms() -> [u32; BUCKET_COUNT] {
    let mut values = BOUNDS_MS;
    let mut index = 1;
    while index < BUCKET_COUNT {
        let low = BOUNDS_MS[index - 1] as u64 + 1;
        let high = BOUNDS_MS[index] as u64;
        let rounded = (4 * low * high + low + high) / (2 * (low + high));
        assert!(low <= rounded && rounded <= high, "a mean lies between its numbers");
        values[index] = narrow(rounded);
        index += 1;
    }
    values
}

#[expect(clippy::cast_possible_truncation, reason = "evaluated by the compiler; a mean of two u32 is a u32")]
const fn narrow(value: u64) -> u32 {
    assert!(value <= u32::MAX as u64);
    value as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_rise_and_a_duration_falls_under_its_bound() {
        assert!(BOUNDS_MS.windows(2).all(|pair| pair[0] < pair[1]));
        for (duration_ms, index) in [(0, 0), (1, 0), (2, 1), (7, 6), (8, 6), (9, 7), (4_000_000, 63), (u32::MAX, 63)] {
            let mut histogram = LatencyHistogram::default();
            histogram.record(duration_ms);
            assert_eq!(histogram.buckets()[index], 1, "{duration_ms} ms");
        }
    }

    #[test]
    fn percentiles_are_nearest_rank() {
        let mut histogram = LatencyHistogram::default();
        assert_eq!(histogram.percentile(50), None);
        for duration_ms in [1, 2, 3, 4] {
            histogram.record(duration_ms);
        }
        let percentiles = [0, 25, 26, 50, 75, 76, 100, 200].map(|percent| histogram.percentile(percent));
        assert_eq!(percentiles, [1, 1, 2, 2, 3, 4, 4, 4].map(Some));
    }

    #[test]
    fn stored_buckets_are_checked_and_canonical() {
        assert_eq!(LatencyHistogram::try_new(vec![0; BUCKET_COUNT]), Ok(LatencyHistogram::default()));
        assert_eq!(LatencyHistogram::try_new(vec![1; 3]), Err(BadBuckets { found: 3 }));
        let full = LatencyHistogram::try_new(vec![u64::MAX; BUCKET_COUNT]).unwrap();
        assert_eq!(full.count(), u64::MAX);
        assert_eq!(full.percentile(50), Some(VALUES_MS[31]));
    }
}
