//! Functions and methods of the program's own that hand on to a router: `func (r *router) Get(path string, fn handler)`
//! calls `r.chi.Get(path, wrap(fn))`. Each call of one is what the call inside is, and that one is nothing by itself.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Wiring,
    routers::{Does, Handler, does, framework},
    routes::framework_of,
};
use crate::{
    fact::{Fact, FileId},
    language::graph::Layer,
    wiring::Place,
};

/// What a call of a forwarding function does.
#[derive(Debug, Clone)]
pub(super) struct Forward {
    /// The same that a library's call would do, with this function's own arguments.
    pub does: Does,
    pub framework: &'static str,
    pub on: On,
    /// The argument that names the method.
    pub verb: Option<usize>,
    /// What is written before the path.
    pub prefix: String,
    /// What the function always puts before the routes.
    pub guards: Vec<Layer>,
}

/// The router that a forwarding call works on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum On {
    /// What it is called on.
    Receiver,
    /// What it is handed.
    Argument(usize),
    /// A field or variable that the function knows.
    Value(FileId, String),
}

/// All that is known of forwarding.
#[derive(Debug, Default)]
pub(super) struct Forwards {
    /// By the function's canonical name.
    by: BTreeMap<String, Forward>,
    /// Types that hold a router and give others of their own type below it: each value is a router.
    pub wrappers: BTreeMap<String, &'static str>,
    /// Calls inside forwarding functions, by file and number.
    pub inside: BTreeSet<(FileId, usize)>,
}

/// A parameter: its value, its name and its type.
struct Param<'a> {
    id: &'a str,
    local: &'a str,
    of: Option<&'a str>,
}

impl Param<'_> {
    /// Whether a call is one of this parameter: by its name, by its type where that is a function, or of a method of it.
    fn called(&self, call: &Fact) -> bool {
        call.name == self.local || call.get("literal").is_none() && Some(call.name.as_str()) == self.of || call.get("from") == Some(self.id)
    }
}

impl<'p> Wiring<'p> {
    /// What a call of this name does to a router.
    pub fn does(&self, name: &str) -> Option<Does> {
        self.forward(name).map(|forward| forward.does.clone()).or_else(|| does(name))
    }

    /// What is known of a function that forwards.
    pub fn forward(&self, name: &str) -> Option<&Forward> {
        self.forwards.by.get(name)
    }

