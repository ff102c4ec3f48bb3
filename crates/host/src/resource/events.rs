//! What a resource tells of its changes: `<noun>.created`, `updated`, `deleted`, `restored`.

use plimsoll_core::Access;
use serde_json::json;

use super::{Resource, statement::ChildStatements};
use crate::{ledger::Change, work::events::Event};

/// One object has changed and is now of this version. Its content is not told: a reader fetches it.
pub(super) fn tell(resource: &Resource, change: &mut Change<'_, '_>, verb: &str, id: i64, version: i64) {
    change.emit(event(resource.noun, resource.plural, resource.read, verb, id, version));
}

/// The same for those that went or came back along with the object they refer to.
pub(super) fn tell_children(child: &ChildStatements, change: &mut Change<'_, '_>, verb: &str, moved: &[(i64, i64)]) {
    for (id, version) in moved {
        change.emit(event(child.noun, child.plural, child.read, verb, *id, *version));
    }
}

fn event(noun: &str, plural: &str, read: Access, verb: &str, id: i64, version: i64) -> Event {
    Event::new(format!("{noun}.{verb}"), format!("/v1/{plural}"), read, json!({ "id": id, "version": version })).about(id.to_string())
}
