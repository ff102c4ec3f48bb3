//! What a simple name means: imports, the package itself, `java.lang`, and the packages that people import whole.

use std::collections::BTreeMap;

use tree_sitter::Node;

pub(super) use crate::language::flow::{lines, text};

/// Names that need no import.
const LANG: &[&str] = &[
    "String",
    "Integer",
    "Long",
    "Boolean",
    "Double",
    "Float",
    "Short",
    "Byte",
    "Character",
    "Object",
    "System",
    "Thread",
    "Runnable",
    "Math",
    "Runtime",
    "Process",
    "ProcessBuilder",
    "Class",
    "Enum",
    "Record",
    "Iterable",
    "Comparable",
    "CharSequence",
    "StringBuilder",
    "StringBuffer",
    "Exception",
    "RuntimeException",
    "Error",
    "Throwable",
    "IllegalArgumentException",
    "IllegalStateException",
    "NullPointerException",
    "InterruptedException",
    "UnsupportedOperationException",
    "IndexOutOfBoundsException",
    "NumberFormatException",
    "ClassCastException",
    "SecurityException",
    "Override",
    "Deprecated",
    "SuppressWarnings",
    "FunctionalInterface",
    "AutoCloseable",
    "Void",
    "Number",
    "ThreadLocal",
    "InheritableThreadLocal",
    "Cloneable",
];

/// Packages that are imported whole, with the names in them that matter.
const WHOLE: &[(&str, &[&str])] = &[
    (
        "org.springframework.web.bind.annotation",
        &[
            "RestController",
            "RequestMapping",
            "GetMapping",
            "PostMapping",
            "PutMapping",
            "DeleteMapping",
            "PatchMapping",
            "RequestBody",
            "PathVariable",
            "RequestParam",
            "RequestHeader",
            "ResponseStatus",
            "ResponseBody",
            "ExceptionHandler",
            "RestControllerAdvice",
            "ControllerAdvice",
            "CrossOrigin",
            "RequestMethod",
            "ModelAttribute",
            "InitBinder",
            "CookieValue",
            "RequestPart",
        ],
    ),
    (
        "org.junit.jupiter.api",
        &["Test", "BeforeEach", "AfterEach", "BeforeAll", "AfterAll", "DisplayName", "Disabled", "Nested", "Tag", "Assertions"],
    ),
    (
        "org.springframework.context.annotation",
        &["Bean", "Configuration", "Profile", "Primary", "Import", "ComponentScan", "Conditional", "Lazy"],
    ),
    ("org.springframework.scheduling.annotation", &["Scheduled", "Async", "EnableScheduling", "EnableAsync"]),
    (
        "org.springframework.http",
        &["ResponseEntity", "HttpStatus", "HttpMethod", "HttpHeaders", "MediaType", "ProblemDetail", "HttpEntity"],
    ),
    (
        "java.util",
        &[
            "List",
            "Map",
            "Set",
            "Collection",
            "Optional",
            "ArrayList",
            "HashMap",
            "HashSet",
            "LinkedHashMap",
            "UUID",
            "Date",
            "Arrays",
            "Collections",
            "Objects",
            "Random",
            "Locale",
        ],
    ),
    (
        "lombok",
        &[
            "Data",
            "Getter",
            "Setter",
            "Builder",
            "RequiredArgsConstructor",
            "AllArgsConstructor",
            "NoArgsConstructor",
            "Value",
            "ToString",
            "SneakyThrows",
        ],
    ),
];

/// The names of a file.
#[derive(Debug, Default)]
pub struct Names {
    /// The package.
    pub package: String,
    /// Simple name to canonical name.
    imports: BTreeMap<String, String>,
    /// Packages imported whole.
    wholes: Vec<String>,
    /// Classes of which all static members are imported.
    statics: Vec<String>,
    /// Classes that the file itself declares, by simple name: the name with those around it.
    own: BTreeMap<String, String>,
}

