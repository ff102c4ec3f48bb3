//! What stands before a route, and whether it turns callers away.

use std::collections::HashSet;

use super::{super::link::Linked, object::Objects};
use crate::{
    fact::{Fact, Kind},
    wiring::Place,
};

/// Guards of libraries that turn away who is not known.
const KNOWN: &[&str] = &[
    "flask_login.login_required",
    "flask_login.utils.login_required",
    "flask_login.fresh_login_required",
    "flask_jwt_extended.jwt_required",
    "flask_jwt_extended.fresh_jwt_required",
    "flask_httpauth.HTTPBasicAuth.login_required",
    "flask_httpauth.HTTPTokenAuth.login_required",
    "flask_httpauth.MultiAuth.login_required",
    "flask_security.auth_required",
    "flask_security.roles_required",
    "flask_security.roles_accepted",
    "flask_security.permissions_required",
    "django.contrib.auth.decorators.login_required",
    "django.contrib.auth.decorators.permission_required",
    "django.contrib.auth.decorators.user_passes_test",
    "django.contrib.auth.mixins.LoginRequiredMixin",
    "django.contrib.auth.mixins.PermissionRequiredMixin",
    "django.contrib.auth.mixins.UserPassesTestMixin",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.admin.views.decorators.staff_member_required",
    "rest_framework.permissions.IsAuthenticated",
    "rest_framework.permissions.IsAdminUser",
    "rest_framework.permissions.DjangoModelPermissions",
    "rest_framework.permissions.DjangoObjectPermissions",
    "rest_framework.permissions.BasePermission",
    "starlette.authentication.requires",
    "fastapi_users.FastAPIUsers.current_user",
    "authlib.integrations.flask_oauth2.ResourceProtector.__call__",
];

/// What a guard does.
#[derive(Debug, Clone, Default)]
pub(super) struct Verdict {
    /// Whether callers are turned away who did not say who they are.
    pub auth: bool,
    /// The answers to those who are turned away.
    pub rejects: Vec<String>,
}

impl Objects {
    /// Everything that a dependency stands on, itself first.
    pub fn expand(&self, linked: &Linked<'_>, names: &[String]) -> Vec<String> {
        let (mut found, mut seen): (Vec<String>, HashSet<String>) = (Vec::new(), HashSet::new());
        let mut work: Vec<String> = names.iter().rev().cloned().collect();
        while let Some(name) = work.pop() {
            if found.len() > 60 || !seen.insert(name.clone()) {
                continue;
            }
            if let Some(place) = linked.place(&name) {
                let mut inner = self.injections(linked, place);
                for (method, place) in linked.methods(place) {
                    if matches!(method, "__call__" | "__init__") {
                        inner.extend(self.injections(linked, place));
                    }
                }
                // What a factory gives is what stands before the route.
                for nested in nested(linked, place) {
                    inner.extend(self.injections(linked, nested));
                }
                inner.extend(chosen(linked, place));
                work.extend(inner.into_iter().rev());
            }
            found.push(name);
        }
        found
    }

    /// What the parameters of a function inject.
    pub fn injections(&self, linked: &Linked<'_>, place: Place) -> Vec<String> {
        let (Some(number), Some(definition)) = (linked.number(place.file), linked.definition(place)) else { return Vec::new() };
        let mut found: Vec<String> = definition.all("depends").map(|name| linked.guard(number, name)).collect();
        for parameter in definition.all("param") {
            found.extend(self.given(linked, number, parameter));
            let Some((_, annotation)) = parameter.split_once(": ") else { continue };
            let annotation = annotation.split(" = ").next().unwrap_or("");
            for part in annotation.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.')).filter(|part| part.contains('.')) {
                let name = linked.canonical(number, part);
                found.extend(self.injected.get(&name).into_iter().flatten().cloned());
            }
        }
        found
    }

    /// What a parameter's default injects without saying `Depends` itself: `user=CurrentUser` with `CurrentUser = Depends(f)`,
    /// `user=require("admin")` with a function of ours that gives a `Depends`.
    fn given(&self, linked: &Linked<'_>, file: usize, parameter: &str) -> Vec<String> {
        let Some((_, default)) = parameter.split_once(" = ") else { return Vec::new() };
        let (called, path) = default.split_once('(').map_or((false, default), |(path, _)| (true, path));
        if path.is_empty() || !path.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '.') {
            return Vec::new();
        }
        let name = linked.canonical(file, path);
        if !called {
            return self.injected.get(&name).cloned().unwrap_or_default();
        }
        let factory = linked.place(&name).and_then(|place| linked.definition(place));
        let gives = factory.is_some_and(|factory| matches!(factory.get("gives"), Some("fastapi.Depends" | "fastapi.Security")));
        if gives { vec![name] } else { Vec::new() }
    }
}

