//! Cancellations: what was asked, by the hub or by a person, and what became of each item.

use std::collections::HashMap;

use crate::batch::Rows;
use crate::lists::{Filter, Kind, List};
use crate::upkeep::jobs::{self, JobKind, NewJob};
use crate::{Row, StoreError, Tx, args};

/// What is asked to be cancelled.
#[derive(Debug, Clone)]
pub struct NewPlan {
    pub id: i64,
    pub job_id: i64,
    pub omnitron_id: Option<i64>,
    /// `hub` or `api`.
    pub source: &'static str,
    pub order_id: Option<i64>,
    pub order_omnitron_id: Option<i64>,
    /// `cancel` or `refund`.
    pub plan_type: String,
    pub items: Vec<NewItem>,
}

/// One item of it.
#[derive(Debug, Clone)]
pub struct NewItem {
    pub id: i64,
    pub order_item_id: Option<i64>,
    pub order_item_omnitron_id: Option<i64>,
    /// None: all of the line.
    pub quantity: Option<i64>,
    pub reason_id: Option<i64>,
}

/// A plan as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub id: i64,
    pub omnitron_id: Option<i64>,
    pub source: String,
    pub order_id: Option<i64>,
    pub order_omnitron_id: Option<i64>,
    pub plan_type: String,
    /// `received`, `waiting`, `accepted`, `refused` or `partly`.
    pub state: String,
    pub reason: Option<String>,
    pub created_us: i64,
    pub decided_us: Option<i64>,
}

/// An item of a plan, or a part of one that has a fate of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    pub id: i64,
    pub plan_id: i64,
    pub order_item_id: Option<i64>,
    pub order_item_omnitron_id: Option<i64>,
    pub quantity: Option<i64>,
    pub reason_id: Option<i64>,
    /// `received`, `waiting`, `accepted` or `refused`.
    pub state: String,
    pub outcome: Option<String>,
    pub package_id: Option<i64>,
}

/// Units asked of a package that waits for the location's word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Of the plan's item.
    pub id: i64,
    pub order_item_id: i64,
    pub quantity: i64,
}

/// What a SELECT of plans reads, for [`read`].
pub const COLUMNS: &str = "t.id, t.omnitron_id, t.source, t.order_id, t.order_omnitron_id, t.plan_type, t.state, t.reason, \
    t.created_us, t.decided_us";

/// Reads a row of [`COLUMNS`].
pub fn read(row: &Row) -> Result<Plan, StoreError> {
    let mut c = row.cols();
    Ok(Plan {
        id: c.i64()?,
        omnitron_id: c.opt_i64()?,
        source: c.text()?,
        order_id: c.opt_i64()?,
        order_omnitron_id: c.opt_i64()?,
        plan_type: c.text()?,
        state: c.text()?,
        reason: c.opt_text()?,
        created_us: c.i64()?,
        decided_us: c.opt_i64()?,
    })
}

/// The list of plans.
pub const LIST: List = List {
    table: "cancellation_plans t",
    joins: " LEFT JOIN orders o ON o.id = t.order_id",
    ordered: &[],
    spans: &[],
    counted: None,
    filters: &[
        Filter::new("id", Kind::Int, "t.id = ?"),
        Filter::new("order", Kind::Int, "t.order_id = ?"),
        Filter::new(
            "order__number",
            Kind::Text,
            "t.order_id IN (SELECT o.id FROM orders o WHERE o.number = ?)",
        ),
        Filter::new("plan_type", Kind::Text, "t.plan_type = ?"),
        Filter::new("state", Kind::Text, "t.state = ?"),
        Filter::new("omnitron_id", Kind::Int, "t.omnitron_id = ?"),
        Filter::new("created_date__gte", Kind::Time, "t.created_us >= ?"),
        Filter::new("created_date__lt", Kind::Time, "t.created_us < ?"),
    ],
    orders: &[("-id", "t.id DESC"), ("id", "t.id")],
};

