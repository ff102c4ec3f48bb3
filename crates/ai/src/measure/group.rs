//! Whether a model serves parts of the population alike.

use serde::Serialize;

use super::{Error, Interval, Result, Scored, compare, drift::Severity};

/// What is asked of groups.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Terms {
    /// A case is selected when its probability is at least this.
    pub threshold: f64,
    /// A group with fewer cases is listed and not judged.
    pub least: u64,
    /// A group in which fewer happened has no rate among those that happened, and no area.
    pub least_positives: u64,
    /// Of the confidence intervals, such as 0.95.
    pub level: f64,
}

/// One group's figures.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// How many cases.
    pub cases: u64,
    /// How many of them happened.
    pub positives: u64,
    /// Whether there are enough cases to say something; the figures below are `None` otherwise.
    pub enough: bool,
    /// Share selected.
    pub selection: Option<Interval>,
    /// Share selected among those that happened: true positive rate.
    pub recall: Option<Interval>,
    /// Share selected among those that did not happen: false positive rate.
    pub false_alarm: Option<Interval>,
    /// Share judged rightly.
    pub accuracy: Option<Interval>,
    /// The mean probability given.
    pub predicted: Option<f64>,
    /// The share that happened; beside `predicted` it says whether the group is judged too high or too low.
    pub observed: Option<Interval>,
    /// Area under the ROC curve.
    pub auc: Option<Interval>,
}

/// How the worst group stands to the best in one figure.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Gap {
    /// The group with the smallest figure.
    pub worst: String,
    /// The group with the largest.
    pub best: String,
    /// Smallest over largest; 1 when both are 0.
    pub ratio: f64,
    /// Whether the two confidence intervals do not overlap: more than chance.
    pub sure: bool,
    /// What the ratio means.
    pub severity: Severity,
}

/// Groups of one attribute side by side.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Groups {
    /// In the order of the names given.
    pub groups: Vec<Group>,
    /// Of the share selected.
    pub selection: Option<Gap>,
    /// Of the share selected among those that happened: a client at risk is found in every group alike.
    pub recall: Option<Gap>,
    /// Of the share judged rightly.
    pub accuracy: Option<Gap>,
    /// Of the area under the ROC curve.
    pub auc: Option<Gap>,
    /// The largest |predicted − observed| of a group.
    pub miscalibration: Option<f64>,
}

impl Groups {
    /// The worst of what concerns quality: recall, accuracy and area, each only where it is more than chance. How many
    /// are selected is no fault in itself, since groups differ in how often it happens.
    pub fn severity(&self) -> Severity {
        let gaps = [&self.recall, &self.accuracy, &self.auc];
        gaps.into_iter().flatten().filter(|gap| gap.sure).map(|gap| gap.severity).max().unwrap_or(Severity::None)
    }
}

/// Splits cases by an attribute: `member[i]` is the index in `names` of case i's group; an index outside leaves the
/// case out, as for an attribute that is not known.
///
/// # Errors
/// When the lengths differ or a score is no probability.
pub fn by_group(scored: &Scored, member: &[usize], names: &[&str], terms: Terms) -> Result<Groups> {
    if member.len() != scored.len() {
        return Err(Error::new("member", format!("{} of them beside {} cases", member.len(), scored.len())));
    }
    scored.probabilities()?;
    let groups: Vec<Group> = names.iter().enumerate().map(|(g, name)| group(scored.part(|i| member[i] == g), name, terms)).collect();
    let gap = |of: fn(&Group) -> Option<Interval>| gap(&groups, of);
    let miscalibration = groups.iter().filter_map(|g| Some((g.predicted? - g.observed?.value).abs())).max_by(f64::total_cmp);
    let (selection, recall) = (gap(|g| g.selection), gap(|g| g.recall));
    let (accuracy, auc) = (gap(|g| g.accuracy), gap(|g| g.auc));
    Ok(Groups { groups, selection, recall, accuracy, auc, miscalibration })
}

