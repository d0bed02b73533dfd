//! Cargo companies: which there are, how each is set up, and when one applies.
//!
//! A company is set up by the documented keys (`name`, `erp_code`, `is_managed_by_oms`, `is_demo_client`, `shipping_company`,
//! `conf`). What `conf` holds depends on the company: each has a schema, from which its form is made and its values are checked.
//! Every company is reached by the public "shipment flows" contract; a demo client is a company that is only played.

use serde_json::{Map, Value, json};

use crate::queries::{Place, Query, Subject};
use crate::refusal::Refusal;
use crate::secrets::Secrets;
use crate::settings;

/// The longest name or code, in characters.
pub const MAX_NAME: usize = 255;
/// The longest text of `conf`, in characters.
const MAX_TEXT: usize = 1_000;
/// Companies of one installation: a brand has a handful, and some accounts of each.
pub const MAX_COMPANIES: usize = 200;
/// Rules of one condition.
const MAX_RULES: usize = 50;

/// Where the secrets of `conf` are, and where they are sent.
pub const SECRETS: Secrets = Secrets {
    keys: &["password"],
    addresses: &["create_shipment_url", "query_shipment_url", "credentials_identifier"],
    entry: "",
};

/// How a part of `conf` is filled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    /// An address.
    Url,
    /// Never shown again.
    Secret,
}

/// A part of `conf`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    pub key: &'static str,
    pub kind: Kind,
    pub is_required: bool,
    pub about: &'static str,
}

const fn part(key: &'static str, kind: Kind, is_required: bool, about: &'static str) -> Part {
    Part { key, kind, is_required, about }
}

/// What a company that speaks the shipment contract is told. The first seven are the documented example's.
pub const CONTRACT: &[Part] = &[
    part("username", Kind::Text, true, "The account's user."),
    part("password", Kind::Secret, true, "The account's password."),
    part("create_shipment_url", Kind::Url, true, "Where shipments are made: the contract's …/shipments."),
    part(
        "query_shipment_url",
        Kind::Url,
        false,
        "Where shipments are asked for; where they are made, if it is left out.",
    ),
    part("company_description", Kind::Text, false, "What the carrier prints for the sender."),
    part("name", Kind::Text, false, "The sender's name."),
    part("address", Kind::Text, false, "The sender's address."),
    part("credentials_identifier", Kind::Text, false, "Which of several accounts of the service is meant."),
];

/// What a demo client is told.
pub const DEMO: &[Part] =
    &[part("klass", Kind::Text, true, "The demo client's class, oms.shipments.clients.demo_client.<Name>.")];

/// What the class of a demo client begins with.
pub const DEMO_PREFIX: &str = "oms.shipments.clients.demo_client.";

/// A company that can be chosen, by its word on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Company {
    /// `shipping_company`.
    pub word: &'static str,
    pub title: &'static str,
}

/// Every company whose word the hub knows too, and one for any other that speaks the contract.
pub const COMPANIES: &[Company] = &[
    Company { word: "yurtici", title: "Yurtiçi Kargo" },
    Company { word: "ups", title: "UPS" },
    Company { word: "dpd", title: "DPD" },
    Company { word: "cdek", title: "CDEK" },
    Company { word: "sendeo", title: "Sendeo" },
    Company { word: "sameday", title: "Sameday" },
    Company { word: "cargus", title: "Cargus" },
    Company { word: "speedy", title: "Speedy" },
    Company { word: "fancourier", title: "FAN Courier" },
    Company { word: "kolay_gelsin", title: "Kolay Gelsin" },
    Company { word: "bringo_express", title: "Bringo Express" },
    Company { word: "shipment_flows", title: "Another that speaks the contract" },
];

/// A company that is only played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DemoClient {
    /// The last part of its class, and its `shipping_company`.
    pub name: &'static str,
    pub about: &'static str,
}

/// Every demo client.
pub const DEMO_CLIENTS: &[DemoClient] = &[
    DemoClient { name: "AlwaysDelivered", about: "Takes every parcel and delivers it." },
    DemoClient { name: "DeliveryFails", about: "Takes every parcel and does not find its customer." },
    DemoClient { name: "AttemptThenDelivered", about: "Delivers at the second attempt." },
    DemoClient { name: "SlowTracking", about: "Delivers, and tells of it late." },
    DemoClient { name: "CreateRejected", about: "Refuses every parcel." },
    DemoClient { name: "LabelLater", about: "Takes every parcel and prints its label later." },
    DemoClient { name: "Garbage", about: "Answers what nobody can read." },
];

/// How shipments of a company are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Client {
    /// By somebody else: it is known by name alone, and nobody is called.
    Unmanaged,
    Demo(DemoClient),
    /// By the contract.
    Contract(Company),
}

