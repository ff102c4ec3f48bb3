//! Commands as words: taken apart, put together, and made to listen where the host wants it.

/// The place of the port in a command.
pub const PORT: &str = "$PORT";

/// A command of the project, made to fit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fitted {
    /// The words.
    pub words: Vec<String>,
    /// What was changed.
    pub notes: Vec<String>,
    /// Whether the words themselves say that the port comes from outside.
    pub port: bool,
}

/// Takes a line of a shell apart. A line that needs a shell (pipes, substitutions, several
/// commands) has no words; `a && b` gives `b`, and `a` is what has to be done before.
pub fn parse(line: &str) -> Option<(Vec<String>, Vec<String>)> {
    let mut before: Vec<String> = line.split("&&").map(|part| part.trim().to_owned()).collect();
    let last = before.pop()?;
    let mut words = split(&last)?;
    if words.first().is_some_and(|word| word == "exec") {
        words.remove(0);
    }
    // `NAME=value` before the command is no word of it.
    while words.first().is_some_and(|word| {
        word.split_once('=')
            .is_some_and(|(name, _)| !name.is_empty() && name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_' || b.is_ascii_digit()))
    }) {
        before.push(format!("export {}", quote(&words.remove(0))));
    }
    (!words.is_empty()).then_some((words, before))
}

fn split(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = line.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '\'' | '"' => {
                let into = word.get_or_insert_with(String::new);
                loop {
                    match characters.next()? {
                        end if end == c => break,
                        '\\' if c == '"' => into.push(characters.next()?),
                        '`' if c == '"' => return None,
                        other => into.push(other),
                    }
                }
            }
            '\\' => word.get_or_insert_with(String::new).push(characters.next()?),
            '|' | ';' | '<' | '>' | '`' | '&' | '\n' => return None,
            '$' if characters.peek() == Some(&'(') => return None,
            c if c.is_whitespace() => words.extend(word.take()),
            c => word.get_or_insert_with(String::new).push(c),
        }
    }
    words.extend(word);
    Some(words)
}

/// The word as a shell reads it back. `$PORT` is quoted too: it is the host that fills it in, not
/// the shell.
pub fn quote(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=@,+%".contains(&byte);
    match !word.is_empty() && word.bytes().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

/// The line for a shell.
pub fn line(words: &[String]) -> String {
    words.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ")
}

/// Makes a command listen on this machine only, on the port it is given, without what belongs to
/// the author's desk.
pub fn fit(words: &[String]) -> Fitted {
    let mut fitted = Fitted::default();
    let program = program(words).to_owned();
    let mut at = 0;
    while at < words.len() {
        let word = words[at].as_str();
        let next = words.get(at + 1).map(String::as_str);
        at += 1;
        if matches!(word, "--reload" | "--debug" | "--debugger") && at > 1 {
            fitted.notes.push(format!("left out {word}: it is for the author's desk"));
            continue;
        }
        let (flag, value, joined) = match (word.split_once('='), next) {
            (Some((flag, value)), _) if flag.starts_with("--") => (flag, Some(value), true),
            (_, next) => (word, next, false),
        };
        let replaced = value.and_then(|value| flag_value(&program, flag, value));
        if let Some(new) = replaced {
            fitted.port |= new.contains(PORT);
            if value.is_some_and(|value| value.contains("0.0.0.0") || value == "::") {
                fitted.notes.push("listens on 127.0.0.1 instead of every address: from outside, only the host shall reach it".into());
            }
            if joined {
                fitted.words.push(format!("{flag}={new}"));
            } else {
                fitted.words.extend([flag.to_owned(), new]);
                at += 1;
            }
            continue;
        }
        match address(word) {
            Some(new) if at > 1 => {
                fitted.port |= new.contains(PORT);
                if word.contains("0.0.0.0") {
                    fitted.notes.push("listens on 127.0.0.1 instead of every address: from outside, only the host shall reach it".into());
                }
                fitted.words.push(new);
            }
            _ => {
                let new = variable(word);
                fitted.port |= new.contains(PORT);
                fitted.words.push(new);
            }
        }
    }
    fitted.notes.dedup();
    if !fitted.port {
        let more: &[&str] = match program.as_str() {
            "uvicorn" | "granian" | "flask" | "fastapi" | "hypercorn" | "daphne" | "waitress-serve" | "next" | "fastify" | "gunicorn" => {
                port_words(&program)
            }
            _ => &[],
        };
        let hosted = more.first().is_some_and(|flag| fitted.words.iter().any(|word| word == flag || word.starts_with(&format!("{flag}="))));
        // The host was given already, so only the port is missing.
        let more = if hosted && more.len() == 4 { &more[2..] } else { more };
        fitted.words.extend(more.iter().map(|word| (*word).to_owned()));
        fitted.port = !more.is_empty();
    }
    fitted
}

/// The words that tell a program its port.
pub fn port_words(program: &str) -> &'static [&'static str] {
    match program {
        "gunicorn" | "hypercorn" => &["--bind", "127.0.0.1:$PORT"],
        "daphne" => &["-b", "127.0.0.1", "-p", "$PORT"],
        "waitress-serve" => &["--listen=127.0.0.1:$PORT"],
        "next" => &["-H", "127.0.0.1", "-p", "$PORT"],
        "fastify" => &["--address", "127.0.0.1", "--port", "$PORT"],
        _ => &["--host", "127.0.0.1", "--port", "$PORT"],
    }
}

