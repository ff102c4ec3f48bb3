//! `plimsoll openapi`

use std::io::Write;

use plimsoll::config::Config;

use super::Outcome;
use crate::mounts;

/// Prints the API description; needs neither configuration nor database.
pub fn run() -> Outcome {
    let document = mounts::mount(&Config::defaults(&mounts::schema())).describe()?;
    let text = serde_json::to_string_pretty(&document).map_err(plimsoll::Error::from)?;
    // A reader that has gone away is no failure of ours.
    let _ = writeln!(std::io::stdout().lock(), "{text}");
    Ok(0)
}
