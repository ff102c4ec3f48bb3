//! The master key, what is derived from it, and random tokens.
//!
//! The master key never touches data itself: HKDF-SHA-256 derives one sub-key per purpose, so a
//! purpose that leaks does not open another. A token handed out (API key, refresh token, cookie,
//! setup link) is 256 random bits; the database holds its SHA-256, which cannot be turned back and
//! needs no salt, because nobody can list the candidates.

use std::{fmt, path::Path};

use base64::{Engine, engine::general_purpose::STANDARD, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use plimsoll_core::{Code, Result, Seed};
use ring::{
    aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    digest, hkdf, hmac,
};
use zeroize::{Zeroize, Zeroizing};

/// The name of the master key's file in the data directory.
pub const FILE: &str = "secret.key";
/// What every API key begins with; fixed, so that secret scanners can know it.
pub const KEY_PREFIX: &str = "plm_";

/// 32 bytes from which every other secret of the host is derived. Wiped when dropped.
pub struct Master([u8; 32]);

impl Drop for Master {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}
/// Shows nothing of it.
impl fmt::Debug for Master {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Master(…)")
    }
}

impl Master {
    /// The key with these bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Master {
        Master(bytes)
    }

    /// How many different bytes it has.
    pub fn variety(&self) -> usize {
        self.0.iter().collect::<std::collections::BTreeSet<_>>().len()
    }

    /// Reads 64 hexadecimal digits, or base64 of 32 bytes.
    ///
    /// # Errors
    /// [`Code::ConfigInvalid`] for anything else.
    pub fn parse(text: &str) -> Result<Master> {
        let text = text.trim();
        let bytes = if text.len() == 64 { unhex(text) } else { STANDARD.decode(text).or_else(|_| BASE64.decode(text)).ok() };
        let bytes = Zeroizing::new(bytes.unwrap_or_default());
        let key: [u8; 32] = bytes.as_slice().try_into().map_err(|_| {
            Code::ConfigInvalid
                .because("identity.master_key must be 32 bytes, as 64 hexadecimal digits or as base64; `openssl rand -hex 32` makes one")
        })?;
        Ok(Master(key))
    }

    /// The key from `configured`, or from the file in `folder`, which is made at the first start.
    ///
    /// # Errors
    /// [`Code::ConfigInvalid`] when neither can be used: not 32 bytes, readable by other users of
    /// the machine, or (`explicit`) not configured at all.
    pub fn load(configured: Option<&str>, folder: &Path, explicit: bool, seed: &Seed) -> Result<Master> {
        if let Some(text) = configured {
            return Master::parse(text);
        }
        if explicit {
            return Err(Code::ConfigInvalid.because(
                "identity.master_key is not set; several processes share this database, so the key must be given to each of them \
                 (PLIMSOLL_IDENTITY__MASTER_KEY or PLIMSOLL_IDENTITY__MASTER_KEY_FILE)",
            ));
        }
        let path = folder.join(FILE);
        match create(&path, seed) {
            Ok(master) => Ok(master),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => read(&path),
            Err(error) => {
                Err(Code::ConfigInvalid.because(format!("{FILE} cannot be made in the data directory: {}", error.kind())).caused_by(error))
            }
        }
    }

    /// The key itself, for another use of a key that is written in the same way.
    pub(crate) fn bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0)
    }

    /// The sub-key for `purpose`, for whoever seals more than one piece with it.
    pub(crate) fn subkey(&self, purpose: &'static str) -> Result<Zeroizing<[u8; 32]>> {
        self.derive(purpose)
    }

    /// The sub-key for `purpose`.
    fn derive(&self, purpose: &'static str) -> Result<Zeroizing<[u8; 32]>> {
        let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, b"plimsoll").extract(&self.0);
        let mut out = Zeroizing::new([0u8; 32]);
        prk.expand(&[purpose.as_bytes()], hkdf::HKDF_SHA256)
            .and_then(|okm| okm.fill(out.as_mut_slice()))
            .map_err(|_| crypto("derive a key"))?;
        Ok(out)
    }

    /// A key under which something is hashed for `purpose`.
    ///
    /// # Errors
    /// [`Code::Internal`] when it cannot be derived, which does not happen.
    pub fn mac(&self, purpose: &'static str) -> Result<hmac::Key> {
        Ok(hmac::Key::new(hmac::HMAC_SHA256, self.derive(purpose)?.as_slice()))
    }

    fn cipher(&self, purpose: &'static str) -> Result<LessSafeKey> {
        let key = self.derive(purpose)?;
        Ok(LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, key.as_slice()).map_err(|_| crypto("use a key"))?))
    }

    /// Seals `plain` for `purpose`, bound to `label`: random nonce, ciphertext, tag.
    ///
    /// # Errors
    /// [`Code::Internal`] when the cipher refuses, which it does only for gigabytes.
    pub fn seal(&self, purpose: &'static str, label: &str, plain: &[u8], seed: &Seed) -> Result<Vec<u8>> {
        let nonce: [u8; NONCE_LEN] = seed.bytes();
        let mut body = plain.to_vec();
        self.cipher(purpose)?
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(label.as_bytes()), &mut body)
            .map_err(|_| crypto("seal"))?;
        let mut sealed = nonce.to_vec();
        sealed.append(&mut body);
        Ok(sealed)
    }

    /// Opens what [`Master::seal`] made.
    ///
    /// # Errors
    /// [`Code::ConfigInvalid`] when it was sealed with another key, for another label, or altered.
    pub fn open(&self, purpose: &'static str, label: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let wrong =
            || Code::ConfigInvalid.because("a stored secret does not open: the master key is not the one this database was used with");
        let (nonce, body) = sealed.split_at_checked(NONCE_LEN).ok_or_else(wrong)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| wrong())?;
        let mut body = Zeroizing::new(body.to_vec());
        let length = self.cipher(purpose)?.open_in_place(nonce, Aad::from(label.as_bytes()), &mut body).map_err(|_| wrong())?.len();
        body.truncate(length);
        Ok(body)
    }
}

