//! Spring's configuration: `application.yml` and `.properties` with profiles, and logback's file.
//!
//! Keys are written in one form whatever the file's: `server.max-http-header-size` for
//! `server.maxHttpHeaderSize` and `SERVER.MAX_HTTP_HEADER_SIZE`. A list's values are one value, separated by commas.

use std::collections::BTreeMap;

use roxmltree::{Document, ParsingOptions};

use super::{base, leaf, manifest};
use crate::fact::{Extract, Fact, Kind};

/// Endpoints of the actuator that `*` exposes, with the ones that matter to somebody who looks from outside.
const ENDPOINTS: &[&str] = &[
    "health",
    "info",
    "metrics",
    "prometheus",
    "env",
    "loggers",
    "beans",
    "configprops",
    "mappings",
    "threaddump",
    "heapdump",
    "scheduledtasks",
    "conditions",
];

/// Reads a configuration of Spring, Micronaut or Quarkus (they share the names), or of logback.
pub fn read(path: &str, text: &str) -> Option<(&'static str, Extract)> {
    let name = base(path);
    if (name.starts_with("logback") || name.starts_with("log4j2")) && name.ends_with(".xml") {
        return Some(("logging", logging(text)));
    }
    let (stem, ending) = name.rsplit_once('.')?;
    let known = ["application", "bootstrap"].iter().find_map(|word| stem.strip_prefix(word));
    let profile = match known {
        Some("") => String::new(),
        Some(rest) => rest.strip_prefix('-')?.to_owned(),
        None => return None,
    };
    let (entries, trouble) = match ending {
        "yml" | "yaml" => yaml(text),
        "properties" => (properties(text), None),
        _ => return None,
    };
    let mut extract = Extract { trouble: trouble.into_iter().collect(), ..Extract::default() };
    for (document, entries) in documents(entries) {
        // A document of a file may be for a profile of its own.
        let inner = entries
            .iter()
            .find(|entry| matches!(entry.key.as_str(), "spring.config.activate.on-profile" | "spring.profiles"))
            .map(|entry| entry.value.clone());
        let profile = inner.unwrap_or_else(|| profile.clone());
        let mut actuator = Actuator::default();
        for entry in &entries {
            let mut fact = Fact::new(Kind::Value, &entry.key, entry.line, entry.end).with("value", short(&entry.value));
            if let Some((variable, default)) = placeholder(&entry.value) {
                fact = fact.with("variable", variable);
                if let Some(default) = default {
                    fact = fact.with("default", default);
                }
                let mut env =
                    Fact::new(Kind::Env, variable, entry.line, entry.end).with("required", if default.is_some() { "no" } else { "yes" });
                if let Some(default) = default {
                    env = env.with("default", default);
                }
                if variable.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_') {
                    extract.facts.push(env);
                }
            }
            if !profile.is_empty() {
                fact = fact.with("profile", profile.clone());
            }
            if document > 0 {
                fact = fact.with("document", document.to_string());
            }
            extract.facts.push(fact);
            actuator.see(entry);
        }
        extract.facts.extend(actuator.routes(&profile));
    }
    Some(("spring", extract))
}

/// A key with its value.
#[derive(Debug, Clone)]
struct Entry {
    key: String,
    value: String,
    line: u32,
    end: u32,
    document: u32,
}

/// What the configuration says of the actuator.
#[derive(Debug, Default)]
struct Actuator {
    exposed: Option<(String, u32)>,
    hidden: String,
    base: Option<String>,
    port: Option<String>,
}

