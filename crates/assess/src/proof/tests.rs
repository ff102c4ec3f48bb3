use std::collections::BTreeSet;

use plimsoll_core::Seed;
use serde_json::Value;

use super::{Digest, Flaw, Signer, SigningKey, fingerprint, sign, verify};
use crate::report::{Report, tests::sample};

pub(crate) fn key() -> SigningKey {
    SigningKey::from_pkcs8(&SigningKey::generate(&Seed::system())).unwrap()
}

fn nobody() -> BTreeSet<String> {
    BTreeSet::new()
}

#[test]
fn what_was_signed_is_intact_and_tells_who_signed() {
    let key = key();
    let proof = sign(&sample(), &key);
    let verified = verify(proof.as_bytes(), &nobody()).unwrap();
    assert_eq!((verified.report, verified.signer, verified.adds_up), (sample(), Signer::Unknown, true));
    assert_eq!(verified.fingerprint, key.fingerprint());
    let known = BTreeSet::from([key.fingerprint()]);
    assert_eq!(verify(proof.as_bytes(), &known).unwrap().signer, Signer::Known);
    let digits = key.fingerprint()["sha256:".len()..].to_uppercase();
    assert_eq!((fingerprint(&digits), fingerprint(&digits[..16])), (Some(key.fingerprint()), None));
}

#[test]
fn white_space_may_change_and_nothing_else() {
    let proof = sign(&sample(), &key());
    let value: Value = serde_json::from_str(&proof).unwrap();
    let compact = serde_json::to_string(&value).unwrap();
    assert!(verify(compact.as_bytes(), &nobody()).is_ok());
    let spaced = proof.replace('\n', "\r\n\t");
    assert!(verify(spaced.as_bytes(), &nobody()).is_ok());
    // The recipe in the documentation of this module.
    let bytes = format!("plimsoll.proof/1\n{}", serde_json::to_string(&value["report"]).unwrap());
    assert_eq!(value["signature"]["signed"], Digest::of(bytes.as_bytes()));
}

/// Every path to a leaf.
fn leaves(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(name, value)| leaves(value, &format!("{path}/{name}"), found)),
        Value::Array(list) => list.iter().enumerate().for_each(|(place, value)| leaves(value, &format!("{path}/{place}"), found)),
        _ => found.push(path.to_owned()),
    }
}

#[test]
fn every_changed_value_is_found() {
    let proof: Value = serde_json::from_str(&sign(&sample(), &key())).unwrap();
    let mut paths = Vec::new();
    leaves(&proof, "", &mut paths);
    assert!(paths.len() > 150, "{}", paths.len());
    for path in paths {
        let mut forged = proof.clone();
        let place = forged.pointer_mut(&path).unwrap();
        *place = match place.take() {
            Value::String(text) if text.ends_with('A') => Value::String(format!("B{text}")),
            Value::String(text) => Value::String(format!("{text}A")),
            Value::Number(number) => (number.as_f64().unwrap() + 1.0).into(),
            Value::Bool(value) => (!value).into(),
            _ => "something".into(),
        };
        assert!(verify(forged.to_string().as_bytes(), &nobody()).is_err(), "{path} was changed and nobody noticed");
    }
}

#[test]
fn every_changed_byte_that_means_something_is_found() {
    let proof = sign(&sample(), &key()).into_bytes();
    let meaning: Value = serde_json::from_slice(&proof).unwrap();
    for place in 0..proof.len() {
        let mut forged = proof.clone();
        forged[place] = if forged[place] == b'1' { b'2' } else { b'1' };
        if verify(&forged, &nobody()).is_ok() {
            assert_eq!(serde_json::from_slice::<Value>(&forged).unwrap(), meaning, "byte {place}");
        }
        // A change of length is the same to every place; one in seven will do.
        if place % 7 != 0 {
            continue;
        }
        let mut shorter = proof.clone();
        shorter.remove(place);
        if verify(&shorter, &nobody()).is_ok() {
            assert_eq!(serde_json::from_slice::<Value>(&shorter).unwrap(), meaning, "without byte {place}");
        }
    }
}

