use super::*;

/// Name, line and whether a failure is ignored.
fn steps(facts: &[Fact]) -> Vec<(&str, u32, &str)> {
    let steps = facts.iter().filter(|fact| fact.kind == Kind::Step);
    steps.map(|fact| (fact.name.as_str(), fact.line, fact.get("tolerated").unwrap_or_default())).collect()
}

#[test]
fn a_workflow_yields_its_actions_and_each_command_of_its_scripts() {
    let text = "name: CI\non:\n  push:\n  pull_request:\npermissions:\n  contents: read\njobs:\n  test:\n    runs-on: ubuntu-latest\n    services:\n      db:\n        image: postgres\n    steps:\n      - uses: actions/checkout@v4\n        with:\n          fetch-depth: 0\n      - name: Test\n        run: |\n          pip install -r requirements.txt\n          poetry run pytest -q tests || true\n      - run: ruff check . && mypy src\n        continue-on-error: true\n  deploy:\n    needs: test\n    environment: production\n    steps:\n      - run: ./deploy.sh\n";
    let facts = facts(".github/workflows/ci.yml", text);
    assert_eq!(
        steps(&facts),
        [
            ("actions/checkout", 14, "no"),
            ("pip install", 19, "no"),
            ("pytest tests", 20, "yes"),
            ("ruff check .", 21, "yes"),
            ("mypy src", 21, "yes"),
            ("deploy.sh", 27, "no"),
        ]
    );
    let test = facts.iter().find(|fact| fact.name.starts_with("pytest")).expect("the tests");
    assert_eq!(test.all("on").collect::<Vec<_>>(), ["push", "pull_request"]);
    assert_eq!((test.get("job"), test.get("title"), test.get("service")), (Some("test"), Some("Test"), Some("postgres")));
    let deploy = facts.iter().find(|fact| fact.name == "deploy.sh").expect("the deployment");
    assert_eq!((deploy.get("needs"), deploy.get("environment")), (Some("test"), Some("production")));
    let checkout = facts.iter().find(|fact| fact.name == "actions/checkout").expect("the checkout");
    assert_eq!(
        (checkout.get("uses"), checkout.get("pinned"), checkout.get("with.fetch-depth")),
        (Some("actions/checkout@v4"), Some("no"), Some("0"))
    );
    assert_eq!(one(&facts, Kind::Value, "github.permissions.contents").get("value"), Some("read"));
}

#[test]
fn lines_of_a_block_are_those_of_the_file() {
    let text = "on: push\njobs:\n  a:\n    steps:\n      - run: |\n\n          first\n\n          second\n      - run: >-\n          third\n          --long\n      - run: fourth\n";
    let facts = facts(".github/workflows/a.yaml", text);
    assert_eq!(steps(&facts), [("first", 7, "no"), ("second", 9, "no"), ("third", 11, "no"), ("fourth", 13, "no")]);
}

#[test]
fn a_pipeline_of_gitlab_follows_what_its_jobs_extend() {
    let text = "stages: [test]\n.base:\n  allow_failure: true\n  image: python:3\nlint:\n  extends: .base\n  stage: test\n  script:\n    - ruff check\n  only: [merge_requests]\ninclude:\n  - template: Security/SAST.gitlab-ci.yml\n";
    let facts = facts(".gitlab-ci.yml", text);
    let lint = one(&facts, Kind::Step, "ruff check");
    assert_eq!(
        (lint.line, lint.get("tolerated"), lint.get("image"), lint.get("on")),
        (9, Some("yes"), Some("python:3"), Some("merge_requests"))
    );
    assert!(steps(&facts).contains(&("Security/SAST.gitlab-ci.yml", 12, "no")));
}

#[test]
fn a_jenkinsfile_yields_commands_with_their_stages() {
    let text = "pipeline {\n  stages {\n    stage('Test') {\n      steps {\n        sh 'make test || true'\n        // sh 'not this'\n        sh '''\n          npm ci\n          npm test\n        '''\n      }\n    }\n  }\n  post { always { junit 'x.xml' } }\n}\n";
    let facts = facts("Jenkinsfile", text);
    assert_eq!(steps(&facts), [("make test", 5, "yes"), ("npm ci", 8, "no"), ("npm test", 9, "no")]);
    assert!(facts.iter().all(|fact| fact.get("job") == Some("Test")));
}

#[test]
fn circle_and_azure_are_read() {
    let circle = facts(
        ".circleci/config.yml",
        "orbs:\n  node: circleci/node@5\njobs:\n  build:\n    docker:\n      - image: cimg/node:20\n    steps:\n      - checkout\n      - run:\n          name: Test\n          command: npm test\nworkflows:\n  main:\n    jobs:\n      - build\n",
    );
    assert_eq!(steps(&circle), [("circleci/node", 2, "no"), ("checkout", 8, "no"), ("npm test", 11, "no")]);
    assert_eq!(one(&circle, Kind::Step, "npm test").get("on"), Some("main"));
    let azure = facts(
        "azure-pipelines.yml",
        "trigger: [main]\nstages:\n- stage: Build\n  jobs:\n  - job: test\n    steps:\n    - script: pytest\n      continueOnError: true\n    - task: Docker@2\n",
    );
    assert_eq!(steps(&azure), [("pytest", 7, "yes"), ("Docker", 9, "no")]);
}

