//! How much of the window before still counts, and when enough of it has slid out.

use std::time::Duration;

use gatelog_model::TimestampMicros;

use crate::Window;

/// What of `previous`, used in the window before `window`, counts at `now`: the share by which a window that ends now
/// overlaps it, rounded up so that the limit holds. Nothing once `window` is over.
pub fn carried(previous: u64, window: Window, now: TimestampMicros) -> u64 {
    let length = window.length().as_micros().max(1);
    let left = window.left(now).as_micros().min(length);
    narrow((u128::from(previous) * left).div_ceil(length))
}

/// How long until `need` fits under `limit`, if nobody uses anything meanwhile.
///
/// `previous` was used in the window before, `current` in `window`. A need that is larger than the limit never fits; the
/// answer is then the end of the window, as good as any.
pub fn wait(limit: u64, previous: u64, current: u64, need: u64, window: Window, now: TimestampMicros) -> Duration {
    let left = window.left(now);
    let Some(room) = limit.checked_sub(need) else { return left };
    match room.checked_sub(current) {
        Some(room) => left.saturating_sub(left_when_fitting(previous, room, window)),
        // What is used now has to slide out itself, and that begins with the next window.
        None => left + window.length().saturating_sub(left_when_fitting(current, room, window)),
    }
}

/// How much of the window is left when no more than `room` of `previous` counts.
fn left_when_fitting(previous: u64, room: u64, window: Window) -> Duration {
    if previous <= room {
        return window.length();
    }
    let micros = u128::from(room) * window.length().as_micros() / u128::from(previous);
    Duration::from_micros(narrow(micros))
}

fn narrow(number: u128) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: i64) -> TimestampMicros {
        TimestampMicros::MIN.plus_seconds(seconds)
    }

    const WINDOW: (i64, i64) = (600, 660);

    fn window() -> Window {
        Window { start: at(WINDOW.0), end: at(WINDOW.1) }
    }

    #[test]
    fn the_share_falls_from_all_to_nothing() {
        assert_eq!(carried(100, window(), at(600)), 100);
        // Cloudflare's example: 42 before, 15 seconds in: three quarters of them count.
        assert_eq!(carried(42, window(), at(615)), 32);
        assert_eq!(carried(100, window(), at(659)), 2);
        assert_eq!(carried(100, window(), at(660)), 0);
        assert_eq!(carried(100, window(), at(9_999)), 0);
    }

    proptest! {
        #[test]
        fn after_the_wait_it_fits_and_a_bit_before_it_does_not(
            limit in 1_u64..10_000, previous in 0_u64..20_000, current in 0_u64..20_000, need in 1_u64..10_000,
            second in 600_i64..660,
        ) {
            prop_assume!(need <= limit);
            let fits = |when: TimestampMicros| {
                let (window, previous, current) = if when < window().end {
                    (window(), previous, current)
                } else {
                    (Window { start: at(660), end: at(720) }, current, 0)
                };
                carried(previous, window, when).saturating_add(current).saturating_add(need) <= limit
            };
            let now = at(second);
            let wait = i64::try_from(wait(limit, previous, current, need, window(), now).as_micros()).unwrap();
            let when = TimestampMicros::try_new(now.micros() + wait).unwrap();
            prop_assert!(fits(when), "not after {wait} us");
            if wait >= 1_000 {
                prop_assert!(!fits(TimestampMicros::try_new(when.micros() - 1_000).unwrap()), "already before {wait} us");
            }
        }
    }
}
