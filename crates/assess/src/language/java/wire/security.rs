//! Spring Security's chains: which rule a path meets.

use super::class::{Class, Classes, last};
use crate::fact::Fact;

/// One rule of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The method; nothing for all.
    method: Option<String>,
    /// The pattern.
    pattern: String,
    /// What it asks: `authenticated`, `hasRole`, `permitAll`.
    pub access: String,
    /// The canonical name of the call that asks it, for evidence.
    pub name: String,
}

/// A chain of rules.
#[derive(Debug, Default)]
pub struct Chain {
    /// The paths that it is for; all where it names none.
    scope: Vec<String>,
    rules: Vec<Rule>,
    /// The module it stands in.
    module: String,
}

/// The chains of a program.
pub fn chains(classes: &[Class<'_>]) -> Vec<Chain> {
    let mut found = Vec::new();
    for class in classes {
        for method in &class.methods {
            let calls: Vec<&Fact> = method.calls.iter().copied().filter(|call| call.name.contains("HttpSecurity.")).collect();
            let mut chain = read(&calls, classes);
            class.module.clone_into(&mut chain.module);
            if !chain.rules.is_empty() {
                found.push(chain);
            }
        }
    }
    // Older adapters ask for a login everywhere unless they are told otherwise.
    for class in classes {
        let adapter = class.bases().find(|base| matches!(last(base), "ResourceServerConfigurerAdapter" | "WebSecurityConfigurerAdapter"));
        let told = found.iter().any(|chain: &Chain| chain.module == class.module);
        let configures = class
            .methods
            .iter()
            .any(|method| method.simple() == "configure" && method.def.all("param").any(|param| param.contains("HttpSecurity")));
        if let Some(base) = adapter.filter(|_| !told && !configures) {
            let rule = Rule { method: None, pattern: "/**".to_owned(), access: "authenticated".to_owned(), name: base.to_owned() };
            found.push(Chain { scope: Vec::new(), rules: vec![rule], module: class.module.to_owned() });
        }
    }
    // Chains for some paths come before the one for all.
    found.sort_by_key(|chain| chain.scope.is_empty());
    found
}

fn read(calls: &[&Fact], classes: &[Class<'_>]) -> Chain {
    let mut chain = Chain::default();
    let mut waiting: Vec<(Option<String>, String)> = Vec::new();
    for call in calls {
        let verb = last(&call.name);
        let rules = ["authorizeHttpRequests", "authorizeRequests", "authorizeExchange"]
            .iter()
            .any(|word| call.name.contains(&format!("HttpSecurity.{word}")));
        match verb {
            "securityMatcher" | "antMatcher" if !rules => chain.scope.extend(patterns(call, classes)),
            "requestMatchers" | "antMatchers" | "mvcMatchers" | "pathMatchers" | "regexMatchers" if rules => {
                let method = call.get("0").filter(|first| first.contains("HttpMethod.")).map(|first| last(first).to_owned());
                let mut all = patterns(call, classes);
                if all.is_empty() {
                    // A matcher that is an object: a health endpoint, or something of one's own.
                    let object = call.get("0").unwrap_or_default();
                    all.push(if method.is_some() {
                        "/**".to_owned()
                    } else if object.contains("EndpointRequest") {
                        "/actuator/**".to_owned()
                    } else {
                        format!("?{object}")
                    });
                }
                waiting.extend(all.into_iter().map(|pattern| (method.clone(), pattern)));
            }
            "anyRequest" | "anyExchange" if rules => waiting.push((None, "/**".to_owned())),
            "permitAll" | "authenticated" | "fullyAuthenticated" | "denyAll" | "hasRole" | "hasAnyRole" | "hasAuthority"
            | "hasAnyAuthority" | "access" | "anonymous" | "rememberMe" | "hasIpAddress"
                if rules =>
            {
                for (method, pattern) in waiting.drain(..) {
                    chain.rules.push(Rule { method, pattern, access: verb.to_owned(), name: call.name.clone() });
                }
            }
            _ => {}
        }
    }
    chain
}

/// The patterns among a call's arguments; constants of other classes are looked up.
fn patterns(call: &Fact, classes: &[Class<'_>]) -> Vec<String> {
    let arguments = call.attrs.iter().filter(|(key, _)| key.bytes().all(|byte| byte.is_ascii_digit()));
    let mut out = Vec::new();
    for (_, value) in arguments {
        let named = constant(value, classes);
        let value = named.unwrap_or(value);
        if value.starts_with('/') || value.starts_with("**") {
            out.push(value.to_owned());
        } else if value.contains('"') && !value.contains("HttpMethod.") {
            // `new AntPathRequestMatcher("/x")`, `List.of("/x")`, `["/x"]`
            out.extend(
                value.split('"').skip(1).step_by(2).filter(|part| part.starts_with('/') || part.starts_with("**")).map(str::to_owned),
            );
        }
    }
    out
}

/// What `Paths.OPEN` is.
fn constant<'a>(written: &str, classes: &'a [Class<'_>]) -> Option<&'a str> {
    let (class, name) = written.rsplit_once('.')?;
    let class = last(class);
    let owner = classes.iter().find(|other| other.simple == class)?;
    owner.constants.iter().find(|fact| fact.name == name)?.get("value")
}

/// The rule that a route meets first; nothing where no chain is known or none fits.
pub fn rule<'a>(chains: &'a [Chain], classes: &Classes<'_>, module: &str, method: &str, path: &str) -> Option<&'a Rule> {
    let mut ours = chains.iter().filter(|chain| classes.applies(&chain.module, module));
    let chain = ours.find(|chain| chain.scope.is_empty() || chain.scope.iter().any(|pattern| fits(pattern, path)))?;
    chain.rules.iter().find(|rule| rule.method.as_ref().is_none_or(|wanted| wanted == method) && fits(&rule.pattern, path))
}

/// Ant's patterns: `*` one part, `**` any number, `{x}` one part.
pub fn fits(pattern: &str, path: &str) -> bool {
    let parts = |text: &str| text.trim_matches('/').split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    let (pattern, path) = (parts(pattern), parts(path));
    let (mut at, mut here) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while here < path.len() {
        match pattern.get(at) {
            Some(part) if part == "**" => {
                star = Some((at, here));
                at += 1;
            }
            Some(part) if one(part, path.get(here).map_or("", String::as_str)) => {
                at += 1;
                here += 1;
            }
            _ => match star {
                Some((mark, from)) => {
                    star = Some((mark, from + 1));
                    (at, here) = (mark + 1, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(at).all(|part| part == "**")
}

fn one(pattern: &str, part: &str) -> bool {
    if pattern == "*" || pattern == part || (pattern.starts_with('{') && pattern.ends_with('}')) {
        return true;
    }
    match pattern.split_once('*') {
        Some((before, after)) => part.len() >= before.len() + after.len() && part.starts_with(before) && part.ends_with(after),
        None => part.starts_with('{') && part.ends_with('}') && pattern.starts_with('{'),
    }
}

/// Whether annotations of methods such as `@PreAuthorize` are switched on for a module.
pub fn method_security(classes: &Classes<'_>, module: &str) -> bool {
    let switch = ["EnableMethodSecurity", "EnableGlobalMethodSecurity", "EnableReactiveMethodSecurity"];
    classes.all.iter().any(|class| class.marked(&switch).is_some() && classes.applies(class.module, module))
}
