//! Go: net/http, gin, echo, chi, fiber, gorilla/mux, httprouter, gRPC and connect.
//!
//! A package is a folder: own names are the folder with dots, then the symbol (`internal.auth.Verify`). Names of
//! libraries are the import path without its version (`/v5`, `.v3`), then the symbol (`github.com/go-chi/chi.NewRouter`).

mod extract;
mod library;
mod package;
mod read;
mod settings;
mod tested;
#[cfg(test)]
mod tests;
mod wire;

use super::Language;
use crate::{
    fact::{Extract, Import},
    wiring::{Program, Wired},
};

/// The language.
pub struct Go;

impl Language for Go {
    fn name(&self) -> &'static str {
        "go"
    }
    fn extract(&self, path: &str, text: &str) -> Extract {
        extract::extract(path, text)
    }
    /// The folder of the package, as a package has no single file. The module's own path is not known here, so the
    /// longest end of the import path that is a folder is taken, below the nearest folder above `from` first.
    fn resolve(&self, from: &str, import: &Import, exists: &dyn Fn(&str) -> bool) -> Option<(String, Option<String>)> {
        let parts: Vec<&str> = import.module.split('/').collect();
        let first = parts.first().copied().unwrap_or_default();
        if foreign(&import.module) {
            return None;
        }
        // Where hosts give repositories an owner, the first three parts are the repository.
        let least = if ["github.com", "gitlab.com", "bitbucket.org"].contains(&first) { 3 } else { 1 };
        let mut above = from.rsplit_once('/').map_or("", |(folder, _)| folder);
        loop {
            for skip in least..parts.len() {
                let tail = parts.get(skip..)?.join("/");
                let folder = if above.is_empty() { tail } else { format!("{above}/{tail}") };
                if exists(&folder)
                    && (exists(&if above.is_empty() { "go.mod".to_owned() } else { format!("{above}/go.mod") }) || above.is_empty())
                {
                    return Some((folder, import.item.clone()));
                }
            }
            if above.is_empty() {
                return None;
            }
            above = above.rsplit_once('/').map_or("", |(folder, _)| folder);
        }
    }
    fn wire(&self, program: &Program<'_>) -> Wired {
        wire::wire(program)
    }
}

/// The canonical form of an import path: without its version.
fn canonical(module: &str) -> String {
    let version = |part: &str| part.len() > 1 && part.starts_with('v') && part[1..].bytes().all(|byte| byte.is_ascii_digit());
    let kept: Vec<&str> = module.split('/').filter(|part| !version(part)).collect();
    let mut out = kept.join("/");
    if out.starts_with("gopkg.in/")
        && let Some((before, last)) = out.rsplit_once('.')
        && version(last)
    {
        out = before.to_owned();
    }
    out
}

/// The folder of a file with dots.
fn folder(path: &str) -> String {
    path.rsplit_once('/').map_or(String::new(), |(folder, _)| folder.replace('/', "."))
}

/// A name in a package.
fn joined(package: &str, name: &str) -> String {
    if package.is_empty() { name.to_owned() } else { format!("{package}.{name}") }
}

/// Whether an import path is surely not this repository's.
fn foreign(module: &str) -> bool {
    STANDARD.contains(&module.split('/').next().unwrap_or_default()) || OTHERS.iter().any(|other| module.starts_with(other))
}

/// Owners of libraries whose packages (`middleware`, `log`, `config`) are called like folders that many repositories have.
const OTHERS: &[&str] = &[
    "github.com/labstack/",
    "github.com/gin-gonic/",
    "github.com/gin-contrib/",
    "github.com/go-chi/",
    "github.com/gofiber/",
    "github.com/gorilla/",
    "github.com/rs/",
    "github.com/sirupsen/",
    "github.com/uber-go/",
    "github.com/prometheus/",
    "github.com/grpc-ecosystem/",
    "github.com/jackc/",
    "github.com/redis/",
    "github.com/go-redis/",
    "github.com/aws/",
    "github.com/spf13/",
    "github.com/stretchr/",
    "github.com/golang/",
    "github.com/google/",
    "github.com/golang-jwt/",
    "github.com/docker/",
    "github.com/hashicorp/",
    "github.com/pkg/",
    "github.com/urfave/",
    "github.com/lib/",
    "golang.org/",
    "google.golang.org/",
    "gopkg.in/",
    "k8s.io/",
    "go.uber.org/",
    "go.opentelemetry.io/",
    "gorm.io/",
    "cloud.google.com/",
    "connectrpc.com/",
];

/// The first parts of the standard library's import paths.
const STANDARD: &[&str] = &[
    "archive",
    "bufio",
    "bytes",
    "cmp",
    "compress",
    "container",
    "context",
    "crypto",
    "database",
    "debug",
    "embed",
    "encoding",
    "errors",
    "expvar",
    "flag",
    "fmt",
    "go",
    "hash",
    "html",
    "image",
    "io",
    "iter",
    "log",
    "maps",
    "math",
    "mime",
    "net",
    "os",
    "path",
    "plugin",
    "reflect",
    "regexp",
    "runtime",
    "slices",
    "sort",
    "strconv",
    "strings",
    "sync",
    "syscall",
    "testing",
    "text",
    "time",
    "unicode",
    "unsafe",
];
