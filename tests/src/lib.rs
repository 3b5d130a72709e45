//! A world for whole-system tests: a private bucket and database, objects whose every event has a label of its own, the
//! real binary, gateways with a simulated Azure behind them, and an audit that reads nothing but Postgres and the bucket.

mod audit;
mod call;
mod campaign;
mod gateway;
mod labels;
mod process;
mod proxy;
mod world;

pub use audit::Audit;
pub use call::{Answer, Call};
pub use campaign::{Campaign, Random};
pub use gateway::{Gateway, GatewayWorld};
pub use labels::{Labels, LogObject, OBJECT_DAY, line};
pub use process::{Run, Running, binary};
pub use proxy::PostgresProxy;
pub use world::World;
