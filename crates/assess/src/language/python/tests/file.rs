use super::{Python, named, of};
use crate::{
    fact::{Fact, Kind},
    language::Language,
};

#[test]
fn a_call_is_named_by_what_was_imported_and_by_the_type_of_its_receiver() {
    let text = "from slowapi import Limiter as L\nimport httpx\n\nlimiter = L()\n\nclass Client:\n    def __init__(self):\n        self.http = httpx.AsyncClient(timeout=5)\n\n    async def load(self):\n        return await self.http.get(\"/x\")\n";
    let calls = of(text, Kind::Call);
    assert_eq!(named(&calls), [("slowapi.Limiter", 4), ("httpx.AsyncClient", 8), ("httpx.AsyncClient.get", 11)]);
    assert_eq!(calls[1].get("timeout"), Some("5"));
    assert_eq!(calls[2].get("await"), Some("yes"));
}

#[test]
fn constants_are_folded_and_lists_made_compact() {
    let text = "HOUR = 60 * 60\nORIGINS = [ \"*\",\n  'https://a.example' ]\nkeep(HOUR, origins=ORIGINS, on=True, code=status.HTTP_401_UNAUTHORIZED)\n";
    let calls = of(text, Kind::Call);
    assert_eq!(calls[0].get("0"), Some("3600"));
    assert_eq!(calls[0].get("origins"), Some("[\"*\",\"https://a.example\"]"));
    assert_eq!((calls[0].get("on"), calls[0].get("code")), (Some("true"), Some("401")));
}

#[test]
fn code_below_a_flag_depends_on_it_and_so_does_what_stands_behind_an_early_return() {
    let text = "if settings.TENANTS:\n    one()\nelse:\n    two()\n\ndef start():\n    if not settings.TRACING:\n        return\n    three()\n\nif user:\n    four()\n";
    let guards: Vec<(String, Option<(String, bool)>)> =
        of(text, Kind::Call).into_iter().map(|fact| (fact.name, fact.guard.map(|guard| (guard.flag, guard.negated)))).collect();
    let flag = |name: &str, negated| Some((name.to_owned(), negated));
    assert_eq!(
        guards,
        [
            ("one".to_owned(), flag("TENANTS", false)),
            ("two".to_owned(), flag("TENANTS", true)),
            ("three".to_owned(), flag("TRACING", false)),
            ("four".to_owned(), None),
        ]
    );
}

#[test]
fn settings_and_reads_of_the_environment_have_their_defaults() {
    let text = "import os\nfrom pydantic_settings import BaseSettings\nfrom pydantic import Field\n\nclass Settings(BaseSettings):\n    KEY: str\n    DEBUG: bool = False\n    POOL: int = Field(default=5, ge=1)\n    ON: bool = os.getenv(\"ON\", \"false\").lower() == \"true\"\n\nurl = os.environ[\"URL\"]\nport = int(os.getenv(\"PORT\", \"80\"))\n";
    let settings = of(text, Kind::Setting);
    let told: Vec<_> = settings.iter().map(|fact| (fact.name.as_str(), fact.get("default"), fact.get("required"))).collect();
    assert_eq!(
        told,
        [
            ("KEY", None, Some("yes")),
            ("DEBUG", Some("false"), Some("no")),
            ("POOL", Some("5"), Some("no")),
            ("ON", Some("false"), Some("no")),
        ]
    );
    assert!(settings.iter().all(|fact| fact.get("reads") == Some("env")));
    let plain = of("from dataclasses import dataclass\n\n@dataclass\nclass ModelConfig:\n    name: str\n", Kind::Setting);
    assert_eq!(plain.iter().map(|fact| fact.get("reads")).collect::<Vec<_>>(), [None], "nothing gives it but the code");
    let reads = of(text, Kind::Env);
    let told: Vec<_> = reads.iter().map(|fact| (fact.name.as_str(), fact.get("default"), fact.get("required"))).collect();
    assert_eq!(told, [("ON", Some("false"), Some("no")), ("URL", None, Some("yes")), ("PORT", Some("80"), Some("no"))]);
}

