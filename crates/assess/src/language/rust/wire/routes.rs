//! Routes with all that stands before them, and how serving ends.

use super::{Raw, Wiring};
use crate::{
    fact::{Fact, FileId, Kind},
    language::graph::join,
    wiring::{Place, Wired},
};

/// Extractors of libraries that let only known callers through.
const KNOWN: &[&str] = &[
    "BearerAuth",
    "BasicAuth",
    "Identity",
    "AuthSession",
    "JwtClaims",
    "Claims",
    "Authorization",
    "CurrentUser",
    "AuthUser",
    "RequireAuth",
];

impl Wiring<'_> {
    /// Adds routes, apps and middleware.
    pub fn routes(&mut self, raws: &[Raw], wired: &mut Wired) {
        let extractors = self.extractors();
        for raw in raws {
            let own = self.own(raw.file, &raw.handler).map(|own| (own.place, own.fact));
            let handler = own.map_or(raw.handler.as_str(), |(_, fact)| fact.name.as_str());
            for way in self.graph.ways(raw.node, raw.spot) {
                let full = join(&way.prefix, &raw.path);
                let full = if full.is_empty() { "/".to_owned() } else { full };
                let asked = raw.data.as_ref().zip(own).map(|(data, (_, fact))| super::rocket::taken(fact, &raw.path, data));
                let (full, query) = match full.split_once('?').filter(|_| asked.is_some()) {
                    Some((path, query)) => (if path.is_empty() { "/" } else { path }.to_owned(), query.to_owned()),
                    None => (full, String::new()),
                };
                let mut route = Fact::new(Kind::Route, format!("{} {full}", raw.method), raw.line, raw.end).within(raw.symbol);
                route.file = raw.file;
                route.guard = raw.guard.clone();
                route = route.with("method", &raw.method).with("path", &full).with("handler", handler).with("framework", raw.framework);
                for guard in way.guards.iter().chain(&raw.guards) {
                    route = route.with("guard", guard.shown());
                }
                let takes: Vec<&str> = own.map(|(_, fact)| fact.all("takes").collect()).unwrap_or_default();
                // What path, query and body fill is no guard.
                let asks = asked.as_ref().map_or(&takes, |(_, rest)| rest);
                for of in asks {
                    for word in of.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty()) {
                        if extractors.iter().any(|name| name == word) || KNOWN.contains(&word) {
                            route = route.with("guard", word);
                        }
                    }
                }
                for part in query.split('&').filter(|part| part.starts_with('<')) {
                    route = route.with("param", format!("{} in=query", part.trim_matches(['<', '>', '.'])));
                }
                for part in full.split('/').filter(|part| part.starts_with([':', '{', '<', '*'])) {
                    route =
                        route.with("param", part.trim_matches([':', '{', '}', '<', '>', '*', '.']).split(':').next().unwrap_or_default());
                }
                // `Query<Listing>`: the fields of the struct are what callers may ask with.
                for of in takes.iter().filter(|of| of.contains("Query<")) {
                    let class = of.rsplit('<').next().unwrap_or_default().trim_end_matches('>').rsplit("::").next().unwrap_or_default();
                    let fields = match self.last.get(class).map(Vec::as_slice) {
                        Some([only]) => self.defs.get(only).map(|own| own.fact),
                        _ => None,
                    };
                    for field in fields.into_iter().flat_map(|fact| fact.all("field")).filter_map(|field| field.split(':').next()).take(20)
                    {
                        route = route.with("param", format!("{field} in=query"));
                    }
                }
                let has = |words: &[&str]| takes.iter().any(|of| words.iter().any(|word| of.contains(word)));
                let input = match () {
                    () if asked.is_some() => asked.as_ref().map_or("none", |(input, _)| input),
                    () if has(&["Json", "Form", "Query", "Path", "Validated", "Input", "Multipart"]) => "typed",
                    () if has(&["Bytes", "Body", "String", "Payload", "Request"]) => "raw",
                    () => "none",
                };
                let answers = own.and_then(|(_, fact)| fact.get("answers")).unwrap_or_default();
                route = route.with("input", input).with("output", if answers.contains("Json") { "typed" } else { "none" });
                let last = handler.rsplit('.').next().unwrap_or_default();
                let list = raw.method == "GET"
                    && (["list", "index", "all", "search"].iter().any(|word| last.contains(word)) || answers.contains("Vec<"));
                route = route.with("list", if list { "yes" } else { "no" });
                let calls = match (own, &raw.lines) {
                    (Some((place, _)), _) => self.within(place),
                    (None, Some(range)) => {
                        let (first, end) =
                            range.split_once('-').and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?))).unwrap_or((0u32, 0u32));
                        self.gathered(Place { file: raw.file, symbol: raw.symbol }, |fact| {
                            fact.line >= first && fact.end <= end && fact.get("0.lines") != Some(range)
                        })
                    }
                    _ => Vec::new(),
                };
                let answering = [
                    "Ok",
                    "finish",
                    "json",
                    "new",
                    "body",
                    "format",
                    "Json",
                    "Html",
                    "into_response",
                    "content_type",
                    "from",
                    "to_string",
                    "NoContent",
                ];
                let constant = (own.is_some() || raw.lines.is_some())
                    && calls.iter().all(|call| answering.contains(&call.rsplit('.').next().unwrap_or(call)));
                route = route.with("constant", if constant { "yes" } else { "no" });
                for call in calls {
                    route.attrs.push(("calls".into(), call));
                }
                if let Some((place, _)) = own {
                    wired.leads.push((Place { file: raw.spot.file, symbol: raw.spot.symbol }, place));
                }
                wired.facts.push(route);
            }
        }
        let apps: Vec<Fact> = self.graph.roots().filter(|(node, _)| self.graph.is_top(*node)).map(|(_, app)| app.clone()).collect();
        wired.facts.extend(apps);
        wired.facts.extend(self.graph.middleware());
    }

    /// Types of this repository that a request must yield before its handler runs.
    fn extractors(&self) -> Vec<String> {
        let mut out = Vec::new();
        for (_, _, extract) in &self.program.files {
            for fact in extract.facts.iter().filter(|fact| fact.kind == Kind::Def && fact.get("kind") == Some("impl")) {
                let of = fact.get("base").unwrap_or_default();
                if ["FromRequestParts", "FromRequest", "OptionalFromRequestParts"].iter().any(|name| of.ends_with(name)) {
                    out.push(fact.name.rsplit('.').next().unwrap_or_default().to_owned());
                }
            }
        }
        out
    }

    /// Where serving ends in order.
    pub fn hooks(&self, wired: &mut Wired) {
        let calls: Vec<(FileId, &Fact)> = self.calls().collect();
        for (file, fact) in &calls {
            let last = fact.name.rsplit('.').next().unwrap_or_default();
            let how = match last {
                "with_graceful_shutdown" | "bind_with_graceful_shutdown" | "serve_with_shutdown" | "graceful_shutdown" => "server",
                // Actix ends in order by itself.
                "run" if fact.name == "actix_web.HttpServer.run" => "server",
                "ctrl_c" if fact.name.starts_with("tokio.signal") => "signal",
                "signal"
                    if fact.name.starts_with("tokio.signal.unix")
                        && !fact.get("0").is_some_and(|kind| kind.contains("child") || kind.contains("hangup")) =>
                {
                    "signal"
                }
                _ => continue,
            };
            let mut hook =
                Fact::new(Kind::Hook, "shutdown", fact.line, fact.end).within(fact.symbol).with("call", &fact.name).with("how", how);
            hook.file = *file;
            hook.guard = fact.guard.clone();
            if let Some(handler) = fact.get("0") {
                hook = hook.with("handler", handler);
            }
            wired.facts.push(hook);
        }
    }
}
