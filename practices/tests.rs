//! The catalogue is whole and in one form.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    fs,
    path::{Path, PathBuf},
};

use plimsoll_assess::{Basis, Category, Page, Practice, page::Checked};

use crate::{AREAS, all};

/// What the five readiness reviews behind the catalogue come to.
const ROWS: usize = 251;

fn folder(category: Category) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(category.folder())
}

fn every() -> impl Iterator<Item = &'static Practice> {
    AREAS.iter().flat_map(|area| area.iter())
}

#[test]
fn every_page_can_be_read() {
    for practice in every() {
        let page = Page::parse(practice.text).unwrap_or_else(|error| panic!("{}: {error}", practice.id));
        assert_eq!(page.id, practice.id);
    }
    assert_eq!(all().len(), ROWS);
}

#[test]
fn every_regular_expression_of_a_detector_can_be_built() {
    for (_, page) in all() {
        let faulty: Vec<&str> =
            page.detect.iter().flat_map(|detect| detect.patterns()).filter_map(|pattern| pattern.unbuildable()).collect();
        assert_eq!(faulty, Vec::<&str>::new(), "{}", page.id);
    }
}

#[test]
fn every_file_is_listed_in_its_area_and_every_area_has_its_category() {
    for (area, category) in AREAS.iter().zip(Category::ALL) {
        let listed: BTreeSet<String> = area.iter().map(|practice| format!("{}.md", practice.id)).collect();
        let there: BTreeSet<String> = fs::read_dir(folder(*category))
            .unwrap()
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| name.ends_with(".md"))
            .collect();
        assert_eq!(listed, there, "{}", category.name());
        for practice in area.iter() {
            assert_eq!(Page::parse(practice.text).unwrap().category, *category, "{}", practice.id);
        }
    }
}

#[test]
fn ids_are_unique_and_facets_have_parents() {
    let ids: HashSet<&str> = every().map(|practice| practice.id).collect();
    assert_eq!(ids.len(), ROWS);
    for (_, page) in all() {
        assert!(page.id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'), "{}", page.id);
        if let Some(parent) = &page.facet_of {
            assert!(ids.contains(parent.as_str()) && *parent != page.id, "{}: facet of {parent}", page.id);
        }
    }
}

#[test]
fn weights_follow_from_priorities() {
    for (_, page) in all() {
        let whole = page.priority.weight();
        let expected = if page.basis == Basis::Item { whole } else { whole / 2.0 };
        assert!((page.weight - expected).abs() < f64::EPSILON, "{}: {} instead of {expected}", page.id, page.weight);
    }
    assert_eq!(all().iter().filter(|(_, page)| page.blocks()).count(), 38, "critical by the item itself");
}

#[test]
fn heads_are_filled() {
    for (_, page) in all() {
        let id = &page.id;
        assert!(page.recommend.ends_with('.') && page.recommend.chars().count() <= 170, "{id}: {}", page.recommend);
        assert!(
            !page.reviews.is_empty() && page.reviews.iter().all(|review| ["000", "001", "002", "003", "004"].contains(&review.as_str())),
            "{id}"
        );
        assert!((1..=6).contains(&page.checks.len()), "{id} has {} checks", page.checks.len());
        let checks: HashSet<&str> = page.checks.iter().map(|check| check.id.as_str()).collect();
        assert_eq!(checks.len(), page.checks.len(), "{id}: two checks of one name");
        for check in &page.checks {
            assert!(check.says.ends_with('.') && check.says.len() > 20, "{id}: {}", check.says);
        }
    }
}

#[test]
fn a_page_says_whether_it_can_be_checked() {
    for (practice, page) in all() {
        let expected = if practice.probe.is_some() { Checked::Probe } else { Checked::NotYet };
        assert_eq!(page.checked, expected, "{}: the head and the list disagree", page.id);
        let open = page.checks.iter().filter(|check| check.open.is_some()).count();
        let fits = if practice.probe.is_some() { open < page.checks.len() } else { open == 0 };
        assert!(fits, "{}: `open` is for single checks of a page with a probe", page.id);
    }
}

#[test]
fn pages_have_one_shape() {
    const ORDER: &[&str] =
        &["Elsewhere", "In the host", "Proof", "Detection", "Examples", "Where the advice differs", "How to switch it off, and what then"];
    for (_, page) in all() {
        let headings: Vec<&str> = page.body.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        let places: Vec<usize> = headings
            .iter()
            .map(|heading| ORDER.iter().position(|known| known == heading).unwrap_or_else(|| panic!("{}: `{heading}`", page.id)))
            .collect();
        assert!(places.windows(2).all(|pair| pair[0] < pair[1]), "{}: {headings:?}", page.id);
        assert!(places.starts_with(&[0, 1, 2, 3]), "{}: {headings:?}", page.id);
        let switched = headings.contains(&"How to switch it off, and what then");
        assert_eq!(
            switched,
            page.checked == Checked::Probe,
            "{}: what has a probe says how it is switched off, and nothing else does",
            page.id
        );
        // Examples are data: they are as long as they have to be.
        let prose = page.body.split("\n## ").filter(|section| !section.starts_with("Examples"));
        let words: usize = prose.map(|section| section.split_whitespace().count()).sum();
        assert!((120..=800).contains(&words), "{} has {words} words", page.id);
    }
}

/// Addresses behind `](`, outside of fenced code.
fn links(body: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut fenced = false;
    for line in body.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if !fenced {
            found.extend(line.split("](").skip(1).filter_map(|rest| rest.split(')').next()).map(str::to_owned));
        }
    }
    found
}

