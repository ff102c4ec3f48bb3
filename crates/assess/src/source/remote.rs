//! A remote repository: its newest state is fetched into a folder that goes away, and read there.
//!
//! The name is resolved here and every address is looked at before anything is connected; `git`
//! is then told the address, so that a second answer of the name server changes nothing. It
//! follows no redirect, fetches no submodule and no large file, writes no work tree, and is ended
//! when it takes too long or stores too much.

use std::{
    fs,
    net::{IpAddr, SocketAddr, ToSocketAddrs},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
    time::Instant,
};

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{
    Caps, Location, Phase, Refusal, Seen, Tree, abandon, address,
    commit::of_store,
    git::{self, Git},
    location::Scheme,
    process,
};

/// What a fetch may use. Its secret is never shown.
#[derive(Clone, Default)]
pub struct Access {
    /// Whether addresses of this machine and its network are allowed.
    pub private: bool,
    /// A token, or `user:token`, for `https`.
    pub token: Option<String>,
    /// A file with further authorities that may vouch for a server.
    pub authorities: Option<PathBuf>,
    /// Where an agent holds keys for `ssh`.
    pub agent: Option<std::ffi::OsString>,
}

impl std::fmt::Debug for Access {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Access").field("private", &self.private).field("token", &self.token.as_ref().map(|_| "…")).finish_non_exhaustive()
    }
}

/// Fetches a repository and reads one commit of it: the one named, or the newest of its main branch.
///
/// # Errors
/// Where the address is not to be fetched, the fetch fails or exceeds its bounds, or `git` is not installed or too old.
pub fn remote(location: &Location, reference: Option<&str>, access: &Access, caps: &Caps, seen: Seen<'_>) -> Result<Tree, Refusal> {
    let reference = reference.unwrap_or("HEAD");
    if reference.is_empty()
        || reference.starts_with(['-', '+'])
        || reference.contains([':', '*', '^', ' '])
        || reference.chars().any(char::is_control)
    {
        return Err(Refusal::NotThere("the reference names no commit".into()));
    }
    if location.scheme == Scheme::Ssh && access.token.is_some() {
        return Err(Refusal::Unsafe("a token is for https; ssh takes its keys from an agent or ~/.ssh".into()));
    }
    // Older ones do not know how to be told an address.
    if git::version()? < (2, 37) {
        return Err(Refusal::Failed("git 2.37 or newer is needed to fetch safely".into()));
    }
    let addresses = resolve(location, access.private)?;
    let yard = Yard::new()?;
    fetch(location, reference, access, &addresses, &yard.0, caps, seen)?;
    of_store(&yard.0, "FETCH_HEAD", "", caps, seen)
}

/// Every address of the host, or a refusal where one of them is not public.
fn resolve(location: &Location, private: bool) -> Result<Vec<IpAddr>, Refusal> {
    let found: Vec<SocketAddr> = (location.host.as_str(), location.port())
        .to_socket_addrs()
        .map_err(|error| Refusal::Failed(format!("{} cannot be resolved: {error}", location.host)))?
        .collect();
    let mut addresses: Vec<IpAddr> = found.iter().map(SocketAddr::ip).collect();
    addresses.sort();
    addresses.dedup();
    if let Some(one) = addresses.iter().find(|one| !private && !address::is_public(**one)) {
        return Err(Refusal::Unsafe(format!(
            "{} leads to {one}, which is no public address; --allow-private-address fetches from it",
            location.host
        )));
    }
    if addresses.is_empty() { Err(Refusal::Failed(format!("{} has no address", location.host))) } else { Ok(addresses) }
}

