use super::*;

/// The further facts of these files.
fn further(files: &[(&str, &str)]) -> Vec<Fact> {
    let tree = Tree::of(files.iter().copied());
    let infos: Vec<FileInfo> =
        tree.files.iter().map(|file| FileInfo { path: file.path.clone(), language: "other", test: false, symbols: Vec::new() }).collect();
    let mut facts = Vec::new();
    for (number, file) in tree.files.iter().enumerate() {
        let text = String::from_utf8_lossy(&file.bytes);
        for mut fact in super::super::extract(&file.path, &text).map(|(_, extract)| extract.facts).unwrap_or_default() {
            fact.file = FileId(u32::try_from(number).expect("few files"));
            facts.push(fact);
        }
    }
    whole(&tree, &infos, &facts)
}

fn broken(facts: &[Fact]) -> Vec<(&str, &str, u32)> {
    let found = facts.iter().filter(|fact| fact.kind == Kind::Broken);
    found.map(|fact| (fact.name.as_str(), fact.get("what").unwrap_or_default(), fact.line)).collect()
}

#[test]
fn a_mounted_file_that_is_not_there_is_told_and_a_folder_of_data_is_not() {
    let compose = "services:\n  p:\n    image: prom/prometheus\n    volumes:\n      - ./prometheus.yml:/etc/prometheus/prometheus.yml\n      - ./alerts.yml:/etc/prometheus/alerts.yml:ro\n      - ./data:/var/lib/data\n      - ./.env:/app/.env\n  w:\n    build: ./worker\n";
    let found = further(&[("ops/docker-compose.yml", compose), ("ops/prometheus.yml", "global: {}\n"), (".gitignore", "secret.pem\n")]);
    assert_eq!(broken(&found), [("./alerts.yml", "file", 6), ("./worker", "file", 9)]);
}

#[test]
fn a_script_that_names_a_compose_file_that_is_not_there_is_told() {
    let found = further(&[
        (
            "deploy.sh",
            "#!/bin/bash\ndocker-compose -f docker-compose.prod.yml up -d\ndocker compose -f docker-compose.yml up\nbash $X.sh\n",
        ),
        ("stack/docker-compose.yml", "services: {a: {image: b}}\n"),
    ]);
    assert_eq!(broken(&found), [("docker-compose.prod.yml", "file", 2)]);
}

#[test]
fn what_an_image_copies_has_to_be_there_unless_it_is_built() {
    let image = "FROM a\nCOPY package.json ./\nCOPY app/ /app/\nCOPY dist/ /dist/\nCOPY --from=x /y /y\nCOPY *.lock missing.conf /\n";
    let found = further(&[("api/Dockerfile", image), ("api/package.json", "{}"), ("app/main.py", "")]);
    assert_eq!(broken(&found), [("missing.conf", "file", 6)]);
}

#[test]
fn a_resource_that_nobody_declares_is_told() {
    let main = "resource \"aws_lb_listener\" \"a\" {\n  arn = aws_lb.main.arn\n  x   = aws_vpc.main.id\n  y   = var.there\n  z   = var.gone\n  w   = local.a\n  v   = each.value.b\n}\nlocals {\n  a = 1\n}\nvariable \"there\" {}\n";
    let found = further(&[
        ("infra/main.tf", main),
        ("infra/vpc.tf", "resource \"aws_vpc\" \"main\" {\n}\n"),
        ("other/lb.tf", "resource \"aws_lb\" \"main\" {\n}\n"),
    ]);
    assert_eq!(broken(&found), [("aws_lb.main", "resource", 2), ("var.gone", "resource", 5)]);
}

#[test]
fn a_step_runs_what_stands_behind_its_target() {
    let workflow = "on: push\njobs:\n  a:\n    steps:\n      - run: make check\n      - run: npm run lint || true\n        working-directory: ui\n      - run: make gone\n";
    let found = further(&[
        (".github/workflows/ci.yml", workflow),
        ("Makefile", "check: types\n\tpytest\n\t-bash scripts/x.sh\ntypes:\n\tmypy .\n"),
        ("scripts/x.sh", "bandit -r src\n"),
        ("ui/package.json", "{\"scripts\": {\"lint\": \"eslint .\"}}"),
    ]);
    let mut steps: Vec<_> = found
        .iter()
        .filter(|fact| fact.kind == Kind::Step)
        .map(|fact| (fact.name.as_str(), fact.line, fact.get("tolerated"), fact.get("on")))
        .collect();
    steps.sort_unstable();
    assert_eq!(
        steps,
        [
            ("bandit src", 5, Some("yes"), Some("push")),
            ("bash", 5, Some("yes"), Some("push")),
            ("eslint .", 6, Some("yes"), Some("push")),
            ("mypy .", 5, Some("no"), Some("push")),
            ("pytest", 5, Some("no"), Some("push")),
        ]
    );
    assert_eq!(broken(&found), [("make gone", "target", 8)]);
}

#[test]
fn a_script_without_an_ending_is_run_by_its_path() {
    let found = further(&[
        (
            ".github/workflows/ci.yml",
            "on: push\njobs:\n  a:\n    steps:\n      - run: poetry run ./scripts/lint\n      - run: ./scripts/types\n",
        ),
        ("scripts/lint", "#!/usr/bin/env bash\nset -e\nflake8 app\n"),
        ("scripts/types", "#!/bin/sh -e\nmypy app\n"),
    ]);
    let steps: Vec<_> = found.iter().filter(|fact| fact.kind == Kind::Step).filter_map(|fact| fact.get("run")).collect();
    assert!(steps.contains(&"flake8 app") && steps.contains(&"mypy app"), "{steps:?}");
}

#[test]
fn of_two_scripts_of_one_name_that_below_the_step_s_folder_is_run() {
    let found = further(&[
        (
            ".github/workflows/ci.yml",
            "on: push\njobs:\n  a:\n    steps:\n      - run: bash scripts/test.sh\n        working-directory: backend\n",
        ),
        ("backend/scripts/test.sh", "coverage run -m pytest\n"),
        ("scripts/test.sh", "docker compose up -d\n"),
    ]);
    let steps: Vec<_> = found.iter().filter(|fact| fact.kind == Kind::Step).filter_map(|fact| fact.get("run")).collect();
    assert_eq!(steps, ["coverage run -m pytest"]);
}
