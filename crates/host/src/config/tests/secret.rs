//! Secrets, from where they come and that they never show.

use super::*;

#[test]
fn a_secret_comes_from_a_value_a_variable_or_a_file() {
    let file = TempFile::holding("secret", b"from a file\r\n");
    let path = file.path().display().to_string();
    assert_eq!(IdentityConfig::default().days, 30);
    let key = |config: Config| config.get::<IdentityConfig>().master_key.map(|it| it.expose().to_string());

    assert_eq!(key(load("[identity]\nmaster_key = 'in the file'", &[]).unwrap()).as_deref(), Some("in the file"));
    assert_eq!(key(load("", &[("PLIMSOLL_IDENTITY__MASTER_KEY", "in a variable")]).unwrap()).as_deref(), Some("in a variable"));
    let by_variable = load("[identity]\nmaster_key = 'x'", &[("PLIMSOLL_IDENTITY__MASTER_KEY_FILE", &path)]).unwrap();
    assert_eq!(key(by_variable).as_deref(), Some("from a file"));

    let by_key = load(&format!("[identity]\nmaster_key_file = '{path}'"), &[]).unwrap();
    let explained = by_key.explain("identity.master_key").unwrap();
    assert_eq!(explained.value, "set");
    assert_eq!(explained.from.to_string(), format!("secret file {path} (named by plimsoll.toml:2:1)"));
    assert_eq!(key(by_key).as_deref(), Some("from a file"));
}

#[test]
fn a_missing_secret_file_matters_only_if_nothing_stronger_is_said() {
    let file = "[identity]\nmaster_key_file = '/missing/key'";
    assert_eq!(refused(file, &[])[0].0, "plimsoll.toml:2:1");
    load(file, &[("PLIMSOLL_IDENTITY__MASTER_KEY", "said")]).unwrap();
}

#[test]
fn a_secret_file_must_hold_a_line_of_text() {
    for (test, bytes, why) in
        [("empty", &b"\n"[..], "it is empty"), ("binary", b"\xff\xfe", "it is not UTF-8"), ("large", &[b'x'; 70_000], "larger")]
    {
        let file = TempFile::holding(test, bytes);
        let found = refused("", &[("PLIMSOLL_IDENTITY__MASTER_KEY_FILE", &file.path().display().to_string())]);
        assert!(found[0].1.contains(why), "{found:?}");
    }
    assert!(refused("", &[("PLIMSOLL_IDENTITY__MASTER_KEY_FILE", "/")])[0].1.contains("directory"));
    assert!(refused("", &[("PLIMSOLL_IDENTITY__MASTER_KEY_FILE", "")])[0].1.contains("is empty"));
}

#[test]
fn a_secret_given_twice_is_refused() {
    assert_eq!(
        refused("[identity]\nmaster_key = 'a'\nmaster_key_file = '/dev/null'", &[])[0].1,
        "`identity.master_key` is given twice, as a value and as a file"
    );
    let env = [("PLIMSOLL_IDENTITY__MASTER_KEY", "hunter2"), ("PLIMSOLL_IDENTITY__MASTER_KEY_FILE", "/missing")];
    assert!(refused("", &env).iter().any(|(_, message)| message.contains("given twice")));
}

#[test]
fn a_secret_is_never_printed() {
    let good = load("[identity]\nmaster_key = 'hunter2-hunter2'", &[]).unwrap();
    let all: String = good.all().map(|it| format!("{it}{}{it:?}", serde_json::to_string(&it).unwrap())).collect();
    let section = format!("{:?}", good.get::<IdentityConfig>());
    for text in [all, format!("{good:?}"), section, format!("{:?}", sources("k = 'hunter2'", &[("PLIMSOLL_X", "hunter2")]))] {
        assert!(!text.contains("hunter2"), "{text}");
    }
    // However the file is broken around it: no fault shows it.
    for file in [
        "[identity]\nmaster_key = ['hunter2']",
        "[identity]\nmaster_key = { text = 'hunter2' }",
        "[identity]\nmaster_kye = 'hunter2'",
        "[identity]\ndatabase_password = 'hunter2'",
        "[identity]\nwhatever = 'hunter2'",
        "[identiy]\nmaster_key = 'hunter2'",
        "identiy.master_key = 'hunter2'",
        "identity = { dyas = 3, master_key = 'hunter2' }",
        "identity = { days = 'x', master_key = 'hunter2' }",
        "identity = 'hunter2'",
        "identity = ['hunter2']",
        "master_key = 'hunter2'",
        "[identity]\nmaster_key = 'hunter2\ndays = 3",
        "[identity]\nmaster_key = hunter2",
        "[identity]\nmaster_key 'hunter2'",
        "[identity]\nmaster_key = \"\"\"\nhunter2 \\q\n\"\"\"",
        "[identity]\nmaster_key = \"\"\"\nhunter2",
        "[identity]\nmaster_key = 'hunter2'\nmaster_key = 'hunter2'",
        "identity = { days = 3, master_key = 'hunter2",
        "[identity]\nmaster_key = 'hunter2' days = 3",
        "[identity]\ndays = 3 master_key = 'hunter2'",
        "[identity]\ndays = 3 master_key 'hunter2'",
    ] {
        let faults = load(file, &[]).expect_err(file);
        let text = format!("{faults}{faults:?}{:?}{}", faults.0, serde_json::to_string(&faults).unwrap());
        assert!(!text.contains("hunter2"), "{file}\n{text}");
    }
    for name in ["PLIMSOLL_IDENTITY__MASTER_KYE", "PLIMSOLL_NOTHING"] {
        let faults = load("", &[(name, "hunter2")]).unwrap_err();
        assert!(!format!("{faults}{:?}", faults.0).contains("hunter2"));
    }
    let faults = load("", &[("PLIMSOLL_IDENTITY__MASTER_KEY", "hunter2\0")]).unwrap_err();
    assert!(!faults.to_string().contains("hunter2"));
}

/// Slips of the finger, repeatable: nothing may panic, and no fault may show the secret.
#[test]
fn no_slip_of_the_finger_panics_or_shows_a_secret() {
    let file = "\
profile = 'production'
[server]
listen = '127.0.0.1:1'
hosts = ['a', \"ü\"]
tls = { off = 'terminated at the gateway' }
[identity]
days = 3
master_key = 'hunter2'
[limits.login]
weights = { de = 1 }
";
    let seed = plimsoll_core::Seed::fixed(2026);
    let alphabet: Vec<char> = "='\"[]{}.,#\n\t ax0_ü\u{1b}".chars().collect();
    let pick = |count: usize| usize::try_from(seed.below(count as u64)).unwrap();
    let mut refusals = 0;
    for _ in 0..3000 {
        let mut slipped: Vec<char> = file.chars().collect();
        for _ in 0..=pick(4) {
            let (at, letter) = (pick(slipped.len() - 1), alphabet[pick(alphabet.len())]);
            match pick(4) {
                0 => slipped.insert(at, letter),
                1 => slipped[at] = letter,
                2 => slipped.swap(at, at + 1),
                _ => _ = slipped.remove(at),
            }
        }
        let slipped: String = slipped.into_iter().collect();
        if let Err(faults) = load(&slipped, &[]) {
            refusals += 1;
            let text = faults.to_string();
            assert!(!text.contains("hunter2") && !text.contains('\u{1b}'), "{slipped}\n{text}");
        }
    }
    assert!(refusals > 1000, "most slips are faults, not {refusals} of 3000");
}
