//! The pages that problem documents point to, compiled in.

use plimsoll_core::Code;

/// The page of a code, as Markdown.
pub const fn page(code: Code) -> &'static str {
    match code {
        Code::Unauthenticated => include_str!("../../../docs/problems/unauthenticated.md"),
        Code::CredentialInvalid => include_str!("../../../docs/problems/credential-invalid.md"),
        Code::CredentialExpired => include_str!("../../../docs/problems/credential-expired.md"),
        Code::CredentialRevoked => include_str!("../../../docs/problems/credential-revoked.md"),
        Code::LoginFailed => include_str!("../../../docs/problems/login-failed.md"),
        Code::LoginThrottled => include_str!("../../../docs/problems/login-throttled.md"),
        Code::Forbidden => include_str!("../../../docs/problems/forbidden.md"),
        Code::PasswordRefused => include_str!("../../../docs/problems/password-refused.md"),
        Code::CrossSite => include_str!("../../../docs/problems/cross-site.md"),
        Code::SetupClosed => include_str!("../../../docs/problems/setup-closed.md"),
        Code::Malformed => include_str!("../../../docs/problems/malformed.md"),
        Code::Invalid => include_str!("../../../docs/problems/invalid.md"),
        Code::NotFound => include_str!("../../../docs/problems/not-found.md"),
        Code::MethodNotAllowed => include_str!("../../../docs/problems/method-not-allowed.md"),
        Code::BodyTooLarge => include_str!("../../../docs/problems/body-too-large.md"),
        Code::UnsupportedMedia => include_str!("../../../docs/problems/unsupported-media.md"),
        Code::UriTooLong => include_str!("../../../docs/problems/uri-too-long.md"),
        Code::HeadersTooLarge => include_str!("../../../docs/problems/headers-too-large.md"),
        Code::BodyTimeout => include_str!("../../../docs/problems/body-timeout.md"),
        Code::PreconditionFailed => include_str!("../../../docs/problems/precondition-failed.md"),
        Code::Conflict => include_str!("../../../docs/problems/conflict.md"),
        Code::HostUnknown => include_str!("../../../docs/problems/host-unknown.md"),
        Code::HttpsRequired => include_str!("../../../docs/problems/https-required.md"),
        Code::QuotaExceeded => include_str!("../../../docs/problems/quota-exceeded.md"),
        Code::Overloaded => include_str!("../../../docs/problems/temporary-reduced-capacity.md"),
        Code::Draining => include_str!("../../../docs/problems/draining.md"),
        Code::LimitUnavailable => include_str!("../../../docs/problems/limit-unavailable.md"),
        Code::TenantHeld => include_str!("../../../docs/problems/tenant-held.md"),
        Code::NotCached => include_str!("../../../docs/problems/not-cached.md"),
        Code::ModelUnavailable => include_str!("../../../docs/problems/model-unavailable.md"),
        Code::DatabaseUnavailable => include_str!("../../../docs/problems/database-unavailable.md"),
        Code::StorageFull => include_str!("../../../docs/problems/storage-full.md"),
        Code::DatabaseBusy => include_str!("../../../docs/problems/database-busy.md"),
        Code::StatementTimeout => include_str!("../../../docs/problems/statement-timeout.md"),
        Code::SchemaMismatch => include_str!("../../../docs/problems/schema-mismatch.md"),
        Code::Internal => include_str!("../../../docs/problems/internal.md"),
        Code::HandlerTimeout => include_str!("../../../docs/problems/handler-timeout.md"),
        Code::UpstreamUnreachable => include_str!("../../../docs/problems/upstream-unreachable.md"),
        Code::UpstreamFailed => include_str!("../../../docs/problems/upstream-failed.md"),
        Code::UpstreamTimeout => include_str!("../../../docs/problems/upstream-timeout.md"),
        Code::CircuitOpen => include_str!("../../../docs/problems/circuit-open.md"),
        Code::ServiceStarting => include_str!("../../../docs/problems/service-starting.md"),
        Code::IdempotencyKeyInvalid => include_str!("../../../docs/problems/idempotency-key-invalid.md"),
        Code::IdempotencyKeyMissing => include_str!("../../../docs/problems/idempotency-key-missing.md"),
        Code::IdempotencyKeyReused => include_str!("../../../docs/problems/idempotency-key-reused.md"),
        Code::IdempotencyInProgress => include_str!("../../../docs/problems/idempotency-in-progress.md"),
        Code::OutcomeUnknown => include_str!("../../../docs/problems/outcome-unknown.md"),
        Code::IdempotencyNotReplayable => include_str!("../../../docs/problems/idempotency-not-replayable.md"),
        Code::LeaseLost => include_str!("../../../docs/problems/lease-lost.md"),
        Code::JobCancelled => include_str!("../../../docs/problems/job-cancelled.md"),
        Code::ArchiveDamaged => include_str!("../../../docs/problems/archive-damaged.md"),
        Code::ArchiveForeign => include_str!("../../../docs/problems/archive-foreign.md"),
        Code::ArchiveVersion => include_str!("../../../docs/problems/archive-version.md"),
        Code::ArchiveKey => include_str!("../../../docs/problems/archive-key.md"),
        Code::ArchivePlace => include_str!("../../../docs/problems/archive-place.md"),
        Code::EventsGone => include_str!("../../../docs/problems/events-gone.md"),
        Code::ConfigInvalid => include_str!("../../../docs/problems/config-invalid.md"),
        Code::Refused => include_str!("../../../docs/problems/refused.md"),
        Code::ProbeFailed => include_str!("../../../docs/problems/probe-failed.md"),
        Code::ServiceFailed => include_str!("../../../docs/problems/service-failed.md"),
    }
}

#[cfg(test)]
mod tests {
    use super::page;
    use plimsoll_core::Code;

    #[test]
    fn every_page_speaks_of_its_own_code() {
        for &code in Code::ALL {
            let text = page(code);
            assert!(text.starts_with(&format!("# {}\n", code.title())), "{code:?}: the heading is not the title");
            assert!(
                text.contains(code.stable()) && text.contains(&format!("HTTP {}", code.status())) && text.contains("**What to do.**"),
                "{code:?}"
            );
        }
    }
}
