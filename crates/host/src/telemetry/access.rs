//! The one line each request leaves.
//!
//! The path is never logged, only the template of the route: ids, searches and whatever a caller
//! puts into an address stay out of the log. An address that matches no route shows as `-`.

use std::{net::IpAddr, time::Duration};

use plimsoll_core::{Error, Principal, RequestId, Time};

use super::{Format, Level, Line, Redactor, Trace, metrics};
use crate::exchange::Exchange;

/// What the host learned about a request, seen from its end.
#[derive(Clone, Copy)]
pub struct Facts<'x> {
    /// When the answer was ready, on the host's clock.
    pub at: Time,
    /// From the head of the request to the head of the answer.
    pub took: Duration,
    /// The request's id.
    pub request: RequestId,
    /// The id the caller gave it.
    pub client_request: Option<&'x str>,
    /// Its trace.
    pub trace: Trace,
    /// The place of its method, from [`metrics::method`].
    pub method: u8,
    /// The route's template.
    pub route: Option<&'static str>,
    /// What was answered; `None` when the caller left before that.
    pub status: Option<u16>,
    /// The size of the answer's body, where it is known.
    pub bytes: Option<u64>,
    /// Who asked.
    pub principal: Option<&'x Principal>,
    /// From where.
    pub caller: IpAddr,
    /// Whether over an encrypted connection.
    pub secure: bool,
    /// How often it was sent to a mounted service.
    pub attempts: u32,
    /// The layer that refused.
    pub refused_by: Option<&'static str>,
    /// The error that the answer reports.
    pub error: Option<&'x Error>,
    /// Which layer was entered when.
    pub trail: &'x [(&'static str, Duration)],
}

