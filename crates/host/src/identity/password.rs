//! Passwords: which are accepted, how they are kept, how they are compared.
//!
//! Argon2id with 46 MiB, one pass, one lane (the first of OWASP's equivalent settings), as PHC
//! strings that carry their own parameters, so stronger settings take hold at the next login. The
//! rules are those of NIST SP 800-63B-4: length and a blocklist, no demands on kinds of
//! characters, no expiry, nothing cut off. Everything here costs processor time: call it through
//! `Host::compute`.

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use plimsoll_core::{Code, Error, Fault, Result, Seed};
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

/// Memory in KiB, passes, lanes.
const COST: (u32, u32, u32) = (47_104, 1, 1);
/// Longer passwords are refused rather than cut.
pub const LONGEST: usize = 512;
/// No configuration may ask for less.
pub const SHORTEST_ALLOWED: usize = 8;
/// What every account's password must not be made of.
const SERVICE: &str = "plimsoll";

/// A password in its one form (NFKC), wiped when dropped.
pub struct Password(Zeroizing<String>);

impl Password {
    /// Brings `text` into its one form.
    pub fn new(text: &str) -> Password {
        Password(Zeroizing::new(text.nfkc().collect()))
    }

    /// Whether it may become a password: long enough, not guessable, not made of what everybody
    /// knows about the account.
    ///
    /// # Errors
    /// [`Code::PasswordRefused`] with a fault at `pointer` that says why.
    pub fn check(&self, shortest: usize, known: &[&str], pointer: &'static str) -> Result<()> {
        let shortest = shortest.max(SHORTEST_ALLOWED);
        let length = self.0.chars().count();
        if length < shortest {
            return Err(refused(pointer, format!("must have at least {shortest} characters; it has {length}. A sentence is fine")));
        }
        if length > LONGEST {
            return Err(refused(pointer, format!("must have at most {LONGEST} characters; it has {length}")));
        }
        let mut words: Vec<String> = vec![SERVICE.to_owned()];
        for text in known {
            words.push(fold(text));
            words.extend(text.split(|c: char| !c.is_alphanumeric()).map(fold).filter(|word| word.len() > 2));
        }
        words.sort_by_key(|word| std::cmp::Reverse(word.len()));
        let mut rest = Zeroizing::new(fold(&self.0));
        for word in words.iter().filter(|word| !word.is_empty()) {
            rest = Zeroizing::new(rest.replace(word.as_str(), ""));
        }
        if rest.chars().count() < SHORTEST_ALLOWED && rest.len() < fold(&self.0).len() {
            return Err(refused(pointer, "must not consist mostly of the e-mail address or of the name of the organisation or service"));
        }
        let inputs: Vec<&str> = words.iter().map(String::as_str).collect();
        let judged = zxcvbn::zxcvbn(&self.0, &inputs);
        if u8::from(judged.score()) < 3 {
            let why = judged
                .feedback()
                .and_then(|feedback| feedback.warning())
                .map_or_else(|| "It follows a pattern that attackers try first.".to_owned(), |warning| warning.to_string());
            return Err(refused(pointer, format!("is too easy to guess: {why} Use several unrelated words")));
        }
        Ok(())
    }

    /// The PHC string to keep.
    ///
    /// # Errors
    /// [`Code::Internal`] when the memory for it cannot be had.
    pub fn hash(&self, seed: &Seed) -> Result<String> {
        let hash = argon2()?.hash_password_with_salt(self.0.as_bytes(), &seed.bytes::<16>()).map_err(broken)?;
        Ok(hash.to_string())
    }

    /// What was kept once, when memory was dear: for the proof that its weakness is noticed, and that
    /// the next login replaces it. Only where the practice `password-hashing` is switched off.
    ///
    /// # Errors
    /// As [`Password::hash`].
    pub fn hash_weakly(&self, seed: &Seed) -> Result<String> {
        let params = Params::new(64, 1, 1, None).map_err(broken)?;
        let cheap = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        Ok(cheap.hash_password_with_salt(self.0.as_bytes(), &seed.bytes::<16>()).map_err(broken)?.to_string())
    }