impl Actuator {
    fn see(&mut self, entry: &Entry) {
        match entry.key.as_str() {
            "management.endpoints.web.exposure.include" => self.exposed = Some((entry.value.clone(), entry.line)),
            "management.endpoints.web.exposure.exclude" => self.hidden.clone_from(&entry.value),
            "management.endpoints.web.base-path" => self.base = Some(entry.value.clone()),
            "management.server.port" => self.port = Some(entry.value.clone()),
            _ => {}
        }
    }
    /// The routes that are exposed.
    fn routes(&self, profile: &str) -> Vec<Fact> {
        let Some((exposed, line)) = &self.exposed else { return Vec::new() };
        let words = |text: &str| {
            text.split(',')
                .map(|word| word.trim().trim_matches(['"', '\'', '[', ']']).to_owned())
                .filter(|word| !word.is_empty())
                .collect::<Vec<_>>()
        };
        let (mut names, hidden) = (words(exposed), words(&self.hidden));
        if names.iter().any(|name| name == "*") {
            names = ENDPOINTS.iter().map(|name| (*name).to_owned()).collect();
        }
        let base = self.base.as_deref().unwrap_or("/actuator").trim_end_matches('/');
        names.retain(|name| !hidden.contains(name));
        names
            .into_iter()
            .map(|name| {
                let path = format!("{base}/{name}");
                let mut fact = Fact::new(Kind::Route, format!("GET {path}"), *line, *line).with("method", "GET").with("path", path);
                fact = fact
                    .with("handler", format!("org.springframework.boot.actuate.{name}"))
                    .with("framework", "spring-actuator")
                    .with("input", "none");
                if let Some(port) = &self.port {
                    fact = fact.with("port", port.clone());
                }
                if profile.is_empty() { fact } else { fact.with("profile", profile) }
            })
            .collect()
    }
}

/// The entries of each document of a file.
fn documents(entries: Vec<Entry>) -> BTreeMap<u32, Vec<Entry>> {
    let mut all: BTreeMap<u32, Vec<Entry>> = BTreeMap::new();
    for entry in entries {
        all.entry(entry.document).or_default().push(entry);
    }
    all
}

fn yaml(text: &str) -> (Vec<Entry>, Option<String>) {
    let (leaves, trouble) = leaf::yaml(text);
    let mut entries: Vec<Entry> = Vec::new();
    for leaf in leaves {
        // `- a` below `k` is `k`; `- a: b` below `k` is `k.a`.
        let list = leaf.path.last().is_some_and(|last| is_number(last)) && leaf.path.len() > 1;
        let parts: Vec<String> = leaf.path.iter().filter(|part| !is_number(part)).flat_map(|part| part.split('.')).map(normal).collect();
        let key = parts.join(".");
        match entries.last_mut() {
            Some(last) if list && last.key == key && last.document == leaf.document => {
                last.value.push(',');
                last.value.push_str(&leaf.value);
                last.end = leaf.end;
            }
            _ => entries.push(Entry { key, value: leaf.value, line: leaf.line, end: leaf.end, document: leaf.document }),
        }
    }
    (entries, trouble)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn properties(text: &str) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut open: Option<(String, u32)> = None;
    let mut document = 0;
    for (line, number) in text.lines().zip(1u32..).take(20_000) {
        let bare = line.trim();
        if open.is_none() && (bare == "#---" || bare == "!---") {
            document += 1;
            continue;
        }
        if open.is_none() && (bare.is_empty() || bare.starts_with(['#', '!'])) {
            continue;
        }
        let (joined, first) = match open.take() {
            Some((before, first)) => (before + bare, first),
            None => (bare.to_owned(), number),
        };
        if joined.ends_with('\\') && !joined.ends_with("\\\\") && joined.len() < 20_000 {
            open = Some((joined.trim_end_matches('\\').to_owned(), first));
            continue;
        }
        let Some(cut) = joined.find(['=', ':']) else { continue };
        let (key, value) = joined.split_at(cut);
        let (profile, key) = key
            .trim()
            .strip_prefix('%')
            .and_then(|rest| rest.split_once('.'))
            .map_or((None, key.trim()), |(profile, key)| (Some(profile), key));
        let key: Vec<String> = key.split('.').map(|part| normal(part.split('[').next().unwrap_or(part))).collect();
        let value = value.get(1..).unwrap_or_default().trim().to_owned();
        let key = if profile.is_some_and(|profile| profile == "dev" || profile == "test") {
            format!("%{}.{}", profile.unwrap_or_default(), key.join("."))
        } else {
            key.join(".")
        };
        entries.push(Entry { key, value, line: first, end: number, document });
    }
    entries
}

