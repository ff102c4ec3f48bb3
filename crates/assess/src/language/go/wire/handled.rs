//! What handlers ask of a request, and whether they tell callers what went wrong inside.

use super::Wiring;
use crate::{
    fact::{Fact, FileId, Kind},
    wiring::Place,
};

/// How many functions below the handler are looked into.
const DEEP: usize = 2;

/// Calls that write an answer.
const ANSWERS: &[&str] = &[
    ".JSON",
    ".IndentedJSON",
    ".AbortWithStatusJSON",
    ".String",
    ".SendString",
    ".XML",
    ".JSONPretty",
    "render.Render",
    "net/http.Error",
    "fmt.Fprint",
    "fmt.Fprintf",
    "fmt.Fprintln",
    "io.WriteString",
    "net/http.ResponseWriter.Write",
    "google.golang.org/grpc/status.Error",
];

impl<'p> Wiring<'p> {
    /// The calls of a handler, in some lines of it where it stands in its registration.
    fn made_by(&self, place: Place, lines: Option<&str>) -> Vec<(usize, &'p Fact)> {
        let range = lines.and_then(|range| range.split_once('-')).and_then(|(a, b)| Some((a.parse::<u32>().ok()?, b.parse::<u32>().ok()?)));
        let extract = self.index.get(&place.file).and_then(|number| self.program.files.get(*number)).map(|(_, _, extract)| extract);
        let numbers = self.made.get(&place).into_iter().flatten();
        numbers
            .filter_map(|at| Some((*at, extract?.facts.get(*at)?)))
            .filter(|(_, fact)| range.is_none_or(|(first, last)| fact.line >= first && fact.end <= last))
            .collect()
    }

    /// The parameters of the query that a handler reads, by itself or in a function that it hands the request to.
    pub fn asked(&self, file: FileId, place: Place, lines: Option<&str>) -> Vec<String> {
        let mut out: Vec<String> = Vec::new();
        let mut most: Option<String> = None;
        let mut waiting = vec![(file, place, lines, 0)];
        let mut seen = vec![place];
        while let Some((file, place, lines, depth)) = waiting.pop() {
            let bounds = self.defined.get(&place).into_iter().flat_map(|def| def.all("bound")).filter_map(|bound| bound.rsplit_once(' '));
            most = most.or_else(|| bounds.into_iter().find(|(of, _)| sizes(of)).map(|(_, most)| most.to_owned()));
            for (at, fact) in self.made_by(place, lines) {
                let name = self.name(file, at);
                if name == "min" {
                    let given = [fact.get("0").unwrap_or_default(), fact.get("1").unwrap_or_default()];
                    let number = given.iter().find(|one| !one.is_empty() && one.bytes().all(|byte| byte.is_ascii_digit()));
                    most = most.or_else(|| number.filter(|_| given.iter().any(|one| sizes(one))).map(|most| (*most).to_owned()));
                } else if reads(name) {
                    let word = fact.get("0").unwrap_or_default();
                    if !word.is_empty() && word.len() < 60 && word.chars().all(|c| c.is_alphanumeric() || "_-[]".contains(c)) {
                        let default = fact.get("1").filter(|_| name.ends_with("DefaultQuery")).map(|value| format!(" default={value}"));
                        let param = format!("{word} in=query{}", default.unwrap_or_default());
                        if !out.contains(&param) && out.len() < 30 {
                            out.push(param);
                        }
                    }
                } else if depth < DEEP
                    && let Some(own) = self.names.defs.get(name).filter(|own| own.fact.get("kind") != Some("class"))
                    && !seen.contains(&own.place)
                    && seen.len() < 30
                    && (0..6).any(|number| fact.get(&format!("{number}.type")).is_some_and(requests))
                {
                    seen.push(own.place);
                    waiting.push((own.place.file, own.place, None, depth + 1));
                }
            }
        }
        if let Some(most) = most {
            for param in out.iter_mut().filter(|param| sizes(param.split(' ').next().unwrap_or_default())) {
                param.push_str(" le=");
                param.push_str(&most);
            }
        }
        out
    }

