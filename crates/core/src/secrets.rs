//! Secrets in what people configure: masked when shown, kept when the mask is sent back, and never kept for another
//! address than the one they were stored for: who may change an address must not learn a password by it.

use serde_json::{Map, Value};

use crate::refusal::Refusal;

/// What a masked secret looks like. Sent back on an update, it keeps the stored secret.
pub const MASK: &str = "********";

/// Where secrets stand in a value, and where they are sent.
#[derive(Debug, Clone, Copy)]
pub struct Secrets {
    /// Keys whose texts are secrets, at any depth.
    pub keys: &'static [&'static str],
    /// Keys whose texts say where the secrets beside them are sent: addresses, or the name of a provider. An entry of a
    /// list has its own; everything else has those of the whole value.
    pub addresses: &'static [&'static str],
    /// The key that an entry of a list is known by. Lists of other entries go by position.
    pub entry: &'static str,
}

/// No secrets.
pub const NONE: Secrets = Secrets { keys: &[], addresses: &[], entry: "" };

impl Secrets {
    /// Whether there are any.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Puts another text in the place of each secret. The place is named by where the value stands and the keys down to it.
    pub fn change<E>(
        &self,
        value: &mut Value,
        at: &str,
        change: &mut impl FnMut(&str, &str) -> Result<String, E>,
    ) -> Result<(), E> {
        match value {
            Value::Object(map) => map.iter_mut().try_for_each(|(key, v)| {
                let at = format!("{at}/{key}");
                match v {
                    Value::String(s) if self.keys.contains(&key.as_str()) => {
                        *s = change(&at, s)?;
                        Ok(())
                    }
                    _ => self.change(v, &at, change),
                }
            }),
            Value::Array(list) => {
                let mut entries = list.iter_mut().enumerate();
                entries.try_for_each(|(i, v)| self.change(v, &format!("{at}/{i}"), change))
            }
            _ => Ok(()),
        }
    }

    /// The value as it may be shown.
    pub fn masked(&self, value: &Value) -> Value {
        let mut shown = value.clone();
        self.mask(&mut shown);
        shown
    }

    fn mask(&self, value: &mut Value) {
        match value {
            Value::Object(map) => {
                for (key, v) in map {
                    match v {
                        Value::String(s) if self.keys.contains(&key.as_str()) => *s = MASK.into(),
                        _ => self.mask(v),
                    }
                }
            }
            Value::Array(list) => list.iter_mut().for_each(|v| self.mask(v)),
            _ => {}
        }
    }

    /// The value with its masked secrets replaced by those stored at the same place. Refused where nothing is stored,
    /// lest the mask itself become the password, and where the stored secret would go to another address.
    pub fn unmasked(&self, value: &Value, stored: Option<&Value>) -> Result<Value, Refusal> {
        let mut whole = value.clone();
        let is_same = stored.is_none_or(|stored| self.destinations(&whole) == self.destinations(stored));
        self.unmask(&mut whole, stored, is_same)?;
        Ok(whole)
    }

    fn unmask(&self, value: &mut Value, stored: Option<&Value>, is_same: bool) -> Result<(), Refusal> {
        match value {
            Value::Object(map) => map.iter_mut().try_for_each(|(key, v)| {
                let old = stored.and_then(|s| s.get(key));
                match v {
                    Value::String(s) if self.keys.contains(&key.as_str()) && is_mask(s) => {
                        *s = kept(key, old, is_same)?;
                        Ok(())
                    }
                    _ => self.unmask(v, old, is_same),
                }
            }),
            Value::Array(list) => list.iter_mut().enumerate().try_for_each(|(i, v)| {
                let old = self.entry_like(v, i, stored);
                let is_same = old.is_none_or(|old| self.destinations(v) == self.destinations(old));
                self.unmask(v, old, is_same)
            }),
            _ => Ok(()),
        }
    }

    /// The stored entry that a sent one means.
    fn entry_like<'v>(&self, sent: &Value, at: usize, stored: Option<&'v Value>) -> Option<&'v Value> {
        let stored = stored?.as_array()?;
        match sent.get(self.entry) {
            Some(name) => stored.iter().find(|old| old.get(self.entry) == Some(name)),
            None => stored.get(at),
        }
    }

    /// Where the secrets of a value go, lists aside: their entries have addresses of their own.
    fn destinations(&self, value: &Value) -> Vec<(String, String)> {
        let mut found = Vec::new();
        if let Value::Object(map) = value {
            self.collect(map, "", &mut found);
        }
        found.sort();
        found
    }

    fn collect(&self, map: &Map<String, Value>, at: &str, found: &mut Vec<(String, String)>) {
        for (key, value) in map {
            match value {
                Value::Object(inner) => self.collect(inner, &format!("{at}{key}."), found),
                Value::String(text) if self.addresses.contains(&key.as_str()) => {
                    found.push((format!("{at}{key}"), origin(text)));
                }
                _ => {}
            }
        }
    }
}

