//! Marks of a system's own: only who has the master key makes one that fits.

use plimsoll_core::{Code, Result};
use ring::hmac;

use super::secret::Master;

/// Makes and checks authentication marks (HMAC-SHA-256) over what a system keeps, so that it
/// notices what was changed behind its back. The key comes from the master key, one for each
/// system and purpose: a mark of one says nothing to another.
#[derive(Clone)]
pub struct Mac(hmac::Key);

impl Mac {
    /// For a purpose of a system.
    ///
    /// # Errors
    /// [`Code::Internal`] when the key cannot be derived, which does not happen.
    pub fn new(master: &Master, system: &str, purpose: &str) -> Result<Mac> {
        let above = master.mac("marks of systems")?;
        let own = hmac::sign(&above, &written(&[system.as_bytes(), purpose.as_bytes()])?);
        Ok(Mac(hmac::Key::new(hmac::HMAC_SHA256, own.as_ref())))
    }

    /// The mark of these parts in this order.
    ///
    /// # Errors
    /// [`Code::Internal`] for a part of four gigabytes and more.
    pub fn mark(&self, parts: &[&[u8]]) -> Result<Vec<u8>> {
        Ok(hmac::sign(&self.0, &written(parts)?).as_ref().to_vec())
    }

    /// Whether a mark is that of these parts; takes as long for one that nearly fits as for any other.
    pub fn fits(&self, parts: &[&[u8]], mark: &[u8]) -> bool {
        written(parts).is_ok_and(|bytes| hmac::verify(&self.0, &bytes, mark).is_ok())
    }
}

/// Each part behind its length: where one ends and the next begins is part of what is marked.
fn written(parts: &[&[u8]]) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(parts.iter().map(|part| part.len() + 4).sum());
    for part in parts {
        let length = u32::try_from(part.len()).map_err(|_| Code::Internal.because("too much for one mark"))?;
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(part);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mac(master: u8, system: &str, purpose: &str) -> Mac {
        Mac::new(&Master::from_bytes([master; 32]), system, purpose).unwrap()
    }

    #[test]
    fn a_mark_fits_what_was_marked_and_nothing_else() {
        let release = mac(7, "treatment", "release");
        let mark = release.mark(&[b"one", b"two"]).unwrap();
        assert!(release.fits(&[b"one", b"two"], &mark));
        for other in [&[b"one".as_slice(), b"tw0"][..], &[b"onet", b"wo"], &[b"two", b"one"], &[b"one", b"two", b""], &[b"onetwo"], &[]] {
            assert!(!release.fits(other, &mark), "{other:?}");
        }
        for other in
            [mac(8, "treatment", "release"), mac(7, "songs", "release"), mac(7, "treatment", "releases"), mac(7, "treatmentr", "elease")]
        {
            assert!(!other.fits(&[b"one", b"two"], &mark));
        }
        assert!(!release.fits(&[b"one", b"two"], &mark[..31]) && !release.fits(&[b"one", b"two"], b""));
    }
}
