//! How right an assessment is: what it says beside what people found out.
//!
//! *Equal* is strict: the same status. A *false implemented* is the worst error, praise that is
//! not deserved; where the truth is `missing` it is a grave one. Rows whose practice has no
//! detector are counted apart: nothing was claimed.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{Status, detect::Assessed};

/// One row of a table of truths.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Truth {
    /// The repository's name in the table.
    pub repo: String,
    /// The commit that was judged; empty where the table names none.
    pub commit: String,
    /// The practice, by its name in the catalogue.
    pub practice: String,
    /// What people found out.
    pub truth: Status,
    /// The line of the table, from 1.
    pub line: usize,
}

/// A row with what was said of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Judged {
    /// The row.
    #[serde(flatten)]
    pub truth: Truth,
    /// What the assessment says; nothing where no detector looks for the practice.
    pub found: Option<Status>,
    /// Why it says so.
    pub why: String,
}

/// Counts over rows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Rows with a detector.
    pub rows: usize,
    /// Rows without one.
    pub without: usize,
    /// Rows with the very same status.
    pub equal: usize,
    /// Rows that are said to be implemented.
    pub said: usize,
    /// Rows that are implemented.
    pub there: usize,
    /// Rows that are said to be implemented and are.
    pub right: usize,
    /// Rows that are said to be implemented and are missing.
    pub grave: usize,
}

/// The result of an evaluation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluation {
    /// Over all rows.
    pub whole: Tally,
    /// By practice.
    pub practices: BTreeMap<String, Tally>,
    /// By repository and commit.
    pub repositories: BTreeMap<String, Tally>,
    /// Each row, in the order of the table.
    pub rows: Vec<Judged>,
}

impl Tally {
    fn add(&mut self, row: &Judged) {
        let Some(found) = row.found else {
            self.without += 1;
            return;
        };
        let (said, there) = (found == Status::Implemented, row.truth.truth == Status::Implemented);
        self.rows += 1;
        self.equal += usize::from(found == row.truth.truth);
        self.said += usize::from(said);
        self.there += usize::from(there);
        self.right += usize::from(said && there);
        self.grave += usize::from(said && row.truth.truth == Status::Missing);
    }
    /// Rows that are said to be implemented and are not.
    pub fn false_implemented(&self) -> usize {
        self.said - self.right
    }
}

impl Evaluation {
    /// Counts these rows.
    pub fn of(rows: Vec<Judged>) -> Evaluation {
        let mut evaluation = Evaluation { whole: Tally::default(), practices: BTreeMap::new(), repositories: BTreeMap::new(), rows };
        for row in &evaluation.rows {
            evaluation.whole.add(row);
            evaluation.practices.entry(row.truth.practice.clone()).or_default().add(row);
            evaluation.repositories.entry(format!("{} {}", row.truth.repo, row.truth.commit).trim_end().to_owned()).or_default().add(row);
        }
        evaluation
    }
    /// For people: a line for each practice, then the whole; with `verbose` each row that differs.
    pub fn text(&self, verbose: bool) -> String {
        let mut out = format!("{:<34} {:>5} {:>7} {:>10} {:>8} {:>6}\n", "practice", "rows", "equal", "precision", "recall", "false");
        for (name, tally) in self.practices.iter().filter(|(_, tally)| tally.rows > 0) {
            out.push_str(&line(name, tally));
        }
        for (name, tally) in &self.repositories {
            out.push_str(&line(name, tally));
        }
        out.push_str(&line("all", &self.whole));
        let whole = &self.whole;
        out.push_str(&format!(
            "\nstrictly equal {} of {} rows ({}); false \"implemented\" {} ({}), {} of them missing in truth; {} rows without a detector\n",
            whole.equal,
            whole.rows,
            share(whole.equal, whole.rows),
            whole.false_implemented(),
            share(whole.false_implemented(), whole.rows),
            whole.grave,
            whole.without
        ));
        if verbose {
            out.push('\n');
            for row in self.rows.iter().filter(|row| row.found.is_some_and(|found| found != row.truth.truth)) {
                let found = row.found.map_or("-", Status::name);
                let Truth { repo, commit, practice, truth, line } = &row.truth;
                out.push_str(&format!("{line}: {repo} {commit} {practice}: is {}, said {found}: {}\n", truth.name(), row.why));
            }
        }
        out
    }
}

fn line(name: &str, tally: &Tally) -> String {
    format!(
        "{name:<34} {:>5} {:>7} {:>10} {:>8} {:>6}\n",
        tally.rows,
        share(tally.equal, tally.rows),
        share(tally.right, tally.said),
        share(tally.right, tally.there),
        tally.false_implemented()
    )
}

/// A share in percent with one decimal, in whole numbers; a dash where there is nothing to share.
fn share(part: usize, whole: usize) -> String {
    if whole == 0 {
        return "-".into();
    }
    let thousandths = (part * 2000 + whole) / (2 * whole);
    format!("{}.{} %", thousandths / 10, thousandths % 10)
}

