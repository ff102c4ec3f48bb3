use super::*;
use crate::{
    fact::{Fact, Kind},
    language::Language,
};

/// The facts of a kind in a text, as `line name key=value ...`.
fn facts(path: &str, text: &str, kind: Kind) -> Vec<String> {
    shown(TYPESCRIPT.extract(path, text).facts.iter().filter(|fact| fact.kind == kind))
}

fn shown<'a>(facts: impl Iterator<Item = &'a Fact>) -> Vec<String> {
    facts
        .map(|fact| {
            let attrs: Vec<String> = fact.attrs.iter().map(|(key, value)| format!("{key}={value}")).collect();
            format!("{} {} {}", fact.line, fact.name, attrs.join(" ")).trim_end().to_owned()
        })
        .collect()
}

#[test]
fn calls_have_the_name_that_the_import_gives_and_the_type_that_the_constructor_gives() {
    let text = "import express, { Router as R } from 'express';\nimport * as http from 'node:http';\nconst helmet = require('helmet');\nconst app = express();\nconst r = R();\nr.get('/x', handler);\napp.use(helmet({ hsts: { maxAge: 60 * 60 } }));\nhttp.createServer(app).listen(3000);\n";
    let calls = facts("src/app.ts", text, Kind::Call);
    assert_eq!(calls[0], "4 express result=app");
    assert_eq!(calls[1], "5 express.Router result=r");
    assert!(calls[2].starts_with("6 express.Router.get receiver=r 0=/x 1=handler"), "{}", calls[2]);
    assert!(
        calls.iter().any(|call| call.starts_with("7 helmet 0={hsts:{maxAge:60*60}} hsts={maxAge:60*60} hsts.maxAge=3600")),
        "{calls:#?}"
    );
    assert!(calls.iter().any(|call| call.starts_with("8 http.createServer.listen") && call.contains("0=3000")), "{calls:#?}");
}

#[test]
fn fields_have_the_type_of_the_constructors_parameters() {
    let text = "import { UserService } from './user.service';\nexport class Users {\n  private client = new Client();\n  constructor(private readonly users: UserService) {}\n  list() { return this.users.findAll({ take: 10 }); }\n}\n";
    let calls = facts("src/users.ts", text, Kind::Call);
    assert!(
        calls.iter().any(|call| call.starts_with("5 src.user.service.UserService.findAll receiver=this.users 0={take:10} take=10")),
        "{calls:#?}"
    );
    let extract = TYPESCRIPT.extract("src/users.ts", text);
    assert!(
        extract.uses.iter().any(|used| used.path == "UserService.findAll" && extract.symbols[used.symbol as usize].name == "Users.list")
    );
}

#[test]
fn the_environment_is_read_with_the_value_that_stands_in() {
    let text = "const port = process.env.PORT || 3000;\nconst key = process.env['KEY'] ?? 'change-me';\nconst { HOST = '0.0.0.0' } = process.env;\nconst n = Number(process.env.N) || 5;\nconst on = process.env.ON === 'true';\n";
    assert_eq!(
        facts("a.ts", text, Kind::Env),
        [
            "1 PORT default=3000 required=no",
            "2 KEY default=change-me required=no",
            "3 HOST default=0.0.0.0 required=no",
            "4 N default=5 required=no",
            "5 ON required=no"
        ]
    );
    assert!(facts("a.ts", text, Kind::Setting).contains(&"5 on env=ON default=false required=no".to_owned()));
}

#[test]
fn schemas_over_the_environment_say_what_is_required() {
    let text = "import { z } from 'zod';\nconst schema = z.object({\n  PORT: z.coerce.number().default(3000),\n  SECRET: z.string().min(32),\n  MODE: z.string().optional(),\n});\nexport const env = schema.parse(process.env);\n";
    let settings = facts("env.ts", text, Kind::Setting);
    assert_eq!(
        settings,
        [
            "3 PORT class=zod.z.object type=number default=3000 required=no",
            "4 SECRET class=zod.z.object type=string required=yes",
            "5 MODE class=zod.z.object type=string required=no"
        ]
    );
}

#[test]
fn empty_handlers_of_failures_are_told_from_others() {
    let text = "try { a(); } catch (e) {}\ntry { a(); } catch { /* never mind */ }\ntry { a(); } catch (e) { logger.error(e); }\ntry { a(); } catch (e) { throw new Gone('x'); }\na().catch(() => {});\n";
    let bodies: Vec<String> = TYPESCRIPT
        .extract("a.ts", text)
        .facts
        .iter()
        .filter(|fact| fact.kind == Kind::Catch)
        .map(|fact| fact.get("body").unwrap().to_owned())
        .collect();
    assert_eq!(bodies, ["empty", "empty", "log", "raise", "empty"]);
    assert_eq!(facts("a.ts", text, Kind::Raise), ["4 Gone 0=x"]);
}