fn crypto(what: &str) -> plimsoll_core::Error {
    Code::Internal.error().caused_by(format!("could not {what}"))
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text.chars().map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    Some(digits?.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

/// Makes the file, which must not exist; only its owner may read it, and its folder where nobody
/// else has made one. It is made whole or not at all: a crash or a full disk half way must not leave a file that
/// no later start can use, and another process that starts now must not read half of it.
fn create(path: &Path, seed: &Seed) -> std::io::Result<Master> {
    if path.exists() {
        return Err(std::io::ErrorKind::AlreadyExists.into());
    }
    let master = Master(seed.bytes());
    let draft = path.with_extension(format!("{}.new", hex(&seed.bytes::<8>())));
    let made = draw_up(&draft, &master).and_then(|()| match std::fs::hard_link(&draft, path) {
        // Some file systems have no second names; there, two first starts at the same moment are not told apart.
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists && !path.exists() => std::fs::rename(&draft, path),
        linked => linked,
    });
    let _ = std::fs::remove_file(&draft);
    made?;
    // The name should survive a power loss as the content does: keys in the database are sealed
    // with it. Not every file system can promise that.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let _ = std::fs::File::open(folder).and_then(|folder| folder.sync_all());
    Ok(master)
}

fn draw_up(draft: &Path, master: &Master) -> std::io::Result<()> {
    use std::io::Write;
    if let Some(folder) = draft.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        let mut folders = std::fs::DirBuilder::new();
        folders.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut folders, 0o700);
        folders.create(folder)?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(draft)?;
    let text = Zeroizing::new(hex(&master.0));
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}

fn read(path: &Path) -> Result<Master> {
    let unreadable =
        |error: std::io::Error| Code::ConfigInvalid.because(format!("{FILE} cannot be read: {}", error.kind())).caused_by(error);
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(path).map_err(unreadable)?.permissions());
        if mode & 0o077 != 0 {
            return Err(Code::ConfigInvalid
                .because(format!("{FILE} in the data directory can be read by other users of this machine; run `chmod 600` on it")));
        }
    }
    let text = Zeroizing::new(std::fs::read_to_string(path).map_err(unreadable)?);
    Master::parse(&text)
        .map_err(|_| Code::ConfigInvalid.because(format!("{FILE} in the data directory does not hold 64 hexadecimal digits")))
}

