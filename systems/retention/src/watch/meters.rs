//! What is counted while scores are made, for operators: by version of the model, never by tenant or person.
//!
//! A version is called by the first twelve characters of its digest: the same bytes are the same model, whoever
//! uses them, and no name that somebody gave stands on a page without a login. Counters begin at 0 with the process.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use plimsoll::telemetry::Page;

use crate::{models::Level, score::Judged};

/// Versions that have series of their own; the others share one, so nobody can make the page grow without bound.
const MOST: usize = 24;
/// The version of those that share one.
pub(super) const OTHERS: &str = "other";

/// How many observations were at most as large as each bound.
#[derive(Debug, Clone)]
pub(super) struct Histogram {
    bounds: &'static [f64],
    counts: Vec<u64>,
    sum: f64,
}

/// Seconds of one scoring: a person, or a thousand of them with what is written.
const SCORING: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Seconds that one person takes within a scoring.
const PERSON: &[f64] = &[0.000_001, 0.000_005, 0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.01];
/// People of one scoring.
const PEOPLE: &[f64] = &[1.0, 10.0, 100.0, 250.0, 500.0, 1000.0];
/// Probabilities.
const TENTHS: &[f64] = &[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0];

impl Histogram {
    fn new(bounds: &'static [f64]) -> Histogram {
        Histogram { bounds, counts: vec![0; bounds.len() + 1], sum: 0.0 }
    }

    fn add(&mut self, value: f64) {
        self.counts[self.bounds.partition_point(|bound| *bound < value)] += 1;
        self.sum += value;
    }

    fn join(&mut self, other: &Histogram) {
        self.counts.iter_mut().zip(&other.counts).for_each(|(mine, more)| *mine += more);
        self.sum += other.sum;
    }

    fn write(&self, page: &mut Page, name: &str, labels: &[(&str, &str)]) {
        let (bucket, mut total) = (format!("{name}_bucket"), 0);
        for (at, count) in self.counts.iter().enumerate() {
            total += count;
            let bound = self.bounds.get(at).map_or_else(|| "+Inf".to_owned(), f64::to_string);
            page.sample(&bucket, &[labels, &[("le", &bound)]].concat(), total);
        }
        page.sample(&format!("{name}_sum"), labels, self.sum);
        page.sample(&format!("{name}_count"), labels, total);
    }
}

/// What one version was asked, and what it said.
#[derive(Debug, Clone)]
struct Series {
    /// By level, the lowest first; the last is no score.
    levels: [u64; Level::ALL.len() + 1],
    scores: Histogram,
    scoring: Histogram,
    inference: Histogram,
    features: Histogram,
    people: Histogram,
}

impl Series {
    fn new() -> Series {
        Series {
            levels: Default::default(),
            scores: Histogram::new(TENTHS),
            scoring: Histogram::new(SCORING),
            inference: Histogram::new(PERSON),
            features: Histogram::new(PERSON),
            people: Histogram::new(PEOPLE),
        }
    }

    fn join(&mut self, other: &Series) {
        self.levels.iter_mut().zip(other.levels).for_each(|(mine, more)| *mine += more);
        for (mine, more) in [
            (&mut self.scores, &other.scores),
            (&mut self.scoring, &other.scoring),
            (&mut self.inference, &other.inference),
            (&mut self.features, &other.features),
            (&mut self.people, &other.people),
        ] {
            mine.join(more);
        }
    }
}

/// One scoring, before it is counted: only what was kept counts.
pub struct Tally {
    series: Series,
    people: u32,
}

impl Tally {
    /// Of what was said of some people.
    pub fn of<'j>(judged: impl Iterator<Item = &'j Judged>) -> Tally {
        let (mut series, mut people) = (Series::new(), 0_u32);
        for one in judged {
            people += 1;
            series.features.add(one.took.features.as_secs_f64());
            match &one.outcome {
                Ok((_, probability, level)) => {
                    series.inference.add(one.took.inference.as_secs_f64());
                    series.scores.add(*probability);
                    series.levels[*level as usize] += 1;
                }
                Err(_) => series.levels[Level::ALL.len()] += 1,
            }
        }
        series.people.add(f64::from(people));
        Tally { series, people }
    }
}

/// Everything that is counted.
#[derive(Debug, Default)]
pub struct Meters(Mutex<BTreeMap<String, Series>>);

