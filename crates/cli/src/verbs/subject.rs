//! `plimsoll subject export|erase|verify`

use std::{io::Write, path::Path, sync::Arc};

use plimsoll::{
    Code,
    subject::{
        Subjects,
        certificate::{self, Flaw, Signed},
    },
};
use serde_json::json;

use super::{Ended, Ground, Outcome, configuration, master};
use crate::{
    arguments::{Global, Subject, Who},
    mounts, output,
};

/// Runs the verb.
pub async fn run(global: &Global, what: &Subject) -> Outcome {
    match what {
        Subject::Export { who, out } => export(global, who, out.as_deref()).await,
        Subject::Erase { who, confirm } => erase(global, who, confirm.as_deref()).await,
        Subject::Verify { file, keys } => verify(global, file, keys.as_deref()),
    }
}

fn engine(ground: &Ground) -> Result<Arc<Subjects>, Ended> {
    Ok(Subjects::new(mounts::mount(&ground.config).register(), &ground.master()?)?)
}

async fn export(global: &Global, who: &Who, out: Option<&Path>) -> Outcome {
    let ground = Ground::ready(global).await?;
    let copy = ground.desk().export_subject(&engine(&ground)?, &who.tenant, &who.kind, &who.key).await?;
    ground.close().await?;
    let text = serde_json::to_string_pretty(&copy).map_err(plimsoll::Error::from)?;
    match out {
        None => output::print(&format!("{text}\n")),
        Some(path) => {
            private(path, &text)?;
            let rows: usize = copy.tables.iter().map(|part| part.rows.len()).sum();
            let done = json!({ "file": path.display().to_string(), "rows": rows, "receipt": copy.receipt.certificate.id });
            output::result(global.json, &done, |_| format!("{rows} rows in {}; make sure who asks before you hand it on", path.display()));
        }
    }
    Ok(0)
}

/// Writes a new file that its owner alone can read.
fn private(path: &Path, text: &str) -> Result<(), Ended> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(path).and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()));
    written.map_err(|error| Code::Conflict.because(format!("{} cannot be written: {error}", path.display())).into())
}

async fn erase(global: &Global, who: &Who, confirm: Option<&str>) -> Outcome {
    if confirm != Some(who.key.as_str()) {
        return Err(Code::Refused
            .because("an erasure cannot be undone, and no archive brings it back; repeat the key with --confirm if that is what you want")
            .into());
    }
    let ground = Ground::ready(global).await?;
    let signed = ground.desk().erase_subject(&engine(&ground)?, &who.tenant, &who.kind, &who.key).await?;
    // The erasure is done. Where the place is away, the server's next round or the next backup writes it.
    let placed = match ground.archive() {
        Ok(archive) => archive.place_tombstones().await.map(drop),
        Err(error) => Err(error),
    };
    if let Err(error) = placed {
        output::say(&format!("the tombstone is not beside the archives yet ({}); a running server places it", error.public()));
    }
    ground.close().await?;
    let text = serde_json::to_string_pretty(&signed).map_err(plimsoll::Error::from)?;
    output::print(&format!("{text}\n"));
    output::say("keep this certificate; `plimsoll subject verify FILE` checks it");
    Ok(0)
}

/// The keys to trust: those of the file, or this data folder's own where there is one.
fn trusted(global: &Global, keys: Option<&Path>) -> Result<Vec<[u8; 32]>, Ended> {
    if let Some(path) = keys {
        let text = std::fs::read_to_string(path).map_err(|error| Code::NotFound.because(format!("{}: {error}", path.display())))?;
        return Ok(certificate::keys(&text)?);
    }
    let config = configuration(global, Vec::new())?;
    let configured = config.get::<plimsoll::identity::section::IdentityConfig>().master_key.is_some();
    // Looking must not make a key.
    if !configured && !global.data.join("secret.key").exists() {
        return Ok(Vec::new());
    }
    let master = master(&config, &global.data, &plimsoll_core::Seed::system())?;
    Ok(vec![certificate::Signer::new(&master)?.public()])
}

fn verify(global: &Global, file: &Path, keys: Option<&Path>) -> Outcome {
    let bytes = std::fs::read(file).map_err(|error| Code::NotFound.because(format!("{}: {error}", file.display())))?;
    let trusted = trusted(global, keys)?;
    let checked = certificate::verify(&bytes, (!trusted.is_empty()).then_some(&trusted));
    let (whole, known) = (checked.is_ok(), !trusted.is_empty());
    let why = match &checked {
        Err(flaw) => Some(flaw.to_string()),
        Ok(_) if !known => Some(
            "the certificate is whole, but nobody said whose key to trust; name a file from /.well-known/certificate-keys.json with --keys"
                .to_owned(),
        ),
        Ok(_) => None,
    };
    let said = json!({
        "valid": whole && known,
        "altered": matches!(checked, Err(Flaw::Altered)),
        "signer": if whole && known { "known" } else { "unknown" },
        "why": why,
        "certificate": checked.as_ref().ok().map(|signed| &signed.certificate),
    });
    output::result(global.json, &said, |_| match (&checked, &why) {
        (Ok(signed), None) => shown(signed),
        (_, why) => why.clone().unwrap_or_default(),
    });
    Ok(u8::from(!(whole && known)))
}

fn shown(signed: &Signed) -> String {
    let said = &signed.certificate;
    let rows: Vec<Vec<String>> =
        said.tables.iter().map(|one| vec![one.system.clone(), one.table.clone(), one.outcome.clone(), one.rows.to_string()]).collect();
    format!(
        "valid: {} {} of kind `{}` at {}\n\n{}\n\nsigned with key {}",
        said.id,
        said.action,
        said.subject.kind,
        said.at,
        output::columns(&["system", "table", "what", "rows"], &rows),
        signed.signature.kid
    )
}
