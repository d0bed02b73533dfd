//! Transitions: which steps this installation allows, kept in memory, and their change by people.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use oms_core::commands::input::Body;
use oms_core::commands::{self, Command, Entity};
use oms_core::refusal::Refusal;
use oms_core::transitions::{Definition, Visibility};
use oms_store::access::logs::{self, Actor};
use oms_store::ids::IdKind;
use oms_store::lists::{self, Ask, Page};
use oms_store::packages::held::HeldPackage;
use oms_store::rules::transitions::{self as store, Transition};
use oms_store::{StoreError, Tx};
use serde_json::{Value, json};

use crate::{App, Result};

/// How long another node's change of the flow may go unseen here. A log names the revision that was run.
const FRESH_US: i64 = 1_000_000;

/// The transitions that can be run.
#[derive(Debug, Default)]
pub struct Flow {
    transitions: Vec<Transition>,
    by_id: HashMap<i64, usize>,
    by_slug: HashMap<String, usize>,
}

impl Flow {
    fn new(transitions: Vec<Transition>) -> Self {
        let by_id = transitions.iter().enumerate().map(|(i, t)| (t.id, i)).collect();
        let by_slug = transitions.iter().enumerate().map(|(i, t)| (t.definition.slug.clone(), i)).collect();
        Self { transitions, by_id, by_slug }
    }

    /// Every transition, by id.
    pub fn all(&self) -> &[Transition] {
        &self.transitions
    }

    /// The transition a command's body names, by id or slug; if both are given they must agree.
    pub fn named(&self, body: &Body) -> Result<&Transition, Refusal> {
        let absent = |field: &str, what: String| {
            let message = format!(
                "There is no state transition {what}; the record's commands list those that can be run."
            );
            Refusal::invalid(field, "unknown_transition", message)
        };
        let by_id = body.transition.map(|id| {
            let at = self.by_id.get(&id);
            at.ok_or_else(|| absent("transition", id.to_string()))
        });
        let by_slug = body.slug.as_ref().map(|slug| {
            let at = self.by_slug.get(slug);
            at.ok_or_else(|| absent("slug", format!("{slug:?}")))
        });
        match (by_id.transpose()?, by_slug.transpose()?) {
            (Some(a), Some(b)) if a != b => {
                let message =
                    format!("Transition {} and the slug name two different steps.", self.transitions[*a].id);
                Err(Refusal::invalid("slug", "transition_and_slug_differ", message))
            }
            (Some(at), _) | (None, Some(at)) => Ok(&self.transitions[*at]),
            (None, None) => Err(Refusal::invalid("transition", "required", "transition or slug is needed.")),
        }
    }

    /// The transition that takes a package on: the named one if it starts in the package's state. One that goes
    /// back to where the package was held is found among those of its command.
    pub fn for_package(
        &self,
        named: &Transition,
        command: &Command,
        package: &HeldPackage,
    ) -> Result<Transition, Refusal> {
        let d = &named.definition;
        if d.from != package.state {
            return Err(self.wrong_state(named, &package.number, package.state, package.held_state));
        }
        if !command.returns_to_held() || package.held_state == Some(d.to) {
            return Ok(named.clone());
        }
        let held = package.held_state;
        let back = self.transitions.iter().find(|t| {
            t.definition.code == d.code && t.definition.from == d.from && Some(t.definition.to) == held
        });
        back.cloned().ok_or_else(|| {
            let was = Entity::Package.state_name(held.unwrap_or(package.state));
            let message = format!(
                "Package {} was {was} before, and no transition of {} leads back there.",
                package.number, d.code
            );
            Refusal::invalid("transition", "no_way_back", message)
        })
    }

    /// The refusal of a step that does not start where the record is.
    pub fn wrong_state(&self, named: &Transition, number: &str, state: i64, held: Option<i64>) -> Refusal {
        let d = &named.definition;
        let now: Vec<_> = self.runnable(d.entity, state, held).map(|t| t.definition.slug.as_str()).collect();
        let now = match now.as_slice() {
            [] => "Nothing can be run now.".to_owned(),
            slugs => format!("What can be run now: {}.", slugs.join(", ")),
        };
        let what = if d.entity == Entity::Package { "Package" } else { "Transfer" };
        let (is, starts) = (d.entity.state_name(state), d.entity.state_name(d.from));
        let message = format!("{what} {number} is {is}; {} ({}) starts in {starts}. {now}", d.name, d.slug);
        Refusal::invalid("transition", "wrong_state", message)
    }

    /// What can be run on a record in a state.
    pub fn runnable(
        &self,
        entity: Entity,
        state: i64,
        held: Option<i64>,
    ) -> impl Iterator<Item = &Transition> {
        self.transitions.iter().filter(move |t| {
            let d = &t.definition;
            let leads_back = commands::command(&d.code).is_some_and(Command::returns_to_held);
            d.entity == entity && d.from == state && (!leads_back || held == Some(d.to))
        })
    }
}

/// The flow as this process knows it.
#[derive(Default)]
pub(crate) struct FlowCache(RwLock<Option<(i64, i64, Arc<Flow>)>>);

