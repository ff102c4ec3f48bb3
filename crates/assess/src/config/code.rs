//! Configuration that is written as a program: `noxfile.py`, `setup.py`, `jest.config.js`, `vitest.config.ts`.
//!
//! The language's reader says what such a file calls and gives; here the same is said as a value or
//! command of its tool, under the names that the tool's other files have.

use super::{base, command, manifest};
use crate::fact::{Extract, Fact, Kind};

/// Tools whose file `TOOL.config.EXTENSION` is a program.
const TOOLS: &[&str] = &[
    "commitlint",
    "cypress",
    "eslint",
    "jest",
    "karma",
    "lint-staged",
    "next",
    "nyc",
    "playwright",
    "postcss",
    "prettier",
    "release",
    "stylelint",
    "vite",
    "vitest",
    "webpack",
];

/// The most values that are taken over from one file.
const VALUES: usize = 200;

/// Adds to what the language says of a file what it says as configuration.
pub fn beside(path: &str, text: &str, extract: &mut Extract) {
    let name = base(path);
    let read = match name {
        "noxfile.py" => command::read(path, text),
        "setup.py" => manifest::read(path, text),
        _ => None,
    };
    if let Some((_, read)) = read {
        extract.facts.extend(read.facts);
        extract.trouble.extend(read.trouble);
    }
    let Some((tool, ending)) = name.split_once(".config.") else { return };
    let program = matches!(ending, "js" | "cjs" | "mjs" | "ts" | "cts" | "mts");
    let Some(tool) = TOOLS.iter().find(|known| **known == tool).filter(|_| program && !text.trim().is_empty()) else { return };
    let mut values = vec![Fact::new(Kind::Value, format!("{tool}.config"), 1, 1).with("value", name)];
    for fact in &extract.facts {
        let value = |path: &str, value: &str| Fact::new(Kind::Value, format!("{tool}.{path}"), fact.line, fact.end).with("value", value);
        match fact.kind {
            Kind::Setting => values.extend(fact.get("default").map(|given| value(&fact.name, given))),
            Kind::Call if fact.name.ends_with("defineConfig") || fact.name.ends_with("defineProject") => {
                let own = |key: &str| matches!(key, "result" | "receiver" | "await" | "id" | "into" | "from" | "new" | "then");
                let keys = fact.attrs.iter().filter(|(key, _)| !own(key) && !key.starts_with(|first: char| first.is_ascii_digit()));
                values.extend(keys.filter(|(_, given)| !given.starts_with('{')).map(|(key, given)| value(key, given)));
            }
            _ => {}
        }
    }
    values.truncate(VALUES);
    extract.facts.extend(values);
}

#[cfg(test)]
mod tests {
    use crate::{fact::Kind, source::Tree, wiring};

    fn said(path: &str, text: &str) -> Vec<String> {
        let facts = wiring::facts(&Tree::of([(path, text)]));
        let kinds = [Kind::Value, Kind::Command, Kind::Dependency];
        let told = |kind: Kind| {
            facts
                .of(kind)
                .map(|fact| format!("{} {}={} {}", kind.name(), fact.name, fact.get("value").unwrap_or(""), fact.line))
                .collect::<Vec<_>>()
        };
        kinds.into_iter().flat_map(told).collect()
    }

    #[test]
    fn values_of_a_tool_are_the_same_whether_they_are_called_or_given() {
        let jest = said("jest.config.js", "module.exports = {\n  coverageThreshold: { global: { branches: 80 } },\n};\n");
        assert!(jest.contains(&"value jest.config=jest.config.js 1".to_owned()), "{jest:?}");
        assert!(jest.iter().any(|one| one.starts_with("value jest.coverageThreshold.global.branches=80")), "{jest:?}");
        let text = "import { defineConfig } from 'vitest/config';\nexport default defineConfig({ test: { coverage: { thresholds: { lines: 80 } } } });\n";
        let vitest = said("web/vitest.config.ts", text);
        assert!(vitest.contains(&"value vitest.test.coverage.thresholds.lines=80 2".to_owned()), "{vitest:?}");
        assert!(said("src/eslint.config.helper.js", "export default {};\n").is_empty(), "another file");
    }

    #[test]
    fn sessions_and_setup_are_read_although_they_are_programs() {
        let nox = said(
            "noxfile.py",
            "import nox\n\n@nox.session\ndef tests(session):\n    session.run(\"pytest\", \"--cov=app\", external=True)\n",
        );
        assert_eq!(nox, ["command pytest= 5"]);
        let setup = said("setup.py", "from setuptools import setup\nsetup(name='a', install_requires=['flask==3.1.0'])\n");
        assert!(setup.iter().any(|one| one.starts_with("dep flask")), "{setup:?}");
    }
}
