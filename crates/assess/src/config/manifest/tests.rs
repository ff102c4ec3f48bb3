use super::read;
use crate::fact::{Fact, Kind};

fn facts(path: &str, text: &str) -> Vec<Fact> {
    let (_, extract) = read(path, text).expect("a manifest");
    assert_eq!(extract.trouble, Vec::<String>::new());
    extract.facts
}

/// `name version scope pinned line` of each dependency.
fn deps(path: &str, text: &str) -> Vec<String> {
    let all = facts(path, text);
    let deps = all.iter().filter(|fact| fact.kind == Kind::Dependency);
    deps.map(|fact| {
        let get = |name| fact.get(name).unwrap_or("-");
        format!("{} {} {} {} {}", fact.name, get("version"), get("scope"), get("pinned"), fact.line)
    })
    .collect()
}

fn values(path: &str, text: &str) -> Vec<String> {
    let all = facts(path, text);
    let values = all.iter().filter(|fact| fact.kind == Kind::Value);
    values.map(|fact| format!("{}={} {}", fact.name, fact.get("value").unwrap_or("-"), fact.line)).collect()
}

#[test]
fn requirements_are_pinned_only_by_two_equal_signs_or_a_commit() {
    let text = "# flask==9\nFlask==3.0.1\nhttpx[http2]>=0.27,<1 ; python_version > '3.9'  # client\n-r base.txt\nfoo==1.*\n\
                bar @ git+https://example.org/bar@0123456789abcdef0123456789abcdef01234567\nbaz_.x\n";
    let want = [
        "flask ==3.0.1 run yes 2",
        "httpx >=0.27,<1 run no 3",
        "foo ==1.* run no 5",
        "bar @ git+https://example.org/bar@0123456789abcdef0123456789abcdef01234567 run yes 6",
        "baz-x  run no 7",
    ];
    assert_eq!(deps("api/requirements.txt", text), want);
    assert_eq!(deps("requirements/dev.txt", "pytest\n"), ["pytest  dev no 1"]);
    assert_eq!(deps("requirements-dev.txt", "pytest==8.0\n"), ["pytest ==8.0 dev yes 1"]);
}

#[test]
fn hashes_of_requirements_are_seen_over_continued_lines() {
    let all = facts("requirements.txt", "a==1 \\\n    --hash=sha256:00 \\\n    --hash=sha256:11\nb==2\n");
    let said: Vec<_> = all.iter().map(|fact| (fact.name.as_str(), fact.get("hash"), fact.line, fact.end)).collect();
    assert_eq!(said, [("a", Some("yes"), 1, 3), ("b", Some("no"), 4, 4)]);
}

#[test]
fn pyproject_is_read_in_all_its_dialects() {
    let text = "[project]\nrequires-python = \">=3.11\"\ndependencies = [\n  \"fastapi>=0.110\",\n  \"sqlalchemy==2.0.1\",\n]\n\
                [project.optional-dependencies]\ntest = [\"pytest\"]\npdf = [\"reportlab\"]\n[dependency-groups]\nlint = [\"ruff==0.4.0\", {include-group = \"x\"}]\n\
                [tool.uv]\ndev-dependencies = [\"mypy\"]\n[tool.poetry.dependencies]\npython = \"^3.11\"\nhttpx = \"^0.27\"\nredis = { version = \"5.0.1\" }\n\
                [tool.poetry.group.dev.dependencies]\nblack = \"*\"\n";
    let want = [
        "fastapi >=0.110 run no 4",
        "sqlalchemy ==2.0.1 run yes 5",
        "pytest  dev no 8",
        "reportlab  run no 9",
        "ruff ==0.4.0 dev yes 11",
        "mypy  dev no 13",
        "httpx ^0.27 run no 16",
        "redis 5.0.1 run yes 17",
        "black * dev no 19",
    ];
    assert_eq!(deps("pyproject.toml", text), want);
    assert_eq!(values("pyproject.toml", text), ["runtime.python=>=3.11 2", "runtime.python=^3.11 15"]);
}

