//! Which tool a file configures.

/// File names without their endings, and the tools.
const STEMS: &[(&str, &str)] = &[
    ("ruff", "ruff"),
    (".ruff", "ruff"),
    ("pyrightconfig", "pyright"),
    (".eslintrc", "eslint"),
    (".oxlintrc", "oxlint"),
    ("biome", "biome"),
    (".prettierrc", "prettier"),
    (".stylelintrc", "stylelint"),
    (".babelrc", "babel"),
    (".swcrc", "swc"),
    (".golangci", "golangci"),
    ("clippy", "clippy"),
    (".clippy", "clippy"),
    ("rustfmt", "rustfmt"),
    (".rustfmt", "rustfmt"),
    ("deny", "cargo-deny"),
    ("rust-toolchain", "rust-toolchain"),
    ("checkstyle", "checkstyle"),
    ("pmd", "pmd"),
    ("spotbugs", "spotbugs"),
    ("spotbugs-exclude", "spotbugs"),
    ("detekt", "detekt"),
    ("renovate", "renovate"),
    (".renovaterc", "renovate"),
    ("dependabot", "dependabot"),
    ("codecov", "codecov"),
    (".codecov", "codecov"),
    (".coveralls", "coveralls"),
    (".codeclimate", "codeclimate"),
    (".nycrc", "nyc"),
    (".c8rc", "c8"),
    (".mocharc", "mocha"),
    ("jest.config", "jest"),
    ("tsconfig", "tsconfig"),
    ("jsconfig", "jsconfig"),
    (".hadolint", "hadolint"),
    (".yamllint", "yamllint"),
    (".markdownlint", "markdownlint"),
    (".spectral", "spectral"),
    (".redocly", "redocly"),
    ("redocly", "redocly"),
    (".gitleaks", "gitleaks"),
    ("trivy", "trivy"),
    (".snyk", "snyk"),
    (".checkov", "checkov"),
    (".semgrep", "semgrep"),
    (".sops", "sops"),
    (".commitlintrc", "commitlint"),
    (".releaserc", "release"),
    (".versionrc", "version"),
    ("release-please-config", "release-please"),
    ("cliff", "git-cliff"),
    (".goreleaser", "goreleaser"),
    ("lerna", "lerna"),
    ("nx", "nx"),
    ("turbo", "turbo"),
    ("lighthouserc", "lighthouse"),
    (".lighthouserc", "lighthouse"),
    (".pa11yci", "pa11y"),
    ("vercel", "vercel"),
    ("netlify", "netlify"),
    ("fly", "fly"),
    ("render", "render"),
    ("railway", "railway"),
    ("serverless", "serverless"),
    ("wrangler", "wrangler"),
    ("skaffold", "skaffold"),
    ("app", "app"),
    ("nodemon", "nodemon"),
    ("ecosystem.config", "pm2"),
    ("mkdocs", "mkdocs"),
    (".readthedocs", "readthedocs"),
    ("buf", "buf"),
    ("sqlc", "sqlc"),
    ("promtail", "promtail"),
    ("promtail-config", "promtail"),
    ("loki", "loki"),
    ("loki-config", "loki"),
    ("tempo", "tempo"),
    ("vector", "vector"),
    ("fluent-bit", "fluentbit"),
    ("filebeat", "filebeat"),
    ("otel-collector", "otel"),
    ("otel-collector-config", "otel"),
    ("otel-config", "otel"),
    ("toxiproxy", "toxiproxy"),
    (".mcp", "mcp"),
    ("mcp", "mcp"),
    ("components", "components"),
];

/// The tool, where one is known for this name.
pub fn tool(path: &str, name: &str) -> Option<&'static str> {
    let ending = name.rsplit_once('.').map_or("", |(stem, ending)| if stem.is_empty() { "" } else { ending });
    if !matches!(ending, "json" | "json5" | "jsonc" | "toml" | "yml" | "yaml" | "xml" | "") {
        return None;
    }
    let stem = if ending.is_empty() { name } else { name.get(..name.len() - ending.len() - 1)? };
    if name.starts_with("tsconfig.") && ending == "json" {
        return Some("tsconfig");
    }
    if ending == "xml" && stem.contains("checkstyle") {
        return Some("checkstyle");
    }
    if stem == "config" && path.ends_with(".cargo/config.toml") {
        return Some("cargo-config");
    }
    // Names without a dot at their front and without an ending are programs as often as not.
    if ending.is_empty() && !stem.starts_with('.') {
        return None;
    }
    STEMS.iter().find(|(known, _)| *known == stem).map(|(_, tool)| *tool)
}
