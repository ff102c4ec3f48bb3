//! Reading models that XGBoost saved as JSON (all versions since 1.0).
//!
//! The rules, checked against the library itself: left when the value is below the threshold, both f32; NaN where
//! `default_left` says; members of a stored set of categories go right; the base score is a probability whose
//! log-odds, in f32, starts the sum. See <https://xgboost.readthedocs.io/en/stable/tutorials/saving_model.html>.

use std::collections::HashMap;

use super::json::Reader;
use super::{Branch, Codes, Feature, Forest, Leaf, Library, ModelError, Next, Test, Tree};

type Result<T> = std::result::Result<T, ModelError>;

impl Forest {
    /// Texts longer than this are refused.
    pub const TEXT: usize = 128 << 20;

    /// Reads a model that XGBoost saved as JSON: `gbtree` with objective `binary:logistic`.
    ///
    /// # Errors
    /// Text that is not such a model, with the byte, tree or node; other objectives, boosters and shapes of output,
    /// by name.
    pub fn from_xgboost(text: &str) -> Result<Self> {
        if text.len() > Self::TEXT {
            return Err(ModelError::new("", format!("{} bytes; up to {} are read", text.len(), Self::TEXT)));
        }
        let mut model = Model::default();
        let mut reader = Reader::new(text);
        reader.object(|reader, name| if name == "learner" { model.learner(reader) } else { reader.skip() })?;
        reader.end()?;
        model.forest()
    }
}

/// What the text said, before it is judged.
#[derive(Default)]
struct Model {
    names: Vec<String>,
    booster: Option<String>,
    objective: Option<String>,
    base: Option<String>,
    classes: Option<String>,
    targets: Option<String>,
    features: Option<String>,
    count: Option<String>,
    groups: Vec<i64>,
    trees: Option<Vec<Tree>>,
}

impl Model {
    fn learner(&mut self, reader: &mut Reader<'_>) -> Result<()> {
        reader.object(|reader, name| {
            match name {
                "feature_names" => self.names = reader.strings()?,
                "objective" => reader.object(|reader, name| {
                    if name == "name" {
                        self.objective = Some(reader.string()?);
                        return Ok(());
                    }
                    reader.skip()
                })?,
                "learner_model_param" => reader.object(|reader, name| {
                    match name {
                        "base_score" => self.base = Some(reader.loose()?),
                        "num_class" => self.classes = Some(reader.loose()?),
                        "num_target" => self.targets = Some(reader.loose()?),
                        "num_feature" => self.features = Some(reader.loose()?),
                        _ => reader.skip()?,
                    }
                    Ok(())
                })?,
                "gradient_booster" => self.booster(reader)?,
                _ => reader.skip()?,
            }
            Ok(())
        })
    }

    fn booster(&mut self, reader: &mut Reader<'_>) -> Result<()> {
        reader.object(|reader, name| match name {
            "name" => {
                self.booster = Some(reader.string()?);
                Ok(())
            }
            "model" => reader.object(|reader, name| {
                match name {
                    "gbtree_model_param" => reader.object(|reader, name| {
                        if name == "num_trees" {
                            self.count = Some(reader.loose()?);
                            return Ok(());
                        }
                        reader.skip()
                    })?,
                    "tree_info" => self.groups = reader.integers()?,
                    "trees" => {
                        let mut trees = Vec::new();
                        let mut room = Room { branches: Forest::BRANCHES, words: Forest::WORDS };
                        reader.array(|reader, number| {
                            if number >= Forest::TREES {
                                return reader.refuse(format!("more than {} trees", Forest::TREES));
                            }
                            let tree = Arrays::read(reader).and_then(|arrays| arrays.tree(&mut room));
                            trees.push(tree.map_err(|error| error.within(&format!("tree {number}")))?);
                            Ok(())
                        })?;
                        self.trees = Some(trees);
                    }
                    _ => reader.skip()?,
                }
                Ok(())
            }),
            _ => reader.skip(),
        })
    }