/// Writes a plan with its items and its job. `false`: the hub's plan is here already.
pub async fn receive(tx: &mut Tx, plan: &NewPlan, now_us: i64) -> Result<bool, StoreError> {
    let sql = "INSERT INTO cancellation_plans (id, omnitron_id, source, order_id, order_omnitron_id, plan_type, state, created_us) \
               VALUES ($1, $2, $3, $4, $5, $6, 'received', $7) ON CONFLICT (omnitron_id) DO NOTHING";
    let values = args![
        plan.id,
        plan.omnitron_id,
        plan.source,
        plan.order_id,
        plan.order_omnitron_id,
        &plan.plan_type,
        now_us
    ];
    if tx.execute(sql, values).await? == 0 {
        return Ok(false);
    }
    let mut rows = Rows::new(7);
    for i in &plan.items {
        rows.push(args![
            i.id,
            plan.id,
            i.order_item_id,
            i.order_item_omnitron_id,
            i.quantity,
            i.reason_id,
            "received"
        ]);
    }
    let head = "INSERT INTO cancellation_plan_items (id, plan_id, order_item_id, order_item_omnitron_id, quantity, reason_id, state)";
    tx.insert(head, rows, "").await?;
    let job = NewJob { id: plan.job_id, kind: JobKind::Cancel, ref_id: plan.id, sort: (now_us, plan.id) };
    jobs::add(tx, &[job], now_us).await?;
    Ok(true)
}

/// Writes down a plan of the hub that was over before it was heard of: it changes nothing. `false`: it is here already.
pub async fn receive_ended(
    tx: &mut Tx,
    plan: &NewPlan,
    reason: &str,
    now_us: i64,
) -> Result<bool, StoreError> {
    let sql = "INSERT INTO cancellation_plans (id, omnitron_id, source, order_id, order_omnitron_id, plan_type, state, reason, \
               created_us, decided_us) VALUES ($1, $2, $3, $4, $5, $6, 'refused', $7, $8, $8) ON CONFLICT (omnitron_id) DO NOTHING";
    let (order, hub_order) = (plan.order_id, plan.order_omnitron_id);
    let values =
        args![plan.id, plan.omnitron_id, plan.source, order, hub_order, &plan.plan_type, reason, now_us];
    Ok(tx.execute(sql, values).await? > 0)
}

/// The plan with the hub's key.
pub async fn by_omnitron_id(tx: &mut Tx, omnitron_id: i64) -> Result<Option<Plan>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM cancellation_plans t WHERE t.omnitron_id = $1");
    tx.first(sql, args![omnitron_id]).await?.map(|row| read(&row)).transpose()
}

/// Holds a plan and says its state.
pub async fn hold(tx: &mut Tx, id: i64) -> Result<String, StoreError> {
    let sql = format!("SELECT state FROM cancellation_plans WHERE id = $1{}", tx.dialect().for_update());
    let row = tx.first(sql, args![id]).await?;
    row.ok_or_else(|| StoreError::Corrupt(format!("cancellation plan {id} is gone")))?.cols().text()
}

/// Ends what is open of a plan that the hub has withdrawn.
pub async fn withdraw(tx: &mut Tx, id: i64, reason: &str, now_us: i64) -> Result<(), StoreError> {
    let sql = "UPDATE cancellation_plan_items SET state = 'refused', outcome = $2 WHERE plan_id = $1 \
               AND state IN ('received', 'waiting')";
    tx.execute(sql, args![id, reason]).await?;
    let sql = "UPDATE cancellation_plans SET reason = $2 WHERE id = $1";
    tx.execute(sql, args![id, reason]).await?;
    jobs::drop_one(tx, JobKind::Cancel, id).await?;
    let any = "SELECT COUNT(*) FROM cancellation_plan_items WHERE plan_id = $1";
    if tx.scalar(any, args![id]).await? > 0 {
        return settle(tx, &[id], now_us).await;
    }
    // All of the order was meant, and no line was named yet.
    let sql = "UPDATE cancellation_plans SET state = 'refused', decided_us = $2 WHERE id = $1";
    tx.execute(sql, args![id, now_us]).await?;
    Ok(())
}