#[test]
fn older_python_manifests_are_read() {
    assert_eq!(
        deps("Pipfile", "[packages]\nflask = \"==3.0\"\n[dev-packages]\npytest = \"*\"\n"),
        ["flask ==3.0 run yes 2", "pytest * dev no 4"]
    );
    let cfg = "[options]\ninstall_requires =\n    a>=1\n    b\n[options.extras_require]\ntest = pytest\n";
    assert_eq!(deps("setup.cfg", cfg), ["a >=1 run no 3", "b  run no 4", "pytest  dev no 6"]);
    let py = "setup(\n  install_requires=['a==1', \"b\"], name='x',\n  tests_require=[\n    'pytest',\n  ],\n  author='y')\n";
    assert_eq!(deps("setup.py", py), ["a ==1 run yes 2", "b  run no 2", "pytest  dev no 4"]);
    let conda = "name: x\ndependencies:\n  - python=3.11\n  - numpy=1.26.4\n  - scipy\n  - pip:\n      - flask==3.0\n";
    assert_eq!(deps("environment.yml", conda), ["numpy =1.26.4 run yes 4", "scipy  run no 5", "flask ==3.0 run yes 7"]);
}

#[test]
fn package_json_tells_run_from_dev_and_exact_from_ranges() {
    let text = "{\n \"dependencies\": {\n  \"express\": \"^4.18.0\",\n  \"socket.io\": \"4.7.2\"\n },\n \"devDependencies\": { \"jest\": \"*\" },\n \"engines\": {\"node\": \">=20\"}\n}";
    assert_eq!(deps("web/package.json", text), ["express ^4.18.0 run no 3", "socket.io 4.7.2 run yes 4", "jest * dev no 6"]);
    assert_eq!(values("web/package.json", text), ["runtime.node=>=20 7"]);
}

#[test]
fn go_modules_are_always_exact_and_say_whether_they_are_direct() {
    let text = "module example.org/x\ngo 1.22\nrequire (\n\tgithub.com/gin-gonic/gin v1.9.1\n\tgolang.org/x/sys v0.1.0 // indirect\n)\nrequire a.b/c v1.0.0\n";
    assert_eq!(
        deps("go.mod", text),
        ["github.com/gin-gonic/gin v1.9.1 run yes 4", "golang.org/x/sys v0.1.0 run yes 5", "a.b/c v1.0.0 run yes 7"]
    );
    assert_eq!(facts("go.mod", text).iter().filter_map(|fact| fact.get("indirect")).count(), 1);
}

#[test]
fn poms_resolve_properties_and_keep_plugins_apart() {
    let text = "<project>\n<parent><groupId>org.springframework.boot</groupId><artifactId>spring-boot-starter-parent</artifactId><version>3.2.0</version></parent>\n\
                <properties><java.version>21</java.version><x.version>1.0</x.version></properties>\n<dependencies>\n\
                <dependency><groupId>a</groupId><artifactId>b</artifactId></dependency>\n\
                <dependency><groupId>a</groupId><artifactId>c</artifactId><version>${x.version}</version><scope>test</scope></dependency>\n\
                <dependency><groupId>a</groupId><artifactId>d</artifactId><version>[1,2)</version></dependency>\n</dependencies>\n\
                <build><plugins><plugin><groupId>org.jacoco</groupId><artifactId>jacoco-maven-plugin</artifactId></plugin></plugins></build></project>";
    assert_eq!(deps("pom.xml", text), ["a:b  run yes 5", "a:c 1.0 dev yes 6", "a:d [1,2) run no 7"]);
    let said = values("pom.xml", text);
    assert!(said.contains(&"maven.parent.org.springframework.boot:spring-boot-starter-parent=3.2.0 2".to_owned()), "{said:?}");
    assert!(said.contains(&"runtime.java=21 3".to_owned()), "{said:?}");
    assert!(said.contains(&"build.plugin.org.jacoco:jacoco-maven-plugin= 9".to_owned()), "{said:?}");
}

