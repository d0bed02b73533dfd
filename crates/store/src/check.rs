//! Proves the invariants on any database: queries that must give no row, and the hash chains.
//!
//! Each query gives one text a broken row. Every check has a mutant it must catch (crates/app/tests/app/check.rs).

mod chains;
mod events;

use oms_core::packages::{self, STATES, Slot, StockEffect};
use oms_core::transfers::{self, TransferStock};

use crate::db::Dialect;
use crate::upkeep::search;
use crate::{StoreError, Tx};

/// Broken rows shown a check.
const SHOWN: usize = 5;

/// A check and what it says of a sound database.
pub struct Check {
    /// Stable, for example `S1`.
    pub id: &'static str,
    pub says: &'static str,
    sql: String,
}

/// An invariant that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub id: &'static str,
    pub says: &'static str,
    /// How many rows break it.
    pub count: usize,
    /// The first of them.
    pub rows: Vec<String>,
}

/// Every check made of a query. `now_us` judges leases.
pub fn checks(now_us: i64) -> Vec<Check> {
    let mut all = stock_checks();
    all.extend(order_checks());
    all.extend(package_checks());
    all.extend(transfer_checks());
    all.extend(events::checks());
    all.extend(work_checks(now_us));
    all.extend(list_checks());
    all
}

fn check(id: &'static str, says: &'static str, sql: impl Into<String>) -> Check {
    Check { id, says, sql: sql.into() }
}

/// The state codes with a property, for `IN (…)`. An empty list never matches.
fn codes(keep: impl Fn(&packages::PackageState) -> bool) -> String {
    let list: Vec<_> = STATES.iter().filter(|s| keep(s)).map(|s| s.code.to_string()).collect();
    if list.is_empty() { "NULL".into() } else { list.join(",") }
}

/// The same for transfers.
fn transfer_codes(keep: impl Fn(&transfers::TransferState) -> bool) -> String {
    let list: Vec<_> = transfers::STATES.iter().filter(|s| keep(s)).map(|s| s.code.to_string()).collect();
    list.join(",")
}

/// The state whose effects a package has: the one it was held in, if it is blocked or waits for a
/// cancellation.
const EFFECTIVE: &str = "COALESCE(p.held_state, p.state)";

