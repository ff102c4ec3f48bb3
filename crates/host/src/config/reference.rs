//! Pages made from the schema: the reference and the template.

use std::fmt::Write as _;

use super::schema::{KeyDoc, Schema, SectionDoc};

const REFERENCE_HEAD: &str = "\
# Configuration

<!-- Made from the sections in the code; a test compares this page with them. -->

A value comes from, strongest first: a flag, an environment variable, the file `plimsoll.toml`, the
default. Every key can be given as an environment variable: `PLIMSOLL_`, the section, two
underscores, the key, in capitals. Lists are written there with commas between the items, tables in
the notation of the file; an empty variable unsets a key that may be unset. A name that nothing
knows is an error, in the file and in the environment.

A secret can also be read from a file of its own: put the path into the key or the variable with
`_file` or `_FILE` at its end. Secrets are never printed. Relative paths count from the working
directory.

`plimsoll config check` shows every fault of a configuration at once, `plimsoll config explain KEY`
shows a value and where it came from.
";

const EXAMPLE_HEAD: &str = "\
# Every key of Plimsoll with its default. Remove the `#` before a key to set it.
# A key can also be given as the environment variable named beside it.
";

impl Schema {
    /// The reference page in Markdown: every section, key, kind, default, variable and doc.
    pub fn reference(&self) -> String {
        let mut page = String::from(REFERENCE_HEAD);
        for section in self.sections() {
            match section.name.as_str() {
                "" => page.push_str("\n## Above all sections\n"),
                name => _ = write!(page, "\n## `[{name}]`\n\n{}\n", section.doc),
            }
            for key in &section.keys {
                let _ = write!(page, "\n### `{}`\n\n{}\n\n{}", section.full(key.name), key.doc, facts(section, key));
            }
        }
        page
    }

    /// A `plimsoll.toml` in which every key stands as a comment, with its default and doc.
    pub fn example(&self) -> String {
        let mut page = String::from(EXAMPLE_HEAD);
        for section in self.sections() {
            if !section.name.is_empty() {
                page.push('\n');
                comment(&mut page, &section.doc);
                let _ = writeln!(page, "[{}]", section.name);
            }
            for key in &section.keys {
                page.push('\n');
                comment(&mut page, &key.doc);
                let unset = if key.has_default { "" } else { "; not set by default" };
                comment(&mut page, &format!("{}; {}{unset}.", capital(&key.kind), section.variable(key.name)));
                let _ = match (key.file_key(), key.has_default) {
                    (Some(file), _) => writeln!(page, "# {file} = \"/run/secrets/{}\"", key.name),
                    (None, true) => writeln!(page, "# {} = {}", key.name, key.default),
                    (None, false) => writeln!(page, "# {} = {}", key.name, key.example),
                };
            }
        }
        page
    }
}

fn facts(section: &SectionDoc, key: &KeyDoc) -> String {
    let default = if key.has_default && !key.secret { format!("`{}`", key.default) } else { key.default.clone() };
    let variable = match key.file_key() {
        Some(file) => format!("`{}` or `{}`", section.variable(key.name), section.variable(&file)),
        None => format!("`{}`", section.variable(key.name)),
    };
    format!("- Kind: {}\n- Default: {default}\n- Environment: {variable}\n", key.kind)
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// Comment lines of about a hundred characters.
fn comment(page: &mut String, text: &str) {
    for paragraph in text.split("\n\n") {
        let mut line = String::from("#");
        for word in paragraph.split_whitespace() {
            if line.len() + word.len() > 98 {
                page.push_str(&line);
                page.push('\n');
                line = String::from("#");
            }
            line.push(' ');
            line.push_str(word);
        }
        page.push_str(&line);
        page.push('\n');
    }
}