/// The program behind runners such as `python -m` and `poetry run`.
pub fn program(words: &[String]) -> &str {
    let mut words = words.iter().map(String::as_str).peekable();
    while let Some(word) = words.next() {
        let name = word.rsplit('/').next().unwrap_or(word);
        match name {
            "uv" | "poetry" | "pipenv" | "pdm" | "hatch" | "rye" if words.peek() == Some(&"run") => drop(words.next()),
            "bundle" if words.peek() == Some(&"exec") => drop(words.next()),
            "npx" | "tini" | "dumb-init" | "--" | "env" | "nice" => {}
            python if python.starts_with("python") && words.peek() == Some(&"-m") => drop(words.next()),
            python if python.starts_with("python") && words.peek() == Some(&"-u") => return "python",
            _ => return name,
        }
    }
    ""
}

/// A new value for a flag that names a port, a host or an address.
fn flag_value(program: &str, flag: &str, value: &str) -> Option<String> {
    let number = is_port(value);
    match flag {
        "--port" | "-P" | "--http-port" | "--server.port" | "-Dserver.port" if number => Some(PORT.into()),
        "-p" if number => Some(PORT.into()),
        "--host" | "--address" | "--hostname" | "-H" if is_host(value) => Some("127.0.0.1".into()),
        "-h" if is_host(value) && program == "flask" => Some("127.0.0.1".into()),
        "--bind" | "-b" | "--listen" | "-l" | "-listen" | "--addr" | "-addr" if value.starts_with("unix:") => {
            Some("127.0.0.1:$PORT".into())
        }
        "-b" if program == "daphne" && is_host(value) => Some("127.0.0.1".into()),
        "--bind" | "-b" | "--listen" | "-l" | "-listen" | "--addr" | "-addr" => address(value),
        _ => None,
    }
}

fn is_port(text: &str) -> bool {
    let name = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_:-".contains(&byte));
    let variable = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')).or_else(|| text.strip_prefix('$')).is_some_and(name);
    variable || (!text.is_empty() && text.len() <= 5 && text.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_host(text: &str) -> bool {
    matches!(text, "0.0.0.0" | "127.0.0.1" | "localhost" | "::" | "[::]" | "::1" | "[::1]" | "*")
        || text.starts_with("$HOST")
        || text.starts_with("${HOST")
}

/// `0.0.0.0:8000`, `:8000` and the like, with our address and port.
fn address(word: &str) -> Option<String> {
    // The port is behind the last colon that is not inside `${PORT:-8000}`.
    let cut = word.find('$').map_or_else(|| word.rfind(':'), |dollar| word[..dollar].rfind(':'))?;
    let (host, port) = (&word[..cut], &word[cut + 1..]);
    ((host.is_empty() || is_host(host)) && is_port(port)).then(|| format!("127.0.0.1:{PORT}"))
}

/// `${PORT}` and `${PORT:-8000}` as `$PORT`.
fn variable(word: &str) -> String {
    let mut out = String::new();
    let mut rest = word;
    while let Some(at) = rest.find("${PORT") {
        out.push_str(&rest[..at]);
        let Some(end) = rest[at..].find('}') else { break };
        out.push_str(PORT);
        rest = &rest[at + end + 1..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fitted(text: &str) -> String {
        line(&fit(&parse(text).unwrap().0).words)
    }

    #[test]
    fn a_command_listens_on_this_machine_and_on_the_port_it_is_given() {
        let cases = [
            ("uvicorn main:app --host 0.0.0.0 --port 80", "uvicorn main:app --host 127.0.0.1 --port '$PORT'"),
            ("uvicorn main:app --port=${PORT:-8000} --reload", "uvicorn main:app '--port=$PORT'"),
            ("uvicorn main:app", "uvicorn main:app --host 127.0.0.1 --port '$PORT'"),
            ("exec gunicorn -w 4 -b :8000 app:app", "gunicorn -w 4 -b '127.0.0.1:$PORT' app:app"),
            ("gunicorn --bind=0.0.0.0:$PORT 'app:create_app()'", "gunicorn '--bind=127.0.0.1:$PORT' 'app:create_app()'"),
            ("gunicorn -b unix:/run/a.sock app:app", "gunicorn -b '127.0.0.1:$PORT' app:app"),
            ("python manage.py runserver 0.0.0.0:8000", "python manage.py runserver '127.0.0.1:$PORT'"),
            ("poetry run flask run -h 0.0.0.0 -p 5000", "poetry run flask run -h 127.0.0.1 -p '$PORT'"),
            ("uvicorn --host=0.0.0.0 a:b", "uvicorn --host=127.0.0.1 a:b --port '$PORT'"),
            ("node server.js", "node server.js"),
            ("npx next start", "npx next start -H 127.0.0.1 -p '$PORT'"),
        ];
        for (given, expected) in cases {
            assert_eq!(fitted(given), expected, "{given}");
        }
    }

    #[test]
    fn what_comes_before_the_service_is_told_apart_from_it() {
        let (words, before) = parse("python manage.py migrate && DEBUG=0 gunicorn app:app").unwrap();
        assert_eq!(
            (line(&words).as_str(), before.as_slice()),
            ("gunicorn app:app", &["python manage.py migrate".to_owned(), "export DEBUG=0".to_owned()][..])
        );
    }

    #[test]
    fn a_line_that_needs_a_shell_has_no_words() {
        for text in ["a | b", "a; b", "a $(b)", "a `b`", "a > b", "a 'b", "a & b"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_quoted_word_comes_back_as_it_was() {
        for word in ["plain", "two words", "it's", "$PORT", "", "a;b", "`x`", "\"q\""] {
            let text = line(&[word.to_owned()]);
            assert_eq!(split(&text).unwrap(), [word], "{text}");
        }
    }
}
