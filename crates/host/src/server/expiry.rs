//! When a certificate ends: the one thing about it that has to be known besides using it.
//!
//! The way there is short (RFC 5280 §4.1): the certificate, its signed part, and in that the
//! fifth or sixth member, two times. Nothing is verified; that is the caller's affair.

use plimsoll_core::Time;

const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;

/// The end of the validity of a certificate in DER form; nothing where it cannot be read.
pub(super) fn not_after(der: &[u8]) -> Option<Time> {
    let (certificate, _) = member(der, SEQUENCE)?;
    let (signed, _) = member(certificate, SEQUENCE)?;
    let rest = member(signed, VERSION).map_or(signed, |(_, rest)| rest);
    let (_, rest) = member(rest, INTEGER)?;
    let (_, rest) = member(rest, SEQUENCE)?;
    let (_, rest) = member(rest, SEQUENCE)?;
    let (validity, _) = member(rest, SEQUENCE)?;
    let (_, rest) = time(validity)?;
    Some(time(rest)?.0)
}

/// The contents of the first member, which must have this tag, and what follows it.
fn member(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    if *found != tag {
        return None;
    }
    let (length, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        // As many bytes of length follow; more than four would be no certificate.
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}

/// `YYMMDDhhmmssZ` until 2049, `YYYYMMDDhhmmssZ` after that.
fn time(der: &[u8]) -> Option<(Time, &[u8])> {
    let (text, rest, year) = match member(der, UTC_TIME) {
        Some((text, rest)) => (text, rest, 2),
        None => member(der, GENERALIZED_TIME).map(|(text, rest)| (text, rest, 4))?,
    };
    let text = std::str::from_utf8(text).ok().filter(|text| text.is_ascii() && text.len() == year + 11)?;
    let century = match year {
        4 => "",
        _ if text < "50" => "20",
        _ => "19",
    };
    let part = |at: usize| text.get(year + at..year + at + 2);
    let (month, day, hour, minute, second) = (part(0)?, part(2)?, part(4)?, part(6)?, part(8)?);
    let time = Time::parse(&format!("{century}{}-{month}-{day}T{hour}:{minute}:{second}Z", &text[..year])).ok()?;
    Some((time, rest))
}

#[cfg(test)]
mod tests {
    use super::not_after;

    fn ends(year: i32) -> String {
        let mut parameters = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        parameters.not_after = rcgen::date_time_ymd(year, 3, 9);
        let made = parameters.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap();
        not_after(made.der()).unwrap().to_string()
    }

    #[test]
    fn the_end_of_a_certificate_is_read_in_both_forms_of_time() {
        assert!(ends(1999).starts_with("1999-03-09T00:00:00"));
        assert!(ends(2031).starts_with("2031-03-09T00:00:00"));
        assert!(ends(2071).starts_with("2071-03-09T00:00:00"));
    }

    #[test]
    fn what_is_no_certificate_has_no_end() {
        let whole = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap().cert.der().to_vec();
        assert!(not_after(&whole).is_some());
        assert!((0..60).all(|length| not_after(&whole[..length]).is_none()));
        assert_eq!(not_after(&[0x30, 0x85, 1, 1, 1, 1, 1]), None);
    }
}
