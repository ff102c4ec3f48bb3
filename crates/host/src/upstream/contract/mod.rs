//! What a mounted service says about itself, and what the host makes of it.
//!
//! A service that publishes an OpenAPI description gets real templates in logs and metrics, rules
//! by operation and tag, checks of its input where they are asked for, and a list of what is asked
//! for and stands in no description. The description is read when the service becomes ready and
//! when somebody asks for it, never for a request; it comes from a foreign program and is bounded
//! in every direction. Where it cannot be read, nothing opens: rules by path hold as they do
//! without it, and a rule that names what is not there closes what no other rule covers.

pub mod admin;
mod book;
pub mod check;
pub mod description;
mod fetch;
pub mod reading;
pub mod schema;
pub mod template;
pub mod traffic;

use std::{
    sync::{
        Arc, Mutex, PoisonError, RwLock, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use http::{Method, Request};
use plimsoll_core::{Code, Error, Result, Time};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::Notify,
};

use self::{
    book::Book,
    check::Strictness,
    description::{Description, kept},
    fetch::Miss,
    traffic::Traffic,
};
use super::{
    access::Rules,
    config::{RoutesConfig, ServiceConfig, Validate},
    lifecycle::Lifecycle,
    mount::Mount,
};
use crate::{
    Body, Host,
    exchange::Exchange,
    route::{Route, RouteClass, Table},
};

/// Where descriptions stand by custom.
const CUSTOM: [&str; 2] = ["/openapi.json", "/swagger.json"];
/// Most routes that are kept ready made for one description.
const READY_MADE: usize = 20_000;
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Where a description comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Source {
    Nowhere,
    Custom,
    At(String),
    File(String),
}

/// How it stands with the description of one service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Nobody has asked yet, or the service has not answered yet.
    Waiting(String),
    /// It was read.
    Read {
        /// `OpenAPI 3.1.0`.
        form: String,
        /// Where it was found.
        place: String,
        /// When.
        at: Time,
    },
    /// There is none.
    Absent(String),
    /// It cannot be used; an earlier one stays in force.
    Unusable(String),
}

/// One service's description and the rules about it.
pub struct Contract {
    mount: Arc<Mount>,
    source: Source,
    strictness: Strictness,
    rules: Arc<Rules>,
    book: RwLock<Arc<Book>>,
    standing: Mutex<Standing>,
    reload: Notify,
    traffic: Traffic,
    reported: AtomicU64,
    refused: AtomicU64,
}

impl Contract {
    /// The rules for `mount`; nothing is asked for yet.
    pub fn new(mount: Arc<Mount>, rules: Arc<Rules>, service: &ServiceConfig, routes: &RoutesConfig) -> Contract {
        let source = match service.openapi.as_deref().map(str::trim).filter(|_| mount.prefix.is_empty()) {
            None => Source::Custom,
            Some("off") => Source::Nowhere,
            Some(text) => match text.strip_prefix("file:") {
                Some(file) => Source::File(file.to_owned()),
                None => Source::At(text.to_owned()),
            },
        };
        let standing = match source {
            Source::Nowhere => Standing::Absent("`[service] openapi` is off".to_owned()),
            _ => Standing::Waiting("it has not been asked for yet".to_owned()),
        };
        let strictness =
            Strictness { mode: routes.validate, limit: routes.validate_limit.length(), patience: service.idle_timeout.duration() };
        Contract {
            book: RwLock::new(Arc::new(Book::new(&mount, rules.clone(), None, &Table::default(), &|_| false))),
            standing: Mutex::new(standing),
            reload: Notify::new(),
            traffic: Traffic::default(),
            reported: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            mount,
            source,
            strictness,
            rules,
        }
    }

