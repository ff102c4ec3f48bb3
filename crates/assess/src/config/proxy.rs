//! Proxies in front of a service: nginx, Caddy, HAProxy, Apache, Traefik.
//!
//! One fact per directive: `value`, `within` the blocks around it from the outside, `server` which
//! program. Traefik's files are read at their dotted paths.

use crate::fact::{Extract, Fact, Kind};

use super::{
    base, ending, ini,
    sheet::{self, Sheet},
    yaml,
};

mod braces;

/// Reads the configuration of a proxy.
pub fn read(path: &str, text: &str) -> Option<(&'static str, Extract)> {
    let name = base(path).to_ascii_lowercase();
    let mut sheet = Sheet::default();
    let sort = if name == "caddyfile" || name.ends_with(".caddyfile") || name.starts_with("caddyfile.") {
        braces::caddy(&mut sheet, text);
        "caddy"
    } else if name.contains("haproxy") && matches!(ending(&name), "cfg" | "conf") {
        lines(&mut sheet, text);
        "haproxy"
    } else if name.contains("traefik") || path.contains("traefik/") && matches!(ending(&name), "yml" | "yaml" | "toml") {
        match ending(&name) {
            "yml" | "yaml" if !text.contains("services:\n  ") || !text.contains("image:") => {
                for root in yaml::read(text).documents().filter(|root| root.get("apiVersion").is_none()) {
                    leaves(&mut sheet, root);
                }
            }
            "toml" => {
                for root in super::toml::read(text).documents() {
                    leaves(&mut sheet, root);
                }
            }
            _ => return None,
        }
        "traefik"
    } else if (matches!(ending(&name), "conf" | "vhost" | "htaccess") || name == ".htaccess" || path.contains("sites-")) && apache(text) {
        tags(&mut sheet, text);
        "apache"
    } else if nginx(path, &name, text) {
        braces::nginx(&mut sheet, text);
        "nginx"
    } else {
        return None;
    };
    Some((sort, sheet.done()))
}

fn nginx(path: &str, name: &str, text: &str) -> bool {
    let known = name.contains("nginx") && matches!(ending(name), "conf" | "template" | "tmpl" | "j2" | "");
    let confs = matches!(ending(name), "conf" | "template")
        || name.ends_with(".conf.template")
        || path.contains("nginx/") && matches!(ending(name), "" | "inc");
    if !known && !confs {
        return false;
    }
    let looks = ["server {", "server{", "location /", "proxy_pass ", "upstream ", "add_header ", "limit_req", "ssl_protocols", "listen "]
        .iter()
        .filter(|word| text.contains(*word))
        .count();
    looks >= if known { 1 } else { 2 } && !text.trim_start().starts_with(['<', '['])
}

fn apache(text: &str) -> bool {
    ["<VirtualHost", "RewriteEngine", "<Directory", "LoadModule ", "SSLEngine", "ProxyPass "].iter().any(|word| text.contains(word))
}

fn leaves(sheet: &mut Sheet, root: super::node::At<'_>) {
    for leaf in root.leaves("", &[]) {
        sheet.push(
            Fact::new(Kind::Proxy, sheet::value(&leaf.path), leaf.line, leaf.end)
                .with("value", sheet::value(&leaf.value))
                .with("server", "traefik"),
        );
    }
}

/// A directive.
fn directive(name: &str, value: &str, within: &[String], server: &'static str, line: u32, end: u32) -> Fact {
    Fact::new(Kind::Proxy, sheet::value(name), line, end)
        .with("value", sheet::value(value))
        .with("within", sheet::value(&within.join(" ")))
        .with("server", server)
}

/// HAProxy: sections begin at the margin, directives stand behind white space.
fn lines(sheet: &mut Sheet, text: &str) {
    let mut section = Vec::new();
    for (number, raw) in (1_u32..).zip(text.lines()) {
        let line = ini::uncommented(raw).trim();
        let Some(name) = line.split_whitespace().next() else { continue };
        let rest = line.get(name.len()..).unwrap_or_default();
        if matches!(name, "global" | "defaults" | "frontend" | "backend" | "listen" | "resolvers" | "peers" | "userlist" | "cache") {
            section = vec![sheet::value(line)];
        }
        sheet.push(directive(name, rest, &section, "haproxy", number, number));
    }
}

/// Apache: blocks are tags.
fn tags(sheet: &mut Sheet, text: &str) {
    let mut within: Vec<String> = Vec::new();
    for (number, raw) in (1_u32..).zip(text.lines()) {
        let line = raw.trim();
        if line.starts_with('#') || line.is_empty() {
            continue;
        }
        if line.starts_with("</") {
            within.pop();
        } else if let Some(tag) = line.strip_prefix('<') {
            if within.len() < 32 {
                within.push(sheet::value(tag.trim_end_matches('>')));
            }
        } else {
            let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
            sheet.push(directive(name, rest, &within, "apache", number, number));
        }
    }
}
