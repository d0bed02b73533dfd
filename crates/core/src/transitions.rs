//! Transitions: the steps an installation allows, each bound to a command. People configure them; the
//! planner, the hub and carriers use the seeded system ones, which nobody can change.

use serde_json::{Map, Value};

use crate::commands::{self, COMMANDS, Command, Conf, Entity};
use crate::refusal::Refusal;
use crate::{packages as p, transfers as t};

/// Who is shown the button of a transition. It is no right: whoever may run commands may run it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visibility {
    /// Back office and store app.
    All,
    /// The back office alone.
    Oms,
    /// The store app alone.
    Instore,
    /// Nobody: software runs it by the API.
    Hidden,
}

impl Visibility {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::All, Self::Oms, Self::Instore, Self::Hidden];

    /// The word on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Oms => "oms",
            Self::Instore => "instore",
            Self::Hidden => "hidden",
        }
    }

    /// From the word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|v| v.as_str() == text)
    }
}

/// A transition as people configure it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    pub name: String,
    pub slug: String,
    pub code: String,
    pub entity: Entity,
    pub from: i64,
    pub to: i64,
    pub visibility: Visibility,
    pub conf: Map<String, Value>,
}

/// The most characters of a name or a slug.
pub const MAX_TEXT: usize = 100;
/// The first id of transitions that people make; below it are seeded ones.
pub const FIRST_FREE_ID: i64 = 1_000;
/// The first id of the default flow; below it are system steps.
pub const FIRST_DEFAULT_ID: i64 = 200;

const KEYS: &[&str] =
    &["name", "slug", "command_code", "source_state", "destination_state", "visibility", "conf"];

impl Definition {
    /// Reads `{"name","slug","command_code","source_state","destination_state","visibility","conf"}`. A state is its
    /// code, as a number or text, or for transfers its word.
    pub fn read(value: &Value) -> Result<Self, Refusal> {
        let body =
            value.as_object().ok_or_else(|| wrong("non_field_errors", "A JSON object is expected."))?;
        // What an answer of ours holds besides is taken, so that a record read can be sent back.
        const READ_ONLY: &[&str] = &["id", "rev", "entity", "is_system", "created_date", "modified_date"];
        if let Some(key) =
            body.keys().find(|k| !KEYS.contains(&k.as_str()) && !READ_ONLY.contains(&k.as_str()))
        {
            return Err(wrong(key, &format!("{key:?} is not known here. Known: {}.", KEYS.join(", "))));
        }
        let code = text(body, "command_code")?;
        let command = commands::command(&code).ok_or_else(|| {
            let known: Vec<_> = COMMANDS.iter().map(|c| c.code).collect();
            wrong("command_code", &format!("{code:?} is not a command. Known: {}.", known.join(", ")))
        })?;
        let (from, to) =
            (state(body, "source_state", command.entity)?, state(body, "destination_state", command.entity)?);
        check_edge(command, from, to)?;
        let visibility = match body.get("visibility") {
            None => Visibility::All,
            Some(v) => v
                .as_str()
                .and_then(Visibility::parse)
                .ok_or_else(|| wrong("visibility", "One of all, oms, instore, hidden is expected."))?,
        };
        let slug = text(body, "slug")?;
        if !slug.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')) {
            return Err(wrong("slug", "Letters, digits, '_', '-' and '.' are expected."));
        }
        if slug.starts_with("SYSTEM_") {
            return Err(wrong("slug", "Slugs that begin with SYSTEM_ are the system's own; choose another."));
        }
        Ok(Self {
            name: text(body, "name")?,
            slug,
            entity: command.entity,
            from,
            to,
            visibility,
            conf: conf(command, body.get("conf"))?,
            code,
        })
    }
}

fn wrong(field: &str, message: &str) -> Refusal {
    Refusal::invalid(field, "invalid", message)
}

