//! Reading models that LightGBM saved as text (versions 2 to 4 of the format).
//!
//! The rules, checked against the library itself: left when the value is at most the threshold, both f64;
//! `decision_type` bit 0 a split by category, bit 1 missing goes left, bits 2 and 3 what is missing (0 nothing,
//! 1 zero, 2 NaN); members of a set go left; child `-1 - n` is leaf n; thresholds may be `inf`.

use std::collections::HashMap;
use std::str::FromStr;

use super::{Branch, Codes, Feature, Forest, Leaf, Library, Missing, ModelError, Next, Test, Tree};

type Result<T> = std::result::Result<T, ModelError>;

fn refuse<T>(what: impl Into<String>) -> Result<T> {
    Err(ModelError::new("", what))
}

impl Forest {
    /// Reads a model that LightGBM saved as text: `gbdt` with objective `binary`.
    ///
    /// # Errors
    /// Text that is not such a model or is cut off, with the tree, branch or leaf; other objectives, boosters and
    /// shapes of output, by name.
    pub fn from_lightgbm(text: &str) -> Result<Self> {
        if text.len() > Self::TEXT {
            return refuse(format!("{} bytes; up to {} are read", text.len(), Self::TEXT));
        }
        let mut lines = text.lines();
        if lines.next().map(str::trim_end) != Some("tree") {
            return refuse("the first line is not \"tree\": this is not a model of LightGBM");
        }
        let mut head = Fields::default();
        let mut trees: Vec<Tree> = Vec::new();
        let mut room = Forest::BRANCHES;
        let mut open: Option<Fields<'_>> = None;
        let mut ended = false;
        for line in &mut lines {
            let line = line.trim_end();
            let begins = line.strip_prefix("Tree=");
            ended = line == "end of trees";
            if let Some(fields) = open.take_if(|_| begins.is_some() || ended) {
                let place = format!("tree {}", trees.len());
                trees.push(fields.tree(&mut room).map_err(|error| error.within(&place))?);
            }
            if ended {
                break;
            }
            match (begins, &mut open) {
                (Some(number), _) => {
                    if number.parse() != Ok(trees.len()) || trees.len() >= Self::TREES {
                        return refuse(format!("\"Tree={number}\" where tree {} is due; up to {} are read", trees.len(), Self::TREES));
                    }
                    open = Some(Fields::default());
                }
                (None, Some(fields)) => fields.add(line),
                (None, None) => head.add(line),
            }
        }
        if !ended {
            return refuse("the text is cut off: \"end of trees\" is not there");
        }
        for line in lines {
            match line.trim_end() {
                "[boosting: gbdt]" | "[boosting: gbrt]" | "[boosting: goss]" => {}
                other if other.starts_with("[boosting:") => return refuse(format!("{other}: only gbdt is read")),
                "[linear_tree: 1]" => return refuse("linear trees are not read"),
                _ => {}
            }
        }
        head.forest(trees)
    }
}

/// Lines `name=value`, and lines that are only a name.
#[derive(Default)]
struct Fields<'a>(HashMap<&'a str, &'a str>);

impl<'a> Fields<'a> {
    fn add(&mut self, line: &'a str) {
        let (name, value) = line.split_once('=').unwrap_or((line, ""));
        if !name.is_empty() {
            self.0.insert(name, value);
        }
    }

    fn list<T: FromStr>(&self, name: &str) -> Result<Option<Vec<T>>> {
        let Some(text) = self.0.get(name) else { return Ok(None) };
        let read =
            |(number, word): (usize, &str)| word.parse().or_else(|_| refuse(format!("{name:?}, item {number}: {word:?} cannot be read")));
        text.split_ascii_whitespace().enumerate().map(read).collect::<Result<_>>().map(Some)
    }

    /// A list that must be there with this length.
    fn exact<T: FromStr>(&self, name: &str, length: usize) -> Result<Vec<T>> {
        match self.list(name)? {
            None => refuse(format!("{name:?} is missing")),
            Some(list) if list.len() == length => Ok(list),
            Some(list) => refuse(format!("{name:?} has {} items; {length} are due", list.len())),
        }
    }

    /// A list that older versions leave out; then it is all zeros.
    fn optional(&self, name: &str, length: usize) -> Result<Vec<f64>> {
        if self.0.get(name).is_none_or(|text| text.trim().is_empty()) { Ok(vec![0.0; length]) } else { self.exact(name, length) }
    }

    fn forest(&self, trees: Vec<Tree>) -> Result<Forest> {
        let said = |name: &str| self.0.get(name).copied().unwrap_or_default();
        if !matches!(said("version"), "v2" | "v3" | "v4") {
            return refuse(format!("version {:?} of the format; v2, v3 and v4 are read", said("version")));
        }
        if said("num_class") != "1" || !matches!(said("num_tree_per_iteration"), "" | "1") {
            return refuse("the model has several outputs; only models with one are read");
        }
        if self.0.contains_key("average_output") {
            return refuse("a random forest that averages its trees; only gbdt is read");
        }
        let mut objective = said("objective").split_ascii_whitespace();
        if objective.next() != Some("binary") {
            return refuse(format!("the objective is {:?}; only \"binary\" is read", said("objective")));
        }
        let sigmoid = objective.find_map(|word| word.strip_prefix("sigmoid:")).unwrap_or("1");
        let Ok(sigmoid) = sigmoid.parse() else { return refuse(format!("\"sigmoid:{sigmoid}\" cannot be read")) };
        let Some(count) = said("max_feature_idx").parse::<usize>().ok().filter(|last| *last < Forest::FEATURES) else {
            return refuse(format!("\"max_feature_idx\" is {:?}; up to {} features are read", said("max_feature_idx"), Forest::FEATURES));
        };
        let sizes: Option<Vec<u64>> = self.list("tree_sizes")?;
        if sizes.is_some_and(|sizes| sizes.len() != trees.len()) {
            return refuse(format!("{} trees are there, but \"tree_sizes\" has another number of items", trees.len()));
        }
        let names: Vec<String> = self.exact("feature_names", count + 1)?;
        let ranges: Vec<String> = self.exact("feature_infos", count + 1)?;
        let features = names.into_iter().zip(&ranges).map(|(name, range)| Feature { name, range: span(range) }).collect();
        Forest::new(Library::LightGbm, features, 0.0, sigmoid, trees)
    }