fn group(part: Option<Scored>, name: &str, terms: Terms) -> Group {
    let cases = part.as_ref().map_or(0, |p| p.len() as u64);
    let positives = part.as_ref().map_or(0, |p| p.positives() as u64);
    let mut group = Group {
        name: name.to_owned(),
        cases,
        positives,
        enough: cases >= terms.least.max(1),
        selection: None,
        recall: None,
        false_alarm: None,
        accuracy: None,
        predicted: None,
        observed: None,
        auc: None,
    };
    if let Some(part) = part.filter(|_| group.enough) {
        let c = part.confusion(terms.threshold);
        let share = |part, whole| Interval::share(part, whole, terms.level);
        group.selection = share(c.true_positives + c.false_positives, cases);
        group.false_alarm = share(c.false_positives, cases - positives);
        group.accuracy = share(c.true_positives + c.true_negatives, cases);
        group.observed = share(positives, cases);
        group.predicted = Some(part.scores().iter().sum::<f64>() / cases as f64);
        if positives >= terms.least_positives {
            group.recall = share(c.true_positives, positives);
            group.auc = compare::auc_interval(&part, terms.level);
        }
    }
    group
}

fn gap(groups: &[Group], of: fn(&Group) -> Option<Interval>) -> Option<Gap> {
    let known = || groups.iter().filter_map(|g| Some((g, of(g)?)));
    let (worst, low) = known().min_by(|a, b| a.1.value.total_cmp(&b.1.value))?;
    let (best, high) = known().max_by(|a, b| a.1.value.total_cmp(&b.1.value))?;
    if known().count() < 2 {
        return None;
    }
    let ratio = if high.value > 0.0 { low.value / high.value } else { 1.0 };
    Some(Gap { worst: worst.name.clone(), best: best.name.clone(), ratio, sure: low.high < high.low, severity: Severity::of_ratio(ratio) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::SplitMix;

    const TERMS: Terms = Terms { threshold: 0.5, least: 50, least_positives: 10, level: 0.95 };

    /// Two groups alike but for `fault`, which is taken from the probabilities of the second; a third of ten cases.
    fn cohort(fault: f64) -> (Scored, Vec<usize>) {
        let mut chance = SplitMix::new(3);
        let (mut p, mut y, mut member) = (vec![], vec![], vec![]);
        for i in 0..2010 {
            let group = if i < 2000 { i % 2 } else { 2 };
            let truth = chance.unit();
            y.push(chance.unit() < truth);
            p.push((truth - if group == 1 { fault } else { 0.0 }).max(0.0));
            member.push(group);
        }
        (Scored::new(p, y).unwrap(), member)
    }

    #[test]
    fn a_fair_model_passes_and_a_doctored_one_does_not() {
        let (scored, member) = cohort(0.0);
        let fair = by_group(&scored, &member, &["a", "b", "c"], TERMS).unwrap();
        assert_eq!(fair.severity(), Severity::None);
        assert!(fair.miscalibration.unwrap() < 0.05);
        let (scored, member) = cohort(0.3);
        let doctored = by_group(&scored, &member, &["a", "b", "c"], TERMS).unwrap();
        let recall = doctored.recall.clone().unwrap();
        assert_eq!((recall.worst.as_str(), recall.best.as_str(), recall.sure), ("b", "a", true));
        assert!(doctored.severity() >= Severity::Moderate && doctored.miscalibration.unwrap() > 0.2);
    }

    #[test]
    fn a_small_group_is_listed_and_not_judged() {
        let (scored, member) = cohort(0.0);
        let groups = by_group(&scored, &member, &["a", "b", "c", "nobody"], TERMS).unwrap();
        let small = &groups.groups[2];
        assert_eq!((small.cases, small.enough, small.selection, groups.groups[3].cases), (10, false, None, 0));
        assert!(groups.groups[0].auc.unwrap().low > 0.75);
        let one = by_group(&scored, &member, &["a"], TERMS).unwrap();
        assert_eq!((one.recall, one.groups.len()), (None, 1));
        assert!(by_group(&scored, &[0], &["a"], TERMS).is_err());
    }
}
