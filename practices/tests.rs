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
        &["Elsewhere", "In the host", "Proof", "Detection", "Where the advice differs", "How to switch it off, and what then"];
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
        let words = page.body.split_whitespace().count();
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
        for paragraph in page.body.split("\n\n").filter(|text| text.split_whitespace().count() >= 14 && !text.starts_with("```")) {
            if let Some(other) = seen.insert(paragraph.to_owned(), &page.id) {
                panic!("{} and {other} share a paragraph: {paragraph}", page.id);
            }
        }
    }
}