    /// The framework of a type that is a router, of a library or of this program.
    pub fn routes_of(&self, of: &str) -> Option<&'static str> {
        let of = self.names.follow(of);
        framework(&of).or_else(|| self.forwards.wrappers.get(&of).copied())
    }

    /// The router that a call works on.
    pub fn on(&self, file: FileId, fact: &Fact, name: &str) -> (FileId, String) {
        match self.forward(name).map(|forward| &forward.on) {
            Some(On::Value(file, value)) => (*file, value.clone()),
            Some(On::Argument(at)) => (file, self.field(fact.get(&format!("{at}.ref")).unwrap_or_default())),
            _ => (file, self.field(fact.get("from").unwrap_or("~net/http.DefaultServeMux"))),
        }
    }

    /// Finds what forwards: first types that wrap a router, then functions, then those that call these.
    pub fn find_forwards(&mut self) {
        let holders = self.holders();
        if holders.is_empty()
            && !self.every().any(|(_, _, fact, name)| matches!(does(name), Some(Does::Route { .. })) && fact.get("0").is_some())
        {
            return;
        }
        for (name, own) in &self.names.defs {
            let Some((class, _)) = name.rsplit_once('.').filter(|_| own.fact.get("kind") == Some("method")) else { continue };
            if let Some(framework) = holders.get(class).filter(|_| self.literal(own.place, class).is_some()) {
                self.forwards.wrappers.insert(class.to_owned(), framework);
            }
        }
        for _ in 0..4 {
            let mut found = Vec::new();
            for (name, own) in &self.names.defs {
                if !self.forwards.by.contains_key(name)
                    && matches!(own.fact.get("kind"), Some("function" | "method"))
                    && !self.tested(own.place.file)
                    && let Some(forward) = self.forwarding(name, own.place, own.fact)
                {
                    found.push((name.clone(), own.place, forward));
                }
            }
            if found.is_empty() {
                break;
            }
            for (name, place, forward) in found {
                let inner: Vec<usize> = self.made.get(&place).into_iter().flatten().copied().collect();
                for at in inner {
                    let routes = |fact: &Fact| (0..2u32).any(|at| fact.get(&at.to_string()).is_some_and(|path| path.starts_with('/')));
                    if self.does(self.name(place.file, at)).is_some() && !self.at(place.file, at).is_some_and(routes) {
                        self.forwards.inside.insert((place.file, at));
                    }
                }
                self.forwards.by.insert(name, forward);
            }
        }
    }

    fn tested(&self, file: FileId) -> bool {
        self.index.get(&file).and_then(|number| self.program.files.get(*number)).is_none_or(|(_, path, _)| path.ends_with("_test.go"))
    }

    /// Whether a name is a function or method of the program.
    fn acts(&self, name: &str) -> bool {
        self.names.defs.get(name).is_some_and(|own| matches!(own.fact.get("kind"), Some("function" | "method")))
    }

    fn at(&self, file: FileId, at: usize) -> Option<&'p Fact> {
        let (_, _, extract) = self.index.get(&file).and_then(|number| self.program.files.get(*number))?;
        extract.facts.get(at)
    }

    /// Types with a field that is a router.
    fn holders(&self) -> BTreeMap<String, &'static str> {
        let mut out: BTreeMap<String, &'static str> = BTreeMap::new();
        for _ in 0..2 {
            for (name, own) in self.names.defs.iter().filter(|(_, own)| own.fact.get("kind") == Some("class")) {
                let held = own.fact.all("field").find_map(|field| {
                    let of = self.names.follow(field.split_once(':')?.1);
                    framework(&of).filter(|_| !of.ends_with(".Server")).or_else(|| out.get(&of).copied())
                });
                if let Some(framework) = held {
                    out.insert(name.clone(), framework);
                }
            }
        }
        out
    }

    /// A value of a type that a function makes on the spot.
    fn literal(&self, place: Place, class: &str) -> Option<&'p Fact> {
        let made = self.made.get(&place).into_iter().flatten();
        made.filter_map(|at| self.at(place.file, *at).filter(|fact| fact.get("literal").is_some() && self.name(place.file, *at) == class))
            .next()
    }

    fn forwarding(&self, name: &str, place: Place, def: &'p Fact) -> Option<Forward> {
        let params: Vec<Param<'p>> = def
            .get("params")
            .unwrap_or_default()
            .split(',')
            .filter(|id| !id.is_empty())
            .map(|id| {
                let local = id.split('@').next().unwrap_or_default();
                Param {
                    id,
                    local,
                    of: def.all("param").find_map(|one| one.split_once(':').filter(|(name, _)| *name == local)).map(|(_, of)| of),
                }
            })
            .collect();
        let class = name.rsplit_once('.').map(|(class, _)| class).filter(|_| def.get("kind") == Some("method"));
        let wraps = class.and_then(|class| self.forwards.wrappers.get(class).map(|framework| (class, *framework)));
        let returns = def.get("returns").map(|of| self.names.follow(of)).unwrap_or_default();
        if let Some((class, framework)) = wraps
            && self.literal(place, class).is_some()
        {
            return self.branch(place, &params, returns == class, framework);
        }
        if let Some(framework) = self.forwards.wrappers.get(&returns).filter(|_| class.is_none()) {
            return self.makes(name, place, def, framework);
        }
        if params.is_empty() {
            return None;
        }
        let mut found = None;
        for at in self.made.get(&place).into_iter().flatten() {
            let (Some(fact), inner) = (self.at(place.file, *at), self.name(place.file, *at)) else { continue };
            let Some(does) = self.does(inner) else { continue };
            let before = self.forward(inner);
            let framework = before.map(|forward| forward.framework).or_else(|| framework_of(inner)).unwrap_or("net/http");
            let Some((on, mut guards)) = self.handed_on(place.file, fact, inner, &params, wraps.is_some()) else { continue };
            guards.extend(before.into_iter().flat_map(|forward| forward.guards.iter().cloned()));
            // What else is done to a router that is handed over is said of the parameter itself.
            if matches!(on, On::Argument(_)) && !matches!(does, Does::Route { .. }) {
                continue;
            }
            let mut forward = Forward { does: does.clone(), framework, on, verb: None, prefix: String::new(), guards };
            let carried = |key: usize| self.carried(place, fact, &key.to_string(), &params, 0);
            forward.does = match does {
                Does::Route { method, path, handler } if path != usize::MAX => {
                    let key = match handler {
                        Handler::At(at) => at,
                        Handler::Last => (path + 1..path + 30).take_while(|at| fact.get(&at.to_string()).is_some()).last()?,
                    };
                    let written = fact.get(&path.to_string()).unwrap_or_default();
                    let Some((to, prefix)) = ends(written, &params) else { continue };
                    let Some((by, layers)) = carried(key) else { continue };
                    let verb = before.map_or((path == 1).then_some(0), |forward| forward.verb);
                    let word = verb.and_then(|at| fact.get(&at.to_string())).map_or_else(
                        || {
                            let bare = written.split(['"', '`']).nth(1).unwrap_or_default();
                            let pattern = if bare.ends_with(' ') { format!("{bare}/") } else { "/".to_owned() };
                            self.method(place.file, fact, &method, 0, &pattern).0
                        },
                        str::to_owned,
                    );
                    // `method+" "+path`: what stands before the path names the method, too.
                    let spaced = |param: &&Param<'_>| written.contains(' ') && written.starts_with(param.local);
                    let named = |param: &&Param<'_>| param.local.eq_ignore_ascii_case(word.trim());
                    let by_name =
                        params.iter().find(named).or_else(|| params.iter().find(spaced)).filter(|param| param.local != params[to].local);
                    forward.verb = by_name.and_then(|param| params.iter().position(|one| one.id == param.id));
                    let method = if forward.verb.is_some() {
                        String::new()
                    } else {
                        word.rsplit("Method").next().unwrap_or_default().to_ascii_uppercase()
                    };
                    forward.prefix = before.map(|forward| forward.prefix.clone()).unwrap_or_default() + &prefix;
                    forward.guards.extend(layers);
                    let last = handler == Handler::Last && by + 1 == params.len() && to < by && forward.verb.is_none();
                    Does::Route { method, path: to, handler: if last { Handler::Last } else { Handler::At(by) } }
                }
                Does::Use(from) => Does::Use((from..from + 4).find_map(carried)?.0),
                Does::Mount { prefix, what } => Does::Mount { prefix: carried(prefix)?.0, what: carried(what)?.0 },
                Does::Inside { prefix, body } => {
                    let Some((body, _)) = carried(body) else { continue };
                    let prefix = match prefix {
                        Some(prefix) => Some(carried(prefix)?.0),
                        None => None,
                    };
                    Does::Inside { prefix, body }
                }
                Does::Failure(status) if carried(0).is_some_and(|(by, _)| by == 0) => Does::Failure(status),
                _ => continue,
            };
            // Of two calls of one kind nobody knows which one is meant.
            if found.replace(forward).is_some() {
                return None;
            }
        }
        let last = name.rsplit('.').next().unwrap_or_default();
        if let Some((_, framework)) = wraps.filter(|_| found.is_none() && last == "Use") {
            // A router that keeps what it is handed in a list of its own.
            return Some(Forward {
                does: Does::Use(0),
                framework,
                on: On::Receiver,
                verb: None,
                prefix: String::new(),
                guards: Vec::new(),
            });
        }
        found
    }

    /// A method that makes another router below its own.
    fn branch(&self, place: Place, params: &[Param<'p>], gives: bool, framework: &'static str) -> Option<Forward> {
        let prefix = params.iter().position(|param| param.of == Some("string"));
        let calls: Vec<(usize, &'p Fact)> =
            self.made.get(&place).into_iter().flatten().filter_map(|at| Some((*at, self.at(place.file, *at)?))).collect();
        let body = params.iter().position(|param| calls.iter().any(|(_, fact)| param.called(fact) && fact.get("0").is_some()));
        let mut guards = Vec::new();
        let mut from = None;
        for (at, fact) in &calls {
            let (Some(Does::Group { guards: Some(first), .. }) | Some(Does::Use(first))) = self.does(self.name(place.file, *at)) else {
                continue;
            };
            for key in (first..first + 20).map(|key| key.to_string()).take_while(|key| fact.get(key).is_some()) {
                match self.carried(place, fact, &key, params, 0) {
                    Some((by, _)) => from = Some(from.map_or(by, |from: usize| from.min(by))),
                    None => guards.extend(self.layer(place.file, fact, &key)),
                }
            }
        }
        // A list of its own: `&Router{prefix: r.prefix + prefix, before: append(r.before, before...)}`.
        let from = from.or_else(|| {
            // Numbers and switches are no guards.
            let plain = ["string", "bool", "int", "int32", "int64", "float64", "uint", "map", "error", "any"];
            let stands = |of: &str| !plain.contains(&of);
            params.iter().enumerate().find(|(at, param)| Some(*at) != body && param.of.is_some_and(stands)).map(|(at, _)| at)
        });
        let does = match body {
            Some(body) => Does::Inside { prefix, body },
            None if gives => Does::Group { prefix, guards: from },
            None => return None,
        };
        Some(Forward { does, framework, on: On::Receiver, verb: None, prefix: String::new(), guards })
    }

    /// A function that does nothing but make a wrapped router.
    fn makes(&self, name: &str, place: Place, def: &'p Fact, framework: &'static str) -> Option<Forward> {
        let (_, literal) = self.fact(place.file, def.get("gives").filter(|_| def.all("gives").count() == 1)?)?;
        let made = self.made.get(&place).into_iter().flatten();
        let only = made.clone().all(|at| matches!(self.does(self.name(place.file, *at)), None | Some(Does::Makes(_))));
        let makes = made.clone().any(|at| matches!(self.does(self.name(place.file, *at)), Some(Does::Makes(_))));
        let called = self.every().any(|(_, _, _, called)| called == name);
        (literal.get("literal").is_some() && only && makes && called).then(|| Forward {
            does: Does::Makes(framework),
            framework,
            on: On::Receiver,
            verb: None,
            prefix: String::new(),
            guards: Vec::new(),
        })
    }

    /// The router that a call inside a function works on, and what stands between.
    fn handed_on(&self, file: FileId, fact: &'p Fact, name: &str, params: &[Param<'p>], wraps: bool) -> Option<(On, Vec<Layer>)> {
        let mut guards = Vec::new();
        let (mut now, mut called) = (fact, name.to_owned());
        for _ in 0..8 {
            let (at, value) = self.on(file, now, &called);
            if let Some((number, before)) = self.fact(at, &value) {
                called = self.name(at, number).to_owned();
                match self.does(&called) {
                    Some(Does::Group { guards: from, .. }) => {
                        let from = from.unwrap_or(usize::MAX - 20);
                        let layers = (from..from + 20).map(|key| key.to_string()).take_while(|key| before.get(key).is_some());
                        guards.extend(layers.filter_map(|key| self.layer(at, before, &key)));
                    }
                    Some(Does::Same) => {}
                    _ => return None,
                }
                now = before;
                continue;
            }
            if let Some(by) = params.iter().position(|param| param.id == value) {
                return Some((On::Argument(by), guards));
            }
            return match wraps {
                true => Some((On::Receiver, guards)),
                // What a function made itself is its own affair.
                false => value.starts_with('~').then_some((On::Value(at, value), guards)),
            };
        }
        None
    }

    /// The parameter that an argument comes from, and what is wrapped around it.
    fn carried(&self, place: Place, fact: &'p Fact, key: &str, params: &[Param<'p>], depth: usize) -> Option<(usize, Vec<Layer>)> {
        if let Some(range) = fact.get(&format!("{key}.lines")) {
            let (first, last) = range.split_once('-')?;
            let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
            let inner = self.made.get(&place).into_iter().flatten().filter_map(|at| self.at(place.file, *at));
            let mut inner = inner.filter(|call| call.line >= first && call.end <= last && !std::ptr::eq(*call, fact));
            let by = inner.find_map(|call| params.iter().position(|param| param.called(call)))?;
            let own = self.inside(place.file, place.symbol, range).iter().any(|name| self.acts(name));
            return Some((by, self.layer(place.file, fact, key).filter(|_| own).into_iter().collect()));
        }
        let value = fact.get(&format!("{key}.ref"))?;
        if let Some(by) = params.iter().position(|param| param.id == value) {
            return Some((by, Vec::new()));
        }
        let (at, made) = self.fact(place.file, value).filter(|_| depth < 8)?;
        let inner = made.attrs.iter().filter_map(|(key, _)| key.strip_suffix(".ref").or(key.strip_suffix(".lines")));
        let (number, (by, mut layers)) =
            inner.filter_map(|key| Some((key, self.carried(place, made, key, params, depth + 1)?))).next_back()?;
        let name = self.name(place.file, at);
        // What takes a handler and gives one of the same kind stands before it; what gives another kind only adapts.
        let before = self.names.defs.get(name).is_some_and(|own| {
            let of = own.fact.get("returns").unwrap_or_default();
            let local = own
                .fact
                .get("params")
                .and_then(|params| params.split(',').nth(number.parse().ok()?)?.split('@').next())
                .unwrap_or_default();
            let takes = own.fact.all("param").find_map(|one| one.split_once(':').filter(|(name, _)| *name == local)).map(|(_, of)| of);
            let plain = |of: &str| of == "func" || of.starts_with("net/http.Handler");
            own.fact.get("kind") != Some("class") && takes.is_some_and(|takes| takes == of || plain(takes) && plain(of))
        });
        if before && made.get("literal").is_none() {
            layers.push(Layer {
                name: name.to_owned(),
                file: place.file,
                line: made.line,
                end: made.end,
                symbol: made.symbol,
                guard: made.guard.clone(),
                order: Self::spot(place.file, made).order,
                attrs: self.within(name).into_iter().map(|name| ("calls".into(), name)).collect(),
                ..Layer::default()
            });
        }
        Some((by, layers))
    }

    /// What a call of a forwarding function puts before its route, beside handler and path.
    pub fn beside(&self, file: FileId, fact: &'p Fact, forward: &Forward) -> Vec<Layer> {
        let Does::Route { path, handler, .. } = &forward.does else { return Vec::new() };
        let mut out = forward.guards.clone();
        for at in 0..20usize {
            let key = at.to_string();
            let Some(written) = fact.get(&key) else { break };
            let taken = at == *path || Some(at) == forward.verb || *handler == Handler::At(at) || forward.on == On::Argument(at);
            let known = || self.acts(&self.names.follow(written));
            let stands =
                fact.get(&format!("{key}.lines")).is_some() || fact.get(&format!("{key}.ref")).is_some_and(|id| id.starts_with('#'));
            if !taken && *handler != Handler::Last && (stands || known()) {
                out.extend(self.layer(file, fact, &key));
            }
        }
        out
    }
}

/// The parameter that a path ends with, and the plain text before it.
fn ends(written: &str, params: &[Param<'_>]) -> Option<(usize, String)> {
    let word = |c: char| c.is_alphanumeric() || c == '_';
    let tail = written.trim_end_matches(')');
    let last = tail.rsplit(|c: char| !word(c)).next().filter(|last| !last.is_empty())?;
    let to = params.iter().position(|param| param.local == last && param.of.is_none_or(|of| of == "string"))?;
    // A field of that name is no parameter.
    if tail.strip_suffix(last).is_some_and(|before| before.ends_with('.')) {
        return None;
    }
    let prefix = written.split('"').nth(1).map(|text| text.rsplit(' ').next().unwrap_or_default()).filter(|text| text.starts_with('/'));
    Some((to, prefix.filter(|text| !text.contains('%')).unwrap_or_default().to_owned()))
}
