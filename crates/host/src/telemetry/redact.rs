//! What must not stand in a log, a span or a report, and how it is masked.
//!
//! Two rules. A field whose **name** says secret or personal loses its value. In any **text**,
//! what looks like a credential or an e-mail address is masked wherever it stands. The second rule
//! is the net under the first; neither makes it right to log such a value on purpose.

use std::borrow::Cow;

/// What stands in place of a masked value.
pub const MASK: &str = "***";

/// Parts of field names whose values are secrets.
const SECRET_PARTS: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "authorization",
    "cookie",
    "credential",
    "apikey",
    "api_key",
    "private_key",
    "signing_key",
    "dsn",
    "jwt",
];
/// Field names whose values are secrets, as a whole.
const SECRET_NAMES: &[&str] = &["key", "pwd", "auth", "bearer", "session"];
/// Field names whose values are personal.
const PERSONAL_NAMES: &[&str] = &[
    "email",
    "e_mail",
    "mail",
    "phone",
    "first_name",
    "last_name",
    "full_name",
    "display_name",
    "user_name",
    "username",
    "birthday",
    "birth_date",
    "iban",
    "street",
];

/// Masks values. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Redactor {
    personal: std::sync::Arc<[String]>,
    on: bool,
}

impl Default for Redactor {
    fn default() -> Redactor {
        Redactor::new(&[], true)
    }
}

impl Redactor {
    /// Masks the fields every host masks and those named in `personal` besides. `on` is false only
    /// where the practice `log-redaction` is switched off.
    pub fn new(personal: &[String], on: bool) -> Redactor {
        Redactor { personal: personal.iter().map(|name| name.to_ascii_lowercase()).collect(), on }
    }

    /// Whether the value of a field of this name must not be shown.
    pub fn hides(&self, name: &str) -> bool {
        if !self.on {
            return false;
        }
        let name = name.rsplit('.').next().unwrap_or(name).to_ascii_lowercase().replace('-', "_");
        secret_name(&name) || PERSONAL_NAMES.contains(&name.as_str()) || self.personal.contains(&name)
    }

    /// The text with everything masked that looks like a credential or an e-mail address.
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if !self.on || !text.bytes().any(|byte| matches!(byte, b'@' | b'_' | b'=' | b':')) && !text.contains("eyJ") && !has_scheme(text) {
            return Cow::Borrowed(text);
        }
        Cow::Owned(masked(text))
    }
}

fn secret_name(name: &str) -> bool {
    SECRET_NAMES.contains(&name) || SECRET_PARTS.iter().any(|part| name.contains(part))
}

fn has_scheme(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    lower.contains("bearer ") || lower.contains("basic ")
}

/// Walks over the words of a text; what separates them is kept.
fn masked(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut before = Before::Nothing;
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(separates).unwrap_or(rest.len());
        let (word, tail) = rest.split_at(end);
        if !word.is_empty() {
            before = show(&mut out, word, before);
        }
        let gap = tail.find(|letter| !separates(letter)).unwrap_or(tail.len());
        out.push_str(&tail[..gap]);
        if tail[..gap].contains([',', ';', '}', ')', ']']) {
            before = Before::Nothing;
        }
        rest = &tail[gap..];
    }
    out
}

/// What the word before a word says about it.
#[derive(Clone, Copy, PartialEq)]
enum Before {
    Nothing,
    /// `password`: a sign behind it announces a secret.
    Named,
    /// `Bearer`, `password:`: the next word is a secret.
    Announced,
}

fn separates(letter: char) -> bool {
    letter.is_whitespace() || matches!(letter, '"' | '\'' | '`' | ',' | ';' | '(' | ')' | '[' | ']' | '{' | '}' | '<' | '>' | '&')
}

