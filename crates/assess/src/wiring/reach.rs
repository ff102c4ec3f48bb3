//! Which definitions a service runs.
//!
//! A list of places to look at, begun with the entry points. What a place mentions is put on the
//! list; importing a file runs its own level and nothing else of it.

use std::collections::{HashMap, HashSet};

use super::{Links, Place, flag::Flags};
use crate::fact::{Extract, FileId, FileInfo, Kind, Reach};

/// How surely a place is run, the least first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    #[default]
    Never,
    /// A person may run it by hand.
    ByHand,
    /// A flag that is off keeps it from running.
    Off,
    Live,
}

/// Decorators that hand a function to something that calls it, by their last word.
const REGISTERS: &[&str] = &[
    "get",
    "post",
    "put",
    "delete",
    "patch",
    "head",
    "options",
    "trace",
    "route",
    "api_route",
    "websocket",
    "websocket_route",
    "middleware",
    "exception_handler",
    "errorhandler",
    "app_errorhandler",
    "on_event",
    "before_request",
    "after_request",
    "teardown_request",
    "teardown_appcontext",
    "before_first_request",
    "before_app_request",
    "after_app_request",
    "context_processor",
    "template_filter",
    "user_loader",
    "request_loader",
    "unauthorized_handler",
    "token_in_blocklist_loader",
    "token_in_blacklist_loader",
    "user_lookup_loader",
    "task",
    "shared_task",
    "periodic_task",
    "actor",
    "command",
    "group",
    "callback",
    "cli.command",
    "listens_for",
    "listen",
    "receiver",
    "register",
    "register_task",
    "event",
    "on",
    "on_message",
    "cron",
    "job",
    "scheduled_job",
    "subscriber",
    "subscribe",
    "consumer",
    "handler",
    "agent",
    "timer",
    "tool",
    "resource",
    "prompt",
    "connect",
    "process",
    "action",
];

/// What is known about running.
pub struct Reached {
    states: Vec<Vec<State>>,
    /// Whether an entry point is known for the part of the repository that a file lies in.
    known: Vec<bool>,
}

/// Where running begins.
pub struct Begin {
    /// What services start.
    pub services: Vec<Place>,
    /// What a person, a schedule or a framework's own tool may start.
    pub tools: Vec<Place>,
    /// By file, whether an entry point is known for the part of the repository it lies in.
    pub known: Vec<bool>,
}

struct Walk<'a> {
    files: &'a [FileInfo],
    extracts: &'a [Extract],
    links: &'a Links<'a>,
    flags: &'a Flags,
    states: Vec<Vec<State>>,
    work: Vec<Place>,
    leads: HashMap<Place, Vec<Place>>,
    /// By file: what is registered there, with the definition around it and whether a flag keeps it off.
    registered: Vec<Vec<(u32, u32, bool)>>,
    /// By file: numbers of uses, and of imports, sorted by definition.
    uses: Vec<Vec<u32>>,
    imports: Vec<Vec<u32>>,
    /// By file: numbers of definitions, sorted by the definition around them.
    inner: Vec<Vec<u32>>,
    folders: HashMap<&'a str, Vec<FileId>>,
    held: &'a HashSet<Place>,
}

impl Reached {
    /// Walks from these places.
    pub fn new(
        files: &[FileInfo],
        extracts: &[Extract],
        links: &Links<'_>,
        flags: &Flags,
        leads: &[(Place, Place)],
        held: &[Place],
        begin: Begin,
    ) -> Reached {
        let held: HashSet<Place> = held.iter().copied().collect();
        let mut from: HashMap<Place, Vec<Place>> = HashMap::new();
        for (one, other) in leads {
            from.entry(*one).or_default().push(*other);
        }
        let mut folders: HashMap<&str, Vec<FileId>> = HashMap::new();
        for (number, info) in files.iter().enumerate().filter(|(_, info)| info.language == "go" && !info.test) {
            folders.entry(folder(&info.path)).or_default().push(super::file_id(number));
        }
        let registered = extracts.iter().enumerate().map(|(number, extract)| registered(number, extract, flags, &held)).collect();
        let uses = extracts.iter().map(|extract| sorted(extract.uses.len(), |at| extract.uses.get(at).map(|one| one.symbol))).collect();
        let imports =
            extracts.iter().map(|extract| sorted(extract.imports.len(), |at| extract.imports.get(at).map(|one| one.symbol))).collect();
        let inner =
            extracts.iter().map(|extract| sorted(extract.symbols.len(), |at| extract.symbols.get(at).map(|one| one.parent))).collect();
        let states = extracts.iter().map(|extract| vec![State::Never; extract.symbols.len().max(1)]).collect();
        let mut walk = Walk {
            files,
            extracts,
            links,
            flags,
            states,
            work: Vec::new(),
            leads: from,
            registered,
            uses,
            imports,
            inner,
            folders,
            held: &held,
        };
        for (places, state) in [(begin.services, State::Live), (begin.tools, State::ByHand)] {
            for place in places {
                walk.raise(place, state);
            }
            walk.go();
        }
        Reached { states: walk.states, known: begin.known }
    }

