//! The limiter on a store in memory, under paused time.

mod killed;
mod model;
mod outage;
mod sharing;
mod single;
mod support;