#[test]
fn an_assertion_that_takes_failure_for_success_is_trivial() {
    let text = "def test_any(client):\n    assert client.get(\"/\").status_code in (200, 500)\n\ndef test_true():\n    assert True\n\ndef test_firm(client):\n    assert client.get(\"/\").status_code == 200\n\ndef test_some(client):\n    assert client.post(\"/\").status_code in (200, 201)\n";
    let tests: Vec<(String, Option<String>)> = Python
        .extract("tests/test_api.py", text)
        .facts
        .into_iter()
        .filter(|fact| fact.kind == Kind::Test)
        .map(|fact| (fact.name.clone(), fact.get("trivial").map(str::to_owned)))
        .collect();
    let yes = Some("yes".to_owned());
    let name = |name: &str| format!("tests.test_api.{name}");
    assert_eq!(tests, [(name("test_any"), yes.clone()), (name("test_true"), yes), (name("test_firm"), None), (name("test_some"), None)]);
}

#[test]
fn sql_that_values_are_pasted_into_is_built_and_prose_is_no_sql() {
    let text = "\"\"\"SELECT everything FROM the docs\"\"\"\ndb.execute(f\"SELECT * FROM users WHERE id = {user}\")\ndb.execute(\"SELECT 1\")\ndb.execute(\"DELETE FROM a WHERE x = '%s'\" % x)\ndb.execute(\"INSERT INTO a VALUES ({})\".format(x))\nprint(\"Select one of the items\")\n";
    let texts = of(text, Kind::Text);
    let told: Vec<_> = texts.iter().map(|fact| (fact.line, fact.get("shape"), fact.get("built"))).collect();
    assert_eq!(told, [(2, Some("sql"), Some("yes")), (3, Some("sql"), None), (4, Some("sql"), Some("yes")), (5, Some("sql"), Some("yes"))]);
}

#[test]
fn handlers_of_failures_say_what_they_do() {
    let text = "import logging\nlogger = logging.getLogger(__name__)\ntry:\n    work()\nexcept ValueError:\n    pass\nexcept (KeyError, OSError) as error:\n    logger.error(\"no\")\nexcept Exception:\n    raise\n";
    let caught = of(text, Kind::Catch);
    let told: Vec<_> = caught.iter().map(|fact| (fact.name.as_str(), fact.get("body"))).collect();
    assert_eq!(told, [("ValueError", Some("empty")), ("KeyError", Some("log")), ("OSError", Some("log")), ("Exception", Some("raise"))]);
}

#[test]
fn comments_docstrings_and_imports_are_no_mentions() {
    let text = "from app.limit import limiter\n# limiter.start()\ndef run():\n    \"\"\"limiter\"\"\"\n    return 1\n";
    let found = Python.extract("app/main.py", text);
    assert!(found.uses.iter().all(|used| used.path != "limiter"), "{:?}", found.uses);
    assert_eq!(found.imports.len(), 1);
}

#[test]
fn a_module_of_the_standard_library_is_not_the_file_beside_it() {
    let text = "import logging\nfrom . import config\n";
    let found = Python.extract("src/utils/logging.py", text);
    let exists = |path: &str| matches!(path, "src/utils/logging.py" | "src/utils/config.py" | "src/utils/__init__.py");
    let to: Vec<_> = found.imports.iter().map(|import| Python.resolve("src/utils/logging.py", import, &exists)).collect();
    assert_eq!(to, [None, Some(("src/utils/config.py".to_owned(), None))]);
}

#[test]
fn hostile_text_is_read_without_falling() {
    let deep = format!("x = {}1{}\n", "(".repeat(10_000), ")".repeat(10_000));
    let chain = format!("x = a{}\n", ".b()".repeat(10_000));
    let sum = format!("x = {}\n", vec!["'a'"; 10_000].join(" + "));
    let blocks: String = (0..400).map(|depth| format!("{}if a:\n", " ".repeat(depth))).collect();
    let classes: String = (0..400).map(|depth| format!("{}class A:\n", " ".repeat(depth))).collect();
    let wide = format!("x = [{}]\n", "1, ".repeat(100_000));
    for text in [deep, chain, sum, blocks, classes, wide, "def f(\u{feff}é: ☃ = \"".to_owned(), "\0\0\0".to_owned(), String::new()] {
        let found = Python.extract("a.py", &text);
        assert!(found.symbols.len() <= 402);
    }
}