fn text(body: &Map<String, Value>, key: &str) -> Result<String, Refusal> {
    let text = body.get(key).and_then(Value::as_str).map(str::trim).unwrap_or_default();
    match text.chars().count() {
        1..=MAX_TEXT if !text.contains('\0') => Ok(text.to_owned()),
        _ => Err(wrong(key, &format!("A text of 1 to {MAX_TEXT} characters is expected."))),
    }
}

/// A state's code from its number, its digits or, for transfers, its word.
pub fn state_code(value: &Value, entity: Entity) -> Option<i64> {
    let number = value.as_i64().or_else(|| value.as_str()?.parse().ok());
    match entity {
        Entity::Package => number.filter(|&n| p::state(n).is_some()),
        Entity::Transfer => {
            let by_word = || t::STATES.iter().find(|s| value.as_str() == Some(s.word)).map(|s| s.code);
            number.filter(|&n| t::state(n).is_some()).or_else(by_word)
        }
    }
}

fn state(body: &Map<String, Value>, key: &str, entity: Entity) -> Result<i64, Refusal> {
    let known = || match entity {
        Entity::Package => {
            p::STATES.iter().map(|s| format!("{} ({})", s.code, s.name)).collect::<Vec<_>>().join(", ")
        }
        Entity::Transfer => t::STATES.iter().map(|s| s.word).collect::<Vec<_>>().join(", "),
    };
    let given = body.get(key).and_then(|v| state_code(v, entity));
    given.ok_or_else(|| wrong(key, &format!("A state is expected: {}.", known())))
}

fn check_edge(command: &Command, from: i64, to: i64) -> Result<(), Refusal> {
    if command.edges.contains(&(from, to)) {
        return Ok(());
    }
    let name = |code| command.entity.state_name(code);
    let possible: Vec<_> = command.edges.iter().map(|e| format!("{} to {}", name(e.0), name(e.1))).collect();
    let message = format!(
        "{} cannot go from {} to {}. Possible: {}.",
        command.code,
        name(from),
        name(to),
        possible.join("; ")
    );
    Err(Refusal::invalid("command_code", "no_such_step", message))
}

/// Checks a transition's conf: known keys by their rules. Keys that nobody knows are refused by name.
fn conf(command: &Command, value: Option<&Value>) -> Result<Map<String, Value>, Refusal> {
    let Some(value) = value else { return Ok(Map::new()) };
    let conf = value
        .as_object()
        .ok_or_else(|| wrong("conf", "A JSON object is expected; {} if there is nothing."))?;
    for (key, value) in conf {
        let known = command.conf.iter().find(|c| c.key() == key).ok_or_else(|| {
            let known: Vec<_> = command.conf.iter().map(|c| c.key()).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            wrong(
                &format!("conf.{key}"),
                &format!("{} does not know {key:?}. It knows: {known}.", command.code),
            )
        })?;
        match known {
            Conf::SyncRemoteOrderStatus if value.is_boolean() => {}
            Conf::RemoteBillFulfillmentCall if value == &Value::Bool(false) => {}
            Conf::SyncRemoteOrderStatus => {
                return Err(wrong(&format!("conf.{key}"), "true or false is expected."));
            }
            // Better refused than stored and not done: the calls come with carriers and invoices.
            Conf::RemoteBillFulfillmentCall | Conf::RemoteInvoiceCall => {
                let message = "This version makes no invoice calls yet; leave it out.";
                return Err(Refusal::invalid(format!("conf.{key}"), "not_available", message));
            }
        }
    }
    Ok(conf.clone())
}

/// Whether a transition tells the hub.
pub fn tells_hub(command: &Command, conf: &Map<String, Value>) -> bool {
    command.conf.contains(&Conf::SyncRemoteOrderStatus)
        && conf.get(Conf::SyncRemoteOrderStatus.key()) != Some(&Value::Bool(false))
}

/// A seeded transition of the planner, the hub or a carrier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SystemStep {
    pub id: i64,
    pub entity: Entity,
    pub name: &'static str,
    pub slug: &'static str,
    /// `None`: the record is made.
    pub from: Option<i64>,
    pub to: i64,
}

