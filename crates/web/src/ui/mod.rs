//! What every screen is made of. A screen is a file in `pages`; everything that more than one needs is here.

pub(crate) mod badge;
pub(crate) mod chart;
pub(crate) mod fields;
pub(crate) mod flowchart;
pub(crate) mod icons;
pub(crate) mod json_form;
pub(crate) mod list;
pub(crate) mod map;
pub(crate) mod shell;
pub(crate) mod visit;
pub(crate) mod words;