    /// Whether a service runs this place.
    pub fn of(&self, place: Place) -> Reach {
        let states = self.states.get(place.file.0 as usize);
        match states.and_then(|states| states.get(place.symbol as usize)).copied().unwrap_or_default() {
            State::Live => Reach::Live,
            State::Off => Reach::Off,
            State::ByHand => Reach::Unknown,
            State::Never if self.known.get(place.file.0 as usize) == Some(&true) => Reach::Unreached,
            State::Never => Reach::Unknown,
        }
    }
}

/// The numbers of things, sorted by the definition that each belongs to.
fn sorted(count: usize, of: impl Fn(usize) -> Option<u32>) -> Vec<u32> {
    let mut order: Vec<u32> = (0..u32::try_from(count).unwrap_or(0)).collect();
    order.sort_by_key(|at| of(*at as usize));
    order
}

/// Those that belong to one definition.
fn those(order: Option<&Vec<u32>>, symbol: u32, of: impl Fn(usize) -> Option<u32>) -> Vec<u32> {
    let order = order.map_or(&[][..], Vec::as_slice);
    let first = order.partition_point(|at| of(*at as usize) < Some(symbol));
    order.get(first..).unwrap_or_default().iter().take_while(|at| of(**at as usize) == Some(symbol)).copied().collect()
}

fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The definitions of a file that a decorator hands to something that calls them.
fn registered(number: usize, extract: &Extract, flags: &Flags, held: &HashSet<Place>) -> Vec<(u32, u32, bool)> {
    let mut found = Vec::new();
    let mut names: HashMap<&str, u32> = HashMap::new();
    for fact in extract.facts.iter().filter(|fact| fact.kind == Kind::Decorator) {
        let last = fact.name.rsplit('.').next().unwrap_or("");
        if !REGISTERS.contains(&last) {
            continue;
        }
        if names.is_empty() {
            names = extract.symbols.iter().enumerate().map(|(at, symbol)| (symbol.name.as_str(), u32::try_from(at).unwrap_or(0))).collect();
        }
        let Some(on) = fact.get("on") else { continue };
        let inner = extract
            .symbols
            .get(fact.symbol as usize)
            .filter(|around| !around.name.is_empty())
            .map(|around| format!("{}.{on}", around.name));
        let symbol = inner.and_then(|inner| names.get(inner.as_str()).copied()).or_else(|| names.get(on).copied()).unwrap_or(fact.symbol);
        let Some(definition) = extract.symbols.get(symbol as usize) else { continue };
        let place = Place { file: super::file_id(number), symbol };
        if symbol != 0 && !held.contains(&place) {
            found.push((definition.parent, symbol, fact.guard.as_ref().is_some_and(|guard| flags.off(guard))));
        }
    }
    found.sort_unstable();
    found
}

