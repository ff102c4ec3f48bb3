//! Configuration as Go reads it: the environment, flags, viper, and structs whose tags name their sources.

use tree_sitter::Node;

use super::{extract::Reader, package::fields};
use crate::{
    fact::{Fact, Kind},
    language::flow::{clip, lines, text},
};

/// What a call says of the configuration.
pub(super) fn called(reader: &mut Reader<'_>, number: usize) {
    let Some(fact) = reader.out.facts.get(number).cloned() else { return };
    let at = |index: &str| fact.get(index).unwrap_or_default().to_owned();
    // Only a name that stands there as a text is one; a variable's name would be another's.
    let text = |index: &str| {
        let value = at(index);
        (!value.is_empty() && fact.get(&format!("{index}.ref")).is_none_or(|id| id.starts_with('~'))).then_some(value)
    };
    let (line, end) = (fact.line, fact.end);
    let last = fact.name.rsplit('.').next().unwrap_or_default().to_owned();
    let lower = last.to_ascii_lowercase();
    let env = |name: String, default: Option<String>, required: bool| {
        let mut env = Fact::new(Kind::Env, name, line, end);
        if let Some(default) = default {
            env = env.with("default", default);
        }
        env.with("required", if required { "yes" } else { "no" })
    };
    match fact.name.as_str() {
        "os.Getenv" | "os.LookupEnv" | "syscall.Getenv" => {
            if let Some(name) = text("0") {
                reader.push(env(name, None, false));
            }
            return;
        }
        "net/http.Server" | "os.Setenv" | "os.Unsetenv" => return,
        _ => {}
    }
    let viper = fact.name.contains("spf13/viper.");
    if viper {
        let Some(key) = text("0") else { return };
        match last.as_str() {
            "SetDefault" => reader.push(Fact::new(Kind::Setting, key, line, end).with("default", at("1")).with("class", "viper")),
            "BindEnv" => {
                let name = fact.get("1").map_or_else(|| key.to_uppercase().replace('.', "_"), str::to_owned);
                reader.push(env(name, None, false));
            }
            _ if last.starts_with("Get") || last == "IsSet" => {
                reader.push(Fact::new(Kind::Setting, key, line, end).with("type", lower.trim_start_matches("get")).with("class", "viper"));
            }
            _ => {}
        }
        return;
    }
    let flags = fact.name.starts_with("flag.")
        || fact.name.contains("pflag.FlagSet.")
        || fact.name.contains("spf13/pflag.")
        || fact.name.contains("Flags.");
    if flags {
        let short = last.ends_with('P') && last.len() > 1;
        let plain = last.trim_end_matches('P');
        let var = plain.ends_with("Var");
        let of = plain.trim_end_matches("Var");
        if !["String", "Bool", "Int", "Int64", "Uint", "Float64", "Duration", "StringSlice", "Uint16", "Int32", "StringArray"].contains(&of)
        {
            return;
        }
        let name = usize::from(var);
        let default = name + 1 + usize::from(short);
        if let Some(flag) = text(&name.to_string()) {
            let setting = Fact::new(Kind::Setting, flag, line, end).with("default", at(&default.to_string()));
            reader.push(setting.with("type", of.to_ascii_lowercase()).with("class", "flags"));
        }
        return;
    }
    if fact.get("literal").is_some() && fact.name.contains("urfave/cli.") && fact.name.ends_with("Flag") {
        let mut setting = Fact::new(Kind::Setting, at("Name"), line, end).with("class", "flags");
        if let Some(default) = fact.get("Value") {
            setting = setting.with("default", default);
        }
        if let Some(required) = fact.get("Required") {
            setting = setting.with("required", if required == "true" { "yes" } else { "no" });
        }
        reader.push(setting);
        return;
    }
    // `getEnv("PORT", "8080")`: a helper of its own.
    let reads = lower.contains("getenv")
        || lower.contains("envor")
        || lower.contains("lookupenv")
        || lower.starts_with("env")
        || lower.ends_with("env");
    if reads
        && fact.get("literal").is_none()
        && let Some(name) = text("0")
        && name.len() > 1
        && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
    {
        let required = lower.contains("must") || lower.contains("require");
        reader.push(env(name, fact.get("1").map(str::to_owned), required));
    }
}

/// A struct whose tags say where its fields come from.
pub(super) fn class(reader: &mut Reader<'_>, name: &str, node: Node<'_>) {
    let configures = {
        let lower = name.to_ascii_lowercase();
        ["config", "settings", "options", "flags", "conf", "cli", "cfg", "env"].iter().any(|word| lower.contains(word))
    };
    for (field, declared) in fields(node, reader.source) {
        let Some(tag) = declared.child_by_field_name("tag") else { continue };
        let tag = text(tag, reader.source).trim_matches('`');
        let get = |key: &str| tagged(tag, key);
        let source = ["env", "envconfig", "mapstructure", "koanf", "arg", "flag", "long", "conf"]
            .iter()
            .find_map(|key| get(key).map(|value| (*key, value)));
        let validated = get("validate").or_else(|| get("binding"));
        let default = get("default").or_else(|| get("envDefault")).or_else(|| get("env-default"));
        let kong = default.is_some() && get("help").is_some();
        let Some((key, written)) =
            source.or(kong.then(|| ("flag", field.clone()))).or((configures && default.is_some()).then(|| ("yaml", field.clone())))
        else {
            continue;
        };
        let mut parts = written.split(',').map(str::trim);
        let first = parts.next().filter(|part| !part.is_empty()).unwrap_or(&field).to_owned();
        let required = tag.contains("required:\"true\"")
            || tag.contains("required:\"\"")
            || tag.contains("env-required")
            || parts.any(|part| part == "required" || part == "notEmpty")
            || validated.as_deref().is_some_and(|rule| rule.split(',').any(|part| part == "required"));
        let (line, end) = lines(declared);
        let of = declared.child_by_field_name("type").map(|of| text(of, reader.source).to_owned()).unwrap_or_default();
        let mut fact = Fact::new(Kind::Setting, first.clone(), line, end).with("type", clip(&of)).with("class", name).with("field", field);
        fact = fact.with("required", if required { "yes" } else { "no" });
        if let Some(default) = &default {
            fact = fact.with("default", clip(default));
        }
        if let Some(rule) = validated {
            fact = fact.with("validate", clip(&rule));
        }
        if matches!(key, "env" | "envconfig") {
            let mut env = Fact::new(Kind::Env, first, line, end);
            if let Some(default) = default {
                env = env.with("default", clip(&default));
            }
            reader.push(env.with("required", if required { "yes" } else { "no" }));
        }
        reader.push(fact);
    }
}

/// The value of a key in a struct's tag.
pub(super) fn tagged(tag: &str, key: &str) -> Option<String> {
    let mut rest = tag;
    while let Some(at) = rest.find(key) {
        let (before, found) = rest.split_at(at);
        let after = &found[key.len()..];
        if before.chars().next_back().is_none_or(char::is_whitespace)
            && let Some(value) = after.strip_prefix(":\"")
        {
            return value.split('"').next().map(str::to_owned);
        }
        rest = after;
    }
    None
}
