//! Tokens to money, exactly.
//!
//! A [`RateBook`] holds dated rates, whole pico-dollars per token, so that a cost is a sum of products and needs no
//! rounding: parts add up to totals. What a book does not answer is [`Priced::Unpriced`] with a reason, never zero.
//!
//! The built-in book is `rates/azure-openai.csv`, made by `tools/rates/build.py` from Azure's retail list and from
//! `rates/meters.csv`, the reviewed mapping of meter names to models. Which model an answer means is looked up in the book,
//! by whole name; no name is taken apart at run time.

mod book;
mod charge;
mod custom;
mod decimal;
mod deployment;
mod parse;
mod rate;

pub use book::RateBook;
pub use charge::{Charge, Priced, UnpricedReason};
pub use custom::{CustomCost, CustomCostError};
pub use decimal::DecimalError;
pub use deployment::{DeploymentEntry, DeploymentMap, DeploymentMapError};
pub use parse::RateFileError;
pub use rate::{Context, Mode, PRICE_MAX, RateKind};
