//! What a command starts.

/// What a command starts, before anybody looked whether it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Started {
    /// What.
    pub what: What,
    /// The program that serves it: `uvicorn`, `celery`, `node`.
    pub server: String,
    /// What that makes of the service, where the server says it.
    pub kind: Hint,
    /// How many processes or threads, as written.
    pub workers: Option<String>,
    /// Whether it restarts when files change.
    pub reload: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    /// A module and what it holds: `app.main:app`.
    Module(String, Option<String>),
    /// A file.
    File(String),
    /// A script of the package: `npm start`.
    Script(String),
    /// A program that was built: its name, and whether it was called by a path.
    Binary(String, bool),
    /// What a tool finds by itself in the folder.
    Folder,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hint {
    Api,
    Worker,
    Ui,
    Open,
}

/// The words of a command: of a list as in JSON, or split as a shell does.
pub(super) fn words(command: &str) -> Vec<String> {
    let text = command.trim();
    if text.starts_with('[') {
        let parsed: Result<Vec<String>, _> = serde_json::from_str(&text.replace('\'', "\""));
        if let Ok(words) = parsed {
            return words;
        }
    }
    let (mut words, mut now, mut quote, mut any) = (Vec::new(), String::new(), None, false);
    for character in text.chars() {
        match (character, quote) {
            (end, Some(begin)) if end == begin => quote = None,
            (inner, Some(_)) => now.push(inner),
            ('"' | '\'', None) => (quote, any) = (Some(character), true),
            (space, None) if space.is_whitespace() => {
                if any {
                    words.push(std::mem::take(&mut now));
                }
                any = false;
            }
            // What a shell separates stands alone.
            (';' | '&' | '|', None) => {
                if any && !now.ends_with([';', '&', '|']) {
                    words.push(std::mem::take(&mut now));
                }
                now.push(character);
                any = true;
            }
            (other, None) => {
                if now.ends_with([';', '&', '|']) {
                    words.push(std::mem::take(&mut now));
                }
                now.push(other);
                any = true;
            }
        }
    }
    if any {
        words.push(now);
    }
    words
}

/// What these words start; several where a shell runs several.
pub(super) fn started(words: &[String], depth: usize) -> Vec<Started> {
    let mut found = Vec::new();
    for part in words.split(|word| matches!(word.as_str(), "&&" | ";" | "||" | "|" | "&" | ";;")) {
        let part: Vec<&str> = part.iter().map(String::as_str).collect();
        found.extend(one(&part, depth));
    }
    found
}