/// What one guard does.
pub(super) fn verdict(linked: &Linked<'_>, name: &str) -> Verdict {
    if KNOWN.contains(&name)
        || (name.starts_with("fastapi.security.") && !name.ends_with("(optional)") && !name.ends_with("Form") && !name.ends_with("Scopes"))
    {
        return Verdict { auth: true, rejects: vec!["401".into()] };
    }
    let Some(place) = linked.place(name) else { return Verdict::default() };
    let mut places = vec![place];
    places.extend(linked.methods(place).into_iter().map(|(_, method)| method));
    places.extend(nested(linked, place));
    // One step further: what the guard asks for help.
    let mut further = Vec::new();
    for place in &places {
        for (file, fact) in linked.inside(*place).filter(|(_, fact)| fact.kind == Kind::Call).take(200) {
            further.extend(linked.place(&linked.called(file, &fact.name)));
        }
    }
    places.extend(further);
    let mut rejects: Vec<String> = Vec::new();
    for place in places {
        for (file, fact) in linked.inside(place) {
            for code in rejected(linked, file, fact) {
                if !rejects.contains(&code) {
                    rejects.push(code);
                }
            }
        }
    }
    rejects.sort();
    let base = linked.bases(name).iter().any(|base| KNOWN.contains(&base.as_str()) || base.starts_with("fastapi.security."));
    // Where a request comes from does not say who sends it.
    let last = name.rsplit('.').next().unwrap_or("").to_lowercase();
    let whence = ["origin", "cors", "csrf", "referer", "allowed_host", "trusted_host"].iter().any(|word| last.contains(word));
    let auth = base || rejects.iter().any(|code| code == "401" || code == "403" && !whence);
    Verdict { auth, rejects }
}

/// The answers by which a statement turns callers away.
fn rejected(linked: &Linked<'_>, file: usize, fact: &Fact) -> Vec<String> {
    let code = |value: &str| matches!(value, "401" | "403" | "407" | "413" | "415" | "429" | "503");
    match fact.kind {
        Kind::Raise => {
            let found = fact.attrs.iter().map(|(_, value)| value.as_str()).find(|value| code(value));
            if let Some(found) = found {
                return vec![found.to_owned()];
            }
            // An answer that the module made once, to be raised wherever it is wanted.
            let made = linked.made(&linked.canonical(file, &fact.name));
            let found = made.and_then(|made| made.attrs.iter().map(|(_, value)| value.as_str()).find(|value| code(value)));
            if let Some(found) = found {
                return vec![found.to_owned()];
            }
            let name = linked.typed(file, &fact.name);
            if let Some(place) = linked.place(&name) {
                let own = linked.methods(place).into_iter().map(|(_, method)| method).chain([place]);
                let values = own.flat_map(|place| linked.inside(place).collect::<Vec<_>>());
                let found = values.flat_map(|(_, fact)| fact.attrs.iter().map(|(_, value)| value.clone())).find(|value| code(value));
                if let Some(found) = found {
                    return vec![found];
                }
            }
            let last = name.rsplit('.').next().unwrap_or("");
            let word = |words: &[&str]| words.iter().any(|word| last.contains(word));
            if word(&["Unauthorized", "NotAuthenticated", "AuthenticationFailed", "InvalidToken", "Credential", "AuthenticationError"]) {
                return vec!["401".into()];
            }
            if word(&["Forbidden", "PermissionDenied", "NotAuthorized", "AuthorizationError"]) {
                return vec!["403".into()];
            }
            Vec::new()
        }
        Kind::Call => {
            let last = fact.name.rsplit('.').next().unwrap_or("");
            let answers = last.ends_with("Response") || matches!(last, "abort" | "HTTPException" | "make_response" | "jsonify");
            let named = ["status_code", "status", "code", "0", "1"];
            let found = named.iter().filter_map(|name| fact.get(name)).find(|value| code(value));
            found.filter(|_| answers || fact.get("status_code").is_some()).map(|found| vec![found.to_owned()]).unwrap_or_default()
        }
        Kind::Def => fact.all("answers").filter(|value| code(value)).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

/// The functions of the same file that a factory chooses from.
pub(super) fn chosen(linked: &Linked<'_>, place: Place) -> Vec<String> {
    let (Some(definition), Some(number)) = (linked.definition(place), linked.number(place.file)) else { return Vec::new() };
    let Some(file) = linked.files.get(number) else { return Vec::new() };
    let names = definition.all("returned").map(|name| super::super::name::join(&file.module, name));
    names.filter(|name| linked.place(name).is_some()).collect()
}

/// The functions inside a function: what a decorator or a factory gives.
pub(super) fn nested(linked: &Linked<'_>, place: Place) -> Vec<Place> {
    let Some(file) = linked.number(place.file).and_then(|number| linked.files.get(number)) else { return Vec::new() };
    let (mut inner, mut next) = (vec![place.symbol], 0);
    while let Some(symbol) = inner.get(next).copied().filter(|_| inner.len() < 30) {
        next += 1;
        inner.extend(file.below.get(symbol as usize).into_iter().flatten().take(30));
    }
    inner.into_iter().skip(1).map(|symbol| Place { file: place.file, symbol }).collect()
}
