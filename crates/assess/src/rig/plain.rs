//! Words without secrets and without what differs from run to run.

/// Replaces credentials, generated ids, ports of this machine and line breaks by fixed marks.
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut word = String::new();
    for letter in text.chars().chain(['\n']) {
        if letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '.' | ':') {
            word.push(letter);
            continue;
        }
        out.push_str(&mark(&word));
        word.clear();
        match letter {
            '\n' | '\r' | '\t' => out.push(' '),
            letter if letter.is_control() => out.push('\u{fffd}'),
            letter => out.push(letter),
        }
    }
    out.trim_end().to_owned()
}

fn mark(word: &str) -> String {
    // A key, and a token of three parts.
    if let Some(place) = word.find("plm_") {
        return format!("{}plm_…", &word[..place]);
    }
    if word.starts_with("eyJ") && word.len() > 40 {
        return "eyJ…".into();
    }
    if let Some((front, port)) = word.rsplit_once(':')
        && matches!(front, "127.0.0.1" | "localhost")
        && port.parse::<u16>().is_ok()
    {
        return format!("{front}:…");
    }
    // `art_01h8…`: a short word, an underscore, 26 characters; and long runs of hexadecimal digits.
    if let Some((front, id)) = word.rsplit_once('_')
        && (24..=32).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && id.bytes().any(|byte| byte.is_ascii_digit())
    {
        return format!("{front}_…");
    }
    if word.len() >= 16 && word.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return "…".into();
    }
    word.to_owned()
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn secrets_ids_and_ports_do_not_survive() {
        let token = format!("eyJhbGciOiJFZERTQSJ9.{}.{}", "a".repeat(30), "b".repeat(40));
        let cases = [
            ("Bearer plm_cqi3vf7ZePa9MSn1r5js-x_y of ana", "Bearer plm_… of ana"),
            ("/v1/users/usr_01m7ywr63zdvz31qt0wwtfv940", "/v1/users/usr_…"),
            ("http://127.0.0.1:43211/x", "http://127.0.0.1:…/x"),
            ("4bf92f3577b34da6a3ce929d0e0e4736", "…"),
            ("a\nb\u{1}", "a b\u{fffd}"),
            ("probe-tenant_context stays", "probe-tenant_context stays"),
            (&format!("token {token}"), "token eyJ…"),
        ];
        for (text, expected) in cases {
            assert_eq!(plain(text), expected);
        }
    }
}
