//! Who may do what.

mod auth_required;
mod cross_origin;
mod encrypted;
mod headers;
mod hosts;
mod sizes;

use plimsoll_assess::{Practice, probe};

pub(crate) const AREA: &[Practice] = &[
    page!("auth-required").proven_by(probe!(; auth_required::attack)),
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
    page!("cors-allowlist").proven_by(probe!(Copies; cross_origin::attack)),
    page!("security-headers").proven_by(probe!(Tenants; headers::attack)),
    page!("hsts").proven_by(probe!(Copies; headers::strict_transport)),
    page!("secure-cookies"),
    page!("https-redirect").proven_by(probe!(Copies; encrypted::attack)),
    page!("tls"),
    page!("tls-cert-management"),
    page!("trusted-hosts").proven_by(probe!(; hosts::attack)),
    page!("request-size-limits").proven_by(probe!(Copies; sizes::attack)),
    page!("secrets-manager"),
    page!("secrets-rotation"),
    page!("no-hardcoded-credentials"),
    page!("no-default-secrets"),
    page!("config-validation"),
    page!("debug-off"),
    page!("request-signing"),
    page!("audit-security-events"),
    page!("network-segmentation"),
    page!("metrics-secured"),
    page!("sast"),
    page!("dependency-scan"),
    page!("dependency-updates"),
    page!("dependencies-pinned"),
    page!("image-scan"),
    page!("image-signing"),
];
