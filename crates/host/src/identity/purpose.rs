//! Why somebody reads data about persons: the section `[purposes]`.
//!
//! Where purposes are named, a read that leaves an entry in the ledger ([`crate::Ctx::seen`]) states
//! one of them, to which the caller's role is entitled, or nothing is handed out. The entry has it.

use std::collections::BTreeMap;

use http::{HeaderMap, header};
use plimsoll_core::{Code, Principal, Result, Role};

use crate::config::{Config, Rules};

/// The header field in which a caller states a purpose.
pub const FIELD: &str = "x-purpose";

crate::section! {
    /// Why data about persons is read.
    pub struct PurposesConfig["purposes"] {
        /// Purposes, each with the weakest role that is entitled to it, such as `{ care = "viewer", audit = "admin" }`. Where any is named, whoever reads what is put on record states one in the header field `X-Purpose`, and the ledger's entry has it; without one the read is refused.
        pub stated: BTreeMap<String, String> = "{}",
        /// The purpose of whoever uses the pages in a browser and cannot send a header field. Unless it is named, pages about persons are closed where purposes are demanded.
        pub pages: Option<String> = none,
    }
}

/// Refuses names that are none, roles that do not exist, and pages for a purpose that nobody named.
pub fn rule(config: &Config, rules: &mut Rules<'_>) {
    let section: PurposesConfig = config.get();
    for (name, role) in &section.stated {
        if !well_formed(name) {
            rules.refuse(
                "purposes.stated",
                format!("`{name}` is not a name"),
                "use up to 40 small letters, digits and `-`, such as `care`",
            );
        }
        if role.parse::<Role>().is_err() {
            rules.refuse("purposes.stated", format!("`{role}` is not a role"), "name the weakest of viewer, editor, admin and owner");
        }
    }
    if let Some(pages) = section.pages.filter(|pages| !section.stated.contains_key(pages)) {
        rules.refuse("purposes.pages", format!("`{pages}` is not among `purposes.stated`"), "name it there with its role");
    }
}

fn well_formed(name: &str) -> bool {
    (1..=40).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// What is demanded of reads that are put on record.
#[derive(Debug, Clone, Default)]
pub struct Purposes {
    stated: BTreeMap<String, Role>,
    pages: Option<String>,
}

impl From<PurposesConfig> for Purposes {
    fn from(section: PurposesConfig) -> Purposes {
        let stated = section.stated.into_iter().filter_map(|(name, role)| Some((name, role.parse().ok()?))).collect();
        Purposes { stated, pages: section.pages }
    }
}

impl Purposes {
    /// What a request says of its purpose: the header field, or the pages' own where a browser sent it with its cookie.
    pub(crate) fn of(&self, headers: &HeaderMap) -> Option<Box<str>> {
        match headers.get(FIELD) {
            Some(value) => Some(value.to_str().unwrap_or_default().trim().into()),
            None if headers.contains_key(header::AUTHORIZATION) => None,
            None => self.pages.as_deref().map(Into::into),
        }
    }

    /// The purpose that goes on record; none where none is demanded.
    ///
    /// # Errors
    /// [`Code::Forbidden`] where one is demanded and none stated, or one to which the caller is not entitled.
    pub(crate) fn check<'p>(&'p self, said: Option<&str>, who: &Principal) -> Result<Option<&'p str>> {
        if self.stated.is_empty() {
            return Ok(None);
        }
        let refused = |sentence: String| Err(Code::Forbidden.because(sentence).reasoned("purpose"));
        let Some(said) = said else {
            let names: Vec<&str> = self.stated.keys().map(String::as_str).collect();
            return refused(format!("data about persons is read for a purpose; state one in X-Purpose: {}", names.join(", ")));
        };
        match self.stated.get_key_value(said) {
            Some((name, least)) if who.role >= *least => Ok(Some(name)),
            Some((name, least)) => {
                refused(format!("the purpose `{name}` is for the role `{least}` and those above it; yours is `{}`", who.role))
            }
            None => {
                let names: Vec<&str> = self.stated.keys().map(String::as_str).collect();
                refused(format!("this is none of the purposes here, which are: {}", names.join(", ")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use plimsoll_core::TenantId;

    use super::*;

    fn who(role: Role) -> Principal {
        Principal { role, ..Principal::anonymous(TenantId::from_bits(1)) }
    }

    fn purposes() -> Purposes {
        let stated = [("care", "viewer"), ("audit", "admin")].map(|(name, role)| (name.to_owned(), role.to_owned())).into();
        PurposesConfig { stated, pages: Some("care".into()) }.into()
    }

    #[test]
    fn a_purpose_is_demanded_where_any_is_named_and_belongs_to_a_role() {
        let viewer = who(Role::Viewer);
        assert_eq!(Purposes::default().check(None, &viewer).unwrap(), None);
        assert_eq!(Purposes::default().check(Some("anything"), &viewer).unwrap(), None, "nothing that nobody named goes on record");
        assert_eq!(purposes().check(Some("care"), &viewer).unwrap(), Some("care"));
        assert_eq!(purposes().check(Some("audit"), &who(Role::Owner)).unwrap(), Some("audit"));
        for said in [None, Some(""), Some("audit"), Some("Care"), Some("curiosity")] {
            assert_eq!(purposes().check(said, &viewer).unwrap_err().code(), Code::Forbidden, "{said:?}");
        }
    }

    #[test]
    fn only_who_comes_without_a_token_has_the_purpose_of_the_pages() {
        let said = |fields: &[(&'static str, &'static str)]| {
            let headers: HeaderMap =
                fields.iter().map(|(name, value)| (http::HeaderName::from_static(name), http::HeaderValue::from_static(value))).collect();
            purposes().of(&headers).map(String::from)
        };
        assert_eq!(said(&[("cookie", "plimsoll_session=x")]).as_deref(), Some("care"));
        assert_eq!(said(&[("authorization", "Bearer x")]), None);
        assert_eq!(said(&[("authorization", "Bearer x"), ("x-purpose", " audit ")]).as_deref(), Some("audit"));
        assert_eq!(said(&[("cookie", "plimsoll_session=x"), ("x-purpose", "")]).as_deref(), Some(""));
    }
}
