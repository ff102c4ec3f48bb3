//! Where a remote repository is: an address of `https` or `ssh` without a secret in it.

use super::{Refusal, skipped::shown};

/// The address of a remote repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    pub(super) scheme: Scheme,
    /// For `ssh`: who signs in.
    pub(super) user: Option<String>,
    /// A name, or an address without brackets.
    pub(super) host: String,
    pub(super) port: Option<u16>,
    /// With its slash.
    pub(super) path: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    Https,
    Ssh,
}

impl Location {
    /// Whether this is meant as an address and not as a path on this machine.
    pub fn is_meant(text: &str) -> bool {
        text.contains("://") || short(text).is_some()
    }
    /// Takes an address apart.
    ///
    /// # Errors
    /// Where it is none, or not one that is fetched. The address is not repeated where it holds a secret.
    pub fn parse(text: &str) -> Result<Location, Refusal> {
        let refuse = |why: &str| Err(Refusal::Unsafe(why.to_owned()));
        if text.len() > 2048 || text.chars().any(|one| one.is_control() || one.is_whitespace() || one == '\\' || !one.is_ascii()) {
            return refuse("the address holds characters that no address has");
        }
        let (scheme, rest) = match text.split_once("://") {
            Some((word, rest)) if word.eq_ignore_ascii_case("https") => (Scheme::Https, rest.to_owned()),
            Some((word, rest)) if word.eq_ignore_ascii_case("ssh") => (Scheme::Ssh, rest.to_owned()),
            Some((word, _)) => return refuse(&format!("`{}://` is not fetched: only https:// and ssh:// are", shown(word))),
            None => match short(text) {
                Some((place, path)) => (Scheme::Ssh, format!("{place}/{}", path.trim_start_matches('/'))),
                None => return refuse("this is no address of a repository"),
            },
        };
        let (authority, path) = rest.split_once('/').map_or((rest.as_str(), ""), |(place, path)| (place, path));
        let (user, place) = authority.rsplit_once('@').map_or((None, authority), |(user, place)| (Some(user), place));
        if let Some(user) = user {
            if scheme == Scheme::Https || user.contains(':') {
                return refuse("an address must not hold credentials: name the variable that holds the token with --credential");
            }
            if user.is_empty() || user.starts_with('-') || !user.chars().all(|one| one.is_ascii_alphanumeric() || "._-".contains(one)) {
                return refuse("the user of the address is no name");
            }
        }
        let (host, port) = place_of(place)?;
        if path.contains(['?', '#']) {
            return refuse("the address of a repository has neither `?` nor `#`");
        }
        let path = path.trim_end_matches('/');
        if path.is_empty() || path.starts_with('-') || path.split('/').any(|part| part == "..") {
            return refuse("the address names no repository");
        }
        Ok(Location { scheme, user: user.map(str::to_owned), host, port, path: format!("/{path}") })
    }
    pub(super) fn port(&self) -> u16 {
        self.port.unwrap_or(match self.scheme {
            Scheme::Https => 443,
            Scheme::Ssh => 22,
        })
    }
    /// The address with this in the place of the host.
    pub(super) fn at(&self, host: &str) -> String {
        let word = match self.scheme {
            Scheme::Https => "https",
            Scheme::Ssh => "ssh",
        };
        let user = self.user.as_ref().map_or_else(String::new, |user| format!("{user}@"));
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        let port = self.port.map_or_else(String::new, |port| format!(":{port}"));
        format!("{word}://{user}{host}{port}{}", self.path)
    }
}

impl std::fmt::Display for Location {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.at(&self.host))
    }
}

/// `user@host:path`, as `git` also writes it.
fn short(text: &str) -> Option<(&str, &str)> {
    let (place, path) = text.split_once(':')?;
    let (user, host) = place.split_once('@')?;
    (!user.is_empty() && !host.is_empty() && !place.contains('/') && !path.is_empty()).then_some((place, path))
}

fn place_of(text: &str) -> Result<(String, Option<u16>), Refusal> {
    let wrong = || Refusal::Unsafe("the address has no proper host".into());
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']').ok_or_else(wrong)?;
            host.parse::<std::net::Ipv6Addr>().map_err(|_| wrong())?;
            (host, rest.strip_prefix(':').or(if rest.is_empty() { None } else { Some("x") }))
        }
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let proper = |one: char| one.is_ascii_alphanumeric() || ".-:".contains(one);
    if host.is_empty() || host.len() > 253 || host.starts_with(['-', '.']) || !host.chars().all(proper) {
        return Err(wrong());
    }
    let port = port.map(|port| port.parse::<u16>().ok().filter(|port| *port > 0).ok_or_else(wrong)).transpose()?;
    Ok((host.to_ascii_lowercase(), port))
}