impl Walk<'_> {
    fn raise(&mut self, place: Place, to: State) {
        let Some(state) = self.states.get_mut(place.file.0 as usize).and_then(|states| states.get_mut(place.symbol as usize)) else {
            return;
        };
        if *state < to {
            *state = to;
            self.work.push(place);
        }
    }

    fn go(&mut self) {
        while let Some(place) = self.work.pop() {
            self.visit(place);
        }
    }

    fn visit(&mut self, place: Place) {
        let number = place.file.0 as usize;
        let (Some(extract), Some(info)) = (self.extracts.get(number), self.files.get(number)) else { return };
        let state = self.states.get(number).and_then(|states| states.get(place.symbol as usize)).copied().unwrap_or_default();
        if place.symbol != 0 {
            self.raise(Place { symbol: 0, ..place }, state);
        }
        for at in those(self.imports.get(number), place.symbol, |at| extract.imports.get(at).map(|one| one.symbol)) {
            let at = at as usize;
            let Some(import) = extract.imports.get(at) else { continue };
            for file in self.links.imported(place.file, at) {
                self.raise(Place { file: *file, symbol: 0 }, state);
                if info.language == "python" {
                    self.packages(*file, state);
                }
            }
            if import.local.is_empty() {
                self.taken_whole(place, at, state);
            }
            // `from package import module` runs the module too.
            if let Some((file, rest)) = self.links.origin(place.file, &import.local).filter(|(_, rest)| rest.is_empty()) {
                let _ = rest;
                self.raise(Place { file, symbol: 0 }, state);
            }
        }
        let mine = those(self.uses.get(number), place.symbol, |at| extract.uses.get(at).map(|one| one.symbol));
        for at in mine {
            let Some(one) = extract.uses.get(at as usize) else { continue };
            let off = one.guard.as_ref().is_some_and(|guard| self.flags.off(guard));
            let to = if off { state.min(State::Off) } else { state };
            if let Some(found) = self.links.within(place.file, place.symbol, &one.path) {
                self.raise(found, to);
                if found.symbol != 0 {
                    self.class_of(found, to);
                }
            }
        }
        let registered: Vec<(u32, bool)> = self
            .registered
            .get(number)
            .into_iter()
            .flatten()
            .filter(|(around, _, _)| *around == place.symbol)
            .map(|(_, symbol, off)| (*symbol, *off))
            .collect();
        for (symbol, off) in registered {
            self.raise(Place { symbol, ..place }, if off { state.min(State::Off) } else { state });
        }
        // A function without a name that is handed to a call is called by it, unless a rule knows better.
        let nameless = |name: &str| name.rsplit('.').next().is_some_and(|last| last.contains(' ') || last.starts_with(['<', '(']));
        for at in those(self.inner.get(number), place.symbol, |at| extract.symbols.get(at).map(|one| one.parent)) {
            let inner = Place { symbol: at, ..place };
            if at == 0 || !extract.symbols.get(at as usize).is_some_and(|symbol| nameless(&symbol.name)) {
                continue;
            }
            if !self.held.contains(&inner) {
                self.raise(inner, state);
            }
        }
        if extract.symbols.get(place.symbol as usize).is_some_and(|symbol| symbol.class) {
            self.members(place, state);
        }
        for to in self.leads.get(&place).cloned().unwrap_or_default() {
            self.raise(to, state);
        }
        if info.language == "go" && place.symbol == 0 {
            // The files of a package run together, and each `init` with them.
            for file in self.folders.get(folder(&info.path)).cloned().unwrap_or_default() {
                self.raise(Place { file, symbol: 0 }, state);
            }
            if let Some(symbol) = self.links.symbol(place.file, "init") {
                self.raise(Place { symbol, ..place }, state);
            }
        }
    }

    /// `require('./x')(app)` and `import('./x')` in the middle of code take what the file gives as a whole.
    fn taken_whole(&mut self, place: Place, import: usize, state: State) {
        let within = place.symbol != 0;
        for file in self.links.imported(place.file, import).to_vec() {
            let Some(extract) = self.extracts.get(file.0 as usize) else { continue };
            let given = extract.exports.iter().filter(|(public, _)| within || public == "default" || public == "module.exports");
            let mut names: Vec<&str> = given.map(|(_, local)| local.as_str()).collect();
            names.extend(["default", "module.exports"]);
            for name in names {
                if let Some(found) = self.links.place(file, name).filter(|found| found.symbol != 0) {
                    self.raise(found, state);
                }
            }
        }
    }

    /// A class that is mentioned by one of its members is mentioned as well.
    fn class_of(&mut self, place: Place, state: State) {
        let Some(symbols) = self.extracts.get(place.file.0 as usize).map(|extract| &extract.symbols) else { return };
        let Some(parent) = symbols.get(place.symbol as usize).map(|symbol| symbol.parent) else { return };
        if parent != 0 && symbols.get(parent as usize).is_some_and(|symbol| symbol.class) {
            self.raise(Place { symbol: parent, ..place }, state);
        }
    }

    /// The methods of a class that is reached; in Go they may stand in other files of its package.
    fn members(&mut self, place: Place, state: State) {
        let number = place.file.0 as usize;
        let (Some(extract), Some(info)) = (self.extracts.get(number), self.files.get(number)) else { return };
        let Some(class) = extract.symbols.get(place.symbol as usize) else { return };
        for at in those(self.inner.get(number), place.symbol, |at| extract.symbols.get(at).map(|one| one.parent)) {
            if at != place.symbol && at != 0 {
                self.raise(Place { symbol: at, ..place }, state);
            }
        }
        if info.language != "go" && info.language != "rust" {
            return;
        }
        let beside = match info.language {
            "go" => self.folders.get(folder(&info.path)).cloned().unwrap_or_default(),
            _ => vec![place.file],
        };
        for file in beside {
            let Some(symbols) = self.extracts.get(file.0 as usize).map(|extract| &extract.symbols) else { continue };
            for (at, symbol) in symbols.iter().enumerate() {
                let named = symbol
                    .name
                    .strip_prefix(class.name.as_str())
                    .and_then(|rest| rest.strip_prefix('.'))
                    .is_some_and(|rest| !rest.contains('.'));
                if named {
                    self.raise(Place { file, symbol: u32::try_from(at).unwrap_or(0) }, state);
                }
            }
        }
    }

    /// The packages around a Python file run before it.
    fn packages(&mut self, file: FileId, state: State) {
        let Some(info) = self.files.get(file.0 as usize) else { return };
        let mut around = folder(&info.path);
        while !around.is_empty() {
            match self.links.file(&format!("{around}/__init__.py")) {
                Some(package) => self.raise(Place { file: package, symbol: 0 }, state),
                None => break,
            }
            around = folder(around);
        }
    }
}
