//! Lock files: the exact set that is installed.

use crate::fact::{Fact, Kind};

/// The lock file of this name: `tool`, `packages` how many entries, `hashes` yes where each is checked against one.
pub fn read(name: &str, text: &str) -> Option<Fact> {
    let (ecosystem, tool) = match name {
        "poetry.lock" => ("pypi", "poetry"),
        "uv.lock" => ("pypi", "uv"),
        "pdm.lock" => ("pypi", "pdm"),
        "pylock.toml" => ("pypi", "pip"),
        "Pipfile.lock" => ("pypi", "pipenv"),
        "conda-lock.yml" => ("pypi", "conda"),
        "pixi.lock" => ("pypi", "pixi"),
        "package-lock.json" | "npm-shrinkwrap.json" => ("npm", "npm"),
        "yarn.lock" => ("npm", "yarn"),
        "pnpm-lock.yaml" => ("npm", "pnpm"),
        "bun.lock" | "bun.lockb" => ("npm", "bun"),
        "deno.lock" => ("npm", "deno"),
        "go.sum" => ("go", "go"),
        "Cargo.lock" => ("cargo", "cargo"),
        "gradle.lockfile" | "buildscript-gradle.lockfile" => ("maven", "gradle"),
        "verification-metadata.xml" => ("maven", "gradle-verification"),
        _ => return None,
    };
    let (mut packages, mut hashes) = (0usize, false);
    for line in text.lines() {
        packages += usize::from(entry(tool, line));
        hashes |= !hashes && hashed(tool, line);
    }
    let last = u32::try_from(text.lines().count()).unwrap_or(u32::MAX).max(1);
    let fact = Fact::new(Kind::Lock, ecosystem, 1, last).with("tool", tool).with("packages", packages.to_string());
    Some(fact.with("hashes", if hashes { "yes" } else { "no" }))
}

/// Whether a line begins a package.
fn entry(tool: &str, line: &str) -> bool {
    let bare = line.trim_start();
    match tool {
        "poetry" | "uv" | "pdm" | "cargo" => line.starts_with("[[package]]"),
        "pip" => line.starts_with("[[packages]]"),
        "npm" | "deno" | "pipenv" => bare.starts_with("\"version\":") || bare.starts_with("\"integrity\":") && tool == "deno",
        "yarn" => !line.starts_with([' ', '#']) && line.ends_with(':') && line.contains('@'),
        "pnpm" => bare.starts_with("resolution:"),
        "bun" => bare.starts_with('"') && bare.contains(": [\""),
        "go" => !bare.is_empty() && !line.contains("/go.mod "),
        "gradle" => bare.contains(':') && bare.contains('=') && !bare.starts_with('#'),
        "gradle-verification" => bare.starts_with("<component "),
        "conda" | "pixi" => bare.starts_with("- name:") || bare.starts_with("- conda:") || bare.starts_with("- pypi:"),
        _ => false,
    }
}

/// Whether a line holds what a package is checked against.
fn hashed(tool: &str, line: &str) -> bool {
    match tool {
        "go" => line.contains(" h1:"),
        "gradle" => false,
        "yarn" => line.contains("integrity sha") || line.trim_start().starts_with("checksum:"),
        "cargo" => line.starts_with("checksum = "),
        _ => ["sha256", "sha512", "sha1-"].iter().any(|word| line.contains(word)),
    }
}
