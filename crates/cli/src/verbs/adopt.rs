//! `plimsoll adopt PATH`

use std::{
    collections::BTreeSet,
    fs::{self, File, OpenOptions},
    io::{self, BufRead, IsTerminal, Read, Write},
    path::{Path, PathBuf},
};

use plimsoll::{
    Code,
    config::{Config, Schema, Sources},
    host::Mounts,
};
use serde_json::json;

use super::{Ended, Outcome};
use crate::{
    adopt::{self, Adoption, Recognised, Tree},
    arguments::{Adopt, Global},
    mounts, output,
};

/// The file that is proposed.
const FILE: &str = "plimsoll.toml";
/// Largest configuration file, in bytes; the host reads no larger one either.
const FILE_BYTES: u64 = 1 << 20;
/// Paths the host answers and does not describe.
const UNDESCRIBED: [&str; 6] = ["/livez", "/readyz", "/ready", "/healthz", "/metrics", "/problems/{slug}"];

/// Looks, proposes, asks, writes. Nothing of the project is run.
pub fn run(global: &Global, options: &Adopt) -> Outcome {
    let shown = options.path.display();
    let not_there = |error: io::Error| Code::Invalid.because(format!("{shown} cannot be looked at: {error}"));
    let top = options.path.canonicalize().map_err(not_there)?;
    let tree = Tree::walk(&top).map_err(not_there)?;
    let skipped = tree.skipped.lines();
    match adopt::recognise(&tree) {
        Recognised::Nothing => Ok(nothing(global, options, &skipped)),
        Recognised::Several(services) => Ok(several(global, options, &services)),
        Recognised::One(service, passed) => one(global, options, &top, &service, &passed, &skipped),
    }
}

/// Says what was looked for.
fn nothing(global: &Global, options: &Adopt, skipped: &[String]) -> u8 {
    let general = "plimsoll run -- COMMAND ARGUMENTS… (the service listens on the port in PORT, or write '$PORT' among the arguments)";
    let value = json!({ "schema": "plimsoll.adoption/1", "framework": null, "looked_for": adopt::KNOWN, "command": general, "skipped": skipped, "written": false });
    output::result(global.json, &value, |_| {
        let left = if skipped.is_empty() { String::new() } else { format!("\nNot looked at: {}", adopt::clean(&skipped.join("; "))) };
        format!(
            "Nothing in {} was recognised.\n\nLooked for: {}\n{left}\nAny HTTP service can be started like this:\n\n  {general}",
            options.path.display(),
            adopt::KNOWN
        )
    });
    output::say("nothing was written");
    1
}

/// Lists them and asks for one.
fn several(global: &Global, options: &Adopt, services: &[adopt::Service]) -> u8 {
    let place = |service: &adopt::Service| options.path.join(service.place()).display().to_string();
    let seen =
        |service: &adopt::Service| service.start.evidence.first().map(|one| format!("{}  {}", one.place(), one.what)).unwrap_or_default();
    let listed: Vec<_> =
        services.iter().map(|one| json!({ "path": place(one), "framework": one.framework, "evidence": one.start.evidence })).collect();
    let value = json!({ "schema": "plimsoll.adoption/1", "services": listed, "written": false });
    output::result(global.json, &value, |_| {
        let rows: Vec<Vec<String>> =
            services.iter().map(|one| vec![adopt::clean(&place(one)), one.framework.to_owned(), seen(one)]).collect();
        format!(
            "{} services; name the folder of one:\n\n{}",
            services.len(),
            output::columns(&["plimsoll adopt", "made with", "seen"], &rows)
        )
    });
    output::say("nothing was written");
    1
}

fn one(global: &Global, options: &Adopt, top: &Path, service: &adopt::Service, passed: &[String], skipped: &[String]) -> Outcome {
    let file = target(global, &top.join(&service.root))?;
    let existing = read(&file)?;
    let schema = mounts::schema();
    let paths = own_paths()?;
    let knows = |key: &str| schema.keys().any(|(section, known)| section.full(known.name) == key);
    let folder = file.parent().and_then(Path::file_name).and_then(|name| name.to_str()).unwrap_or("service").to_owned();
    let proposal = adopt::propose(service, &folder, &adopt::Host { knows: &knows, paths: &paths });
    let merged = adopt::merge(existing.as_deref(), &format!("{}\n", adopt::head(service)), &proposal.entries).map_err(|wrong| {
        Code::ConfigInvalid.because(format!("{} is not TOML, so nothing can be added to it: {}", file.display(), adopt::clean(&wrong)))
    })?;
    let diff = adopt::unified(FILE, existing.as_deref(), &merged.text);
    let shown = file.display().to_string();
    let adoption = Adoption { service, proposal: &proposal, merged: &merged, diff: &diff, file: &shown, passed, skipped };
    sound(&schema, &file, existing.as_deref(), &merged.text)?;
    if !global.json {
        output::result(false, &(), |()| adopt::plain(&adoption));
    }
    let wanted = !diff.is_empty() && (options.yes || (!global.json && asked(&shown)));
    if wanted {
        write(&file, existing.as_deref(), &merged.text)?;
    }
    if global.json {
        output::result(true, &adopt::value(&adoption, wanted), |_| String::new());
    }
    Ok(match (wanted, diff.is_empty()) {
        (true, _) => {
            output::say(&format!("written: {shown}"));
            0
        }
        (false, true) => 0,
        (false, false) => {
            let why = if options.yes || io::stdin().is_terminal() { "" } else { "; say --yes to write without being asked" };
            output::say(&format!("nothing was written{why}"));
            1
        }
    })
}

