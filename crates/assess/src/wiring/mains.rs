//! Files that start by themselves: programs of languages that are built, and what a person may run by hand.

use super::{Links, Place};
use crate::{fact::FileInfo, source::File};

/// Where programs begin.
#[derive(Debug, Default)]
pub(super) struct Mains {
    /// Programs of languages that are built.
    pub programs: Vec<Place>,
    /// What a tool or a person runs for certain: migrations, management, scripts.
    pub tools: Vec<Place>,
    /// What a person may run: files that do something where they are not imported.
    pub loose: Vec<Place>,
}

/// Python files that a tool knows by name.
const KNOWN: &[&str] =
    &["manage.py", "setup.py", "noxfile.py", "fabfile.py", "tasks.py", "gunicorn.conf.py", "gunicorn_conf.py", "locustfile.py", "env.py"];

/// Folders whose files a tool runs, every definition of them.
const RUN: &[&str] = &["/migrations/", "/versions/", "/alembic/", "/management/commands/"];

/// Folders of things that people run.
const HANDS: &[&str] =
    &["/scripts/", "/script/", "/tools/", "/bin/", "/ops/", "/deploy/", "/deployment/", "/hack/", "/seeds/", "/jobs/", "/cron/"];

/// What starts a server from code.
const SERVES: &[&str] = &["uvicorn.run(", ".run(host", "app.run(", "serve_forever(", "run_app(", "socketio.run(", "run_simple(", "serve("];

impl Mains {
    /// Finds them.
    pub fn of(files: &[FileInfo], texts: &[&File], links: &Links<'_>) -> Mains {
        let mut found = Mains::default();
        for (number, info) in files.iter().enumerate().filter(|(_, info)| !info.test) {
            let file = super::file_id(number);
            let Some(text) = texts.get(number) else { continue };
            let top = Place { file, symbol: 0 };
            let read = std::str::from_utf8(&text.bytes).unwrap_or("");
            let has = |needle: &str| read.contains(needle);
            let named = |name: &str| links.symbol(file, name).map(|symbol| Place { file, symbol });
            let path = format!("/{}", info.path);
            let name = path.rsplit('/').next().unwrap_or("");
            let within = |folders: &[&str]| folders.iter().any(|folder| path.contains(folder));
            let whole = || (0..u32::try_from(info.symbols.len().max(1)).unwrap_or(1)).map(|symbol| Place { file, symbol });
            match info.language {
                "go" => {
                    let main = text.bytes.split(|byte| *byte == b'\n').any(|line| line.trim_ascii() == b"package main");
                    found.programs.extend(named("main").filter(|_| main).into_iter().flat_map(|place| [place, top]));
                }
                "rust" if name == "main.rs" || path.contains("/src/bin/") => found.programs.extend(named("main")),
                "rust" if name == "build.rs" || path.contains("/examples/") || path.contains("/benches/") => {
                    found.tools.extend(named("main"))
                }
                "java" => {
                    let method = info.symbols.iter().position(|name| name.ends_with(".main") || name == "main");
                    let symbol = method.filter(|_| has("static void main")).and_then(|method| u32::try_from(method).ok());
                    found.programs.extend(symbol.map(|symbol| Place { file, symbol }));
                }
                "python" if within(RUN) => found.tools.extend(whole()),
                "python" if KNOWN.contains(&name) => found.tools.push(top),
                "python" if has("__name__ == \"__main__\"") || has("__name__ == '__main__'") => {
                    let sure = within(HANDS) || SERVES.iter().any(|call| has(call));
                    if sure { found.tools.push(top) } else { found.loose.push(top) }
                }
                "javascript" | "typescript" if within(RUN) => found.tools.extend(whole()),
                "javascript" | "typescript" if name.contains(".config.") || text.bytes.starts_with(b"#!") || within(HANDS) => {
                    found.tools.push(top);
                }
                _ => {}
            }
        }
        found
    }
}