macro_rules! system {
    ($($id:literal $entity:ident $slug:literal $name:literal $from:expr => $to:expr;)*) => {
        /// Every system step. Ids are for good: logs name them.
        pub const SYSTEM: &[SystemStep] = &[$(SystemStep {
            id: $id, entity: Entity::$entity, slug: $slug, name: $name, from: $from, to: $to,
        }),*];
    };
}

system! {
    1 Package "SYSTEM_PLANNED" "Planned" None => p::WAITING;
    2 Package "SYSTEM_PLANNED_IN_PARTS" "Planned in parts" None => p::WAITING_REMOTE_ACTION;
    3 Package "SYSTEM_PLANNED_WITHOUT_STOCK" "Planned without stock" None => p::OUT_OF_STOCK;
    4 Package "SYSTEM_PLANNED_WITH_TRANSFER" "Planned, waits for transfer" None => p::WAITING_FOR_TRANSFER;
    5 Package "SYSTEM_REPLACED" "Replaced by a new plan" Some(p::OUT_OF_STOCK) => p::CANCELLED;
    6 Package "SYSTEM_TRANSFERS_COMPLETE" "Transfers complete" Some(p::WAITING_FOR_TRANSFER) => p::WAITING;
    7 Package "SYSTEM_TRANSFERS_COMPLETE_IN_PARTS" "Transfers complete, planned in parts" Some(p::WAITING_FOR_TRANSFER) => p::WAITING_REMOTE_ACTION;
    8 Package "SYSTEM_NOTHING_LEFT" "Nothing left to pack" Some(p::WAITING_FOR_TRANSFER) => p::CANCELLED;
    9 Package "SYSTEM_REFUSED_WITHOUT_STOCK" "Refused, and no other location has it" Some(p::NEEDS_RESCHEDULING) => p::OUT_OF_STOCK;
    10 Package "SYSTEM_REFUSED_REPLACED" "Refused and replaced by a new plan" Some(p::NEEDS_RESCHEDULING) => p::CANCELLED;
    20 Transfer "SYSTEM_TRANSFER_PLANNED" "Planned" None => t::WAITING;
    21 Transfer "SYSTEM_TRANSFER_READY" "Ready for dispatch" Some(t::WAITING) => t::READY_TO_SHIPMENT;
    22 Transfer "SYSTEM_TRANSFER_DISPATCHED" "Dispatched" Some(t::WAITING) => t::IN_TRANSIT;
    23 Transfer "SYSTEM_TRANSFER_READY_DISPATCHED" "Dispatched when ready" Some(t::READY_TO_SHIPMENT) => t::IN_TRANSIT;
    24 Transfer "SYSTEM_TRANSFER_DELIVERED" "Delivered" Some(t::IN_TRANSIT) => t::TRANSFERRED;
    25 Transfer "SYSTEM_TRANSFER_NOT_FOUND" "Not found" Some(t::WAITING) => t::OUT_OF_STOCK;
    26 Transfer "SYSTEM_TRANSFER_CANCELLED" "Cancelled" Some(t::WAITING) => t::CANCELLED;
    27 Transfer "SYSTEM_TRANSFER_READY_CANCELLED" "Cancelled when ready" Some(t::READY_TO_SHIPMENT) => t::CANCELLED;
    40 Package "SYSTEM_CANCELLED_WAITING" "Cancelled" Some(p::WAITING) => p::CANCELLED;
    41 Package "SYSTEM_CANCELLED_WAITING_REMOTE_ACTION" "Cancelled" Some(p::WAITING_REMOTE_ACTION) => p::CANCELLED;
    42 Package "SYSTEM_CANCELLED_PREPARING" "Cancelled" Some(p::PREPARING) => p::CANCELLED;
    43 Package "SYSTEM_CANCELLED_WAITING_TRANSFER" "Cancelled" Some(p::WAITING_FOR_TRANSFER) => p::CANCELLED;
    44 Package "SYSTEM_CANCELLED_READY_FOR_PACKAGING" "Cancelled" Some(p::READY_FOR_PACKAGING) => p::CANCELLED;
    45 Package "SYSTEM_CANCELLED_BLOCKED" "Cancelled" Some(p::BLOCKED) => p::CANCELLED;
    46 Package "SYSTEM_CANCELLATION_ASKED_WAITING_CARGO_LABEL" "Cancellation asked" Some(p::WAITING_CARGO_LABEL) => p::CANCELLATION_WAITING;
    47 Package "SYSTEM_CANCELLATION_ASKED_PACKED" "Cancellation asked" Some(p::PACKED) => p::CANCELLATION_WAITING;
    48 Package "SYSTEM_CANCELLATION_ASKED_READY_FOR_CUSTOMER" "Cancellation asked" Some(p::READY_FOR_CUSTOMER) => p::CANCELLATION_WAITING;
    60 Package "SYSTEM_REST_PREPARING" "Rest of a cancelled package" None => p::PREPARING;
    61 Package "SYSTEM_REST_READY_FOR_PACKAGING" "Rest of a cancelled package" None => p::READY_FOR_PACKAGING;
    62 Package "SYSTEM_REST_WAITING_CARGO_LABEL" "Rest of a cancelled package" None => p::WAITING_CARGO_LABEL;
    63 Package "SYSTEM_REST_PACKED" "Rest of a cancelled package" None => p::PACKED;
    64 Package "SYSTEM_REST_READY_FOR_CUSTOMER" "Rest of a cancelled package" None => p::READY_FOR_CUSTOMER;
    65 Package "SYSTEM_REST_NEEDS_RESCHEDULING" "Rest of a cancelled package" None => p::NEEDS_RESCHEDULING;
    66 Package "SYSTEM_REST_BLOCKED" "Rest of a cancelled package" None => p::BLOCKED;
    70 Package "SYSTEM_LABEL_MISSING_WAITING" "Packed, label to come" Some(p::WAITING) => p::WAITING_CARGO_LABEL;
    71 Package "SYSTEM_LABEL_MISSING_PREPARING" "Packed, label to come" Some(p::PREPARING) => p::WAITING_CARGO_LABEL;
    72 Package "SYSTEM_LABEL_MISSING_READY_FOR_PACKAGING" "Packed, label to come" Some(p::READY_FOR_PACKAGING) => p::WAITING_CARGO_LABEL;
    80 Package "SYSTEM_ALL_MISSING_WAITING" "Nothing of it found" Some(p::WAITING) => p::OUT_OF_STOCK;
    81 Package "SYSTEM_ALL_MISSING_WAITING_REMOTE_ACTION" "Nothing of it found" Some(p::WAITING_REMOTE_ACTION) => p::OUT_OF_STOCK;
    82 Package "SYSTEM_ALL_MISSING_PREPARING" "Nothing of it found" Some(p::PREPARING) => p::OUT_OF_STOCK;
    83 Package "SYSTEM_ALL_MISSING_READY_FOR_PACKAGING" "Nothing of it found" Some(p::READY_FOR_PACKAGING) => p::OUT_OF_STOCK;
}