/// The transitions that can be run, at most a second old.
pub async fn flow(app: &App) -> Result<Arc<Flow>> {
    let now = app.now_us();
    let known = app.flow.0.read().expect("nobody panics while it is held").clone();
    if let Some((_, read_us, flow)) = &known
        && (now - read_us).abs() < FRESH_US
    {
        return Ok(flow.clone());
    }
    let mut tx = app.store.read().await?;
    let generation = store::generation(&mut tx).await?;
    let flow = match known {
        Some((known, _, flow)) if known == generation => flow,
        _ => Arc::new(Flow::new(store::all(&mut tx).await?)),
    };
    *app.flow.0.write().expect("nobody panics while it is held") = Some((generation, now, flow.clone()));
    Ok(flow)
}

/// Makes this process read the flow anew: called after a change is committed.
pub fn forget(app: &App) {
    *app.flow.0.write().expect("nobody panics while it is held") = None;
}

fn taken(slug: &str) -> Refusal {
    let message = format!("Another transition has the slug {slug:?}; slugs are unique. Choose another.");
    Refusal::invalid("slug", "duplicate_key", message)
}

fn absent(id: i64) -> Refusal {
    Refusal::not_found("state transition", id)
}

/// Ids that a change of a transition needs: its own and an audit row.
pub async fn ids(app: &App) -> Result<(i64, i64)> {
    Ok((app.store.take_id(IdKind::Transition).await?, app.store.take_id(IdKind::Row).await?))
}

/// Makes a transition.
pub async fn create(
    tx: &mut Tx,
    actor: &Actor,
    ids: (i64, i64),
    definition: Definition,
) -> Result<Transition> {
    put(tx, actor, ids, None, definition).await
}

/// Changes a transition: its next revision.
pub async fn change(
    tx: &mut Tx,
    actor: &Actor,
    ids: (i64, i64),
    id: i64,
    definition: Definition,
) -> Result<Transition> {
    let old = in_use(tx, id).await?;
    put(tx, actor, ids, Some(old), definition).await
}

async fn in_use(tx: &mut Tx, id: i64) -> Result<Transition> {
    let found = store::all(tx).await?.into_iter().find(|t| t.id == id);
    Ok(found.ok_or_else(|| absent(id))?)
}

async fn put(
    tx: &mut Tx,
    actor: &Actor,
    (new_id, row): (i64, i64),
    old: Option<Transition>,
    definition: Definition,
) -> Result<Transition> {
    let (id, created_us) = old.as_ref().map_or((new_id, actor.at_us), |t| (t.id, t.created_us));
    if store::all(tx).await?.iter().any(|t| t.id != id && t.definition.slug == definition.slug) {
        return Err(taken(&definition.slug).into());
    }
    let rev = store::last_rev(tx, id).await? + 1;
    let t = Transition { id, rev, definition, created_us, modified_us: actor.at_us };
    let action = if old.is_some() { "transition.change" } else { "transition.create" };
    logs::record_command(tx, actor, action).await?;
    store::put(tx, &t).await.map_err(|e| {
        if e.is_duplicate() { taken(&t.definition.slug).into() } else { crate::Error::from(e) }
    })?;
    let detail = json!({"before": old.as_ref().map(|o| view(&o.definition)), "after": view(&t.definition)});
    logs::audit(tx, row, "transition", id, action, &detail, actor).await?;
    Ok(t)
}

/// Takes a transition out of use.
pub async fn delete(tx: &mut Tx, actor: &Actor, row: i64, id: i64) -> Result<()> {
    let old = in_use(tx, id).await?;
    logs::record_command(tx, actor, "transition.delete").await?;
    store::delete(tx, id).await?;
    let detail = json!({"before": view(&old.definition), "after": null});
    logs::audit(tx, row, "transition", id, "transition.delete", &detail, actor).await?;
    Ok(())
}

fn view(d: &Definition) -> Value {
    json!({"name": d.name, "slug": d.slug, "command_code": d.code, "source_state": d.from, "destination_state": d.to,
        "visibility": d.visibility.as_str(), "conf": d.conf})
}

/// A page of transitions.
pub async fn list(app: &App, ask: &Ask) -> Result<Page<Transition>> {
    let mut tx = app.store.read().await?;
    let page = lists::page(&mut tx, &store::LIST, store::COLUMNS, ask).await?;
    let rows = page.rows.iter().map(store::read).collect::<Result<Vec<_>, _>>()?;
    Ok(page.with(rows))
}

/// One transition that can be run.
pub async fn get(app: &App, id: i64) -> Result<Transition> {
    in_use(&mut app.store.read().await?, id).await
}

/// Whether a transition's button is shown in a place.
pub fn is_shown(t: &Transition, place: Visibility) -> bool {
    matches!(t.definition.visibility, Visibility::All) || t.definition.visibility == place
}

/// A write of a kept transition that names no system step; for callers outside the flow.
pub(crate) fn system(entity: Entity, from: Option<i64>, to: i64) -> Result<(i64, i64), StoreError> {
    oms_core::transitions::system(entity, from, to)
        .map(|s| (s.id, 1))
        .ok_or_else(|| StoreError::Corrupt(format!("there is no system step from {from:?} to {to}")))
}

/// The latest steps that [`runs`] counts in.
pub const LATEST: i64 = 20_000;

/// How often each transition was run within the latest steps.
pub async fn runs(app: &App) -> Result<HashMap<i64, i64>> {
    let mut tx = app.store.read().await?;
    Ok(store::runs(&mut tx, LATEST).await?)
}
