//! The reference page of the commands, made from the table.

use std::fmt::Write as _;

use super::{COMMANDS, Command, Conf, Entity, InputKind};
use crate::packages::{self as p, StockMove};
use crate::transfers as t;

/// `docs/commands.md`: one row a command and step.
pub fn page() -> String {
    let mut out = String::from(
        "# Commands\n\nMade from the table in `crates/core/src/commands.rs`; change it there and run \
         `UPDATE_DOCS=1 cargo test -p oms-core`. How to call them is in [guide/commands.md](guide/commands.md).\n\n\
         A transition binds a command to a step from one state to another (`/api/v1/oms/state-transitions/`); the steps below \
         are all that can be configured. *Reservation* and *on hand* are of the items' units at the package's location, for the \
         built-in stock; with an outside engine on hand is its reading and does not change here. *Quota* is what happens to the \
         location's counter if the package still holds a slot. *Hub* says whether the transition tells the hub unless its conf \
         says `\"sync_remote_order_status\": false`. Every step also sends `package.status.transitioned` or \
         `transfer.status.transitioned`, and `….status.<state>` of the new state.\n\n## Steps\n\n\
         | command | from | to | reservation | on hand | quota | events besides | hub |\n|---|---|---|---|---|---|---|---|\n",
    );
    for command in COMMANDS {
        for &(from, to) in command.edges {
            let _ = writeln!(out, "{}", row(command, from, to));
        }
    }
    out.push_str("\n## Input\n\n| command | class | key | needed | what |\n|---|---|---|---|---|\n");
    for command in COMMANDS {
        for input in command.inputs {
            let needed = if input.is_required { "yes" } else { "no" };
            let kind = match input.kind {
                InputKind::Text(n) => format!("text, at most {n} characters"),
                InputKind::DenialReason => "id".to_owned(),
                InputKind::PackageItems | InputKind::TransferItems | InputKind::Assignments => {
                    "list".to_owned()
                }
                InputKind::Day => "day".to_owned(),
            };
            let _ = writeln!(
                out,
                "| `{}` | {} | `{}` ({kind}) | {needed} | {} |",
                command.code, command.class, input.key, input.about
            );
        }
    }
    out.push_str(
        "\n## Steps without a user's command\n\nThe planner, cancellations and answers from outside use these; they cannot be \
         changed or deleted.\n\n| slug | from | to |\n|---|---|---|\n",
    );
    for s in crate::transitions::SYSTEM {
        let from = s.from.map_or("(new)", |code| s.entity.state_name(code));
        let _ = writeln!(out, "| `{}` | {from} | {} |", s.slug, s.entity.state_name(s.to));
    }
    out
}

fn row(command: &Command, from: i64, to: i64) -> String {
    let (reservation, on_hand, quota) = match command.entity {
        Entity::Package => package_effects(command, from, to),
        Entity::Transfer => transfer_effects(to),
    };
    let events: Vec<_> = command.events.iter().map(|e| format!("`{e}`")).collect();
    let hub = if command.conf.contains(&Conf::SyncRemoteOrderStatus) { "yes" } else { "no" };
    let name = |code| command.entity.state_name(code);
    format!(
        "| `{}` | {} | {} | {reservation} | {on_hand} | {quota} | {} | {hub} |",
        command.code,
        name(from),
        name(to),
        events.join(", ")
    )
}

type Effects = (&'static str, &'static str, &'static str);

fn package_effects(command: &Command, from: i64, to: i64) -> Effects {
    use super::Act;
    let (Some(before), Some(after)) = (p::state(from), p::state(to)) else { return ("", "", "") };
    let quota = match (before.slot, after.slot) {
        (p::Slot::Held | p::Slot::AsBefore, p::Slot::Free) => "-1",
        _ => "stays",
    };
    match command.act {
        Act::Unblock | Act::RefuseCancellation => return ("stays", "stays", "stays"),
        Act::AcceptCancellation => return ("taken back, if held", "given back, if it had left", "-1"),
        Act::NotFoundAdvanced => {
            return (
                "of the missing units: quarantined",
                "given back to quarantine, if it had left",
                "stays",
            );
        }
        _ => {}
    }
    let (reservation, on_hand) = match p::stock_move(before, after) {
        Some(StockMove::Keep) | None => ("stays", "stays"),
        Some(StockMove::Consume) => ("used up", "-n"),
        Some(StockMove::Release) => ("taken back", "stays"),
        Some(StockMove::Return) => ("none", "+n"),
    };
    match command.act {
        Act::Refuse if on_hand == "+n" => {
            ("none", "+n; quarantined if the reason says that it is missing", quota)
        }
        Act::Refuse => ("taken back; quarantined if the reason says that it is missing", "stays", quota),
        Act::NotFound if on_hand == "+n" => ("none", "+n; missing units quarantined", quota),
        Act::NotFound => ("taken back; missing units quarantined", "stays", quota),
        _ => (reservation, on_hand, quota),
    }
}

fn transfer_effects(to: i64) -> Effects {
    match to {
        t::IN_TRANSIT => ("used up at the source", "-n at the source", "stays"),
        t::TRANSFERRED => ("+n at the destination, for the package", "+n at the destination", "stays"),
        t::OUT_OF_STOCK => ("quarantined at the source", "stays", "stays"),
        _ => ("stays", "stays", "stays"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_the_tables() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/commands.md");
        if std::env::var("UPDATE_DOCS").is_ok() {
            std::fs::write(file, page()).expect("the page can be written");
        }
        let kept = std::fs::read_to_string(file).unwrap_or_default();
        assert!(
            kept == page(),
            "docs/commands.md is not what the table says: run UPDATE_DOCS=1 cargo test -p oms-core"
        );
    }
}