#[test]
fn links_resolve() {
    for (_, page) in all() {
        for link in links(&page.body) {
            if link.starts_with("https://") {
                continue;
            }
            let path = folder(page.category).join(link.split('#').next().unwrap_or(""));
            assert!(path.is_file() && link.ends_with(".md"), "{}: {link}", page.id);
        }
    }
}

#[test]
fn no_two_pages_say_the_same() {
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for (_, page) in all() {
        // Examples of code may look alike; sentences may not.
        let mut fenced = false;
        let prose = page.body.lines().filter(|line| {
            let fence = line.starts_with("```");
            fenced ^= fence;
            !fence && !fenced
        });
        let prose = prose.collect::<Vec<_>>().join("\n");
        for paragraph in prose.split("\n\n").filter(|text| text.split_whitespace().count() >= 14) {
            if let Some(other) = seen.insert(paragraph.to_owned(), &page.id) {
                panic!("{} and {other} share a paragraph: {paragraph}", page.id);
            }
        }
    }
}

/// What an assessment says of the examples that a page shows, where that is not what it promises.
fn wrong_examples(page: &Page) -> Vec<String> {
    use plimsoll_assess::{detect, wiring};
    let examples = match detect::examples(&page.body) {
        Ok(examples) => examples,
        Err(why) => return vec![why],
    };
    let detectors = detect::Detectors::new([page]);
    let wrong = |example: &detect::Example| {
        let tree = example.tree();
        let facts = wiring::facts(&tree);
        let said = detectors.assess(&facts, &tree);
        let said = said.first()?;
        let explained = detectors.explain(&page.id, &facts, &tree).unwrap_or_default();
        (said.status != example.status).then(|| {
            format!(
                "line {} of the prose: {} is promised, {} is said\n{explained}",
                example.line,
                example.status.name(),
                said.status.name()
            )
        })
    };
    examples.iter().filter_map(wrong).collect()
}

#[test]
fn examples_of_a_page_are_what_they_are_said_to_be() {
    let wrong: Vec<String> = every()
        .filter_map(|practice| Some((practice, Page::parse(practice.text).ok()?)))
        .flat_map(|(practice, page)| wrong_examples(&page).into_iter().map(move |why| format!("{}: {why}", practice.id)))
        .collect();
    assert!(wrong.is_empty(), "{} examples fail\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_detector_has_an_example_that_shows_it_and_one_that_does_not() {
    use plimsoll_assess::{Status, detect};
    let mut without = Vec::new();
    for practice in every() {
        let Ok(page) = Page::parse(practice.text) else { continue };
        let Some(rules) = &page.detect else { continue };
        detect::named_once(rules).unwrap_or_else(|why| panic!("{}: {why}", practice.id));
        let marks: Vec<Status> = detect::examples(&page.body).unwrap_or_default().iter().map(|example| example.status).collect();
        if !marks.contains(&Status::Implemented) || !marks.iter().any(|mark| matches!(mark, Status::Missing | Status::Partial)) {
            without.push(practice.id);
        }
    }
    assert!(without.is_empty(), "{without:?}");
}