#[test]
fn tests_are_counted_with_their_checks_and_those_that_cannot_fail_are_named() {
    let text = "describe('math', () => {\n  it('adds', () => { expect(add(1, 2)).toBe(3); expect(add(0, 0)).toBe(0); });\n  it('exists', () => { expect(true).toBe(true); });\n  it.skip('waits', async () => { await thing(); });\n});\n";
    assert_eq!(
        facts("a.test.ts", text, Kind::Test),
        [
            "2 adds asserts=2 marker=math",
            "3 exists asserts=1 marker=math trivial=yes",
            "4 waits asserts=0 marker=math skipped=yes trivial=yes"
        ]
    );
}

#[test]
fn sql_with_values_pasted_into_it_is_told_from_sql_with_parameters() {
    let text = "db.query(`SELECT * FROM users WHERE id = ${id}`);\ndb.query('SELECT * FROM users WHERE id = $1', [id]);\nconst q = 'SELECT * FROM users WHERE name = ' + name;\nconst s = sql`SELECT * FROM users WHERE id = ${id}`;\n";
    let built: Vec<(u32, bool, bool)> = TYPESCRIPT
        .extract("a.ts", text)
        .facts
        .iter()
        .filter(|fact| fact.kind == Kind::Text)
        .map(|fact| (fact.line, fact.get("built").is_some(), fact.get("tag").is_some()))
        .collect();
    assert_eq!(built, [(1, true, false), (2, false, false), (3, true, false), (3, false, false), (4, false, true)]);
}

#[test]
fn code_behind_a_flag_has_a_guard() {
    let text = "import config from './config';\nif (config.rateLimit) { app.use(limit); } else { warn(); }\nif (process.env.NODE_ENV === 'production') { app.use(helmet()); }\nfunction f() { if (!config.enabled) return; start(); }\n";
    let extract = TYPESCRIPT.extract("a.ts", text);
    let guard = |name: &str| extract.facts.iter().find(|fact| fact.kind == Kind::Call && fact.name == name).unwrap().guard.clone();
    assert_eq!(guard("app.use").map(|guard| (guard.flag, guard.negated)), Some(("rateLimit".to_owned(), false)));
    assert_eq!(guard("warn").map(|guard| (guard.flag, guard.negated)), Some(("rateLimit".to_owned(), true)));
    assert_eq!(guard("helmet"), None);
    assert_eq!(guard("start").map(|guard| (guard.flag, guard.negated)), Some(("enabled".to_owned(), false)));
}

#[test]
fn comments_and_imports_are_no_mentions() {
    let extract = TYPESCRIPT.extract("a.ts", "import { limiter } from './limiter';\n// limiter()\n/* limiter */\nconst x = 1;\n");
    assert!(extract.uses.is_empty(), "{:?}", extract.uses);
}

#[test]
fn an_import_finds_index_files_other_endings_and_aliases() {
    let there = ["src/users/index.ts", "src/app.ts", "src/lib/db.ts", "libs/common/src/index.ts"];
    let exists = |path: &str| there.contains(&path);
    let find = |module: &str| super::resolve::find("src/app.ts", module, &exists);
    assert_eq!(find("./users").as_deref(), Some("src/users/index.ts"));
    assert_eq!(find("./app.js").as_deref(), Some("src/app.ts"));
    assert_eq!(find("@/lib/db").as_deref(), Some("src/lib/db.ts"));
    assert_eq!(find("@app/common").as_deref(), Some("libs/common/src/index.ts"));
    assert_eq!(find("express"), None);
}

#[test]
fn hostile_texts_are_read_without_harm() {
    let deep = format!("{}1{}", "(".repeat(20_000), ")".repeat(20_000));
    let chained = format!("a{}", ".b()".repeat(10_000));
    let nested = format!("{}{}", "function f(){".repeat(3_000), "}".repeat(3_000));
    let objects = format!("x({}1{})", "{a:".repeat(5_000), "}".repeat(5_000));
    let broken = "const ü = `${'💥".repeat(500);
    for text in [deep, chained, nested, objects, broken] {
        for path in ["a.js", "a.ts", "a.tsx"] {
            let extract = TYPESCRIPT.extract(path, &text);
            assert!(!extract.symbols.is_empty());
        }
    }
}
