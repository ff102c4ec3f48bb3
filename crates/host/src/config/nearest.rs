//! The known name that a mistyped one was probably meant to be.

/// The candidate nearest to `name`, if one is near enough to be worth suggesting.
///
/// Letter case and the difference between `-` and `_` do not count. A third of the longer name may
/// differ, but never more than four letters; of two equally near candidates the first is taken.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = letters(name);
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        let known = letters(candidate);
        let allowed = (wanted.len().max(known.len()) / 3).clamp(1, 4);
        if wanted.len().abs_diff(known.len()) > allowed {
            continue;
        }
        let steps = distance(&wanted, &known);
        if steps <= allowed && steps < known.len() && best.is_none_or(|(least, _)| steps < least) {
            best = Some((steps, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// Only the first 96 letters count, so that a name of a megabyte costs nothing.
fn letters(name: &str) -> Vec<char> {
    name.chars().take(96).map(|c| if c == '-' { '_' } else { c.to_ascii_lowercase() }).collect()
}

/// Damerau-Levenshtein distance in which no piece is edited twice: insert, remove, replace, or
/// swap two neighbours. Three rows of the table are enough.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = vec![0; b.len() + 1];
    let mut above: Vec<usize> = (0..=b.len()).collect();
    let mut row = before.clone();
    for i in 1..=a.len() {
        row[0] = i;
        for j in 1..=b.len() {
            let replaced = above[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replaced.min(above[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        (before, above, row) = (above, row, before);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::{distance, nearest};

    fn steps(a: &str, b: &str) -> usize {
        distance(&a.chars().collect::<Vec<_>>(), &b.chars().collect::<Vec<_>>())
    }

    #[test]
    fn each_kind_of_slip_is_one_step() {
        assert_eq!(steps("listen", "listen"), 0);
        assert_eq!(steps("listn", "listen"), 1);
        assert_eq!(steps("lissten", "listen"), 1);
        assert_eq!(steps("lizten", "listen"), 1);
        assert_eq!(steps("litsen", "listen"), 1);
        assert_eq!(steps("", "abc"), 3);
    }

    #[test]
    fn the_nearest_name_wins_and_a_distant_one_is_not_suggested() {
        let known = ["listen", "hosts", "tls_cert", "tls_key"];
        assert_eq!(nearest("litsen", known), Some("listen"));
        assert_eq!(nearest("TLS-Cert", known), Some("tls_cert"));
        assert_eq!(nearest("host", known), Some("hosts"));
        assert_eq!(nearest("colour", known), None);
        assert_eq!(nearest("", known), None);
        assert_eq!(nearest("a", ["b"]), None);
    }
}
