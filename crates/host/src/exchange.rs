//! A request and its answer on their way through the stack.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use http::{HeaderName, HeaderValue, Method};
use plimsoll_core::{Error, Principal, RequestId, Time};

use crate::{host::Host, route::Matched, telemetry::Trace};

/// Everything the layers learn about one request, filled from the top of the stack to the bottom.
pub struct Exchange {
    /// The host that answers.
    pub host: Arc<Host>,
    /// The id in the log line, the span, the ledger entry and the problem document.
    pub request: RequestId,
    /// The id the caller gave this request, where it is harmless: shown again, never relied on.
    pub client_request: Option<String>,
    /// Trace context, taken over from the caller or begun here.
    pub trace: Trace,
    /// When the head of the request had been read.
    pub started: Instant,
    /// The same moment on the host's clock.
    pub arrived: Time,
    /// Who is at the other end of the connection.
    pub peer: SocketAddr,
    /// Whose address counts: the peer, or what a trusted proxy says. Set by the layer `caller`.
    pub caller: IpAddr,
    /// Whether the caller's own connection is encrypted. Set by the listener, then by `caller`.
    pub secure: bool,
    /// The page that asks, where a browser says so.
    pub origin: Option<HeaderValue>,
    /// Whether the credential came in a cookie, which a browser attaches by itself. Set by the layer `identity`.
    pub cookie_auth: bool,
    /// The method, kept for the log after the request was consumed.
    pub method: Method,
    /// The route that was found and the parameters in its path.
    pub matched: Option<Matched>,
    /// Who asks; `None` above the layer `identity` and on public routes without credential.
    pub principal: Option<Principal>,
    /// When the answer has to be ready.
    pub deadline: Instant,
    /// Headers that a layer wants on the answer whatever it will be.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Which layer was entered when, in order, where the trace is sampled: the raw material of the request inspector.
    pub trail: Vec<(&'static str, Duration)>,
    /// The place in the whole that this request takes, until it is answered or its caller hangs up.
    pub place: Option<crate::limits::shed::Place>,
    /// Whether this is a copy for a candidate whose answer nobody reads.
    pub mirrored: bool,
    /// Whether this is done as a job: nobody waits, and the time is the job's.
    pub later: bool,
    /// How often the request was sent to a mounted service.
    pub attempts: u32,
    /// The request's key and what it stands for, where a native route honours one. Set by the layer `replay`.
    pub ticket: Option<Arc<crate::replies::idempotency::Ticket>>,
    /// The side of a release that answers, where there is one. Set by the layer `release`.
    pub steered: Option<crate::upstream::release::Steered>,
    /// The layer that refused, if one did.
    pub refused_by: Option<&'static str>,
    /// The error that the answer reports, for the log.
    pub error: Option<Error>,
}

impl Exchange {
    /// Begins an exchange for a request that has just been read.
    pub fn new(host: Arc<Host>, peer: SocketAddr, secure: bool, request: &http::Request<crate::Body>) -> Exchange {
        let started = Instant::now();
        let arrived = host.clock.now();
        Exchange {
            request: RequestId::new(arrived, &host.seed),
            client_request: None,
            trace: Trace::default(),
            started,
            arrived,
            peer,
            caller: peer.ip(),
            secure,
            origin: request.headers().get(http::header::ORIGIN).cloned(),
            cookie_auth: false,
            method: request.method().clone(),
            matched: None,
            principal: None,
            deadline: started + Duration::from_secs(3600),
            headers: Vec::new(),
            trail: Vec::new(),
            place: None,
            mirrored: false,
            later: false,
            attempts: 0,
            ticket: None,
            steered: None,
            refused_by: None,
            error: None,
            host,
        }
    }

    /// The template of the matched route (`/v1/songs/{id}`), for logs and metrics.
    pub fn template(&self) -> Option<&'static str> {
        self.matched.as_ref().map(|matched| matched.route.template)
    }

    /// Puts a header on the answer, whatever it will be.
    pub fn header(&mut self, name: HeaderName, value: HeaderValue) {
        self.headers.push((name, value));
    }
}