/// The system step between two states; its revision is 1.
pub fn system(entity: Entity, from: Option<i64>, to: i64) -> Option<&'static SystemStep> {
    SYSTEM.iter().find(|s| s.entity == entity && s.from == from && s.to == to)
}

/// A transition that a fresh installation has, with its id.
pub fn default_flow() -> Vec<(i64, Definition)> {
    let mut flow = Vec::new();
    for command in COMMANDS {
        for (i, &(from, to)) in default_edges(command).iter().enumerate() {
            flow.push((FIRST_DEFAULT_ID + flow.len() as i64, default(command, i, from, to)));
        }
    }
    flow
}

/// Of the generic command only the steps a shop without configuration needs; of the others all.
fn default_edges(command: &Command) -> &'static [(i64, i64)] {
    match command.code {
        "PKG_STATE_TRANSITION" => &[
            (p::PREPARING, p::READY_FOR_PACKAGING),
            (p::WAITING_REMOTE_ACTION, p::WAITING),
            (p::SHIPPED, p::ATTEMPTED_DELIVERY),
            (p::SHIPPED, p::DELIVERY_FAILED),
            (p::ATTEMPTED_DELIVERY, p::DELIVERY_FAILED),
            (p::DELIVERY_FAILED, p::SHIPPED),
        ],
        _ => command.edges,
    }
}

