//! Rules for single values of a record.

use std::collections::HashMap;

use ring::digest::{SHA256, digest};

use super::{Gender, reason::Reason};

/// The longest text of a value, in bytes.
pub const LONGEST: usize = 4_096;
/// The longest identity, in bytes.
pub const LONGEST_ID: usize = 64;
/// Numbers are within this of zero.
pub const LARGEST: f64 = 1e6;

/// Sex: `M`, `MALE`, `1`; `F`, `FEMALE`, `2` (ISO/IEC 5218), any case.
pub fn gender(text: &str) -> Result<Gender, Reason> {
    match text.trim().to_ascii_uppercase().as_str() {
        "M" | "MALE" | "1" => Ok(Gender::Male),
        "F" | "FEMALE" | "2" => Ok(Gender::Female),
        _ => Err(Reason::GenderUnknown),
    }
}

/// A phone number as E.164. Spaces, hyphens, dots, brackets are skipped, `00` is `+`; a national number
/// needs the country code of the source, such as 234, and loses its leading zero.
pub fn phone(text: &str, country: Option<u16>) -> Result<String, Reason> {
    let text = text.trim();
    if text.len() > 40 {
        return Err(Reason::PhoneUnreadable);
    }
    let (mut plus, mut digits) = (false, String::with_capacity(16));
    for mark in text.chars() {
        match mark {
            '+' if digits.is_empty() && !plus => plus = true,
            '0'..='9' => digits.push(mark),
            ' ' | '-' | '.' | '(' | ')' => {}
            _ => return Err(Reason::PhoneUnreadable),
        }
    }
    let international = match (plus, digits.strip_prefix("00")) {
        (true, _) => digits,
        (false, Some(rest)) => rest.to_owned(),
        (false, None) => {
            let rest = digits.strip_prefix('0').unwrap_or(&digits);
            format!("{}{rest}", country.ok_or(Reason::PhoneNoCountry)?)
        }
    };
    // E.164: at most 15 digits, no country code begins with zero. Fewer than 8 reach nobody from abroad.
    if (8..=15).contains(&international.len()) && !international.starts_with('0') {
        Ok(format!("+{international}"))
    } else {
        Err(Reason::PhoneUnreadable)
    }
}

/// A number within ±10⁶; a comma is no decimal point, hexadecimal, `inf` and `nan` are no numbers.
pub fn number(text: &str) -> Result<f64, Reason> {
    let text = text.trim();
    let plain =
        !text.is_empty() && text.len() <= 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
    if !plain {
        return Err(Reason::NumberUnreadable);
    }
    within(text.parse().map_err(|_| Reason::NumberUnreadable)?)
}

/// A number within ±10⁶.
pub fn within(number: f64) -> Result<f64, Reason> {
    if number.abs() <= LARGEST { Ok(number) } else { Err(Reason::NumberOutOfRange) }
}

/// Text without control characters (a database refuses the zero byte), not longer than [`LONGEST`]; outer spaces go.
pub fn text(text: &str) -> Result<&str, Reason> {
    let text = text.trim();
    if text.len() > LONGEST {
        return Err(Reason::TooLarge);
    }
    if text.chars().any(|mark| mark.is_control() && !matches!(mark, '\n' | '\r' | '\t')) {
        return Err(Reason::BadText);
    }
    Ok(text)
}

/// An identity: visible ASCII, at most [`LONGEST_ID`] bytes.
pub fn id(text: &str) -> Result<&str, Reason> {
    let text = text.trim();
    match text {
        "" => Err(Reason::Missing),
        text if text.len() > LONGEST_ID => Err(Reason::TooLarge),
        text if text.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(text),
        _ => Err(Reason::BadText),
    }
}

/// Yes or no: `true`, `1`, `yes`, `y` and their opposites, any case.
pub fn truth(text: &str) -> Result<bool, Reason> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "y" => Ok(true),
        "false" | "0" | "no" | "n" => Ok(false),
        _ => Err(Reason::WrongType),
    }
}

/// An identity for rows that came without one: the same row of the same person gets the same one at
/// every import, so that a second import changes nothing. Equal rows are told apart by how many came
/// before. A UUID of version 8 (RFC 9562, 5.8) over SHA-256 of the parts.
#[derive(Default)]
pub struct Identities {
    seen: HashMap<[u8; 16], u32>,
}

impl Identities {
    /// The identity of a row with these parts.
    pub fn of(&mut self, parts: &[&str]) -> String {
        let row = sixteen(parts, 0);
        let before = self.seen.entry(row).or_default();
        let bytes = if *before == 0 { row } else { sixteen(parts, *before) };
        *before += 1;
        identity(bytes)
    }
}

fn sixteen(parts: &[&str], before: u32) -> [u8; 16] {
    let mut all = before.to_le_bytes().to_vec();
    for part in parts {
        // With its length, so that `a, bc` is not `ab, c`.
        all.extend((part.len() as u64).to_le_bytes());
        all.extend(part.as_bytes());
    }
    let mut out = [0; 16];
    out.copy_from_slice(&digest(&SHA256, &all).as_ref()[..16]);
    out
}

/// 16 bytes as a UUID of version 8.
pub fn identity(mut bytes: [u8; 16]) -> String {
    bytes[6] = (bytes[6] & 0x0f) | 0x80;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let whole = u128::from_be_bytes(bytes);
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        whole >> 96,
        (whole >> 80) & 0xffff,
        (whole >> 64) & 0xffff,
        (whole >> 48) & 0xffff,
        whole & 0xffff_ffff_ffff
    )
}
