//! Routes with all that stands before them, once every router hangs where it is mounted.

use std::collections::BTreeSet;

use super::{super::Route, Yard};
use crate::{
    fact::Fact,
    language::graph::{Covers, Layer, join},
};

impl Yard<'_, '_> {
    /// Whether an app is above.
    fn served(&self, node: usize) -> bool {
        let (mut open, mut seen) = (vec![node], BTreeSet::new());
        while let Some(node) = open.pop() {
            if self.apps.contains(&node) {
                return true;
            }
            if seen.insert(node) {
                open.extend(self.parents.get(&node).into_iter().flatten());
            }
        }
        false
    }

    pub(super) fn finish(mut self) {
        let roots: Vec<Fact> = self.graph.roots().filter(|(node, _)| self.graph.is_top(*node)).map(|(_, fact)| fact.clone()).collect();
        for app in roots {
            if app.symbol == 0
                && let Some(file) = self.loom.linker.files.iter().position(|(id, _, _)| *id == app.file)
            {
                self.loom.root(file, 0);
            }
            self.loom.out.facts.push(app);
        }
        for (node, layer, covers) in std::mem::take(&mut self.layers) {
            let (mut at, mut moved) = (node, false);
            for _ in 0..8 {
                let Some(above) = self.open.get(&at) else { break };
                (at, moved) = (*above, true);
            }
            self.graph.layer(at, layer, if moved { Covers::All } else { covers });
        }
        let layers = self.graph.middleware();
        self.loom.out.facts.extend(layers);
        // A router that something else takes in hand may be mounted in a way that cannot be read.
        let any = !self.apps.is_empty();
        for (node, route, own, at) in std::mem::take(&mut self.routes) {
            let served = !any || self.served(node);
            for way in self.graph.ways(node, at) {
                let mut guards: Vec<Layer> = way.guards.into_iter().filter(|layer| covers(layer, &way.prefix, &route.path)).collect();
                guards.extend(own.iter().cloned());
                let mut attrs = route.attrs.clone();
                if !served {
                    attrs.push(("mounted".to_owned(), "no".to_owned()));
                }
                let path = join(&way.prefix, &route.path);
                let route = Route { path, guards, attrs, ..route.clone() };
                self.loom.route(route);
            }
            let Some(spot) = route.spot else { continue };
            if served {
                self.loom.lead((route.file, route.symbol), spot);
                for (to, symbol) in own
                    .iter()
                    .filter_map(|layer| self.loom.target(route.file, &layer.name))
                    .filter_map(|found| Some((found.file, found.symbol?)))
                    .collect::<Vec<_>>()
                {
                    self.loom.lead((route.file, route.symbol), (to, symbol));
                }
            } else if spot.0 == route.file {
                self.loom.held.insert(spot);
            }
        }
    }
}

/// Whether a layer at a path covers a route.
fn covers(layer: &Layer, prefix: &str, path: &str) -> bool {
    let Some((_, at)) = layer.attrs.iter().find(|(key, _)| key == "path") else { return true };
    let whole = join(prefix, path);
    let at = at.trim_end_matches('*').trim_end_matches('/');
    let below = |path: &str| path.strip_prefix(at).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    below(&whole) || below(path)
}
