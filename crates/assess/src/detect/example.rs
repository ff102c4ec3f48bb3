//! The examples of a page: small repositories that say what a detector has to find in them.
//!
//! Under the heading `## Examples` a fenced block whose info string is `LANGUAGE STATUS [PATH]`
//! begins an example, and `LANGUAGE and PATH` adds a file to the one before:
//!
//! ````text
//! ```python implemented app/main.py
//! ...
//! ```
//! ```text and requirements.txt
//! ...
//! ```
//! ````

use crate::{Status, source::Tree};

/// One example.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// The line of its first block in the prose, from 1.
    pub line: usize,
    /// What has to be found.
    pub status: Status,
    /// Its files.
    pub files: Vec<(String, String)>,
}

impl Example {
    /// Its files as a repository.
    pub fn tree(&self) -> Tree {
        Tree::of(self.files.iter().map(|(path, text)| (path.as_str(), text.as_str())))
    }
}

/// The examples in the prose of a page.
///
/// # Errors
/// The line and what is wrong with it.
pub fn examples(body: &str) -> Result<Vec<Example>, String> {
    let mut examples: Vec<Example> = Vec::new();
    let mut inside = false;
    let mut lines = body.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        if let Some(heading) = line.strip_prefix("## ") {
            inside = heading.trim() == "Examples";
        }
        let Some(info) = line.strip_prefix("```") else { continue };
        let text: String =
            lines.by_ref().map(|(_, line)| line).take_while(|line| !line.starts_with("```")).flat_map(|line| [line, "\n"]).collect();
        if !inside {
            continue;
        }
        let words: Vec<&str> = info.split_whitespace().collect();
        let fault = |why: &str| format!("line {}: `{info}`: {why}", number + 1);
        let (language, mark) = match words[..] {
            [language, mark, ..] => (language, mark),
            _ => return Err(fault("an example says its language and what has to be found")),
        };
        let path = words.get(2).copied().or_else(|| usual(language));
        let path = path.ok_or_else(|| fault("no file is usual for this language: name one"))?.to_owned();
        if mark == "and" {
            let last = examples.last_mut().ok_or_else(|| fault("there is no example before it"))?;
            last.files.push((path, text));
        } else {
            let status = status(mark).ok_or_else(|| fault("implemented, partial, missing, unknown, not-applicable or and"))?;
            examples.push(Example { line: number + 1, status, files: vec![(path, text)] });
        }
    }
    Ok(examples)
}

fn status(word: &str) -> Option<Status> {
    [Status::Implemented, Status::Partial, Status::Missing, Status::NotApplicable, Status::Unknown]
        .into_iter()
        .find(|status| status.name() == word)
}

fn usual(language: &str) -> Option<&'static str> {
    Some(match language {
        "python" => "main.py",
        "javascript" | "js" => "server.js",
        "typescript" | "ts" => "server.ts",
        "go" => "main.go",
        "java" => "src/main/java/app/Application.java",
        "rust" => "src/main.rs",
        "dockerfile" => "Dockerfile",
        "nginx" => "nginx.conf",
        "hcl" => "main.tf",
        "sql" => "schema.sql",
        "markdown" => "README.md",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_below_the_heading_are_examples() {
        let body = "# A\n\n```python\nnot one\n```\n\n## Examples\n```python implemented\na = 1\n```\n```text and requirements.txt\nx==1\n```\n```go missing cmd/main.go\n```\n";
        let found = examples(body).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].files, [("main.py".to_owned(), "a = 1\n".to_owned()), ("requirements.txt".to_owned(), "x==1\n".to_owned())]);
        assert_eq!((found[0].line, found[1].status, found[1].files[0].0.as_str()), (8, Status::Missing, "cmd/main.go"));
    }

    #[test]
    fn a_block_with_a_fault_says_which() {
        for (block, told) in [
            ("python", "says its language"),
            ("python good", "implemented, partial"),
            ("cobol missing", "name one"),
            ("python and x.py", "no example before"),
        ] {
            let error = examples(&format!("## Examples\n```{block}\n```\n")).unwrap_err();
            assert!(error.contains(told) && error.starts_with("line 2"), "{error}");
        }
    }
}
