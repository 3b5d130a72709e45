//! Named points at which a test may kill, break or hold the process.
//!
//! A crash test arms one point through the environment of the real binary: `commit.before_commit` aborts there the first
//! time, `commit.before_commit:3` the third time, `commit.before_commit:2@5000` holds the second time for five seconds
//! and goes on, `commit.before_commit@panic` panics. Without the feature `crash-points` every point is empty.

#[cfg(feature = "crash-points")]
mod armed {
    use std::{
        sync::{
            OnceLock,
            atomic::{AtomicU64, Ordering},
        },
        time::Duration,
    };

    #[derive(Debug)]
    enum Does {
        Abort,
        Panic,
        Hold(Duration),
    }

    #[derive(Debug)]
    struct Point {
        name: String,
        nth: u64,
        does: Does,
        passed: AtomicU64,
    }

    static POINT: OnceLock<Point> = OnceLock::new();

    pub(super) fn arm(spec: &str) {
        let (spec, does) = match spec.split_once('@') {
            None => (spec, Does::Abort),
            Some((spec, "panic")) => (spec, Does::Panic),
            Some((spec, millis)) => (spec, Does::Hold(Duration::from_millis(millis.parse().expect("milliseconds")))),
        };
        let (name, nth) = match spec.split_once(':') {
            Some((name, nth)) => (name, nth.parse().unwrap_or(1)),
            None => (spec, 1),
        };
        // A second call changes nothing: the environment is read once.
        let _ = POINT.set(Point { name: name.to_owned(), nth, does, passed: AtomicU64::new(0) });
    }

    pub(super) fn pass(name: &str) {
        let Some(point) = POINT.get().filter(|point| point.name == name) else { return };
        if point.passed.fetch_add(1, Ordering::SeqCst) + 1 != point.nth {
            return;
        }
        match point.does {
            Does::Hold(time) => std::thread::sleep(time),
            Does::Panic => panic!("a test wants `{name}` to panic"),
            // As close to `kill -9` as a process can do to itself: no destructors, no flush, no goodbye to Postgres.
            Does::Abort => std::process::abort(),
        }
    }
}

/// Arms the point that `spec` names; see the module for its form.
pub fn arm(spec: &str) {
    #[cfg(feature = "crash-points")]
    armed::arm(spec);
    #[cfg(not(feature = "crash-points"))]
    let _ = spec;
}

/// Passes the point `name`; the process may end here when a test armed it.
#[inline]
pub fn crash_point(name: &str) {
    #[cfg(feature = "crash-points")]
    armed::pass(name);
    #[cfg(not(feature = "crash-points"))]
    let _ = name;
}
