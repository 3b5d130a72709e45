//! The count that must always come out even.

/// What became of every line of an object: `lines = events + duplicates + rejects`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Lines read.
    pub lines: u64,
    /// Lines that became events.
    pub events: u64,
    /// Lines already committed from another object, or carrying a `LogId` seen before.
    pub duplicates: u64,
    /// Lines kept as rejects.
    pub rejects: u64,
}

/// A tally whose parts do not add up: a bug, so the object must not be committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{} lines are not {} events + {} duplicates + {} rejects", .0.lines, .0.events, .0.duplicates, .0.rejects)]
pub struct Unbalanced(pub Tally);

impl Tally {
    /// Checks that every line ended in exactly one column.
    ///
    /// # Errors
    ///
    /// [`Unbalanced`] when it did not.
    pub fn checked(self) -> Result<Self, Unbalanced> {
        if self.lines == self.events + self.duplicates + self.rejects { Ok(self) } else { Err(Unbalanced(self)) }
    }
}