#[test]
fn a_member_put_in_taken_out_or_moved_is_found() {
    let proof: Value = serde_json::from_str(&sign(&sample(), &key())).unwrap();
    type Forgery = (&'static str, fn(&mut Value));
    let changes: [Forgery; 5] = [
        ("put in", |proof| proof["report"]["note"] = "fine".into()),
        ("taken out", |proof| drop(proof["report"].as_object_mut().unwrap().shift_remove("summary"))),
        ("moved", |proof| {
            let map = proof["report"].as_object_mut().unwrap();
            let verdict = map.shift_remove("verdict").unwrap();
            map.insert("verdict".into(), verdict);
        }),
        ("beside", |proof| proof["signature"]["note"] = "checked by hand".into()),
        ("above", |proof| proof["note"] = "checked by hand".into()),
    ];
    for (what, change) in changes {
        let mut forged = proof.clone();
        change(&mut forged);
        assert!(verify(forged.to_string().as_bytes(), &nobody()).is_err(), "{what}");
    }
}

#[test]
fn a_foreign_file_is_told_what_it_is() {
    let proof = sign(&sample(), &key());
    let half = &proof[..proof.len() / 2];
    let told = |file: &str| verify(file.as_bytes(), &nobody()).unwrap_err();
    assert_eq!(told(half), Flaw::Truncated);
    assert_eq!(told(""), Flaw::Truncated);
    assert!(matches!(told("<html>"), Flaw::NotJson(_)));
    assert!(matches!(told("[1, 2]"), Flaw::NotAProof(_)));
    assert!(matches!(told("{\"schema\": 1}"), Flaw::NotAProof(_)));
    assert!(matches!(told("{}{}"), Flaw::NotJson(_)));
    assert_eq!(told(&crate::report::json(&sample())), Flaw::NotSigned);
    assert_eq!(told(&proof.replace("plimsoll.proof/1", "plimsoll.proof/2")), Flaw::UnknownSchema("plimsoll.proof/2".into()));
    assert!(matches!(told(&format!("{}{}", "[".repeat(5_000), "]".repeat(5_000))), Flaw::NotJson(_)), "too deep");
    assert_eq!(verify(&[b'{', 0xff], &nobody()).unwrap_err(), Flaw::NotText);
    assert_eq!(verify(&vec![b' '; super::LARGEST + 1], &nobody()).unwrap_err(), Flaw::TooLarge(super::LARGEST + 1));
}

#[test]
fn two_members_of_one_name_are_refused_at_any_depth() {
    let proof = sign(&sample(), &key());
    let twice = proof.replacen("\"verdict\": \"not-ready\"", "\"verdict\": \"full\", \"verdict\": \"not-ready\"", 1);
    let flaw = verify(twice.as_bytes(), &nobody()).unwrap_err();
    assert!(matches!(&flaw, Flaw::Twice(what) if what.contains("`verdict`") && what.contains("line")), "{flaw}");
    // Under an escape it is the same name.
    let escaped = proof.replacen("\"passed\":", "\"pa\\u0073sed\": true, \"passed\":", 1);
    assert!(matches!(verify(escaped.as_bytes(), &nobody()), Err(Flaw::Twice(_))));
}

#[test]
fn another_key_cannot_pass_for_the_first() {
    let (mine, other) = (key(), key());
    let mut forged: Value = serde_json::from_str(&sign(&sample(), &other)).unwrap();
    let honest: Value = serde_json::from_str(&sign(&sample(), &mine)).unwrap();
    forged["signature"]["fingerprint"] = honest["signature"]["fingerprint"].clone();
    assert_eq!(verify(forged.to_string().as_bytes(), &nobody()), Err(Flaw::WrongFingerprint));
    forged["signature"]["key"] = honest["signature"]["key"].clone();
    assert_eq!(verify(forged.to_string().as_bytes(), &nobody()), Err(Flaw::Forged));
}

#[test]
fn a_signer_who_makes_up_the_figures_is_found_out() {
    let mut report = sample();
    report.safe_to_deploy = true;
    let proof = sign(&report, &key());
    assert!(!verify(proof.as_bytes(), &nobody()).unwrap().adds_up);
    let mut later = sample();
    later.schema = "plimsoll.report/2".into();
    assert_eq!(verify(sign(&later, &key()).as_bytes(), &nobody()), Err(Flaw::UnknownSchema("plimsoll.report/2".into())));
}

#[test]
fn a_proof_of_hostile_evidence_survives_its_own_bytes() {
    let report: Report = crate::report::tests::hostile();
    assert_eq!(verify(sign(&report, &key()).as_bytes(), &nobody()).unwrap().report, report);
}

#[test]
#[cfg(unix)]
fn a_key_is_made_once_for_its_owner_only() {
    use std::{fs, os::unix::fs::PermissionsExt};
    let folder = crate::history::tests::Scratch::new("key");
    let first = SigningKey::of_folder(&folder.0, &Seed::system()).unwrap().fingerprint();
    assert_eq!(SigningKey::of_folder(&folder.0, &Seed::system()).unwrap().fingerprint(), first);
    assert_eq!(super::known(&folder.0), Some(first));
    let path = folder.0.join("signing.key");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(SigningKey::of_folder(&folder.0, &Seed::system()), Err(super::KeyTrouble::Exposed(_))));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&path, "nonsense").unwrap();
    assert!(matches!(SigningKey::of_folder(&folder.0, &Seed::system()), Err(super::KeyTrouble::Unreadable(_))));
    let names: Vec<_> = fs::read_dir(&folder.0).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
}