    /// Whether a handler writes the text of an error into its answer, by itself or by a function that it hands the error to.
    pub fn leaks(&self, file: FileId, place: Place, lines: Option<&str>) -> bool {
        let mut waiting = vec![(file, place, lines, 0)];
        let mut seen = vec![place];
        while let Some((file, place, lines, depth)) = waiting.pop() {
            for (at, fact) in self.made_by(place, lines) {
                let name = self.name(file, at);
                if ANSWERS.iter().any(|end| name.ends_with(end)) {
                    let told = |number: usize| {
                        let key = number.to_string();
                        let written = fact.get(&key).unwrap_or_default();
                        told(written) || fact.get(&format!("{key}.ref")).is_some_and(|id| self.tells(file, id, 0))
                    };
                    if (0..6).any(told) {
                        return true;
                    }
                } else if depth < DEEP
                    && let Some(own) = self.names.defs.get(name).filter(|own| own.fact.get("kind") != Some("class"))
                    && own.fact.all("param").any(|param| param.ends_with(":error"))
                    && own.fact.all("param").any(|param| param.split_once(':').is_some_and(|(_, of)| answers(of)))
                    && !seen.contains(&own.place)
                    && seen.len() < 30
                {
                    seen.push(own.place);
                    waiting.push((own.place.file, own.place, None, depth + 1));
                }
            }
        }
        false
    }

    /// Whether a value is made by a function of ours from the text of an error that it is handed: `failure(err)`.
    fn tells(&self, file: FileId, id: &str, depth: usize) -> bool {
        if !id.starts_with('#') || depth > DEEP {
            return false;
        }
        let Some((at, made)) = self.fact(file, id) else { return false };
        if made.get("literal").is_some() {
            // `H{"error": failure(err)}`
            return made.attrs.iter().any(|(key, value)| key.ends_with(".ref") && self.tells(file, value, depth + 1));
        }
        let Some(own) = self.names.defs.get(self.name(file, at)) else { return false };
        let handed = (0..6).any(|number| {
            // What was made on the spot has a text that the author knows.
            let written = made.get(&number.to_string()).unwrap_or_default();
            let name = written.trim_start_matches('&');
            !name.is_empty() && name.to_ascii_lowercase().ends_with("err") || name == "error" || told(written)
        });
        handed
            && self.made_by(own.place, None).iter().any(|(_, fact)| {
                fact.kind == Kind::Call && fact.name == "error.Error" && fact.get("from").is_some_and(|from| of(own.fact, from))
            })
    }
}

/// Whether a value is a parameter of a function, by what its definition calls it.
fn of(def: &Fact, value: &str) -> bool {
    def.get("params").unwrap_or_default().split(',').any(|param| param == value)
}

/// `err.Error()` of an error that came from elsewhere.
fn told(written: &str) -> bool {
    let Some(at) = written.find(".Error()") else { return false };
    let before = written.get(..at).unwrap_or_default();
    let name = before.rsplit(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
    // `ErrNotFound.Error()` is a text of ours.
    name.starts_with(|c: char| c.is_ascii_lowercase()) && name.to_ascii_lowercase().contains("err") || name == "e"
}

/// Whether a call reads a parameter of the query.
fn reads(name: &str) -> bool {
    [".Query", ".DefaultQuery", ".GetQuery", ".QueryArray", ".QueryParam", ".QueryInt", "Values.Get", "Query.Get", "Request.FormValue"]
        .iter()
        .any(|end| name.ends_with(end))
        && (name.starts_with("net/") || name.contains("gin.Context") || name.contains("echo.Context") || name.contains("fiber.Ctx"))
}

/// Whether a name is one of how many are wanted.
fn sizes(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    ["limit", "size", "perpage", "per_page", "take", "count"].iter().any(|word| lower.contains(word))
}

/// Whether a type is a request or what was asked in it.
fn requests(of: &str) -> bool {
    answers(of)
        || ["gin.Context.", "echo.Context.", "fiber.Ctx."].iter().any(|of_request| of.contains(of_request))
        || of.contains("net/http.Request")
        || of.contains("url.Values")
}

/// Whether a type can write an answer.
fn answers(of: &str) -> bool {
    ["gin.Context", "echo.Context", "fiber.Ctx", "http.ResponseWriter"].iter().any(|end| of.ends_with(end))
}
