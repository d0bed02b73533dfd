//! How many packages, transfers and orders there are in each state, kept with every change: counting a million rows
//! takes longer than a person waits. Changes are appended, so that no two transactions wait for each other's counts.

use std::collections::BTreeMap;

use oms_core::events::entity;

use crate::batch::Rows;
use crate::{StoreError, Tx, args};

/// Records that are counted by state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Counted {
    Package,
    Transfer,
    /// By the hub's status.
    Order,
}

impl Counted {
    fn name(self) -> &'static str {
        match self {
            Self::Package => entity::PACKAGE,
            Self::Transfer => entity::TRANSFER,
            Self::Order => entity::ORDER,
        }
    }
}

/// Changes of counts, collected in a transaction.
#[derive(Debug, Default)]
pub struct Counts(BTreeMap<(Counted, i64), i64>);

impl Counts {
    /// A record went from one state (none: it is new) to another.
    pub fn moved(&mut self, what: Counted, from: Option<i64>, to: i64) {
        if let Some(from) = from {
            *self.0.entry((what, from)).or_default() -= 1;
        }
        *self.0.entry((what, to)).or_default() += 1;
    }

    /// Writes the changes.
    pub async fn write(self, tx: &mut Tx) -> Result<(), StoreError> {
        let mut rows = Rows::new(3);
        for ((what, state), n) in self.0.into_iter().filter(|(_, n)| *n != 0) {
            rows.push(args![what.name(), state, n]);
        }
        tx.insert("INSERT INTO list_counts (entity, state, n)", rows, "").await?;
        Ok(())
    }
}

/// How many records there are in each state.
pub async fn by_state(tx: &mut Tx, what: Counted) -> Result<BTreeMap<i64, i64>, StoreError> {
    let sql = "SELECT state, CAST(SUM(n) AS BIGINT) FROM list_counts WHERE entity = $1 GROUP BY state";
    let rows = tx.fetch(sql, args![what.name()]).await?;
    let counts = rows.iter().map(|r| Ok((r.i64(0)?, r.i64(1)?)));
    counts.filter(|c| !matches!(c, Ok((_, 0)))).collect()
}

/// Folds the changes appended so far into one row a state; returns how many there were. Whoever reads meanwhile
/// sees all of them or their sum.
pub async fn fold(tx: &mut Tx) -> Result<usize, StoreError> {
    let rows = tx.fetch("DELETE FROM list_counts RETURNING entity, state, n", vec![]).await?;
    let mut sums: BTreeMap<(String, i64), i64> = BTreeMap::new();
    for row in &rows {
        let mut c = row.cols();
        let (entity, state, n) = (c.text()?, c.i64()?, c.i64()?);
        *sums.entry((entity, state)).or_default() += n;
    }
    let mut folded = Rows::new(3);
    for ((entity, state), n) in sums.into_iter().filter(|(_, n)| *n != 0) {
        folded.push(args![entity, state, n]);
    }
    tx.insert("INSERT INTO list_counts (entity, state, n)", folded, "").await?;
    Ok(rows.len())
}

/// Rows that wait to be folded.
pub async fn appended(tx: &mut Tx) -> Result<i64, StoreError> {
    tx.scalar("SELECT COUNT(*) FROM list_counts", vec![]).await
}
