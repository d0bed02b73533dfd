//! Numbers of the day, counted over what is new or unfinished: never over all there ever was.

use crate::batch::Rows;
use crate::{Row, StoreError, Tx, args};

/// Orders and packages made in an hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hour {
    /// Hours since 1970.
    pub hour: i64,
    pub orders: i64,
    pub packages: i64,
}

/// What became of the orders of a day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Day {
    /// Days since 1970, UTC.
    pub day: i64,
    pub orders: i64,
    /// Decided, with every unit in stock.
    pub filled: i64,
    /// In more than one live package.
    pub split: i64,
    pub packages: i64,
    /// Packages that a location gave back.
    pub refused: i64,
}

const HOUR_US: i64 = 3_600_000_000;
const DAY_US: i64 = 24 * HOUR_US;

fn pairs(rows: &[Row]) -> Result<Vec<(i64, i64)>, StoreError> {
    rows.iter().map(|r| Ok((r.i64(0)?, r.i64(1)?))).collect()
}

/// Orders and packages by hour since a moment.
pub async fn hours(tx: &mut Tx, since_us: i64) -> Result<Vec<Hour>, StoreError> {
    let mut hours: std::collections::BTreeMap<i64, Hour> = std::collections::BTreeMap::new();
    for table in ["orders", "packages"] {
        let sql = format!(
            "SELECT created_us / {HOUR_US}, COUNT(*) FROM {table} WHERE created_us >= $1 GROUP BY created_us / {HOUR_US}"
        );
        for (hour, n) in pairs(&tx.fetch(sql, args![since_us]).await?)? {
            let row = hours.entry(hour).or_insert(Hour { hour, orders: 0, packages: 0 });
            if table == "orders" { row.orders = n } else { row.packages = n }
        }
    }
    Ok(hours.into_values().collect())
}

/// What became of orders by the day they came in.
pub async fn days(tx: &mut Tx, since_us: i64) -> Result<Vec<Day>, StoreError> {
    let sql = format!(
        "SELECT o.created_us / {DAY_US}, COUNT(*), \
         CAST(SUM(CASE WHEN p.state = 'completed' AND p.units_out_of_stock = 0 THEN 1 ELSE 0 END) AS BIGINT), \
         CAST(SUM(CASE WHEN (SELECT COUNT(*) FROM packages k WHERE k.order_id = o.id AND k.state <> 900) > 1 THEN 1 ELSE 0 END) AS BIGINT) \
         FROM orders o JOIN plans p ON p.id = o.id WHERE o.created_us >= $1 GROUP BY o.created_us / {DAY_US} ORDER BY 1"
    );
    let read = |row: &Row| {
        let mut c = row.cols();
        Ok(Day { day: c.i64()?, orders: c.i64()?, filled: c.i64()?, split: c.i64()?, ..Day::default() })
    };
    let mut days: Vec<Day> =
        tx.fetch(sql, args![since_us]).await?.iter().map(read).collect::<Result<_, StoreError>>()?;
    let sql = format!(
        "SELECT k.created_us / {DAY_US}, COUNT(*), CAST(SUM(CASE WHEN EXISTS (SELECT 1 FROM exclusions x \
         JOIN package_items i ON i.order_item_id = x.order_item_id WHERE i.package_id = k.id AND x.location_id = k.location_id \
         AND x.role = 'pack') THEN 1 ELSE 0 END) AS BIGINT) \
         FROM packages k WHERE k.created_us >= $1 GROUP BY k.created_us / {DAY_US}"
    );
    for row in tx.fetch(sql, args![since_us]).await? {
        let (day, packages, refused) = (row.i64(0)?, row.i64(1)?, row.i64(2)?);
        match days.iter_mut().find(|d| d.day == day) {
            Some(d) => (d.packages, d.refused) = (packages, refused),
            None => days.push(Day { day, packages, refused, ..Day::default() }),
        }
    }
    days.sort_by_key(|d| d.day);
    Ok(days)
}

/// Unfinished packages by state and age: state, the bound they are younger than, how many.
pub async fn ageing(
    tx: &mut Tx,
    states: &[i64],
    now_us: i64,
    bounds_us: &[i64],
) -> Result<Vec<(i64, usize, i64)>, StoreError> {
    let among = states.iter().map(i64::to_string).collect::<Vec<_>>().join(", ");
    let cases: String = bounds_us
        .iter()
        .enumerate()
        .map(|(i, b)| format!("WHEN created_us > {} THEN {i} ", now_us - b))
        .collect();
    let last = bounds_us.len();
    let sql = format!(
        "SELECT state, CAST(CASE {cases} ELSE {last} END AS BIGINT), COUNT(*) FROM packages WHERE state IN ({among}) GROUP BY 1, 2"
    );
    let read = |row: &Row| Ok((row.i64(0)?, usize::try_from(row.i64(1)?).unwrap_or(last), row.i64(2)?));
    tx.fetch(sql, vec![]).await?.iter().map(read).collect()
}