    fn forest(self) -> Result<Forest> {
        let refuse = |what: String| Err(ModelError::new("", what));
        match self.booster.as_deref() {
            Some("gbtree") => {}
            Some(other) => return refuse(format!("the booster is {other:?}; only \"gbtree\" is read")),
            None => return refuse("no \"gradient_booster\" with a name: this is not a model of XGBoost".into()),
        }
        match self.objective.as_deref() {
            Some("binary:logistic") => {}
            Some(other) => return refuse(format!("the objective is {other:?}; only \"binary:logistic\" is read")),
            None => return refuse("no objective".into()),
        }
        let outputs = [&self.classes, &self.targets].into_iter().flatten().any(|count| !matches!(count.as_str(), "0" | "1"));
        if outputs || self.groups.iter().any(|group| *group != 0) {
            return refuse("the model has several outputs; only models with one are read".into());
        }
        let Some(trees) = self.trees else { return refuse("no trees".into()) };
        if self.count.is_some_and(|count| count != trees.len().to_string()) || self.groups.len() != trees.len() {
            return refuse(format!("{} trees are there, but \"num_trees\" or \"tree_info\" says another number", trees.len()));
        }
        let Some(features) = self.features.as_deref().and_then(|count| count.parse::<usize>().ok()) else {
            return refuse("\"num_feature\" is missing or not a number".into());
        };
        if features > Forest::FEATURES || (!self.names.is_empty() && self.names.len() != features) {
            return refuse(format!("{features} features and {} names of features; up to {} are read", self.names.len(), Forest::FEATURES));
        }
        let names = if self.names.is_empty() { (0..features).map(|number| format!("f{number}")).collect() } else { self.names };
        let features = names.into_iter().map(|name| Feature { name, range: None }).collect();
        Forest::new(Library::XgBoost, features, f64::from(log_odds(self.base.as_deref())?), 1.0, trees)
    }
}

/// The base score, `"5E-1"` before version 3 and `"[5E-1]"` since, as log-odds in f32 as the library computes it.
fn log_odds(base: Option<&str>) -> Result<f32> {
    let refuse = |what: String| Err(ModelError::new("base_score", what));
    let Some(text) = base else { return refuse("it is missing".into()) };
    let inner = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    match inner.parse::<f32>() {
        Ok(base) if base > 0.0 && base < 1.0 => Ok(-(1.0 / base - 1.0).ln()),
        _ => refuse(format!("it is {text:?}; one probability between 0 and 1 is due")),
    }
}

/// What may still be read: a short text can ask for much.
struct Room {
    branches: usize,
    words: usize,
}

/// The parallel arrays of one tree: one item a node.
#[derive(Default)]
struct Arrays {
    nodes: Option<String>,
    vector: Option<String>,
    left: Vec<i64>,
    right: Vec<i64>,
    feature: Vec<i64>,
    condition: Vec<f32>,
    default_left: Vec<i64>,
    kind: Vec<i64>,
    cover: Vec<f32>,
    gain: Vec<f32>,
    value: Vec<f32>,
    set_nodes: Vec<i64>,
    set_starts: Vec<i64>,
    set_sizes: Vec<i64>,
    codes: Vec<i64>,
}

impl Arrays {
    fn read(reader: &mut Reader<'_>) -> Result<Self> {
        let mut arrays = Self::default();
        reader.object(|reader, name| {
            match name {
                "left_children" => arrays.left = reader.integers()?,
                "right_children" => arrays.right = reader.integers()?,
                "split_indices" => arrays.feature = reader.integers()?,
                "split_conditions" => arrays.condition = reader.floats()?,
                "default_left" => arrays.default_left = reader.integers()?,
                "split_type" => arrays.kind = reader.integers()?,
                "sum_hessian" => arrays.cover = reader.floats()?,
                "loss_changes" => arrays.gain = reader.floats()?,
                "base_weights" => arrays.value = reader.floats()?,
                "categories_nodes" => arrays.set_nodes = reader.integers()?,
                "categories_segments" => arrays.set_starts = reader.integers()?,
                "categories_sizes" => arrays.set_sizes = reader.integers()?,
                "categories" => arrays.codes = reader.integers()?,
                "tree_param" => reader.object(|reader, name| {
                    match name {
                        "num_nodes" => arrays.nodes = Some(reader.loose()?),
                        "size_leaf_vector" => arrays.vector = Some(reader.loose()?),
                        _ => reader.skip()?,
                    }
                    Ok(())
                })?,
                _ => reader.skip()?,
            }
            Ok(())
        })?;
        Ok(arrays)
    }

