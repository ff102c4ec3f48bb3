//! Boosted trees for a yes-or-no outcome.

use std::ops::ControlFlow;

use super::{
    Error, Result, Rows,
    bins::Binned,
    grow::{Grower, Grown},
    histogram::{Steps, Sum},
    rows::probability,
    settings::Settings,
};
use crate::{
    chance::SplitMix,
    tree::{Feature, Forest, Leaf, Next, Test, Tree},
};

/// How far a training is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Round {
    /// The number of this round; the first is 1.
    pub number: usize,
    /// The most rounds there will be.
    pub of: usize,
    /// Mean log-loss on the validation rows, in nats.
    pub loss: Option<f64>,
}

/// A trained forest.
#[derive(Clone, Debug, PartialEq)]
pub struct Boosted {
    /// The trees up to the best round.
    pub forest: Forest,
    /// Mean log-loss on the validation rows after each round; empty without them.
    pub losses: Vec<f64>,
    /// Whether it ended before `rounds`: no better loss, nothing left to split, or told to.
    pub early: bool,
}

/// After so many rounds in which nothing could be split, nothing will be.
const IDLE: usize = 20;

/// The most bytes that the histograms of a tree may take.
const MEMORY: usize = 2 << 30;

/// The best round so far.
struct Best {
    loss: f64,
    round: usize,
    trees: usize,
}

/// Boosts trees on `rows` (Friedman 2001, with second-order leaves after Chen and Guestrin 2016, grown best leaf
/// first). With `validation` rows of the same columns it stops when their loss has not fallen for some rounds and
/// keeps the trees up to the best. `watch` is called after every tree and may end the training, which then keeps what
/// it has.
///
/// The same arguments give the same forest to the last bit, whatever the number of threads.
///
/// # Errors
/// Settings without meaning, names that are not one for each column, an outcome that does not occur, more leaves than
/// there is memory for over so many columns.
pub fn boost(
    rows: &Rows<'_>,
    names: &[&str],
    validation: Option<&Rows<'_>>,
    settings: &Settings,
    mut watch: impl FnMut(Round) -> ControlFlow<()>,
) -> Result<Boosted> {
    settings.check()?;
    let rate = rows.base_rate()?;
    if names.len() != rows.width() {
        return Err(Error::new("names", format!("{} of them for {} columns", names.len(), rows.width())));
    }
    if let Some(validation) = validation
        && validation.width() != rows.width()
    {
        return Err(Error::new("validation", format!("{} columns beside {}", validation.width(), rows.width())));
    }
    let binned = Binned::of(rows, settings.bins);
    let bytes = binned.lanes.iter().map(|lane| lane.size * size_of::<Sum>()).sum::<usize>().saturating_mul(settings.leaves);
    if bytes > MEMORY {
        let reason = format!(
            "histograms of {} leaves over these columns take {} MB; up to {} are given",
            settings.leaves,
            bytes >> 20,
            MEMORY >> 20
        );
        return Err(Error::new("leaves", reason));
    }
    let pool = match settings.threads {
        1 => None,
        threads => rayon::ThreadPoolBuilder::new().num_threads(threads).build().ok(),
    };
    let grower = Grower { binned: &binned, settings, steps: Steps::of(rows.len()), pool: pool.as_ref() };
    let base = (rate / (1.0 - rate)).ln();
    let mut margins = vec![base; rows.len()];
    let mut held = validation.map(|v| (v, vec![base; v.len()]));
    let mut gradients = vec![Sum::default(); rows.len()];
    let (mut trees, mut losses) = (Vec::new(), Vec::new());
    let (mut best, mut idle, mut early) = (Best { loss: f64::INFINITY, round: 0, trees: 0 }, 0, false);
    for round in 0..settings.rounds {
        for ((sum, margin), happened) in gradients.iter_mut().zip(&margins).zip(rows.outcomes()) {
            let p = probability(*margin);
            *sum = grower.steps.row(p - f64::from(u8::from(*happened)), p * (1.0 - p));
        }
        let drawn = draw_rows(settings, round, rows.len());
        let sample = drawn.iter().enumerate().filter(|(_, drawn)| **drawn).map(|(row, _)| row as u32).collect();
        let grown = grower.grow(&gradients, sample, &draw_columns(settings, round, &binned));
        grown.add(&binned, &drawn, &mut margins);
        let Grown { tree, .. } = grown;
        // Other rows and columns may split where these did not, so one such tree is not the end.
        idle = if tree.branches.is_empty() { idle + 1 } else { 0 };
        early = idle >= IDLE || (idle > 0 && settings.row_share == 1.0 && settings.column_share == 1.0);
        if let Some((validation, margins)) = &mut held {
            margins.iter_mut().enumerate().for_each(|(row, margin)| *margin += walk(&tree, validation.row(row)));
        }
        if idle == 0 {
            trees.push(tree);
        }
        if let Some((validation, margins)) = &held {
            let loss = loss(margins, validation.outcomes());
            losses.push(loss);
            if loss < best.loss {
                best = Best { loss, round, trees: trees.len() };
            }
            early |= round - best.round >= settings.patience;
        }
        early |= watch(Round { number: round + 1, of: settings.rounds, loss: losses.last().copied() }).is_break();
        if early {
            break;
        }
    }
    if held.is_some() {
        trees.truncate(best.trees);
    }
    if trees.is_empty() {
        trees.push(Tree { branches: Vec::new(), leaves: vec![Leaf { value: 0.0, cover: rows.len() as f64, weight: 0.0, id: 0 }] });
    }
    // The form of LightGBM has no base of its own: the first tree says it.
    trees[0].leaves.iter_mut().for_each(|leaf| leaf.value += base);
    trees[0].branches.iter_mut().for_each(|branch| branch.value += base);
    let features = names.iter().zip(&binned.cuts).map(|(name, cuts)| Feature { name: (*name).to_owned(), range: cuts.range });
    let forest = Forest::lightgbm(features.collect(), trees).map_err(|error| Error::new("names", error.to_string()))?;
    Ok(Boosted { forest, losses, early })
}

