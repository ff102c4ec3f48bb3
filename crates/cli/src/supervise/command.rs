//! The command line of the service: what is replaced in it, and whether it can be started at all.

use std::{
    ffi::{OsStr, OsString},
    fs,
    os::unix::{
        ffi::{OsStrExt, OsStringExt},
        fs::PermissionsExt,
    },
    path::{Path, PathBuf},
};

use plimsoll::{Code, Result};

/// Where systems look when nobody says where.
const USUAL: &str = "/usr/local/bin:/usr/bin:/bin";

/// A program and its arguments, as they were written.
#[derive(Debug, Clone)]
pub struct CommandLine {
    /// What to start: found in `PATH` unless it contains a slash.
    pub program: OsString,
    /// The rest, `$PORT` still in it.
    pub arguments: Vec<OsString>,
}

impl CommandLine {
    /// Splits what stands behind `--`. Nothing where nothing stands there.
    ///
    /// A shell that was handed `$PORT` without quotes has put nothing in its place, and what is
    /// left still shows where it stood: `--port` without a value, `--bind=127.0.0.1:`. It is put
    /// back, or the command that everybody writes first would be the one that fails.
    pub fn of(words: &[OsString]) -> Option<CommandLine> {
        let (program, arguments) = words.split_first()?;
        let mut command = CommandLine { program: program.clone(), arguments: arguments.to_vec() };
        if !command.names_port() {
            command.fill();
        }
        Some(command)
    }

    /// Puts `$PORT` where a shell has left a hole.
    fn fill(&mut self) {
        let wanted = OsStr::new("$PORT");
        let mut at = 0;
        while at < self.arguments.len() {
            let bytes = self.arguments[at].as_bytes();
            let alone = matches!(bytes, b"--port" | b"-p" | b"--http-port" | b"--server-port");
            let next_is_value = self.arguments.get(at + 1).is_some_and(|next| !next.is_empty() && !next.as_bytes().starts_with(b"-"));
            let cut =
                bytes.starts_with(b"-") && bytes.ends_with(b"port=") || bytes.ends_with(b"127.0.0.1:") || bytes.ends_with(b"localhost:");
            if cut || bytes == b":" {
                self.arguments[at].push(wanted);
            } else if alone && !next_is_value {
                // An empty word is what `"$PORT"` in double quotes leaves.
                if self.arguments.get(at + 1).is_some_and(|next| next.is_empty()) {
                    self.arguments[at + 1] = wanted.to_owned();
                } else {
                    self.arguments.insert(at + 1, wanted.to_owned());
                }
                at += 1;
            }
            at += 1;
        }
    }

    /// The program's name without its folder: what the service is called unless it is named.
    pub fn name(&self) -> String {
        let name = Path::new(&self.program).file_name().unwrap_or(&self.program);
        name.to_string_lossy().into_owned()
    }

    /// Whether an argument names the port.
    pub fn names_port(&self) -> bool {
        self.arguments.iter().any(|argument| replaced(argument, "").is_some())
    }

    /// Program and arguments with the port in them. There is no shell in between: `$PORT` and
    /// `${PORT}` are replaced, and nothing else is.
    pub fn with_port(&self, port: u16) -> Vec<OsString> {
        let port = port.to_string();
        let arguments = self.arguments.iter().map(|argument| replaced(argument, &port).unwrap_or_else(|| argument.clone()));
        std::iter::once(self.program.clone()).chain(arguments).collect()
    }

    /// Looks for the program before anything is opened, so that a typing error is told at once and
    /// in words. What only the system can know, such as a wrong architecture, shows at the start.
    ///
    /// # Errors
    /// [`Code::ServiceFailed`]: there is no such file, or it may not be executed.
    pub fn find(&self, path: Option<&OsStr>) -> Result<PathBuf> {
        let shown = self.program.to_string_lossy();
        if self.program.as_bytes().contains(&b'/') {
            return match standing(Path::new(&self.program)) {
                Standing::Executable => Ok(PathBuf::from(&self.program)),
                Standing::Plain => Err(Code::ServiceFailed.because(format!("`{shown}` is not executable; `chmod +x {shown}` makes it so"))),
                Standing::Folder => Err(Code::ServiceFailed.because(format!("`{shown}` is a folder, not a program"))),
                Standing::Missing => Err(Code::ServiceFailed.because(format!("there is no program `{shown}`"))),
            };
        }
        let mut plain = None;
        for folder in std::env::split_paths(path.unwrap_or(OsStr::new(USUAL))) {
            let file = folder.join(&self.program);
            match standing(&file) {
                Standing::Executable => return Ok(file),
                Standing::Plain => plain = plain.or(Some(file)),
                Standing::Folder | Standing::Missing => {}
            }
        }
        Err(match plain {
            Some(file) => Code::ServiceFailed.because(format!("`{}` is not executable", file.display())),
            None if Path::new(&self.program).is_file() => Code::ServiceFailed
                .because(format!("command not found: `{shown}` is in no folder of PATH; for the file in this folder write ./{shown}")),
            None => Code::ServiceFailed.because(format!("command not found: `{shown}` is in no folder of PATH")),
        })
    }
}

