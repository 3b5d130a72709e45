//! The objects of a plan.

use chrono::NaiveTime;
use gatelog_logpush::{Batch, LogKey, SealingKey};
use gatelog_model::TimestampMicros;

use super::{
    CorpusError, DayCorpus, DayPlan, GroundTruth, PlannedObject, Role, bad::BadLines, exchange::Exchange, line,
    random::Random,
};

/// Length of an object's time window; Logpush pushes about twice a minute.
const WINDOW_SECONDS: i64 = 33;
const DAY_SECONDS: i64 = 86_400;
/// Every so many objects one is our own gateway's: with log ids, times and durations.
const OWN_GATEWAY_EVERY: usize = 4;
/// Lines of a corrupt object: enough for some to be readable before it breaks off.
const CORRUPT_OBJECT_LINES: u64 = 40;
/// Objects below which there is no room for duplicates and bad lines in different ones.
pub(super) const OBJECTS_MIN: usize = 4;

/// An object that still takes lines.
struct OpenObject {
    key: LogKey,
    lines: Vec<Vec<u8>>,
}

/// Makes the objects of a plan.
pub(super) fn build(plan: &DayPlan) -> Result<DayCorpus, CorpusError> {
    let sealing = plan.sealed_for.as_deref().map(|pem| SealingKey::from_pem("public key", pem)).transpose()?;
    let random = Random::new(plan.seed);
    let truth = GroundTruth::default();
    let mut builder = Builder { plan, sealing, random, number: 0, truth, objects: Vec::new() };
    builder.build()?;
    Ok(DayCorpus { objects: builder.objects, truth: builder.truth })
}

struct Builder<'p> {
    plan: &'p DayPlan,
    sealing: Option<SealingKey>,
    random: Random,
    /// Number of the next label.
    number: u64,
    truth: GroundTruth,
    objects: Vec<PlannedObject>,
}

