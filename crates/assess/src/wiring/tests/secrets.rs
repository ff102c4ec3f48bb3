use super::facts_of;
use crate::{
    fact::Kind,
    wiring::value::{Judged, judge, password, secretive},
};

/// Line, name, where, placeholder.
fn secrets(files: &[(&str, &str)]) -> Vec<(u32, String, String, String)> {
    let facts = facts_of(files);
    let text = |value: Option<&str>| value.unwrap_or("").to_owned();
    facts.of(Kind::Secret).map(|fact| (fact.line, fact.name.clone(), text(fact.get("where")), text(fact.get("placeholder")))).collect()
}

fn row(line: u32, name: &str, place: &str, placeholder: &str) -> (u32, String, String, String) {
    (line, name.into(), place.into(), placeholder.into())
}

#[test]
fn a_fallback_is_a_credential_in_code_settings_compose_files_and_makefiles() {
    let code = "import os\nfrom pydantic_settings import BaseSettings\n\nclass Settings(BaseSettings):\n    SECRET_KEY: str = \"your-secret-key\"\n    TOKEN_TTL: int = 30\n\npassword = os.getenv(\"DB_PASSWORD\", \"hq7Lw-22x\")\n";
    assert_eq!(secrets(&[("app/c.py", code)]), [row(5, "SECRET_KEY", "default", "yes"), row(8, "DB_PASSWORD", "default", "no")]);
    let compose = "services:\n  db:\n    image: postgres:16\n    environment:\n      POSTGRES_PASSWORD: archive77\n      OTHER_PASSWORD: ${OTHER_PASSWORD}\n      THIRD_PASSWORD: ${THIRD_PASSWORD:-postgres}\n";
    assert_eq!(
        secrets(&[("compose.yaml", compose)]),
        [row(5, "POSTGRES_PASSWORD", "compose", "no"), row(7, "THIRD_PASSWORD", "compose", "yes")]
    );
    let make = "DB_PASSWORD ?= Kx8-qq1\nPASSWORD_FILE = /run/secrets/x\nTOKEN = $(shell cat token)\n";
    assert_eq!(secrets(&[("Makefile", make)]), [row(1, "DB_PASSWORD", "makefile", "no")]);
}

#[test]
fn an_argument_that_hands_on_a_variable_is_no_credential() {
    let code = "import db\n\ndef go(password):\n    db.connect(user=\"a\", password=password)\n    db.connect(user=\"a\", password=\"tR4ck-99\")\n";
    assert_eq!(secrets(&[("a.py", code)]), [row(5, "password", "argument", "no")]);
}

#[test]
fn a_password_in_an_address_is_a_credential() {
    let code = "DATABASE_URL = \"postgresql://app:zebra-crossing@db:5432/app\"\nOTHER_URL = \"https://example.org/path\"\n";
    assert_eq!(secrets(&[("a.py", code)]), [row(1, "DATABASE_URL", "url", "no")]);
    assert_eq!(password("postgres://user@host/db"), None);
    assert_eq!(password("http://host/a:b@c"), None);
    assert_eq!(password("amqp://u:p@h"), Some("p"));
}

#[test]
fn tests_examples_with_blanks_and_documents_hold_no_credentials() {
    let code = "PASSWORD = \"tR4ck-99xx\"\n";
    assert_eq!(secrets(&[("tests/test_a.py", code), (".env.example", "SECRET_KEY=change-me\nDB_PASSWORD=\n"), ("README.md", code)]), []);
}

#[test]
fn tokens_are_known_by_their_shape() {
    let key = format!("AKIA{}", "QZ7T4WNX5R2LPE3M");
    assert_eq!(secrets(&[("deploy.cfg", &format!("[a]\nx = {key}\n"))]), [row(2, "aws-access-key", "token", "no")]);
    assert_eq!(secrets(&[("deploy.cfg", "x = AKIAIOSFODNN7EXAMPLE\n")]), []);
}

#[test]
fn the_word_that_stands_in_for_a_key_is_one_and_the_name_of_a_variable_is_none() {
    let code =
        "import os\n\nSECRET_KEY = os.environ.get('SECRET_KEY') or 'nobody-will-ever-know'\nMARK = os.environ.get('MARK_SECRET', '---')\n";
    assert_eq!(secrets(&[("config.py", code)]), [row(3, "SECRET_KEY", "default", "no")]);
    let names = "package config\n\nconst ClientSecret = \"APP_CLIENT_SECRET\"\n";
    assert_eq!(secrets(&[("config/keys.go", names)]), []);
}

#[test]
fn names_and_values_are_judged_by_what_they_mean() {
    for name in ["DB_PASSWORD", "secret", "jwtSecret", "API_KEY", "github_token", "aws_secret_access_key"] {
        assert!(secretive(name), "{name}");
    }
    for name in
        ["PASSWORD_HASH", "max_tokens", "token_url", "eos_token", "ACCESS_TOKEN_EXPIRE_MINUTES", "secret_name", "keyboard", "passenger"]
    {
        assert!(!secretive(name), "{name}");
    }
    let cases = [
        ("SECRET_KEY", "dev-secret-change-in-production", Some(Judged::Placeholder)),
        ("SECRET_KEY", "9f2c81d07be64a5f93aa27c1", Some(Judged::Real)),
        ("API_KEY", "authorization", None),
        ("PASSWORD", "P@ssw0rd", Some(Judged::Placeholder)),
        ("PASSWORD", "<password>", None),
        ("PASSWORD", "{{ vault_password }}", None),
        ("PASSWORD", "", None),
        ("TOKEN", "bearer", None),
        ("signingPassword", "Three words and then!!#%@$ some", Some(Judged::Real)),
        ("PASSWORD", "Your password is wrong, please try again!", None),
    ];
    for (name, value, expected) in cases {
        assert_eq!(judge(name, value), expected, "{name}={value}");
    }
}
