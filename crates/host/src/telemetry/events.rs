//! Events of the `tracing` macros, written in the schema of every other line.
//!
//! Not on the path of a request: a request writes its one line by hand. This is for slow
//! statements, warnings and what libraries have to say.

use std::fmt::{Debug, Write};

use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::layer::{Context, Layer};

use super::{Level, Line, Sink, Worth, current};

/// Writes events to the log.
pub(super) struct Events(pub(super) std::sync::Arc<Sink>);

impl<S: Subscriber> Layer<S> for Events {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        admits(self.0.level, metadata)
    }
    fn max_level_hint(&self) -> Option<tracing::level_filters::LevelFilter> {
        Some(tracing::level_filters::LevelFilter::from_level(self.0.level.tracing()))
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let sink = &*self.0;
        let level = Level::from(*event.metadata().level());
        let mut said = Said { sink, message: String::new(), fields: Vec::new() };
        event.record(&mut said);
        let message = sink.redactor.text(&said.message);
        let worth = if level <= Level::Warn { Worth::Important } else { Worth::Routine };
        sink.write(worth, |out| {
            let mut line = Line::begin(out, sink.format, sink.clock.now(), level, event.metadata().target(), &[&message]);
            if let Some(current) = current() {
                line.word("request_id", current.request);
                line.hex("trace_id", current.trace.trace_id, 32);
                line.hex("span_id", u128::from(current.trace.span_id), 16);
            }
            line.raw(&said.fields);
            line.end();
        });
    }
}

/// Our own crates from the configured level; other people's only from `warn`, unless everything is wanted:
/// their finer events quote headers and statements.
fn admits(least: Level, metadata: &Metadata<'_>) -> bool {
    let level = Level::from(*metadata.level());
    let ours = metadata.target().starts_with("plimsoll");
    level <= least && (ours || level <= Level::Warn || least == Level::Trace)
}

struct Said<'s> {
    sink: &'s Sink,
    message: String,
    fields: Vec<u8>,
}

impl Said<'_> {
    fn scalar(&mut self, field: &Field, value: impl std::fmt::Display) {
        let hidden = self.sink.redactor.hides(field.name());
        let mut line = Line::fields(&mut self.fields, self.sink.format);
        if hidden { line.plain(field.name(), super::redact::MASK) } else { line.number(field.name(), value) }
    }
}

impl Visit for Said<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.message.push_str(value);
            return;
        }
        let shown = if self.sink.redactor.hides(field.name()) { super::redact::MASK.into() } else { self.sink.redactor.text(value) };
        Line::fields(&mut self.fields, self.sink.format).text(field.name(), &shown);
    }
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            let _ = write!(self.message, "{value:?}");
        } else {
            self.record_str(field, &format!("{value:?}"));
        }
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.scalar(field, value);
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.scalar(field, value);
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.scalar(field, value);
    }
    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON has no word for what is not finite.
        if value.is_finite() { self.scalar(field, value) } else { self.record_str(field, &value.to_string()) }
    }
}