impl Names {
    /// Adds an import.
    pub fn import(&mut self, name: &str, whole: bool, fixed: bool) {
        match (whole, fixed) {
            (true, true) => self.statics.push(name.to_owned()),
            (true, false) => self.wholes.push(name.to_owned()),
            (false, _) => {
                let simple = name.rsplit('.').next().unwrap_or(name);
                self.imports.insert(simple.to_owned(), name.to_owned());
            }
        }
    }
    /// Adds a class of this file.
    pub fn declare(&mut self, simple: &str, full: &str) {
        self.own.entry(simple.to_owned()).or_insert_with(|| full.to_owned());
    }
    /// Whether the file declares this class itself.
    pub fn is_own(&self, simple: &str) -> Option<&str> {
        self.own.get(simple).map(String::as_str)
    }
    /// The canonical name of a type as written, without its type arguments.
    pub fn of(&self, written: &str) -> String {
        let bare = written.split(['<', '[']).next().unwrap_or(written).trim().trim_start_matches('@');
        let (first, rest) = bare.split_once('.').map_or((bare, ""), |(first, rest)| (first, rest));
        let joined = |base: String| if rest.is_empty() { base } else { format!("{base}.{rest}") };
        if let Some(name) = self.imports.get(first) {
            return joined(name.clone());
        }
        if let Some(own) = self.own.get(first) {
            return joined(self.packaged(own));
        }
        if !first.starts_with(|letter: char| letter.is_ascii_uppercase()) {
            return bare.to_owned(); // a primitive, or a name with its package
        }
        if LANG.contains(&first) {
            return joined(format!("java.lang.{first}"));
        }
        for package in &self.wholes {
            let known = WHOLE.iter().find(|(name, _)| name == package);
            if known.is_some_and(|(_, names)| names.contains(&first)) {
                return joined(format!("{package}.{first}"));
            }
        }
        let open: Vec<_> =
            self.wholes.iter().filter(|package| !WHOLE.iter().any(|(name, _)| name == *package) && !package.starts_with("java.")).collect();
        match open.as_slice() {
            // Which of several is not known; the longest name in common with the class decides nothing, so the first annotation library wins.
            [package, ..] if open.len() == 1 || package.contains("persistence") || package.contains("constraints") => {
                joined(format!("{package}.{first}"))
            }
            _ => match self
                .wholes
                .iter()
                .find(|package| WHOLE.iter().any(|(name, _)| name == *package) && !package.starts_with("java.") && open.is_empty())
            {
                Some(package) if first.ends_with("Mapping") => joined(format!("{package}.{first}")),
                _ => joined(self.packaged(first)),
            },
        }
    }
    /// A method that is called without anything before it and is not the class's own: one imported by name or with all of its class.
    pub fn fixed(&self, method: &str) -> Option<String> {
        if let Some(name) = self.imports.get(method) {
            return Some(name.clone());
        }
        self.statics.first().map(|class| format!("{class}.{method}"))
    }
    fn packaged(&self, name: &str) -> String {
        if self.package.is_empty() { name.to_owned() } else { format!("{}.{name}", self.package) }
    }
}

/// The named children without comments.
pub fn children<'t>(node: Node<'t>) -> Vec<Node<'t>> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor).filter(|child| !child.kind().ends_with("comment")).take(20_000).collect()
}

/// Source text without needless white space, at most 200 characters.
pub fn compact(text: &str) -> String {
    let mut out = String::new();
    let (mut quoted, mut space) = (false, false);
    for letter in text.chars().take(2_000) {
        if letter.is_whitespace() && !quoted {
            space = true;
            continue;
        }
        let word = |letter: char| letter.is_alphanumeric() || letter == '_';
        if space && word(letter) && out.chars().last().is_some_and(word) {
            out.push(' ');
        }
        space = false;
        if letter == '"' {
            quoted = !quoted;
        }
        out.push(letter);
    }
    out.chars().take(200).collect()
}