/// What is said of a company, without its name.
#[derive(Debug, Clone, Copy)]
pub struct Said<'s> {
    pub is_managed_by_oms: bool,
    pub is_demo_client: bool,
    pub shipping_company: &'s str,
    /// With its secrets.
    pub conf: &'s Value,
}

fn wrong(field: &str, message: impl Into<String>) -> Refusal {
    Refusal::invalid(field, "invalid", message)
}

impl Client {
    /// How shipments are made by what is said, checked.
    pub fn of(said: Said<'_>) -> Result<Self, Refusal> {
        let conf = said.conf.as_object().ok_or_else(|| wrong("conf", "An object is expected."))?;
        if said.is_demo_client {
            return Self::demo(said, conf);
        }
        let company = COMPANIES.iter().find(|c| c.word == said.shipping_company).ok_or_else(|| {
            let known: Vec<_> = COMPANIES.iter().map(|c| c.word).collect();
            let message = format!("{:?} is none of {}.", said.shipping_company, known.join(", "));
            Refusal::invalid("shipping_company", "invalid_choice", message)
        })?;
        if !said.is_managed_by_oms {
            check(conf, CONTRACT, false)?;
            return Ok(Self::Unmanaged);
        }
        check(conf, CONTRACT, true)?;
        Ok(Self::Contract(*company))
    }

    fn demo(said: Said<'_>, conf: &Map<String, Value>) -> Result<Self, Refusal> {
        check(conf, DEMO, true)?;
        let class = conf["klass"].as_str().unwrap_or_default();
        let named = class.strip_prefix(DEMO_PREFIX).unwrap_or_default();
        let client = DEMO_CLIENTS.iter().find(|c| c.name == named).ok_or_else(|| {
            let known: Vec<_> = DEMO_CLIENTS.iter().map(|c| format!("{DEMO_PREFIX}{}", c.name)).collect();
            Refusal::invalid(
                "conf.klass",
                "invalid_choice",
                format!("{class:?} is none of {}.", known.join(", ")),
            )
        })?;
        if !said.is_managed_by_oms {
            return Err(wrong(
                "is_managed_by_oms",
                "A demo client runs inside: tick that the OMS manages the cargo.",
            ));
        }
        if ![client.name, ""].contains(&said.shipping_company) {
            let message = format!("{} is expected, as conf.klass says, or nothing.", client.name);
            return Err(wrong("shipping_company", message));
        }
        Ok(Self::Demo(*client))
    }
}

/// Checks `conf` by its parts; `is_whole`: what is required has to be there.
fn check(conf: &Map<String, Value>, parts: &[Part], is_whole: bool) -> Result<(), Refusal> {
    let unknown = conf.keys().find(|key| !parts.iter().any(|p| p.key == key.as_str())).map(|key| {
        let known: Vec<_> = parts.iter().map(|p| p.key).collect();
        let message = format!("{key:?} is not a part of this company's conf. Known: {}.", known.join(", "));
        Refusal::invalid(format!("conf.{key}"), "unknown_field", message)
    });
    let parts = parts.iter().filter_map(|part| {
        let at = format!("conf.{}", part.key);
        let text = match conf.get(part.key) {
            None | Some(Value::Null) => "",
            Some(Value::String(text)) => text.trim(),
            Some(_) => return Some(wrong(&at, "A text is expected.")),
        };
        if text.is_empty() {
            let message = format!("This is required: {}", part.about);
            return (part.is_required && is_whole).then(|| Refusal::invalid(at, "required", message));
        }
        if text.chars().count() > MAX_TEXT || text.chars().any(char::is_control) {
            return Some(wrong(
                &at,
                format!("At most {MAX_TEXT} characters without control characters are expected."),
            ));
        }
        if part.kind == Kind::Url { settings::check_url(&at, text).err() } else { None }
    });
    Refusal::of_all(unknown.into_iter().chain(parts))
}

/// The schema of a `conf`, as JSON Schema has it.
pub fn schema(parts: &[Part]) -> Value {
    let properties: Map<String, Value> = parts
        .iter()
        .map(|part| {
            let mut property = json!({"type": "string", "description": part.about});
            match part.kind {
                Kind::Text => {}
                Kind::Url => property["format"] = "uri".into(),
                Kind::Secret => {
                    property["format"] = "password".into();
                    property["writeOnly"] = true.into();
                }
            }
            (part.key.to_owned(), property)
        })
        .collect();
    let required: Vec<_> = parts.iter().filter(|p| p.is_required).map(|p| p.key).collect();
    json!({"type": "object", "additionalProperties": false, "required": required, "properties": properties})
}

/// When a company applies: `{"rules": […]}`, each a query of scenarios over the order and the goods of the parcel. All have
/// to hold; none: it always does.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules(Vec<Query>);

