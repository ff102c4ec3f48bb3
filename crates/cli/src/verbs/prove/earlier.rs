//! Proofs from before: `--verify` and `--diff`.

use std::{collections::BTreeSet, fs, path::Path};

use plimsoll::{Code, Error};
use plimsoll_assess::{
    history,
    proof::{self, Signer, Verified},
    report::{Report, visible},
};
use serde_json::json;

use super::Outcome;
use crate::{
    arguments::{Global, Show},
    output,
};

/// What was asked about proofs from before, if anything.
pub fn asked(global: &Global, show: &Show) -> Option<Outcome> {
    match (&show.verify, &show.diff) {
        (Some(file), _) => Some(verify(global, file, &show.signers)),
        (_, Some(files)) => Some(diff(global, files)),
        _ => None,
    }
}

/// Checks a signature. Exit code 1 where the file is not what was signed, its figures do not
/// follow from its rows, or somebody else signed it than who was named with `--signer`. A signer
/// that nobody named and that is not the key of this data folder is told loudly.
fn verify(global: &Global, file: &Path, signers: &[String]) -> Outcome {
    let mut known = BTreeSet::new();
    for signer in signers {
        let wrong = || Code::Invalid.because(format!("`{signer}` is not a fingerprint: 64 hexadecimal digits"));
        known.insert(proof::fingerprint(signer).ok_or_else(wrong)?);
    }
    if signers.is_empty() {
        known.extend(proof::known(&history::folder(&global.data)));
    }
    match proof::verify(&bytes(file)?, &known) {
        Ok(verified) => {
            let stranger = verified.signer == Signer::Unknown;
            let bad = !verified.adds_up || (stranger && !signers.is_empty());
            if stranger {
                output::say(&format!(
                    "WARNING: the file is intact, but nobody here knows who signed it ({}).\n  Anybody can sign a proof with a key of \
                     their own: compare this fingerprint with one that you got another way, and name it with --signer.",
                    verified.fingerprint
                ));
            }
            if !verified.adds_up {
                output::say("WARNING: verdict, score or gate do not follow from the practices in it; whoever signed it made them up.");
            }
            output::result(global.json, &told(&verified), |_| lines(&verified));
            Ok(u8::from(bad))
        }
        Err(flaw) => {
            let said = json!({ "intact": false, "reason": flaw.to_string() });
            output::result(global.json, &said, |_| format!("NOT INTACT: {flaw}"));
            Ok(1)
        }
    }
}

fn told(verified: &Verified) -> serde_json::Value {
    let report = &verified.report;
    json!({
        "intact": true, "signer": verified.signer, "fingerprint": verified.fingerprint, "signed": verified.signed,
        "adds_up": verified.adds_up, "time": report.header.time, "target": report.header.target, "digests": report.header.digests,
        "verdict": report.verdict, "safe_to_deploy": report.safe_to_deploy, "gate": report.gate, "score": report.score, "counts": report.counts,
    })
}

fn lines(verified: &Verified) -> String {
    let report = &verified.report;
    let signer = match verified.signer {
        Signer::Known => "known",
        Signer::Unknown => "UNKNOWN",
    };
    let gate = if report.gate.passed { "passed" } else { "failed" };
    let none = || "not stated".to_owned();
    let rows = [
        ("intact", "yes, every byte that means something is as it was signed".to_owned()),
        ("signer", format!("{signer}, {}", verified.fingerprint)),
        ("time", report.header.time.to_string()),
        ("target", report.header.target.words()),
        ("binary", report.header.digests.binary.clone().unwrap_or_else(none)),
        ("configuration", report.header.digests.configuration.clone().unwrap_or_else(none)),
        ("verdict", format!("{} (safe to deploy: {})", report.verdict.name(), if report.safe_to_deploy { "yes" } else { "no" })),
        ("gate", format!("{} {gate}: {}", report.gate.name.name(), report.gate.says)),
        ("score", format!("{}, {} practices proven", report.score.share.printed(), report.counts.proven)),
        ("figures", if verified.adds_up { "follow from the practices" } else { "DO NOT FOLLOW from the practices" }.to_owned()),
    ];
    rows.iter().map(|(name, value)| format!("{name:<14} {}", visible(value))).collect::<Vec<_>>().join("\n")
}

/// Shows what changed. Exit code 1 where something got worse.
fn diff(global: &Global, files: &[std::path::PathBuf]) -> Outcome {
    let kept = || {
        history::list(&history::folder(&global.data))
            .map_err(|error| Code::ProbeFailed.because(format!("the kept proofs cannot be listed: {error}")))
    };
    let short = |count: usize| {
        Code::NotFound.because(format!(
            "{count} proofs are kept in {}; two are needed: run `plimsoll prove`, or name two files",
            history::folder(&global.data).display()
        ))
    };
    let (old, new) = match files {
        [old, new] => (old.clone(), new.clone()),
        [old] => (old.clone(), kept()?.pop().ok_or_else(|| short(0))?),
        _ => {
            let mut kept = kept()?;
            let count = kept.len();
            let (new, old) = (kept.pop(), kept.pop());
            old.zip(new).ok_or_else(|| short(count))?
        }
    };
    let diff = history::diff(&read(&old)?, &read(&new)?);
    let text = if global.json { diff.json() } else { diff.text() };
    output::print(&text);
    Ok(u8::from(diff.worse))
}

/// The report in a proof; a bare report is read too, since nothing is claimed about who made it.
pub fn read(file: &Path) -> Result<Report, Error> {
    let bytes = bytes(file)?;
    match proof::read(&bytes) {
        Ok(report) => Ok(report),
        Err(proof::Flaw::NotSigned) => serde_json::from_slice(&bytes)
            .map_err(|error| Code::Invalid.because(format!("{} cannot be read as a report: {error}", file.display()))),
        Err(flaw) => Err(Code::Invalid.because(format!("{}: {flaw}", file.display()))),
    }
}

/// The bytes of a file, of one that is too large only as many as show that it is.
fn bytes(file: &Path) -> Result<Vec<u8>, Error> {
    use std::io::Read;
    let wrong = |error: std::io::Error| Code::ProbeFailed.because(format!("{} cannot be read: {error}", file.display()));
    let mut bytes = Vec::new();
    fs::File::open(file).map_err(wrong)?.take(proof::LARGEST as u64 + 1).read_to_end(&mut bytes).map_err(wrong)?;
    Ok(bytes)
}
