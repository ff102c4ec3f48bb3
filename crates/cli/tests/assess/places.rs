//! Every piece of evidence opens at a line that contains what it is evidence of, in all five languages and in configuration.

use serde_json::Value;

use crate::{
    project::{Project, row},
    samples,
};

/// Evidence: practice, file, and what stands in its line.
type Shown = &'static [(&'static str, &'static str, &'static str)];

/// What shows which practice. The words stand in one line of the file each.
const SHOWN: [(samples::Sample, Shown); 6] = [
    (
        samples::PYTHON,
        &[
            ("rate-limit", "app/main.py", "SlowAPIMiddleware)"),
            ("cors-allowlist", "app/main.py", "app.add_middleware("),
            ("logs-json", "app/main.py", "JSONRenderer()"),
            ("global-exception-handler", "app/main.py", "@app.exception_handler(Exception)"),
            ("outbound-timeouts", "app/main.py", "AsyncClient(timeout=5.0)"),
            ("auth-jwt", "app/auth.py", "jwt.decode("),
        ],
    ),
    (
        samples::SCRIPT,
        &[
            ("rate-limit", "src/server.ts", "app.use(rateLimit("),
            ("security-headers", "src/server.ts", "app.use(helmet())"),
            ("cors-allowlist", "src/server.ts", "app.use(cors("),
            ("auth-jwt", "src/auth.ts", "jwt.verify("),
            ("health-endpoint", "src/server.ts", "app.get('/healthz'"),
        ],
    ),
    (
        samples::GO,
        &[
            ("logs-json", "main.go", "NewJSONHandler("),
            ("global-exception-handler", "main.go", "gin.Recovery()"),
            ("health-endpoint", "main.go", "\"/healthz\""),
        ],
    ),
    (
        samples::JAVA,
        &[
            ("auth-jwt", "src/main/java/org/example/shop/SecurityConfiguration.java", "server.jwt("),
            ("rbac", "src/main/java/org/example/shop/OrderController.java", "@PostMapping"),
            ("global-exception-handler", "src/main/java/org/example/shop/Failures.java", "@ExceptionHandler(Exception.class)"),
            ("metrics-prometheus", "src/main/resources/application.yml", "include: health,prometheus"),
        ],
    ),
    (
        samples::RUST,
        &[
            ("request-size-limits", "src/main.rs", "RequestBodyLimitLayer::new("),
            ("connection-pool", "src/main.rs", ".max_connections(10)"),
            ("health-endpoint", "src/main.rs", "\"/health/live\""),
        ],
    ),
    (
        samples::CONFIGURATION,
        &[
            ("container-nonroot", "Dockerfile", "USER 1000:1000"),
            ("ci-tests", ".github/workflows/ci.yml", "pytest --cov"),
            ("liveness-probe", "deploy/deployment.yaml", "- name: api"),
            ("db-indexes", "migrations/0001_orders.sql", "CREATE INDEX"),
            ("request-size-limits", "nginx.conf", "client_max_body_size"),
            ("alert-rules", "alerts.yml", "alert: ShopErrors"),
            ("encryption-at-rest", "infra/main.tf", "storage_encrypted"),
        ],
    ),
];

/// The lines of a file from one to another, counted from 1.
fn lines(files: &[(&str, &str)], file: &str, first: u64, last: u64) -> Vec<String> {
    let text = files.iter().find(|(path, _)| *path == file).unwrap_or_else(|| panic!("{file} is no file of the sample")).1;
    let skipped = usize::try_from(first).unwrap().checked_sub(1).unwrap();
    text.lines().skip(skipped).take(usize::try_from(last - first + 1).unwrap()).map(str::to_owned).collect()
}

/// The words of which one has to stand where a fact is: the last part of its name, or of one of its properties.
fn words(fact: &Value) -> Vec<String> {
    let name = fact["name"].as_str().unwrap();
    let properties = fact["attrs"].as_array().unwrap().iter();
    let named = ["value", "handler", "var", "path", "call", "constructor", "signal", "service", "object", "image", "run", "document"];
    let properties =
        properties.filter(|pair| pair[0].as_str().is_some_and(|name| named.contains(&name))).filter_map(|pair| pair[1].as_str());
    let last =
        |text: &str| text.rsplit(|one: char| !one.is_alphanumeric() && one != '_').find(|part| !part.is_empty()).map(str::to_lowercase);
    [name].into_iter().chain(properties).filter_map(last).collect()
}

