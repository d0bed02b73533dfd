//! Pictures of the navigation, drawn once each in one sprite of our own.

use maud::{Markup, html};

use crate::pages::assets::address;

/// An icon of the sprite; it says nothing that the word beside it does not.
pub(crate) fn icon(name: &str) -> Markup {
    html! { @if !name.is_empty() { svg.icon aria-hidden="true" width="16" height="16" { use href={ (address("icons.svg")) "#" (name) } {} } } }
}
