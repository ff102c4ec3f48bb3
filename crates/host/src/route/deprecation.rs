//! Saying in advance that a route will go.
//!
//! A deprecated route answers as before and says since when it is deprecated (`Deprecation`, RFC
//! 9745), when it goes (`Sunset`, RFC 8594) and what to use instead (`Link`). The API description
//! marks it. The policy is in `docs/versioning.md`.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use jiff::{civil::Date, tz::TimeZone};
use plimsoll_core::{Code, Result};

/// The header fields of a deprecated route.
#[derive(Debug, Clone)]
pub struct Deprecation {
    since: HeaderValue,
    sunset: HeaderValue,
    instead: HeaderValue,
}

impl Deprecation {
    /// Deprecated since the day `since`, gone after the day `sunset` (both `YYYY-MM-DD`, midnight
    /// UTC), replaced by the address `instead`.
    ///
    /// # Errors
    /// `ConfigInvalid` when a day is none, or the sunset comes before the deprecation.
    pub fn new(since: &str, sunset: &str, instead: &str) -> Result<Deprecation> {
        let wrong = |what: &str| Code::ConfigInvalid.because(format!("a route is declared deprecated with {what}"));
        let day = |text: &str| {
            text.parse::<Date>().ok().and_then(|date| date.to_zoned(TimeZone::UTC).ok()).ok_or_else(|| wrong("a day that is none"))
        };
        let (from, to) = (day(since)?, day(sunset)?);
        if to < from {
            return Err(wrong("a sunset before its deprecation"));
        }
        Ok(Deprecation {
            since: HeaderValue::try_from(format!("@{}", from.timestamp().as_second()))?,
            sunset: HeaderValue::try_from(to.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string())?,
            instead: HeaderValue::try_from(format!("<{instead}>; rel=\"successor-version\""))?,
        })
    }

    pub(super) fn dress(&self, headers: &mut HeaderMap) {
        headers.insert(HeaderName::from_static("deprecation"), self.since.clone());
        headers.insert(HeaderName::from_static("sunset"), self.sunset.clone());
        headers.append(header::LINK, self.instead.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The two moments are the examples of RFC 9745 §2.1 and RFC 8594 §3, to the day.
    #[test]
    fn the_fields_are_written_as_the_standards_say() {
        let mut headers = HeaderMap::new();
        Deprecation::new("2023-06-30", "2024-12-31", "/v2/songs").unwrap().dress(&mut headers);
        assert_eq!(headers["deprecation"], "@1688083200");
        assert_eq!(headers["sunset"], "Tue, 31 Dec 2024 00:00:00 GMT");
        assert_eq!(headers["link"], "</v2/songs>; rel=\"successor-version\"");
    }

    #[test]
    fn a_route_cannot_go_before_it_is_deprecated() {
        assert!(Deprecation::new("2024-01-01", "2023-01-01", "/").is_err());
        assert!(Deprecation::new("soon", "2023-01-01", "/").is_err());
    }
}