/// Plans by id.
pub async fn by_ids(tx: &mut Tx, ids: Vec<i64>) -> Result<Vec<Plan>, StoreError> {
    let head = format!("SELECT {COLUMNS} FROM cancellation_plans t WHERE t.id");
    tx.fetch_in(&head, ids, "ORDER BY t.id").await?.iter().map(read).collect()
}

/// The items of plans, by id.
pub async fn items_of(tx: &mut Tx, plans: Vec<i64>) -> Result<Vec<Item>, StoreError> {
    let head = "SELECT id, plan_id, order_item_id, order_item_omnitron_id, quantity, reason_id, state, outcome, package_id \
                FROM cancellation_plan_items WHERE plan_id";
    let rows = tx.fetch_in(head, plans, "ORDER BY plan_id, id").await?;
    let one = |row: &Row| {
        let mut c = row.cols();
        Ok(Item {
            id: c.i64()?,
            plan_id: c.i64()?,
            order_item_id: c.opt_i64()?,
            order_item_omnitron_id: c.opt_i64()?,
            quantity: c.opt_i64()?,
            reason_id: c.opt_i64()?,
            state: c.text()?,
            outcome: c.opt_text()?,
            package_id: c.opt_i64()?,
        })
    };
    rows.iter().map(one).collect()
}

/// What is asked of packages that wait for the location's word.
pub async fn asked_of(tx: &mut Tx, packages: Vec<i64>) -> Result<HashMap<i64, Vec<Asked>>, StoreError> {
    let head = "SELECT package_id, id, order_item_id, quantity FROM cancellation_plan_items WHERE state = 'waiting' \
                AND order_item_id IS NOT NULL AND quantity IS NOT NULL AND package_id";
    let mut asked: HashMap<i64, Vec<Asked>> = HashMap::new();
    for row in tx.fetch_in(head, packages, "ORDER BY package_id, id").await? {
        let mut c = row.cols();
        let package = c.i64()?;
        let one = Asked { id: c.i64()?, order_item_id: c.i64()?, quantity: c.i64()? };
        asked.entry(package).or_default().push(one);
    }
    Ok(asked)
}

/// A part of a plan's item with its own fate. The first part keeps the item's row.
#[derive(Debug, Clone)]
pub struct Part {
    /// The item's id, or a new one.
    pub id: i64,
    pub is_new: bool,
    pub plan_id: i64,
    pub order_item_id: Option<i64>,
    pub quantity: i64,
    pub reason_id: Option<i64>,
    pub state: &'static str,
    pub outcome: String,
    pub package_id: Option<i64>,
}

/// Writes what became of a plan's items, and of the plan.
pub async fn decide(
    tx: &mut Tx,
    plan: &Plan,
    order_id: Option<i64>,
    parts: &[Part],
    now_us: i64,
) -> Result<(), StoreError> {
    let (mut new, mut old) = (Rows::new(8), Rows::new(6));
    for p in parts {
        let package = p.package_id;
        if p.is_new {
            new.push(args![
                p.id,
                p.plan_id,
                p.order_item_id,
                p.quantity,
                p.reason_id,
                p.state,
                &p.outcome,
                package
            ]);
        } else {
            old.push(args![p.id, p.order_item_id, p.quantity, p.state, &p.outcome, package]);
        }
    }
    let head = "INSERT INTO cancellation_plan_items (id, plan_id, order_item_id, quantity, reason_id, state, outcome, package_id)";
    tx.insert(head, new, "").await?;
    let body = "UPDATE cancellation_plan_items SET order_item_id = v.item, quantity = v.n, state = v.state, \
                outcome = v.outcome, package_id = v.package FROM v WHERE cancellation_plan_items.id = v.id";
    tx.execute_values("id, item, n, state, outcome, package", old, body).await?;
    tx.execute("UPDATE cancellation_plans SET order_id = $2 WHERE id = $1", args![plan.id, order_id]).await?;
    settle(tx, &[plan.id], now_us).await
}

