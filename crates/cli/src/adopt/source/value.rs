//! Values as they are written: texts, lists, sizes, and the keys of objects.

use super::{Language, is_word_byte, mask::mask, split};

/// Longest object that is searched for a key, in bytes.
const OBJECT_BYTES: usize = 8 << 10;

/// The value of a key in an object or dictionary, at its first level or deeper: `{ key: value }`.
pub fn property<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    if text.len() > OBJECT_BYTES || !text.contains(name) {
        return None;
    }
    let bare = mask(text, Language::Script).1;
    // Keys may be quoted, and what strings hold is masked: so they are found in the text.
    text.match_indices(name).find_map(|(at, _)| {
        let before = at.checked_sub(1).map(|at| text.as_bytes()[at]);
        let rest = &text[at + name.len()..];
        let rest_trimmed = rest.trim_start_matches(['"', '\'']).trim_start();
        let begins = before.is_none_or(|byte| !is_word_byte(byte) && byte != b'.');
        if !begins || !rest_trimmed.starts_with(':') || rest_trimmed.starts_with("::") {
            return None;
        }
        let start = text.len() - rest_trimmed.len() + 1;
        let mut depth = 0_i32;
        let mut end = text.len();
        for (offset, byte) in bare.as_bytes()[start..].iter().enumerate() {
            match byte {
                b'(' | b'[' | b'{' => depth += 1,
                b')' | b']' | b'}' => depth -= 1,
                _ => {}
            }
            if depth < 0 || (depth == 0 && *byte == b',') {
                end = start + offset;
                break;
            }
        }
        text.get(start..end).map(str::trim)
    })
}

/// The text of a string literal, if it is nothing but one and nothing is filled into it.
pub fn literal(text: &str) -> Option<String> {
    let text = text.trim();
    let text = text.strip_suffix(".to_string()").or_else(|| text.strip_suffix(".into()")).unwrap_or(text);
    let text = text.strip_prefix(['r', 'u', 'b']).filter(|rest| rest.starts_with(['"', '\''])).unwrap_or(text);
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\'' | '`'))?;
    let inner = text.strip_prefix(quote)?.strip_suffix(quote)?;
    let odd = inner.contains(quote) || inner.contains('\\') || (quote == '`' && inner.contains("${"));
    (!odd).then(|| inner.to_owned())
}

/// The texts of a list of string literals, if it is nothing but that.
pub fn literals(text: &str) -> Option<Vec<String>> {
    let text = text.trim();
    if let Some(one) = literal(text) {
        return Some(vec![one]);
    }
    // Go writes `[]string{…}`, Rust `vec![…]`, Python also tuples and sets.
    let text = text
        .strip_prefix("[]string")
        .or_else(|| text.strip_prefix("vec!"))
        .or_else(|| text.strip_prefix("new Set(").and_then(|t| t.strip_suffix(')')))
        .unwrap_or(text)
        .trim();
    let inner = [('[', ']'), ('(', ')'), ('{', '}')].iter().find_map(|(open, close)| text.strip_prefix(*open)?.strip_suffix(*close))?;
    let bare = mask(inner, Language::Script).1;
    split(inner, &bare).into_iter().map(|item| if item.name.is_none() { literal(item.text) } else { None }).collect()
}

/// A product of whole numbers such as `16 * 1024 * 1024`, `10 << 20`, or a size such as `10mb`.
pub fn size(text: &str) -> Option<u64> {
    let text = literal(text).unwrap_or_else(|| text.trim().to_owned()).to_ascii_lowercase().replace('_', "");
    if let Some((left, right)) = text.split_once("<<") {
        return size(left)?.checked_shl(right.trim().parse().ok().filter(|bits| *bits < 40)?);
    }
    text.split('*').try_fold(1_u64, |product, factor| {
        let factor = factor.trim();
        let end = factor.find(|c: char| !c.is_ascii_digit()).unwrap_or(factor.len());
        let unit = match factor[end..].trim() {
            "" | "b" => 1,
            "k" | "kb" | "kib" => 1 << 10,
            "m" | "mb" | "mib" => 1 << 20,
            "g" | "gb" | "gib" => 1 << 30,
            _ => return None,
        };
        product.checked_mul(factor[..end].parse::<u64>().ok()?)?.checked_mul(unit)
    })
}
