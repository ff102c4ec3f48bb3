//! Many tests at once.

/// The p-values of Benjamini and Hochberg (1995), in the order given: rejecting those at most α keeps the expected
/// share of false alarms among the alarms at α. A NaN stays NaN and does not count as a test.
pub fn false_discovery(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).filter(|&i| !p[i].is_nan()).collect();
    order.sort_by(|&a, &b| p[b].total_cmp(&p[a]));
    let tests = order.len();
    let mut adjusted = vec![f64::NAN; p.len()];
    let mut least = 1.0f64;
    for (place, &i) in order.iter().enumerate() {
        least = least.min(p[i] * tests as f64 / (tests - place) as f64);
        adjusted[i] = least;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::false_discovery;

    #[test]
    fn the_worked_example_comes_out() {
        // By hand: sorted .01 .02 .03 .04, times 4 over the rank: .04 .04 .04 .04.
        let even = false_discovery(&[0.04, 0.01, 0.03, 0.02]);
        assert!(even.iter().all(|p| (p - 0.04).abs() < 1e-15), "{even:?}");
        // .01·3/1 = .03, .5·3/2 = .75 but no larger than what follows, .6·3/3 = .6.
        let mixed = false_discovery(&[0.5, f64::NAN, 0.01, 0.6]);
        assert!((mixed[0] - 0.6).abs() < 1e-15 && mixed[1].is_nan() && (mixed[2] - 0.03).abs() < 1e-15 && (mixed[3] - 0.6).abs() < 1e-15);
        assert!(false_discovery(&[]).is_empty());
    }
}