fn one(words: &[&str], depth: usize) -> Vec<Started> {
    let mut at = 0;
    // What stands before the program itself.
    while let Some(word) = words.get(at) {
        let assignment =
            word.split_once('=').is_some_and(|(name, _)| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'));
        let wrapper = matches!(
            base(word),
            "exec"
                | "sudo"
                | "nohup"
                | "time"
                | "env"
                | "cross-env"
                | "dotenv"
                | "tini"
                | "dumb-init"
                | "--"
                | "-s"
                | "doppler"
                | "gosu"
                | "su-exec"
                | "opentelemetry-instrument"
                | "ddtrace-run"
                | "newrelic-admin"
                | "run-program"
                | "poetry"
                | "pipenv"
                | "uv"
                | "pdm"
                | "hatch"
                | "rye"
                | "run"
                | "npx"
                | "bunx"
                | "pnpx"
                | "concurrently"
                | "wait-for-it.sh"
                | "dockerize"
        );
        if !assignment && !wrapper {
            break;
        }
        at += 1;
    }
    let Some(program) = words.get(at) else { return Vec::new() };
    let rest = words.get(at + 1..).unwrap_or_default();
    let name = base(program);
    if matches!(name, "sh" | "bash" | "ash" | "dash" | "zsh") {
        if let Some(script) = rest.iter().position(|word| word.starts_with('-') && word.contains('c')).and_then(|flag| rest.get(flag + 1)) {
            return if depth == 0 { Vec::new() } else { started(&self::words(script), depth - 1) };
        }
        return plain(rest).first().map(|file| make(What::File((*file).to_owned()), name, Hint::Open, rest)).into_iter().collect();
    }
    let args = plain(rest);
    let first = args.first().copied();
    let module = |text: &str| match text.split_once(':') {
        Some((module, item)) => What::Module(module.to_owned(), Some(item.trim_end_matches("()").to_owned())),
        None => What::Module(text.to_owned(), None),
    };
    let option = |names: &[&str]| value(rest, names);
    let what = match name {
        "uvicorn" | "gunicorn" | "hypercorn" | "daphne" | "granian" | "waitress-serve" | "uwsgi" => {
            let target =
                option(&["--module", "-w"]).filter(|_| name == "uwsgi").or_else(|| args.iter().find(|word| word.contains(':')).copied());
            let target = target.or_else(|| args.iter().rev().find(|word| is_module(word)).copied());
            target.map(|target| (module(target), Hint::Api))
        }
        "celery" => option(&["-A", "--app"]).map(|app| (module(app), Hint::Worker)),
        "rq" | "huey_consumer" | "huey_consumer.py" | "dramatiq" | "arq" | "taskiq" | "faust" | "rqworker" => {
            let found = args.iter().find(|word| !matches!(**word, "worker" | "scheduler") && is_module(word) && word.contains('.'));
            Some((found.map_or(What::Folder, |found| module(found)), Hint::Worker))
        }
        "flask" | "quart" => Some((option(&["--app", "-A"]).map_or(What::Folder, module), Hint::Api)),
        "fastapi" => Some((args.get(1).map_or(What::Folder, |file| What::File((*file).to_owned())), Hint::Api)),
        "streamlit" | "chainlit" | "gradio" => {
            args.iter().find(|word| word.ends_with(".py")).map(|file| (What::File((*file).to_owned()), Hint::Ui))
        }
        _ if name.starts_with("python") || name == "pypy3" => match rest.iter().position(|word| *word == "-m") {
            Some(flag) => {
                let inner = rest.get(flag + 1..).unwrap_or_default();
                match inner.first() {
                    Some(tool)
                        if matches!(
                            *tool,
                            "uvicorn" | "gunicorn" | "celery" | "flask" | "hypercorn" | "daphne" | "fastapi" | "rq" | "streamlit"
                        ) =>
                    {
                        return if depth == 0 { Vec::new() } else { one(inner, depth - 1) };
                    }
                    Some(name) => Some((What::Module((*name).to_owned(), None), Hint::Open)),
                    None => None,
                }
            }
            None => first.filter(|file| file.ends_with(".py")).map(|file| (What::File(file.to_owned()), Hint::Open)),
        },
        "npm" | "yarn" | "pnpm" => match args.as_slice() {
            ["run" | "run-script", script, ..] => Some((What::Script((*script).to_owned()), Hint::Open)),
            ["start", ..] => Some((What::Script("start".to_owned()), Hint::Open)),
            [script, ..] if !matches!(*script, "install" | "ci" | "i" | "exec" | "test" | "build" | "add") => {
                Some((What::Script((*script).to_owned()), Hint::Open))
            }
            _ => None,
        },
        "node" | "nodejs" | "nodemon" | "ts-node" | "ts-node-dev" | "tsx" | "bun" | "deno" | "babel-node" | "pm2" | "pm2-runtime"
        | "swc-node" => {
            let found = args.iter().find(|word| !matches!(**word, "run" | "start" | "watch" | "serve" | "task"));
            match found {
                Some(script) if name == "bun" && !script.contains('.') => Some((What::Script((*script).to_owned()), Hint::Open)),
                Some(file) => Some((What::File((*file).to_owned()), Hint::Open)),
                None => None,
            }
        }
        "next" | "vite" | "react-scripts" | "ng" | "nuxt" | "nuxi" | "gatsby" | "remix" | "remix-serve" | "astro" | "vue-cli-service"
        | "svelte-kit" | "expo" | "webpack-dev-server" => {
            (!matches!(first, Some("build" | "lint" | "test" | "export"))).then_some((What::Folder, Hint::Ui))
        }
        "nest" => (first == Some("start")).then(|| (What::File("src/main.ts".to_owned()), Hint::Api)),
        "go" => (first == Some("run")).then(|| (What::File(args.get(1).map_or(".", |path| *path).to_owned()), Hint::Open)),
        "cargo" => (first == Some("run"))
            .then(|| (option(&["--bin", "-p"]).map_or(What::Folder, |bin| What::Binary(bin.to_owned(), false)), Hint::Open)),
        "java" => Some((What::Folder, Hint::Open)),
        "air" | "reflex" => Some((What::Folder, Hint::Open)),
        _ if name.ends_with(".py") || name.ends_with(".sh") || name.ends_with(".js") => {
            Some((What::File((*program).to_owned()), Hint::Open))
        }
        _ if program.contains('/') => Some((What::Binary(name.to_owned(), true), Hint::Open)),
        _ => is_module(name).then(|| (What::Binary(name.to_owned(), false), Hint::Open)),
    };
    what.map(|(what, kind)| make(what, name, kind, rest)).into_iter().collect()
}

fn make(what: What, server: &str, kind: Hint, rest: &[&str]) -> Started {
    let workers = value(rest, &["--workers", "-w", "--concurrency", "-c", "--processes", "-i"])
        .filter(|text| text.starts_with(|c: char| c.is_ascii_digit() || c == '$' || c == '{'));
    let reload = rest.iter().any(|word| matches!(*word, "--reload" | "--debug" | "--watch" | "watch"))
        || matches!(server, "nodemon" | "ts-node-dev" | "air");
    Started { what, server: server.to_owned(), kind, workers: workers.map(str::to_owned), reload }
}

fn base(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

fn is_module(word: &str) -> bool {
    !word.is_empty()
        && word.chars().all(|character| character.is_alphanumeric() || matches!(character, '_' | '.' | '-'))
        && word.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// The value of an option, in both ways of writing one.
fn value<'a>(words: &[&'a str], names: &[&str]) -> Option<&'a str> {
    words.iter().enumerate().find_map(|(at, word)| {
        if names.contains(word) {
            return words.get(at + 1).copied();
        }
        let (name, value) = word.split_once('=')?;
        names.contains(&name).then_some(value)
    })
}

