//! Metrics, as a scraper reads them.

use std::collections::BTreeMap;

use plimsoll_assess::{Rig, Trouble, rig::get};

/// One sample of a page.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sample {
    /// The metric.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// The figure.
    pub value: f64,
}

/// A page of metrics.
#[derive(Debug, Clone, Default)]
pub(crate) struct Figures {
    /// Kind of each family: `counter`, `gauge`, `histogram`.
    pub kinds: BTreeMap<String, String>,
    /// Every sample, in order.
    pub samples: Vec<Sample>,
}

impl Figures {
    /// Reads the text format strictly.
    ///
    /// # Errors
    /// The first line that a scraper would refuse.
    pub fn read(text: &str) -> Result<Figures, String> {
        let mut page = Figures::default();
        for line in text.lines().filter(|line| !line.is_empty()) {
            let wrong = || line.to_owned();
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').ok_or_else(wrong)?;
                if !["counter", "gauge", "histogram", "summary", "untyped"].contains(&kind) {
                    return Err(wrong());
                }
                if page.kinds.insert(name.to_owned(), kind.to_owned()).is_some() {
                    return Err(format!("a second type of {name}"));
                }
            } else if !line.starts_with('#') {
                page.samples.push(sample(line).ok_or_else(wrong)?);
            }
        }
        Ok(page)
    }

    /// The family that a sample belongs to, by the kinds that were announced.
    pub fn family<'a>(&self, name: &'a str) -> Option<&'a str> {
        let part = ["_bucket", "_count", "_sum"].iter().find_map(|end| name.strip_suffix(end));
        let histogram = part.filter(|family| self.kinds.get(*family).is_some_and(|kind| kind == "histogram" || kind == "summary"));
        histogram.or_else(|| self.kinds.contains_key(name).then_some(name))
    }
    /// The sum of the samples of a metric whose labels have these values.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let fits = |sample: &&Sample| {
            sample.name == name && labels.iter().all(|(label, value)| sample.labels.get(*label).is_some_and(|found| found == value))
        };
        self.samples.iter().filter(fits).map(|sample| sample.value).sum()
    }
    /// Whether there is a sample of a metric.
    pub fn has(&self, name: &str) -> bool {
        self.samples.iter().any(|sample| sample.name == name)
    }
}

fn sample(line: &str) -> Option<Sample> {
    let (head, value) = line.rsplit_once(' ')?;
    let (name, labels) = match head.split_once('{') {
        Some((name, rest)) => (name, labels(rest.strip_suffix('}')?)?),
        None => (head, BTreeMap::new()),
    };
    let fits = |name: &str| {
        name.bytes().next().is_some_and(|first| !first.is_ascii_digit())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':'))
    };
    let value = match value {
        "+Inf" => f64::INFINITY,
        "-Inf" => f64::NEG_INFINITY,
        value => value.parse().ok()?,
    };
    (fits(name) && labels.keys().all(|label| fits(label))).then(|| Sample { name: name.to_owned(), labels, value })
}

/// `a="x",b="y"` with the three escapes of the format.
fn labels(text: &str) -> Option<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (name, tail) = rest.split_once("=\"")?;
        let mut value = String::new();
        let mut letters = tail.char_indices();
        let end = loop {
            match letters.next()? {
                (at, '"') => break at,
                (_, '\\') => value.push(match letters.next()?.1 {
                    'n' => '\n',
                    letter @ ('\\' | '"') => letter,
                    _ => return None,
                }),
                (_, letter) => value.push(letter),
            }
        };
        found.insert(name.to_owned(), value);
        rest = tail[end + 1..].trim_start_matches(',');
    }
    Some(found)
}

/// How the reading connections are used.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Pool {
    /// At work.
    pub used: f64,
    /// Without work.
    pub idle: f64,
    /// As many as there may be.
    pub most: f64,
    /// Callers that wait.
    pub waiting: Option<f64>,
    /// Callers that were turned away so far.
    pub timeouts: Option<f64>,
}

/// The figures about connections: from the page of metrics or, where there is none, from the
/// pool's health. `None` where neither tells them.
///
/// # Errors
/// When the operations listener does not answer.
pub(crate) async fn pool(rig: &mut Rig) -> Result<Option<Pool>, Trouble> {
    let page = rig.quietly(get("/metrics").operations()).await?;
    if page.status == 200 {
        let page = Figures::read(&page.text()).unwrap_or_default();
        let state = |state: &str| page.sum("db_client_connection_count", &[("db_client_connection_state", state)]);
        let some = |name: &str| page.has(name).then(|| page.sum(name, &[]));
        return Ok(some("db_client_connection_max").map(|most| Pool {
            used: state("used"),
            idle: state("idle"),
            most,
            waiting: some("db_client_connection_pending_requests"),
            timeouts: some("db_client_connection_timeouts_total"),
        }));
    }
    let health = rig.quietly(get("/health/pool").operations()).await?.json();
    let figure = |pointer: &str| health.pointer(pointer).and_then(serde_json::Value::as_f64);
    Ok(figure("/readers/total").zip(figure("/readers/busy")).map(|(most, used)| Pool {
        used,
        idle: most - used,
        most,
        waiting: figure("/readers/waiting"),
        timeouts: figure("/acquire_timeouts"),
    }))
}

/// A figure under its name on the page of metrics or, where there is none, at its place in the
/// pool's health.
///
/// # Errors
/// When the operations listener does not answer.
pub(crate) async fn counted(rig: &mut Rig, name: &str, place: &str) -> Result<Option<f64>, Trouble> {
    let page = rig.quietly(get("/metrics").operations()).await?;
    if page.status == 200 {
        let page = Figures::read(&page.text()).unwrap_or_default();
        return Ok(page.has(name).then(|| page.sum(name, &[])));
    }
    let health = rig.quietly(get("/health/pool").operations()).await?;
    Ok(health.json().pointer(place).and_then(serde_json::Value::as_f64))
}

#[cfg(test)]
mod tests {
    use super::Figures;

    #[test]
    fn a_page_is_read_strictly() {
        let text = "# HELP a_total x\n# TYPE a_total counter\na_total{x=\"q\\\"\\\\\\n\",z=\"1\"} 5\na_total 6\n\
                    # TYPE h histogram\nh_bucket{le=\"+Inf\"} 2\nh_count 2\nh_sum 0.5\n";
        let page = Figures::read(text).unwrap();
        assert_eq!((page.sum("a_total", &[]), page.sum("a_total", &[("z", "1")])), (11.0, 5.0));
        assert_eq!((page.family("h_bucket"), page.family("a_total"), page.family("b")), (Some("h"), Some("a_total"), None));
        for wrong in ["a", "a b", "a{x=1} 2", "a{x=\"1\" 2", "1a 2", "# TYPE a sort", "# TYPE a gauge\n# TYPE a gauge"] {
            assert!(Figures::read(wrong).is_err(), "{wrong}");
        }
    }
}
