use super::*;

fn value<'a>(facts: &'a [Fact], name: &str) -> Option<(&'a str, u32)> {
    facts.iter().find(|fact| fact.name == name).map(|fact| (fact.get("value").unwrap_or_default(), fact.line))
}

#[test]
fn a_tool_has_one_name_wherever_it_is_configured() {
    let pyproject = facts(
        "pyproject.toml",
        "[tool.mypy]\nstrict = true\n[tool.ruff.lint]\nselect = [\n  \"E\",\n  \"S\",\n]\n[tool.pytest.ini_options]\naddopts = \"--cov\"\n",
    );
    assert_eq!(value(&pyproject, "mypy.strict"), Some(("true", 2)));
    assert_eq!(value(&pyproject, "pyproject.tool.mypy.strict"), Some(("true", 2)));
    assert_eq!(value(&pyproject, "pytest.addopts"), Some(("--cov", 9)));
    let selected: Vec<_> =
        pyproject.iter().filter(|fact| fact.name == "ruff.lint.select").map(|fact| (fact.get("value"), fact.line)).collect();
    assert_eq!(selected, [(Some("E"), 5), (Some("S"), 6)]);
    assert_eq!(value(&facts("mypy.ini", "[mypy]\n# no\nstrict = True  # yes\n"), "mypy.strict"), Some(("True", 3)));
    assert_eq!(
        value(&facts("setup.cfg", "[tool:pytest]\naddopts = -q\n[coverage:report]\nfail_under = 80\n"), "coverage.report.fail_under"),
        Some(("80", 4))
    );
    assert_eq!(value(&facts(".coveragerc", "[report]\nfail_under = 80\n"), "coverage.report.fail_under"), Some(("80", 2)));
}

#[test]
fn files_of_json_with_comments_are_read() {
    let text = "{\n  // strict: false\n  \"compilerOptions\": {\n    /* a\n b */\n    \"strict\": true, \"paths\": {\"@/*\": [\"./*\"]},\n  },\n}\n";
    assert_eq!(value(&facts("ui/tsconfig.json", text), "tsconfig.compilerOptions.strict"), Some(("true", 6)));
    let package =
        facts("package.json", "{\"engines\": {\"node\": \">=20\"},\n\"jest\": {\"coverageThreshold\": {\"global\": {\"lines\": 80}}}}\n");
    assert_eq!(value(&package, "package.engines.node"), Some((">=20", 1)));
    assert_eq!(value(&package, "jest.coverageThreshold.global.lines"), Some(("80", 2)));
}

#[test]
fn updates_owners_and_unknown_files_have_paths() {
    let text = "version: 2\nupdates:\n  - package-ecosystem: pip\n    schedule: {interval: weekly}\n";
    assert_eq!(value(&facts(".github/dependabot.yml", text), "dependabot.updates.package-ecosystem"), Some(("pip", 3)));
    assert_eq!(value(&facts("CODEOWNERS", "# all\n* @team\n"), "codeowners.*"), Some(("@team", 2)));
    assert_eq!(value(&facts("config/queues.yaml", "retry:\n  max: 3\n"), "queues.retry.max"), Some(("3", 2)));
    assert_eq!(
        value(&facts("checkstyle.xml", "<module name=\"Checker\">\n<module name=\"LineLength\"/>\n</module>\n"), "checkstyle.module"),
        Some(("Checker", 1))
    );
}

