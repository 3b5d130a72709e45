//! Which budgets apply to whom.

use std::{collections::HashMap, sync::Arc};

use gatelog_model::TenantId;

use crate::Budget;

/// All budgets, found by tenant, as many as the store allows ([`crate::BUDGETS_MAX`]); replaced as a whole when they are read again.
#[derive(Debug, Default)]
pub(super) struct Applying {
    everybody: Vec<Arc<Budget>>,
    own: HashMap<TenantId, Vec<Arc<Budget>>>,
}

impl Applying {
    pub(super) fn new(budgets: Vec<Budget>) -> Self {
        let mut applying = Self::default();
        for budget in budgets.into_iter().map(Arc::new) {
            match budget.tenant.clone() {
                None => applying.everybody.push(budget),
                Some(tenant) => applying.own.entry(tenant).or_default().push(budget),
            }
        }
        applying
    }

    pub(super) fn to<'a>(&'a self, tenant: &TenantId) -> impl Iterator<Item = &'a Arc<Budget>> + use<'a> {
        self.everybody.iter().chain(self.own.get(tenant).into_iter().flatten())
    }
}
