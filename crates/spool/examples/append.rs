//! How long an append takes at a given rate, and how many a processor second carries.
//!
//! `append [FOLDER] [RATE] [SECONDS] [relaxed|strict]`; the folder should be on the disk that is asked about.
#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use gatelog_model::Clock;
use gatelog_runtime::SystemClock;
use gatelog_spool::{Audit, Spool, SpoolOptions};
use rustix::time::{ClockId, clock_gettime};
use tokio::time::MissedTickBehavior;

/// A sealed record of a short chat.
const RECORD_BYTES: usize = 6_000;
/// Records of the second measurement, and how many wait at once.
const MANY: usize = 100_000;
const AT_ONCE: usize = 64;

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().map_or_else(std::env::temp_dir, PathBuf::from).join("gatelog-append-example");
    let rate: u32 = arguments.next().map_or(Ok(1_000), |text| text.parse())?;
    let seconds: u32 = arguments.next().map_or(Ok(10), |text| text.parse())?;
    let is_strict = arguments.next().is_some_and(|text| text == "strict");
    let mut options = SpoolOptions::new(&folder);
    options.audit = if is_strict { Audit::Strict } else { Audit::Relaxed };
    let spool = Spool::open(options, Arc::new(SystemClock))?;
    let line = [&b"{\"RequestBody\":\""[..], &vec![b'a'; RECORD_BYTES], b"\"}\n"].concat();

    println!(
        "{:?}, {RECORD_BYTES} bytes a record, {rate}/s for {seconds} s",
        if is_strict { Audit::Strict } else { Audit::Relaxed }
    );
    let mut waits = at_a_rate(&spool, &line, rate, seconds).await?;
    waits.sort_unstable();
    for (name, per_mille) in [("p50", 500), ("p90", 900), ("p99", 990), ("p99.9", 999), ("max", 1_000)] {
        println!("{name:>6}: {:?}", waits[((waits.len() - 1) * per_mille) / 1_000]);
    }
    as_many_as_possible(&spool, &line).await?;
    spool.close().await;
    drop(spool);
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

/// One append per tick, each in a task of its own as a request would be; returns what each had to wait.
async fn at_a_rate(spool: &Spool, line: &[u8], rate: u32, seconds: u32) -> Result<Vec<Duration>, Failure> {
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / rate);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..rate * seconds {
        ticks.tick().await;
        let (spool, line) = (spool.clone(), line.to_vec());
        tasks.spawn(async move {
            let ticket = spool.admit(RECORD_BYTES as u64)?;
            let begun = Instant::now();
            ticket.append(SystemClock.now(), line).await?;
            Ok::<_, Failure>(begun.elapsed())
        });
    }
    tasks.join_all().await.into_iter().collect()
}

async fn as_many_as_possible(spool: &Spool, line: &[u8]) -> Result<(), Failure> {
    let (begun, processor) = (Instant::now(), processor_seconds());
    let tasks = (0..AT_ONCE).map(|_| {
        let (spool, line) = (spool.clone(), line.to_vec());
        tokio::spawn(async move {
            for _ in 0..MANY / AT_ONCE {
                spool.admit(RECORD_BYTES as u64)?.append(SystemClock.now(), line.clone()).await?;
            }
            Ok::<_, Failure>(())
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await??;
    }
    let (took, used) = (begun.elapsed().as_secs_f64(), processor_seconds() - processor);
    let many = f64::from(u32::try_from(MANY)?);
    println!("{:.0} records/s, {:.0} records per processor second ({AT_ONCE} at once)", many / took, many / used);
    Ok(())
}

/// User and system time of this process, all threads.
#[expect(clippy::cast_precision_loss, reason = "seconds of one run")]
fn processor_seconds() -> f64 {
    let used = clock_gettime(ClockId::ProcessCPUTime);
    used.tv_sec as f64 + used.tv_nsec as f64 / 1e9
}
