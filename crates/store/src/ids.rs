//! Ids, handed out in blocks by one `UPDATE … RETURNING`: known before the row is written.

use std::collections::HashMap;
use std::ops::Range;

use tokio::sync::Mutex;

use crate::db::Dialect;
use crate::{Store, StoreError, args};

/// First block on PostgreSQL, where a block costs a round trip but many nodes share the numbers.
const FIRST_BLOCK_POSTGRES: i64 = 64;
/// First block on SQLite, where a block costs a synced commit.
const FIRST_BLOCK_SQLITE: i64 = 4_096;
/// Blocks double with demand up to this.
const LARGEST_BLOCK: i64 = 262_144;

/// What an id is of. Kinds people see count by themselves; inner rows share one counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IdKind {
    Order,
    OrderItem,
    Package,
    PackageItem,
    Transfer,
    Location,
    Channel,
    Geography,
    Address,
    Customer,
    Product,
    Scenario,
    User,
    Setting,
    StockEngine,
    SafetyStock,
    Schedule,
    Transition,
    DenialReason,
    Discrepancy,
    Shipment,
    CancellationPlan,
    CancellationReason,
    Hook,
    CargoCompany,
    /// Ledger, log, event, job, inbox, reservation, transfer item, decision and command rows.
    Row,
}

impl IdKind {
    fn name(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::OrderItem => "order_item",
            Self::Package => "package",
            Self::PackageItem => "package_item",
            Self::Transfer => "transfer",
            Self::Location => "location",
            Self::Channel => "channel",
            Self::Geography => "geography",
            Self::Address => "address",
            Self::Customer => "customer",
            Self::Product => "product",
            Self::Scenario => "scenario",
            Self::User => "user",
            Self::Setting => "setting",
            Self::StockEngine => "stock_engine",
            Self::SafetyStock => "safety_stock",
            Self::Schedule => "schedule",
            Self::Transition => "transition",
            Self::DenialReason => "denial_reason",
            Self::Discrepancy => "discrepancy",
            Self::Shipment => "shipment",
            Self::CancellationPlan => "cancellation_plan",
            Self::CancellationReason => "cancellation_reason",
            Self::Hook => "hook",
            Self::CargoCompany => "cargo_company",
            Self::Row => "row",
        }
    }

    /// Kinds made one at a time by people start with small blocks, so that their ids stay short.
    fn first_block(self, dialect: Dialect) -> i64 {
        match (self, dialect) {
            (
                Self::Scenario
                | Self::User
                | Self::Setting
                | Self::StockEngine
                | Self::Channel
                | Self::Transition
                | Self::DenialReason
                | Self::CancellationReason
                | Self::Hook,
                _,
            ) => 1,
            (Self::Location, _) => 16,
            (_, Dialect::Sqlite) => FIRST_BLOCK_SQLITE,
            (_, Dialect::Postgres) => FIRST_BLOCK_POSTGRES,
        }
    }
}

struct Block {
    free: Range<i64>,
    next_size: i64,
}

/// The ids this process holds.
pub struct Ids {
    dialect: Dialect,
    blocks: Mutex<HashMap<IdKind, Block>>,
}

impl Ids {
    pub(crate) fn new(dialect: Dialect) -> Self {
        Self { dialect, blocks: Mutex::new(HashMap::new()) }
    }
}

impl Store {
    /// Takes `n` ids in a row. Call it before [`Store::begin`]: on SQLite a new block needs the writer,
    /// which an open transaction of the same task would hold.
    pub async fn take_ids(&self, kind: IdKind, n: usize) -> Result<std::ops::RangeFrom<i64>, StoreError> {
        let n = n as i64;
        let mut blocks = self.ids.blocks.lock().await;
        let first_size = kind.first_block(self.ids.dialect);
        let block = blocks.entry(kind).or_insert(Block { free: 0..0, next_size: first_size });
        if block.free.end - block.free.start < n {
            let size = block.next_size.max(n);
            block.free = self.next_block(kind.name(), size).await?;
            block.next_size = (block.next_size * 2).min(LARGEST_BLOCK);
        }
        let start = block.free.start;
        block.free.start += n;
        Ok(start..)
    }

    /// Takes one id.
    pub async fn take_id(&self, kind: IdKind) -> Result<i64, StoreError> {
        Ok(self.take_ids(kind, 1).await?.start)
    }

    async fn next_block(&self, name: &str, size: i64) -> Result<Range<i64>, StoreError> {
        let mut tx = self.begin().await?;
        let sql = "INSERT INTO id_blocks (name, next) VALUES ($1, 1 + $2) \
                   ON CONFLICT (name) DO UPDATE SET next = id_blocks.next + $2 RETURNING next";
        let end = tx.scalar(sql, args![name, size]).await?;
        tx.commit().await?;
        Ok(end - size..end)
    }
}