fn stock_checks() -> Vec<Check> {
    let reserving = codes(|s| s.stock == StockEffect::Reserved);
    let consumed = codes(|s| s.stock == StockEffect::Consumed);
    let (at_source, on_the_way) = (
        transfer_codes(|s| s.stock == TransferStock::AtSource),
        transfer_codes(|s| s.stock == TransferStock::OnTheWay),
    );
    vec![
        check(
            "S1",
            "each balance equals the sums of its ledger movements",
            "SELECT 'product ' || x.p || ' at location ' || x.l || ': on hand off by ' || SUM(x.h) || ', reserved by ' || SUM(x.r) \
             || ', quarantined by ' || SUM(x.q) FROM (SELECT product_id p, location_id l, on_hand h, reserved r, quarantined q \
             FROM stocks UNION ALL SELECT product_id, location_id, -d_on_hand, -d_reserved, -d_quarantined FROM stock_ledger) x \
             GROUP BY x.p, x.l HAVING SUM(x.h) <> 0 OR SUM(x.r) <> 0 OR SUM(x.q) <> 0",
        ),
        check(
            "S2",
            "reserved equals the open reservations of each place",
            "SELECT 'product ' || x.p || ' at location ' || x.l || ': reserved off by ' || SUM(x.n) FROM \
             (SELECT product_id p, location_id l, reserved n FROM stocks UNION ALL SELECT product_id, location_id, -quantity \
             FROM reservations WHERE closed_reason IS NULL) x GROUP BY x.p, x.l HAVING SUM(x.n) <> 0",
        ),
        check(
            "S3",
            "no balance is negative and nothing of the built-in engine is promised twice",
            // An outside engine may read fewer units than are promised: the list of stocks shows those.
            "SELECT 'product ' || product_id || ' at location ' || location_id FROM stocks \
             WHERE on_hand < 0 OR reserved < 0 OR quarantined < 0 \
             OR (engine_id IS NULL AND reserved + quarantined > on_hand)",
        ),
        check(
            "S4",
            "no reservation was granted beyond what was on hand",
            "SELECT 'reservation ' || id FROM reservations WHERE quantity <= 0 OR reserved_after > on_hand_seen",
        ),
        check(
            "S5",
            "a reservation opens once and closes at most once",
            "SELECT 'reservation ' || r.id FROM reservations r LEFT JOIN stock_ledger l ON l.reservation_id = r.id \
             GROUP BY r.id, r.quantity, r.closed_reason HAVING \
             SUM(CASE WHEN l.kind IN ('reserve', 'arrive') THEN l.d_reserved ELSE 0 END) <> r.quantity \
             OR SUM(CASE WHEN l.kind NOT IN ('reserve', 'arrive') THEN -l.d_reserved ELSE 0 END) <> \
             CASE WHEN r.closed_reason IS NULL THEN 0 ELSE r.quantity END",
        ),
        check(
            "S6",
            "an item's units are reserved or on their way exactly where its package's state says so",
            format!(
                "SELECT 'package item ' || x.id || ' in state ' || x.s FROM (SELECT i.id, i.quantity q, p.state s, \
                 {EFFECTIVE} e, COALESCE((SELECT CAST(SUM(r.quantity) AS BIGINT) FROM reservations r \
                 WHERE r.package_item_id = i.id AND r.closed_reason IS NULL), 0) n, \
                 COALESCE((SELECT CAST(SUM(ti.quantity) AS BIGINT) FROM transfer_items ti JOIN transfers t \
                 ON t.id = ti.transfer_id WHERE ti.package_item_id = i.id AND t.is_detached = FALSE \
                 AND t.state IN ({on_the_way})), 0) w \
                 FROM package_items i JOIN packages p ON p.id = i.package_id) x \
                 WHERE x.n + x.w <> CASE WHEN x.e IN ({reserving}) THEN x.q ELSE 0 END"
            ),
        ),
        check(
            "S7",
            "a reservation is of its item's product, at its package's location or its transfer's source",
            format!(
                "SELECT 'reservation ' || r.id FROM reservations r LEFT JOIN package_items i ON i.id = r.package_item_id \
                 LEFT JOIN packages p ON p.id = i.package_id LEFT JOIN transfer_items ti ON ti.id = r.transfer_item_id \
                 LEFT JOIN transfers t ON t.id = ti.transfer_id WHERE r.closed_reason IS NULL \
                 AND (p.id IS NULL OR i.product_id <> r.product_id OR (r.transfer_item_id IS NULL AND p.location_id <> r.location_id) \
                 OR (r.transfer_item_id IS NOT NULL AND (t.id IS NULL OR t.from_location_id <> r.location_id \
                 OR t.state NOT IN ({at_source}) OR ti.package_item_id <> i.id OR ti.quantity <> r.quantity)))"
            ),
        ),
        check(
            "S10",
            "an item's units left the shelf exactly where its package's state says so",
            format!(
                "SELECT 'package item ' || x.id || ' in state ' || x.s FROM (SELECT i.id, i.quantity q, p.state s, \
                 {EFFECTIVE} e, COALESCE((SELECT CAST(SUM(r.quantity) AS BIGINT) FROM reservations r \
                 WHERE r.package_item_id = i.id AND r.closed_reason = 'consumed'), 0) n \
                 FROM package_items i JOIN packages p ON p.id = i.package_id) x \
                 WHERE x.n <> CASE WHEN x.e IN ({consumed}) THEN x.q ELSE 0 END"
            ),
        ),
        check(
            "S11",
            "on hand of the built-in stock is what came in less what left, came back and was lost",
            // Summed first: looking at each place's readings once a row would take the square of a busy place's rows.
            "SELECT 'product ' || y.p || ' at location ' || y.l || ': off by ' || y.n FROM (SELECT x.p, x.l, SUM(x.n) n FROM \
             (SELECT g.product_id p, g.location_id l, g.d_on_hand n FROM stock_ledger g \
             WHERE g.kind IN ('consume', 'return', 'quarantine') UNION ALL \
             SELECT r.product_id, r.location_id, r.quantity FROM reservations r WHERE r.closed_reason IN ('consumed', 'dispatched')) x \
             GROUP BY x.p, x.l HAVING SUM(x.n) <> 0) y \
             WHERE NOT EXISTS (SELECT 1 FROM stocks s WHERE s.product_id = y.p AND s.location_id = y.l AND s.engine_id IS NOT NULL) \
             AND NOT EXISTS (SELECT 1 FROM stock_ledger g WHERE g.product_id = y.p AND g.location_id = y.l AND g.kind = 'reading') \
             AND NOT EXISTS (SELECT 1 FROM locations c WHERE c.id = y.l AND c.engine IS NOT NULL)",
        ),
        check(
            "S12",
            "what is quarantined is what open discrepancies say",
            "SELECT 'product ' || x.p || ' at location ' || x.l || ': off by ' || SUM(x.n) FROM \
             (SELECT product_id p, location_id l, quarantined n FROM stocks UNION ALL \
             SELECT product_id, location_id, -quantity FROM discrepancies WHERE state = 'open') x \
             GROUP BY x.p, x.l HAVING SUM(x.n) <> 0",
        ),
        check(
            "S8",
            "a balance read by an engine names one that exists and has read the product",
            "SELECT 'product ' || s.product_id || ' at location ' || s.location_id || ': engine ' || s.engine_id FROM stocks s \
             WHERE s.engine_id IS NOT NULL AND (NOT EXISTS (SELECT 1 FROM stock_engines e WHERE e.id = s.engine_id) \
             OR NOT EXISTS (SELECT 1 FROM stock_readings r WHERE r.engine_id = s.engine_id AND r.product_id = s.product_id))",
        ),
        check(
            "S9",
            "a location's engine exists",
            "SELECT 'location ' || l.id || ': engine ' || l.engine FROM locations l WHERE l.engine IS NOT NULL \
             AND NOT EXISTS (SELECT 1 FROM stock_engines e WHERE e.id = l.engine)",
        ),
    ]
}