    fn tree(&self, room: &mut Room) -> Result<Tree> {
        let nodes = self.left.len();
        let refuse = |what: String| Err(ModelError::new("", what));
        if self.vector.as_deref().is_some_and(|size| !matches!(size, "0" | "1")) {
            return refuse("its leaves hold several values; only models with one output are read".into());
        }
        if nodes == 0 || self.nodes.as_ref().is_some_and(|count| *count != nodes.to_string()) {
            return refuse(format!("{nodes} left children; \"num_nodes\" says {}", self.nodes.as_deref().unwrap_or("nothing")));
        }
        // The last three have no part in scoring; versions before 1.3 know no kinds of splits.
        let lengths = [
            ("right_children", self.right.len(), true),
            ("split_indices", self.feature.len(), true),
            ("split_conditions", self.condition.len(), true),
            ("default_left", self.default_left.len(), true),
            ("sum_hessian", self.cover.len(), true),
            ("split_type", self.kind.len(), false),
            ("loss_changes", self.gain.len(), false),
            ("base_weights", self.value.len(), false),
        ];
        if let Some((name, found, _)) = lengths.into_iter().find(|(_, found, needed)| *found != nodes && (*needed || *found != 0)) {
            return refuse(format!("{name:?} has {found} items for {nodes} nodes"));
        }
        if nodes / 2 > room.branches {
            return refuse(format!("more than {} branches", Forest::BRANCHES));
        }
        room.branches -= nodes / 2;
        let mut sets = self.sets(nodes, room)?;
        // Nodes are numbered as they are reached: what was pruned away stays behind.
        let mut tree = Tree::default();
        let mut seen = vec![false; nodes];
        let mut open = vec![(0_usize, None)];
        while let Some((node, parent)) = open.pop() {
            let refuse = |what: String| Err(ModelError::new(format!("node {node}"), what));
            if std::mem::replace(&mut seen[node], true) {
                return refuse("it is the child of two nodes, or of itself".into());
            }
            let figure = |list: &[f32]| f64::from(list.get(node).copied().unwrap_or(0.0));
            let number = |count: usize| u32::try_from(count).map_err(|_| ModelError::new("", "too many nodes"));
            let next = if self.left[node] == -1 {
                if self.right[node] != -1 {
                    return refuse("it has a right child but no left one".into());
                }
                let (value, cover) = (figure(&self.condition), figure(&self.cover));
                tree.leaves.push(Leaf { value, cover, weight: cover, id: number(node)? });
                Next::Leaf(number(tree.leaves.len() - 1)?)
            } else {
                let at = tree.branches.len();
                for (child, side) in [(self.right[node], false), (self.left[node], true)] {
                    match usize::try_from(child) {
                        Ok(child) if child < nodes => open.push((child, Some((at, side)))),
                        _ => return refuse(format!("its child {child} is not among {nodes} nodes")),
                    }
                }
                let test = match self.kind.get(node).copied().unwrap_or(0) {
                    0 if self.condition[node].is_nan() => return refuse("its threshold is not a number".into()),
                    0 => Test::Below(self.condition[node]),
                    1 => match sets.remove(&node) {
                        Some(codes) => Test::Among(codes),
                        None => return refuse("a split by category without categories".into()),
                    },
                    other => return refuse(format!("its \"split_type\" is {other}; 0 and 1 are known")),
                };
                let Ok(feature) = u32::try_from(self.feature[node]) else { return refuse(format!("feature {}", self.feature[node])) };
                let default_left = match self.default_left[node] {
                    0 => false,
                    1 => true,
                    other => return refuse(format!("its \"default_left\" is {other}; 0 and 1 are known")),
                };
                let (cover, gain, value) = (figure(&self.cover), figure(&self.gain), figure(&self.value));
                let (left, right) = (Next::Leaf(0), Next::Leaf(0));
                tree.branches.push(Branch { feature, test, default_left, left, right, cover, weight: cover, gain, value });
                Next::Branch(number(at)?)
            };
            match parent {
                Some((at, true)) => tree.branches[at].left = next,
                Some((at, false)) => tree.branches[at].right = next,
                None => {}
            }
        }
        Ok(tree)
    }

    /// The sets of categories by node.
    fn sets(&self, nodes: usize, room: &mut Room) -> Result<HashMap<usize, Codes>> {
        if self.set_starts.len() != self.set_nodes.len() || self.set_sizes.len() != self.set_nodes.len() {
            return Err(ModelError::new("", "\"categories_nodes\", \"categories_segments\" and \"categories_sizes\" differ in length"));
        }
        let mut found = HashMap::new();
        for ((node, start), size) in self.set_nodes.iter().zip(&self.set_starts).zip(&self.set_sizes) {
            let refuse = |what: &str| Err(ModelError::new(format!("node {node}"), what));
            let span = usize::try_from(*start).ok().zip(usize::try_from(*size).ok());
            let Some(codes) = span.and_then(|(start, size)| self.codes.get(start..start.checked_add(size)?)) else {
                return refuse("its categories lie outside of \"categories\"");
            };
            let Some(node) = usize::try_from(*node).ok().filter(|node| *node < nodes) else {
                return refuse("\"categories_nodes\" names it, and it is not there");
            };
            let codes: Option<Vec<u32>> = codes.iter().map(|code| u32::try_from(*code).ok()).collect();
            match codes.and_then(Codes::from_codes) {
                Some(codes) if codes.words().len() <= room.words => {
                    room.words -= codes.words().len();
                    found.insert(node, codes);
                }
                Some(_) => return refuse("the sets of categories take more memory than is given to them"),
                None => return refuse(&format!("a category outside of 0 to {}", Codes::GREATEST)),
            }
        }
        Ok(found)
    }
}
