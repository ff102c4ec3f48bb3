//! Lines of a service's log, whatever form they have: which form it should be is a practice of
//! its own, and what a line says another.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use plimsoll_assess::{Rig, Trouble, rig::Copy};
use serde_json::Value;
use tokio::time::{Instant, sleep};

/// How long a line may be on its way.
const PATIENCE: Duration = Duration::from_secs(10);

/// One line: its fields as text.
#[derive(Debug, Clone, Default)]
pub(crate) struct Line {
    /// Every field but the message, and in words the level and target too.
    pub fields: BTreeMap<String, String>,
    /// The line as it stands in the log.
    pub text: String,
}

impl Line {
    /// The value of a field; empty where there is none.
    pub fn get(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }
    /// Whether it tells of a request to this route from this address.
    pub fn tells_of(&self, route: &str, caller: &str) -> bool {
        self.get("route") == route && self.get("caller") == caller
    }

    fn read(text: &str) -> Line {
        let fields = match serde_json::from_str(text) {
            Ok(Value::Object(members)) => members
                .into_iter()
                .map(|(name, value)| match value {
                    Value::String(value) => (name, value),
                    value => (name, value.to_string()),
                })
                .collect(),
            _ => words(text),
        };
        Line { fields, text: text.to_owned() }
    }
}

/// The fields of a line in words: `name=value`, a value with spaces between quotes.
fn words(text: &str) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    let mut rest = text;
    while let Some(sign) = rest.find('=') {
        let name = rest[..sign].rsplit(' ').next().unwrap_or("");
        let value = &rest[sign + 1..];
        let (value, tail) = match value.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => value.split_at(value.find(' ').unwrap_or(value.len())),
        };
        fields.insert(name.to_owned(), value.to_owned());
        rest = tail;
    }
    fields
}

/// A log that is being written.
pub(crate) struct Log {
    path: PathBuf,
}

impl Log {
    /// The log of the service under test.
    ///
    /// # Errors
    /// When it was not granted.
    pub fn of(rig: &Rig) -> Result<Log, Trouble> {
        let path = rig.ground().log.clone().ok_or_else(|| Trouble::new("the log was not granted"))?;
        Ok(Log { path })
    }
    /// The log of a private instance.
    pub fn of_copy(copy: &Copy) -> Log {
        Log { path: copy.log_file() }
    }

    /// Everything so far, whole lines only.
    pub fn text(&self) -> String {
        let bytes = std::fs::read(&self.path).unwrap_or_default();
        let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        String::from_utf8_lossy(&bytes[..end]).into_owned()
    }
    /// How much is there, for a later [`Log::since`].
    pub fn mark(&self) -> usize {
        self.text().len()
    }
    /// What came after a mark.
    pub fn since(&self, mark: usize) -> String {
        self.text().get(mark..).unwrap_or_default().to_owned()
    }
    /// Every line so far.
    pub fn lines(&self) -> Vec<Line> {
        self.text().lines().map(Line::read).collect()
    }

    /// Waits until `count` lines are as wanted, or for as long as a line may be on its way; those
    /// that are.
    pub async fn wait_for(&self, count: usize, wanted: impl Fn(&Line) -> bool) -> Vec<Line> {
        let end = Instant::now() + PATIENCE;
        loop {
            let found: Vec<Line> = self.lines().into_iter().filter(|line| wanted(line)).collect();
            if found.len() >= count || Instant::now() >= end {
                return found;
            }
            sleep(Duration::from_millis(20)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Line;

    #[test]
    fn a_line_reads_the_same_as_an_object_and_in_words() {
        let object = Line::read(r#"{"time":"t","level":"info","message":"GET / 200","status":200,"route":"/","error":"not so"}"#);
        let words = Line::read(r#"t INFO  http: GET / 200 status=200 route=/ error="not so""#);
        for name in ["status", "route", "error"] {
            assert_eq!(object.get(name), words.get(name), "{name}");
        }
        assert_eq!((object.get("error"), object.get("none")), ("not so", ""));
    }
}