fn order_checks() -> Vec<Check> {
    let live = codes(|s| s.live);
    vec![
        check(
            "O1",
            "each unit of each line is in exactly one live package, cancelled, or in a plan that is pending",
            format!(
                "SELECT 'line ' || x.id || ' of order ' || x.o || ': asked ' || x.q || ', in packages ' || x.n FROM \
                 (SELECT t.id, t.order_id o, t.quantity q, t.quantity_cancelled c, l.state s, \
                 COALESCE(CAST(SUM(i.quantity) AS BIGINT), 0) n FROM order_items t LEFT JOIN plans l ON l.id = t.order_id \
                 LEFT JOIN package_items i ON i.order_item_id = t.id AND EXISTS (SELECT 1 FROM packages p \
                 WHERE p.id = i.package_id AND p.state IN ({live})) \
                 GROUP BY t.id, t.order_id, t.quantity, t.quantity_cancelled, l.state) x \
                 WHERE x.s IS NULL OR x.q <= 0 OR x.c < 0 \
                 OR x.n + x.c <> CASE WHEN x.s IN ('completed', 'cancelled') THEN x.q ELSE x.c END"
            ),
        ),
        check(
            "O1b",
            "an order has lines, and its plan one of the known states",
            "SELECT 'order ' || o.id FROM orders o LEFT JOIN plans l ON l.id = o.id WHERE l.id IS NULL \
             OR l.state NOT IN ('start', 'pending', 'completed', 'cancelled') OR (l.state = 'pending' AND l.reason IS NULL) \
             OR NOT EXISTS (SELECT 1 FROM order_items t WHERE t.order_id = o.id)",
        ),
        check(
            "O2",
            "a package is never empty and never holds another order's line or another product",
            "SELECT 'package ' || p.id FROM packages p WHERE NOT EXISTS (SELECT 1 FROM package_items i WHERE i.package_id = p.id) \
             UNION ALL SELECT 'package item ' || i.id FROM package_items i JOIN packages p ON p.id = i.package_id \
             LEFT JOIN order_items t ON t.id = i.order_item_id WHERE i.quantity <= 0 OR t.id IS NULL \
             OR t.order_id <> p.order_id OR t.product_id <> i.product_id",
        ),
        check(
            "O2b",
            "package numbers follow their order and are never reused",
            "SELECT 'package ' || p.id || ' ' || p.number FROM packages p JOIN orders o ON o.id = p.order_id \
             WHERE p.number <> o.number || 'P' || p.n OR p.n < 1 OR p.n > o.packages_made \
             UNION ALL SELECT 'order ' || o.id FROM orders o WHERE o.packages_made <> \
             (SELECT COUNT(*) FROM packages p WHERE p.order_id = o.id)",
        ),
        check(
            "O11",
            "no hub order is lost: imported with its order, or left out with a reason",
            "SELECT 'hub order ' || h.hub_pk || ' ' || h.disposition FROM hub_orders h LEFT JOIN orders o \
             ON o.omnitron_id = h.hub_pk WHERE h.disposition NOT IN ('imported', 'filtered', 'rejected') \
             OR (h.disposition = 'imported' AND (o.id IS NULL OR h.order_id IS NULL OR h.order_id <> o.id)) \
             OR (h.disposition <> 'imported' AND (o.id IS NOT NULL OR h.reason IS NULL)) \
             UNION ALL SELECT 'order ' || o.id FROM orders o LEFT JOIN hub_orders h ON h.hub_pk = o.omnitron_id \
             WHERE o.omnitron_id IS NOT NULL AND (h.hub_pk IS NULL OR h.disposition <> 'imported')",
        ),
        check(
            "D1",
            "a completed plan has its decision, and a decision the input it was made on",
            "SELECT 'plan ' || l.id FROM plans l WHERE l.state = 'completed' \
             AND NOT EXISTS (SELECT 1 FROM decisions d WHERE d.plan_id = l.id) \
             UNION ALL SELECT 'decision of plan ' || d.plan_id FROM decisions d LEFT JOIN decision_batches b \
             ON b.id = d.batch_id WHERE b.id IS NULL",
        ),
    ]
}