/// The file to write: the one that was named, otherwise the one in the folder. A link in somebody's
/// folder could lead anywhere and is refused.
fn target(global: &Global, folder: &Path) -> Result<PathBuf, Ended> {
    if let Some(named) = &global.config {
        return Ok(if named.is_symlink() { named.canonicalize().unwrap_or_else(|_| named.clone()) } else { named.clone() });
    }
    let file = folder.join(FILE);
    match fs::symlink_metadata(&file) {
        Ok(data) if data.is_symlink() => {
            Err(Code::Refused.because(format!("{} is a link; name the file it leads to with --config", file.display())).into())
        }
        Ok(data) if !data.is_file() => Err(Code::Refused.because(format!("{} is not a file", file.display())).into()),
        _ => Ok(file),
    }
}

fn read(file: &Path) -> Result<Option<String>, Ended> {
    let failed = |why: String| Ended::from(Code::ConfigInvalid.because(format!("{} cannot be read: {why}", file.display())));
    let opened = match File::open(file) {
        Ok(opened) => opened,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error.to_string())),
    };
    let mut bytes = Vec::new();
    opened.take(FILE_BYTES + 1).read_to_end(&mut bytes).map_err(|error| failed(error.to_string()))?;
    if bytes.len() as u64 > FILE_BYTES {
        return Err(failed("it is larger than 1 MiB".into()));
    }
    String::from_utf8(bytes).map(Some).map_err(|_| failed("it is not UTF-8".into()))
}

/// Every path the host answers itself.
fn own_paths() -> Result<BTreeSet<String>, Ended> {
    let described = Mounts::new().describe()?;
    let value = serde_json::to_value(&described).map_err(plimsoll::Error::from)?;
    let paths = value["paths"].as_object().into_iter().flat_map(|paths| paths.keys().cloned());
    Ok(paths.chain(UNDESCRIBED.map(str::to_owned)).collect())
}

/// Refuses to hand out a file that the host would not start with, unless it was faulty before.
fn sound(schema: &Schema, file: &Path, before: Option<&str>, after: &str) -> Result<(), Ended> {
    let faults = |text: &str| Config::load(schema, Sources { file: Some((file.into(), text.to_owned())), ..Sources::default() }).err();
    match faults(after) {
        Some(found) if before.and_then(faults).is_none() => {
            output::say(&found.to_string());
            Err(Code::Internal.because("the proposal would not be accepted; nothing was written").into())
        }
        Some(_) => {
            output::say(&format!("{} has faults of its own: see `plimsoll config check`", file.display()));
            Ok(())
        }
        None => Ok(()),
    }
}

/// Asks on a terminal; elsewhere the answer is no.
fn asked(file: &str) -> bool {
    if !io::stdin().is_terminal() {
        return false;
    }
    let mut out = io::stderr().lock();
    let _ = write!(out, "Write {file}? [y/N] ");
    let _ = out.flush();
    let mut answer = String::new();
    let _ = io::stdin().lock().read_line(&mut answer);
    matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

/// Writes the whole file or nothing: beside it first, then in its place.
fn write(file: &Path, before: Option<&str>, text: &str) -> Result<(), Ended> {
    let failed = |error: io::Error| Ended::from(Code::Refused.because(format!("{} cannot be written: {error}", file.display())));
    // The question may have been open for a while.
    if read(file)?.as_deref() != before {
        return Err(Code::Refused.because(format!("{} changed in the meantime; look again", file.display())).into());
    }
    let beside = file.with_file_name(format!(".{FILE}.{}", std::process::id()));
    let made = OpenOptions::new().write(true).create_new(true).open(&beside).map_err(failed)?;
    let done = fill(made, file, text).and_then(|()| fs::rename(&beside, file));
    if let Err(error) = done {
        let _ = fs::remove_file(&beside);
        return Err(failed(error));
    }
    Ok(())
}

fn fill(mut made: File, file: &Path, text: &str) -> io::Result<()> {
    if let Ok(data) = fs::metadata(file) {
        made.set_permissions(data.permissions())?;
    }
    made.write_all(text.as_bytes())?;
    made.sync_all()
}
