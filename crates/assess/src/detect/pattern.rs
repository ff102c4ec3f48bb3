//! The language in which detectors ask for facts.
//!
//! `KIND NAME [CONDITION ...]`, words separated by spaces, values with spaces in single quotes;
//! several patterns separated by ` || ` are alternatives. Names and values are globs, compared
//! without regard to case: `*` stands for anything, `|` separates alternatives.
//!
//! ```text
//! call slowapi.Limiter
//! call requests.*|httpx.get +timeout
//! middleware *CORSMiddleware allow_origins=*\**
//! route * method=POST|PUT|PATCH|DELETE path!=/health*
//! step * run~(?i)\bpytest\b tolerated!=yes
//! docker user final=yes value!=root|0
//! ```
//!
//! A regular expression may contain spaces: it goes on to the next word that is a condition.
//!
//! Conditions: `a=glob`, `a!=glob` (true where no value matches), `a~regex`, `a!~regex`, `a<n`,
//! `a>n`, `+a` (is there), `-a` (is not). Besides a fact's own properties there are `file` (its
//! path), `in` (the definition around it), `lang`, `reach` (live, off, unreached, test, unknown)
//! and `name` (for regular expressions); `*` stands for the values of all properties. Facts of tests are found only by patterns that ask for
//! kind `test`, for `reach=test`, or for a kind of configuration.

use serde::{Deserialize, Deserializer};

use super::{expression::Expression, glob::Glob};
use crate::fact::{Fact, Facts, Kind, Reach};

/// One or several alternatives.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    any: Vec<One>,
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Pattern) -> bool {
        self.text == other.text
    }
}

#[derive(Debug, Clone)]
struct One {
    kind: Kind,
    name: Glob,
    conditions: Vec<Condition>,
    tests: bool,
}

#[derive(Debug, Clone)]
struct Condition {
    attr: String,
    test: Test,
}

#[derive(Debug, Clone)]
enum Test {
    Is(Glob),
    IsNot(Glob),
    Like(Expression),
    Unlike(Expression),
    Less(f64),
    More(f64),
    There,
    Absent,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Pattern, String> {
        let any =
            text.split(" || ").map(|one| One::parse(one.trim()).map_err(|why| format!("`{one}`: {why}"))).collect::<Result<_, _>>()?;
        Ok(Pattern { text: text.to_owned(), any })
    }
    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }
    /// The kinds that it asks for.
    pub fn kinds(&self) -> impl Iterator<Item = Kind> {
        self.any.iter().map(|one| one.kind)
    }
    /// The first regular expression in it that cannot be built: it never matches. Its form was right
    /// when the pattern was read.
    pub fn unbuildable(&self) -> Option<&str> {
        let tests = self.any.iter().flat_map(|one| &one.conditions).map(|condition| &condition.test);
        let expressions = tests.filter_map(|test| match test {
            Test::Like(expression) | Test::Unlike(expression) => Some(expression),
            _ => None,
        });
        expressions.into_iter().find(|expression| !expression.is_buildable()).map(Expression::text)
    }
    /// Whether a fact matches.
    pub fn matches(&self, facts: &Facts, fact: &Fact) -> bool {
        self.any.iter().any(|one| one.matches(facts, fact))
    }
    /// All facts that match, by file and line.
    pub fn find<'f>(&self, facts: &'f Facts) -> Vec<&'f Fact> {
        let mut found: Vec<&Fact> = self
            .any
            .iter()
            .flat_map(|one| {
                one.candidates(facts).into_iter().filter_map(|number| facts.get(number)).filter(|fact| one.qualifies(facts, fact))
            })
            .collect();
        if self.any.len() > 1 {
            found.sort_by_key(|fact| (fact.file, fact.line, fact.kind));
            found.dedup_by(|a, b| std::ptr::eq(*a, *b));
        }
        found
    }
}