/// Which rows a round sees. Each has its own coin, so that the draw does not hang on who asks first.
fn draw_rows(settings: &Settings, round: usize, rows: usize) -> Vec<bool> {
    if settings.row_share == 1.0 {
        return vec![true; rows];
    }
    let mut chance = SplitMix::stream(settings.seed, 2 * round as u64);
    (0..rows).map(|_| chance.unit() < settings.row_share).collect()
}

/// Which columns a round sees: the share of those that vary, at least one.
fn draw_columns(settings: &Settings, round: usize, binned: &Binned) -> Vec<bool> {
    let mut varying: Vec<usize> = (0..binned.cuts.len()).filter(|&c| binned.place[c].is_some()).collect();
    let count = ((varying.len() as f64 * settings.column_share).round() as usize).max(1);
    let mut chance = SplitMix::stream(settings.seed, 2 * round as u64 + 1);
    let mut used = vec![false; binned.cuts.len()];
    for _ in 0..count.min(varying.len()) {
        used[varying.swap_remove(chance.below(varying.len()))] = true;
    }
    used
}

/// What a tree says of a row.
fn walk(tree: &Tree, row: &[f64]) -> f64 {
    let mut next = tree.root();
    loop {
        match next {
            Next::Leaf(leaf) => return tree.leaves[leaf as usize].value,
            Next::Branch(at) => {
                let branch = &tree.branches[at as usize];
                let value = row[branch.feature as usize];
                let left = match &branch.test {
                    Test::AtMost { threshold, .. } if !value.is_nan() => value <= *threshold,
                    _ => branch.default_left,
                };
                next = if left { branch.left } else { branch.right };
            }
        }
    }
}