#[test]
fn scripts_are_split_where_a_shell_splits_them() {
    let script = "set -euo pipefail\n# comment | not\nif [ -f x ]; then\n  A=1 sudo docker compose -f prod.yml up -d # end\nfi\ncat <<EOF > file\nrm -rf / || true\nEOF\necho \"a; b && c\" | tee log\nnpx eslint \\\n  --fix . || exit 0\nset +e\npytest\n";
    let found = shell::commands(script, 1);
    let seen: Vec<(&str, u32, bool)> = found.iter().map(|command| (command.name.as_str(), command.line, command.tolerated)).collect();
    assert_eq!(
        seen,
        [
            ("set pipefail", 1, false),
            ("[ ]", 3, false),
            ("docker compose up", 4, false),
            ("cat", 6, false),
            ("echo", 9, false),
            ("tee log", 9, false),
            ("eslint .", 10, true),
            ("set +e", 12, true),
            ("pytest", 13, true),
        ]
    );
    assert_eq!(found[6].end, 11);
    let beside = shell::commands("api > log 2>&1 & echo $!\npytest && true\n", 1);
    assert_eq!(beside.iter().map(|command| command.beside).collect::<Vec<_>>(), [true, false, false, false]);
}

#[test]
fn recipes_scripts_and_hooks_are_commands() {
    let make =
        facts("Makefile", "SRC := a:b\n.PHONY: test\ntest: build ## run\n\t@pytest -q\n\t-mypy src\nlint:\n\truff check . || true\n");
    let seen: Vec<_> = make.iter().map(|fact| (fact.name.as_str(), fact.get("target"), fact.line, fact.get("tolerated"))).collect();
    assert_eq!(
        seen,
        [
            ("make build", Some("test"), 3, Some("no")),
            ("pytest", Some("test"), 4, Some("no")),
            ("mypy src", Some("test"), 5, Some("yes")),
            ("ruff check .", Some("lint"), 7, Some("yes"))
        ]
    );
    let package = facts(
        "ui/package.json",
        "{\n\t\"name\": \"x\",\n\t\"scripts\": {\n\t\t\"test\": \"cross-env CI=1 jest && tsc --noEmit\"\n\t}\n}\n",
    );
    let seen: Vec<_> = package.iter().filter(|fact| fact.kind == Kind::Command).map(|fact| (fact.name.as_str(), fact.line)).collect();
    assert_eq!(seen, [("jest", 4), ("tsc", 4)]);
    let hooks = facts(".pre-commit-config.yaml", "repos:\n- repo: https://example.org/ruff\n  hooks:\n  - id: ruff\n    args: [--fix]\n");
    assert_eq!(one(&hooks, Kind::Command, "ruff").get("run"), Some("ruff --fix"));
}

#[test]
fn a_failure_is_ignored_only_where_nothing_fails_after_it() {
    let seen = |script: &str| shell::commands(script, 1).first().map(|command| (command.run.clone(), command.tolerated));
    assert_eq!(seen("test -n \"$(A)\" || (echo no && exit 1)"), Some(("test -n \"$(A)\"".into(), false)));
    assert_eq!(seen("a || { echo no; exit 1; }"), Some(("a".into(), false)));
    assert_eq!(seen("a | b || echo no"), Some(("a".into(), true)));
    assert_eq!(seen("(a || true)"), Some(("a".into(), true)));
    assert_eq!(seen("(cd x && a)"), Some(("cd x".into(), false)));
    assert_eq!(seen("a || b"), Some(("a".into(), false)));
}

#[test]
fn a_command_is_called_after_its_program_and_not_after_its_options() {
    let names = [
        ("kubectl -n prod get pods", "kubectl get pods"),
        ("V=${A/b/c}", "V"),
        ("A=1 B=2 poetry run python -m pytest -q", "pytest"),
        ("/usr/bin/docker compose -f a.yml up -d", "docker compose up"),
        ("npm --prefix ui run test", "npm run test"),
    ];
    for (run, name) in names {
        assert_eq!(shell::name(run), name, "{run}");
    }
}

#[test]
fn a_hook_of_husky_is_a_script_without_a_line_that_says_so() {
    let found = facts(".husky/pre-commit", "npx lint-staged\n");
    assert_eq!(one(&found, Kind::Command, "lint-staged").get("target"), Some("pre-commit"));
    assert!(facts("bin/pre-commit", "npx lint-staged\n").is_empty());
}

#[test]
fn travis_starts_services_and_runs_the_tests_of_the_build_tool_where_no_script_is_written() {
    let with = facts(".travis.yml", "language: node_js\nservices:\n  - mongodb\nscript:\n  - yarn test\n");
    assert_eq!(steps(&with), [("yarn test", 5, "no")]);
    assert_eq!(with.iter().find(|fact| fact.kind == Kind::Step).and_then(|fact| fact.get("service")), Some("mongodb"));
    let without = facts(".travis.yml", "language: java\nafter_success:\n  - ./publish.sh\n");
    assert_eq!(steps(&without), [("mvn test", 1, "no"), ("publish.sh", 3, "no")]);
    assert_eq!(
        steps(&facts(".travis.yml", "language: node_js\nbefore_script:\n  - cp a b\n")),
        [("npm test", 1, "no"), ("cp a b", 3, "no")]
    );
    assert!(steps(&facts(".travis.yml", "language: python\n")).is_empty());
}

#[test]
fn recipes_are_read_with_the_values_of_their_variables() {
    let found = facts(
        "Makefile",
        "ARGS := -- ./...\nARGS += -test.coverprofile \\\n  out\nSELF = $(SELF) x\nTOOL ?= gotestsum\ntests:\n\t@ $(TOOL) ${ARGS} $$HOME $(shell pwd)\n\techo $(SELF)\n",
    );
    let runs: Vec<&str> = found.iter().filter_map(|fact| fact.get("run")).collect();
    assert!(runs.contains(&"gotestsum -- ./... -test.coverprofile out $$HOME $(shell pwd)"), "{runs:?}");
    assert!(runs.iter().any(|run| run.starts_with("echo $(SELF) x")), "{runs:?}");
}
