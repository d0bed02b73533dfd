//! What callers may write: tables of fields with the shape each must have.

use oms_core::orders::OrderStatus;
use oms_core::{money, time};
use serde_json::Value;

use super::change::Draft;
use super::kind::Kind;
use super::reply::{Errors, Reply};
use super::world::Fields;

/// The shape of a value. `null` is allowed by [`Slot::nullable`] alone.
#[derive(Clone, Copy)]
pub(crate) enum Shape {
    /// Text of at most so many characters.
    Text(usize),
    /// An amount, as string or number.
    Money,
    /// True or false.
    Flag,
    /// The key of an existing record.
    Key(Kind),
    /// A whole number, not negative.
    Count,
    /// Any number, for example a coordinate.
    Number,
    /// An object.
    Object,
    /// A list.
    List,
    /// A time.
    Time,
    /// An order status as code or name.
    Status,
    /// One of a few words.
    OneOf(&'static [&'static str]),
}

/// A field callers may write.
#[derive(Clone, Copy)]
pub(crate) struct Slot {
    pub name: &'static str,
    pub shape: Shape,
    pub required: bool,
    pub nullable: bool,
}

/// A field that must be there when a record is made.
pub(crate) const fn must(name: &'static str, shape: Shape) -> Slot {
    Slot { name, shape, required: true, nullable: false }
}

/// A field that may be left out.
pub(crate) const fn may(name: &'static str, shape: Shape) -> Slot {
    Slot { name, shape, required: false, nullable: false }
}

/// A field that may be left out or `null`.
pub(crate) const fn null(name: &'static str, shape: Shape) -> Slot {
    Slot { name, shape, required: false, nullable: true }
}

/// The fields of `body` that `slots` names, in the form they are kept; all others are ignored. With
/// `partial`, required fields may be missing.
pub(crate) fn read(draft: &Draft<'_>, slots: &[Slot], body: &Fields, partial: bool) -> Result<Fields, Reply> {
    let mut errors = Errors::default();
    let mut fields = Fields::new();
    for slot in slots {
        match body.get(slot.name) {
            None if slot.required && !partial => errors.add(slot.name, "This field is required."),
            None => {}
            Some(Value::Null) if slot.nullable => {
                fields.insert(slot.name.to_owned(), Value::Null);
            }
            Some(Value::Null) => errors.add(slot.name, "This field may not be null."),
            Some(value) => match fit(draft, slot, value) {
                Ok(value) => {
                    fields.insert(slot.name.to_owned(), value);
                }
                Err(message) => errors.add(slot.name, message),
            },
        }
    }
    errors.check()?;
    Ok(fields)
}

fn fit(draft: &Draft<'_>, slot: &Slot, value: &Value) -> Result<Value, String> {
    let wrong = |what: &str| Err(what.to_owned());
    match slot.shape {
        Shape::Text(most) => match value {
            Value::String(text) if text.chars().count() > most => {
                Err(format!("Ensure this field has no more than {most} characters."))
            }
            Value::String(text) if text.is_empty() && slot.required => wrong("This field may not be blank."),
            Value::String(_) => Ok(value.clone()),
            Value::Number(number) => Ok(number.to_string().into()),
            _ => wrong("Not a valid string."),
        },
        Shape::Money => match money::from_json(value) {
            Ok(Some(minor)) => Ok(money::format_minor(minor).into()),
            _ => wrong("A valid amount is required."),
        },
        Shape::Flag => {
            if value.is_boolean() {
                Ok(value.clone())
            } else {
                wrong("Must be a valid boolean.")
            }
        }
        Shape::Key(kind) => match value.as_i64() {
            Some(pk) if draft.exists(kind, pk) => Ok(value.clone()),
            Some(pk) => Err(format!("Invalid pk \"{pk}\" - object does not exist.")),
            None => wrong("Incorrect type. Expected pk value."),
        },
        Shape::Count => match value.as_i64() {
            Some(count) if count >= 0 => Ok(value.clone()),
            _ => wrong("A valid integer is required."),
        },
        Shape::Number => {
            if value.is_number() {
                Ok(value.clone())
            } else {
                wrong("A valid number is required.")
            }
        }
        Shape::Object => {
            if value.is_object() {
                Ok(value.clone())
            } else {
                wrong("Expected a dictionary of items.")
            }
        }
        Shape::List => {
            if value.is_array() {
                Ok(value.clone())
            } else {
                wrong("Expected a list of items.")
            }
        }
        Shape::Time => match value.as_str().map(time::parse_us) {
            Some(Ok(us)) => Ok(time::format_us(us).into()),
            _ => wrong("Datetime has wrong format."),
        },
        Shape::Status => match OrderStatus::from_json(value) {
            Some(status) if status != OrderStatus::Inactive => Ok(status.code().to_string().into()),
            _ => Err(format!("{value} is not a valid choice.")),
        },
        Shape::OneOf(words) => match value.as_str() {
            Some(word) if words.contains(&word) => Ok(value.clone()),
            _ => Err(format!("{value} is not a valid choice.")),
        },
    }
}