/// The words that are no options and no values of one.
fn plain<'a>(words: &[&'a str]) -> Vec<&'a str> {
    const VALUED: &[&str] = &[
        "-b",
        "--bind",
        "-w",
        "--workers",
        "-k",
        "--worker-class",
        "--timeout",
        "-t",
        "--host",
        "--port",
        "-p",
        "-h",
        "--log-level",
        "-c",
        "--config",
        "--threads",
        "--access-logfile",
        "--error-logfile",
        "--env-file",
        "-r",
        "--require",
        "--root-path",
        "--loop",
        "--app-dir",
        "--chdir",
        "-e",
        "--exec",
        "--log-config",
        "--name",
        "-n",
        "-X",
        "-W",
        "--limit-concurrency",
        "--timeout-keep-alive",
        "--timeout-graceful-shutdown",
        "--graceful-timeout",
        "--keep-alive",
        "--max-requests",
        "--max-requests-jitter",
        "--forwarded-allow-ips",
        "--import",
        "--loader",
        "--max-old-space-size",
        "--prefix",
        "--project",
        "-l",
        "-i",
        "--cwd",
        "-C",
        "--dir",
        "--interface",
        "--address",
    ];
    let mut found = Vec::new();
    let mut skip = false;
    for word in words {
        if std::mem::take(&mut skip) {
            continue;
        }
        if word.starts_with('-') {
            skip = VALUED.contains(word);
        } else {
            found.push(*word);
        }
    }
    found
}
