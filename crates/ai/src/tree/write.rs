//! Writing forests as LightGBM text, so that a model trained here can be read by LightGBM and its friends.

use std::fmt::{Display, Write};

use super::{Forest, Library, Missing, ModelError, Next, Test, Tree};

type Result<T> = std::result::Result<T, ModelError>;

impl Forest {
    /// The forest as text in version 4 of LightGBM's format. Reading it gives an equal forest.
    ///
    /// # Errors
    /// A forest under XGBoost's rules or with a base, and what the text has no form for: names with white space or
    /// one of `",:[]{}=`, covers that are not whole numbers below 2^31.
    pub fn to_lightgbm(&self) -> Result<String> {
        let refuse = |what: String| Err(ModelError::new("", what));
        if self.library() != Library::LightGbm || self.base() != 0.0 {
            return refuse("only a forest under LightGBM's rules without a base can be written as its text".into());
        }
        let names: Vec<&str> = self.features().iter().map(|feature| feature.name.as_str()).collect();
        let bad = |name: &&&str| name.is_empty() || name.contains(|letter: char| letter.is_whitespace() || "\",:[]{}=".contains(letter));
        if let Some(name) = names.iter().find(bad) {
            return refuse(format!("{name:?} cannot be the name of a feature in LightGBM's text"));
        }
        let range =
            |range: Option<(f64, f64)>| range.map_or("none".to_owned(), |(least, most)| format!("[{}:{}]", figure(least), figure(most)));
        let mut trees = Vec::with_capacity(self.trees().len());
        for (number, tree) in self.trees().iter().enumerate() {
            let text = written(tree).map_err(|error| error.within(&format!("tree {number}")))?;
            trees.push(format!("Tree={number}\n{text}\n\n"));
        }
        let mut text = format!(
            "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx={}\nobjective=binary sigmoid:{}\n",
            names.len() - 1,
            figure(self.sigmoid())
        );
        line(&mut text, "feature_names", &names);
        line(&mut text, "feature_infos", self.features().iter().map(|feature| range(feature.range)));
        line(&mut text, "tree_sizes", trees.iter().map(String::len));
        text.push('\n');
        text.extend(trees);
        text.push_str("end of trees\n\nparameters:\n[boosting: gbdt]\n[objective: binary]\nend of parameters\n\npandas_categorical:null\n");
        Ok(text)
    }
}

/// The lines of one tree.
fn written(tree: &Tree) -> Result<String> {
    let (mut bounds, mut words, mut sets) = (vec![0], Vec::new(), 0_u32);
    let (mut thresholds, mut kinds) = (Vec::new(), Vec::new());
    for branch in &tree.branches {
        let missing = match &branch.test {
            Test::AtMost { threshold, missing } => {
                thresholds.push(figure(*threshold));
                match missing {
                    Missing::None => 0,
                    Missing::Zero => 4,
                    Missing::Nan => 8,
                }
            }
            Test::Among(codes) => {
                thresholds.push(sets.to_string());
                sets += 1;
                words.extend_from_slice(codes.words());
                bounds.push(words.len());
                1
            }
            Test::Below(_) => return Err(ModelError::new("", "a test of XGBoost")),
        };
        kinds.push(missing | if branch.default_left { 2 } else { 0 });
    }
    let child = |child: Next| match child {
        Next::Branch(at) => i64::from(at),
        Next::Leaf(at) => -1 - i64::from(at),
    };
    let (branches, leaves) = (&tree.branches, &tree.leaves);
    let mut text = format!("num_leaves={}\nnum_cat={sets}\n", leaves.len());
    line(&mut text, "split_feature", branches.iter().map(|branch| branch.feature));
    line(&mut text, "split_gain", branches.iter().map(|branch| figure(branch.gain)));
    line(&mut text, "threshold", thresholds);
    line(&mut text, "decision_type", kinds);
    line(&mut text, "left_child", branches.iter().map(|branch| child(branch.left)));
    line(&mut text, "right_child", branches.iter().map(|branch| child(branch.right)));
    line(&mut text, "leaf_value", leaves.iter().map(|leaf| figure(leaf.value)));
    line(&mut text, "leaf_weight", leaves.iter().map(|leaf| figure(leaf.weight)));
    line(&mut text, "leaf_count", leaves.iter().map(|leaf| rows(leaf.cover)).collect::<Result<Vec<_>>>()?);
    line(&mut text, "internal_value", branches.iter().map(|branch| figure(branch.value)));
    line(&mut text, "internal_weight", branches.iter().map(|branch| figure(branch.weight)));
    line(&mut text, "internal_count", branches.iter().map(|branch| rows(branch.cover)).collect::<Result<Vec<_>>>()?);
    if sets > 0 {
        line(&mut text, "cat_boundaries", bounds);
        line(&mut text, "cat_threshold", words);
    }
    text.push_str("is_linear=0\nshrinkage=1\n");
    Ok(text)
}

