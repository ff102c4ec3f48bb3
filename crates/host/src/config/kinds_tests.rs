//! Good and bad values of each kind.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf};

use super::*;

/// Text that is read, and what it is shown as.
fn good<T: Setting>(cases: &[(&str, &str)]) {
    for (text, shown) in cases {
        match T::from_text(text) {
            Ok(value) => assert_eq!(&value.show(), shown, "{text}"),
            Err(wrong) => panic!("`{text}` was refused: {}", wrong.message),
        }
    }
    assert!(!T::kind().is_empty());
    assert!(toml::<T>(&T::example()).is_ok(), "the example of {} is not one", T::kind());
}

fn bad<T: Setting>(texts: &[&str]) {
    for text in texts {
        assert!(T::from_text(text).is_err(), "`{text}` was accepted as {}", T::kind());
    }
}

fn toml<T: Setting>(text: &str) -> Result<T, Vec<Wrong>> {
    let mut wrong = Vec::new();
    let read = T::from_toml(&Node::parse(text).expect("the test is TOML"), &mut wrong);
    assert_eq!(read.is_none(), !wrong.is_empty(), "a refusal has a reason: {text}");
    read.ok_or(wrong)
}

/// Values of the file that have another type or are out of range.
fn bad_toml<T: Setting>(texts: &[&str]) {
    for text in texts {
        let Err(wrong) = toml::<T>(text) else { panic!("`{text}` was accepted as {}", T::kind()) };
        assert!(wrong.iter().all(|it| it.span.is_some() || T::SECRET), "{text} has no place: {wrong:?}");
    }
}

#[test]
fn truth() {
    good::<bool>(&[("true", "true"), (" false ", "false")]);
    bad::<bool>(&["", "yes", "1", "True"]);
    bad_toml::<bool>(&["1", "'true'", "[]"]);
}

#[test]
fn whole_numbers() {
    good::<u16>(&[("0", "0"), ("65535", "65535")]);
    bad::<u16>(&["", "65536", "-1", "1.5", "1e3", "x"]);
    bad_toml::<u16>(&["65536", "-1", "1.0", "'5'", "99999999999999999999999999999999999999999"]);
    assert_eq!(toml::<u32>("0xff"), Ok(255));
    assert_eq!(toml::<u64>("1_000"), Ok(1000));
    good::<u32>(&[("4294967295", "4294967295")]);
    good::<u64>(&[("18446744073709551615", "18446744073709551615")]);
    good::<usize>(&[("7", "7")]);
}

#[test]
fn numbers() {
    good::<f64>(&[("0.5", "0.5"), ("2", "2.0"), ("1e3", "1000.0")]);
    bad::<f64>(&["", "x", "nan", "inf", "1e999"]);
    bad_toml::<f64>(&["nan", "-inf", "'0.5'", "true"]);
    assert_eq!(toml::<f64>("3"), Ok(3.0));
}

#[test]
fn text_paths_and_addresses() {
    good::<String>(&[("", "\"\""), (" a ", "\" a \""), ("täxt", "\"täxt\"")]);
    bad::<String>(&["a\0b"]);
    bad_toml::<String>(&["5", "['a']", "2020-01-01"]);
    good::<PathBuf>(&[("a/b", "\"a/b\"")]);
    bad::<PathBuf>(&["", "a\0"]);
    bad_toml::<PathBuf>(&["''", "1"]);
    good::<SocketAddr>(&[("127.0.0.1:80", "\"127.0.0.1:80\""), ("[::1]:8080", "\"[::1]:8080\"")]);
    bad::<SocketAddr>(&["", "80", ":80", "localhost:80", "127.0.0.1", "127.0.0.1:70000", "::1:80x"]);
    bad_toml::<SocketAddr>(&["80"]);
}

#[test]
fn durations() {
    good::<Span>(&[
        ("250ms", "\"250ms\""),
        ("30s", "\"30s\""),
        ("60s", "\"1m\""),
        ("12 h", "\"12h\""),
        ("30d", "\"30d\""),
        ("0s", "\"0s\""),
    ]);
    bad::<Span>(&["", "30", "s", "-1s", "1.5s", "1h30m", "1w", "30S", "99999999999999999999s", "18446744073709551615d"]);
    bad_toml::<Span>(&["30", "1.5", "'30'"]);
    assert_eq!(toml::<Span>("75").unwrap_err()[0].help.as_deref(), Some("for seconds write \"75s\""));
}