/// `git` as it may be used for this place.
fn git(location: &Location, access: &Access, addresses: &[IpAddr]) -> (Git, String) {
    match location.scheme {
        Scheme::Https => {
            let list: Vec<String> = addresses.iter().map(|one| if one.is_ipv6() { format!("[{one}]") } else { one.to_string() }).collect();
            let mut git = Git::over("https")
                .setting("protocol.https.allow", "always")
                .setting("http.followRedirects", "false")
                .setting("http.sslVerify", "true")
                .setting("http.proxy", "")
                .setting("http.lowSpeedLimit", "1")
                .setting("http.lowSpeedTime", "30");
            if location.host.parse::<IpAddr>().is_err() {
                git = git.setting("http.curloptResolve", format!("{}:{}:{}", location.host, location.port(), list.join(",")));
            }
            if let Some(token) = &access.token {
                let pair = if token.contains(':') { token.clone() } else { format!("x-access-token:{token}") };
                git = git.setting(format!("http.{}.extraHeader", location), format!("Authorization: Basic {}", STANDARD.encode(pair)));
            }
            if let Some(file) = &access.authorities {
                git = git.variable("GIT_SSL_CAINFO", file);
            }
            (git, location.to_string())
        }
        Scheme::Ssh => {
            // No file of settings, no forwarding, no question, and only hosts whose key is known, by their own name.
            let alias = &location.host;
            let ssh = format!(
                "ssh -F /dev/null -o BatchMode=yes -o StrictHostKeyChecking=yes -o HostKeyAlias={alias} -o PermitLocalCommand=no \
                 -o ProxyCommand=none -o ForwardAgent=no -o ClearAllForwardings=yes -o ConnectTimeout=30"
            );
            let mut git = Git::over("ssh")
                .setting("protocol.ssh.allow", "always")
                .variable("GIT_SSH_COMMAND", ssh)
                .variable("GIT_SSH_VARIANT", "ssh");
            if let Some(agent) = &access.agent {
                git = git.variable("SSH_AUTH_SOCK", agent);
            }
            let address = addresses.first().map_or_else(|| location.host.clone(), IpAddr::to_string);
            (git, location.at(&address))
        }
    }
}

fn fetch(
    location: &Location,
    reference: &str,
    access: &Access,
    addresses: &[IpAddr],
    store: &Path,
    caps: &Caps,
    seen: Seen<'_>,
) -> Result<(), Refusal> {
    let until = Instant::now() + caps.fetching;
    let mut command = Git::local().command();
    command.args(["init", "--quiet", "--bare", "--template="]).arg(store);
    git::ask(command, b"", until, "init", |_| Ok(()))?;
    let (git, address) = git(location, access, addresses);
    let mut command = git.setting("transfer.fsckObjects", "true").setting("fetch.unpackLimit", "1").command();
    command.arg("--git-dir").arg(store).args([
        "fetch",
        "--quiet",
        "--depth=1",
        "--no-tags",
        "--no-recurse-submodules",
        "--no-auto-maintenance",
    ]);
    command.arg(format!("--filter=blob:limit={}", caps.lock.max(caps.file) + 1)).arg("--end-of-options").arg(address).arg(reference);
    let most = caps.fetched;
    let tick = || {
        let bytes = size(store);
        seen(Phase::Fetching, bytes, 0);
        (bytes > most).then(|| format!("it sends more than {} MiB", most >> 20))
    };
    let (_, ended) = process::talk(command, b"", until, &tick, |_| Ok(())).map_err(|error| git::lacking(&error))?;
    match ended.stopped {
        Some(why) => Err(Refusal::Failed(format!("{location} was not fetched: {why}"))),
        None if ended.well && size(store) <= most => Ok(()),
        None if ended.well => Err(Refusal::Failed(format!("{location} was not fetched: it sends more than {} MiB", most >> 20))),
        None => Err(Refusal::Failed(format!("{location} was not fetched: {}", git::complaint(&ended.said)))),
    }
}

/// How many bytes a store holds: packs and what is on its way to become one.
fn size(store: &Path) -> u64 {
    let mut open = vec![store.join("objects")];
    let (mut sum, mut looked) = (0, 0);
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten().take(10_000) {
            looked += 1;
            match entry.metadata() {
                Ok(data) if data.is_dir() && looked < 20_000 => open.push(entry.path()),
                Ok(data) => sum += data.len(),
                Err(_) => {}
            }
        }
    }
    sum
}

/// A folder for one fetch, for nobody else to read, that goes away.
struct Yard(PathBuf);

impl Yard {
    fn new() -> Result<Yard, Refusal> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let chance = u64::from_le_bytes(plimsoll_core::Seed::system().bytes());
        let path = std::env::temp_dir().join(format!("plimsoll-assess-{}-{number}-{chance:08x}", std::process::id()));
        abandon::make(&path)?;
        Ok(Yard(path))
    }
}

impl Drop for Yard {
    fn drop(&mut self) {
        abandon::remove(&self.0);
    }
}
