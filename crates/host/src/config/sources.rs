//! Where values come from.

use std::{
    env,
    ffi::OsString,
    fmt, fs, io,
    path::{Path, PathBuf},
};

use super::fault::{Fault, Faults, Place, line_and_column};

/// Largest configuration file, in bytes.
pub(super) const FILE_BYTES: u64 = 1 << 20;

/// The file that is read when none is named.
const DEFAULT_FILE: &str = "plimsoll.toml";

/// What [`Config::load`](super::Config::load) reads. `Debug` shows no value.
#[derive(Clone, Default)]
pub struct Sources {
    /// The file with its text.
    pub file: Option<(PathBuf, String)>,
    /// Environment variables; those that do not begin with `PLIMSOLL_` are not looked at.
    pub env: Vec<(String, String)>,
    /// Values of flags: full key, value as in a variable, and the flag (`--listen`).
    pub overrides: Vec<(String, String, &'static str)>,
}

impl Sources {
    /// The environment of the process, and the file: `named`, else what `PLIMSOLL_CONFIG` names,
    /// else `plimsoll.toml` in the working directory, if it is there.
    ///
    /// # Errors
    /// When the file was named and is missing, when it cannot be read, is larger than 1 MiB or is
    /// not UTF-8; when a variable of ours is not UTF-8.
    pub fn of_process(named: Option<&Path>) -> Result<Sources, Faults> {
        Sources::gather(named, Path::new(DEFAULT_FILE), env::vars_os())
    }

    pub(super) fn gather(
        named: Option<&Path>,
        otherwise: &Path,
        variables: impl Iterator<Item = (OsString, OsString)>,
    ) -> Result<Sources, Faults> {
        let mut sources = Sources::default();
        let mut faults = Vec::new();
        let mut by_variable = None;
        for (name, value) in variables {
            let Some(name) = name.to_str().filter(|name| name.starts_with("PLIMSOLL_")) else { continue };
            if name == "PLIMSOLL_CONFIG" {
                by_variable = Some(PathBuf::from(&value)).filter(|path| !path.as_os_str().is_empty());
            }
            match value.into_string() {
                Ok(value) => sources.env.push((name.into(), value)),
                Err(_) if name == "PLIMSOLL_CONFIG" => {}
                Err(_) => faults.push(Fault::new(Place::Variable { name: name.into() }, format!("the value of {name} is not UTF-8"), None)),
            }
        }
        let explicit = named.map(Path::to_path_buf).or(by_variable);
        let path = explicit.clone().unwrap_or_else(|| otherwise.to_path_buf());
        match read_text(&path) {
            Ok(text) => sources.file = Some((path, text)),
            Err(ReadError::Missing) if explicit.is_none() => {}
            Err(error) => faults.push(error.fault(path)),
        }
        if faults.is_empty() { Ok(sources) } else { Err(Faults(faults)) }
    }
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources")
            .field("file", &self.file.as_ref().map(|(path, _)| path))
            .field("env", &self.env.iter().map(|(name, _)| name).collect::<Vec<_>>())
            .field("overrides", &self.overrides.iter().map(|(_, _, flag)| flag).collect::<Vec<_>>())
            .finish()
    }
}

enum ReadError {
    Missing,
    TooLarge,
    NotText { line: usize, column: usize },
    Unreadable(io::Error),
}

impl ReadError {
    fn fault(self, path: PathBuf) -> Fault {
        let name = path.display().to_string();
        let whole = Place::File { path: path.clone() };
        match self {
            ReadError::Missing => {
                let help = "name an existing file with --config or PLIMSOLL_CONFIG, or leave both out";
                Fault::new(whole, format!("the configuration file {name} does not exist"), Some(help.into()))
            }
            ReadError::TooLarge => too_large(whole),
            ReadError::NotText { line, column } => {
                let message = "the configuration file is not UTF-8 from here on";
                Fault::new(Place::Line { path, line, column }, message, Some("save it as UTF-8".into()))
            }
            ReadError::Unreadable(error) => Fault::new(whole, format!("the configuration file {name} cannot be read: {error}"), None),
        }
    }
}

pub(super) fn too_large(place: Place) -> Fault {
    Fault::new(place, "the configuration file is larger than 1 MiB", Some("check that it is the right file".into()))
}

fn read_text(path: &Path) -> Result<String, ReadError> {
    let bytes = read_at_most(path, FILE_BYTES).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => ReadError::Missing,
        io::ErrorKind::FileTooLarge => ReadError::TooLarge,
        _ => ReadError::Unreadable(error),
    })?;
    String::from_utf8(bytes).map_err(|error| {
        let good = String::from_utf8_lossy(&error.as_bytes()[..error.utf8_error().valid_up_to()]);
        let (line, column) = line_and_column(&good, good.len());
        ReadError::NotText { line, column }
    })
}

/// Reads a whole file unless it is larger than `limit`; also where its size is not known before.
pub(super) fn read_at_most(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let file = fs::File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a directory"));
    }
    let mut bytes = Vec::new();
    io::Read::read_to_end(&mut io::Read::take(file, limit + 1), &mut bytes)?;
    match bytes.len() as u64 > limit {
        true => Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it is larger than {limit} bytes"))),
        false => Ok(bytes),
    }
}