/// A random token and what is stored of it.
pub struct Token {
    /// What is handed out, once.
    pub text: Zeroizing<String>,
    /// What is stored.
    pub hash: [u8; 32],
}

impl Token {
    /// 256 random bits behind `prefix`, as 43 characters of URL-safe base64.
    pub fn new(prefix: &str, seed: &Seed) -> Token {
        let random = Zeroizing::new(seed.bytes::<32>());
        let text = Zeroizing::new(format!("{prefix}{}", BASE64.encode(random.as_slice())));
        Token { hash: sha256(text.as_bytes()), text }
    }
    /// Its last four characters, by which its owner recognises it.
    pub fn hint(&self) -> &str {
        &self.text[self.text.len() - 4..]
    }
}

/// Whether `text` is `prefix` and 43 characters of URL-safe base64: all that [`Token::new`] makes.
pub fn well_formed(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix)
        .is_some_and(|rest| rest.len() == 43 && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'))
}

/// SHA-256.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    out
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    use fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_only_with_its_key_its_purpose_and_its_label() {
        let (seed, master) = (Seed::fixed(1), Master([7; 32]));
        let sealed = master.seal("signing", "kid1", b"thirty-two", &seed).unwrap();
        assert_eq!(master.open("signing", "kid1", &sealed).unwrap().as_slice(), b"thirty-two");
        assert!(master.open("signing", "kid2", &sealed).is_err() && master.open("other", "kid1", &sealed).is_err());
        assert!(Master([8; 32]).open("signing", "kid1", &sealed).is_err() && master.open("signing", "kid1", &sealed[..11]).is_err());
        let mut altered = sealed;
        altered[15] ^= 1;
        assert_eq!(master.open("signing", "kid1", &altered).unwrap_err().code(), Code::ConfigInvalid);
    }

    #[test]
    fn a_master_key_is_read_as_hex_and_as_base64_and_nothing_weak_passes() {
        let bytes: [u8; 32] = Seed::fixed(3).bytes();
        for text in [hex(&bytes), hex(&bytes).to_uppercase(), format!("{}\n", STANDARD.encode(bytes)), BASE64.encode(bytes)] {
            assert_eq!(Master::parse(&text).unwrap().0, bytes);
        }
        for weak in ["", "changeme", &"é".repeat(32), &hex(&bytes)[..62]] {
            assert_eq!(Master::parse(weak).unwrap_err().code(), Code::ConfigInvalid, "{weak}");
        }
    }

    #[test]
    fn the_key_file_is_made_once_kept_private_and_refused_when_others_can_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let folder = std::env::temp_dir().join(format!("plimsoll-secret-{}", hex(&Seed::system().bytes::<8>())));
        assert!(Master::load(None, &folder, true, &Seed::system()).is_err(), "production wants it explicitly");
        let first = Master::load(None, &folder, false, &Seed::system()).unwrap();
        assert_eq!(Master::load(None, &folder, false, &Seed::system()).unwrap().0, first.0);
        let path = folder.join(FILE);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let error = Master::load(None, &folder, false, &Seed::system()).unwrap_err();
        assert!(error.public().contains("chmod 600"), "{error}");
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn processes_that_start_at_once_agree_on_one_key_and_leave_one_file() {
        let folder = std::env::temp_dir().join(format!("plimsoll-secret-{}", hex(&Seed::system().bytes::<8>())));
        std::fs::create_dir(&folder).unwrap();
        let keys: Vec<[u8; 32]> = std::thread::scope(|scope| {
            let load = || Master::load(None, &folder, false, &Seed::system()).unwrap().0;
            let starting: Vec<_> = (0..8).map(|_| scope.spawn(load)).collect();
            starting.into_iter().map(|one| one.join().unwrap()).collect()
        });
        assert!(keys.iter().all(|key| *key == keys[0]));
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn tokens_have_one_form() {
        let token = Token::new(KEY_PREFIX, &Seed::fixed(5));
        assert!(well_formed(&token.text, KEY_PREFIX) && token.text.ends_with(token.hint()) && token.hint().len() == 4);
        for other in ["plm_", "plm_abc", &format!("{}=", &*token.text), &token.text[1..], &token.text.replace("plm_", "PLM_")] {
            assert!(!well_formed(other, KEY_PREFIX), "{other}");
        }
    }
}