    /// The service.
    pub fn mount(&self) -> &Arc<Mount> {
        &self.mount
    }
    /// How it stands.
    pub fn standing(&self) -> Standing {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
    fn book(&self) -> Arc<Book> {
        self.book.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
    /// Asks for the description again, soon.
    pub fn reload(&self) {
        self.reload.notify_one();
    }
    /// Whether the description says that the service answers this path of the host's own.
    pub fn yields(&self, path: &str) -> bool {
        self.book.read().unwrap_or_else(PoisonError::into_inner).yields.contains(path)
    }

    /// The route for a request.
    ///
    /// # Errors
    /// `ServiceStarting` where only a description that could not be asked for yet stands against it.
    pub fn route(&self, method: &Method, path: &str) -> Result<Arc<Route>> {
        let book = self.book();
        let judged = book.rulebook.judge(method, path);
        if judged.unresolved
            && !book.rulebook.described()
            && let Standing::Waiting(_) = self.standing()
        {
            return Err(Code::ServiceStarting.because("the service's description has not been read yet").retry_after(1));
        }
        let class = if method.is_safe() { RouteClass::Read } else { RouteClass::Write };
        let template = judged.template.as_deref().map_or(book.rest, kept);
        let operation = judged.operation.as_ref().map(|operation| Arc::as_ptr(operation) as usize);
        let key = (template.as_ptr() as usize, class, judged.demands, operation);
        if let Some(known) = book.routes.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(known.clone());
        }
        let mut demanded = book.rulebook.rules().demanded(judged.demands).into_iter();
        let access = demanded.next().unwrap_or(plimsoll_core::Access::Nobody);
        let mut route = Route::mounted(self.mount.clone(), template, access, class);
        route.besides = demanded.collect();
        if let Some(operation) = &judged.operation {
            route.operation = format!("{}.{}", self.mount.name, operation.id).into();
        }
        route.described = judged.operation;
        let route = Arc::new(route);
        let mut routes = book.routes.write().unwrap_or_else(PoisonError::into_inner);
        if routes.len() < READY_MADE {
            routes.insert(key, route.clone());
        }
        Ok(route)
    }

    /// Holds a request against its operation, where that is asked for.
    ///
    /// # Errors
    /// With `enforce`: what is wrong with it, each fault with its pointer.
    pub async fn check(&self, route: &Route, request: Request<Body>) -> Result<Request<Body>> {
        let Some(operation) = route.described.as_ref().filter(|_| self.strictness.mode != Validate::Off) else { return Ok(request) };
        let enforce = self.strictness.mode == Validate::Enforce;
        let checked = check::check(operation, self.strictness, request).await.inspect_err(|error| {
            if matches!(error.code(), Code::Malformed | Code::UnsupportedMedia | Code::BodyTooLarge) {
                self.refused.fetch_add(1, Ordering::Relaxed);
            }
        })?;
        if checked.faults.is_empty() {
            return Ok(checked.request);
        }
        if enforce {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return Err(Error::invalid(checked.faults));
        }
        self.reported.fetch_add(1, Ordering::Relaxed);
        // Names of fields that nobody described are the caller's own words and stay out of the log.
        let known = checked.faults.iter().filter(|fault| fault.detail != schema::UNKNOWN_FIELD);
        let first: Vec<String> = known.take(5).map(|fault| format!("{} {}", fault.pointer, fault.detail)).collect();
        tracing::warn!(
            service = self.mount.name,
            operation = %operation.id,
            faults = checked.faults.len(),
            first = first.join("; "),
            "a request does not fit the service's description"
        );
        Ok(checked.request)
    }

    /// Remembers what was asked for.
    pub fn note(&self, route: &Route, x: &Exchange, path: &str, status: u16) {
        match &route.described {
            // What was refused here was not asked of the service.
            Some(_) if x.refused_by.is_some() => {}
            Some(operation) => {
                operation.seen.store(u64::try_from(x.arrived.micros()).unwrap_or_default().max(1), Ordering::Relaxed);
                operation.count.fetch_add(1, Ordering::Relaxed);
            }
            None if self.book.read().unwrap_or_else(PoisonError::into_inner).rulebook.described() => {
                self.traffic.note(&x.method, path, status, x.arrived);
            }
            None => {}
        }
    }

    /// What a person should look at; nothing when all is well.
    pub fn complaint(&self) -> Option<String> {
        let book = self.book();
        let mut said = Vec::new();
        let waiting = match self.standing() {
            Standing::Unusable(why) => {
                said.push(format!("the description cannot be used: {why}"));
                false
            }
            Standing::Absent(why) if matches!(self.source, Source::At(_) | Source::File(_)) => {
                said.push(format!("there is no description: {why}"));
                false
            }
            standing => matches!(standing, Standing::Waiting(_)),
        };
        if !waiting && !book.rulebook.unresolved.is_empty() {
            let names = book.rulebook.unresolved.join("`, `");
            said.push(format!("rules name what the description does not have: `{names}`; what no other rule covers is closed"));
        }
        said.extend(book.collisions.iter().cloned());
        (!said.is_empty()).then(|| said.join(". "))
    }

    /// Requests that broke the description: told, refused.
    pub fn faults(&self) -> (u64, u64) {
        (self.reported.load(Ordering::Relaxed), self.refused.load(Ordering::Relaxed))
    }

    /// Reads the description whenever the service becomes ready, somebody asks for it, or SIGHUP
    /// comes, for as long as the host lives.
    pub async fn keep(self: Arc<Contract>, host: Weak<Host>) {
        let mut hangup = signal(SignalKind::hangup()).ok();
        let mut lifecycle = None;
        let mut pause = FIRST_PAUSE;
        if self.source == Source::Nowhere {
            return;
        }
        loop {
            lifecycle = lifecycle.or_else(|| self.mount.watch());
            let ready = |state: &Lifecycle| *state == Lifecycle::Ready;
            if let Some(watched) = &mut lifecycle
                && watched.wait_for(ready).await.is_err()
            {
                return;
            }
            let again = match &host.upgrade() {
                None => return,
                Some(host) => self.refresh(host).await,
            };
            pause = if again { (pause * 2).min(LONGEST_PAUSE) } else { FIRST_PAUSE };
            let changed = async {
                match &mut lifecycle {
                    // Not ready any more: what it says when it is again may be something else.
                    Some(watched) => drop(watched.wait_for(|state| !ready(state)).await),
                    None => std::future::pending().await,
                }
            };
            let renewed = async {
                match &mut hangup {
                    Some(hangup) => drop(hangup.recv().await),
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.reload.notified() => {}
                () = changed => {}
                () = renewed => {}
                () = tokio::time::sleep(pause), if again => {}
            }
        }
    }

    /// Reads the description once; whether asking again may help.
    pub async fn refresh(&self, host: &Host) -> bool {
        let found = self.find().await;
        let (standing, again) = match found {
            Ok((place, bytes)) => {
                let prefix = self.mount.prefix.clone();
                // Reading four megabytes takes a processor for a while.
                let read = host.compute(move || Ok(description::read(&bytes, &prefix))).await;
                match read.map_err(|error| error.public().to_owned()).and_then(|read| read) {
                    Ok(description) => {
                        let form = description.form.clone();
                        self.take(host, description);
                        (Standing::Read { form, place, at: host.clock.now() }, false)
                    }
                    // At an address of custom anything may stand.
                    Err(why) if self.source == Source::Custom && why.contains("it says neither") => {
                        (Standing::Absent(format!("`{place}` is no description")), false)
                    }
                    Err(why) => (Standing::Unusable(format!("`{place}`: {why}")), false),
                }
            }
            Err(Miss::Absent(why)) => (Standing::Absent(why), false),
            Err(Miss::Unusable(why)) => (Standing::Unusable(why), false),
            Err(Miss::Away(why)) => {
                let known = self.book().rulebook.described();
                (if known { self.standing() } else { Standing::Waiting(why) }, true)
            }
        };
        let before = std::mem::replace(&mut *self.standing.lock().unwrap_or_else(PoisonError::into_inner), standing);
        self.say(&before);
        again
    }

    async fn find(&self) -> Result<(String, bytes::Bytes), Miss> {
        match &self.source {
            Source::Nowhere => Err(Miss::Absent("nobody is asked".to_owned())),
            Source::File(path) => fetch::file(path).await.map(|bytes| (path.clone(), bytes)),
            Source::At(path) => fetch::fetch(&self.mount, path).await.map(|bytes| (path.clone(), bytes)),
            Source::Custom => {
                let mut last = None;
                for place in CUSTOM {
                    let place = format!("{}{place}", self.mount.prefix);
                    match fetch::fetch(&self.mount, &place).await {
                        Ok(bytes) => return Ok((place, bytes)),
                        Err(miss @ Miss::Absent(_)) => last = Some(miss),
                        Err(miss) => return Err(miss),
                    }
                }
                Err(last.unwrap_or(Miss::Absent("there is none".to_owned())))
            }
        }
    }

    /// Puts a description in force.
    fn take(&self, host: &Host, description: Description) {
        let given = |path: &str| host.upstreams.gives(path);
        let book = Book::new(&self.mount, self.rules.clone(), Some(&description), &host.routes, &given);
        *self.book.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(book);
    }

    /// One line when it stands otherwise than before.
    fn say(&self, before: &Standing) {
        let (now, service) = (self.standing(), self.mount.name);
        let again = matches!((before, &now), (Standing::Read { form, place, .. }, Standing::Read { form: other, place: there, .. }) if form == other && place == there);
        if *before == now || again {
            return;
        }
        match &now {
            Standing::Read { form, place, .. } => {
                let operations = self.book().rulebook.operations().len();
                tracing::info!(service, form, place, operations, "the service's description is read");
            }
            Standing::Absent(why) => tracing::info!(service, why, "the service has no description"),
            Standing::Waiting(why) => tracing::info!(service, why, "the service's description is asked for again"),
            Standing::Unusable(why) => tracing::warn!(service, why, "the service's description cannot be used"),
        }
        if let Some(complaint) = self.complaint().filter(|_| !matches!(now, Standing::Unusable(_))) {
            tracing::warn!(service, "{complaint}");
        }
    }
}
