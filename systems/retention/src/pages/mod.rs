//! Pages for field staff and analysts: made on the server, a few kilobytes each, without scripts.
//!
//! A page asks for the permissions of the routes that do the same, and puts on record who saw whom.

mod action;
mod acts;
mod alerts;
mod blend;
mod html;
mod looks;
mod model;
mod patient;
mod plot;
mod risk;
mod wording;

use plimsoll::{console::Frame, route::Routes};

use crate::Retention;

/// What stands around every page.
pub(crate) const FRAME: Frame = Frame {
    name: "Retention",
    home: "/retention",
    links: &[("/retention", "Risk list"), ("/retention/alerts", "Alerts"), ("/retention/model", "Model")],
    style: Some("/assets/retention/retention.css"),
};

/// Declares the pages.
pub fn routes(r: &mut Routes<'_, Retention>) {
    r.page("/assets/retention/retention.css", "text/css; charset=utf-8", include_bytes!("../../page/retention.css"));
    risk::routes(r);
    patient::routes(r);
    alerts::routes(r);
    acts::routes(r);
    model::routes(r);
}