fn package_checks() -> Vec<Check> {
    let known = codes(|_| true);
    let terminal = codes(|s| s.terminal);
    let held = codes(|s| s.slot == Slot::Held);
    let as_before = codes(|s| s.slot == Slot::AsBefore);
    vec![
        check(
            "O3",
            "nothing leaves a terminal state",
            format!(
                "SELECT a.entity || ' ' || a.entity_id || ' step ' || a.seq FROM transition_log a JOIN transition_log b \
                 ON b.entity = a.entity AND b.entity_id = a.entity_id AND b.seq = a.seq + 1 \
                 WHERE a.entity = 'package' AND a.new_state IN ({terminal}) AND b.new_state <> a.new_state"
            ),
        ),
        check(
            "O4",
            "a log is one unbroken chain from birth to now",
            "SELECT x.entity || ' ' || x.entity_id || ' step ' || x.seq FROM (SELECT entity, entity_id, seq, old_state, \
             LAG(new_state) OVER w AS before, ROW_NUMBER() OVER w AS n FROM transition_log \
             WINDOW w AS (PARTITION BY entity, entity_id ORDER BY seq)) x WHERE x.seq < x.n \
             OR (x.n = 1 AND x.seq <> 1) OR (x.n = 1 AND x.old_state IS NOT NULL) OR (x.n > 1 AND (x.old_state IS NULL OR x.old_state <> x.before))",
        ),
        check(
            "O5",
            "a package shows its last log entry, and its items follow it",
            format!(
                "SELECT 'package ' || p.id FROM packages p LEFT JOIN transition_log g ON g.entity = 'package' \
                 AND g.entity_id = p.id AND g.seq = p.log_seq WHERE g.id IS NULL OR g.new_state <> p.state \
                 OR p.state NOT IN ({known}) OR EXISTS (SELECT 1 FROM transition_log n WHERE n.entity = 'package' \
                 AND n.entity_id = p.id AND n.seq > p.log_seq) \
                 OR EXISTS (SELECT 1 FROM package_items i WHERE i.package_id = p.id AND i.state <> p.state)"
            ),
        ),
        check(
            "O6",
            "every step was in the transition table of its day",
            "SELECT g.entity || ' ' || g.entity_id || ' step ' || g.seq FROM transition_log g LEFT JOIN transitions t \
             ON t.id = g.transition_id AND t.rev = g.transition_rev AND t.entity = g.entity AND t.to_state = g.new_state \
             AND COALESCE(t.from_state, -1) = COALESCE(g.old_state, -1) WHERE t.id IS NULL",
        ),
        check(
            "O9",
            "a location's quota equals the number of its packages that hold a slot",
            "SELECT 'location ' || x.l || ': quota off by ' || SUM(x.n) FROM (SELECT location_id l, quota n FROM location_loads \
             UNION ALL SELECT location_id, -1 FROM packages WHERE holds_slot = TRUE) x GROUP BY x.l HAVING SUM(x.n) <> 0",
        ),
        check(
            "O9b",
            "a package holds a slot exactly where its state says so",
            format!(
                "SELECT 'package ' || p.id || ' in state ' || p.state FROM packages p WHERE p.holds_slot <> \
                 ({EFFECTIVE} IN ({held})) AND p.state NOT IN ({as_before}) \
                 UNION ALL SELECT 'package ' || p.id FROM packages p \
                 WHERE (p.held_state IS NULL) = (p.state IN ({as_before}))"
            ),
        ),
    ]
}

