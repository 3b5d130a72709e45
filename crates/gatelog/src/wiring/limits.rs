//! What tenants may use: where budgets are kept, and the limiter of this process.

use std::{io, path::Path, sync::Arc};

use anyhow::Context;
use gatelog_budget::{
    AlertQueue, BootId, Budget, BudgetStore, HolderId, LeaseNotes, LeftNotes, Limiter, LimiterOptions,
    MemoryBudgetStore, OnStoreDown,
};
use gatelog_catalog::Catalog;
use gatelog_runtime::{SystemClock, boot_id};
use tracing::{info, warn};
use uuid::Uuid;

use super::gateway::Task;
use crate::config::{BudgetsSection, StoreDown};

/// In the spool's folder.
const NOTES_FOLDER: &str = "leases";

/// The limiter, who posts its alerts, and what is to be closed beside it.
pub(super) struct Limits {
    pub(super) limiter: Limiter,
    pub(super) alerts: Arc<dyn AlertQueue>,
    pub(super) holder: HolderId,
    pub(super) closing: Option<Task>,
}

/// Makes the limiter. The spool must be open: its lock says that the gateways whose notes lie in it are dead.
pub(super) async fn limits(
    section: &BudgetsSection,
    budgets: Vec<Budget>,
    catalog: Option<&Catalog>,
    spool_folder: &Path,
) -> anyhow::Result<Limits> {
    let holder = HolderId(Uuid::new_v4().as_u128());
    let on_store_down = match section.on_store_down {
        StoreDown::Deny => OnStoreDown::Deny,
        StoreDown::Allow => OnStoreDown::Allow,
    };
    let options = LimiterOptions { on_store_down, ..LimiterOptions::default() };
    let Some(catalog) = catalog else {
        info!(budgets = budgets.len(), "no `database.url`: budgets are kept in memory, for this process alone");
        let memory = Arc::new(MemoryBudgetStore::new(Arc::new(SystemClock), budgets));
        let limiter = Limiter::new(memory.clone(), holder, None, options);
        return Ok(Limits { limiter, alerts: memory, holder, closing: None });
    };
    catalog.put_budgets(&budgets).await.context("store `budgets.list`")?;
    let catalog = Arc::new(catalog.clone());
    let (notes, closing) = match boot_id() {
        Ok(boot) => notes(holder, &spool_folder.join(NOTES_FOLDER), BootId(boot), &catalog),
        Err(error) => (without_notes(&error), None),
    };
    let limiter = Limiter::new(catalog.clone(), holder, notes, options);
    Ok(Limits { limiter, alerts: catalog, holder, closing })
}

/// The notes of this gateway, and the closing of what others have left; that needs no room on the disk, and makes some.
fn notes(
    holder: HolderId,
    folder: &Path,
    boot: BootId,
    catalog: &Arc<Catalog>,
) -> (Option<Arc<LeaseNotes>>, Option<Task>) {
    let left = match LeftNotes::find(folder) {
        Ok(left) => left,
        Err(error) => return (without_notes(&error), None),
    };
    let notes = LeaseNotes::create(folder, holder, boot);
    (notes.map_or_else(|error| without_notes(&error), Some), Some(closing(left, catalog.clone(), boot)))
}

/// A gateway that cannot note its leases works all the same.
fn without_notes(error: &io::Error) -> Option<Arc<LeaseNotes>> {
    warn!(
        error = error as &dyn std::error::Error,
        "cannot note what leases are used for: if this gateway is killed, they count as spent until their windows end"
    );
    None
}

/// Closes what gateways that were killed had leased, while this one answers already. Not ended by a shutdown, which waits for
/// it: it is a few statements.
fn closing(left: LeftNotes, store: Arc<dyn BudgetStore>, boot: BootId) -> Task {
    Box::new(move |_| {
        Box::pin(async move {
            if let Err(error) = left.settle(&*store, boot).await {
                warn!(
                    error = &error as &dyn std::error::Error,
                    "cannot close all leases of a gateway that was killed: those count as spent until the next start"
                );
            }
        })
    })
}
