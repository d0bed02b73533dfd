//! Stores, customers, addresses, places and hooks: records callers make and change as a whole.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Hub;
use super::cancellations::object;
use super::change::{Draft, Then};
use super::kind::Kind;
use super::reply::Reply;
use super::shape::{Shape, Slot, may, must, null, read};
use super::world::Fields;

const STORE: [Slot; 18] = [
    must("name", Shape::Text(255)),
    must("address", Shape::Text(1024)),
    must("township", Shape::Key(Kind::Township)),
    null("district", Shape::Key(Kind::District)),
    must("phone_number", Shape::Text(128)),
    may("fax_phone_number", Shape::Text(128)),
    may("channels", Shape::List),
    null("store_type", Shape::Count),
    may("click_and_collect", Shape::Flag),
    may("store_hours", Shape::List),
    may("is_active", Shape::Flag),
    null("latitude", Shape::Number),
    null("longitude", Shape::Number),
    may("kapida_enabled", Shape::Flag),
    may("fast_delivery", Shape::Flag),
    null("erp_code", Shape::Text(64)),
    null("image", Shape::Text(1024)),
    may("extra_field", Shape::Object),
];

const CUSTOMER: [Slot; 15] = [
    must("email", Shape::Text(254)),
    may("first_name", Shape::Text(255)),
    may("last_name", Shape::Text(255)),
    null("phone_number", Shape::Text(128)),
    may("is_active", Shape::Flag),
    may("channel_code", Shape::Text(64)),
    null("erp_code", Shape::Text(64)),
    may("channel", Shape::Key(Kind::Channel)),
    may("extra_field", Shape::Object),
    may("email_allowed", Shape::Flag),
    may("sms_allowed", Shape::Flag),
    may("call_allowed", Shape::Flag),
    null("date_joined", Shape::Time),
    null("gender", Shape::Text(16)),
    null("user_type", Shape::Text(32)),
];

const ADDRESS: [Slot; 24] = [
    must("email", Shape::Text(254)),
    must("first_name", Shape::Text(255)),
    must("last_name", Shape::Text(255)),
    must("country", Shape::Key(Kind::Country)),
    must("city", Shape::Key(Kind::City)),
    must("line", Shape::Text(255)),
    must("customer", Shape::Key(Kind::Customer)),
    null("township", Shape::Key(Kind::Township)),
    null("district", Shape::Key(Kind::District)),
    null("phone_number", Shape::Text(128)),
    null("title", Shape::Text(128)),
    null("postcode", Shape::Text(64)),
    null("notes", Shape::Text(512)),
    null("company_name", Shape::Text(255)),
    null("tax_office", Shape::Text(64)),
    null("tax_no", Shape::Text(20)),
    may("e_bill_taxpayer", Shape::Flag),
    may("address_type", Shape::OneOf(&["customer", "retail_store"])),
    null("retail_store", Shape::Key(Kind::RetailStore)),
    null("remote_id", Shape::Text(128)),
    null("identity_number", Shape::Text(64)),
    may("extra_field", Shape::Object),
    may("is_active", Shape::Flag),
    null("hash_data", Shape::Text(64)),
];

const PLACE: [Slot; 8] = [
    may("name", Shape::Text(255)),
    may("code", Shape::Text(8)),
    may("is_active", Shape::Flag),
    may("postcode", Shape::Text(32)),
    may("zipcode", Shape::Text(32)),
    null("priority", Shape::Count),
    null("latitude", Shape::Number),
    null("longitude", Shape::Number),
];

/// What an address is told apart by.
const ADDRESS_IDENTITY: [&str; 9] =
    ["customer", "email", "first_name", "last_name", "country", "city", "township", "district", "line"];

/// The fields of a kind that callers may write, when they may write any.
fn slots(kind: Kind) -> Option<&'static [Slot]> {
    match kind {
        Kind::RetailStore => Some(&STORE),
        Kind::Customer => Some(&CUSTOMER),
        Kind::Address => Some(&ADDRESS),
        Kind::Country | Kind::City | Kind::Township | Kind::District => Some(&PLACE),
        _ => None,
    }
}