fn line<T: Display>(text: &mut String, name: &str, items: impl IntoIterator<Item = T>) {
    text.push_str(name);
    let mut before = '=';
    for item in items {
        // Writing to a string cannot fail.
        let _ = write!(text, "{before}{item}");
        before = ' ';
    }
    if before == '=' {
        text.push('=');
    }
    text.push('\n');
}

/// The shortest text that reads back as the same f64.
fn figure(value: f64) -> String {
    let plain = value == 0.0 || !value.is_finite() || (1e-5..1e16).contains(&value.abs());
    if plain { value.to_string() } else { format!("{value:e}") }
}

/// A cover: the library counts rows in 32 bits.
fn rows(cover: f64) -> Result<i64> {
    if cover.fract() == 0.0 && cover <= f64::from(i32::MAX) {
        return Ok(cover as i64);
    }
    Err(ModelError::new("", format!("a cover of {cover}: LightGBM's text holds whole numbers of rows")))
}

#[cfg(test)]
mod tests {
    use super::super::{Branch, Codes, Feature, Leaf};
    use super::*;

    fn features(names: &[&str]) -> Vec<Feature> {
        names.iter().map(|name| Feature { name: (*name).into(), range: Some((-0.5, 1e300)) }).collect()
    }

    fn leaf(value: f64, cover: f64, id: u32) -> Leaf {
        Leaf { value, cover, weight: cover / 4.0, id }
    }

    fn grown() -> Tree {
        let branch = |feature, test, left, right, cover| Branch {
            feature,
            test,
            default_left: true,
            left,
            right,
            cover,
            weight: 1.5,
            gain: 1e-9,
            value: 0.25,
        };
        let most = Test::AtMost { threshold: f64::INFINITY, missing: Missing::Nan };
        Tree {
            branches: vec![
                branch(0, Test::Among(Codes::from_codes([1, 33]).unwrap()), Next::Leaf(2), Next::Branch(1), 30.0),
                branch(1, most, Next::Leaf(0), Next::Leaf(1), 20.0),
            ],
            leaves: vec![leaf(0.1, 12.0, 0), leaf(-1e-17, 8.0, 1), leaf(2.5, 10.0, 2)],
        }
    }

    #[test]
    fn what_is_written_reads_back_equal_with_sets_infinities_and_trees_of_one_leaf() {
        let single = Tree { branches: Vec::new(), leaves: vec![leaf(0.3, 30.0, 0)] };
        let forest = Forest::lightgbm(features(&["site", "gap"]), vec![grown(), single, grown()]).unwrap();
        let text = forest.to_lightgbm().unwrap();
        assert_eq!(Forest::from_lightgbm(&text).unwrap(), forest, "{text}");
    }

    #[test]
    fn what_the_text_cannot_hold_is_refused() {
        let forest = Forest::lightgbm(features(&["two words"]), Vec::new()).unwrap();
        assert_eq!(forest.to_lightgbm().unwrap_err().to_string(), "\"two words\" cannot be the name of a feature in LightGBM's text");
        let half = Tree { branches: Vec::new(), leaves: vec![leaf(0.3, 0.5, 0)] };
        let forest = Forest::lightgbm(features(&["site"]), vec![half]).unwrap();
        assert_eq!(forest.to_lightgbm().unwrap_err().to_string(), "tree 0: a cover of 0.5: LightGBM's text holds whole numbers of rows");
    }
}
