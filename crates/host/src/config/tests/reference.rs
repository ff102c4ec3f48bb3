//! What a schema says of itself: the explanation of a key, the reference, the example.

use super::*;

#[test]
fn explain_tells_everything_about_a_key_and_finds_the_nearest() {
    let config = load("[server]\nidle = '90s'", &[]).unwrap();
    assert_eq!(
        config.explain("server.idle").unwrap().to_string(),
        "\
server.idle = \"90s\"
  from      plimsoll.toml:2:1
  default   \"75s\"
  kind      a duration such as 250ms, 30s, 5m, 12h or 30d
  variable  PLIMSOLL_SERVER__IDLE
  How long an idle connection stays open."
    );
    assert_eq!(config.explain("PLIMSOLL_SERVER__IDLE").unwrap().key, "server.idle");
    assert_eq!(config.explain("server.hosts").unwrap().doc, "Names this server answers to; empty means all.");
    let refusal = |name| config.explain(name).unwrap_err().to_string();
    assert_eq!(refusal("server.idel"), "there is no key `server.idel`; did you mean `server.idle`?");
    assert_eq!(refusal("idle"), "there is no key `idle`; did you mean `server.idle`?");
    assert_eq!(refusal("identity"), "`identity` is a section; its keys are identity.master_key, identity.days");
    assert_eq!(refusal("x"), "there is no key `x`; `plimsoll config explain` lists them all");
    let keys: Vec<String> = config.all().map(|it| it.key).collect();
    assert_eq!(keys.len(), schema().keys().count());
    assert_eq!(keys[..2], ["profile", "server.listen"]);
}

#[test]
fn the_reference_names_every_key_with_its_facts() {
    let page = schema().reference();
    for (section, key) in schema().keys() {
        let full = section.full(key.name);
        let from = page.find(&format!("### `{full}`\n")).unwrap_or_else(|| panic!("{full} is missing"));
        let entry = page[from + 3..].split("\n### ").next().unwrap();
        for fact in [&key.doc, &key.kind, &key.default, &section.variable(key.name)] {
            assert!(entry.contains(fact.as_str()), "{full} lacks {fact}");
        }
    }
    assert!(page.contains("`PLIMSOLL_IDENTITY__MASTER_KEY_FILE`"));
}

#[test]
fn the_example_changes_nothing_and_is_valid_when_uncommented() {
    let example = schema().example();
    assert_eq!(load(&example, &[]).unwrap().digest(), load("", &[]).unwrap().digest());
    let mut keys = 0;
    let uncommented: String = example
        .lines()
        .map(|line| match line.strip_prefix("# ").filter(|rest| rest.split_once(" = ").is_some_and(|(key, _)| !key.contains(' '))) {
            Some(rest) => {
                keys += 1;
                format!("{rest}\n")
            }
            None => format!("{line}\n"),
        })
        .collect();
    assert_eq!(keys, schema().keys().count());
    let faults = load(&uncommented, &[]).unwrap_err();
    assert_eq!(faults.len(), 1, "only the secret's file does not exist: {faults}");
    assert!(faults.0[0].message.contains("/run/secrets/master_key"));
}

#[test]
fn a_schema_refuses_what_an_author_got_wrong() {
    fn build(name: &str, doc: &str, keys: Vec<KeyDoc>) -> bool {
        std::panic::catch_unwind(|| schema().section_of(name, doc, keys)).is_ok()
    }
    let key = |name| KeyDoc::new::<u16>(name, "A number.", "1");
    assert!(build("other", "Doc.", vec![key("a"), key("b")]));
    assert!(!build("server", "Doc.", vec![]), "twice");
    assert!(!build("other", "", vec![]), "no doc");
    assert!(!build("Other", "Doc.", vec![]), "capital letter");
    assert!(!build("other", "Doc.", vec![KeyDoc::new::<u16>("a", " ", "1")]), "no doc of a key");
    assert!(!build("other", "Doc.", vec![key("a"), key("a")]), "the same key twice");
    assert!(!build("other", "Doc.", vec![key("a__b")]), "its variable would name a section");
    assert!(!build("limits", "Doc.", vec![key("login")]), "a key and a section");
    assert!(!build("other", "Doc.", vec![KeyDoc::unset::<Option<Secret>>("a", "Doc."), key("a_file")]), "the file of a secret");
    assert!(std::panic::catch_unwind(|| KeyDoc::new::<u16>("a", "Doc.", "-1")).is_err(), "a default that does not parse");
}