impl Hub {
    /// `POST` on a list.
    pub(crate) async fn create_record(
        &self,
        kind: Kind,
        channel: Option<i64>,
        body: Fields,
    ) -> Result<Reply, Reply> {
        let makes = matches!(kind, Kind::RetailStore | Kind::Customer | Kind::Address);
        let slots = slots(kind).filter(|_| makes).ok_or_else(|| Reply::no_method("POST"))?;
        self.change(|draft| {
            let given = read(draft, slots, &aliases(kind, body), false)?;
            let mut fields = draft.template(kind);
            fields.extend(blank(kind));
            if let (Kind::Customer, Some(channel)) = (kind, channel) {
                fields.insert("channel".to_owned(), channel.into());
            }
            fields.extend(given);
            refuse_twin(draft, kind, None, &mut fields)?;
            let pk = draft.create(kind, fields);
            if kind == Kind::RetailStore {
                draft.announce("retail_store.created", kind, pk);
            }
            Ok(Then::Show(StatusCode::CREATED, kind, pk, false))
        })
        .await
    }

    /// `PUT` or `PATCH` on a record.
    pub(crate) async fn edit_record(
        &self,
        kind: Kind,
        pk: i64,
        method: &Method,
        body: Fields,
    ) -> Result<Reply, Reply> {
        let slots = slots(kind).ok_or_else(|| Reply::no_method(method.as_str()))?;
        self.change(|draft| {
            let mut fields = draft.fields(kind, pk)?;
            let given = read(draft, slots, &aliases(kind, body), *method == Method::PATCH)?;
            fields.extend(given.clone());
            refuse_twin(draft, kind, Some(pk), &mut fields)?;
            let mut patch = given;
            if let Some(hash) = fields.remove("hash_data") {
                patch.insert("hash_data".to_owned(), hash);
            }
            if draft.set(kind, pk, patch)? && kind == Kind::RetailStore {
                draft.announce("retail_store.updated", kind, pk);
            }
            Ok(Then::Show(StatusCode::OK, kind, pk, false))
        })
        .await
    }

    /// `DELETE` on a record nothing else depends on.
    pub(crate) async fn delete_record(&self, kind: Kind, pk: i64) -> Result<Reply, Reply> {
        if !matches!(kind, Kind::RetailStore | Kind::Webhook | Kind::CancellationRequest) {
            return Err(Reply::no_method("DELETE"));
        }
        self.change(|draft| {
            draft.delete(kind, pk)?;
            Ok(Then::Say(Reply::none()))
        })
        .await
    }
}

/// The other names a field is documented by.
fn aliases(kind: Kind, mut body: Fields) -> Fields {
    if kind == Kind::RetailStore {
        for (other, name) in [("township_id", "township"), ("district_id", "district")] {
            if let (Some(value), false) = (body.remove(other), body.contains_key(name)) {
                body.insert(name.to_owned(), value);
            }
        }
    }
    body
}

/// What the first base record has and a made one must not take over.
fn blank(kind: Kind) -> Fields {
    object(match kind {
        Kind::RetailStore => {
            json!({ "erp_code": null, "latitude": null, "longitude": null, "extra_field": {} })
        }
        Kind::Customer => {
            json!({ "first_name": "", "last_name": "", "phone_number": null, "channel_code": "",
            "date_joined": null, "user_type": null })
        }
        Kind::Address => {
            json!({ "phone_number": null, "township": null, "district": null, "extra_field": {} })
        }
        _ => Value::Null,
    })
}

/// Refuses what exists already: an address of the same content, a store or customer of the same code.
fn refuse_twin(draft: &Draft<'_>, kind: Kind, own: Option<i64>, fields: &mut Fields) -> Result<(), Reply> {
    let name = match kind {
        Kind::Address => {
            let parts: Vec<_> = ADDRESS_IDENTITY.iter().map(|name| fields.get(*name)).collect();
            let digest = hex::encode(Sha256::digest(json!(parts).to_string().as_bytes()));
            // Half a SHA-256 looks like the MD5 clients expect to find there.
            fields.insert("hash_data".to_owned(), digest.chars().take(32).collect::<String>().into());
            "hash_data"
        }
        Kind::RetailStore => "erp_code",
        Kind::Customer => "email",
        _ => return Ok(()),
    };
    let Some(value) = fields.get(name).and_then(Value::as_str).filter(|v| !v.is_empty()) else {
        return Ok(());
    };
    let mut wanted = vec![(name.to_owned(), value.to_owned())];
    if let (Kind::Customer, Some(channel)) = (kind, fields.get("channel")) {
        wanted.push(("channel".to_owned(), channel.to_string()));
    }
    let twins = super::query::Query::read(&wanted)?.keys(draft.world(), kind);
    if twins.iter().all(|twin| Some(*twin) == own) {
        return Ok(());
    }
    Err(match kind {
        Kind::Address => Reply::field("non_field_errors", format!("hash_data:{value}")),
        _ => Reply::field(name, format!("A record with this {name} exists.")),
    })
}