/// Packages that should have been packed, and that should have left.
pub async fn late(tx: &mut Tx, now_us: i64) -> Result<(i64, i64), StoreError> {
    let packing = "SELECT COUNT(*) FROM packages WHERE state IN (100, 150, 200, 300, 400, 450) AND target_packaging_us < $1";
    let leaving = "SELECT COUNT(*) FROM packages WHERE state IN (100, 150, 200, 300, 400, 450, 500) AND target_exit_us < $1";
    Ok((tx.scalar(packing, args![now_us]).await?, tx.scalar(leaving, args![now_us]).await?))
}

/// What goes on only when a person does something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needs {
    /// Work that failed for good.
    pub dead_jobs: i64,
    /// Active stock engines that are not asked for now, because they failed too often.
    pub engines_down: i64,
    /// Active webhooks to which nothing is sent for now, because they failed too often.
    pub hooks_down: i64,
    /// Deliveries of active webhooks that were given up, up to a thousand.
    pub given_up: i64,
    /// Orders of the hub that are not here.
    pub rejected_orders: i64,
    /// Changes at the hub that are not applied here.
    pub open_changes: i64,
    /// Orders whose planning waits for something.
    pub waiting_plans: i64,
    /// Packages out of stock.
    pub out_of_stock: i64,
}

/// Counts it; each count is of an index.
pub async fn needs(tx: &mut Tx) -> Result<Needs, StoreError> {
    let mut count = async |sql: &str| tx.scalar(sql, vec![]).await;
    Ok(Needs {
        dead_jobs: count("SELECT COUNT(*) FROM jobs WHERE state = 'dead'").await?,
        engines_down: count(
            "SELECT COUNT(*) FROM stock_engines WHERE is_active = TRUE AND open_until_us IS NOT NULL",
        )
        .await?,
        hooks_down: count(
            "SELECT COUNT(*) FROM hooks WHERE is_active = TRUE AND paused_until_us IS NOT NULL",
        )
        .await?,
        given_up: count(
            "SELECT COUNT(*) FROM (SELECT 1 FROM hooks h JOIN hook_deliveries d ON d.hook_id = h.id \
             AND d.state = 'given_up' WHERE h.is_active = TRUE LIMIT 1000) x",
        )
        .await?,
        rejected_orders: count("SELECT COUNT(*) FROM hub_orders WHERE disposition = 'rejected'").await?,
        open_changes: count("SELECT COUNT(*) FROM hub_changes WHERE closed_us IS NULL").await?,
        waiting_plans: count("SELECT COUNT(*) FROM plans WHERE state = 'pending'").await?,
        out_of_stock: count("SELECT COUNT(*) FROM packages WHERE state = 920").await?,
    })
}

/// Jobs by kind and state, with when the oldest of them should have run.
pub async fn jobs(tx: &mut Tx) -> Result<Vec<(String, String, i64)>, StoreError> {
    let rows = tx
        .fetch("SELECT kind, state, COUNT(*) FROM jobs GROUP BY kind, state ORDER BY kind, state", vec![])
        .await?;
    let one = |row: &Row| {
        let mut c = row.cols();
        Ok((c.text()?, c.text()?, c.i64()?))
    };
    rows.iter().map(one).collect()
}

/// Packages by location and state, of the states named. Each pair is counted in the index that holds it: what is
/// finished, nearly all there ever was, is not looked at.
pub async fn by_location(tx: &mut Tx, states: &[i64]) -> Result<Vec<(i64, i64, i64)>, StoreError> {
    let mut asked = Rows::new(1);
    states.iter().for_each(|state| asked.push(args![*state]));
    let body = "SELECT x.l, x.s, x.n FROM (SELECT l.id l, v.state s, (SELECT COUNT(*) FROM packages p \
                WHERE p.location_id = l.id AND p.state = v.state) n FROM locations l CROSS JOIN v) x WHERE x.n > 0";
    let rows = tx.with_values("state", asked, body).await?;
    let mut counts =
        rows.iter().map(|r| Ok((r.i64(0)?, r.i64(1)?, r.i64(2)?))).collect::<Result<Vec<_>, StoreError>>()?;
    counts.sort_unstable();
    Ok(counts)
}

/// Transfers by the location they leave or go to, and state.
pub async fn transfers_by_location(tx: &mut Tx) -> Result<Vec<(i64, i64, i64, i64)>, StoreError> {
    let sql = "SELECT from_location_id, state, COUNT(*), 0 FROM transfers WHERE state < 40 GROUP BY from_location_id, state";
    let out = tx.fetch(sql, vec![]).await?;
    let sql = "SELECT to_location_id, state, COUNT(*), 0 FROM transfers WHERE state < 40 GROUP BY to_location_id, state";
    let into = tx.fetch(sql, vec![]).await?;
    let read = |row: &Row, side| Ok((row.i64(0)?, row.i64(1)?, row.i64(2)?, side));
    out.iter().map(|r| read(r, 0)).chain(into.iter().map(|r| read(r, 1))).collect()
}
