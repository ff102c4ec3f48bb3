//! W3C trace context: who called us, and under which trace.
//!
//! A trace begun here takes the request's own id as trace id: 48 bits of time and 80 random bits,
//! which satisfies the standard's wish for a random right half and costs no second draw of
//! randomness. One id then finds the log line, the ledger entry and the trace.

use http::{HeaderMap, HeaderName};
use plimsoll_core::RequestId;

/// The header that carries the context.
pub static TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// W3C trace context of one request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Trace {
    /// The trace; zero where none was begun.
    pub trace_id: u128,
    /// Our span.
    pub span_id: u64,
    /// The caller's span, if it sent one.
    pub parent_id: Option<u64>,
    /// Whether the span is exported.
    pub sampled: bool,
}

impl Trace {
    /// Continues the caller's trace, or begins one. A caller's decision to sample (or not to) is
    /// kept; without one, `ratio` of all traces are sampled, by trace id, so that every service
    /// with the same ratio decides alike.
    pub fn begin(headers: &HeaderMap, request: RequestId, ratio: f64) -> Trace {
        let span_id = scramble(request.bits() as u64);
        match parent(headers) {
            Some((trace_id, parent_id, sampled)) => Trace { trace_id, span_id, parent_id: Some(parent_id), sampled },
            None => Trace { trace_id: request.bits(), span_id, parent_id: None, sampled: chosen(request.bits(), ratio) },
        }
    }

    /// The header for a call that this request causes.
    pub fn traceparent(&self) -> String {
        format!("00-{:032x}-{:016x}-{:02x}", self.trace_id, self.span_id, u8::from(self.sampled))
    }
}

fn parent(headers: &HeaderMap) -> Option<(u128, u64, bool)> {
    let mut all = headers.get_all(&TRACEPARENT).iter();
    let (Some(only), None) = (all.next(), all.next()) else { return None };
    parse(only.as_bytes())
}

/// Reads a `traceparent` strictly: trace id, parent id, sampled. Anything malformed is no context at all.
pub fn parse(value: &[u8]) -> Option<(u128, u64, bool)> {
    const LENGTH: usize = 55;
    if value.len() < LENGTH || value[2] != b'-' || value[35] != b'-' || value[52] != b'-' {
        return None;
    }
    let version = hex(&value[..2])?;
    // Version 255 is forbidden; version 0 ends here; later versions may only add after a dash.
    if version == 0xff || (version == 0 && value.len() != LENGTH) || (value.len() > LENGTH && value[LENGTH] != b'-') {
        return None;
    }
    let (trace_id, parent_id, flags) = (hex(&value[3..35])?, hex(&value[36..52])? as u64, hex(&value[53..55])?);
    (trace_id != 0 && parent_id != 0).then_some((trace_id, parent_id, flags & 1 == 1))
}

/// Lower-case hexadecimal only, as the standard demands.
fn hex(digits: &[u8]) -> Option<u128> {
    digits.iter().try_fold(0u128, |number, digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u128::from(value))
    })
}

/// Whether a trace belongs to the sampled share: its right-most 56 bits, the random ones, decide.
fn chosen(trace_id: u128, ratio: f64) -> bool {
    const RANGE: u64 = 1 << 56;
    ((trace_id as u64) & (RANGE - 1)) < (ratio.clamp(0.0, 1.0) * RANGE as f64) as u64
}

/// A span id that differs from the trace's own bits and is never zero.
fn scramble(bits: u64) -> u64 {
    let mixed = (bits ^ bits >> 31).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ mixed >> 29).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_well_formed_context_is_taken_over() {
        let mut headers = HeaderMap::new();
        headers.insert(&TRACEPARENT, GOOD.parse().unwrap());
        let trace = Trace::begin(&headers, RequestId::from_bits(77), 0.0);
        assert_eq!(trace.trace_id, 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736);
        assert_eq!(trace.parent_id, Some(0x00f0_67aa_0ba9_02b7));
        assert!(trace.sampled && trace.span_id != 0);
        assert!(parse(trace.traceparent().as_bytes()).is_some());
    }

    #[test]
    fn a_broken_context_is_no_context() {
        for broken in [
            "",
            "00",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0x",
            "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.what",
        ] {
            assert_eq!(parse(broken.as_bytes()), None, "{broken}");
        }
        assert!(parse(b"cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00-later").is_some(), "a later version may add");
    }

    #[test]
    fn two_contexts_are_no_context() {
        let mut headers = HeaderMap::new();
        headers.append(&TRACEPARENT, GOOD.parse().unwrap());
        headers.append(&TRACEPARENT, GOOD.parse().unwrap());
        let trace = Trace::begin(&headers, RequestId::from_bits(77), 1.0);
        assert_eq!((trace.trace_id, trace.parent_id, trace.sampled), (77, None, true));
    }

    #[test]
    fn the_sampled_share_is_about_the_ratio() {
        let hits = |ratio| (0..10_000u64).filter(|n| chosen(u128::from(scramble(*n)), ratio)).count();
        assert_eq!((hits(0.0), hits(1.0)), (0, 10_000));
        assert!((2_000..3_000).contains(&hits(0.25)), "{}", hits(0.25));
    }
}
