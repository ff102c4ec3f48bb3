//! A running deployment as the target of a proof.
//!
//! Only what was granted is done to it: scratch tenants where its data is at hand, the operations
//! listener where it answers. What needs more (other settings, an outage, bursts from addresses of
//! its own) is done to a private instance of the same binary and configuration instead.

use std::sync::Arc;

use plimsoll::{Code, Error, config::Config, database, edge::config::ServerConfig};
use plimsoll_assess::{
    Boxed,
    rig::{Ask, Ground, Operator, Rig, Site, Trouble, get},
    run::{self, Found, Manner},
};

use super::{house::Office, private::Entry};
use crate::{arguments::Global, output};

/// An address that may be attacked.
#[derive(Debug)]
pub struct Target {
    /// Scheme, host and port, without a slash at the end.
    base: String,
    local: bool,
}

impl Target {
    /// Reads an address and asks whether it may be attacked: this machine always, another one only
    /// if its name was given.
    ///
    /// # Errors
    /// [`Code::Invalid`] for what is no address; [`Code::Refused`] for a host that was not named.
    pub fn allowed(url: &str, allowed: &[String]) -> Result<Target, Error> {
        let wrong = || Code::Invalid.because(format!("`{url}` is not an address such as http://127.0.0.1:8080"));
        let parsed: http::Uri = url.parse().map_err(|_| wrong())?;
        let (scheme, authority) = match (parsed.scheme_str(), parsed.authority()) {
            (Some(scheme @ ("http" | "https")), Some(authority)) if !authority.as_str().contains('@') => (scheme, authority),
            _ => return Err(wrong()),
        };
        if !matches!(parsed.path(), "" | "/") || parsed.query().is_some() {
            return Err(Code::Invalid.because("the address of a service has no path; give scheme, host and port"));
        }
        let host = authority.host().trim_matches(['[', ']']);
        let local = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
        if !local && !allowed.iter().any(|name| name.eq_ignore_ascii_case(host)) {
            return Err(Code::Refused.because(format!(
                "`{host}` is not this machine, and nobody said that it may be attacked; if it is yours, add --allow {host}"
            )));
        }
        Ok(Target { base: format!("{scheme}://{authority}"), local })
    }

    /// The address.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// What may be done to a deployment of Plimsoll: scratch tenants if the data here is its data,
    /// its operations listener if it is where the configuration says.
    /// `native`: whether its description is its own.
    pub async fn ground(&self, global: &Global, config: &Config, seed: u64, operations: Option<&str>, native: bool) -> Ground {
        let guess = self.local.then(|| format!("http://{}", config.get::<ServerConfig>().operations));
        let site = Site { base: self.base.clone(), operations: operations.map(str::to_owned).or(guess) };
        let mut ground = Ground { native, ..stranger(site, seed) };
        if !answers(&ground, get("/").operations(), "operations listener").await {
            ground.site.operations = None;
        }
        let there = database::shared(config) || global.data.join("plimsoll.db").is_file();
        if there {
            match Office::open(global) {
                Ok(office) => ground.operator = owned(&ground, Arc::new(office)).await,
                Err(error) => output::say(&format!("no scratch tenants: {error}")),
            }
        }
        ground
    }
}

/// The operator, if a tenant made with it is one of the deployment's tenants.
async fn owned(ground: &Ground, operator: Arc<dyn Operator>) -> Option<Arc<dyn Operator>> {
    const SLUG: &str = "probe-first";
    let _ = operator.remove(SLUG).await;
    let found = match operator.tenant(SLUG).await {
        Ok(key) => answers(ground, get("/v1/tenants").bearer(key), SLUG).await,
        Err(why) => {
            output::say(&format!("no scratch tenants: {why}"));
            false
        }
    };
    let _ = operator.remove(SLUG).await;
    if !found {
        output::say("no scratch tenants: the data here is not the data of that deployment (see --data and --database-url)");
    }
    found.then_some(operator)
}

/// What answers at an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A Plimsoll with native systems: it describes them.
    Native,
    /// A Plimsoll in front of a foreign service: refusals are the host's, the description is not.
    Mounted,
    /// Something else.
    Stranger,
}

/// What answers there.
///
/// # Errors
/// When nothing answers at all.
pub async fn kind(site: &Site) -> Result<Kind, Trouble> {
    let mut rig = Rig::new(Arc::new(stranger(site.clone(), 0)), "start", Vec::new(), 0);
    if rig.quietly(get("/openapi.json")).await?.text().contains("x-plimsoll-access") {
        return Ok(Kind::Native);
    }
    // A path that the host gives to nobody, asked without a credential.
    let refused = rig.quietly(get("/v1/auth/me")).await?.is(401, "PLM-AUTH-001");
    Ok(if refused { Kind::Mounted } else { Kind::Stranger })
}

/// Findings of a private instance, marked as such.
pub fn elsewhere(mut found: Found) -> Found {
    for finding in found.practices.values_mut().flatten() {
        finding.transcript.insert(0, "on a private instance of the same binary and configuration".to_owned());
    }
    found
}

/// Nothing but an address.
pub fn stranger(site: Site, seed: u64) -> Ground {
    Ground { site, seed, believed: false, operator: None, log: None, collector: None, native: false, service: None, stage: None }
}

async fn answers(ground: &Ground, ask: Ask, with: &str) -> bool {
    let mut rig = Rig::new(Arc::new(stranger(ground.site.clone(), ground.seed)), "start", Vec::new(), 0);
    rig.quietly(ask).await.is_ok_and(|reply| reply.good() && reply.text().contains(with))
}

/// The practices whose probes need no more than the deployment grants, and the others.
pub fn split(ground: &Ground, practices: &[Entry]) -> (Vec<Entry>, Vec<Entry>) {
    let granted = |entry: &Entry| entry.0.probe.is_none_or(|probe| probe.needs.iter().all(|need| ground.grants(*need)));
    practices.iter().cloned().partition(granted)
}

/// Attacks the deployment, one probe after the other: it has its own work to do.
pub async fn attack(ground: Ground, practices: &[Entry]) -> Found {
    run::run(practices, Arc::new(ground), Manner::Attack, 1).await
}

/// Looks at any other HTTP service: reading requests only.
pub fn look<'a>(target: &'a Target, seed: u64, practices: &'a [Entry]) -> Boxed<'a, Found> {
    Box::pin(async move {
        let site = Site { base: target.base.clone(), operations: None };
        run::run(practices, Arc::new(stranger(site, seed)), Manner::Look, 1).await
    })
}