#[test]
fn every_fact_stands_where_its_place_says() {
    for (name, files) in samples::ALL {
        let project = Project::of(files);
        let (mut looked, mut astray) = (0, Vec::new());
        for fact in project.facts() {
            let (kind, file) = (fact["kind"].as_str().unwrap(), fact["file"].as_str().unwrap());
            let (first, last) = (fact["line"].as_u64().unwrap(), fact["end"].as_u64().unwrap());
            let text = lines(files, file, first, last).join("\n").to_lowercase();
            // A file is no place in a file; a whole document and its folder are not written in it.
            let whole = kind == "file" || (kind == "heading" && first == 1) || fact["name"].as_str().unwrap().starts_with("migrations.");
            // What the name says in other words: `if err != nil`, a function without a name, a hook of a signal.
            let other = matches!(kind, "library" | "catch" | "hook") && !text.trim().is_empty();
            looked += 1;
            if !whole && !other && !words(&fact).iter().any(|word| text.contains(word)) {
                astray.push(format!("{fact} stands in {text:?}"));
            }
        }
        assert!(looked > 60, "{name}: only {looked} facts");
        // A function that is written as an argument has a name of ours.
        astray.retain(|line| !(name == "script" && line.contains("\"kind\":\"def\"")));
        assert!(astray.is_empty(), "{name}: {}", astray.join("\n"));
    }
}

#[test]
fn every_piece_of_evidence_is_a_place_of_a_fact_and_shows_its_lines() {
    for (name, files) in samples::ALL {
        let project = Project::of(files);
        let (report, facts) = (project.report(&[]), project.facts());
        let known = |file: &str, line: u64| facts.iter().any(|fact| fact["file"] == file && fact["line"] == line);
        let mut looked = 0;
        for practice in report["practices"].as_array().unwrap() {
            let gaps = practice["looked"]["gaps"].as_array().unwrap().iter().map(|gap| &gap["place"]);
            for place in practice["evidence"].as_array().unwrap().iter().chain(gaps).filter(|place| place["file"] != "") {
                let (file, line) = (place["file"].as_str().unwrap(), place["line"].as_u64().unwrap());
                let shown = match &place["snippet"] {
                    Value::Array(lines) => lines.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
                    text => text.as_str().unwrap_or("").lines().map(str::to_owned).collect::<Vec<_>>(),
                };
                let about = format!("{name}: {} at {file}:{line}", practice["id"]);
                assert!(known(file, line), "{about}: nothing is known of this line");
                let there = lines(files, file, line, line + 2);
                assert!(!shown.is_empty() || there.first().is_none_or(|line| line.is_empty()), "{about}: nothing is shown");
                for (shown, there) in shown.iter().zip(&there) {
                    // What could be secret is masked, and long lines end early.
                    let there = there.replace('\t', "    ");
                    let alike = shown.split("***").all(|part| there.contains(part.trim_end()));
                    assert!(alike, "{about}: shows {shown:?}, there is {there:?}");
                }
                looked += 1;
            }
        }
        assert!(looked > 20, "{name}: only {looked} places");
    }
}

#[test]
fn the_line_of_the_evidence_holds_what_it_is_evidence_of() {
    for ((name, files), shown) in SHOWN {
        let project = Project::of(files);
        let report = project.report(&[]);
        for (practice, file, words) in shown {
            let row = row(&report, practice);
            let evidence = row["evidence"].as_array().unwrap();
            let opens = |place: &&Value| {
                place["file"] == *file
                    && lines(files, file, place["line"].as_u64().unwrap(), place["line"].as_u64().unwrap())[0].contains(words)
            };
            assert!(
                evidence.iter().any(|place| opens(&place)),
                "{name}: {practice} ({}) is not shown at `{words}`: {evidence:?}",
                row["status"]
            );
        }
    }
}