#[test]
fn alerts_and_dashboards_are_read() {
    let text = "groups:\n- name: api\n  rules:\n  - alert: Slow\n    expr: |\n      latency > 1\n    for: 5m\n    labels: {severity: page}\n    annotations:\n      runbook_url: https://example.org\n      summary: \"{{ $labels.job }} is slow\"\n";
    let slow = one(&facts("monitoring/alerts.yml", text), Kind::Alert, "Slow");
    assert_eq!((slow.get("expr"), slow.get("for"), slow.get("severity"), slow.line), (Some("latency > 1"), Some("5m"), Some("page"), 4));
    assert_eq!(slow.get("runbook"), Some("https://example.org"));
    let object = format!(
        "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata: {{name: x}}\nspec:\n  {}",
        text.replace('\n', "\n  ")
    );
    assert_eq!(one(&facts("k8s/rule.yaml", &object), Kind::Alert, "Slow").line, 8);
    let dashboard = facts(
        "grafana/api.json",
        "{\"title\": \"API\", \"schemaVersion\": 30, \"panels\": [{\"title\": \"a\", \"targets\": [{\"expr\": \"up\"}]}, {\"type\": \"row\"}]}",
    );
    let board = one(&dashboard, Kind::Dashboard, "API");
    assert_eq!((board.get("panels"), board.get("expr")), (Some("1"), Some("up")));
}

#[test]
fn an_interface_is_told_operation_by_operation() {
    let text = "openapi: 3.0.0\ninfo: {title: A, version: '2'}\npaths:\n  /items:\n    get:\n      summary: list\n      responses:\n        '200': {description: ok, content: {application/json: {example: {a: 1}}}}\n        '404': {description: no}\n    post:\n      security: []\n      responses: {}\n";
    let facts = facts("docs/openapi.yaml", text);
    let found: Vec<_> = facts
        .iter()
        .filter(|fact| fact.name == "openapi.operation")
        .map(|fact| (fact.get("value"), fact.line, fact.get("example"), fact.get("security")))
        .collect();
    assert_eq!(found, [(Some("GET /items"), 5, Some("yes"), None), (Some("POST /items"), 10, Some("no"), Some("none"))]);
    assert_eq!(value(&facts, "openapi.info.version"), Some(("2", 2)));
}

#[test]
fn headings_count_what_stands_below_them() {
    let text = "# Title\n\nOne two.\n\n## Run It\n\n```sh\n# no heading\nmake run\n```\n\nOther\n-----\nthree\n";
    let facts = facts("README.md", text);
    let found: Vec<_> =
        facts.iter().map(|fact| (fact.name.as_str(), fact.get("level"), fact.get("words"), fact.get("code"), fact.line)).collect();
    assert_eq!(
        found,
        [
            ("readme.md", Some("0"), Some("8"), Some("yes"), 1),
            ("title", Some("1"), Some("8"), Some("yes"), 1),
            ("run it", Some("2"), Some("5"), Some("yes"), 5),
            ("other", Some("2"), Some("1"), Some("no"), 12),
        ]
    );
    let rst = super::facts("docs/index.rst", "Title\n=====\n\nPart\n----\ntext\n");
    assert_eq!(rst.iter().map(|fact| fact.get("level").unwrap_or_default()).collect::<Vec<_>>(), ["0", "1", "2"]);
}

#[test]
fn looser_forms_of_json_and_yaml_are_read() {
    let renovate = facts(".github/renovate.json5", "{\n  extends: [\n    'config:base',\n  ],\n}\n");
    assert_eq!(value(&renovate, "renovate.extends"), Some(("config:base", 3)));
    let compose = facts("compose.yaml", "services:\n  a:\n    image: b\n    command: [\n      \"x\"\n    ]\n    restart: always\n");
    assert_eq!(value(&compose, "services.a.command"), Some(("x", 4)));
    assert_eq!(value(&compose, "services.a.restart"), Some(("always", 7)));
}

#[test]
fn a_document_says_what_it_speaks_of_and_an_address_is_no_word_about_encryption() {
    let text = "# Install\n\nSee https://songs.test for more.\n\n## Proxy\n\nPut nginx in front, with a certificate.\n";
    let facts = facts("docs/install.md", text);
    let told: Vec<(&str, Vec<&str>)> = facts.iter().map(|fact| (fact.name.as_str(), fact.all("tells").collect())).collect();
    assert_eq!(told, [("install.md", vec!["tls", "proxy"]), ("install", vec!["tls", "proxy"]), ("proxy", vec!["tls", "proxy"])]);
}