impl Builder<'_> {
    fn build(&mut self) -> Result<(), CorpusError> {
        let mut regular = self.regular_objects()?;
        let asks_for_more = self.plan.redelivered_objects + self.plan.repeated_lines + self.plan.bad_lines > 0;
        if asks_for_more && regular.len() < OBJECTS_MIN {
            return Err(CorpusError::TooSmall);
        }
        self.repeat_lines(&mut regular);
        self.add_bad_lines(&mut regular)?;
        for object in &regular {
            self.close(object.key.to_string(), &object.lines, Role::Regular)?;
        }
        self.redeliver(&regular)?;
        self.add_corrupt_objects()?;
        if self.plan.with_other_keys {
            self.add_other_keys();
        }
        self.add_late_objects()
    }

    fn regular_objects(&mut self) -> Result<Vec<OpenObject>, CorpusError> {
        let mut sizes = Vec::new();
        let mut left = self.plan.events;
        while left > 0 {
            let average = self.plan.events_per_object.max(1);
            let size = self.random.between(1, average * 2 - 1).min(left);
            left -= size;
            sizes.push(size);
        }
        let count = i64::try_from(sizes.len()).expect("objects fit in memory");
        let midnight = TimestampMicros::clamped(self.plan.date.and_time(NaiveTime::MIN).and_utc());
        let mut objects = Vec::with_capacity(sizes.len());
        for (index, size) in (0_i64..).zip(sizes) {
            // The last window still ends before midnight.
            let start = midnight.plus_seconds(index * (DAY_SECONDS - WINDOW_SECONDS) / count);
            objects.push(self.object(start, size, objects.len() % OWN_GATEWAY_EVERY == OWN_GATEWAY_EVERY - 1, true)?);
        }
        Ok(objects)
    }

    /// An object of new events; whether they count is up to the caller.
    fn object(
        &mut self,
        start: TimestampMicros,
        size: u64,
        is_own_gateway: bool,
        counts: bool,
    ) -> Result<OpenObject, CorpusError> {
        let suffix = u32::try_from(self.random.next() >> 32).expect("32 bits are left");
        let key = LogKey::new(&self.plan.prefix, start, start.plus_seconds(WINDOW_SECONDS), suffix);
        let mut lines = Vec::new();
        for index in 0..size {
            let offset = i64::try_from(index).unwrap_or(0) * WINDOW_SECONDS / i64::try_from(size).unwrap_or(1);
            let at = start.plus_seconds(offset);
            let exchange = Exchange::draw(&mut self.random, self.plan.seed, self.number, self.plan.tenants, at);
            self.number += 1;
            if counts {
                self.truth.event(&exchange);
            }
            lines.push(line::write(&exchange, is_own_gateway, self.sealing.as_ref())?);
        }
        Ok(OpenObject { key, lines })
    }

    /// Copies lines into a later object; every line at most once, or its second copy there would be an event.
    fn repeat_lines(&mut self, objects: &mut [OpenObject]) {
        let mut left = self.plan.repeated_lines;
        let originals: Vec<usize> = objects.iter().map(|object| object.lines.len()).collect();
        let last = objects.len().saturating_sub(1);
        for (line, from) in
            (0..originals.iter().copied().max().unwrap_or(0)).flat_map(|line| (0..last).map(move |from| (line, from)))
        {
            if left == 0 {
                return;
            }
            if line < originals[from] {
                let to = from + 1 + self.random.index(last - from);
                let copy = objects[from].lines[line].clone();
                objects[to].lines.push(copy);
                self.truth.duplicates(1);
                left -= 1;
            }
        }
    }

    /// Puts bad lines into the first half of the objects; the second half is for redelivery.
    fn add_bad_lines(&mut self, objects: &mut [OpenObject]) -> Result<(), CorpusError> {
        if self.plan.bad_lines == 0 {
            return Ok(());
        }
        let mut bad = BadLines::new(self.plan.overlong_line_bytes, self.plan.sealed_for.as_deref())?;
        let half = objects.len() / 2;
        for reason in bad.reasons() {
            for _ in 0..self.plan.bad_lines {
                if let Some(line) = bad.line(*reason)? {
                    let lines = &mut objects[self.random.index(half)].lines;
                    let at = self.random.index(lines.len() + 1);
                    lines.insert(at, line);
                    self.truth.reject(*reason);
                }
            }
        }
        Ok(())
    }

    fn redeliver(&mut self, objects: &[OpenObject]) -> Result<(), CorpusError> {
        let half = objects.len() / 2;
        for index in 0..usize::try_from(self.plan.redelivered_objects).unwrap_or(0).min(objects.len() - half) {
            let again = &objects[half + index];
            let suffix = again.key.suffix() ^ 0x5a5a_5a5a;
            let key = LogKey::new(again.key.prefix(), again.key.start(), again.key.end(), suffix);
            self.truth.duplicates(u64::try_from(again.lines.len()).unwrap_or(0));
            self.close(key.to_string(), &again.lines, Role::Redelivered)?;
        }
        Ok(())
    }

    fn add_corrupt_objects(&mut self) -> Result<(), CorpusError> {
        let noon =
            TimestampMicros::clamped(self.plan.date.and_time(NaiveTime::MIN).and_utc()).plus_seconds(DAY_SECONDS / 2);
        for index in 0..i64::from(self.plan.corrupt_objects) {
            let object = self.object(noon.plus_seconds(index), CORRUPT_OBJECT_LINES, false, false)?;
            let mut bytes = compress(&object.lines);
            bytes.truncate(bytes.len() * 2 / 3);
            self.truth.quarantined.push(object.key.to_string());
            self.objects.push(PlannedObject { key: object.key.to_string(), bytes, role: Role::Corrupt });
        }
        Ok(())
    }

    fn add_late_objects(&mut self) -> Result<(), CorpusError> {
        let midnight = TimestampMicros::clamped(self.plan.date.and_time(NaiveTime::MIN).and_utc());
        for index in 1..=i64::from(self.plan.late_objects) {
            let start = midnight.plus_seconds(-index * 10 * WINDOW_SECONDS);
            let object = self.object(start, self.plan.events_per_object.max(1), false, true)?;
            self.close(object.key.to_string(), &object.lines, Role::Late)?;
        }
        Ok(())
    }

    fn add_other_keys(&mut self) {
        let day = self.plan.date.format("%Y%m%d");
        let folder = if self.plan.prefix.is_empty() { String::new() } else { format!("{}/", self.plan.prefix) };
        for (key, bytes) in [
            (format!("{folder}{day}/ownership-challenge-3f9a.txt"), &b"eyJhbGciOi.token"[..]),
            (format!("{folder}{day}/test.txt.gz"), &b"\x1f\x8b not really"[..]),
        ] {
            self.truth.ignored.push(key.clone());
            self.objects.push(PlannedObject { key, bytes: bytes.to_vec(), role: Role::Other });
        }
    }

    fn close(&mut self, key: String, lines: &[Vec<u8>], role: Role) -> Result<(), CorpusError> {
        self.truth.objects += 1;
        self.objects.push(PlannedObject { key, bytes: compress(lines), role });
        Ok(())
    }
}

fn compress(lines: &[Vec<u8>]) -> Vec<u8> {
    let mut batch = Batch::new();
    lines.iter().for_each(|line| batch.push_line(line));
    batch.finish()
}