fn show(out: &mut String, word: &str, before: Before) -> Before {
    let is_scheme = |word: &str| word.eq_ignore_ascii_case("bearer") || word.eq_ignore_ascii_case("basic");
    if is_scheme(word) {
        out.push_str(word);
        return Before::Announced;
    }
    // `password = x` and `"password": "x"`: the sign stands alone.
    let sign = matches!(word, "=" | ":" | ":=" | "=>");
    if sign && before != Before::Nothing {
        out.push_str(word);
        return Before::Announced;
    }
    if before == Before::Announced {
        out.push_str(MASK);
        return Before::Nothing;
    }
    let plain = word.bytes().all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'-'));
    if plain && secret_name(&word.to_ascii_lowercase().replace('-', "_")) && credential(word).is_none() {
        out.push_str(word);
        return Before::Named;
    }
    if let Some((name, value)) = word.split_once(['=', ':'])
        && !value.starts_with("//")
        && !value.starts_with(':')
    {
        let lower = name.rsplit(['?', '/', '.']).next().unwrap_or(name).to_ascii_lowercase().replace('-', "_");
        if secret_name(&lower) {
            out.push_str(&word[..=name.len()]);
            if value.is_empty() {
                return Before::Announced;
            }
            out.push_str(MASK);
            return Before::Nothing;
        }
    }
    if let Some(at) = word.find("://").map(|at| at + 3)
        && let Some(end) = word[at..].split('/').next().and_then(|host| host.rfind('@'))
    {
        out.push_str(&word[..at]);
        out.push_str(MASK);
        return show(out, &word[at + end..], Before::Nothing);
    }
    match credential(word) {
        Some(at) => {
            out.push_str(&word[..at]);
            out.push_str(MASK);
        }
        None if address(word) => out.push_str(MASK),
        None => out.push_str(word),
    }
    Before::Nothing
}

/// Where a credential begins in a word: our own keys and tokens, and signed tokens of any kind.
fn credential(word: &str) -> Option<usize> {
    let token =
        |at: usize| word[at..].bytes().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')).count();
    let ours = word.find("plm_").filter(|at| token(*at) >= 12);
    let signed = word.find("eyJ").filter(|at| token(*at) >= 16);
    match (ours, signed) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (one, other) => one.or(other),
    }
}

/// Whether a word looks like an e-mail address.
fn address(word: &str) -> bool {
    word.split_once('@').is_some_and(|(local, domain)| {
        let domain = domain.trim_end_matches(['.', ':', '!', '?']);
        !local.is_empty()
            && domain.contains('.')
            && domain.chars().all(|letter| letter.is_alphanumeric() || matches!(letter, '.' | '-'))
            && !domain.starts_with('.')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_that_sound_secret_or_personal_are_hidden() {
        let redactor = Redactor::new(&["Patient".to_owned()], true);
        for name in [
            "password",
            "new_password",
            "refresh_token",
            "Authorization",
            "set-cookie",
            "client_secret",
            "key",
            "api_key",
            "x-api-key",
            "email",
            "user.email",
            "patient",
            "sentry_dsn",
            "phone",
        ] {
            assert!(redactor.hides(name), "{name}");
        }
        for name in ["key_id", "request_id", "route", "status", "monkey", "sql", "tenant", "user_id", "caller"] {
            assert!(!redactor.hides(name), "{name}");
        }
    }

    #[test]
    fn credentials_and_addresses_are_masked_wherever_they_stand() {
        let redactor = Redactor::default();
        for (text, shown) in [
            ("the key plm_live_abcdefgh1234 was refused", "the key *** was refused"),
            ("got eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ4In0.c2ln here", "got *** here"),
            ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
            ("header was `bearer s3cr3t`, sorry", "header was `bearer ***`, sorry"),
            ("no user ada@example.org.", "no user ***"),
            ("<ada.l+x@mail.example.co.uk> bounced", "<***> bounced"),
            ("postgres://app:hunter2@db.internal/app failed", "postgres://***@db.internal/app failed"),
            ("password=hunter2&x=1", "password=***&x=1"),
            (r#"Login { password: "hunter2", remember: true }"#, r#"Login { password: "***", remember: true }"#),
            (r#"{"token":"abc","n":1}"#, r#"{"token":"***","n":1}"#),
            ("?api_key=abc", "?api_key=***"),
        ] {
            let masked = redactor.text(text);
            assert_eq!(masked, shown, "{text}");
        }
    }

    #[test]
    fn ordinary_sentences_stay_as_they_are() {
        let redactor = Redactor::default();
        for text in [
            "",
            "no such column: titel in SELECT a_b FROM songs WHERE id = :id",
            "error at crates/store/src/sqlite/mod.rs:17:4 in plimsoll_store::sqlite",
            "see https://example.org/a@b or the file plm_x",
            "connection to 127.0.0.1:5432 refused (os error 111)",
        ] {
            assert_eq!(redactor.text(text), text);
        }
    }

    #[test]
    fn redaction_can_be_switched_off_as_a_whole() {
        let redactor = Redactor::new(&[], false);
        assert!(!redactor.hides("password"));
        assert_eq!(redactor.text("ada@example.org"), "ada@example.org");
    }
}