    fn tree(&self, room: &mut usize) -> Result<Tree> {
        if self.0.get("is_linear").is_some_and(|word| *word != "0") {
            return refuse("linear trees are not read");
        }
        let count = self.exact::<usize>("num_leaves", 1)?[0];
        if count == 0 || count - 1 > *room {
            return refuse(format!(
                "\"num_leaves\" is {count}; a tree has one at least, and all together {} branches at most",
                Forest::BRANCHES
            ));
        }
        let values: Vec<f64> = self.exact("leaf_value", count)?;
        let (covers, weights) = (self.optional("leaf_count", count)?, self.optional("leaf_weight", count)?);
        let leaf = |(number, ((value, cover), weight))| Leaf { value, cover, weight, id: number as u32 };
        let leaves = values.into_iter().zip(covers).zip(weights).enumerate().map(leaf).collect();
        let inner = count - 1;
        *room -= inner;
        if inner == 0 {
            return Ok(Tree { branches: Vec::new(), leaves });
        }
        let features: Vec<u32> = self.exact("split_feature", inner)?;
        let thresholds: Vec<f64> = self.exact("threshold", inner)?;
        let kinds: Vec<u32> = self.exact("decision_type", inner)?;
        let (left, right): (Vec<i64>, Vec<i64>) = (self.exact("left_child", inner)?, self.exact("right_child", inner)?);
        let (covers, weights) = (self.optional("internal_count", inner)?, self.optional("internal_weight", inner)?);
        let (gains, values) = (self.optional("split_gain", inner)?, self.optional("internal_value", inner)?);
        let mut sets = self.sets()?;
        let mut branches = Vec::with_capacity(inner);
        for at in 0..inner {
            let wrong = |what: String| ModelError::new(format!("branch {at}"), what);
            let child = |child: i64| match if child < 0 { (inner, -1 - child) } else { (inner - 1, child) } {
                (last, number) if number < 0 || number as usize > last => Err(wrong(format!("its child {child} is not there"))),
                (_, number) => Ok(if child < 0 { Next::Leaf(number as u32) } else { Next::Branch(number as u32) }),
            };
            let threshold = thresholds[at];
            let test = match (kinds[at] & 1, kinds[at] >> 2) {
                // Every set belongs to one branch: taking it twice would let a short text fill the memory.
                (1, _) => match sets.get_mut(threshold as usize).map(Option::take) {
                    Some(Some(codes)) if threshold >= 0.0 && threshold.fract() == 0.0 => Test::Among(codes),
                    Some(None) => return Err(wrong(format!("set {threshold} belongs to another branch"))),
                    _ => return Err(wrong(format!("it asks for set {threshold} of {}", sets.len()))),
                },
                (_, 0) => Test::AtMost { threshold, missing: Missing::None },
                (_, 1) => Test::AtMost { threshold, missing: Missing::Zero },
                (_, 2) => Test::AtMost { threshold, missing: Missing::Nan },
                _ => return Err(wrong(format!("its \"decision_type\" {} is not known", kinds[at]))),
            };
            branches.push(Branch {
                feature: features[at],
                test,
                default_left: kinds[at] & 2 != 0,
                left: child(left[at])?,
                right: child(right[at])?,
                cover: covers[at],
                weight: weights[at],
                gain: gains[at],
                value: values[at],
            });
        }
        Ok(Tree { branches, leaves })
    }

    /// The sets of categories of a tree, each a run of words in one list.
    fn sets(&self) -> Result<Vec<Option<Codes>>> {
        let count = self.exact::<usize>("num_cat", 1)?[0];
        if count == 0 {
            return Ok(Vec::new());
        }
        let words: Vec<u32> = self.list("cat_threshold")?.unwrap_or_default();
        if count > words.len() {
            return refuse(format!("{count} sets of categories in {} words", words.len()));
        }
        let bounds: Vec<usize> = self.exact("cat_boundaries", count + 1)?;
        if bounds[0] != 0 {
            return refuse("\"cat_boundaries\" does not begin with 0");
        }
        let set = |(number, pair): (usize, &[usize])| match words.get(pair[0]..pair[1]) {
            Some(run) if run.len() <= Codes::GREATEST as usize / 32 => Ok(Some(Codes::from_words(run.to_vec()))),
            _ => refuse(format!("set {number} goes from word {} to {} of {}", pair[0], pair[1], words.len())),
        };
        bounds.windows(2).enumerate().map(set).collect()
    }
}

/// `[least:greatest]`; a feature of categories or one that never varied has none.
fn span(text: &str) -> Option<(f64, f64)> {
    let (least, greatest) = text.strip_prefix('[')?.strip_suffix(']')?.split_once(':')?;
    Some((least.parse().ok()?, greatest.parse().ok()?))
}
