//! A new version beside the old one: its share, what is measured, and the way back.

use std::{sync::Arc, time::Duration};

use plimsoll_assess::{
    Rig, Trouble,
    rig::{Copy, Reply, Service, get, post},
};
use serde_json::{Value, json};

/// How long an instance may take to find out what its candidate is like.
const SOON: Duration = Duration::from_secs(10);
/// Requests before anything is concluded.
const LEAST: usize = 12;

/// An old version, a new one, and an instance in front of both.
struct Pair {
    old: Arc<Service>,
    new: Arc<Service>,
    /// Ends when it is dropped.
    _copy: Copy,
    owner: String,
}

impl Pair {
    async fn start(rig: &mut Rig, weight: &str) -> Result<Pair, Trouble> {
        let (old, new) = (Arc::new(Service::start().await?), Arc::new(Service::start().await?));
        let least = LEAST.to_string();
        let copy = rig
            .copy(&[
                ("service.url", &old.base),
                ("service.openapi", "off"),
                ("routes.default", "public: the prober's own"),
                ("release.candidate", &new.base),
                ("release.weight", weight),
                ("release.smoke", "/status/200?key=smoke"),
                ("release.smoke_every", "50ms"),
                ("release.least", &least),
                ("limits.address", "off"),
            ])
            .await?;
        rig.turn_to(&copy);
        let tenant = rig.tenant_on(&copy).await?;
        let owner = tenant.owner.clone();
        let pair = Pair { old, new, _copy: copy, owner };
        pair.becomes(rig, "gate", "green").await?;
        Ok(pair)
    }

    /// Waits until a field of the release is this; whether it was.
    async fn becomes(&self, rig: &mut Rig, field: &str, value: &str) -> Result<bool, Trouble> {
        let told = rig.until(SOON, || get("/v1/release").bearer(&self.owner), |reply| reply.json()[field] == value).await?;
        Ok(told.is_some())
    }
    async fn told(&self, rig: &mut Rig) -> Result<Value, Trouble> {
        Ok(rig.quietly(get("/v1/release").bearer(&self.owner)).await?.json())
    }
    async fn order(&self, rig: &mut Rig, order: Value) -> Result<Reply, Trouble> {
        rig.quietly(post("/v1/release").bearer(&self.owner).json(&order)).await
    }
    /// So many requests with this key; how many of them were answered with 200.
    async fn ask(&self, rig: &mut Rig, key: &str, count: usize) -> Result<usize, Trouble> {
        let mut good = 0;
        for _ in 0..count {
            good += usize::from(rig.quietly(get(format!("/echo?key={key}"))).await?.status == 200);
        }
        Ok(good)
    }
}

/// A share of callers, a measured promotion, a version that is withdrawn because it is worse.
pub(crate) async fn measured(rig: &mut Rig) -> Result<(), Trouble> {
    rig.check("share");
    let pair = Pair::start(rig, "50%").await?;
    let home = rig.address().map(str::to_owned);
    for caller in 1..=60 {
        rig.move_to(&format!("198.51.100.{caller}"));
        pair.ask(rig, "share", 1).await?;
    }
    let (new, old) = (pair.new.arrivals("share"), pair.old.arrivals("share"));
    rig.note("60 callers, of whom half are for the new version");
    rig.must((15..=45).contains(&new) && new + old == 60, "about half of the callers reach the new version, and the others the old one");
    if let Some(home) = home {
        rig.move_to(&home);
    }

    rig.check("measured");
    let pair = Pair::start(rig, "100%").await?;
    let early = pair.order(rig, json!({ "action": "promote" })).await?;
    rig.must(early.status == 409, "a version that nothing was measured of is not promoted");
    pair.ask(rig, "measured", LEAST).await?;
    let promoted = pair.order(rig, json!({ "action": "promote" })).await?;
    rig.must(promoted.status == 200 && promoted.json()["phase"] == "promoted", "one whose requests were answered well is");

    rig.check("stops-itself");
    let pair = Pair::start(rig, "100%").await?;
    pair.ask(rig, "good", LEAST).await?;
    pair.new.ail("bad", Some(500));
    let served = pair.ask(rig, "bad", 10).await?;
    rig.note("a new version that answers 500 from its 13th request on");
    rig.must(served == 9, "one caller is hurt, and the next is served by the old version");
    let told = pair.told(rig).await?;
    rig.must(told["phase"] == "returned" && told["why"].is_string(), "the release says that it was returned, and why");
    Ok(())
}

/// A check that fails takes the new version away without anybody's hand.
pub(crate) async fn restored(rig: &mut Rig) -> Result<(), Trouble> {
    rig.check("detects");
    let pair = Pair::start(rig, "100%").await?;
    let served = pair.ask(rig, "before", 1).await?;
    rig.must(served == 1 && pair.new.arrivals("before") == 1, "the new version serves while its checks pass");
    pair.new.ail("smoke", Some(503));
    let noticed = pair.becomes(rig, "gate", "red").await?;
    rig.must(noticed, "that its check fails is noticed within the stated time");

    rig.check("restores");
    let served = pair.ask(rig, "after", 5).await?;
    let (new, old) = (pair.new.arrivals("after"), pair.old.arrivals("after"));
    rig.must(served == 5 && new == 0 && old == 5, "the old version serves again without anybody acting");

    rig.check("reported");
    let told = pair.told(rig).await?;
    let why = told["gate_why"].as_str().unwrap_or_default();
    rig.must(told["share"] == "0%" && why.contains("503"), "the release says that its check fails, and which answer it got");
    Ok(())
}

/// One order moves everything to the other version, and one moves it back.
pub(crate) async fn switched(rig: &mut Rig) -> Result<(), Trouble> {
    rig.check("side-by-side");
    let pair = Pair::start(rig, "0%").await?;
    let told = pair.told(rig).await?;
    let (stable, candidate) = (&told["stable"]["url"], &told["candidate"]["url"]);
    rig.must(stable.is_string() && candidate.is_string() && stable != candidate, "two versions run, each with an address of its own");
    let before = pair.ask(rig, "before", 5).await?;
    rig.must(before == 5 && pair.old.arrivals("before") == 5, "the old one serves");

    rig.check("switch");
    pair.order(rig, json!({ "action": "start", "weight": "100%" })).await?;
    let there = pair.ask(rig, "there", 5).await?;
    rig.must(there == 5 && pair.new.arrivals("there") == 5, "after one order the new version serves every request, and none fails");

    rig.check("switch-back");
    pair.order(rig, json!({ "action": "return" })).await?;
    let back = pair.ask(rig, "back", 5).await?;
    rig.must(back == 5 && pair.old.arrivals("back") == 5, "after another the old one does, and none fails");
    Ok(())
}
