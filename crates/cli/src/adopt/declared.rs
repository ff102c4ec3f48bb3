//! Start commands the project states itself: Procfile, Dockerfile, Compose.

use super::{
    found::Evidence,
    tree::{Tree, is_compose, parent},
    words,
};

/// A command and where it stands.
#[derive(Debug, Clone)]
pub struct Declared {
    /// Its words, as they stand there.
    pub words: Vec<String>,
    /// What the project runs before it.
    pub before: Vec<String>,
    /// Where.
    pub evidence: Evidence,
}

/// The commands that are stated for a service in this folder, the most telling first.
pub fn commands(tree: &Tree, root: &str) -> Vec<Declared> {
    let mut found = Vec::new();
    if let Some((path, text)) = tree.text(root, "Procfile") {
        found.extend(procfile(&path, text));
    }
    for (path, text) in tree.texts.iter().filter(|(path, _)| parent(path) == root) {
        let name = path.rsplit('/').next().unwrap_or(path);
        if name.starts_with("Dockerfile") || name.ends_with(".dockerfile") {
            found.extend(dockerfile(path, text));
        } else if is_compose(name) {
            found.extend(compose(path, text));
        }
    }
    found
}

fn declared(path: &str, line: usize, what: &str, command: &str) -> Option<Declared> {
    let (words, before) = words::parse(command)?;
    Some(Declared { words, before, evidence: Evidence::line(path, line, format!("{what}: {command}")) })
}

/// The process `web`.
fn procfile(path: &str, text: &str) -> Option<Declared> {
    let (at, command) = text.lines().enumerate().find_map(|(at, line)| Some((at, line.trim().strip_prefix("web:")?)))?;
    declared(path, at + 1, "web", command.trim())
}

/// `CMD` and `ENTRYPOINT` of the last stage.
fn dockerfile(path: &str, text: &str) -> Option<Declared> {
    let mut entry: Option<(usize, Vec<String>)> = None;
    let mut command: Option<(usize, Vec<String>)> = None;
    let mut before = Vec::new();
    for (line, text) in logical_lines(text) {
        let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text.as_str(), ""));
        match word.to_ascii_uppercase().as_str() {
            "FROM" => (entry, command) = (None, None),
            word @ ("CMD" | "ENTRYPOINT") => {
                let (words, first) = instruction(rest)?;
                before = first;
                *if word == "CMD" { &mut command } else { &mut entry } = Some((line, words));
            }
            _ => {}
        }
    }
    let (line, words) = match (entry, command) {
        (Some((line, mut words)), Some((_, more))) => {
            words.extend(more);
            (line, words)
        }
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => return None,
    };
    let what = format!("starts {}", words::line(&words));
    Some(Declared { words, before, evidence: Evidence::line(path, line, what) })
}

/// The words of an instruction: a JSON list, or a line of a shell.
fn instruction(rest: &str) -> Option<(Vec<String>, Vec<String>)> {
    let rest = rest.trim();
    if !rest.starts_with('[') {
        return words::parse(rest);
    }
    let words: Vec<String> = serde_json::from_str(rest).ok()?;
    match words.as_slice() {
        [shell, flag, line] if matches!(shell.rsplit('/').next(), Some("sh" | "bash")) && flag.contains('c') => words::parse(line),
        [] => None,
        _ => Some((words, Vec::new())),
    }
}

/// Lines with those that go on with a backslash put together; comments left out.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let mut open = false;
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.starts_with('#') || line.is_empty() {
            continue;
        }
        let (part, more) = line.strip_suffix('\\').map_or((line, false), |part| (part, true));
        match found.last_mut().filter(|_| open) {
            Some((_, whole)) => {
                whole.push(' ');
                whole.push_str(part.trim());
            }
            None => found.push((at + 1, part.trim().to_owned())),
        }
        open = more;
    }
    found
}

/// `command:` of a service that is built here.
fn compose(path: &str, text: &str) -> Vec<Declared> {
    // Known only by its indentation: a service is a block, and it counts when it says `build`.
    let mut found = Vec::new();
    let mut built = false;
    let mut block = 0;
    for (at, line) in text.lines().enumerate() {
        let indent = line.len() - line.trim_start().len();
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if line.ends_with(':') && indent <= block.max(2) && !line.starts_with("build") {
            (built, block) = (false, indent);
        }
        built |= line.starts_with("build:");
        if let Some(command) = line.strip_prefix("command:").map(str::trim).filter(|_| built) {
            let one = match command.starts_with('[') {
                true => instruction(command).map(|(words, before)| (words, before, command)),
                false => words::parse(command.trim_matches('"')).map(|(words, before)| (words, before, command)),
            };
            if let Some((words, before, command)) = one {
                found.push(Declared { words, before, evidence: Evidence::line(path, at + 1, format!("command: {command}")) });
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_stage_of_a_dockerfile_counts() {
        let text = "FROM node AS build\nCMD [\"npm\", \"test\"]\nFROM python\n# CMD nothing\nENTRYPOINT [\"gunicorn\"]\nCMD [\"-b\", \"0.0.0.0:80\", \\\n  \"app:app\"]\n";
        let found = dockerfile("Dockerfile", text).unwrap();
        assert_eq!((words::line(&found.words).as_str(), found.evidence.line), ("gunicorn -b 0.0.0.0:80 app:app", Some(5)));
    }

    #[test]
    fn a_shell_inside_a_dockerfile_is_opened() {
        let found = dockerfile("Dockerfile", "FROM x\nCMD [\"sh\", \"-c\", \"./migrate && exec uvicorn a:b --port $PORT\"]\n").unwrap();
        assert_eq!(
            (words::line(&found.words).as_str(), found.before.as_slice()),
            ("uvicorn a:b --port '$PORT'", &["./migrate".to_owned()][..])
        );
    }

    #[test]
    fn only_the_web_process_of_a_procfile_is_a_service() {
        let found = procfile("Procfile", "worker: celery -A x worker\nweb: gunicorn app:app\n").unwrap();
        assert_eq!((found.words.join(" ").as_str(), found.evidence.place().as_str()), ("gunicorn app:app", "Procfile:2"));
    }

    #[test]
    fn a_compose_service_counts_when_it_is_built_here() {
        let text =
            "services:\n  db:\n    image: postgres\n    command: postgres -c x=1\n  api:\n    build: .\n    command: uvicorn app:app\n";
        let found = compose("compose.yml", text);
        assert_eq!(found.iter().map(|one| one.words.join(" ")).collect::<Vec<_>>(), ["uvicorn app:app"]);
    }
}