impl Meters {
    /// Counts a scoring of a version that took so long.
    pub fn scored(&self, version: &str, mut tally: Tally, took: Duration) {
        if tally.people == 0 {
            return;
        }
        tally.series.scoring.add(took.as_secs_f64());
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let version = if all.contains_key(version) || all.len() < MOST { version } else { OTHERS };
        all.entry(version.to_owned()).or_insert_with(Series::new).join(&tally.series);
    }

    /// Writes it.
    pub fn write(&self, page: &mut Page) {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        page.family("iit_model_predictions_total", "counter", "Predictions by version and level; `none` where the model abstained.");
        for (version, series) in &*all {
            let names = Level::ALL.iter().map(|level| level.name()).chain(["none"]);
            for (level, count) in names.zip(series.levels) {
                page.sample("iit_model_predictions_total", &[("model_version", version), ("risk_level", level)], count);
            }
        }
        type Of = fn(&Series) -> &Histogram;
        let histograms: [(&str, &str, Of); 5] = [
            ("iit_prediction_risk_distribution", "Probabilities that were given.", |series| &series.scores),
            ("iit_prediction_duration_seconds", "One scoring, of a person or of many at once, until it is kept.", |series| &series.scoring),
            ("iit_model_inference_latency_seconds", "The model's answer about one person.", |series| &series.inference),
            ("iit_feature_extraction_latency_seconds", "The features of one person, from their history.", |series| &series.features),
            ("iit_batch_size_distribution", "People of one scoring.", |series| &series.people),
        ];
        for (name, help, of) in histograms {
            page.family(name, "histogram", help);
            for (version, series) in &*all {
                of(series).write(page, name, &[("model_version", version)]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::{Took, Withheld};

    fn judged(score: Option<f64>) -> Judged {
        let outcome = score.map(|p| (0.0, p, if p < 0.5 { Level::Low } else { Level::Critical })).ok_or(Withheld::TooThin);
        let took = Took { features: Duration::from_micros(3), inference: Duration::from_micros(20) };
        Judged { values: Vec::new(), outcome, model: 1, members: Vec::new(), test: None, took }
    }

    fn text(meters: &Meters) -> String {
        let mut page = Page::default();
        meters.write(&mut page);
        page.text()
    }

    #[test]
    fn what_a_version_said_stands_under_its_digest_and_bands_add_up() {
        let meters = Meters::default();
        let said = [judged(Some(0.05)), judged(Some(0.1)), judged(Some(0.93)), judged(None)];
        meters.scored("abc", Tally::of(said.iter()), Duration::from_millis(4));
        meters.scored("def", Tally::of(said[..1].iter()), Duration::from_millis(4));
        let text = text(&meters);
        for line in [
            "iit_model_predictions_total{model_version=\"abc\",risk_level=\"low\"} 2",
            "iit_model_predictions_total{model_version=\"abc\",risk_level=\"critical\"} 1",
            "iit_model_predictions_total{model_version=\"abc\",risk_level=\"none\"} 1",
            "iit_model_predictions_total{model_version=\"def\",risk_level=\"low\"} 1",
            "iit_prediction_risk_distribution_bucket{model_version=\"abc\",le=\"0.1\"} 2",
            "iit_prediction_risk_distribution_bucket{model_version=\"abc\",le=\"0.9\"} 2",
            "iit_prediction_risk_distribution_bucket{model_version=\"abc\",le=\"1\"} 3",
            "iit_prediction_risk_distribution_count{model_version=\"abc\"} 3",
            "iit_prediction_duration_seconds_bucket{model_version=\"abc\",le=\"0.005\"} 1",
            "iit_batch_size_distribution_sum{model_version=\"abc\"} 4",
            "iit_model_inference_latency_seconds_count{model_version=\"abc\"} 3",
            "iit_feature_extraction_latency_seconds_bucket{model_version=\"abc\",le=\"0.000005\"} 4",
        ] {
            assert!(text.lines().any(|known| known == line), "{line}\nin\n{text}");
        }
    }

    #[test]
    fn models_without_number_do_not_make_the_page_grow() {
        let meters = Meters::default();
        for number in 0..500 {
            meters.scored(&format!("v{number}"), Tally::of([judged(Some(0.2))].iter()), Duration::ZERO);
        }
        let text = text(&meters);
        assert_eq!(text.matches("iit_prediction_risk_distribution_count").count(), MOST + 1);
        assert!(text.contains(&format!("iit_model_predictions_total{{model_version=\"other\",risk_level=\"low\"}} {}\n", 500 - MOST)));
    }
}
