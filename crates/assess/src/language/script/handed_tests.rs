//! What programs hand over by name: options, routers in fields and in tables.

use crate::{
    fact::{Fact, Facts, Kind},
    source::Tree,
};

fn wired(files: &[(&str, &str)]) -> Facts {
    crate::wiring::facts(&Tree::of(files.iter().copied()))
}

fn named<'f>(facts: &'f Facts, kind: Kind, name: &str) -> &'f Fact {
    facts.of(kind).find(|fact| fact.name == name).unwrap_or_else(|| panic!("no {name}"))
}

fn routes(facts: &Facts) -> Vec<&str> {
    facts.of(Kind::Route).map(|fact| fact.name.as_str()).collect()
}

#[test]
fn options_in_a_variable_count_as_written_in_the_call() {
    let facts = wired(&[(
        "server.js",
        "const express = require('express');\nconst cors = require('cors');\nconst limit = require('express-rate-limit');\nconst options = { origin: 'https://a.example', ...(dev && { origin: '*' }) };\nconst app = express();\nfunction set() {\n  const all = { api: { max: 10 } };\n  app.use(limit(all.api));\n}\napp.use(cors(options));\nset();\napp.listen(80);\n",
    )]);
    let cors = named(&facts, Kind::Middleware, "cors");
    assert_eq!((cors.get("origin"), cors.get("...")), (Some("https://a.example"), None), "{cors:?}");
    assert_eq!(named(&facts, Kind::Middleware, "express-rate-limit").get("max"), Some("10"));
}

#[test]
fn a_parameter_of_the_same_name_is_not_the_object() {
    let facts = wired(&[(
        "server.js",
        "const cors = require('cors');\nconst app = require('express')();\nconst options = { origin: '*' };\nfunction set(options) {\n  app.use(cors(options));\n}\nset({});\napp.listen(80);\n",
    )]);
    assert_eq!(named(&facts, Kind::Middleware, "cors").get("origin"), None);
}

#[test]
fn options_of_another_file_come_with_the_layer_that_gets_them() {
    let facts = wired(&[
        (
            "server.js",
            "const session = require('express-session');\nconst cors = require('cors');\nconst config = require('./config');\nconst app = require('express')();\napp.use(session(config.session));\napp.use(cors(config.cors));\napp.listen(80);\n",
        ),
        (
            "config.js",
            "module.exports = {\n  session: { secret: 'keyboard cat', cookie: { secure: true } },\n  cors: { origin: ['https://a.example'] },\n};\n",
        ),
    ]);
    let session = named(&facts, Kind::Middleware, "express-session");
    assert_eq!((session.get("secret"), session.get("cookie.secure")), (Some("keyboard cat"), Some("true")), "{session:?}");
    assert_eq!(named(&facts, Kind::Middleware, "cors").get("origin"), Some("['https://a.example']"));
    assert_eq!(facts.of(Kind::Secret).map(|fact| fact.line).collect::<Vec<_>>(), [2]);
}

#[test]
fn routers_in_fields_of_classes_hang_where_a_list_of_them_is_mounted() {
    let facts = wired(&[
        (
            "src/app.ts",
            "import express from 'express';\nexport class App {\n  public app: express.Application;\n  constructor(parts: Part[]) {\n    this.app = express();\n    parts.forEach(part => { this.app.use('/v1', part.router); });\n    this.app.listen(80);\n  }\n}\n",
        ),
        ("src/server.ts", "import { App } from './app';\nimport { Songs } from './songs';\nnew App([new Songs()]);\n"),
        (
            "src/songs.ts",
            "import { Router } from 'express';\nexport class Songs {\n  public path = '/songs';\n  public router = Router();\n  constructor() {\n    this.router.get(this.path, (req, res) => res.json([]));\n    this.router.get(`${this.path}/:id`, (req, res) => res.json({}));\n  }\n}\n",
        ),
    ]);
    assert!(routes(&facts).contains(&"GET /v1/songs/:id"), "{:?}", routes(&facts));
}

#[test]
fn a_table_of_routers_may_be_an_object() {
    let facts = wired(&[
        (
            "server.js",
            "const app = require('express')();\nconst users = require('./users');\nconst table = { '/users': users, '/songs': require('./songs') };\nObject.entries(table).forEach(([path, router]) => app.use(path, router));\napp.listen(80);\n",
        ),
        (
            "users.js",
            "const router = require('express').Router();\nrouter.get('/', (req, res) => res.json([]));\nmodule.exports = router;\n",
        ),
        (
            "songs.js",
            "const router = require('express').Router();\nrouter.get('/', (req, res) => res.json([]));\nmodule.exports = router;\n",
        ),
    ]);
    let mut all = routes(&facts);
    all.sort_unstable();
    assert_eq!(all, ["GET /songs", "GET /users"]);
}
