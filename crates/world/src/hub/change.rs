//! Changing the world: a request drafts its changes, they are stored as one, then put in their places.

use std::collections::{BTreeMap, HashMap};
use std::sync::PoisonError;

use axum::http::StatusCode;
use oms_core::time;
use serde_json::Value;

use super::Hub;
use super::kind::Kind;
use super::reply::Reply;
use super::route::record;
use super::world::{Change, Fields, IntoFields, World};

/// Something that happened and that registered targets are told of.
pub(crate) struct Event {
    pub name: &'static str,
    pub kind: Kind,
    pub pk: i64,
}

/// What a request is answered with once its changes stand.
pub(crate) enum Then {
    /// A record as it now is; `true` is the detailed form.
    Show(StatusCode, Kind, i64, bool),
    /// Several records under one name.
    List(&'static str, Kind, Vec<i64>),
    /// Anything else.
    Say(Reply),
}

/// Changes in the making, seen over the world as it is.
pub(crate) struct Draft<'a> {
    world: &'a World,
    now_us: i64,
    edits: BTreeMap<(Kind, i64), Option<Fields>>,
    next: HashMap<Kind, i64>,
    events: Vec<Event>,
    /// Whether an item began, ended or gave up its cancellation.
    pub moves_cancellation: bool,
}

impl<'a> Draft<'a> {
    fn new(world: &'a World, clock_us: i64) -> Self {
        // Later than every change before, so that a poll by time never overlooks one.
        let now_us = clock_us.max(world.last_us() + 1);
        Self {
            world,
            now_us,
            edits: BTreeMap::new(),
            next: HashMap::new(),
            events: Vec::new(),
            moves_cancellation: false,
        }
    }