/// Answers items that waited: id, state, outcome, package.
pub(crate) async fn answer(tx: &mut Tx, answers: Rows) -> Result<(), StoreError> {
    if answers.is_empty() {
        return Ok(());
    }
    let body = "UPDATE cancellation_plan_items SET state = v.state, outcome = v.outcome, \
                package_id = COALESCE(v.package, cancellation_plan_items.package_id) FROM v \
                WHERE cancellation_plan_items.id = v.id RETURNING plan_id";
    let rows = tx.with_values("id, state, outcome, package", answers, body).await?;
    let plans = rows.iter().map(|r| r.i64(0)).collect::<Result<Vec<_>, _>>()?;
    settle(tx, &plans, 0).await
}

/// A plan's state follows its items'.
async fn settle(tx: &mut Tx, plans: &[i64], now_us: i64) -> Result<(), StoreError> {
    let sql = "UPDATE cancellation_plans SET decided_us = CASE WHEN $2 > 0 THEN $2 ELSE decided_us END, state = CASE \
               WHEN EXISTS (SELECT 1 FROM cancellation_plan_items i WHERE i.plan_id = $1 AND i.state = 'waiting') THEN 'waiting' \
               WHEN NOT EXISTS (SELECT 1 FROM cancellation_plan_items i WHERE i.plan_id = $1 AND i.state <> 'accepted') THEN 'accepted' \
               WHEN NOT EXISTS (SELECT 1 FROM cancellation_plan_items i WHERE i.plan_id = $1 AND i.state <> 'refused') THEN 'refused' \
               ELSE 'partly' END WHERE id = $1";
    for &plan in plans {
        tx.execute(sql, args![plan, now_us]).await?;
    }
    Ok(())
}

/// An order's line as cancelling needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub id: i64,
    pub omnitron_id: Option<i64>,
    pub quantity: i64,
    pub cancelled: i64,
}

/// An order held for a cancellation: id, event sequence, whether it is planned, its lines.
#[derive(Debug, Clone)]
pub struct HeldOrder {
    pub id: i64,
    pub event_seq: i64,
    pub is_planned: bool,
    pub lines: Vec<Line>,
}

/// Holds an order by id or by the hub's.
pub async fn hold_order(
    tx: &mut Tx,
    id: Option<i64>,
    omnitron_id: Option<i64>,
) -> Result<Option<HeldOrder>, StoreError> {
    let lock = match tx.dialect() {
        crate::db::Dialect::Sqlite => "",
        crate::db::Dialect::Postgres => " FOR UPDATE OF o, l",
    };
    let sql = format!(
        "SELECT o.id, o.event_seq, l.state FROM orders o JOIN plans l ON l.id = o.id \
         WHERE o.id = $1 OR ($1 IS NULL AND o.omnitron_id = $2){lock}"
    );
    let Some(row) = tx.first(sql, args![id, omnitron_id]).await? else { return Ok(None) };
    let mut c = row.cols();
    let (id, event_seq, state) = (c.i64()?, c.i64()?, c.text()?);
    let sql = "SELECT id, omnitron_id, quantity, quantity_cancelled FROM order_items WHERE order_id = $1 ORDER BY line";
    let mut lines = Vec::new();
    for row in tx.fetch(sql, args![id]).await? {
        let mut c = row.cols();
        lines.push(Line { id: c.i64()?, omnitron_id: c.opt_i64()?, quantity: c.i64()?, cancelled: c.i64()? });
    }
    Ok(Some(HeldOrder { id, event_seq, is_planned: state == "completed", lines }))
}

/// The order a plan is about, if it is here.
pub async fn order_of(tx: &mut Tx, plan: &Plan) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT id FROM orders WHERE id = $1 OR ($1 IS NULL AND omnitron_id = $2)";
    tx.first(sql, args![plan.order_id, plan.order_omnitron_id]).await?.map(|r| r.i64(0)).transpose()
}

