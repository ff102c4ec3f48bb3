//! The Prometheus text format (version 0.0.4), written out.
//!
//! Every figure here is kept elsewhere in plain atomics by whoever counts: a registry of metric
//! objects would be a second copy. So there is a page to write on, and nothing else.

use std::fmt::{Display, Write};

/// The media type of a page.
pub const MEDIA: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A page of metrics being written.
#[derive(Default)]
pub struct Page {
    out: String,
}

impl Page {
    /// Begins a family; its samples have to follow at once.
    pub fn family(&mut self, name: &str, kind: &'static str, help: &str) {
        let help = help.replace('\\', "\\\\").replace('\n', " ");
        let _ = writeln!(self.out, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }
    /// A family with one sample that only grows.
    pub fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.family(name, "counter", help);
        self.sample(name, &[], value);
    }
    /// A family with one sample that goes up and down.
    pub fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.family(name, "gauge", help);
        self.sample(name, &[], value);
    }
    /// One sample; labels with an empty value are left out, as they mean the same.
    pub fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.out.push_str(name);
        let mut mark = '{';
        for (label, text) in labels.iter().filter(|(_, text)| !text.is_empty()) {
            let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _ = write!(self.out, "{mark}{label}=\"{text}\"");
            mark = ',';
        }
        if mark == ',' {
            self.out.push('}');
        }
        let _ = writeln!(self.out, " {value}");
    }
    /// Adds what stands on another page.
    pub fn append(&mut self, other: &Page) {
        self.out.push_str(&other.out);
    }
    /// The finished page.
    pub fn text(self) -> String {
        self.out
    }
}

#[cfg(test)]
mod tests {
    use super::Page;

    #[test]
    fn labels_are_escaped_and_empty_ones_left_out() {
        let mut page = Page::default();
        page.family("a_total", "counter", "two\nlines");
        page.sample("a_total", &[("x", "q\"\\\n"), ("y", ""), ("z", "1")], 5);
        page.sample("a_total", &[("y", "")], 6);
        assert_eq!(page.text(), "# HELP a_total two lines\n# TYPE a_total counter\na_total{x=\"q\\\"\\\\\\n\",z=\"1\"} 5\na_total 6\n");
    }
}