#[test]
fn a_dictionary_that_is_spread_gives_its_arguments() {
    let text = "from sqlalchemy import create_engine\n\noptions = {\"pool_size\": 5, \"pool_pre_ping\": True}\nengine = create_engine(\"postgresql://db/songs\", **options)\nother = create_engine(\"postgresql://db/songs\", **dict(max_overflow=2))\n";
    let calls = of(text, Kind::Call);
    let calls: Vec<_> = calls.iter().filter(|fact| fact.name == "sqlalchemy.create_engine").collect();
    assert_eq!(
        (calls[0].get("pool_size"), calls[0].get("pool_pre_ping"), calls[1].get("max_overflow")),
        (Some("5"), Some("true"), Some("2"))
    );
}

#[test]
fn a_log_line_that_is_given_a_secret_is_told_and_one_about_secrets_is_not() {
    let leaks = |line: &str| {
        let text = format!("import logging\nlogger = logging.getLogger(__name__)\n{line}\n");
        of(&text, Kind::Call).iter().flat_map(|fact| fact.all("leak").map(str::to_owned).collect::<Vec<_>>()).collect::<Vec<_>>()
    };
    assert_eq!(leaks("print(f\"{name} {form.password}\")"), ["form.password"]);
    assert_eq!(leaks("logger.info(\"login\", extra={\"given\": body[\"password\"]})"), ["body[\"password\"]"]);
    for idle in [
        "logger.info(len(password))",
        "logger.info(\"no password\")",
        "print(reset_password)",
        "save(password)",
        "print(password == other)",
    ] {
        assert!(leaks(idle).is_empty(), "{idle}");
    }
}

#[test]
fn a_root_in_a_list_of_open_paths_is_broken_and_one_in_a_list_of_guarded_ones_is_not() {
    let broken = |text: &str| named(&of(text, Kind::Broken)).into_iter().map(|(name, line)| (name.to_owned(), line)).collect::<Vec<_>>();
    let text = |list: &str, question: &str| format!("OPEN = {list}\n\n\ndef free(request):\n    return {question}\n");
    let any = "any(request.url.path.startswith(one) for one in OPEN)";
    assert_eq!(broken(&text("[\"/docs\", \"/\"]", any)), [("/".to_owned(), 5)]);
    assert_eq!(broken(&text("(\"/docs\", \"/\")", "request.url.path.startswith(OPEN)")), [("/".to_owned(), 5)]);
    assert!(broken(&text("[\"/docs\"]", any)).is_empty());
    assert!(broken(&text("[\"/\"]", &format!("not {any}"))).is_empty());
    assert!(broken(&text("[\"/\"]", "name.startswith(OPEN)")).is_empty());
}

#[test]
fn a_field_of_sqlmodel_is_a_foreign_key_and_its_table_is_called_after_its_class() {
    let text = "from sqlmodel import Field, SQLModel\nclass Song(SQLModel, table=True):\n    id: int = Field(primary_key=True)\n    artist_id: int = Field(foreign_key=\"artist.id\", ondelete=\"CASCADE\", index=True)\n    label_id: int = Field(foreign_key=\"label.id\")\n    title: str = Field(default=\"\")\n";
    let facts = of(text, Kind::Sql);
    let keys: Vec<_> = facts.iter().filter(|fact| fact.name == "foreign key").collect();
    let said = |fact: &&Fact| (fact.line, fact.get("columns").unwrap().to_owned(), fact.get("clause").map(str::to_owned));
    assert_eq!(
        keys.iter().map(said).collect::<Vec<_>>(),
        [(4, "artist_id".to_owned(), Some("on delete cascade".to_owned())), (5, "label_id".to_owned(), None)]
    );
    assert!(keys.iter().all(|fact| fact.get("table") == Some("song")), "{keys:?}");
    assert!(
        facts
            .iter()
            .any(|fact| fact.name == "create index" && fact.get("columns") == Some("artist_id") && fact.get("table") == Some("song"))
    );
}