#[test]
fn sizes() {
    good::<ByteSize>(&[("512KiB", "\"512KiB\""), ("1024 KiB", "\"1MiB\""), ("5", "5"), ("5B", "5"), ("0", "0"), ("2GiB", "\"2GiB\"")]);
    bad::<ByteSize>(&["", "MiB", "1MB", "1mib", "-1", "1.5MiB", "99999999999TiB"]);
    bad_toml::<ByteSize>(&["-1", "1.5", "'1MB'", "true"]);
    assert_eq!(toml::<ByteSize>("2048"), Ok(ByteSize::new(2048)));
    assert_eq!(ByteSize::new(2048).length(), 2048);
}

#[test]
fn rates() {
    good::<Rate>(&[("600/1m", "\"600/1m\""), (" 5 / 60s ", "\"5/1m\"")]);
    bad::<Rate>(&["", "off", "600", "600/m", "0/1m", "5/0s", "-1/1m", "5/1m/1m"]);
    bad_toml::<Rate>(&["600", "'off'"]);
}

#[test]
fn secrets() {
    good::<Secret>(&[("hush", "set")]);
    bad::<Secret>(&["", "a\0"]);
    bad_toml::<Secret>(&["5", "''"]);
    let secret = Secret::new("hush");
    assert_eq!((format!("{secret:?} {secret}"), secret.expose()), ("[secret] [secret]".into(), "hush"));
    assert_eq!(vec![secret].show(), "set");
}

#[test]
fn switches() {
    good::<Switch>(&[("on", "\"on\""), ("{ off = 'behind the gateway' }", "{ off = \"behind the gateway\" }")]);
    bad::<Switch>(&["", "off", "true", "{ off = 'short' }", "{ off = '              ' }", "{}", "{ on = 'a long reason' }", "{ off = "]);
    bad_toml::<Switch>(&["true", "'off'", "{ off = 5 }", "{ off = 'short' }", "{}", "{ off = 'behind the gateway', x = 1 }"]);
    assert!(toml::<Switch>("'on'").unwrap().is_on());
}

#[test]
fn what_may_be_missing() {
    good::<Option<u16>>(&[("", "not set"), ("5", "5")]);
    bad::<Option<u16>>(&["x"]);
    bad_toml::<Option<u16>>(&["'5'"]);
    assert!(!<Option<u16>>::unset().is_set());
}

#[test]
fn lists() {
    good::<Vec<u16>>(&[("", "[]"), ("[]", "[]"), ("1, 2", "[1, 2]"), ("[1, 2]", "[1, 2]")]);
    bad::<Vec<u16>>(&["1,,2", "1,", "x", "[1", "[1, 'x']"]);
    bad_toml::<Vec<u16>>(&["1", "[1, 'x']"]);
    assert_eq!(toml::<Vec<u16>>("['a', 1, 'b']").unwrap_err().len(), 2, "every wrong item is named");
}

#[test]
fn tables() {
    type Table = BTreeMap<String, u16>;
    good::<Table>(&[("{}", "{}"), ("{ b = 2, a = 1 }", "{ a = 1, b = 2 }"), ("{ 'x y' = 1 }", "{ \"x y\" = 1 }")]);
    bad::<Table>(&["", "a=1", "{ a = 'x' }"]);
    bad_toml::<Table>(&["1", "{ a = 'x' }"]);
    assert_eq!(toml::<Table>("{ a = 'x', b = 1, c = -1 }").unwrap_err().len(), 2, "every wrong value is named");
}

#[test]
fn choices() {
    good::<Profile>(&[("production", "\"production\""), (" development", "\"development\"")]);
    bad::<Profile>(&["", "Production", "prod"]);
    bad_toml::<Profile>(&["1", "'live'"]);
    let wrong = Profile::from_text("devlopment").unwrap_err();
    assert_eq!(wrong.message, "`devlopment` is not one of development, production");
    assert_eq!(wrong.help.as_deref(), Some("did you mean `development`?"));
    assert_eq!(Profile::Production.to_string(), "production");
}

#[test]
fn a_wrong_text_is_quoted_briefly_and_harmlessly() {
    let wrong = u16::from_text(&format!("\u{1b}[2J{}", "x".repeat(1000))).unwrap_err();
    assert!(wrong.message.chars().count() < 120 && !wrong.message.contains('\u{1b}'), "{}", wrong.message);
}
