//! `gatelog budget`.

use clap::{Args, Subcommand, ValueEnum};
use gatelog_budget::Unit;

/// `gatelog budget`.
#[derive(Debug, Subcommand)]
pub(crate) enum BudgetCommand {
    /// Add a budget, or change the one of this name.
    ///
    /// Gateways reserve the most a request can use before they call the provider and answer 429 when it does not fit; what
    /// was not used goes back. All gateways on one database share a budget. A new amount holds from the next slice they take, what was used stays;
    /// if anything else changes, counting starts anew.
    #[command(after_long_help = EXAMPLES)]
    Set(BudgetSetArgs),
    /// List budgets and where they stand: what was used in the current window, per tenant.
    ///
    /// `leased` is in the hands of gateways, reserved by requests under way or kept for the next ones; it counts as used
    /// while it is. Also as SQL: `SELECT * FROM gatelog.budget_status`.
    List {
        /// Most rows to print.
        #[arg(long, default_value_t = 1_000, value_name = "COUNT")]
        limit: u32,
    },
    /// Remove a budget and what was counted for it; gateways stop refusing within seconds.
    Remove {
        /// Name of the budget, from `list`.
        id: String,
    },
}

const EXAMPLES: &str = "Examples:
  A million tokens per calendar day for one tenant:
      gatelog budget set daily-tokens --tenant acme --unit tokens --per day --amount 1,000,000
  250 dollars per month of Johannesburg, for every tenant on its own:
      gatelog budget set monthly-usd --every-tenant --unit usd --per month --zone Africa/Johannesburg --amount 250
  60 requests in any minute, as Cloudflare's sliding limit counts them:
      gatelog budget set rate --every-tenant --unit requests --per minute --sliding --amount 60";

/// `gatelog budget set`.
#[derive(Debug, Args)]
pub(crate) struct BudgetSetArgs {
    /// Name of the budget: letters, digits, `-`, `_` and `.`.
    pub(crate) id: String,
    /// Whose it is.
    #[command(flatten)]
    pub(crate) holder: BudgetHolderArgs,
    /// What is counted.
    #[arg(long, value_enum)]
    pub(crate) unit: UnitName,
    /// The window: `minute`, `hour`, `day`, `month`, or a length such as `90s`, `15m`, `6h`, `7d`. Days and months are those
    /// of the calendar, lengths are counted from 1970.
    #[arg(long, value_name = "WINDOW")]
    pub(crate) per: String,
    /// Let the window slide: what was used in the window before counts by how much of it still overlaps. Not for `day` and
    /// `month`.
    #[arg(long)]
    pub(crate) sliding: bool,
    /// IANA time zone of `day` and `month`; `reporting.time_zone` if not given.
    #[arg(long, value_name = "ZONE")]
    pub(crate) zone: Option<String>,
    /// How much is allowed per window; for `usd` in dollars, such as 25.50.
    #[arg(long)]
    pub(crate) amount: String,
}

/// Whose budget it is: said either way, so that a forgotten tenant does not limit everybody.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct BudgetHolderArgs {
    /// The tenant it holds for.
    #[arg(long)]
    pub(crate) tenant: Option<String>,
    /// It holds for every tenant, each on its own.
    #[arg(long)]
    pub(crate) every_tenant: bool,
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum UnitName {
    /// Requests, one each.
    Requests,
    /// Tokens, input and output.
    Tokens,
    /// Cost in dollars; requests without a known rate count nothing but are refused when it is used up.
    Usd,
}

impl From<UnitName> for Unit {
    fn from(name: UnitName) -> Self {
        match name {
            UnitName::Requests => Self::Requests,
            UnitName::Tokens => Self::Tokens,
            UnitName::Usd => Self::PicoUsd,
        }
    }
}
