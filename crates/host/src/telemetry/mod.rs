//! Logs, metrics, traces, error reports.

/// W3C trace context of one request.
#[derive(Debug, Clone, Copy, Default)]
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

/// Where observations go.
#[derive(Default)]
pub struct Telemetry {}
