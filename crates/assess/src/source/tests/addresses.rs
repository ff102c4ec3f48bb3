use super::{
    super::{Access, Caps, Location, Refusal, is_public, remote},
    quiet,
};

#[test]
fn only_https_and_ssh_without_secrets_are_addresses() {
    for (text, whole) in [
        ("https://github.com/a/b", "https://github.com/a/b"),
        ("HTTPS://GitHub.com:8443/a/b.git/", "https://github.com:8443/a/b.git"),
        ("ssh://git@host.example/a/b", "ssh://git@host.example/a/b"),
        ("git@github.com:a/b.git", "ssh://git@github.com/a/b.git"),
        ("https://[2606:4700::1]/a", "https://[2606:4700::1]/a"),
    ] {
        assert_eq!(Location::parse(text).map(|location| location.to_string()).as_deref(), Ok(whole), "{text}");
    }
    for text in [
        "http://github.com/a/b",
        "git://github.com/a/b",
        "file:///etc",
        "ext::sh -c id",
        "ext::touch",
        "https://user:geheim@github.com/a/b",
        "https://geheim@github.com/a/b",
        "ssh://git:geheim@github.com/a/b",
        "ssh://-oProxyCommand=x/a",
        "ssh://-oProxyCommand=x@host/a",
        "https://host/a?token=geheim",
        "https://host/a#x",
        "https://host",
        "https:///a",
        "https://host:0/a",
        "https://host:99999/a",
        "https://ho st/a",
        "https://host/../a",
        "https://host\n/a",
        "https://[::1/a",
        "https://[::1]x/a",
        "https://[x]/a",
        "fd::17",
    ] {
        let refusal = Location::parse(text).expect_err(text).to_string();
        assert!(!refusal.contains("geheim"), "a refusal repeats a secret: {refusal}");
    }
}

#[test]
fn a_path_on_this_machine_is_not_taken_for_an_address() {
    for text in [".", "/srv/a", "a/b", "C:\\a", "a@b/c:d", "weird:name"] {
        assert!(!Location::is_meant(text), "{text}");
    }
    for text in ["https://a/b", "file:///a", "git@host:a/b"] {
        assert!(Location::is_meant(text), "{text}");
    }
}

#[test]
fn addresses_that_are_not_public_are_known_in_every_disguise() {
    for text in [
        "127.0.0.1",
        "10.1.2.3",
        "172.31.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "0.1.2.3",
        "224.0.0.1",
        "255.255.255.255",
        "192.0.0.8",
        "198.18.0.1",
        "203.0.113.9",
        "240.0.0.1",
        "::",
        "::1",
        "fe80::1",
        "fc00::1",
        "fd12::1",
        "ff02::1",
        "::ffff:10.0.0.1",
        "::ffff:8.8.8.8",
        "::127.0.0.1",
        "64:ff9b::a00:1",
        "64:ff9b:1::1",
        "2002:7f00:1::",
        "2001::1",
        "2001:db8::1",
        "3fff::1",
        "fec0::1",
        "100::1",
    ] {
        assert!(!is_public(text.parse().unwrap()), "{text}");
    }
    for text in ["8.8.8.8", "140.82.121.4", "192.0.1.1", "2606:4700::1", "64:ff9b::808:808", "2002:808:808::", "2a00:1450::1"] {
        assert!(is_public(text.parse().unwrap()), "{text}");
    }
}

#[test]
fn this_machine_is_not_asked_unless_that_is_allowed() {
    let fetch = |text: &str, access: &Access, reference: Option<&str>| {
        remote(&Location::parse(text).unwrap(), reference, access, &Caps::default(), &quiet).unwrap_err()
    };
    let none = Access::default();
    for text in ["https://127.0.0.1:1/a", "https://localhost:1/a", "https://[::1]:1/a", "ssh://git@127.0.0.1:1/a"] {
        let refusal = fetch(text, &none, None);
        assert!(matches!(&refusal, Refusal::Unsafe(why) if why.contains("no public address")), "{text}: {refusal}");
    }
    let token = Access { private: true, token: Some("geheim".into()), ..Access::default() };
    let refusal = fetch("https://127.0.0.1:1/a", &token, None);
    assert!(matches!(&refusal, Refusal::Failed(_)) && !refusal.to_string().contains("geheim"), "{refusal}");
    assert!(!format!("{token:?}").contains("geheim"));
    assert!(matches!(fetch("ssh://git@127.0.0.1:1/a", &token, None), Refusal::Unsafe(_)), "a token is nothing for ssh");
    for reference in ["--upload-pack=x", "a:b", "+main", "*", ""] {
        assert!(matches!(fetch("https://127.0.0.1:1/a", &none, Some(reference)), Refusal::NotThere(_)), "{reference}");
    }
}
