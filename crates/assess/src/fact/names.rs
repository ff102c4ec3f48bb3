//! The names of one kind, so that what asks for a name looks only at those that can be meant.

use std::sync::OnceLock;

use memchr::memmem;

/// What is known of a name that is wanted, in lower case. The one with the fewest names to look at is the best to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape<'a> {
    /// Any name is.
    Any,
    /// It is this one.
    Is(&'a str),
    /// It begins so.
    Begins(&'a str),
    /// It ends so.
    Ends(&'a str),
    /// It has this in it.
    Holds(&'a str),
}

/// The distinct names of one kind in lower case, sorted, each with its facts.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// All of them, one behind the other: a search passes over one piece of memory.
    text: String,
    /// Where each name ends in the text.
    ends: Vec<u32>,
    /// The facts of all names, by name.
    facts: Vec<u32>,
    /// Where the facts of each name end.
    lasts: Vec<u32>,
    /// The names in the order of what they end with; sorted when an ending is first asked for.
    backwards: OnceLock<Vec<u32>>,
}

fn short(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

impl Names {
    /// From the names of facts in lower case and the facts' numbers.
    pub(super) fn new(mut named: Vec<(String, u32)>) -> Names {
        named.sort_unstable();
        let mut names = Names { text: String::with_capacity(named.iter().map(|(name, _)| name.len()).sum()), ..Names::default() };
        for (at, (name, fact)) in named.iter().enumerate() {
            if at > 0 && named[at - 1].0 == *name {
                names.lasts.pop();
            } else {
                names.text.push_str(name);
                names.ends.push(short(names.text.len()));
            }
            names.facts.push(*fact);
            names.lasts.push(short(names.facts.len()));
        }
        names
    }

    fn start(&self, name: usize) -> usize {
        name.checked_sub(1).map_or(0, |before| self.ends[before] as usize)
    }
    fn name(&self, name: usize) -> &str {
        &self.text[self.start(name)..self.ends[name] as usize]
    }
    /// Facts have moved: their numbers are other ones, in the same order.
    pub(super) fn moved(&mut self, to: impl Fn(u32) -> u32) {
        for number in &mut self.facts {
            *number = to(*number);
        }
    }

    /// Adds the facts of the names that this shape leads to and that are wanted.
    pub(super) fn find(&self, shape: Shape<'_>, wanted: impl Fn(&str) -> bool, found: &mut Vec<u32>) {
        let mut add = |name: usize| {
            if wanted(self.name(name)) {
                let from = name.checked_sub(1).map_or(0, |before| self.lasts[before] as usize);
                found.extend_from_slice(&self.facts[from..self.lasts[name] as usize]);
            }
        };
        match shape {
            Shape::Any => (0..self.ends.len()).for_each(add),
            Shape::Is(text) => {
                let at = self.first(|name| name < text);
                if at < self.ends.len() && self.name(at) == text {
                    add(at);
                }
            }
            Shape::Begins(text) => {
                let from = self.first(|name| name < text);
                (from..self.ends.len()).take_while(|at| self.name(*at).starts_with(text)).for_each(add);
            }
            Shape::Ends(text) => {
                let order = self.backwards();
                let from = order.partition_point(|at| self.name(*at as usize).bytes().rev().lt(text.bytes().rev()));
                let ending = order[from..].iter().map(|at| *at as usize).take_while(|at| self.name(*at).ends_with(text));
                ending.for_each(add);
            }
            Shape::Holds(text) => {
                let (finder, mut from) = (memmem::Finder::new(text), 0);
                while let Some(at) = finder.find(&self.text.as_bytes()[from..]) {
                    let name = self.ends.partition_point(|end| *end as usize <= from + at);
                    // What begins in one name and ends in the next is neither's, and is not wanted.
                    let Some(end) = self.ends.get(name) else { break };
                    add(name);
                    from = *end as usize;
                }
            }
        }
    }

    /// The first name of which this is not true; it is true of those before and of none behind.
    fn first(&self, before: impl Fn(&str) -> bool) -> usize {
        let (mut low, mut high) = (0, self.ends.len());
        while low < high {
            let middle = low.midpoint(high);
            if before(self.name(middle)) { low = middle + 1 } else { high = middle }
        }
        low
    }

    fn backwards(&self) -> &[u32] {
        self.backwards.get_or_init(|| {
            let mut order: Vec<u32> = (0..short(self.ends.len())).collect();
            order.sort_unstable_by(|a, b| self.name(*a as usize).bytes().rev().cmp(self.name(*b as usize).bytes().rev()));
            order
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_leads_to_the_names_that_have_it() {
        let all = ["b.get", "a", "", "b.get", "b.post", "c.get", "get", "ab"];
        let names = Names::new(all.iter().enumerate().map(|(number, name)| ((*name).to_owned(), number as u32)).collect());
        let found = |shape: Shape<'_>, wanted: &dyn Fn(&str) -> bool| {
            let mut found = Vec::new();
            names.find(shape, wanted, &mut found);
            found.sort_unstable();
            found
        };
        assert_eq!(found(Shape::Any, &|_| true), [0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(found(Shape::Any, &|name| name.len() < 2), [1, 2]);
        for text in ["", "a", "b", "b.get", "b.", "get", "t", "z", ".", "ab", "b.g", "b.getb"] {
            let by = |has: &dyn Fn(&str) -> bool| -> Vec<u32> { (0..8).filter(|at| has(all[*at as usize])).collect() };
            assert_eq!(found(Shape::Is(text), &|name| name == text), by(&|name| name == text), "is {text}");
            assert_eq!(found(Shape::Begins(text), &|name| name.starts_with(text)), by(&|name| name.starts_with(text)), "begins {text}");
            assert_eq!(found(Shape::Ends(text), &|name| name.ends_with(text)), by(&|name| name.ends_with(text)), "ends {text}");
            if !text.is_empty() {
                assert_eq!(found(Shape::Holds(text), &|name| name.contains(text)), by(&|name| name.contains(text)), "holds {text}");
            }
        }
    }
}
