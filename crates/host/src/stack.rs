//! The life of a request, top to bottom.
//!
//! [`STACK`] is the whole truth about order: the router, the reference page, the request inspector
//! and the tests are all made from it. A layer is a plain function with a name. There are five
//! forms, by what a layer needs to do: a *check* looks at the request and may refuse it, a *gate*
//! may answer in the handler's place, a *dress* touches every answer on its way out, an *around*
//! does both or waits, and a *sometimes* is an around for those requests only that it names. Only
//! an around costs a boxed future for every request.

use std::{future::Future, pin::Pin};

use http::{Request, Response};
use plimsoll_core::Result;

use crate::{
    Body, edge,
    exchange::Exchange,
    identity, limits, probes,
    replies::{self, cache},
    route, upstream,
    work::requests,
};

/// A future on the heap: what lets layers be values in a list instead of one nested type.
pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

type Check = fn(&mut Exchange, &mut Request<Body>) -> Result<()>;
type Gate = for<'a> fn(&'a mut Exchange, &'a mut Request<Body>) -> Option<Boxed<'a, Result<Response<Body>>>>;
type Dress = fn(&mut Exchange, &mut Response<Body>);
type Wants = fn(&Exchange, &Request<Body>) -> bool;
type Around = for<'a> fn(&'a mut Exchange, Request<Body>, Next<'a>) -> Boxed<'a, Result<Response<Body>>>;

/// One named step.
pub struct Layer {
    /// As it appears in logs, metrics and the sentence "refused by".
    pub name: &'static str,
    /// What it promises, for the reference page.
    pub promise: &'static str,
    form: Form,
}

#[derive(Clone, Copy)]
enum Form {
    Check(Check),
    Gate(Gate),
    Dress(Dress),
    Around(Around),
    Sometimes(Wants, Around),
}

const fn check(name: &'static str, run: Check, promise: &'static str) -> Layer {
    Layer { name, promise, form: Form::Check(run) }
}
const fn gate(name: &'static str, run: Gate, promise: &'static str) -> Layer {
    Layer { name, promise, form: Form::Gate(run) }
}
const fn dress(name: &'static str, run: Dress, promise: &'static str) -> Layer {
    Layer { name, promise, form: Form::Dress(run) }
}
const fn around(name: &'static str, run: Around, promise: &'static str) -> Layer {
    Layer { name, promise, form: Form::Around(run) }
}
const fn sometimes(name: &'static str, wants: Wants, run: Around, promise: &'static str) -> Layer {
    Layer { name, promise, form: Form::Sometimes(wants, run) }
}

/// A request meets these from top to bottom, its answer from bottom to top.
#[rustfmt::skip]
pub static STACK: &[Layer] = &[
    // every answer, refusals too
    around("trace",    edge::trace::around,     "an id, a span, one log line, and the time spent"),
    dress ("headers",  edge::headers::dress,    "above all that can refuse, so no answer lacks them"),
    around("squeeze",  edge::compress::around,  "large text answers leave compressed; never secrets beside a caller's text"),
    dress ("cors",     edge::cors::dress,       "what a foreign page may read; on refusals too, or its script sees nothing"),
    around("problem",  edge::problem::around,   "whatever fails below leaves in one form"),
    around("panic",    edge::panic::around,     "a bug below is an error, not a dead connection"),
    // may we work at all
    check ("caller",   edge::caller::check,     "the address, believed only from named proxies"),
    gate  ("host",     edge::host::gate,         "known names only; TLS where it is required"),
    check ("gate",     probes::gate::check,     "nothing enters before start-up is complete"),
    check ("size",     edge::size::check,       "bounds, before a byte of body is read"),
    check ("shed",     limits::shed::check,       "no room: refuse now, while it is cheap"),
    check ("address",  limits::address::check,  "per address, before credentials are tried"),
    // what is asked
    gate  ("preflight",edge::cors::preflight,      "a preflight has no identity and is answered here"),
    check ("route",    route::find,             "404 and 405 end here; the rules are known below"),
    around("deadline", edge::deadline::around,  "one budget of time; every hop below spends from it"),
    // who asks, and may they
    around("identity", identity::layer::around, "who, for which tenant, by which credential"),
    check ("csrf",     edge::csrf::check,       "a cookie alone does not let another site act"),
    gate  ("access",   identity::access::gate, "no, unless the route says otherwise"),
    // what it costs
    check ("limit",    limits::rate::check,     "one unit from each meter the caller draws on"),
    sometimes("shared", limits::shared::wants, limits::shared::around, "and from the counts that all processes keep together"),
    around("bulkhead", limits::bulkhead::around,"no class of routes takes all the room"),
    sometimes("fallback", upstream::fallback::wants, upstream::fallback::around, "a declared answer, marked, where a mounted service has none"),
    sometimes("replay", replies::idempotency::wants, replies::idempotency::around, "a repeat with the same key has one effect and one answer"),
    sometimes("defer", requests::wants, requests::around, "long work is accepted now and done later, where the caller prefers that"),
    check ("release",  upstream::release::choose, "the side of a release that answers; decided once, before anything kept is looked at"),
    // what need not be done again
    sometimes("cache", cache::wants, cache::around, "what was kept is given again; identical requests go once"),
    // below: `route::call` reads the body, parses, and runs the handler
];