impl One {
    fn parse(text: &str) -> Result<One, String> {
        let words = words(text)?;
        let [kind, name, rest @ ..] = words.as_slice() else { return Err("a kind and a name are wanted".into()) };
        let kind = Kind::named(kind).ok_or_else(|| format!("there is no kind `{kind}`"))?;
        let conditions: Vec<Condition> = join(rest).iter().map(|word| Condition::parse(word)).collect::<Result<_, _>>()?;
        let asks = conditions.iter().any(|condition| condition.attr == "reach");
        let tests = asks
            || !matches!(
                kind,
                Kind::Call
                    | Kind::Decorator
                    | Kind::Def
                    | Kind::Assign
                    | Kind::Setting
                    | Kind::Env
                    | Kind::Catch
                    | Kind::Raise
                    | Kind::Text
                    | Kind::App
                    | Kind::Route
                    | Kind::Middleware
                    | Kind::Handler
                    | Kind::Hook
                    | Kind::Import
                    | Kind::Entry
                    | Kind::Secret
            );
        Ok(One { kind, name: Glob::new(name), conditions, tests })
    }
    fn matches(&self, facts: &Facts, fact: &Fact) -> bool {
        fact.kind == self.kind && self.name.matches(&fact.name) && self.qualifies(facts, fact)
    }
    /// The numbers of facts of this kind and name, without those that lack a property it asks for.
    fn candidates(&self, facts: &Facts) -> Vec<u32> {
        if !self.name.is_any() {
            return facts.named(self.kind, self.name.shapes(), |name| self.name.fits(name));
        }
        let wanted = self.conditions.iter().filter_map(Condition::wants);
        let having = wanted.map(|attr| facts.having(self.kind, attr)).min_by_key(|numbers| numbers.len());
        having.unwrap_or_else(|| facts.numbers(self.kind)).to_vec()
    }
    /// Whether a fact of this kind and name matches.
    fn qualifies(&self, facts: &Facts, fact: &Fact) -> bool {
        (self.tests || fact.reach != Reach::Test) && self.conditions.iter().all(|condition| condition.holds(facts, fact))
    }
}

/// Splits at spaces outside of single quotes; the quotes go.
fn words(text: &str) -> Result<Vec<String>, String> {
    let (mut words, mut now, mut quoted, mut any) = (Vec::new(), String::new(), false, false);
    for character in text.chars() {
        match character {
            '\'' => (quoted, any) = (!quoted, true),
            ' ' if !quoted => {
                if any {
                    words.push(std::mem::take(&mut now));
                }
                any = false;
            }
            other => {
                now.push(other);
                any = true;
            }
        }
    }
    if quoted {
        return Err("a quote is not closed".into());
    }
    if any {
        words.push(now);
    }
    Ok(words)
}

/// A regular expression goes on to the next word that is a condition, so that it may contain spaces.
fn join(words: &[String]) -> Vec<String> {
    let mut joined: Vec<String> = Vec::new();
    for word in words {
        match joined.last_mut() {
            Some(last) if last.contains('~') && !is_condition(word) => {
                last.push(' ');
                last.push_str(word);
            }
            _ => joined.push(word.clone()),
        }
    }
    joined
}

fn is_condition(word: &str) -> bool {
    let plain = |text: &str| !text.is_empty() && text.chars().all(|character| character.is_alphanumeric() || "_*.-".contains(character));
    match word.strip_prefix(['+', '-']) {
        Some(attr) => plain(attr),
        None => word.find(['=', '!', '~', '<', '>']).is_some_and(|at| plain(&word[..at])),
    }
}

impl Condition {
    fn parse(word: &str) -> Result<Condition, String> {
        if let Some(attr) = word.strip_prefix('+') {
            return Ok(Condition { attr: attr.to_owned(), test: Test::There });
        }
        if let Some(attr) = word.strip_prefix('-') {
            return Ok(Condition { attr: attr.to_owned(), test: Test::Absent });
        }
        let at = word.find(['=', '!', '~', '<', '>']).ok_or_else(|| format!("`{word}` is no condition"))?;
        let (attr, rest) = word.split_at(at);
        let number = |text: &str| text.parse::<f64>().map_err(|_| format!("`{text}` is not a number"));
        let test = if let Some(value) = rest.strip_prefix("!=") {
            Test::IsNot(Glob::new(value))
        } else if let Some(value) = rest.strip_prefix("!~") {
            Test::Unlike(Expression::parse(value)?)
        } else if let Some(value) = rest.strip_prefix('=') {
            Test::Is(Glob::new(value))
        } else if let Some(value) = rest.strip_prefix('~') {
            Test::Like(Expression::parse(value)?)
        } else if let Some(value) = rest.strip_prefix('<') {
            Test::Less(number(value)?)
        } else if let Some(value) = rest.strip_prefix('>') {
            Test::More(number(value)?)
        } else {
            return Err(format!("`{word}` is no condition"));
        };
        Ok(Condition { attr: attr.to_owned(), test })
    }

    /// The property of a fact without which it does not hold, where there is one.
    fn wants(&self) -> Option<&str> {
        let of_all = matches!(self.attr.as_str(), "file" | "in" | "lang" | "name" | "reach" | "*");
        let needed = matches!(self.test, Test::Is(_) | Test::Like(_) | Test::Less(_) | Test::More(_) | Test::There);
        (needed && !of_all).then_some(self.attr.as_str())
    }

