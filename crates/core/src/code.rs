//! The closed list of problem codes.
//!
//! A code has an HTTP-level meaning and nothing more; what a domain wants to say besides goes
//! into the public sentence or a fault's pointer. Each code has a page `docs/problems/<slug>.md`;
//! a test compares the folder with this list, so a new code without a page does not pass.

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $stable:literal $status:literal $slug:literal $title:literal;)*) => {
        /// What went wrong, as far as a caller may know.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code { $($(#[$doc])* $name),* }

        impl Code {
            /// Every code, in the order of the list.
            pub const ALL: &'static [Code] = &[$(Code::$name),*];

            /// The stable name that clients may match on, such as `PLM-AUTH-001`.
            pub const fn stable(self) -> &'static str { match self { $(Code::$name => $stable),* } }
            /// The HTTP status this code is answered with.
            pub const fn status(self) -> u16 { match self { $(Code::$name => $status),* } }
            /// The last part of the problem's `type`, and the name of its page.
            pub const fn slug(self) -> &'static str { match self { $(Code::$name => $slug),* } }
            /// One short sentence, the same for every occurrence.
            pub const fn title(self) -> &'static str { match self { $(Code::$name => $title),* } }
        }
    };
}

codes! {
    /// No credential came with the request.
    Unauthenticated = "PLM-AUTH-001" 401 "unauthenticated" "Authentication is required";
    /// A credential came and does not check out: forged, foreign, malformed or of the wrong kind.
    CredentialInvalid = "PLM-AUTH-002" 401 "credential-invalid" "The credential is not valid";
    /// A credential that was good once and has expired.
    CredentialExpired = "PLM-AUTH-003" 401 "credential-expired" "The credential has expired";
    /// A credential that was withdrawn, or whose session or user was ended.
    CredentialRevoked = "PLM-AUTH-004" 401 "credential-revoked" "The credential was revoked";
    /// E-mail address and password do not match; deliberately no hint which of them is wrong.
    LoginFailed = "PLM-AUTH-005" 401 "login-failed" "The login failed";
    /// Too many failed logins for this account or from this address.
    LoginThrottled = "PLM-AUTH-006" 429 "login-throttled" "Too many failed logins";
    /// Authenticated, but the role or the scope does not allow this.
    Forbidden = "PLM-AUTH-007" 403 "forbidden" "This is not allowed";
    /// The new password breaks a rule.
    PasswordRefused = "PLM-AUTH-008" 422 "password-refused" "The password is not acceptable";
    /// A browser sent a changing request from another site with a session cookie.
    CrossSite = "PLM-AUTH-009" 403 "cross-site" "Cross-site requests are refused";
    /// The setup link was used, has expired, or a user exists already.
    SetupClosed = "PLM-AUTH-010" 410 "setup-closed" "The setup link is no longer valid";

    /// The request cannot be read: broken JSON, duplicate keys, a bad cursor, a bad id.
    Malformed = "PLM-REQ-001" 400 "malformed" "The request cannot be read";
    /// The request can be read and breaks rules; `errors` says which, each with a pointer.
    Invalid = "PLM-REQ-002" 422 "invalid" "The request breaks a rule";
    /// Nothing is here, or nothing that this caller may know of.
    NotFound = "PLM-REQ-003" 404 "not-found" "Not found";
    /// The path exists, the method does not; `Allow` lists those that do.
    MethodNotAllowed = "PLM-REQ-004" 405 "method-not-allowed" "The method is not allowed here";
    /// The body is larger than the route allows.
    BodyTooLarge = "PLM-REQ-005" 413 "body-too-large" "The body is too large";
    /// The body is not of a type this route reads.
    UnsupportedMedia = "PLM-REQ-006" 415 "unsupported-media" "The media type is not supported";
    /// The request target is longer than the limit.
    UriTooLong = "PLM-REQ-007" 414 "uri-too-long" "The address is too long";
    /// The headers are larger than the limit.
    HeadersTooLarge = "PLM-REQ-008" 431 "headers-too-large" "The headers are too large";
    /// The body did not arrive in time.
    BodyTimeout = "PLM-REQ-009" 408 "body-timeout" "The body did not arrive in time";
    /// `If-Match` names a version that is not the current one.
    PreconditionFailed = "PLM-REQ-010" 412 "precondition-failed" "The resource has changed";
    /// The change contradicts what is stored.
    Conflict = "PLM-REQ-011" 409 "conflict" "The change conflicts with what is stored";
    /// The `Host` header names a server this is not.
    HostUnknown = "PLM-REQ-012" 421 "host-unknown" "This server does not answer for that host";
    /// An API call came over plain HTTP where TLS is required.
    HttpsRequired = "PLM-REQ-013" 403 "https-required" "HTTPS is required";

    /// A rate limit or quota is used up.
    QuotaExceeded = "PLM-LIM-001" 429 "quota-exceeded" "The quota is exceeded";
    /// More work arrives than can be done.
    Overloaded = "PLM-LIM-002" 503 "temporary-reduced-capacity" "The server is at its capacity";
    /// The server is stopping.
    Draining = "PLM-LIM-003" 503 "draining" "The server is stopping";
    /// A limit is counted on a shared server that is lost, and is declared to pass nobody then.
    LimitUnavailable = "PLM-LIM-004" 503 "limit-unavailable" "A limit cannot be counted";
    /// The tenant's data is being moved or restored, and nobody acts for it meanwhile.
    TenantHeld = "PLM-LIM-005" 503 "tenant-held" "The tenant is being restored";

    /// Scores are asked for and no model answers: none is active, or the active one does not load.
    ModelUnavailable = "PLM-AI-001" 503 "model-unavailable" "No model answers";

    /// The database does not answer.
    DatabaseUnavailable = "PLM-DAT-001" 503 "database-unavailable" "The database is not available";
    /// The database answered with "no room left"; nothing of the request was kept.
    StorageFull = "PLM-DAT-002" 507 "storage-full" "There is no storage left";
    /// No database connection became free in time.
    DatabaseBusy = "PLM-DAT-003" 503 "database-busy" "The database is busy";
    /// A statement ran longer than the limit and was stopped.
    StatementTimeout = "PLM-DAT-004" 503 "statement-timeout" "The query took too long";
    /// The schema is newer than this binary, or has been changed by hand.
    SchemaMismatch = "PLM-DAT-005" 503 "schema-mismatch" "The database schema does not fit this version";

    /// A bug or a surprise inside; the cause is in the log under the request id.
    Internal = "PLM-INT-001" 500 "internal" "Something failed inside";
    /// The handler ran longer than the route allows.
    HandlerTimeout = "PLM-INT-002" 504 "handler-timeout" "The request took too long";

    /// The service behind this address did not take the request: nothing was sent to it.
    UpstreamUnreachable = "PLM-UPS-001" 502 "upstream-unreachable" "The service is not to be reached";
    /// The service took the request and broke off, or answered with what is no HTTP.
    UpstreamFailed = "PLM-UPS-002" 502 "upstream-failed" "The service failed";
    /// The service took the request and did not answer in time.
    UpstreamTimeout = "PLM-UPS-003" 504 "upstream-timeout" "The service took too long";
    /// The service has failed so often that it is left alone for a while.
    CircuitOpen = "PLM-UPS-004" 503 "circuit-open" "The service is being left alone for a while";
    /// The program behind this address has been started and does not answer yet.
    ServiceStarting = "PLM-UPS-005" 503 "service-starting" "The service is starting";

    /// An `Idempotency-Key` that came twice or cannot be read.
    IdempotencyKeyInvalid = "PLM-IDM-001" 400 "idempotency-key-invalid" "The idempotency key cannot be read";
    /// A request that must have an `Idempotency-Key` came without one.
    IdempotencyKeyMissing = "PLM-IDM-002" 400 "idempotency-key-missing" "An idempotency key is required";
    /// The key came before, with another request.
    IdempotencyKeyReused = "PLM-IDM-003" 422 "idempotency-key-reused" "The idempotency key belongs to another request";
    /// The first request with this key still runs.
    IdempotencyInProgress = "PLM-IDM-004" 409 "idempotency-in-progress" "The first request with this key still runs";
    /// The request was sent to a service, and nobody here knows whether it acted.
    OutcomeUnknown = "PLM-IDM-005" 409 "outcome-unknown" "Whether the request was done is not known";
    /// The request was done, and its answer was not kept.
    IdempotencyNotReplayable = "PLM-IDM-006" 409 "idempotency-not-replayable" "The request was done and its answer was not kept";

    /// The request wants a kept answer only, and there is none.
    NotCached = "PLM-CCH-001" 504 "not-cached" "No kept answer";

    /// The process that ran this attempt of a job lost the right to it: it was silent for too long, or died.
    LeaseLost = "PLM-JOB-001" 409 "lease-lost" "The attempt was lost";
    /// A job that was told to stop and stopped.
    JobCancelled = "PLM-JOB-002" 409 "job-cancelled" "The job was cancelled";
    /// An archive whose bytes are not as they were written, or that ends too early.
    ArchiveDamaged = "PLM-ARC-001" 422 "archive-damaged" "The archive is damaged";
    /// A file that is no archive of ours, or one of another kind than was asked for.
    ArchiveForeign = "PLM-ARC-002" 422 "archive-foreign" "This is not the archive that was expected";
    /// An archive of another version of the format or of a schema that this binary does not know.
    ArchiveVersion = "PLM-ARC-003" 422 "archive-version" "The archive is of another version";
    /// An archive that is sealed under a key which is not known here.
    ArchiveKey = "PLM-ARC-004" 422 "archive-key" "The archive is sealed under an unknown key";
    /// The directory or the object store where archives are kept does not do what was asked.
    ArchivePlace = "PLM-ARC-005" 503 "archive-place" "The place for archives is not available";

    /// Events that a reader has not seen are not kept any more, or not there any more.
    EventsGone = "PLM-EVT-001" 410 "events-gone" "The events are not kept any more";

    /// Configuration that cannot be accepted.
    ConfigInvalid = "PLM-CFG-001" 500 "config-invalid" "The configuration is not acceptable";
    /// The command would do something the rules forbid.
    Refused = "PLM-OPS-001" 409 "refused" "Refused for safety";
    /// What a proof needs could not be made: a private instance did not start, a port or a folder was not to be had.
    ProbeFailed = "PLM-OPS-002" 500 "probe-failed" "The proof could not be made";
    /// The program behind `plimsoll run` cannot be started, or ends again before it ever answers.
    ServiceFailed = "PLM-OPS-003" 503 "service-failed" "The service could not be started";
}

impl Code {
    /// The code with this slug or stable name, in any letter case.
    pub fn named(name: &str) -> Option<Code> {
        Code::ALL.iter().copied().find(|code| code.slug().eq_ignore_ascii_case(name) || code.stable().eq_ignore_ascii_case(name))
    }
}

#[cfg(test)]
mod tests {
    use super::Code;
    use std::collections::HashSet;

    #[test]
    fn names_are_unique_and_statuses_are_errors() {
        let (mut stable, mut slugs) = (HashSet::new(), HashSet::new());
        for &code in Code::ALL {
            assert!(stable.insert(code.stable()) && slugs.insert(code.slug()), "{code:?}");
            assert!((400..600).contains(&code.status()), "{code:?}");
            assert_eq!(Code::named(code.slug()), Some(code));
            assert_eq!(Code::named(&code.stable().to_lowercase()), Some(code));
        }
    }
}