    /// The world without this draft's changes.
    pub(crate) fn world(&self) -> &'a World {
        self.world
    }

    /// This draft's time as the wire has it.
    pub(crate) fn stamp(&self) -> String {
        time::format_us(self.now_us)
    }

    /// Whether there is such a record, this draft's changes included.
    pub(crate) fn exists(&self, kind: Kind, pk: i64) -> bool {
        match self.edits.get(&(kind, pk)) {
            Some(edit) => edit.is_some(),
            None => self.world.exists(kind, pk),
        }
    }

    /// A record's fields, this draft's changes included, or `404`.
    pub(crate) fn fields(&self, kind: Kind, pk: i64) -> Result<Fields, Reply> {
        match self.edits.get(&(kind, pk)) {
            Some(None) => Err(Reply::not_found()),
            Some(Some(edit)) => {
                let mut fields = self.world.fields(kind, pk).unwrap_or_default();
                fields.extend(edit.clone());
                Ok(fields)
            }
            None => self.world.fields(kind, pk).ok_or_else(Reply::not_found),
        }
    }

    /// Status code of an order or item, this draft's changes included.
    pub(crate) fn status(&self, kind: Kind, pk: i64) -> i64 {
        let edited =
            self.edits.get(&(kind, pk)).and_then(|e| e.as_ref()?.get("status")?.as_str()?.parse().ok());
        edited.unwrap_or_else(|| self.world.status(kind, pk))
    }

    /// Sets fields of a record; those that already have the value are left alone. Says whether any changed.
    pub(crate) fn set(&mut self, kind: Kind, pk: i64, fields: Fields) -> Result<bool, Reply> {
        let now = self.fields(kind, pk)?;
        let changed: Fields =
            fields.into_iter().filter(|(name, value)| now.get(name) != Some(value)).collect();
        if changed.is_empty() {
            return Ok(false);
        }
        let stamp = self.stamp();
        let kept = || self.world.kept_fields(kind, pk);
        let edit =
            self.edits.entry((kind, pk)).or_insert_with(|| Some(kept())).get_or_insert_with(Fields::new);
        edit.extend(changed);
        edit.insert("modified_date".to_owned(), stamp.into());
        Ok(true)
    }

    /// Makes a record and gives it its key and dates.
    pub(crate) fn create(&mut self, kind: Kind, mut fields: Fields) -> i64 {
        let world = self.world;
        let next = self.next.entry(kind).or_insert_with(|| world.next_key(kind));
        let pk = *next;
        *next += 1;
        for name in ["id", "pk"] {
            fields.insert(name.to_owned(), pk.into());
        }
        for name in ["created_date", "modified_date"] {
            fields.insert(name.to_owned(), self.stamp().into());
        }
        self.edits.insert((kind, pk), Some(fields));
        pk
    }

    /// Deletes a record, or `404`.
    pub(crate) fn delete(&mut self, kind: Kind, pk: i64) -> Result<(), Reply> {
        if !self.exists(kind, pk) {
            return Err(Reply::not_found());
        }
        self.edits.insert((kind, pk), None);
        Ok(())
    }

    /// Undoes the deletion of a base record: it is as the base has it.
    pub(crate) fn bring_back(&mut self, kind: Kind, pk: i64) {
        self.edits.insert((kind, pk), Some(Fields::new()));
    }

    /// The fields a made record of a kind begins with: those of the first base record, so that both have the
    /// same names. The maker overwrites what belongs to that record alone.
    pub(crate) fn template(&self, kind: Kind) -> Fields {
        match self.world.base.count(kind) {
            0 => Fields::new(),
            _ => self.world.base_row(kind, 1, false, IntoFields),
        }
    }

    /// An order's items, this draft's included.
    pub(crate) fn items_of(&self, order: i64) -> Vec<i64> {
        let made = self.edits.range((Kind::OrderItem, self.world.next_key(Kind::OrderItem))..);
        let made = made.take_while(|((kind, _), _)| *kind == Kind::OrderItem);
        let belongs = |fields: &Option<Fields>| {
            fields.as_ref().and_then(|f| f.get("order")).and_then(Value::as_i64) == Some(order)
        };
        let made = made.filter(|(_, fields)| belongs(fields)).map(|((_, pk), _)| *pk);
        self.world.items_of(order).chain(made).collect()
    }

    /// Tells the registered targets, once, when the changes stand.
    pub(crate) fn announce(&mut self, name: &'static str, kind: Kind, pk: i64) {
        if !self.events.iter().any(|e| e.name == name && e.kind == kind && e.pk == pk) {
            self.events.push(Event { name, kind, pk });
        }
    }

    /// Announces this of a record and nothing else: a made order is not also an updated one.
    pub(crate) fn only_announce(&mut self, name: &'static str, kind: Kind, pk: i64) {
        self.events.retain(|e| e.kind != kind || e.pk != pk);
        self.announce(name, kind, pk);
    }

    /// Gives a record this draft's time though none of its own fields changed.
    pub(crate) fn stamp_record(&mut self, kind: Kind, pk: i64) -> Result<(), Reply> {
        let stamp = [("modified_date".to_owned(), self.stamp().into())].into_iter().collect();
        self.set(kind, pk, stamp).map(drop)
    }

    fn finish(self) -> (Vec<Change>, Vec<Event>) {
        let changes = self.edits.into_iter().map(|((kind, pk), fields)| Change { kind, pk, fields });
        (changes.collect(), self.events)
    }
}

impl Hub {
    /// Runs a request's edit over a draft, stores the outcome and answers. A refusal changes nothing.
    pub(crate) async fn change(
        &self,
        edit: impl FnOnce(&mut Draft<'_>) -> Result<Then, Reply> + Send,
    ) -> Result<Reply, Reply> {
        // One writer at a time: what an edit saw still holds when its changes are put in place.
        let _turn = self.turn.lock().await;
        let (then, changes, events) = {
            let world = self.world();
            let mut draft = Draft::new(&world, self.now());
            let then = edit(&mut draft)?;
            let (changes, events) = draft.finish();
            (then, changes, events)
        };
        if !changes.is_empty() {
            self.state.put(&changes).await.map_err(|e| Self::broken(&e))?;
            let mut world = self.world.write().unwrap_or_else(PoisonError::into_inner);
            changes.iter().for_each(|change| world.apply(change));
        }
        self.tell(&events);
        Ok(self.say(then))
    }

    fn say(&self, then: Then) -> Reply {
        match then {
            Then::Say(reply) => reply,
            Then::Show(status, kind, pk, deep) => record(&self.world(), status, kind, pk, deep),
            Then::List(name, kind, keys) => {
                let world = self.world();
                let rows = keys.into_iter().map(|pk| Value::Object(world.visit(kind, pk, false, IntoFields)));
                let list: Fields = [(name.to_owned(), rows.collect())].into_iter().collect();
                Reply::json(StatusCode::OK, &Value::Object(list))
            }
        }
    }
}