    fn holds(&self, facts: &Facts, fact: &Fact) -> bool {
        match self.attr.as_str() {
            "file" => self.of(std::iter::once(facts.path(fact.file))),
            "in" => self.of(std::iter::once(facts.symbol(fact))),
            "lang" => self.of(facts.file(fact).map(|info| info.language).into_iter()),
            "name" => self.of(std::iter::once(fact.name.as_str())),
            "reach" => self.of(std::iter::once(match fact.reach {
                Reach::Unknown => "unknown",
                Reach::Live => "live",
                Reach::Off => "off",
                Reach::Unreached => "unreached",
                Reach::Test => "test",
            })),
            "*" => self.of(fact.attrs.iter().map(|(_, value)| value.as_str())),
            name => self.of(fact.all(name)),
        }
    }
    fn of<'a>(&self, mut values: impl Iterator<Item = &'a str>) -> bool {
        let number = |value: &str| value.trim().parse::<f64>().ok();
        match &self.test {
            Test::Is(glob) => values.any(|value| glob.matches(value)),
            Test::IsNot(glob) => !values.any(|value| glob.matches(value)),
            Test::Like(expression) => values.any(|value| expression.fits(value)),
            Test::Unlike(expression) => !values.any(|value| expression.fits(value)),
            Test::Less(bound) => values.any(|value| number(value).is_some_and(|value| value < *bound)),
            Test::More(bound) => values.any(|value| number(value).is_some_and(|value| value > *bound)),
            Test::There => values.next().is_some(),
            Test::Absent => values.next().is_none(),
        }
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Pattern, D::Error> {
        let text = String::deserialize(from)?;
        Pattern::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::{FileId, FileInfo};

    fn facts(facts: Vec<Fact>) -> Facts {
        let file = |path: &str, test| FileInfo { path: path.into(), language: "python", test, symbols: vec![String::new(), "make".into()] };
        Facts::new(vec![file("app/main.py", false), file("tests/test_a.py", true)], Vec::new(), facts)
    }

    #[test]
    fn patterns_ask_for_kind_name_and_properties() {
        let mut of_test = Fact::new(Kind::Call, "requests.get", 3, 3);
        (of_test.file, of_test.reach) = (FileId(1), Reach::Test);
        let facts = facts(vec![
            Fact::new(Kind::Call, "requests.get", 1, 1).with("0", "https://x").with("timeout", "5").within(1),
            Fact::new(Kind::Call, "requests.post", 2, 2).with("0", "u"),
            of_test,
            Fact::new(Kind::Middleware, "starlette.CORSMiddleware", 4, 6).with("allow_origins", "[\"*\"]"),
        ]);
        let count = |text: &str| Pattern::parse(text).unwrap().find(&facts).len();
        for (text, expected) in [
            ("call requests.*", 2),
            ("call Requests.GET", 1),
            ("call requests.get|requests.post +timeout", 1),
            ("call requests.* -timeout", 1),
            ("call * timeout<10", 1),
            ("call * timeout>10", 0),
            ("call * reach=test", 1),
            ("call * in=make", 1),
            ("call * file=app/*", 2),
            ("call * 0~^https", 1),
            ("call * 0!~^https", 1),
            ("call * timeout!=5", 1),
            (r"middleware *CORS* allow_origins=*\**", 1),
            (r"middleware *CORS* allow_origins!=*\**", 0),
            ("call requests.post || middleware *", 2),
            ("call *.ge", 0),
        ] {
            assert_eq!(count(text), expected, "{text}");
        }
    }

    #[test]
    fn an_expression_that_cannot_be_built_is_found_and_never_matches() {
        let facts = facts(vec![Fact::new(Kind::Call, "a", 1, 1).with("0", "aaaa")]);
        let large = Pattern::parse("call a 0~(a{1000}){1000}").unwrap();
        assert_eq!(large.unbuildable(), Some("(a{1000}){1000}"));
        assert!(large.find(&facts).is_empty());
        assert_eq!(Pattern::parse("call a 0~a+").unwrap().unbuildable(), None);
    }

    #[test]
    fn a_pattern_with_a_fault_says_which() {
        for (text, told) in [
            ("cal x", "no kind `cal`"),
            ("call", "a name"),
            ("call x y", "no condition"),
            ("call x a~(", "regex"),
            ("call x a<b", "not a number"),
            ("call 'x", "quote"),
        ] {
            let error = Pattern::parse(text).unwrap_err();
            assert!(error.contains(told), "{text}: {error}");
        }
    }
}
