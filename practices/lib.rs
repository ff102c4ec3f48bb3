//! The practice catalogue: a page for everything a production service must do, and a probe for
//! what a running service can be asked.
//!
//! A practice is a Markdown file in the folder of its area and one line in that folder's
//! `mod.rs`; a probe is a function beside it. Nothing here knows the host: probes knock at the
//! front door.

#[cfg(test)]
mod tests;

/// A practice without a probe; its page lies beside the file that lists it.
macro_rules! page {
    ($id:literal) => {
        Practice::page($id, include_str!(concat!($id, ".md")))
    };
}

mod ai;
mod api;
mod data;
mod description;
mod documentation;
mod figures;
mod forge;
mod governance;
mod log;
mod mounted;
mod observability;
mod operations;
mod outside;
mod privacy;
mod quality;
mod reliability;
mod resource;
mod scale;
mod security;

use std::sync::OnceLock;

use plimsoll_assess::{Page, Practice};

/// The areas in the order of reports.
const AREAS: &[&[Practice]] = &[
    data::AREA,
    reliability::AREA,
    scale::AREA,
    security::AREA,
    privacy::AREA,
    observability::AREA,
    operations::AREA,
    quality::AREA,
    api::AREA,
    ai::AREA,
    governance::AREA,
    documentation::AREA,
];

/// The catalogue's version; it changes when an id, a weight or a check does.
pub const VERSION: &str = "1";

/// Every practice with its page, in the order of the catalogue.
pub fn all() -> &'static [(&'static Practice, Page)] {
    static ALL: OnceLock<Vec<(&'static Practice, Page)>> = OnceLock::new();
    ALL.get_or_init(|| {
        let every = AREAS.iter().flat_map(|area| area.iter());
        // A page that cannot be read is left out here; a test refuses it.
        every.filter_map(|practice| Some((practice, Page::parse(practice.text).ok()?))).collect()
    })
}

/// The practice of this id.
pub fn named(id: &str) -> Option<&'static (&'static Practice, Page)> {
    all().iter().find(|(practice, _)| practice.id == id)
}

/// Whether there is a practice of this id.
pub fn known(id: &str) -> bool {
    AREAS.iter().flat_map(|area| area.iter()).any(|practice| practice.id == id)
}

/// The page of one practice, without reading the others.
pub fn page(id: &str) -> Option<Page> {
    let practice = AREAS.iter().flat_map(|area| area.iter()).find(|practice| practice.id == id)?;
    Page::parse(practice.text).ok()
}
