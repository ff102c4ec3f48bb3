//! Whether a name is one of a credential, and a value one that somebody could use.

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Judged {
    /// Everybody knows it.
    Placeholder,
    /// It may open something.
    Real,
}

/// The words of a name: `dbPassword` and `DB_PASSWORD` are `db`, `password`.
fn words(name: &str) -> Vec<String> {
    let (mut words, mut now, mut lower) = (Vec::new(), String::new(), false);
    for character in name.chars().take(200) {
        let ends = !character.is_alphanumeric() || lower && character.is_uppercase();
        if ends && !now.is_empty() {
            words.push(std::mem::take(&mut now));
        }
        if character.is_alphanumeric() {
            now.extend(character.to_lowercase());
        }
        lower = character.is_lowercase() || character.is_ascii_digit();
    }
    if !now.is_empty() {
        words.push(now);
    }
    words
}

/// Whether a name is one of a credential.
pub(super) fn secretive(name: &str) -> bool {
    let words = words(name);
    let Some(last) = words.last().map(String::as_str) else { return false };
    let before = words.len().checked_sub(2).and_then(|at| words.get(at)).map_or("", String::as_str);
    match last {
        "password" | "passwd" | "pwd" | "pass" | "passphrase" | "secret" | "apikey" | "secretkey" | "accesskey" | "privatekey"
        | "credentials" | "dbpass" | "userpassword" => true,
        // Tokens of a model's vocabulary and of a page's form are none.
        "token" => !matches!(
            before,
            "eos"
                | "bos"
                | "pad"
                | "sep"
                | "cls"
                | "unk"
                | "mask"
                | "csrf"
                | "per"
                | "next"
                | "page"
                | "special"
                | "end"
                | "start"
                | "cancellation"
        ),
        "key" => matches!(
            before,
            "secret"
                | "api"
                | "access"
                | "private"
                | "encryption"
                | "signing"
                | "auth"
                | "jwt"
                | "master"
                | "hmac"
                | "session"
                | "account"
                | "fernet"
                | "aes"
                | "subscription"
                | "service"
                | "admin"
        ),
        "auth" => name.eq_ignore_ascii_case("NEO4J_AUTH"),
        "base" => name.eq_ignore_ascii_case("SECRET_KEY_BASE"),
        _ => false,
    }
}

/// The password in an address such as `postgres://user:password@host/`.
pub(super) fn password(value: &str) -> Option<&str> {
    let (scheme, rest) = value.split_once("://")?;
    let scheme = scheme.trim_start_matches(['"', '\'', 'f', 'b', 'r']);
    if scheme.len() > 40 || rest.is_empty() {
        return None;
    }
    let authority = rest.split(['/', '?', '#', ' ', '"', '\'']).next()?;
    let (user, _) = authority.rsplit_once('@')?;
    let (_, password) = user.split_once(':')?;
    (!password.is_empty()).then_some(password)
}

/// Values that stand for a value, as whole words of the text.
const KNOWN: &[&str] = &[
    "admin",
    "administrator",
    "airflow",
    "chang3me",
    "change",
    "changeit",
    "changeme",
    "default",
    "demo",
    "dev",
    "development",
    "dummy",
    "example",
    "fake",
    "foo",
    "foobar",
    "guest",
    "hunter2",
    "insecure",
    "letmein",
    "local",
    "minio",
    "minioadmin",
    "mongo",
    "mongodb",
    "mysql",
    "neo4j",
    "pass",
    "passw0rd",
    "password",
    "password1",
    "password123",
    "placeholder",
    "postgres",
    "postgresql",
    "qwerty",
    "rabbitmq",
    "redis",
    "replace",
    "root",
    "sa",
    "sample",
    "secret",
    "secretkey",
    "supersecret",
    "test",
    "testing",
    "toor",
    "user",
    "welcome",
    "yourpassword",
    "your",
    "123456",
    "12345678",
    "1234",
    "12345",
    "123456789",
    "admin123",
    "keycloak",
    "mysecret",
    "mysecretkey",
    "mysecretpassword",
    "notsecret",
    "unsafe",
    "todo",
    "fixme",
    "insert",
    "here",
];