#[test]
fn gradle_scripts_in_both_languages_are_read() {
    let groovy = "plugins {\n  id 'org.springframework.boot' version '3.2.0'\n}\n// implementation 'no:no:1'\ndependencies {\n  implementation 'a:b:1.0'\n  testImplementation group: 'c', name: 'd', version: '2.+'\n  implementation project(':core')\n}\n";
    assert_eq!(deps("build.gradle", groovy), ["a:b 1.0 run yes 6", "c:d 2.+ dev no 7"]);
    assert_eq!(values("build.gradle", groovy), ["build.plugin.org.springframework.boot=3.2.0 2"]);
    let kotlin = "dependencies {\n  implementation(\"a:b\")\n  testImplementation(libs.junit.jupiter)\n}\n";
    assert_eq!(deps("build.gradle.kts", kotlin), ["a:b  run yes 2", "libs.junit.jupiter  dev yes 3"]);
    let catalogue =
        "[versions]\nj = \"5.1\"\n[libraries]\njunit-jupiter = { module = \"org.junit:jupiter\", version.ref = \"j\" }\nx = \"a:b:1\"\n";
    assert_eq!(deps("gradle/libs.versions.toml", catalogue), ["org.junit:jupiter 5.1 run yes 4", "a:b 1 run yes 5"]);
}

#[test]
fn cargo_manifests_are_read_with_workspace_and_target_tables() {
    let text = "[package]\nname = \"x\"\nrust-version = \"1.80\"\n[dependencies]\nserde = { version = \"1\", features = [\"derive\"] }\naxum = \"=0.7.1\"\n[dev-dependencies]\ninsta = \"1\"\n[target.'cfg(unix)'.dependencies]\nlibc = \"0.2\"\n";
    assert_eq!(deps("Cargo.toml", text), ["serde 1 run no 5", "axum =0.7.1 run yes 6", "insta 1 dev no 8", "libc 0.2 run no 10"]);
    assert_eq!(values("Cargo.toml", text), ["runtime.rust=1.80 3"]);
}

#[test]
fn lock_files_say_their_ecosystem_and_how_much_they_lock() {
    let lock = |path: &str, text: &str| {
        let all = facts(path, text);
        let fact = all.first().expect("a lock");
        assert_eq!(fact.kind, Kind::Lock);
        format!(
            "{} {} {} {}",
            fact.name,
            fact.get("tool").unwrap_or("-"),
            fact.get("packages").unwrap_or("-"),
            fact.get("hashes").unwrap_or("-")
        )
    };
    assert_eq!(lock("Cargo.lock", "[[package]]\nname = \"a\"\nchecksum = \"00\"\n[[package]]\n"), "cargo cargo 2 yes");
    assert_eq!(lock("yarn.lock", "# yarn\na@^1:\n  version \"1\"\n  integrity sha512-x\n"), "npm yarn 1 yes");
    assert_eq!(lock("go.sum", "a v1 h1:x=\na v1/go.mod h1:y=\n"), "go go 1 yes");
    assert_eq!(lock("gradle.lockfile", "# x\na:b:1=compileClasspath\n"), "maven gradle 1 no");
}

#[test]
fn broken_manifests_say_so_and_do_not_fall() {
    for (path, text) in [("Cargo.toml", "[a\nb"), ("pyproject.toml", "x = ["), ("pom.xml", "<a><b></a>")] {
        let (_, extract) = read(path, text).expect("a manifest");
        assert!(extract.trouble.iter().any(|words| words.contains("line ")), "{path}: {:?}", extract.trouble);
    }
    let deep = format!("{}{}", "<a>".repeat(20_000), "</a>".repeat(20_000));
    assert!(read("pom.xml", &deep).is_some_and(|(_, extract)| extract.facts.is_empty()));
    assert!(read("package.json", &"{\"a\":".repeat(20_000)).is_some());
}