    /// Whether `kept` was made from this password. Without a kept hash the same work is done for
    /// nothing, so that time does not tell whether an account exists.
    ///
    /// # Errors
    /// [`Code::Internal`] when `kept` is not a PHC string of Argon2.
    pub fn matches(&self, kept: Option<&str>) -> Result<bool> {
        let nobody = nobody();
        let parsed = PasswordHash::new(kept.unwrap_or(&nobody)).map_err(broken)?;
        match argon2()?.verify_password(self.0.as_bytes(), &parsed) {
            Ok(()) => Ok(kept.is_some()),
            Err(argon2::password_hash::Error::PasswordInvalid) => Ok(false),
            Err(other) => Err(broken(other)),
        }
    }
}

/// Whether `kept` was made with other settings than today's and should be replaced.
pub fn outdated(kept: &str) -> bool {
    let (memory, passes, lanes) = COST;
    !kept.starts_with(&format!("$argon2id$v=19$m={memory},t={passes},p={lanes}$"))
}

fn argon2() -> Result<Argon2<'static>> {
    let (memory, passes, lanes) = COST;
    let params = Params::new(memory, passes, lanes, None).map_err(broken)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// A hash of the usual cost that no password was made into.
fn nobody() -> String {
    let (memory, passes, lanes) = COST;
    format!("$argon2id$v=19$m={memory},t={passes},p={lanes}${}${}", "A".repeat(22), "A".repeat(43))
}

fn broken(cause: impl std::fmt::Display) -> Error {
    Code::Internal.error().caused_by(format!("argon2: {cause}"))
}

fn refused(pointer: &'static str, why: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Code::PasswordRefused.because("the password is not acceptable; `errors` says why").with_faults(vec![Fault::at(pointer, why)])
}

/// Letters and digits only, in lower case: `J.Doe` and `jdoe` are the same to a guesser.
fn fold(text: &str) -> String {
    text.nfkc().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(text: &str) -> String {
        let known = ["jane.doe@harbour.example", "harbour-works", "Harbour Works"];
        match Password::new(text).check(15, &known, "/password") {
            Ok(()) => String::new(),
            Err(error) => {
                assert_eq!((error.code(), error.faults()[0].pointer.as_str()), (Code::PasswordRefused, "/password"));
                assert!(!error.public().contains(text) && !error.faults()[0].detail.contains(text) || text.len() < 3);
                error.faults()[0].detail.to_string()
            }
        }
    }

    #[test]
    fn long_and_unguessable_is_all_that_is_asked() {
        for good in [
            "seven wet herons argue",
            "twelve lamps under water",
            "трава синий мотор лодка",
            "wx yt qo lamp 77 zebra",
            "zqjv7 mord apfel x",
        ] {
            assert_eq!(why(good), "", "{good}");
        }
    }

    #[test]
    fn refusals_say_why() {
        assert!(why("short").contains("at least 15"));
        assert!(why(&"word salad 9 ".repeat(50)).contains("at most 512"));
        for guessable in ["aaaaaaaaaaaaaaaaaaaa", "passwordpassword", "qwertyuiopasdfgh", "123456789012345678"] {
            assert!(why(guessable).contains("too easy to guess"), "{guessable}");
        }
        for personal in
            ["Jane.Doe@harbour.example", "janedoe-janedoe-janedoe", "plimsollplimsoll1", "Harbour-Works-2026", "PLIMSOLL jane 1234"]
        {
            assert!(why(personal).contains("mostly"), "{personal}: {}", why(personal));
        }
    }

    #[test]
    fn nobody_can_configure_less_than_eight_characters() {
        let error = Password::new("k7#qZ1!").check(1, &[], "/new").unwrap_err();
        assert!(error.faults()[0].detail.contains("at least 8"));
    }

    #[test]
    fn a_hash_matches_its_password_in_every_unicode_form_and_no_other() {
        let hash = Password::new("Ångström — ﬁve words").hash(&Seed::fixed(1)).unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=47104,t=1,p=1$") && !outdated(&hash));
        assert!(Password::new("A\u{30a}ngstro\u{308}m — five words").matches(Some(&hash)).unwrap());
        assert!(!Password::new("ångström — five words").matches(Some(&hash)).unwrap());
        assert!(outdated("$argon2id$v=19$m=19456,t=2,p=1$AAAA$AAAA") && outdated("$2b$12$x"));
    }

    #[test]
    fn an_account_that_does_not_exist_has_no_password() {
        assert!(!Password::new("").matches(None).unwrap());
        assert!(Password::new("x").matches(Some("plain text")).is_err());
    }
}