/// The rest of the stack, as a layer sees it.
#[derive(Clone, Copy)]
pub struct Next<'a> {
    rest: &'a [Layer],
}

impl<'a> Next<'a> {
    /// All of it.
    pub fn all() -> Next<'static> {
        Next { rest: STACK }
    }

    /// What stands below the layer of this name; nothing above `route::call` where there is none.
    pub fn below(layer: &str) -> Next<'static> {
        let position = STACK.iter().position(|one| one.name == layer).map_or(STACK.len(), |at| at + 1);
        Next { rest: &STACK[position..] }
    }

    /// Runs what is left, from the next layer to the handler and back.
    pub async fn run(self, x: &mut Exchange, mut request: Request<Body>) -> Result<Response<Body>> {
        let mut rest = self.rest;
        let mut dresses: [Option<Dress>; 4] = [None; 4];
        let mut dressed = 0;
        let mut answer = loop {
            let Some((layer, below)) = rest.split_first() else {
                x.step("handler");
                break route::call(x, request).await;
            };
            rest = below;
            x.step(layer.name);
            match layer.form {
                Form::Check(run) => {
                    if let Err(error) = run(x, &mut request) {
                        x.refused(layer.name);
                        break Err(error);
                    }
                }
                Form::Gate(run) => {
                    let answered = match run(x, &mut request) {
                        Some(answering) => Some(answering.await),
                        None => None,
                    };
                    if let Some(answer) = answered {
                        if answer.is_err() {
                            x.refused(layer.name);
                        }
                        break answer;
                    }
                }
                Form::Dress(run) => {
                    dresses[dressed] = Some(run);
                    dressed += 1;
                }
                Form::Sometimes(wants, _) if !wants(x, &request) => {}
                Form::Around(run) | Form::Sometimes(_, run) => break run(x, request, Next { rest: below }).await,
            }
        };
        if let Ok(answer) = &mut answer {
            dresses.iter().rev().flatten().for_each(|dress| dress(x, answer));
        }
        answer
    }
}

impl Exchange {
    /// Notes that a layer was entered. Asking the time costs as much as most checks, so only
    /// requests whose trace leaves this process keep a trail.
    fn step(&mut self, layer: &'static str) {
        if self.trace.sampled {
            self.trail.push((layer, self.started.elapsed()));
        }
    }

    /// Notes that `layer` refused, unless one further down already did.
    pub fn refused(&mut self, layer: &'static str) {
        self.refused_by.get_or_insert(layer);
    }
}

/// The stack as a Markdown table, for `docs/reference/stack.md`.
pub fn reference() -> String {
    let mut page = String::from("| # | layer | promise |\n|---|---|---|\n");
    for (position, layer) in STACK.iter().enumerate() {
        page.push_str(&format!("| {} | `{}` | {} |\n", position + 1, layer.name, layer.promise));
    }
    page
}

#[cfg(test)]
mod tests {
    use super::STACK;

    #[test]
    fn every_layer_has_a_name_of_its_own_and_a_promise() {
        let mut seen = std::collections::HashSet::new();
        for layer in STACK {
            assert!(seen.insert(layer.name) && !layer.promise.is_empty(), "{}", layer.name);
        }
    }
}