fn kept(key: &str, old: Option<&Value>, is_same: bool) -> Result<String, Refusal> {
    let refuse = |message| Err(Refusal::invalid(key, "invalid", message));
    match old {
        Some(Value::String(_)) if !is_same => {
            refuse("The address has changed, so the stored secret is not sent there; send the secret itself.")
        }
        Some(Value::String(kept)) => Ok(kept.clone()),
        _ => refuse("There is no stored secret to keep; send the secret itself."),
    }
}

fn is_mask(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c == '*')
}

/// Scheme, host and port of an address, so that a path may change. What is not plainly one of these stays as it is, and
/// is another address than everything that is written otherwise.
fn origin(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else { return address.to_owned() };
    let scheme = scheme.to_ascii_lowercase();
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let is_plain = host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_:[]".contains(&b));
    if host.is_empty() || !is_plain {
        return address.to_owned();
    }
    let default = match scheme.as_str() {
        "https" => ":443",
        "http" => ":80",
        _ => "",
    };
    let host = host.to_ascii_lowercase();
    format!("{scheme}://{}", host.strip_suffix(default).unwrap_or(&host))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const HUB: Secrets =
        Secrets { keys: &["password", "token"], addresses: &["base_url"], entry: "endpoint" };

    fn stored() -> Value {
        json!({
            "auth": {"username": "u", "password": "p"},
            "urls": {"base_url": "https://hub.example/api/v1", "oms_url": "https://oms.example"},
            "list": [
                {"endpoint": "orders", "base_url": "https://a.example", "auth": {"token": "one"}},
                {"endpoint": "cities", "base_url": "https://b.example", "auth": {"token": "two"}}
            ]
        })
    }

    fn sent(change: impl FnOnce(&mut Value)) -> Result<Value, Refusal> {
        let mut value = HUB.masked(&stored());
        assert!(!value.to_string().contains("two"), "{value}");
        change(&mut value);
        HUB.unmasked(&value, Some(&stored()))
    }

    #[test]
    fn a_secret_stays_while_its_address_does() {
        assert_eq!(sent(|_| {}).expect("kept"), stored());
        let changed = sent(|v| {
            v["urls"] =
                json!({"base_url": "https://HUB.example:443/api/v2", "oms_url": "https://new.example"});
            v["auth"]["username"] = json!("other");
        });
        assert_eq!(changed.expect("the same host")["auth"]["password"], "p");
        assert!(HUB.unmasked(&HUB.masked(&stored()), None).is_err(), "the mask never becomes the password");
    }

    #[test]
    fn a_secret_does_not_follow_its_address() {
        for address in [
            "https://evil.example/api/v1",
            "http://hub.example/api/v1",
            "https://hub.example:444/api/v1",
            "https://evil.example\\@hub.example/",
            "https://u@hub.example/",
            "hub.example",
        ] {
            let refused = sent(|v| v["urls"]["base_url"] = json!(address)).expect_err(address);
            assert_eq!(refused.field, "password", "{address}");
            assert!(refused.message.contains("address has changed"), "{address}");
        }
        let with_it = sent(|v| {
            v["urls"]["base_url"] = json!("https://other.example");
            v["auth"]["password"] = json!("new");
        });
        assert_eq!(with_it.expect("it was sent")["auth"]["password"], "new");
    }

    #[test]
    fn entries_of_lists_are_known_by_name_and_have_addresses_of_their_own() {
        let shorter = sent(|v| drop(v["list"].as_array_mut().expect("a list").remove(0))).expect("kept");
        assert_eq!(shorter["list"][0]["auth"]["token"], "two");
        assert!(sent(|v| v["list"][1]["base_url"] = json!("https://a.example")).is_err());
        assert!(sent(|v| v["list"][1]["endpoint"] = json!("orders")).is_err(), "its address is another's");
        assert!(sent(|v| v["list"][1]["endpoint"] = json!("new")).is_err());
    }
}
