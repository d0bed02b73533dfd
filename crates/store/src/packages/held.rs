//! Packages held for a change: the package, its order's counters, its items and what they hold of stock.

use std::collections::{BTreeMap, HashMap};

use oms_core::packages as states;

use crate::{Row, StoreError, Tx};

/// A package that this transaction holds.
#[derive(Debug, Clone)]
pub struct HeldPackage {
    pub id: i64,
    pub order_id: i64,
    pub channel_id: i64,
    pub placed_us: i64,
    pub order_number: String,
    pub order_event_seq: i64,
    /// How many packages the order ever had: the next one's number.
    pub packages_made: i64,
    pub delivery_type: Option<String>,
    pub number: String,
    pub location_id: i64,
    pub state: i64,
    /// The state it goes back to when it is blocked or waits for a cancellation.
    pub held_state: Option<i64>,
    pub holds_slot: bool,
    /// The state it takes when its last transfer has come.
    pub released_to: i64,
    pub transfers_made: i64,
    pub log_seq: i64,
    pub log_head: [u8; 32],
    pub event_seq: i64,
    pub version: i64,
    /// A command of it that waits for an answer from outside.
    pub busy: Option<i64>,
    pub modified_us: i64,
    /// When it should be packed, and gone.
    pub targets_us: (Option<i64>, Option<i64>),
    pub items: Vec<HeldItem>,
}

/// An item of a held package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldItem {
    pub id: i64,
    pub order_item_id: i64,
    pub product_id: i64,
    pub quantity: i64,
    pub holds: Vec<Hold>,
}

/// Units that an item has of a balance: promised, or taken off the shelf for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    pub reservation_id: i64,
    pub location_id: i64,
    pub quantity: i64,
    /// Of a transfer's item, at its source.
    pub transfer_item_id: Option<i64>,
    /// It left the shelf.
    pub is_consumed: bool,
}

impl HeldPackage {
    /// The state whose effects it has.
    pub fn effective(&self) -> i64 {
        self.held_state.unwrap_or(self.state)
    }

    /// Units of all items.
    pub fn units(&self) -> i64 {
        self.items.iter().map(|i| i.quantity).sum()
    }

    /// The effective state's row of the state table.
    pub fn effective_state(&self) -> Result<&'static states::PackageState, StoreError> {
        let unknown = || StoreError::Corrupt(format!("package {} is in an unknown state", self.id));
        states::state(self.effective()).ok_or_else(unknown)
    }
}

/// `word` of a closed reservation whose units left the shelf and have not come back.
pub const CONSUMED: &str = "consumed";

pub(crate) fn head_of(bytes: Vec<u8>, what: &str, id: i64) -> Result<[u8; 32], StoreError> {
    bytes.try_into().map_err(|_| StoreError::Corrupt(format!("the log head of {what} {id} is no SHA-256")))
}

const COLUMNS: &str = "p.id, p.order_id, o.channel_id, o.placed_us, o.number, o.event_seq, o.packages_made, o.delivery_type, p.number, p.location_id, \
    p.state, p.held_state, p.holds_slot, p.released_to, p.transfers_made, p.log_seq, p.log_head, p.event_seq, p.version, \
    p.busy_command_id, p.modified_us, p.target_packaging_us, p.target_exit_us";

fn read(row: &Row) -> Result<HeldPackage, StoreError> {
    let mut c = row.cols();
    let id = c.i64()?;
    Ok(HeldPackage {
        id,
        order_id: c.i64()?,
        channel_id: c.i64()?,
        placed_us: c.i64()?,
        order_number: c.text()?,
        order_event_seq: c.i64()?,
        packages_made: c.i64()?,
        delivery_type: c.opt_text()?,
        number: c.text()?,
        location_id: c.i64()?,
        state: c.i64()?,
        held_state: c.opt_i64()?,
        holds_slot: c.bool()?,
        released_to: c.opt_i64()?.unwrap_or(states::WAITING),
        transfers_made: c.i64()?,
        log_seq: c.i64()?,
        log_head: head_of(c.bytes()?, "package", id)?,
        event_seq: c.i64()?,
        version: c.i64()?,
        busy: c.opt_i64()?,
        modified_us: c.i64()?,
        targets_us: (c.opt_i64()?, c.opt_i64()?),
        items: Vec::new(),
    })
}