/// Packages of an order that still live.
pub async fn live_packages(tx: &mut Tx, order_id: i64) -> Result<Vec<i64>, StoreError> {
    let sql = format!(
        "SELECT id FROM packages WHERE order_id = $1 AND state <> {} ORDER BY n",
        oms_core::packages::CANCELLED
    );
    tx.fetch(sql, args![order_id]).await?.iter().map(|r| r.i64(0)).collect()
}

/// Ends the plan of an order of which nothing is wanted any more.
pub async fn end_order(tx: &mut Tx, order_id: i64, now_us: i64) -> Result<(), StoreError> {
    let sql = "UPDATE plans SET state = 'cancelled', reason_code = NULL, reason = NULL, modified_us = $2 WHERE id = $1";
    tx.execute(sql, args![order_id, now_us]).await?;
    tx.execute("DELETE FROM jobs WHERE kind = 'plan' AND ref_id = $1", args![order_id]).await?;
    Ok(())
}

/// A reason of the hub for cancelling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    pub id: i64,
    pub omnitron_id: Option<i64>,
    pub subject: String,
    /// `cancel` or `refund`.
    pub cancellation_type: String,
    pub is_active: bool,
    pub send_to_oms: bool,
    pub extra_information_needed: bool,
    pub sort_order: Option<i64>,
    pub created_us: i64,
    pub modified_us: i64,
}

/// What a SELECT of reasons reads, for [`read_reason`].
pub const REASON_COLUMNS: &str = "t.id, t.omnitron_id, t.subject, t.cancellation_type, t.is_active, t.send_to_oms, \
    t.extra_information_needed, t.sort_order, t.created_us, t.modified_us";

/// Reads a row of [`REASON_COLUMNS`].
pub fn read_reason(row: &Row) -> Result<Reason, StoreError> {
    let mut c = row.cols();
    Ok(Reason {
        id: c.i64()?,
        omnitron_id: c.opt_i64()?,
        subject: c.text()?,
        cancellation_type: c.text()?,
        is_active: c.bool()?,
        send_to_oms: c.bool()?,
        extra_information_needed: c.bool()?,
        sort_order: c.opt_i64()?,
        created_us: c.i64()?,
        modified_us: c.i64()?,
    })
}

/// The list of reasons.
pub const REASONS: List = List {
    table: "cancellation_reasons t",
    joins: "",
    ordered: &[],
    spans: &[],
    counted: None,
    filters: &[
        Filter::new("id", Kind::Int, "t.id = ?"),
        Filter::new("omnitron_id", Kind::Int, "t.omnitron_id = ?"),
        Filter::new("is_active", Kind::Bool, "t.is_active = ?"),
        Filter::new("cancellation_type", Kind::Text, "t.cancellation_type = ?"),
    ],
    orders: &[("id", "t.id"), ("-id", "t.id DESC")],
};

/// Writes reasons of the hub, by its key.
pub async fn put_reasons(tx: &mut Tx, reasons: &[Reason]) -> Result<(), StoreError> {
    let mut rows = Rows::new(10);
    for r in reasons {
        rows.push(args![
            r.id,
            r.omnitron_id,
            &r.subject,
            &r.cancellation_type,
            r.is_active,
            r.send_to_oms,
            r.extra_information_needed,
            r.sort_order,
            r.created_us,
            r.modified_us
        ]);
    }
    let head = "INSERT INTO cancellation_reasons (id, omnitron_id, subject, cancellation_type, is_active, send_to_oms, \
                extra_information_needed, sort_order, created_us, modified_us)";
    let tail = "ON CONFLICT (omnitron_id) DO UPDATE SET subject = excluded.subject, \
                cancellation_type = excluded.cancellation_type, is_active = excluded.is_active, \
                send_to_oms = excluded.send_to_oms, extra_information_needed = excluded.extra_information_needed, \
                sort_order = excluded.sort_order, modified_us = excluded.modified_us";
    tx.insert(head, rows, tail).await?;
    Ok(())
}
