//! Credentials are not repeated: a report is shown to more people than the code.

use std::sync::LazyLock;

use regex::{Captures, Regex};

/// What stands in the place of a credential.
const MASK: &str = "***";

/// `scheme://user:PASSWORD@host`.
static IN_ADDRESS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(://[^/\s:@]*:)([^@\s/]+)(@)").ok());
/// A name of a secret, what assigns, and a value in quotes.
static QUOTED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"(?i)((?:passw(?:or)?d|pwd|secret|token|api_?key|private_?key|credential)\w*["']?\s*[^"'\n]{0,24}?[:=,(]\s*["'])([^"'\n]{3,})(["'])"#).ok()
});
/// The same without quotes, as in environment files and YAML.
static BARE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"(?i)((?:passw(?:or)?d|pwd|secret|token|api_?key|private_?key|credential)\w*["']?\s*[:=]\s*)([A-Za-z0-9_+/.@!#$%^&*~-]{3,})($|[\s"',;])"#).ok()
});

/// A line in which the values of credentials are masked. A bare word without a digit or a sign is a type, a name or a
/// placeholder, and stays.
pub(super) fn masked(line: &str) -> String {
    let mut line = line.to_owned();
    for pattern in [&*IN_ADDRESS, &*QUOTED].into_iter().flatten() {
        line = pattern.replace_all(&line, |found: &Captures<'_>| format!("{}{}{}", &found[1], kept(&found[2]), &found[3])).into_owned();
    }
    for pattern in BARE.iter() {
        let value = |found: &Captures<'_>| {
            let word = found[2].chars().all(|char| char.is_ascii_alphabetic() || char == '_' || char == '.');
            let value = if word { &found[2] } else { kept(&found[2]) };
            format!("{}{value}{}", &found[1], &found[3])
        };
        line = pattern.replace_all(&line, value).into_owned();
    }
    line
}

/// A reference to where the value comes from is no value.
fn kept(value: &str) -> &str {
    let reference = value.starts_with("${") || value.starts_with("{{") || value.starts_with("$(") || value.starts_with('<');
    if reference { value } else { MASK }
}

#[cfg(test)]
mod tests {
    use super::masked;

    #[test]
    fn values_of_credentials_are_masked_and_their_names_stay() {
        for (line, expected) in [
            ("url = postgresql://shop:hunter2@db:5432/shop", "url = postgresql://shop:***@db:5432/shop"),
            ("POSTGRES_PASSWORD: hunter2", "POSTGRES_PASSWORD: ***"),
            ("JWT_SECRET=abc-123", "JWT_SECRET=***"),
            ("password = \"correct horse\"", "password = \"***\""),
            ("os.getenv(\"API_KEY\", \"sk-123\")", "os.getenv(\"API_KEY\", \"***\")"),
            ("{\"api_key\": \"k-1\", \"name\": \"x\"}", "{\"api_key\": \"***\", \"name\": \"x\"}"),
        ] {
            assert_eq!(masked(line), expected);
            assert_eq!(masked(expected), expected, "twice is once");
        }
    }

    #[test]
    fn what_is_no_value_stays() {
        for line in [
            "SECRET_KEY: str",
            "token: Optional[str] = None",
            "password = get_password(user)",
            "POSTGRES_PASSWORD: ${POSTGRES_PASSWORD}",
            "password: \"${DB_PASSWORD}\"",
            "see https://example.org/a:b",
            "app = FastAPI(title=\"shop\")",
        ] {
            assert_eq!(masked(line), line);
        }
    }
}
