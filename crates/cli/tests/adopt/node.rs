//! Express, Fastify, Next.

use crate::project::{Project, holds};

const EXPRESS: &str = r#"const express = require('express');
const cors = require('cors');
const path = require('path');
const items = require('./routes/items');
const app = express();
const port = 8080;
app.use(cors({ origin: ['https://a.example.org'], credentials: true }));
app.use(express.json({ limit: '90mb' }));
app.use('/api', items);
app.use(express.static(path.join(__dirname, 'public')));
app.get('/healthz', (req, res) => res.send('ok')); // app.get('/comment', f)
app.get('title');
app.listen(port, () => console.log("it's up"));
"#;

fn express(main: &str) -> Project {
    Project::of(&[
        (
            "package.json",
            "{\n  \"name\": \"@acme/web-shop\",\n  \"main\": \"server.js\",\n  \"scripts\": { \"start\": \"node server.js\" },\n  \"dependencies\": { \"express\": \"^4\" }\n}\n",
        ),
        ("server.js", main),
        (
            "routes/items.js",
            "const router = require('express').Router();\nconst multer = require('multer');\nrouter.get('/items/:id', one);\nrouter.post('/webhooks', hook);\nmodule.exports = router;\n",
        ),
        ("public/index.html", ""),
        ("public/css/site.css", ""),
        ("node_modules/express/index.js", "app.get('/foreign', x);"),
    ])
}

#[test]
fn an_express_service_that_asks_for_its_port() {
    let seen = express(&EXPRESS.replace("8080", "process.env.PORT || 8080")).seen();
    assert_eq!((seen["framework"].as_str(), seen["command"].as_str()), (Some("Express"), Some("plimsoll run -- node server.js")), "{seen}");
    let paths: Vec<_> =
        seen["routes"].as_array().unwrap().iter().map(|route| (route["path"].as_str().unwrap(), route["certain"] == true)).collect();
    assert!(paths.contains(&("/api/items/{id}", true)) && paths.contains(&("/healthz", true)), "{paths:?}");
    assert!(!seen.to_string().contains("/comment") && !seen.to_string().contains("/foreign"), "{seen}");
}

#[test]
fn a_service_with_a_fixed_port_is_mounted_where_it_listens() {
    let project = express(EXPRESS);
    let seen = project.seen();
    assert_eq!(
        (seen["command"].as_str(), seen["start"]["fixed_port"].as_u64()),
        (Some("plimsoll run --upstream http://127.0.0.1:8080"), Some(8080)),
        "{seen}"
    );
    // The host would otherwise take the same port.
    holds(&project.accepted(), "listen = \"127.0.0.1:8000\"", "server.js:13");
}

#[test]
fn what_is_proposed_for_express_names_its_places_and_is_accepted() {
    let text = express(EXPRESS).accepted();
    holds(&text, "name = \"web-shop\"", "package.json:2");
    holds(&text, "yields = [\"/healthz\"]", "server.js:11");
    holds(&text, "body_limit = \"91MiB\"", "server.js:8");
    holds(&text, "origins = [\"https://a.example.org\"]", "server.js:7");
    holds(&text, "\"GET /css/{*rest}\" = \"public: files that are the same for everybody\"", "server.js:10");
    holds(&text, "\"GET /\" = \"public: files that are the same for everybody\"", "server.js:10");
    holds(&text, "# \"POST /api/webhooks\" = \"public: another service calls here and signs what it sends\"", "routes/items.js:4");
    // Files at the top must not open everything else.
    assert!(!text.contains("\"GET /{*rest}\""), "{text}");
}

#[test]
fn a_fastify_service_through_its_command_line() {
    let project = Project::of(&[
        (
            "package.json",
            "{ \"name\": \"f\", \"scripts\": { \"start\": \"fastify start -l info app.js\" }, \"dependencies\": { \"fastify\": \"5\" } }",
        ),
        (
            "app.js",
            "const fastify = require('fastify')({ bodyLimit: 104857600 });\nfastify.register(require('@fastify/static'), { root: x, prefix: '/public/' });\nfastify.register(require('@fastify/cors'), { origin: ['https://a.example.org'] });\nfastify.get('/health/ready', async () => ({}));\n",
        ),
    ]);
    assert_eq!(project.seen()["command"], "plimsoll run -- npx fastify start -l info app.js --address 127.0.0.1 --port '$PORT'");
    let text = project.accepted();
    holds(&text, "\"GET /public/{*rest}\" = \"public: files that are the same for everybody\"", "app.js:2");
    holds(&text, "origins = [\"https://a.example.org\"]", "app.js:3");
    // The host never gives these away.
    assert!(!text.contains("yields") && !text.contains("\"GET /health/ready\""), "{text}");
}

#[test]
fn a_script_of_several_commands_runs_through_its_manager() {
    let project = Project::of(&[
        (
            "package.json",
            "{ \"scripts\": { \"start\": \"tsc && node dist/a.js\", \"build\": \"tsc\" }, \"dependencies\": { \"koa\": \"2\" } }",
        ),
        ("yarn.lock", ""),
        ("a.ts", "app.listen(process.env.PORT);"),
    ]);
    let seen = project.seen();
    assert_eq!(
        (seen["command"].as_str(), seen["start"]["before"][0].as_str()),
        (Some("plimsoll run -- yarn start"), Some("npm run build")),
        "{seen}"
    );
}

#[test]
fn a_front_end_that_no_server_belongs_to_is_no_service() {
    let project =
        Project::of(&[("package.json", "{ \"scripts\": { \"start\": \"webpack serve\" }, \"devDependencies\": { \"express\": \"4\" } }")]);
    assert!(project.seen()["framework"].is_null());
}

#[test]
fn next_is_told_its_port() {
    let project = Project::of(&[(
        "package.json",
        "{ \"name\": \"n\", \"scripts\": { \"build\": \"next build\", \"start\": \"next start\" }, \"dependencies\": { \"next\": \"15\" } }",
    )]);
    assert_eq!(project.seen()["command"], "plimsoll run -- npx next start -H 127.0.0.1 -p '$PORT'");
    holds(&project.accepted(), "\"GET /_next/static/{*rest}\" = \"public: files that are the same for everybody\"", "package.json:1");
}
