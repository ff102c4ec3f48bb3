//! Who may do what.

mod auth_required;
mod cross_origin;
mod encrypted;
mod headers;
mod hosts;
mod look;
mod sizes;

use plimsoll_assess::{Practice, probe};

pub(crate) const AREA: &[Practice] = &[
    page!("auth-required").proven_by(probe!(; auth_required::attack)).seen_by(probe!(; look::authentication)),
    page!("auth-jwt"),
    page!("auth-refresh-tokens"),
    page!("auth-oauth2"),
    page!("auth-endpoints"),
    page!("user-accounts"),
    page!("token-revocation"),
    page!("api-keys"),
    page!("api-key-rotation"),
    page!("password-hashing"),
    page!("rbac"),
    page!("login-throttle"),
    page!("input-validation"),
    page!("xss-output-encoding"),
    page!("sql-injection"),
    page!("csrf-protection"),
    page!("cors-allowlist").proven_by(probe!(Copies; cross_origin::attack)).seen_by(probe!(; look::cross_origin)),
    page!("security-headers").proven_by(probe!(Tenants; headers::attack)).seen_by(probe!(; look::headers)),
    page!("hsts").proven_by(probe!(Copies; headers::strict_transport)).seen_by(probe!(; look::strict_transport)),
    page!("secure-cookies"),
    page!("https-redirect").proven_by(probe!(Copies; encrypted::attack)).seen_by(probe!(; look::redirect)),
    page!("tls"),
    page!("tls-cert-management"),
    page!("trusted-hosts").proven_by(probe!(; hosts::attack)).seen_by(probe!(; look::hosts)),
    page!("request-size-limits").proven_by(probe!(Copies; sizes::attack)),
    page!("secrets-manager"),
    page!("secrets-rotation"),
    page!("no-hardcoded-credentials"),
    page!("no-default-secrets"),
    page!("config-validation"),
    page!("debug-off").seen_by(probe!(; look::debugging)),
    page!("request-signing"),
    page!("audit-security-events"),
    page!("network-segmentation"),
    page!("metrics-secured").seen_by(probe!(; look::metrics)),
    page!("sast"),
    page!("dependency-scan"),
    page!("dependency-updates"),
    page!("dependencies-pinned"),
    page!("image-scan"),
    page!("image-signing"),
];
