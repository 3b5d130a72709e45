//! Limits and budgets of tenants: windows, reservations, settlement, and the store they are kept in.
//!
//! A [`Budget`] allows a tenant so many requests, tokens or pico-dollars per [`Window`]. A [`Limiter`] is asked before each
//! request and told afterwards what was used: [`Limiter::reserve`], [`Reservation::settle`]. It works on *slices* that it
//! leases from a [`BudgetStore`], so that several processes share a budget and most requests wait for nobody.
//!
//! # Why a limit holds
//!
//! A store grants a slice only if all that is spent, leased and overrun, with the slice, stays within the limit; a limiter
//! hands out only what it was granted; and nothing that was handed out is granted again before it is reported unused. So
//! whatever the processes do, *spent + in hand <= limit*, as long as no request uses more than it reserved. What one uses
//! beyond that is booked as overrun and counts against everybody's next slice.
//!
//! # After a crash
//!
//! What a process had leased when it died counts as spent until its notes prove otherwise ([`LeaseNotes`]): the next process
//! of the same spool closes each lease with what may have been used of it, and the rest is free again. Without notes it counts
//! as spent until the window ends: at most a slice per budget and tenant, plus what requests under way had reserved.

mod account;
mod alert;
mod amount;
mod budget;
mod estimate;
mod limiter;
mod memory;
mod notes;
mod period;
pub mod sliding;
mod store;

pub use account::{Account, Ask, COUNT_MAX, LeaseState, Report, Stale, Standing};
pub use alert::{Alert, AlertClaim, AlertId, AlertQueue, ClaimedAlert, Threshold};
pub use amount::{AMOUNT_MAX, Amount, BadAmount, BadAmountText};
pub use budget::{BUDGET_ID_BYTES_MAX, BadBudgetId, Budget, BudgetId, Unit, UnknownUnit};
pub use estimate::{Estimate, Usage};
pub use limiter::{Limiter, LimiterCounts, LimiterOptions, OnStoreDown, Refusal, Reservation};
pub use memory::MemoryBudgetStore;
pub use notes::{BootId, LeaseNotes, LeftError, LeftNotes, SettledLeft};
pub use period::{BadPeriod, BadWindowLength, Period, WINDOW_SECONDS_MAX, Window, WindowLength};
pub use store::{
    BUDGETS_MAX, BudgetStatus, BudgetStore, HolderId, LeaseAnswer, LeaseId, LeaseReport, LeaseRequest, REPORTS_MAX,
    ReportAnswer, Shortage, StoreError,
};