/// What a value of a credential is; nothing where it is none: empty, a reference, a word of the program.
pub(super) fn judge(name: &str, value: &str) -> Option<Judged> {
    let plain = value.trim().trim_matches(['"', '\'', '`']).trim();
    if let Some(inner) = plain.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')) {
        // `${NAME:-word}` of the shell, `${NAME:word}` of Spring; `${NAME:?why}` has none.
        let spring = || inner.split_once(':').filter(|(_, word)| !word.starts_with(['?', '+', '=']));
        let (_, fallback) = inner.split_once(":-").or_else(spring).or_else(|| inner.split_once('-'))?;
        return judge(name, fallback);
    }
    let count = plain.chars().count();
    if !(3..=4000).contains(&count) {
        return None;
    }
    let lower = plain.to_lowercase();
    let reference = plain.starts_with(['$', '<', '/', '{', '[', '(', '*', '%', '#', '!', '&'])
        || plain.contains("${")
        || plain.contains("{{")
        || plain.contains("}}")
        || plain.contains('{') && plain.contains('}')
        || plain.contains('(') && plain.ends_with(')')
        || plain.contains("****")
        || [
            "vault:",
            "arn:",
            "projects/",
            "ssm:",
            "sops:",
            "enc[",
            "env(",
            "env.",
            "op://",
            "secret://",
            "file:",
            "http://",
            "https://",
            "module.",
            "var.",
            "local.",
            "data.",
            "random_",
            "process.",
            "os.",
            "settings.",
            "config.",
            "self.",
            "this.",
        ]
        .iter()
        .any(|start| lower.starts_with(start));
    if reference
        || matches!(
            lower.as_str(),
            "null"
                | "none"
                | "true"
                | "false"
                | "undefined"
                | "nil"
                | "string"
                | "required"
                | "optional"
                | "bearer"
                | "basic"
                | "jwt"
                | "..."
        )
        || plain.contains(char::is_whitespace) && !signs(plain)
        || !plain.is_ascii()
    {
        return None;
    }
    let value = if name.eq_ignore_ascii_case("NEO4J_AUTH") {
        lower.split_once('/').map(|(_, password)| password.to_owned())?
    } else {
        lower.clone()
    };
    let parts: Vec<&str> = value.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty()).collect();
    let squeezed: String = value
        .chars()
        .map(|c| match c {
            '@' | '4' => 'a',
            '0' => 'o',
            '3' => 'e',
            '$' | '5' => 's',
            '1' => 'i',
            other => other,
        })
        .filter(|c| c.is_alphanumeric())
        .collect();
    if parts.iter().any(|part| KNOWN.contains(part))
        || ["changeme", "change", "password", "passwort", "placeholder", "secret", "example", "yourkey", "replace", "xxxx"]
            .iter()
            .any(|word| squeezed.contains(word))
    {
        return Some(Judged::Placeholder);
    }
    let words = words(name);
    let last = words.last().map_or("", String::as_str);
    if plain.chars().all(|character| character.is_ascii_digit()) {
        return (count >= 4 && last.starts_with("pass")).then_some(Judged::Placeholder);
    }
    if matches!(last, "password" | "passwd" | "pwd" | "pass" | "passphrase" | "auth") {
        return Some(Judged::Real);
    }
    // What signs or seals is never a name of something: a word is a value that everybody can read.
    let joined = words.join("_");
    let seals = ["jwt_secret", "jwt_secret_key", "session_secret", "cookie_secret", "auth_secret", "app_secret_key", "signing_secret"];
    let plainly = count >= 4 && plain.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if plainly && seals.iter().any(|seal| joined.ends_with(seal)) && squeezed != joined.replace('_', "") {
        return Some(Judged::Placeholder);
    }
    // Keys and tokens: a name of something is none.
    let mixed = plain.chars().any(|character| character.is_ascii_digit()) && plain.chars().any(char::is_alphabetic);
    (count >= 12 && entropy(plain) >= 3.0 && (mixed || count >= 24 && !plain.contains(['.', '_', '/', ':']))).then_some(Judged::Real)
}

/// Whether there are more signs in a text with spaces than any sentence has: a phrase that somebody thought out as a key.
fn signs(text: &str) -> bool {
    text.chars().filter(|character| "!@#$%^&*+=~".contains(*character)).count() >= 4
}

/// Whether a value looks like one that nobody thought out.
pub(super) fn random(value: &str) -> bool {
    let plain = password(value).unwrap_or(value).trim();
    plain.len() >= 16 && entropy(plain) >= 3.3
}

/// Bits a character.
fn entropy(text: &str) -> f64 {
    let mut counts = std::collections::BTreeMap::new();
    let mut all = 0.0_f64;
    for character in text.chars() {
        *counts.entry(character).or_insert(0.0_f64) += 1.0;
        all += 1.0;
    }
    counts.values().map(|count| -(count / all) * (count / all).log2()).sum()
}