fn transfer_checks() -> Vec<Check> {
    let open = transfer_codes(|s| s.open);
    let waits = packages::WAITING_FOR_TRANSFER;
    vec![
        check(
            "O8",
            "a package waits for transfers exactly while one of them is open",
            format!(
                "SELECT 'package ' || p.id FROM packages p WHERE ({EFFECTIVE} = {waits}) <> EXISTS (SELECT 1 FROM transfers t \
                 WHERE t.package_id = p.id AND t.is_detached = FALSE AND t.state IN ({open}))"
            ),
        ),
        check(
            "T1",
            "a transfer shows its last log entry, and its items follow it",
            "SELECT 'transfer ' || t.id FROM transfers t LEFT JOIN transition_log g ON g.entity = 'transfer' \
             AND g.entity_id = t.id AND g.seq = t.log_seq WHERE g.id IS NULL OR g.new_state <> t.state \
             OR EXISTS (SELECT 1 FROM transition_log n WHERE n.entity = 'transfer' AND n.entity_id = t.id AND n.seq > t.log_seq) \
             OR EXISTS (SELECT 1 FROM transfer_items i WHERE i.transfer_id = t.id AND i.state <> t.state) \
             OR NOT EXISTS (SELECT 1 FROM transfer_items i WHERE i.transfer_id = t.id)",
        ),
        check(
            "T2",
            "a transfer goes to the location that packs, from another one, and its number follows its package",
            format!(
                "SELECT 'transfer ' || t.id || ' ' || t.number FROM transfers t JOIN packages p ON p.id = t.package_id \
                 WHERE t.to_location_id <> p.location_id OR t.from_location_id = t.to_location_id \
                 OR t.number <> p.number || 'T' || t.n OR t.n < 1 OR t.n > p.transfers_made \
                 UNION ALL SELECT 'transfer item ' || i.id FROM transfer_items i JOIN transfers t ON t.id = i.transfer_id \
                 JOIN package_items k ON k.id = i.package_item_id WHERE k.product_id <> i.product_id \
                 OR (t.state IN ({open}) AND t.is_detached = FALSE AND (k.package_id <> t.package_id OR i.quantity > k.quantity))"
            ),
        ),
    ]
}