fn default(command: &Command, nth: usize, from: i64, to: i64) -> Definition {
    let upper = |code| command.entity.state_word(code).to_uppercase();
    let generic = command.code == "PKG_STATE_TRANSITION";
    let slug = match (generic, nth) {
        (true, _) => format!("{}_{}_TO_{}", command.code, upper(from), upper(to)),
        (false, 0) => command.code.to_owned(),
        (false, _) if command.returns_to_held() => format!("{}_TO_{}", command.code, upper(to)),
        (false, _) => format!("{}_FROM_{}", command.code, upper(from)),
    };
    let name = if generic { command.entity.state_name(to) } else { command.name };
    Definition {
        name: name.to_owned(),
        slug,
        code: command.code.to_owned(),
        entity: command.entity,
        from,
        to,
        visibility: if command.asks_outside && command.code != "COMPLETE_PACKAGING_WITH_SHIPMENT" {
            Visibility::Oms
        } else {
            Visibility::All
        },
        conf: Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_default_flow_is_sound_and_its_slugs_are_unique() {
        let flow = default_flow();
        let mut slugs: Vec<_> =
            flow.iter().map(|(_, d)| d.slug.as_str()).chain(SYSTEM.iter().map(|s| s.slug)).collect();
        let n = slugs.len();
        slugs.sort_unstable();
        slugs.dedup();
        assert_eq!(slugs.len(), n);
        assert!(flow.iter().all(|(id, _)| (FIRST_DEFAULT_ID..FIRST_FREE_ID).contains(id)));
        for (_, d) in &flow {
            let body = json!({"name": d.name, "slug": d.slug, "command_code": d.code, "source_state": d.from,
                "destination_state": d.to.to_string(), "visibility": d.visibility.as_str(), "conf": {}});
            assert_eq!(Definition::read(&body).as_ref(), Ok(d));
        }
    }

    #[test]
    fn system_steps_keep_the_books_too() {
        for s in SYSTEM.iter().filter(|s| s.entity == Entity::Package) {
            let Some(from) = s.from.and_then(p::state) else { continue };
            let to = p::state(s.to).expect("known");
            let held = from.stock == p::StockEffect::AsBefore;
            assert!(held || p::stock_move(from, to).is_some(), "{}", s.slug);
        }
        assert!(SYSTEM.iter().all(|s| s.id < FIRST_DEFAULT_ID && s.slug.starts_with("SYSTEM_")));
    }

    #[test]
    fn what_is_wrong_is_said_by_name() {
        let good = json!({"name": "Pack", "slug": "PACK", "command_code": "COMPLETE_PACKAGING_WITHOUT_SHIPMENT",
            "source_state": "200", "destination_state": 500, "conf": {"sync_remote_order_status": false}});
        assert!(Definition::read(&good).is_ok());
        let with = |key: &str, value: Value| {
            let mut body = good.clone();
            body[key] = value;
            Definition::read(&body).expect_err("refused")
        };
        assert_eq!(with("source_state", json!(700)).code, "no_such_step");
        assert!(with("source_state", json!(700)).message.contains("Preparing to Packed"));
        assert_eq!(with("command_code", json!("PACK")).field, "command_code");
        assert_eq!(with("conf", json!({"sync": 1})).field, "conf.sync");
        assert_eq!(with("conf", json!({"remote_invoice_call": {}})).code, "not_available");
        assert_eq!(with("colour", json!(1)).field, "colour");
        assert_eq!(with("slug", json!("a b")).field, "slug");
        assert_eq!(with("visibility", json!("me")).field, "visibility");
    }
}
