//! The difference between two texts of which the second has all lines of the first.

/// Lines around a change.
const AROUND: usize = 3;

/// One line of the difference: the sign, the line with its end.
type Step<'a> = (char, &'a str);

/// The difference in the unified form, `name` on both sides; empty when there is none.
pub fn unified(name: &str, old: Option<&str>, new: &str) -> String {
    let steps = steps(old.unwrap_or(""), new);
    if steps.iter().all(|(sign, _)| *sign == ' ') {
        return String::new();
    }
    let from = if old.is_some() { format!("a/{name}") } else { "/dev/null".to_owned() };
    let mut out = format!("--- {from}\n+++ b/{name}\n");
    let changed: Vec<usize> = steps.iter().enumerate().filter(|(_, (sign, _))| *sign != ' ').map(|(at, _)| at).collect();
    let mut at = 0;
    while at < changed.len() {
        let mut last = at;
        while last + 1 < changed.len() && changed[last + 1] - changed[last] <= 2 * AROUND {
            last += 1;
        }
        let (begin, end) = (changed[at].saturating_sub(AROUND), (changed[last] + AROUND + 1).min(steps.len()));
        hunk(&steps, begin, end, &mut out);
        at = last + 1;
    }
    out
}

fn hunk(steps: &[Step<'_>], begin: usize, end: usize, out: &mut String) {
    let count = |steps: &[Step<'_>], without: char| steps.iter().filter(|(sign, _)| *sign != without).count();
    let side = |without: char| {
        let (before, here) = (count(&steps[..begin], without), count(&steps[begin..end], without));
        // An empty side is counted from the line before it.
        format!("{},{here}", if here == 0 { before } else { before + 1 })
    };
    out.push_str(&format!("@@ -{} +{} @@\n", side('+'), side('-')));
    for (sign, line) in &steps[begin..end] {
        out.push(*sign);
        out.push_str(line);
        if !line.ends_with('\n') {
            out.push_str("\n\\ No newline at end of file\n");
        }
    }
}

fn steps<'a>(old: &'a str, new: &'a str) -> Vec<Step<'a>> {
    let mut steps = Vec::new();
    let mut left = old.split_inclusive('\n').peekable();
    for line in new.split_inclusive('\n') {
        match left.peek() {
            Some(next) if *next == line => {
                left.next();
                steps.push((' ', line));
            }
            // The last line of a file that did not end one.
            Some(next) if !next.ends_with('\n') && line.trim_end_matches(['\r', '\n']) == *next => {
                steps.push(('-', *next));
                left.next();
                steps.push(('+', line));
            }
            _ => steps.push(('+', line)),
        }
    }
    steps.extend(left.map(|line| ('-', line)));
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_shown_with_the_lines_around_it() {
        let old = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
        let new = "1\n2\n3\n4\n5\nfive\n6\n7\n8\n9\nten\n";
        let expected = "--- a/f\n+++ b/f\n@@ -3,7 +3,9 @@\n 3\n 4\n 5\n+five\n 6\n 7\n 8\n 9\n+ten\n";
        assert_eq!(unified("f", Some(old), new), expected);
        assert_eq!(unified("f", Some(old), old), "");
    }

    #[test]
    fn a_new_file_comes_from_nowhere() {
        assert_eq!(unified("f", None, "a\nb\n"), "--- /dev/null\n+++ b/f\n@@ -0,0 +1,2 @@\n+a\n+b\n");
    }

    #[test]
    fn a_missing_end_of_the_last_line_is_said() {
        assert_eq!(unified("f", Some("a"), "a\nb\n"), "--- a/f\n+++ b/f\n@@ -1,1 +1,2 @@\n-a\n\\ No newline at end of file\n+a\n+b\n");
    }
}
