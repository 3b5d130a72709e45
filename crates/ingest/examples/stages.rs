//! Where the CPU time of an ingest goes: runs each stage by itself, on one thread, over objects from disk.
//!
//! `stages OBJECT...` prints `STAGE CPU_SECONDS` lines. Normalising (usage, prices, metadata) cannot be called alone: it is
//! what decoding takes beyond gunzip, parse and digest.

use std::{
    env,
    error::Error,
    fs,
    io::{self, Write},
    path::Path,
    sync::Arc,
    time::Duration,
};

use bytes::BytesMut;
use gatelog_columnar::{Stamp, WriteOptions, write_day_files};
use gatelog_ingest::{DecodeContext, MetadataKeys, NormaliseContext, UnwrapPool, Wanted, decode_object};
use gatelog_logpush::{KeyRing, Line, LineLimits, LineParser, LineReader, LogKey};
use gatelog_model::{DeploymentType, Event, SourceObject, TimestampMicros};
use gatelog_pricing::{DeploymentEntry, DeploymentMap, RateBook};
use gatelog_rollup::{Rollup, RollupOptions};
use rustix::time::{ClockId, clock_gettime};
use sha2::{Digest, Sha256};

/// The Azure deployments of the generated corpus, so that pricing has its share of the work.
const DEPLOYMENTS: [(&str, &str); 5] = [
    ("gpt-4o", "2024-11-20"),
    ("gpt-4o-mini", "2024-07-18"),
    ("gpt-4.1", "2025-04-14"),
    ("gpt-4.1-mini", "2025-04-14"),
    ("o4-mini", "2025-04-16"),
];

/// CPU time per stage, over all objects.
#[derive(Default)]
struct Spent {
    gunzip: Duration,
    parse: Duration,
    digest: Duration,
    decode: Duration,
    rollup: Duration,
    encode: Duration,
}

fn main() -> Result<(), Box<dyn Error>> {
    let context = context()?;
    let mut spent = Spent::default();
    for path in env::args().skip(1) {
        measure_object(&context, Path::new(&path), &mut spent)?;
    }
    let normalise = spent.decode.saturating_sub(spent.gunzip + spent.parse + spent.digest);
    let stages = [
        ("gunzip", spent.gunzip),
        ("parse", spent.parse),
        ("digest", spent.digest),
        ("normalise", normalise),
        ("rollup", spent.rollup),
        ("sort+encode", spent.encode),
    ];
    let mut out = io::stdout().lock();
    for (stage, time) in stages {
        writeln!(out, "{stage} {:.3}", time.as_secs_f64())?;
    }
    Ok(())
}

fn context() -> Result<DecodeContext, Box<dyn Error>> {
    let deployments = DEPLOYMENTS.map(|(model, version)| DeploymentEntry {
        resource: "aoai-imbila-sa".to_owned(),
        deployment: model.to_owned(),
        model: model.to_owned(),
        version: Some(version.to_owned()),
        deployment_type: DeploymentType::Global,
        region: Some("southafricanorth".to_owned()),
    });
    let normalise = NormaliseContext {
        account_id: "bench".to_owned(),
        metadata_keys: MetadataKeys::default(),
        deployments: DeploymentMap::try_new(deployments.into())?,
        rates: RateBook::builtin(),
    };
    Ok(DecodeContext {
        normalise: Arc::new(normalise),
        keys: Arc::new(KeyRing::from_pem([])?),
        unwrap: Arc::new(UnwrapPool::try_new(1)?),
        chunk_bytes: usize::MAX,
    })
}

fn measure_object(context: &DecodeContext, path: &Path, spent: &mut Spent) -> Result<(), Box<dyn Error>> {
    let source = source_object(path)?;
    let object = fs::read(path)?;
    let reader = || LineReader::in_memory(&object, LineLimits::default());

    timed(&mut spent.gunzip, || {
        let mut lines = reader();
        while lines.next_line()?.is_some() {}
        Ok::<_, Box<dyn Error>>(())
    })?;
    let mut lines = lines_of(reader())?;
    timed(&mut spent.digest, || {
        for line in &lines {
            std::hint::black_box(Sha256::digest(line));
        }
    });
    timed(&mut spent.parse, || {
        let mut parser = LineParser::default();
        for line in &mut lines {
            std::hint::black_box(parser.parse_in_place(line).is_ok());
        }
    });
    drop(lines);

    let mut events: Vec<Event> = Vec::new();
    timed(&mut spent.decode, || {
        decode_object(context, &source, &mut reader(), Wanted::All, |chunk| {
            events.extend(chunk.events);
            Ok(())
        })
    })?;
    timed(&mut spent.rollup, || {
        let mut rollup = Rollup::default();
        for event in &events {
            rollup.add(event, &RollupOptions { keep_users: true });
        }
        std::hint::black_box(rollup);
    });
    let stamp = Stamp { commit_seq: 1, ingest_time: source.window_end };
    timed(&mut spent.encode, || write_day_files(events, stamp, WriteOptions::default()))?;
    Ok(())
}

fn lines_of(mut reader: LineReader<&[u8]>) -> Result<Vec<BytesMut>, Box<dyn Error>> {
    let mut lines = Vec::new();
    while let Some(line) = reader.next_line()? {
        if let Line::Text { text, .. } = line {
            lines.push(text);
        }
    }
    Ok(lines)
}

/// The object as the ledger would know it: its key is the last two parts of the path.
fn source_object(path: &Path) -> Result<Arc<SourceObject>, Box<dyn Error>> {
    let parts: Vec<_> = path.components().rev().take(2).map(|part| part.as_os_str().to_string_lossy()).collect();
    let [name, day] = &parts[..] else { return Err("an object lies in a day folder".into()) };
    let key = LogKey::parse(&format!("{day}/{name}")).map_err(|kind| format!("not a log object: {}", kind.as_str()))?;
    let (window_start, window_end): (TimestampMicros, TimestampMicros) = (key.start(), key.end());
    Ok(Arc::new(SourceObject {
        bucket: "bench".to_owned(),
        key: format!("{day}/{name}"),
        etag: "bench".to_owned(),
        size_bytes: fs::metadata(path)?.len(),
        window_start,
        window_end,
    }))
}

/// Adds the CPU time of this thread that `work` takes.
fn timed<T>(spent: &mut Duration, work: impl FnOnce() -> T) -> T {
    let before = cpu_time();
    let result = work();
    *spent += cpu_time().saturating_sub(before);
    result
}

fn cpu_time() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(now).unwrap_or_default()
}