/// Reads a table of truths: tab-separated, with a first line that names the columns. `repo`, `practice` and `truth` are needed;
/// `commit` and `catalogue_id`, which goes before `practice`, are read where they are there.
///
/// # Errors
/// What is wrong, with its line.
pub fn truths(text: &str) -> Result<Vec<Truth>, String> {
    let mut lines =
        text.trim_start_matches('\u{feff}').lines().enumerate().filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
    let names: Vec<&str> = lines.next().ok_or("the table is empty")?.1.split('\t').map(str::trim).collect();
    let column = |name: &str| names.iter().position(|known| *known == name);
    let need = |name: &str| column(name).ok_or_else(|| format!("the table has no column `{name}`"));
    let (repo, practice, truth) = (need("repo")?, need("practice")?, need("truth")?);
    let (commit, catalogue) = (column("commit"), column("catalogue_id"));
    lines
        .map(|(number, line)| {
            let cells: Vec<&str> = line.split('\t').map(str::trim).collect();
            let cell = |column: usize| cells.get(column).copied().unwrap_or("");
            let word = cell(truth).to_ascii_lowercase().replace(['_', ' '], "-");
            let known = [Status::Implemented, Status::Partial, Status::Missing, Status::NotApplicable, Status::Unknown];
            let truth = known.into_iter().find(|status| status.name() == word || word == "n/a" && *status == Status::NotApplicable);
            let truth = truth.ok_or_else(|| format!("line {}: `{word}` is no status", number + 1))?;
            let named = catalogue.map_or("", cell);
            let practice = if named.is_empty() { cell(practice) } else { named };
            if practice.is_empty() || cell(repo).is_empty() {
                return Err(format!("line {}: repo and practice must not be empty", number + 1));
            }
            let commit = commit.map_or("", cell).to_owned();
            Ok(Truth { repo: cell(repo).to_owned(), commit, practice: practice.to_owned(), truth, line: number + 1 })
        })
        .collect()
}

/// Puts what was found beside the rows it is about.
pub fn judge<'t>(rows: impl IntoIterator<Item = &'t Truth>, found: &[Assessed]) -> Vec<Judged> {
    let found: BTreeMap<&str, &Assessed> = found.iter().map(|one| (one.practice.as_str(), one)).collect();
    rows.into_iter()
        .map(|truth| {
            let one = found.get(truth.practice.as_str());
            Judged { truth: truth.clone(), found: one.map(|one| one.status), why: one.map_or_else(String::new, |one| one.why.clone()) }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Evaluation, Judged, Tally, Truth, share, truths};
    use crate::Status;

    fn row(practice: &str, truth: Status, found: Option<Status>) -> Judged {
        let truth = Truth { repo: "r".into(), commit: "c".into(), practice: practice.into(), truth, line: 2 };
        Judged { truth, found, why: "because".into() }
    }

    #[test]
    fn praise_that_is_not_deserved_is_counted_and_silence_is_not_held_against_anybody() {
        use Status::{Implemented, Missing, NotApplicable, Partial, Unknown};
        let evaluation = Evaluation::of(vec![
            row("a", Implemented, Some(Implemented)),
            row("a", Partial, Some(Implemented)),
            row("a", Missing, Some(Implemented)),
            row("a", Implemented, Some(Partial)),
            row("b", Missing, Some(Missing)),
            row("b", NotApplicable, Some(NotApplicable)),
            row("b", Missing, Some(Unknown)),
            row("c", Implemented, None),
        ]);
        let expected = Tally { rows: 7, without: 1, equal: 3, said: 3, there: 2, right: 1, grave: 1 };
        assert_eq!(evaluation.whole, expected);
        assert_eq!(evaluation.whole.false_implemented(), 2);
        assert_eq!(evaluation.practices["b"].equal, 2);
        let text = evaluation.text(true);
        assert!(text.contains("strictly equal 3 of 7 rows (42.9 %); false \"implemented\" 2 (28.6 %), 1 of them missing"), "{text}");
        assert!(text.contains("2: r c a: is partial, said implemented: because"), "{text}");
        assert!(!text.contains("\nc "), "a practice without a detector has no line: {text}");
    }

    #[test]
    fn shares_are_rounded_and_nothing_of_nothing_is_no_number() {
        assert_eq!([share(1, 3), share(2, 3), share(0, 5), share(5, 5), share(0, 0)], ["33.3 %", "66.7 %", "0.0 %", "100.0 %", "-"]);
    }

    #[test]
    fn a_table_names_its_columns_and_a_wrong_word_is_said_with_its_line() {
        let text = "repo\tcommit\tpractice\ttruth\tcatalogue_id\nx\tabc\tshort.name\tnot_applicable\tlong-name\n\ny\t\tother\tpartial\t\n";
        let rows = truths(text).unwrap();
        assert_eq!((rows[0].practice.as_str(), rows[0].truth, rows[0].line), ("long-name", Status::NotApplicable, 2));
        assert_eq!((rows[1].practice.as_str(), rows[1].commit.as_str(), rows[1].line), ("other", "", 4));
        for (text, why) in [
            ("", "empty"),
            ("repo\tpractice\n", "no column `truth`"),
            ("repo\tpractice\ttruth\nx\ty\tmaybe\n", "line 2: `maybe`"),
            ("repo\tpractice\ttruth\nx\t\tpartial\n", "line 2"),
        ] {
            assert!(truths(text).unwrap_err().contains(why), "{text:?}");
        }
    }
}