fn work_checks(now_us: i64) -> Vec<Check> {
    let old = now_us - 2 * crate::upkeep::jobs::LEASE_US;
    vec![
        check(
            "J1",
            "every job is runnable, leased or dead, and a lease names its process and its end",
            "SELECT 'job ' || id || ' ' || state FROM jobs WHERE state NOT IN ('runnable', 'leased', 'dead') \
             OR (state = 'leased') <> (lease_owner IS NOT NULL) OR (state = 'leased') <> (lease_until_us IS NOT NULL) \
             OR (state = 'dead' AND last_error IS NULL)",
        ),
        check(
            "J2",
            "no lease is older than its limit while a process lives that would take it back",
            format!(
                "SELECT 'job ' || id FROM jobs WHERE state = 'leased' AND lease_until_us < {old} \
                 AND EXISTS (SELECT 1 FROM nodes WHERE heartbeat_us > {now_us} - {lease})",
                lease = crate::upkeep::jobs::LEASE_US
            ),
        ),
        check(
            "J3",
            "a plan that waits has its job, and one that is completed has none",
            "SELECT 'plan ' || l.id || ' ' || l.state FROM plans l LEFT JOIN jobs j ON j.kind = 'plan' AND j.ref_id = l.id \
             WHERE (l.state IN ('start', 'pending')) <> (j.id IS NOT NULL)",
        ),
        check(
            "J4",
            "a package that was refused is planned again by a job",
            format!(
                "SELECT 'package ' || p.id FROM packages p WHERE p.state = {refused} \
                 AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.kind = 'replan' AND j.ref_id = p.id)",
                refused = packages::NEEDS_RESCHEDULING
            ),
        ),
        check(
            "J5",
            "a busy package has one command that waits for an answer from outside, and the other way round",
            "SELECT 'package ' || p.id FROM packages p LEFT JOIN outside_commands c ON c.id = p.busy_command_id \
             AND c.package_id = p.id AND c.state = 'executing' WHERE p.busy_command_id IS NOT NULL AND c.id IS NULL \
             UNION ALL SELECT 'command ' || c.id FROM outside_commands c LEFT JOIN packages p ON p.busy_command_id = c.id \
             WHERE (c.state = 'executing') <> (p.id IS NOT NULL)",
        ),
        check(
            "J6",
            "a cancellation that was received has its job, and a package that waits for one was asked",
            format!(
                "SELECT 'cancellation plan ' || c.id FROM cancellation_plans c WHERE (c.state = 'received') <> \
                 (EXISTS (SELECT 1 FROM jobs j WHERE j.kind = 'cancel' AND j.ref_id = c.id)) UNION ALL \
                 SELECT 'package ' || p.id FROM packages p WHERE (p.state = {waits}) <> (EXISTS (SELECT 1 \
                 FROM cancellation_plan_items i WHERE i.package_id = p.id AND i.state = 'waiting'))",
                waits = packages::CANCELLATION_WAITING
            ),
        ),
        check(
            "P1",
            "units out of stock are counted on the plan",
            format!(
                "SELECT 'plan ' || l.id || ': ' || l.units_out_of_stock FROM plans l WHERE l.units_out_of_stock <> \
                 COALESCE((SELECT CAST(SUM(i.quantity) AS BIGINT) FROM package_items i JOIN packages p ON p.id = i.package_id \
                 WHERE p.order_id = l.id AND p.state = {short}), 0)",
                short = packages::OUT_OF_STOCK
            ),
        ),
        check(
            "N1",
            "what came in has its job, or became something that is written down",
            "SELECT 'inbox row ' || i.id || ' ' || i.state FROM inbox i LEFT JOIN jobs j ON j.kind = 'fetch' AND j.ref_id = i.id \
             WHERE i.state NOT IN ('received', 'done', 'refused') OR (i.state = 'received' AND j.id IS NULL) \
             OR (i.state = 'done' AND j.id IS NOT NULL) OR (i.state <> 'received' AND i.outcome IS NULL)",
        ),
        check(
            "L2",
            "a setup task that works can be taken up by a process",
            "SELECT name FROM setup_tasks WHERE state NOT IN ('READY', 'WORKING', 'FINISHED', 'FAILED') \
             OR (state = 'WORKING' AND lease_until_us IS NULL) OR (state = 'FAILED' AND error IS NULL)",
        ),
    ]
}