impl Rules {
    /// Reads them.
    pub fn from_json(value: &Value) -> Result<Self, Refusal> {
        let at = "rules_configuration";
        let rules = match value.as_object().map(|map| (map.len(), map.get("rules"))) {
            Some((1, Some(Value::Array(rules)))) => rules,
            _ => return Err(wrong(at, "An object {\"rules\": […]} is expected.")),
        };
        if rules.len() > MAX_RULES {
            return Err(wrong(at, format!("At most {MAX_RULES} rules are expected.")));
        }
        let read =
            |(i, rule): (usize, &Value)| Query::from_json(rule, Place::Parcel, &format!("{at}.rules[{i}]"));
        Ok(Self(rules.iter().enumerate().map(read).collect::<Result<_, _>>()?))
    }

    /// Whether all of them hold.
    pub fn hold(&self, subject: &Subject<'_>) -> bool {
        self.0.iter().all(|rule| rule.holds(subject))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queries::Facts;

    fn said(
        shipping_company: &'static str,
        is_demo_client: bool,
        conf: &'static str,
    ) -> Result<Client, Refusal> {
        let conf: Value = serde_json::from_str(conf).expect("JSON");
        Client::of(Said { is_managed_by_oms: true, is_demo_client, shipping_company, conf: &conf })
    }

    #[test]
    fn the_documented_examples_are_taken() {
        let conf = r#"{"username":"u","password":"p","company_description":"d","name":"n","address":"a",
            "query_shipment_url":"https://cargo.example/query","create_shipment_url":"https://cargo.example/shipments"}"#;
        assert_eq!(said("yurtici", false, conf), Ok(Client::Contract(COMPANIES[0])));
        let klass = r#"{"klass":"oms.shipments.clients.demo_client.AlwaysDelivered"}"#;
        assert_eq!(said("AlwaysDelivered", true, klass), Ok(Client::Demo(DEMO_CLIENTS[0])));
        assert_eq!(said("", true, klass), Ok(Client::Demo(DEMO_CLIENTS[0])));
    }

    #[test]
    fn each_fault_is_named_at_its_place() {
        for (company, is_demo, conf, fields) in [
            ("yurtici", false, "[]", vec!["conf"]),
            ("pigeon", false, "{}", vec!["shipping_company"]),
            ("ups", false, "{}", vec!["conf.username", "conf.password", "conf.create_shipment_url"]),
            (
                "ups",
                false,
                r#"{"username":"u","password":7,"create_shipment_url":"cargo.example","colour":"red"}"#,
                vec!["conf.colour", "conf.password", "conf.create_shipment_url"],
            ),
            ("", true, r#"{"klass":"os.system"}"#, vec!["conf.klass"]),
            ("", true, r#"{"klass":"oms.shipments.clients.demo_client.Pigeon"}"#, vec!["conf.klass"]),
            (
                "ups",
                true,
                r#"{"klass":"oms.shipments.clients.demo_client.Garbage"}"#,
                vec!["shipping_company"],
            ),
        ] {
            let refusal = said(company, is_demo, conf).expect_err(conf);
            let mut named = vec![refusal.field.as_str()];
            named.extend(refusal.also.iter().map(|(field, _)| field.as_str()));
            assert_eq!(named, fields, "{conf}");
        }
        let none = json!({});
        let somebody_elses =
            Said { is_managed_by_oms: false, is_demo_client: false, shipping_company: "ups", conf: &none };
        assert_eq!(Client::of(somebody_elses), Ok(Client::Unmanaged));
    }

    #[test]
    fn rules_are_queries_and_none_means_always() {
        let always = Rules::from_json(&json!({"rules": []})).expect("none");
        let dear =
            Rules::from_json(&json!({"rules": [{"field": "order.amount", "op": "gte", "value": "500.00"}]}));
        let dear = dear.expect("a query");
        for (amount, expected) in [("499.99", false), ("500.00", true)] {
            let order = Facts::from([("order.amount".to_owned(), amount.into())]);
            let subject =
                Subject { order: &order, lines: Vec::new(), extra: Facts::new(), units: Vec::new() };
            assert!(always.hold(&subject));
            assert_eq!(dear.hold(&subject), expected, "{amount}");
        }
        for (bad, field) in [
            (json!({}), "rules_configuration"),
            (json!({"rules": [], "more": 1}), "rules_configuration"),
            (
                json!({"rules": [{"field": "order.colour", "op": "eq", "value": "x"}]}),
                "rules_configuration.rules[0]",
            ),
        ] {
            let refusal = Rules::from_json(&bad).expect_err("it is refused");
            assert!(refusal.field.starts_with(field), "{bad}: {refusal:?}");
        }
    }
}
