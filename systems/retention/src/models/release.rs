//! What was released: the row of a model without its bytes, and the mark that goes with it.
//!
//! The mark is made when a model is registered, with a key that comes from the master key, over
//! everything that decides what the model answers. Who can write to the database and has no master key
//! can take a model away, and cannot put other bytes, bounds or a calibration in its place unnoticed.
//! The mark says nothing of the tenant: a backup restored under another name keeps its models.

use plimsoll::{Code, Error, FromRow, Result, Row, Tx, bind, identity::Mac};

use ring::digest::{SHA256, digest};

use super::{Draft, loaded::Stored};
use crate::chart::hex;

/// The columns that decide what a model answers, as they stand in the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Release {
    pub algorithm: String,
    pub feature_set: String,
    /// SHA-256 of its bytes.
    pub sha256: String,
    /// JSON.
    pub thresholds: String,
    /// JSON.
    pub calibration: Option<String>,
}

/// A release as the database has it, with the mark that came with it.
pub(crate) struct Kept {
    pub release: Release,
    pub signature: Option<String>,
}

impl FromRow for Kept {
    fn from_row(row: &Row<'_>) -> Result<Kept> {
        let release = Release {
            algorithm: row.get(0)?,
            feature_set: row.get(1)?,
            sha256: row.get(2)?,
            thresholds: row.get(3)?,
            calibration: row.get(4)?,
        };
        Ok(Kept { release, signature: row.get(5)? })
    }
}

/// The release of a model.
pub(crate) fn kept(tx: &Tx<'_>, id: i64) -> Result<Kept> {
    tx.maybe(
        "SELECT algorithm, feature_set, sha256, thresholds, calibration, signature FROM model WHERE tenant_id = :tenant AND id = :id",
        bind! { id: id },
    )?
    .ok_or_else(|| Code::NotFound.because(format!("there is no model {id}")))
}

impl Release {
    /// What a draft would be.
    pub fn of(draft: &Draft) -> Result<Release> {
        Ok(Release {
            algorithm: draft.algorithm.clone(),
            feature_set: draft.feature_set.clone(),
            sha256: digest_of(&draft.artifact),
            thresholds: serde_json::to_string(&draft.thresholds)?,
            calibration: draft.calibration.as_ref().map(serde_json::Value::to_string),
        })
    }

    /// What the mark is made of.
    fn parts(&self) -> [&[u8]; 6] {
        let calibration = self.calibration.as_deref().unwrap_or("none");
        [
            b"release 1",
            self.algorithm.as_bytes(),
            self.feature_set.as_bytes(),
            self.sha256.as_bytes(),
            self.thresholds.as_bytes(),
            calibration.as_bytes(),
        ]
    }

    /// The mark of whoever has the key, as hexadecimal digits.
    pub fn mark(&self, mac: &Mac) -> Result<String> {
        Ok(hex(&mac.mark(&self.parts())?))
    }

    /// Whether a mark is that of this release.
    pub fn fits(&self, mac: &Mac, signature: &str) -> bool {
        let bytes: Option<Vec<u8>> = signature
            .as_bytes()
            .chunks(2)
            .map(|pair| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok()))
            .collect();
        bytes.is_some_and(|bytes| mac.fits(&self.parts(), &bytes))
    }

    /// The row with these bytes.
    pub fn stored(&self, id: i64, artifact: String) -> Result<Stored> {
        Ok(Stored {
            id,
            algorithm: self.algorithm.clone(),
            feature_set: self.feature_set.clone(),
            sha256: self.sha256.clone(),
            artifact,
            thresholds: serde_json::from_str(&self.thresholds)?,
            calibration: self.calibration.as_deref().map(serde_json::from_str).transpose()?,
        })
    }
}

/// Says that a model is not asked, and why; the log says so too.
pub(crate) fn refused(id: i64, why: &str) -> Error {
    tracing::error!(model = id, why, "a model is refused: it is not the one that was released");
    Code::ModelUnavailable
        .because(format!("model {id} is not the one that was released: {why}; register it again as it was, or go back to the one before"))
}

/// SHA-256 of a model's bytes, as hexadecimal digits.
pub(crate) fn digest_of(artifact: &str) -> String {
    hex(digest(&SHA256, artifact.as_bytes()).as_ref())
}
