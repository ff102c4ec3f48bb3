//! A host without a network: requests go through the whole stack in memory.

use std::sync::{Arc, OnceLock};

use ::http::{Method, Request, header};
use http_body_util::BodyExt;
use plimsoll_core::Access;
use serde_json::{Value, json};

use super::*;
use crate::{
    Body, Ctx, Host, Read, Write,
    config::Profile,
    edge::{
        Rules,
        config::{CorsConfig, ServerConfig, TlsConfig},
    },
    host::serve,
    identity,
    limits::{Limits, config::LimitsConfig},
    route::{Empty, Json, Routes, Table, Wiring},
};

pub(super) const OWNER: &str = "owner@acme.example";

async fn hello(ctx: Ctx<(), Read>, (): ()) -> crate::Result<Json<String>> {
    Ok(Json(ctx.who.id.to_string()))
}
async fn change(ctx: Ctx<(), Write>, (): ()) -> crate::Result<crate::Committed<Empty>> {
    ctx.commit(|_| Ok(Empty)).await
}

fn table() -> Table {
    let mut wiring = Wiring::default();
    let slot: Arc<OnceLock<Arc<()>>> = Arc::new(OnceLock::from(Arc::new(())));
    identity::routes(&mut Routes::new(&mut wiring, "host", "/v1", slot.clone()));
    identity::well_known(&mut Routes::new(&mut wiring, "host", "", slot.clone()));
    let mut own = Routes::new(&mut wiring, "songbook", "/v1", slot);
    own.get("/songs", Access::needs("songs:read", Role::Viewer), hello);
    own.post("/songs", Access::needs("songs:write", Role::Editor), change);
    own.get("/open", Access::public("for the test"), hello);
    Table::build(wiring.routes).unwrap()
}

/// A host without a network, with an owner of `acme`.
pub(super) struct Served {
    pub(super) bench: Bench,
    pub(super) host: Arc<Host>,
    pub(super) tenant: TenantId,
    pub(super) owner: UserId,
}

pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: ::http::HeaderMap,
    pub(super) body: Value,
}

impl Answer {
    pub(super) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }
    pub(super) fn text(&self, name: &str) -> String {
        self.body[name].as_str().unwrap_or_else(|| panic!("no {name} in {}", self.body)).to_owned()
    }
    pub(super) fn cookie(&self) -> String {
        let set = self.headers[header::SET_COOKIE].to_str().unwrap();
        set.split(';').next().unwrap().to_owned()
    }
}

/// How a request says who it is.
#[derive(Clone)]
pub(super) enum As {
    Nobody,
    Bearer(String),
    Cookie(String),
}

impl Served {
    pub(super) async fn new() -> Served {
        Served::with(Config::default(), &[]).await
    }

    pub(super) async fn with(config: Config, off: &[&str]) -> Served {
        let bench = Bench::with(config, &[]).await;
        let (tenant, owner) = bench.acme().await;
        let identity = Bench::engine(&bench.desk).await;
        let host = Host {
            idempotency: Arc::new(
                crate::replies::idempotency::Idempotency::new(&Default::default(), identity.master_key(), Seed::system()).unwrap(),
            ),
            archive: None,
            work: Arc::new(crate::work::Work::new(
                &Default::default(),
                crate::work::events::Bus::new(&Default::default(), &Default::default(), true),
                Default::default(),
                &Seed::system(),
            )),
            webhooks: Arc::new(crate::work::webhooks::Webhooks::new(Default::default(), Profile::Development, 4).unwrap()),
            store: bench.store.clone(),
            clock: bench.clock.clone(),
            seed: Seed::system(),
            routes: table(),
            events: ledger::Events::default(),
            identity,
            limits: Limits::new(&LimitsConfig::default()).unwrap(),
            edge: Rules::new(&ServerConfig::default(), &CorsConfig::default(), &TlsConfig::default(), Profile::Development).unwrap(),
            telemetry: Default::default(),
            tellers: crate::telemetry::told::Tellers(Vec::new()),
            reaches: Vec::new(),
            health: Default::default(),
            description: Default::default(),
            upstreams: Default::default(),
            shared: None,
            cache: crate::replies::cache::Cache::new(&Default::default(), None, bench.clock.clone(), &Seed::system()).unwrap(),
            retention: crate::retention::Retention::new(&[], &Default::default()).unwrap(),
            purposes: Default::default(),
            subjects: crate::subject::Subjects::new(crate::subject::Register::host(), &super::master()).unwrap(),
            shelf: None,
            proofs: Default::default(),
            body_limit: 65_536,
            body_timeout: Duration::from_secs(5),
            compute_slots: Arc::new(tokio::sync::Semaphore::new(2)),
            off: off.iter().chain(&["rate-limit"]).map(|practice| ((*practice).to_owned(), "test".to_owned())).collect(),
        };
        host.health.started();
        Served { bench, host: Arc::new(host), tenant, owner }
    }

    pub(super) async fn ask(&self, method: Method, path: &str, who: &As, body: Value) -> Answer {
        let mut request = Request::builder().method(&method).uri(path).header(header::HOST, "localhost");
        request = match who {
            As::Nobody => request,
            As::Bearer(token) => request.header(header::AUTHORIZATION, format!("Bearer {token}")),
            As::Cookie(cookie) => request.header(header::COOKIE, cookie).header("sec-fetch-site", "same-origin"),
        };
        let body = if body.is_null() {
            Body::empty()
        } else {
            request = request.header(header::CONTENT_TYPE, "application/json");
            Body::from(body.to_string())
        };
        let answer = serve(self.host.clone(), "192.0.2.7:4711".parse().unwrap(), false, request.body(body).unwrap()).await;
        let (parts, body) = answer.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() };
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }
    pub(super) async fn get(&self, path: &str, who: &As) -> Answer {
        self.ask(Method::GET, path, who, Value::Null).await
    }
    pub(super) async fn post(&self, path: &str, who: &As, body: Value) -> Answer {
        self.ask(Method::POST, path, who, body).await
    }
    pub(super) async fn login(&self, email: &str, password: &str) -> Answer {
        self.post("/v1/auth/login", &As::Nobody, json!({ "email": email, "password": password })).await
    }
    pub(super) async fn owner(&self) -> As {
        As::Bearer(self.login(OWNER, PASSWORD).await.text("access_token"))
    }
    /// A member with a role, logged in.
    pub(super) async fn member(&self, role: Role) -> As {
        let email = format!("{role}-{}@acme.example", hex(&Seed::system().bytes::<4>()));
        self.bench.desk.create_user("acme", &email, role, Some("twelve lamps under water")).await.unwrap();
        As::Bearer(self.login(&email, "twelve lamps under water").await.text("access_token"))
    }
    pub(super) async fn host_actions(&self) -> Vec<String> {
        self.bench.actions(TenantId::from_bits(0)).await
    }
}
