//! Commands of packages and transfers as objects.

use oms_core::commands::{self, InputKind};
use oms_store::rules::transitions::Transition;
use serde::Serialize;
use utoipa::ToSchema;

use crate::objects::states::{self, StateView};

/// A command that can be run on a record now.
#[derive(Serialize, ToSchema)]
pub struct CommandView {
    /// The state transition's id: `transition` of the command's body.
    id: i64,
    /// The button's label.
    name: String,
    slug: String,
    command_code: String,
    source_state: StateView,
    destination_state: StateView,
    /// `all`, `oms`, `instore` or `hidden`.
    visibility: &'static str,
    /// Ours: what it takes as `input_parameters`.
    inputs: Vec<InputView>,
}

/// One input of a command.
#[derive(Serialize, ToSchema)]
pub struct InputView {
    key: &'static str,
    /// `text`, `day`, `denial_reason`, `package_items`, `transfer_items` or `assignment_groups`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// Characters at most, of a text.
    max_length: Option<usize>,
    required: bool,
    help: &'static str,
}

/// What a command takes.
pub fn inputs(code: &str) -> Vec<InputView> {
    let all = commands::command(code).map(|c| c.inputs).unwrap_or_default();
    let view = |i: &commands::Input| InputView {
        key: i.key,
        kind: match i.kind {
            InputKind::Text(_) => "text",
            InputKind::Day => "day",
            InputKind::DenialReason => "denial_reason",
            InputKind::PackageItems => "package_items",
            InputKind::TransferItems => "transfer_items",
            InputKind::Assignments => "assignment_groups",
        },
        max_length: match i.kind {
            InputKind::Text(most) => Some(most),
            _ => None,
        },
        required: i.is_required,
        help: i.about,
    };
    all.iter().map(view).collect()
}

/// A transition as a record's command.
pub fn view(t: &Transition) -> CommandView {
    let d = &t.definition;
    CommandView {
        id: t.id,
        name: d.name.clone(),
        slug: d.slug.clone(),
        command_code: d.code.clone(),
        source_state: states::of(d.entity, d.from),
        destination_state: states::of(d.entity, d.to),
        visibility: d.visibility.as_str(),
        inputs: inputs(&d.code),
    }
}