/// The mean log-loss of margins, in nats: ln(1 + e^−m) where it happened, ln(1 + e^m) where not.
fn loss(margins: &[f64], outcomes: &[bool]) -> f64 {
    let each = margins.iter().zip(outcomes).map(|(margin, happened)| {
        let against = if *happened { -margin } else { *margin };
        against.max(0.0) + (-against.abs()).exp().ln_1p()
    });
    each.sum::<f64>() / margins.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{measure::Scored, train::Monotone};

    const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];

    /// Rows whose odds rise with a, fall with b where c is 1, and are high where d is missing; e is a coin.
    fn cohort(rows: usize, seed: u64) -> (Vec<f64>, Vec<bool>) {
        let mut chance = SplitMix::new(seed);
        let (mut values, mut outcomes) = (Vec::new(), Vec::new());
        for _ in 0..rows {
            let [a, b, d] = [(); 3].map(|()| chance.unit());
            let (c, gone) = (f64::from(chance.below(2) as u32), chance.unit() < 0.2);
            let margin = 3.0 * a - 3.0 * b * c + if gone { 1.5 } else { 0.0 } - 1.5;
            values.extend([a, b, c, if gone { f64::NAN } else { d }, f64::from(chance.below(3) as u32)]);
            outcomes.push(chance.unit() < probability(margin));
        }
        (values, outcomes)
    }

    fn margins(forest: &Forest, values: &[f64]) -> Vec<f64> {
        values.chunks(5).map(|row| forest.trees().iter().map(|tree| walk(tree, row)).sum()).collect()
    }

    fn train(rows: usize, settings: &Settings) -> Boosted {
        let (values, outcomes) = cohort(rows, 1);
        boost(&Rows::new(&values, 5, &outcomes).unwrap(), &NAMES, None, settings, |_| ControlFlow::Continue(())).unwrap()
    }

    fn auc(forest: &Forest) -> f64 {
        let (values, outcomes) = cohort(4000, 2);
        Scored::new(margins(forest, &values), outcomes).unwrap().auc().unwrap()
    }

    #[test]
    fn what_decides_is_found_also_where_it_is_missing() {
        let (values, outcomes) = cohort(4000, 2);
        let truth = values.chunks(5).map(|r| 3.0 * r[0] - 3.0 * r[1] * r[2] + if r[3].is_nan() { 1.5 } else { 0.0 }).collect();
        let best = Scored::new(truth, outcomes).unwrap().auc().unwrap();
        let found = auc(&train(4000, &Settings { rounds: 100, ..Settings::default() }).forest);
        assert!(found > best - 0.02, "{found} of {best} that can be known");
    }

    #[test]
    fn the_forest_is_the_same_for_any_number_of_threads() {
        let with = |threads| train(30_000, &Settings { rounds: 8, threads, ..Settings::default() });
        let one = with(1);
        assert_eq!((&with(2), &with(8)), (&one, &one));
        assert_ne!(train(30_000, &Settings { rounds: 8, seed: 7, ..Settings::default() }), one);
    }

    #[test]
    fn limits_on_trees_are_kept() {
        let settings = Settings { rounds: 30, leaves: 9, depth: 3, min_rows: 40, row_share: 0.7, column_share: 0.4, ..Settings::default() };
        let forest = train(2000, &settings).forest;
        assert_eq!(forest.trees().len(), 30);
        for tree in forest.trees() {
            let columns: std::collections::BTreeSet<u32> = tree.branches.iter().map(|b| b.feature).collect();
            assert!(columns.len() <= 2 && tree.leaves.len() <= 8, "depth 3 has no ninth leaf");
            assert!(tree.leaves.iter().all(|leaf| leaf.cover >= 40.0 && leaf.value.is_finite()));
            let rows: f64 = tree.leaves.iter().map(|leaf| leaf.cover).sum();
            assert!((1300.0..1500.0).contains(&rows) && tree.branches[0].cover == rows, "{rows}");
        }
    }

    /// The margins that training worked with, which bins decide, are those of a walk over the values.
    #[test]
    fn training_and_walking_say_the_same() {
        let (values, outcomes) = cohort(3000, 1);
        let rows = Rows::new(&values, 5, &outcomes).unwrap();
        let settings = Settings { rounds: 20, ..Settings::default() };
        let alone = boost(&rows, &NAMES, None, &settings, |_| ControlFlow::Continue(())).unwrap();
        let mut seen = Vec::new();
        let watched = boost(&rows, &NAMES, Some(&rows), &settings, |round| {
            seen.push(round.loss.unwrap());
            ControlFlow::Continue(())
        });
        let watched = watched.unwrap();
        assert_eq!((&watched.losses, &watched.forest), (&seen, &alone.forest), "the loss still falls after twenty trees");
        assert_eq!(loss(&margins(&alone.forest, &values), &outcomes), seen[19]);
        assert!(seen.is_sorted_by(|a, b| a > b));
    }

    #[test]
    fn training_stops_when_others_gain_nothing_more() {
        let ((values, outcomes), (other, others)) = (cohort(600, 1), cohort(600, 2));
        let (rows, held) = (Rows::new(&values, 5, &outcomes).unwrap(), Rows::new(&other, 5, &others).unwrap());
        let settings = Settings { rounds: 1000, learning_rate: 0.3, min_rows: 5, patience: 10, ..Settings::default() };
        let stopped = boost(&rows, &NAMES, Some(&held), &settings, |_| ControlFlow::Continue(())).unwrap();
        let best = stopped.forest.trees().len();
        assert!(stopped.early && stopped.losses.len() == best + 10 && best < 500, "{best}");
        assert!(stopped.losses.iter().all(|loss| *loss >= stopped.losses[best - 1]));
        let told =
            boost(
                &rows,
                &NAMES,
                None,
                &settings,
                |round| if round.number == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) },
            );
        assert_eq!(told.map(|t| (t.early, t.forest.trees().len())).unwrap(), (true, 3));
    }

    #[test]
    fn a_monotone_column_never_leads_the_other_way() {
        let free = Settings { rounds: 60, min_rows: 5, leaves: 24, ..Settings::default() };
        let bound = Settings { monotone: vec![Monotone::Rising, Monotone::Falling], ..free.clone() };
        let falls = |settings: &Settings| {
            let (forest, (values, _)) = (train(3000, settings).forest, cohort(200, 3));
            let mut falls = 0;
            for row in values.chunks(5) {
                for (column, sign) in [(0, 1.0), (1, -1.0)] {
                    let line = (0..=50).flat_map(|step| {
                        let mut moved = row.to_vec();
                        moved[column] = f64::from(step) / 50.0;
                        moved
                    });
                    let margins = margins(&forest, &line.collect::<Vec<_>>());
                    falls += margins.windows(2).filter(|pair| sign * (pair[1] - pair[0]) < -1e-9).count();
                }
            }
            (falls, auc(&forest))
        };
        let ((many, _), (none, found)) = (falls(&free), falls(&bound));
        assert!(many > 100 && none == 0 && found > 0.75, "{many} {none} {found}");
    }

    #[test]
    fn hostile_tables_and_settings_are_refused_or_survived() {
        let fit = |values: &[f64], outcomes: &[bool], settings: &Settings| {
            let width = values.len() / outcomes.len();
            boost(&Rows::new(values, width, outcomes).unwrap(), &NAMES[..width], None, settings, |_| ControlFlow::Continue(()))
        };
        let all = Settings { min_rows: 1, min_hessian: 0.0, l2: 0.0, rounds: 400, learning_rate: 1.0, ..Settings::default() };
        let strange = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN, 0.0, -0.0, 5e-324];
        let outcomes = [true, false, true, false, true, false, true, false];
        assert!(fit(&strange, &outcomes, &all).unwrap().forest.trees().iter().flat_map(|t| &t.leaves).all(|l| l.value.is_finite()));
        let flat = fit(&[1.0; 8], &outcomes, &all).unwrap();
        assert_eq!(margins_of_one(&flat.forest), 0.0, "nothing to split: the base rate");
        assert_eq!(fit(&[f64::NAN; 8], &outcomes, &all).map(|b| margins_of_one(&b.forest)), Ok(0.0));
        assert_eq!(fit(&[1.0; 2], &[true, true], &all).unwrap_err().place(), "outcomes");
        for broken in [
            Settings { learning_rate: f64::NAN, ..all.clone() },
            Settings { rounds: 0, ..all.clone() },
            Settings { rounds: 20_000, leaves: 4096, ..all.clone() },
            Settings { bins: 256, ..all.clone() },
            Settings { l2: -1.0, ..all.clone() },
            Settings { threads: 0, ..all.clone() },
        ] {
            assert!(fit(&strange, &outcomes, &broken).is_err(), "{broken:?}");
        }
        assert!(serde_json::from_str::<Settings>(r#"{"leafs": 3}"#).is_err(), "an unknown setting is no default");
        let wide: Vec<f64> = (0..2 * Rows::WIDEST).map(|i| f64::from(i < Rows::WIDEST)).collect();
        let names: Vec<String> = (0..Rows::WIDEST).map(|i| i.to_string()).collect();
        let rows = Rows::new(&wide, Rows::WIDEST, &[true, false]).unwrap();
        let many = Settings { rounds: 1, leaves: 4096, ..all };
        let refused = boost(&rows, &names.iter().map(String::as_str).collect::<Vec<_>>(), None, &many, |_| ControlFlow::Continue(()));
        assert_eq!(refused.unwrap_err().place(), "leaves");
    }

    fn margins_of_one(forest: &Forest) -> f64 {
        forest.trees().iter().map(|tree| walk(tree, &[1.0])).sum()
    }
}
