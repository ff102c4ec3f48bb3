//! Of whom and of what a decision is asked.

use std::net::IpAddr;

use http::HeaderMap;

/// What is known about a request. Everything is borrowed: making one costs nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Context<'a> {
    /// The caller's id; nothing for callers without a credential, who are not one unit.
    pub principal: Option<&'a str>,
    /// The tenant's id or slug, the same one each time.
    pub tenant: Option<&'a str>,
    /// The caller's role.
    pub role: Option<&'a str>,
    /// Where the caller is.
    pub address: Option<IpAddr>,
    /// The request's headers.
    pub headers: Option<&'a HeaderMap>,
    /// Whatever else the asker knows, by name; the first of a name counts.
    pub attributes: &'a [(&'a str, Value<'a>)],
}

/// The value of an attribute.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// Text.
    Text(&'a str),
    /// A number.
    Number(f64),
    /// True or false; as text `true` or `false`.
    Truth(bool),
}

/// Who keeps a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit<'a> {
    /// A person or a key.
    Principal(&'a str),
    /// A tenant as a whole.
    Tenant(&'a str),
    /// An address; an IPv6 address counts as its /64.
    Address(IpAddr),
}

impl Unit<'_> {
    /// The word for it.
    pub const fn kind(&self) -> &'static str {
        match self {
            Unit::Principal(_) => "principal",
            Unit::Tenant(_) => "tenant",
            Unit::Address(_) => "address",
        }
    }
}

impl<'a> Context<'a> {
    /// The narrowest unit that is known.
    pub fn unit(&self) -> Option<Unit<'a>> {
        let principal = self.principal.map(Unit::Principal);
        principal.or_else(|| self.tenant.map(Unit::Tenant)).or_else(|| self.address.map(Unit::Address))
    }

    /// The attribute of this name.
    pub fn attribute(&self, name: &str) -> Option<Value<'a>> {
        self.attributes.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }
}