enum Standing {
    Executable,
    Plain,
    Folder,
    Missing,
}

fn standing(file: &Path) -> Standing {
    match fs::metadata(file) {
        Ok(about) if about.is_dir() => Standing::Folder,
        Ok(about) if about.permissions().mode() & 0o111 != 0 => Standing::Executable,
        Ok(_) => Standing::Plain,
        Err(_) => Standing::Missing,
    }
}

/// The argument with `$PORT` and `${PORT}` replaced; nothing where neither stands in it. A longer
/// name that begins alike (`$PORTAL`) is another one.
fn replaced(argument: &OsStr, port: &str) -> Option<OsString> {
    let bytes = argument.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let (mut at, mut found) = (0, false);
    while at < bytes.len() {
        let rest = &bytes[at..];
        let length = if rest.starts_with(b"${PORT}") {
            7
        } else if rest.starts_with(b"$PORT") && !rest.get(5).is_some_and(|next| next.is_ascii_alphanumeric() || *next == b'_') {
            5
        } else {
            0
        };
        if length > 0 {
            out.extend_from_slice(port.as_bytes());
            found = true;
        } else {
            out.push(bytes[at]);
        }
        at += length.max(1);
    }
    found.then(|| OsString::from_vec(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(words: &[&str]) -> CommandLine {
        CommandLine::of(&words.iter().map(OsString::from).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn the_port_is_put_where_it_is_named_and_nowhere_else() {
        let command =
            line(&["serve", "--port=$PORT", "--bind", "127.0.0.1:${PORT}", "$PORTAL", "$PORT_2", "$HOME", "$$PORT", "a$PORT-b$PORT"]);
        assert!(command.names_port());
        assert_eq!(
            command.with_port(8123),
            ["serve", "--port=8123", "--bind", "127.0.0.1:8123", "$PORTAL", "$PORT_2", "$HOME", "$8123", "a8123-b8123"]
        );
        let silent = line(&["$PORT", "$PORTAL", "PORT", "${PORT"]);
        assert!(!silent.names_port());
        assert_eq!(silent.with_port(1), ["$PORT", "$PORTAL", "PORT", "${PORT"], "the program itself is never a port");
        assert!(CommandLine::of(&[]).is_none());
    }

    #[test]
    fn what_a_shell_has_made_of_an_unquoted_port_is_mended() {
        let mended = |words: &[&str]| line(words).with_port(8123).iter().map(|word| word.to_str().unwrap().to_owned()).collect::<Vec<_>>();
        assert_eq!(mended(&["uvicorn", "a:b", "--port"]), ["uvicorn", "a:b", "--port", "8123"]);
        assert_eq!(mended(&["uvicorn", "--port", "--reload", "a:b"]), ["uvicorn", "--port", "8123", "--reload", "a:b"]);
        assert_eq!(mended(&["serve", "-p", ""]), ["serve", "-p", "8123"]);
        assert_eq!(mended(&["gunicorn", "-b", "127.0.0.1:", "a:b"]), ["gunicorn", "-b", "127.0.0.1:8123", "a:b"]);
        assert_eq!(mended(&["java", "--server.port="]), ["java", "--server.port=8123"]);
        for whole in [&["x", "--port", "9000"][..], &["x", "a:b"], &["x", "--port=$PORT", "-p"], &["x", "--name="]] {
            let command = line(whole);
            assert_eq!(command.arguments.len(), whole.len() - 1, "{whole:?}");
            assert!(command.arguments.iter().zip(&whole[1..]).all(|(is, was)| is == was), "{whole:?}");
        }
    }

    #[test]
    fn arguments_that_are_no_text_pass_as_they_are() {
        let argument = OsString::from_vec(b"\xff$PORT\xfe".to_vec());
        let command = CommandLine { program: "x".into(), arguments: vec![argument] };
        assert_eq!(command.with_port(9)[1].as_bytes(), b"\xff9\xfe");
    }

    #[test]
    fn what_cannot_be_started_is_told_apart() {
        let place = std::env::temp_dir().join(format!("plimsoll-command-{}", std::process::id()));
        fs::create_dir_all(place.join("folder")).unwrap();
        fs::write(place.join("plain"), "text").unwrap();
        fs::write(place.join("runs"), "#!/bin/sh\n").unwrap();
        fs::set_permissions(place.join("runs"), fs::Permissions::from_mode(0o755)).unwrap();
        let path = Some(place.as_os_str());
        let said = |words: &[&str]| line(words).find(path).map_err(|error| error.public().to_owned());
        assert_eq!(said(&["runs"]), Ok(place.join("runs")));
        assert!(said(&["plain"]).unwrap_err().contains("is not executable"));
        assert!(said(&["folder"]).unwrap_err().contains("command not found"));
        assert!(said(&["nothing"]).unwrap_err().contains("command not found"));
        let full = place.join("folder");
        assert!(said(&[full.to_str().unwrap()]).unwrap_err().contains("is a folder"));
        assert!(said(&["./nothing-here"]).unwrap_err().contains("there is no program"));
        fs::remove_dir_all(place).unwrap();
    }
}