fn list_checks() -> Vec<Check> {
    let truth: Vec<String> = [
        ("package", "packages", "state"),
        ("transfer", "transfers", "state"),
        ("order", "orders", "hub_status"),
    ]
    .map(|(entity, table, state)| {
        format!("SELECT '{entity}', {state}, -COUNT(*) FROM {table} GROUP BY {state}")
    })
    .to_vec();
    vec![
        check(
            "L3",
            "the counts of lists by state are those of the tables",
            format!(
                "SELECT x.e || ' in state ' || x.s || ': off by ' || SUM(x.n) FROM (SELECT entity e, state s, n FROM list_counts \
                 UNION ALL {}) x GROUP BY x.e, x.s HAVING SUM(x.n) <> 0",
                truth.join(" UNION ALL ")
            ),
        ),
        check(
            "L4",
            "a package knows its order's channel and when that was placed",
            "SELECT 'package ' || p.id FROM packages p JOIN orders o ON o.id = p.order_id \
             WHERE COALESCE(p.channel_id, 0) <> o.channel_id OR COALESCE(p.placed_us, -1) <> o.placed_us",
        ),
        check(
            "L5",
            "every term that people search by is of a record that is there",
            format!(
                "SELECT 'kind ' || t.kind || ' ' || t.term FROM search_terms t LEFT JOIN orders o ON t.kind = {order} AND o.id = t.entity_id \
                 LEFT JOIN products p ON t.kind = {product} AND p.id = t.entity_id \
                 LEFT JOIN shipments s ON t.kind = {shipment} AND s.id = t.entity_id \
                 WHERE o.id IS NULL AND p.id IS NULL AND s.id IS NULL",
                order = search::ORDER,
                product = search::PRODUCT,
                shipment = search::SHIPMENT
            ),
        ),
    ]
}

/// Runs every check in this transaction and returns what does not hold. `progress` hears the id of
/// each check before it runs.
pub async fn run(
    tx: &mut Tx,
    now_us: i64,
    mut progress: impl FnMut(&str),
) -> Result<Vec<Finding>, StoreError> {
    let mut findings = Vec::new();
    for check in checks(now_us) {
        progress(check.id);
        let rows = tx.fetch(check.sql, vec![]).await?;
        note(
            &mut findings,
            check.id,
            check.says,
            rows.iter().map(|r| r.cols().text()).collect::<Result<_, _>>()?,
        );
    }
    progress("H1");
    let broken = chains::broken_steps(tx).await?;
    note(
        &mut findings,
        "H1",
        "the hash chains of the transition logs hold, up to the head the record shows",
        broken,
    );
    progress("H2");
    let broken = chains::broken_audit(tx).await?;
    note(&mut findings, "H2", "the hash chains of the audit log hold", broken);
    if tx.dialect() == Dialect::Sqlite {
        progress("F1");
        let mut broken = Vec::new();
        for row in tx.fetch("PRAGMA integrity_check", vec![]).await? {
            broken.push(row.cols().text()?);
        }
        broken.retain(|r| r != "ok");
        for row in
            tx.fetch("SELECT \"table\" || ' row ' || rowid FROM pragma_foreign_key_check", vec![]).await?
        {
            broken.push(row.cols().text()?);
        }
        note(&mut findings, "F1", "the file is sound and no reference dangles", broken);
    }
    Ok(findings)
}

fn note(findings: &mut Vec<Finding>, id: &'static str, says: &'static str, mut rows: Vec<String>) {
    if !rows.is_empty() {
        let count = rows.len();
        rows.truncate(SHOWN);
        findings.push(Finding { id, says, count, rows });
    }
}