impl<'x> Facts<'x> {
    /// The facts about an exchange whose answer (or end) is this.
    pub fn of(x: &'x Exchange, answer: Option<&http::Response<crate::Body>>) -> Facts<'x> {
        Facts {
            at: x.host.clock.now(),
            took: x.started.elapsed(),
            request: x.request,
            client_request: x.client_request.as_deref(),
            trace: x.trace,
            method: metrics::method(&x.method),
            route: x.template(),
            status: answer.map(|answer| answer.status().as_u16()),
            bytes: answer.and_then(|answer| hyper::body::Body::size_hint(answer.body()).exact()),
            principal: x.principal.as_ref(),
            caller: x.caller,
            secure: x.secure,
            attempts: x.attempts,
            refused_by: x.refused_by,
            error: x.error.as_ref(),
            trail: &x.trail,
        }
    }

    /// Failures that are bugs or surprises are errors; those that a layer or a handler chose (no
    /// room, not ready) are warnings.
    pub fn level(&self) -> Level {
        match (self.status, self.refused_by, self.error) {
            (Some(500..), None, Some(_)) => Level::Error,
            (Some(500..), ..) => Level::Warn,
            _ => Level::Info,
        }
    }

    /// Writes the line.
    pub fn write(&self, out: &mut Vec<u8>, format: Format, redactor: &Redactor) {
        let (method, route) = (metrics::method_name(self.method), self.route.unwrap_or("-"));
        let mut digits = [0; 3];
        let end = match self.status {
            Some(status) => three(status, &mut digits),
            None => "abandoned",
        };
        let mut line = Line::begin(out, format, self.at, self.level(), "http", &[method, " ", route, " ", end]);
        line.word("request_id", self.request);
        if let Some(id) = self.client_request {
            line.text("client_request_id", &redactor.text(id));
        }
        if self.trace.trace_id != 0 {
            line.hex("trace_id", self.trace.trace_id, 32);
            line.hex("span_id", u128::from(self.trace.span_id), 16);
        }
        line.plain("method", method);
        line.text("route", route);
        if let Some(status) = self.status {
            line.count("status", u64::from(status));
        }
        line.millis("duration_ms", self.took);
        if let Some(bytes) = self.bytes {
            line.count("response_bytes", bytes);
        }
        if let Some(principal) = self.principal {
            line.word("tenant", principal.tenant);
            line.plain("principal_kind", principal.kind.name());
            line.text("principal", &principal.id);
        }
        line.word("caller", self.caller);
        if self.attempts > 0 {
            line.count("attempts", u64::from(self.attempts));
        }
        if let Some(layer) = self.refused_by {
            line.plain("refused_by", layer);
        }
        if let Some(error) = self.error {
            self.write_error(&mut line, error, redactor);
        }
        line.end();
    }

    fn write_error(&self, line: &mut Line<'_>, error: &Error, redactor: &Redactor) {
        line.plain("code", error.code().stable());
        if let Some(reason) = error.reason() {
            line.text("reason", reason);
        }
        if self.status.is_some_and(|status| status < 500) {
            return;
        }
        line.text("error", &redactor.text(error.public()));
        if let Some(cause) = error.cause() {
            line.text("cause", &redactor.text(&cause));
        }
        line.text("at", &error.at().to_string());
    }
}

fn three(status: u16, digits: &mut [u8; 3]) -> &str {
    *digits = [status / 100 % 10, status / 10 % 10, status % 10].map(|digit| b'0' + digit as u8);
    std::str::from_utf8(digits).unwrap_or("-")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use plimsoll_core::{Code, TenantId};

    const TRAIL: &[(&str, Duration)] = &[("trace", Duration::ZERO), ("handler", Duration::from_micros(200))];

    /// The facts about a read that went well.
    pub(in crate::telemetry) fn facts<'x>(principal: Option<&'x Principal>, error: Option<&'x Error>) -> Facts<'x> {
        Facts {
            at: Time::from_micros(1_795_255_200_123_456),
            took: Duration::from_micros(1_234),
            request: RequestId::from_bits(99),
            client_request: None,
            trace: Trace { trace_id: 0xabc, span_id: 0xdef, parent_id: None, sampled: true },
            method: 0,
            route: Some("/v1/songs/{id}"),
            status: Some(error.map_or(200, |error| error.code().status())),
            bytes: Some(512),
            principal,
            caller: [127, 0, 0, 1].into(),
            secure: false,
            attempts: 0,
            refused_by: None,
            error,
            trail: TRAIL,
        }
    }

    fn written(facts: &Facts<'_>) -> serde_json::Value {
        let mut out = Vec::new();
        facts.write(&mut out, Format::Json, &Redactor::default());
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn a_line_says_who_asked_what_and_what_came_of_it() {
        let principal = Principal::host(TenantId::from_bits(3));
        let line = written(&facts(Some(&principal), None));
        for (field, value) in [
            ("time", "2026-11-21T10:00:00.123456Z"),
            ("level", "info"),
            ("target", "http"),
            ("message", "GET /v1/songs/{id} 200"),
            ("request_id", &RequestId::from_bits(99).to_string()),
            ("trace_id", "00000000000000000000000000000abc"),
            ("span_id", "0000000000000def"),
            ("method", "GET"),
            ("route", "/v1/songs/{id}"),
            ("tenant", &TenantId::from_bits(3).to_string()),
            ("principal_kind", "host"),
            ("principal", "host"),
            ("caller", "127.0.0.1"),
        ] {
            assert_eq!(line[field], value, "{field}");
        }
        assert_eq!(
            (line["status"].as_u64(), line["duration_ms"].as_f64(), line["response_bytes"].as_u64()),
            (Some(200), Some(1.234), Some(512))
        );
    }

    #[test]
    fn a_failure_shows_its_private_side_with_secrets_masked() {
        let error = Code::Internal.because("something failed").caused_by("login of ada@example.org with password=hunter2");
        let line = written(&facts(None, Some(&error)));
        assert_eq!((&line["level"], &line["code"]), (&"error".into(), &"PLM-INT-001".into()));
        assert_eq!(line["cause"], "login of *** with password=***");
        assert!(line["at"].as_str().unwrap().contains("access.rs:"));
    }

    #[test]
    fn a_refusal_shows_code_and_reason_and_nothing_private() {
        let error = Code::CredentialExpired.because("expired").reasoned("expired").caused_by("private");
        let line = written(&Facts { refused_by: Some("identity"), ..facts(None, Some(&error)) });
        assert_eq!((&line["refused_by"], &line["reason"], &line["level"]), (&"identity".into(), &"expired".into(), &"info".into()));
        assert!(line.get("cause").is_none() && line.get("error").is_none());
        let shed = Code::Overloaded.error();
        assert_eq!(written(&Facts { refused_by: Some("shed"), ..facts(None, Some(&shed)) })["level"], "warn");
    }

    #[test]
    fn unknown_addresses_and_callers_who_left_are_lines_too() {
        let line = written(&Facts { route: None, status: None, bytes: None, client_request: Some("a\"b"), ..facts(None, None) });
        assert_eq!((&line["message"], &line["client_request_id"]), (&"GET - abandoned".into(), &"a\"b".into()));
        assert!(line.get("status").is_none());
    }
}
