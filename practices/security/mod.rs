//! Who may do what.

mod accounts;
mod auth_required;
mod browser;
mod cross_origin;
mod encrypted;
mod events;
mod headers;
mod hosts;
mod injection;
mod input;
mod keys;
mod look;
mod passwords;
mod refusals;
mod roles;
mod signing;
mod sizes;
mod throttle;
mod tokens;
mod transport;

use plimsoll_assess::{Practice, probe};

pub(crate) const AREA: &[Practice] = &[
    page!("auth-required").proven_by(probe!(Native; auth_required::attack)).seen_by(probe!(; look::authentication)),
    page!("auth-jwt").proven_by(probe!(Copies; tokens::jwt)),
    page!("auth-refresh-tokens").proven_by(probe!(Tenants, Addresses; tokens::refreshing)),
    page!("auth-oauth2"),
    page!("auth-endpoints").proven_by(probe!(Tenants, Copies; accounts::endpoints)),
    page!("user-accounts").proven_by(probe!(Tenants, Addresses; accounts::users)),
    page!("token-revocation").proven_by(probe!(Copies; tokens::revocation)),
    page!("api-keys").proven_by(probe!(Copies; keys::keys)),
    page!("api-key-rotation").proven_by(probe!(Tenants, Native; keys::rotation)),
    page!("password-hashing").proven_by(probe!(Copies; passwords::attack)),
    page!("rbac").proven_by(probe!(Tenants, Native; roles::attack)),
    page!("login-throttle").proven_by(probe!(Copies; throttle::attack)),
    page!("input-validation").proven_by(probe!(Tenants, Addresses; input::attack)),
    page!("xss-output-encoding"),
    page!("sql-injection").proven_by(probe!(Tenants, Native; injection::attack)),
    page!("csrf-protection").proven_by(probe!(Tenants, Addresses; browser::csrf)),
    page!("cors-allowlist").proven_by(probe!(Copies; cross_origin::attack)).seen_by(probe!(; look::cross_origin)),
    page!("security-headers").proven_by(probe!(Tenants, Native; headers::attack)).seen_by(probe!(; look::headers)),
    page!("hsts").proven_by(probe!(Copies; headers::strict_transport)).seen_by(probe!(; look::strict_transport)),
    page!("secure-cookies").proven_by(probe!(Tenants, Addresses; browser::cookies)),
    page!("https-redirect").proven_by(probe!(Copies; encrypted::attack)).seen_by(probe!(; look::redirect)),
    page!("tls").proven_by(probe!(Copies; transport::modern)),
    page!("tls-cert-management").proven_by(probe!(Copies; transport::renewed)),
    page!("trusted-hosts").proven_by(probe!(Native; hosts::attack)).seen_by(probe!(; look::hosts)),
    page!("request-size-limits").proven_by(probe!(Copies; sizes::attack)),
    page!("secrets-manager"),
    page!("secrets-rotation").proven_by(probe!(Copies; signing::rotation)),
    page!("no-hardcoded-credentials"),
    page!("no-default-secrets").proven_by(probe!(Copies; refusals::secrets)),
    page!("config-validation").proven_by(probe!(Copies; refusals::validation)),
    page!("debug-off").proven_by(probe!(Tenants, Copies; refusals::debugging)).seen_by(probe!(; look::debugging)),
    page!("request-signing"),
    page!("audit-security-events").proven_by(probe!(Tenants, Native; events::attack)),
    page!("network-segmentation"),
    page!("metrics-secured").proven_by(probe!(Operations; crate::observability::metered::secured)).seen_by(probe!(; look::metrics)),
    page!("sast"),
    page!("dependency-scan"),
    page!("dependency-updates"),
    page!("dependencies-pinned"),
    page!("image-scan"),
    page!("image-signing"),
];
