//! One row down one tree, as the libraries describe it: the plain form against which the fast ones are tested.

use super::{Branch, Forest, Library, Missing, ModelError, Next, Test, Tree};

/// A figure of a row: f32 or f64. NaN is a missing value.
pub trait Value: Copy + Into<f64> + Send + Sync {}
impl Value for f32 {}
impl Value for f64 {}

/// LightGBM takes everything between this and its negative for zero; it is a f32 there.
pub(super) const ZERO: f64 = 1e-35_f32 as f64;

impl Library {
    /// A value as the library sees it: XGBoost keeps f32; LightGBM drops what is next to zero.
    pub(super) fn see(self, value: f64) -> f64 {
        match self {
            Library::XgBoost => f64::from(value as f32),
            Library::LightGbm if value.abs() <= ZERO => 0.0,
            Library::LightGbm => value,
        }
    }
}

impl Branch {
    /// Whether a value goes left.
    pub(super) fn left(&self, library: Library, value: f64) -> bool {
        let value = library.see(value);
        match &self.test {
            Test::Below(_) if value.is_nan() => self.default_left,
            Test::Below(threshold) => value < f64::from(*threshold),
            Test::AtMost { missing: Missing::Nan, .. } if value.is_nan() => self.default_left,
            Test::AtMost { missing: Missing::Zero, .. } if value.is_nan() || value == 0.0 => self.default_left,
            Test::AtMost { threshold, .. } => (if value.is_nan() { 0.0 } else { value }) <= *threshold,
            Test::Among(_) if value.is_nan() => library == Library::XgBoost && self.default_left,
            // XGBoost tells negative before it cuts off the fraction, LightGBM after.
            Test::Among(codes) => {
                let code = if library == Library::XgBoost { value } else { value.trunc() };
                let member = (0.0..f64::from(u32::MAX)).contains(&code) && codes.contains(code as u32);
                member == (library == Library::LightGbm)
            }
        }
    }
}

impl Tree {
    /// The leaf that a row falls into. `row` must have all features.
    pub(super) fn leaf<V: Value>(&self, library: Library, row: &[V]) -> usize {
        let mut next = self.root();
        loop {
            match next {
                Next::Leaf(at) => return at as usize,
                Next::Branch(at) => {
                    let branch = &self.branches[at as usize];
                    next = if branch.left(library, row[branch.feature as usize].into()) { branch.left } else { branch.right };
                }
            }
        }
    }
}

impl Forest {
    /// Refuses figures that are not whole rows; gives the number of rows.
    pub(super) fn rows<V: Value>(&self, values: &[V]) -> Result<usize, ModelError> {
        let width = self.features().len();
        if values.len().is_multiple_of(width) {
            return Ok(values.len() / width);
        }
        Err(ModelError::new("rows", format!("{} values, and the model reads {width} a row", values.len())))
    }

    /// The number of the leaf in every tree, as the library that wrote the model counts them.
    ///
    /// # Errors
    /// A row without exactly as many values as the forest has features.
    pub fn leaves<V: Value>(&self, row: &[V]) -> Result<Vec<u32>, ModelError> {
        if self.rows(row)? != 1 {
            return Err(ModelError::new("rows", "one row is due"));
        }
        Ok(self.trees().iter().map(|tree| tree.leaves[tree.leaf(self.library(), row)].id).collect())
    }

    /// Probability of the outcome = 1 / (1 + e^(-sigmoid × margin)); XGBoost computes it in f32.
    pub fn probability(&self, margin: f64) -> f64 {
        match self.library() {
            Library::XgBoost => f64::from(1.0 / (1.0 + (-margin as f32).exp())),
            Library::LightGbm => 1.0 / (1.0 + (-self.sigmoid() * margin).exp()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Codes;
    use super::*;

    fn branch(test: Test, default_left: bool) -> Branch {
        let (left, right) = (Next::Leaf(0), Next::Leaf(1));
        Branch { feature: 0, test, default_left, left, right, cover: 2.0, weight: 0.0, gain: 0.0, value: 0.0 }
    }

    #[test]
    fn a_value_at_the_threshold_goes_right_in_xgboost_and_left_in_lightgbm() {
        let below = branch(Test::Below(0.1), false);
        assert!(!below.left(Library::XgBoost, 0.1), "0.1 as f32 is not below 0.1 as f32");
        assert!(below.left(Library::XgBoost, 0.0999));
        let most = branch(Test::AtMost { threshold: 0.1, missing: Missing::None }, false);
        assert!(most.left(Library::LightGbm, 0.1));
        assert!(!most.left(Library::LightGbm, f64::from(0.1_f32)), "f32's 0.1 is above f64's");
    }

    #[test]
    fn every_kind_of_missing_goes_its_way() {
        let at = |threshold, missing, default_left| branch(Test::AtMost { threshold, missing }, default_left);
        let left = |branch: &Branch, value| branch.left(Library::LightGbm, value);
        assert!(left(&at(0.5, Missing::None, false), f64::NAN), "NaN counts as zero");
        assert!(!left(&at(0.5, Missing::Zero, false), 0.0), "zero is missing");
        assert!(!left(&at(0.5, Missing::Zero, false), 1e-36), "and so is what is next to it");
        assert!(!left(&at(0.5, Missing::Zero, false), f64::NAN));
        assert!(left(&at(-0.5, Missing::Nan, true), f64::NAN));
        assert!(!left(&at(-0.5, Missing::Nan, true), 0.0));
        assert!(left(&at(f64::INFINITY, Missing::Nan, false), f64::INFINITY));
        assert!(branch(Test::Below(0.0), true).left(Library::XgBoost, f64::NAN));
    }

    #[test]
    fn members_of_a_set_go_right_in_xgboost_and_left_in_lightgbm() {
        let set = || Test::Among(Codes::from_codes([0, 3, 40]).unwrap());
        for (value, member) in
            [(0.0, true), (3.9, true), (40.0, true), (1.0, false), (41.0, false), (-1.0, false), (1e30, false), (f64::NEG_INFINITY, false)]
        {
            assert_eq!(branch(set(), false).left(Library::XgBoost, value), !member, "{value}");
            assert_eq!(branch(set(), false).left(Library::LightGbm, value), member, "{value}");
        }
        assert!(branch(set(), false).left(Library::XgBoost, -0.5), "negative is never a member in XGBoost");
        assert!(branch(set(), false).left(Library::LightGbm, -0.5), "in LightGBM it is cut to 0 first");
        assert!(branch(set(), true).left(Library::XgBoost, f64::NAN));
        assert!(!branch(set(), true).left(Library::LightGbm, f64::NAN));
    }
}