/// Holds packages and their orders, by id. Those that are not there are left out.
pub async fn packages(tx: &mut Tx, mut ids: Vec<i64>) -> Result<BTreeMap<i64, HeldPackage>, StoreError> {
    ids.sort_unstable();
    ids.dedup();
    let lock = match tx.dialect() {
        crate::db::Dialect::Sqlite => "",
        crate::db::Dialect::Postgres => " FOR UPDATE OF o, p",
    };
    let head = format!("SELECT {COLUMNS} FROM packages p JOIN orders o ON o.id = p.order_id WHERE p.id");
    let rows = tx.fetch_in(&head, ids.iter().copied(), &format!("ORDER BY o.id, p.id{lock}")).await?;
    let mut held = rows.iter().map(|r| read(r).map(|p| (p.id, p))).collect::<Result<BTreeMap<_, _>, _>>()?;
    let mut holds = holds(tx, &ids).await?;
    let head =
        "SELECT package_id, id, order_item_id, product_id, quantity FROM package_items WHERE package_id";
    for row in tx.fetch_in(head, ids, "ORDER BY package_id, id").await? {
        let mut c = row.cols();
        let (package, id) = (c.i64()?, c.i64()?);
        let item = HeldItem {
            id,
            order_item_id: c.i64()?,
            product_id: c.i64()?,
            quantity: c.i64()?,
            holds: holds.remove(&id).unwrap_or_default(),
        };
        held.entry(package).and_modify(|p| p.items.push(item));
    }
    Ok(held)
}

async fn holds(tx: &mut Tx, packages: &[i64]) -> Result<HashMap<i64, Vec<Hold>>, StoreError> {
    let head = "SELECT r.package_item_id, r.id, r.location_id, r.quantity, r.transfer_item_id, \
                r.closed_reason IS NOT NULL FROM package_items i JOIN reservations r ON r.package_item_id = i.id \
                WHERE (r.closed_reason IS NULL OR r.closed_reason = 'consumed') AND i.package_id";
    let mut holds: HashMap<i64, Vec<Hold>> = HashMap::new();
    for row in tx.fetch_in(head, packages.iter().copied(), "ORDER BY i.package_id, r.id").await? {
        let mut c = row.cols();
        let item = c.i64()?;
        let hold = Hold {
            reservation_id: c.i64()?,
            location_id: c.i64()?,
            quantity: c.i64()?,
            transfer_item_id: c.opt_i64()?,
            is_consumed: c.bool()?,
        };
        holds.entry(item).or_default().push(hold);
    }
    Ok(holds)
}

/// How much a package's commands may write: a bound on the ids they need.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Size {
    pub order_id: i64,
    /// Items and what they hold of stock.
    pub parts: usize,
    pub units: usize,
}

/// The sizes of packages, before they are held.
pub async fn sizes(tx: &mut Tx, ids: Vec<i64>) -> Result<HashMap<i64, Size>, StoreError> {
    let head = "SELECT p.id, p.order_id, COUNT(*), CAST(SUM(i.quantity) AS BIGINT) FROM packages p \
                JOIN package_items i ON i.package_id = p.id LEFT JOIN reservations r ON r.package_item_id = i.id WHERE p.id";
    let rows = tx.fetch_in(head, ids, "GROUP BY p.id, p.order_id").await?;
    let one = |row: &Row| {
        let mut c = row.cols();
        let id = c.i64()?;
        Ok((id, Size { order_id: c.i64()?, parts: 2 * c.i64()? as usize, units: c.i64()? as usize }))
    };
    rows.iter().map(one).collect()
}
