//! What environment variables say.

use super::{
    fault::{Fault, Place},
    load::{Found, Said, check_text},
    nearest::nearest,
    schema::{KeyDoc, Schema, SectionDoc},
};

const PREFIX: &str = "PLIMSOLL_";

/// Reads every variable that begins with our name; one that no key knows is a fault.
pub(super) fn read(schema: &Schema, mut variables: Vec<(String, String)>, faults: &mut Vec<Fault>) -> Vec<Found> {
    variables.retain(|(name, value)| name.starts_with(PREFIX) && !is_not_a_key(name, value));
    variables.sort_by(|a, b| a.0.cmp(&b.0));
    variables.dedup_by(|later, earlier| {
        // The later of two equal names wins, as in a shell.
        let same = later.0 == earlier.0;
        if same {
            std::mem::swap(later, earlier);
        }
        same
    });
    let mut found: Vec<Found> = Vec::new();
    for (name, value) in variables {
        let place = Place::Variable { name: name.clone() };
        let next = match meant(schema, &name) {
            Some((section, key, false)) => check_text(section, key, value, place, faults),
            Some((section, key, true)) if value.is_empty() => {
                let message = format!("`{}`: {name} is empty; expected the path of a file", section.full(key.name));
                faults.push(Fault::new(place.clone(), message, None));
                Found { name: section.full(key.name), said: Said::Wrong, place, excerpt: None }
            }
            Some((section, key, true)) => Found { name: section.full(key.name), said: Said::SecretIn(value.into()), place, excerpt: None },
            None => {
                faults.push(unknown(schema, &name));
                continue;
            }
        };
        if let Some(other) = found.iter().find(|other| other.name == next.name) {
            let message = format!("`{}` is given twice: by {} and by {}", next.name, other.place, next.place);
            faults.push(Fault::new(next.place.clone(), message, Some("keep one of the two".into())));
        }
        found.push(next);
    }
    found
}

/// The key that a variable sets, and whether it names a file.
fn meant<'s>(schema: &'s Schema, variable: &str) -> Option<(&'s SectionDoc, &'s KeyDoc, bool)> {
    schema.keys().find_map(|(section, key)| {
        let own = section.variable(key.name);
        let is_file = key.file_key().is_some_and(|file| section.variable(&file) == variable);
        (own == variable || is_file).then_some((section, key, is_file))
    })
}

/// Variables with our prefix that are not ours to read: where the file is, what tests use, and
/// what Kubernetes puts into every container beside a service called `plimsoll`.
fn is_not_a_key(name: &str, value: &str) -> bool {
    let rest = &name[PREFIX.len()..];
    let of_a_cluster = match rest {
        "SERVICE_HOST" | "SERVICE_PORT" => true,
        "PORT" => value.starts_with("tcp://") || value.starts_with("udp://"),
        rest => {
            let named_port = rest.starts_with("SERVICE_PORT_");
            named_port || rest.strip_prefix("PORT_").is_some_and(|port| port.starts_with(|c: char| c.is_ascii_digit()))
        }
    };
    rest == "CONFIG" || rest.starts_with("TEST_") || (of_a_cluster && !rest.contains("__"))
}

fn unknown(schema: &Schema, name: &str) -> Fault {
    let plain = name.strip_suffix("_FILE").and_then(|plain| meant(schema, plain));
    let help = if let Some((section, key, _)) = plain {
        format!(
            "only a secret can be read from a file; write the value of `{0}` into {1}",
            section.full(key.name),
            section.variable(key.name)
        )
    } else {
        let mut names = Vec::new();
        for (section, key) in schema.keys() {
            names.push(section.variable(key.name));
            names.extend(key.file_key().map(|file| section.variable(&file)));
        }
        // The common prefix would make every two names look alike.
        let near = nearest(&name[PREFIX.len()..], names.iter().map(|name| &name[PREFIX.len()..]));
        match near {
            Some(near) => format!("did you mean {PREFIX}{near}?"),
            None => "a variable is PLIMSOLL_SECTION__KEY; `plimsoll config explain` lists them all".into(),
        }
    };
    Fault::new(Place::Variable { name: name.into() }, format!("unknown environment variable {name}"), Some(help))
}
