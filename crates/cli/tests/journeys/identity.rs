//! Logins, sessions, keys, and credentials that do not check out.

mod accounts;
mod credentials;
mod keys;
mod sessions;
