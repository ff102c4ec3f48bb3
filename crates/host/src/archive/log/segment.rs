//! Segments at a place, as their names and heads tell.

use plimsoll_core::{Code, Result, Time};

use crate::archive::place::Place;

/// What names of segments begin with; the id of the log follows.
pub const SEGMENTS: &str = "log/";
/// What they end with.
const ENDING: &str = ".plm";
/// The object that says when the shipper last found nothing left to ship.
const SEEN: &str = "seen";

/// A segment at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Its name at the place.
    pub name: String,
    /// The moment at which it was read: everything committed before is in it or in an earlier one.
    pub at: Time,
    /// Length in bytes.
    pub bytes: u64,
}

/// Which moments can be restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Window {
    /// The oldest: that of the oldest backup.
    pub from: Time,
    /// The newest: that of the last look of the shipper.
    pub to: Time,
}

/// The name of a segment, which sorts by its moment.
pub(super) fn name(log: &str, at: Time, tail: &str) -> String {
    format!("{SEGMENTS}{log}/{:020}-{tail}{ENDING}", at.micros())
}

/// The name of the mark of the last look.
pub(super) fn seen(log: &str) -> String {
    format!("{SEGMENTS}{log}/{SEEN}")
}

/// The segments of a log, in the order in which they were shipped.
///
/// # Errors
/// [`Code::ArchivePlace`].
pub async fn segments(place: &dyn Place, log: &str) -> Result<Vec<Segment>> {
    let prefix = format!("{SEGMENTS}{log}/");
    let all = place.list(&prefix).await?.into_iter().filter_map(|object| {
        let rest = object.name.strip_prefix(&prefix)?.strip_suffix(ENDING)?;
        let at = rest.split('-').next()?.parse().ok().map(Time::from_micros)?;
        Some(Segment { at, bytes: object.bytes, name: object.name })
    });
    Ok(all.collect())
}

/// The moments that a log and the oldest of its backups reach; `None` where there is none.
///
/// # Errors
/// [`Code::ArchivePlace`].
pub async fn window(place: &dyn Place, log: &str, oldest: Time) -> Result<Option<Window>> {
    let last = segments(place, log).await?.last().map(|segment| segment.at);
    let looked = match place.get(&seen(log)).await {
        Ok(mut body) => {
            let mut text = Vec::new();
            while let Some(piece) = body.piece().await? {
                text.extend_from_slice(&piece);
            }
            // A mark that cannot be read tells nothing.
            String::from_utf8(text).ok().and_then(|text| text.trim().parse().ok()).map(Time::from_micros)
        }
        Err(error) if error.code() == Code::NotFound => None,
        Err(error) => return Err(error),
    };
    Ok(last.max(looked).filter(|to| *to >= oldest).map(|to| Window { from: oldest, to }))
}

/// Removes the segments that no backup from `oldest` on needs; how many.
///
/// # Errors
/// [`Code::ArchivePlace`].
pub async fn forget(place: &dyn Place, log: &str, oldest: Time) -> Result<u64> {
    let all = segments(place, log).await?;
    let mut gone = 0;
    // Where the next one was begun before the backup was, this one holds nothing that is not in it.
    for (segment, _) in all.iter().zip(all.iter().skip(1)).filter(|(_, next)| next.at <= oldest) {
        place.delete(&segment.name).await?;
        gone += 1;
    }
    Ok(gone)
}

/// Removes the segments of logs that have no backup any more: those of `logs` stay.
///
/// # Errors
/// [`Code::ArchivePlace`].
pub async fn forget_logs(place: &dyn Place, logs: &[String]) -> Result<u64> {
    let mut gone = 0;
    for object in place.list(SEGMENTS).await? {
        let log = object.name.strip_prefix(SEGMENTS).and_then(|rest| rest.split('/').next()).unwrap_or_default();
        if !logs.iter().any(|kept| kept == log) {
            place.delete(&object.name).await?;
            gone += 1;
        }
    }
    Ok(gone)
}
