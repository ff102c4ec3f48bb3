//! What can be wrong with an archive, in words that say what to do.

use plimsoll_core::{Code, Error};

/// Bits are not as they were written.
pub(crate) fn damaged(why: impl std::fmt::Display) -> Error {
    Code::ArchiveDamaged.because(format!("The archive is damaged: {why}. Use another one; `backup verify` tells which are whole."))
}

/// It ends too early.
pub(super) fn truncated(at: u64, inside: &str) -> Error {
    Code::ArchiveDamaged
        .because(format!("The archive is truncated: it ends at byte {at}, inside {inside}. Use another one, or fetch it again in full."))
        .reasoned("truncated")
}

/// Not one of ours.
pub(super) fn foreign() -> Error {
    Code::ArchiveForeign.because("This is no Plimsoll archive: it does not begin with the mark of one.")
}

/// Of a layout that this binary does not read.
pub(super) fn version(found: u16, ours: u16) -> Error {
    let why = if found > ours {
        format!(
            "The archive has version {found} of the format, this binary reads up to {ours}. Use the version of Plimsoll that made it, or a newer one."
        )
    } else {
        format!(
            "The archive has version {found} of the format, which this binary no longer reads; it reads from {ours} on. Restore it with the version of Plimsoll that made it and make a new archive."
        )
    };
    Code::ArchiveVersion.because(why)
}

/// Sealed under a key that is not here.
pub(super) fn locked(wanted: &str, known: &[String]) -> Error {
    Code::ArchiveKey.because(format!(
        "The archive is sealed under key {wanted}; known here are {}. Set `archive.key` or `archive.old_keys` to the key it was made with.",
        known.join(", ")
    ))
}

/// The key is known and yet does not open it.
pub(super) fn unlockable() -> Error {
    Code::ArchiveDamaged.because(
        "The archive is damaged: its own key does not open although the wrapping key is the right one, so its header was altered. Use another one.",
    )
}

/// A failure of the system below, by its kind.
pub(crate) fn io(what: &str, error: std::io::Error) -> Error {
    use std::io::ErrorKind as E;
    let code = match error.kind() {
        E::StorageFull | E::QuotaExceeded | E::FileTooLarge => Code::StorageFull,
        E::NotFound => Code::NotFound,
        _ => Code::ArchivePlace,
    };
    let detail = match code {
        Code::StorageFull => format!("There is no room: {what} could not be written. Nothing incomplete was kept."),
        _ => format!("{what} could not be used: {}.", error.kind()),
    };
    code.because(detail).caused_by(error)
}