/// One part of a key in the form with hyphens.
fn normal(part: &str) -> String {
    let mut out = String::with_capacity(part.len());
    let shout = !part.bytes().any(|byte| byte.is_ascii_lowercase());
    for letter in part.chars() {
        match letter {
            '_' => out.push('-'),
            letter if letter.is_ascii_uppercase() && !shout => {
                if !out.is_empty() && !out.ends_with('-') {
                    out.push('-');
                }
                out.push(letter.to_ascii_lowercase());
            }
            letter => out.push(letter.to_ascii_lowercase()),
        }
    }
    out
}

/// `${NAME}` and `${NAME:default}`, where that is the whole value.
fn placeholder(value: &str) -> Option<(&str, Option<&str>)> {
    let inside = value.trim().strip_prefix("${")?.strip_suffix('}')?;
    Some(inside.split_once(':').map_or((inside, None), |(name, default)| (name, Some(default))))
}

fn short(text: &str) -> String {
    text.chars().take(200).collect()
}

/// Appenders, encoders and levels of a file of logback or log4j.
fn logging(text: &str) -> Extract {
    let mut extract = Extract::default();
    if manifest::deep(text) {
        extract.trouble.push("nested too deeply".to_owned());
        return extract;
    }
    let options = ParsingOptions { allow_dtd: false, nodes_limit: 100_000, ..ParsingOptions::default() };
    let document = match Document::parse_with_options(text, options) {
        Ok(document) => document,
        Err(error) => {
            extract.trouble.push(format!("line {}: {error}", error.pos().row));
            return extract;
        }
    };
    for node in document.descendants().filter(roxmltree::Node::is_element) {
        let line = document.text_pos_at(node.range().start).row;
        let end = document.text_pos_at(node.range().end).row;
        let mut add =
            |name: String, value: &str| extract.facts.push(Fact::new(Kind::Value, name, line, end).with("value", short(value.trim())));
        let word = node.tag_name().name();
        let around = node.ancestors().skip(1).find_map(|above| above.attribute("name")).unwrap_or_default();
        match word {
            "appender" | "encoder" | "layout" | "filter" | "rollingPolicy" | "converter" | "conversionRule" => {
                let class = node.attribute("class").or(node.attribute("converterClass")).unwrap_or_default();
                add(format!("logging.{word}"), class);
            }
            "include" => add("logging.include".to_owned(), node.attribute("resource").or(node.attribute("file")).unwrap_or_default()),
            "pattern" => add("logging.pattern".to_owned(), node.text().unwrap_or_default()),
            "maxHistory" | "maxFileSize" | "totalSizeCap" | "maskPattern" | "regex" => {
                add(format!("logging.{word}"), node.text().unwrap_or_default())
            }
            "root" | "Root" => add("logging.level.root".to_owned(), node.attribute("level").unwrap_or_default()),
            "logger" | "Logger" => {
                add(format!("logging.level.{}", node.attribute("name").unwrap_or_default()), node.attribute("level").unwrap_or_default())
            }
            "JsonTemplateLayout" | "JSONLayout" | "JsonLayout" | "EcsLayout" => add("logging.layout".to_owned(), word),
            "springProfile" => add("logging.profile".to_owned(), node.attribute("name").unwrap_or(around)),
            _ => {}
        }
    }
    extract
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(path: &str, text: &str) -> Vec<String> {
        let (_, extract) = read(path, text).expect("a configuration");
        assert_eq!(extract.trouble, Vec::<String>::new());
        let values = extract.facts.iter().filter(|fact| fact.kind == Kind::Value);
        values
            .map(|fact| format!("{}={} {} {}", fact.name, fact.get("value").unwrap_or("-"), fact.line, fact.get("profile").unwrap_or("-")))
            .collect()
    }

    #[test]
    fn yaml_and_properties_say_the_same_in_the_same_words() {
        let yaml = "server:\n  maxHttpHeaderSize: 8KB\n  shutdown: graceful\nspring.datasource.hikari.maximum_pool_size: 5\n";
        let want =
            ["server.max-http-header-size=8KB 2 -", "server.shutdown=graceful 3 -", "spring.datasource.hikari.maximum-pool-size=5 4 -"];
        assert_eq!(shown("src/main/resources/application.yml", yaml), want);
        let text =
            "# x=1\nserver.maxHttpHeaderSize = 8KB\nserver.shutdown: graceful\nspring.datasource.hikari.maximum-pool-size=\\\n   5\n";
        let want =
            ["server.max-http-header-size=8KB 2 -", "server.shutdown=graceful 3 -", "spring.datasource.hikari.maximum-pool-size=5 4 -"];
        assert_eq!(shown("application.properties", text), want);
    }

    #[test]
    fn profiles_come_from_the_name_or_from_the_document() {
        assert_eq!(shown("application-prod.yml", "a: 1\n"), ["a=1 1 prod"]);
        let text = "a: 1\n---\nspring:\n  config:\n    activate:\n      on-profile: dev\na: 2\n";
        assert_eq!(shown("application.yml", text), ["a=1 1 -", "spring.config.activate.on-profile=dev 6 dev", "a=2 7 dev"]);
        assert_eq!(
            shown("application.properties", "a=1\n#---\nspring.config.activate.on-profile=dev\na=2\n"),
            ["a=1 1 -", "spring.config.activate.on-profile=dev 3 dev", "a=2 4 dev"]
        );
    }

    #[test]
    fn lists_are_one_value_and_variables_are_reads_of_the_environment() {
        let text = "spring:\n  kafka:\n    servers:\n      - a:1\n      - b:2\n  password: ${DB_PASSWORD:secret}\n";
        let (_, extract) = read("application.yml", text).expect("a configuration");
        let list = &extract.facts[0];
        assert_eq!((list.name.as_str(), list.get("value"), list.line, list.end), ("spring.kafka.servers", Some("a:1,b:2"), 4, 5));
        let env: Vec<_> = extract.facts.iter().filter(|fact| fact.kind == Kind::Env).collect();
        assert_eq!((env[0].name.as_str(), env[0].get("default"), env[0].line), ("DB_PASSWORD", Some("secret"), 6));
    }

    #[test]
    fn the_actuators_routes_are_those_that_are_exposed() {
        let routes = |text: &str| -> Vec<String> {
            let (_, extract) = read("application.yml", text).expect("a configuration");
            extract.facts.iter().filter(|fact| fact.kind == Kind::Route).map(|fact| format!("{} {}", fact.name, fact.line)).collect()
        };
        let text = "management:\n  endpoints:\n    web:\n      base-path: /manage\n      exposure:\n        include: health, prometheus\n";
        assert_eq!(routes(text), ["GET /manage/health 6", "GET /manage/prometheus 6"]);
        let all = routes("management.endpoints.web.exposure.include: '*'\nmanagement.endpoints.web.exposure.exclude: env,heapdump\n");
        assert!(all.contains(&"GET /actuator/health 1".to_owned()) && !all.iter().any(|route| route.contains("heapdump")), "{all:?}");
        assert_eq!(routes("management.endpoint.health.enabled: true\n"), Vec::<String>::new());
    }

    #[test]
    fn logback_says_its_encoders_and_levels() {
        let text = "<configuration>\n<appender name=\"C\" class=\"ch.qos.logback.core.ConsoleAppender\">\n<encoder class=\"net.logstash.logback.encoder.LogstashEncoder\"/>\n</appender>\n<!-- <logger name=\"no\" level=\"x\"/> -->\n<root level=\"INFO\"/>\n</configuration>";
        let want = [
            "logging.appender=ch.qos.logback.core.ConsoleAppender 2 -",
            "logging.encoder=net.logstash.logback.encoder.LogstashEncoder 3 -",
            "logging.level.root=INFO 6 -",
        ];
        assert_eq!(shown("src/main/resources/logback-spring.xml", text), want);
    }

    #[test]
    fn other_files_are_not_springs() {
        for path in ["applications.yml", "config/app.yml", "application.conf", "applicationx.properties"] {
            assert!(read(path, "a: 1").is_none(), "{path}");
        }
    }
}
