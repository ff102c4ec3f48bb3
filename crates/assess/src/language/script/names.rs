//! What things are called: modules by path, constants by value, everything else by its text.

use tree_sitter::Node;

/// The longest value that a fact carries, in characters.
pub(super) const LONGEST: usize = 200;

/// Endings of files that can be imported without writing them.
pub(super) const ENDINGS: &[&str] = &["ts", "tsx", "js", "jsx", "mjs", "cjs", "mts", "cts"];

/// A path without the ending of a program's file.
pub(super) fn bare(path: &str) -> &str {
    match path.rsplit_once('.') {
        Some((stem, ending)) if ENDINGS.contains(&ending) || ending == "json" => stem.strip_suffix(".d").unwrap_or(stem),
        _ => path,
    }
}

/// The canonical name of the module at a path: `src/users/index.ts` is `src.users`.
pub(super) fn module_at(path: &str) -> String {
    let stem = bare(path);
    stem.strip_suffix("/index").unwrap_or(stem).replace('/', ".")
}

/// The path that a relative specifier means, without looking whether it is there.
pub(super) fn joined(from: &str, specifier: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in specifier.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            other => parts.push(other),
        }
    }
    parts.join("/")
}

/// Whether a specifier is a path of this repository beyond doubt.
pub(super) fn is_relative(specifier: &str) -> bool {
    specifier == "." || specifier == ".." || specifier.starts_with("./") || specifier.starts_with("../")
}

/// The canonical name of an imported module.
pub(super) fn module_named(from: &str, specifier: &str) -> String {
    if is_relative(specifier) {
        let path = joined(from, specifier);
        return if path.is_empty() { "index".to_owned() } else { module_at(&path) };
    }
    specifier.strip_prefix("node:").unwrap_or(specifier).to_owned()
}

/// The text of a node; nothing where its bounds are no text.
pub(super) fn text_of<'t>(text: &'t str, node: Node<'_>) -> &'t str {
    text.get(node.byte_range()).unwrap_or("")
}

/// A string's content without its quotes.
pub(super) fn unquoted(text: &str) -> &str {
    let inner = text.strip_prefix(['"', '\'', '`']).unwrap_or(text);
    inner.strip_suffix(['"', '\'', '`']).unwrap_or(inner)
}

/// The first characters of a text.
pub(super) fn shortened(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}

/// Source text in one line without the spaces and comments that mean nothing.
pub(super) fn compact(text: &str) -> String {
    let mut out = String::with_capacity(LONGEST);
    let mut rest = text.chars().take(6 * LONGEST).peekable();
    let (mut quote, mut space, mut count) = (None, false, 0_usize);
    let word = |character: char| character.is_alphanumeric() || character == '_' || character == '$';
    while let Some(character) = rest.next() {
        if count >= LONGEST {
            break;
        }
        match (quote, character) {
            (Some(open), _) => {
                out.push(character);
                count += 1;
                if character == '\\' {
                    out.extend(rest.next());
                } else if character == open {
                    quote = None;
                }
            }
            (None, '/') if rest.peek() == Some(&'/') => {
                while rest.peek().is_some_and(|next| *next != '\n') {
                    rest.next();
                }
            }
            (None, _) if character.is_whitespace() => space = true,
            (None, _) => {
                if space && word(character) && out.chars().next_back().is_some_and(word) {
                    out.push(' ');
                    count += 1;
                }
                // A comma before a closing bracket says nothing.
                if matches!(character, ']' | '}' | ')') && out.ends_with(',') {
                    out.pop();
                }
                space = false;
                out.push(character);
                count += 1;
                if matches!(character, '"' | '\'' | '`') {
                    quote = Some(character);
                }
            }
        }
    }
    out
}

/// Looks through what does not change a value: brackets, `await`, `as`, `!`.
pub(super) fn plain(mut node: Node<'_>) -> Node<'_> {
    for _ in 0..32 {
        match node.kind() {
            "parenthesized_expression"
            | "await_expression"
            | "as_expression"
            | "satisfies_expression"
            | "non_null_expression"
            | "type_assertion" => {
                let inner = if node.kind() == "type_assertion" { last(node) } else { node.named_child(0) };
                match inner {
                    Some(inner) => node = inner,
                    None => return node,
                }
            }
            _ => return node,
        }
    }
    node
}

fn last(node: Node<'_>) -> Option<Node<'_>> {
    node.named_child(u32::try_from(node.named_child_count().checked_sub(1)?).ok()?)
}

/// The value of a constant expression, sums and products included; nothing where it is not constant.
pub(super) fn constant(text: &str, node: Node<'_>) -> Option<String> {
    let node = plain(node);
    let written = text_of(text, node);
    match node.kind() {
        "string" => Some(shortened(unquoted(written))),
        "template_string" if !has_parts(node) => Some(shortened(unquoted(written))),
        "true" | "false" | "null" | "undefined" => Some(written.to_owned()),
        "number" | "binary_expression" | "unary_expression" => number(text, node, 8).map(shown),
        "identifier" if written == "undefined" => Some(written.to_owned()),
        _ => None,
    }
}

/// Whether values are pasted into a template.
pub(super) fn has_parts(node: Node<'_>) -> bool {
    let mut cursor = node.walk();
    node.named_children(&mut cursor).any(|child| child.kind() == "template_substitution")
}

fn number(text: &str, node: Node<'_>, depth: u32) -> Option<f64> {
    let (node, depth) = (plain(node), depth.checked_sub(1)?);
    match node.kind() {
        "number" => text_of(text, node).replace('_', "").parse().ok(),
        "unary_expression" => {
            let inner = number(text, node.child_by_field_name("argument")?, depth)?;
            (text_of(text, node.child_by_field_name("operator")?) == "-").then_some(-inner)
        }
        "binary_expression" => {
            let left = number(text, node.child_by_field_name("left")?, depth)?;
            let right = number(text, node.child_by_field_name("right")?, depth)?;
            match text_of(text, node.child_by_field_name("operator")?) {
                "*" => Some(left * right),
                "+" => Some(left + right),
                "-" => Some(left - right),
                "/" if right != 0.0 => Some(left / right),
                "**" => Some(left.powf(right)),
                _ => None,
            }
        }
        _ => None,
    }
}

fn shown(value: f64) -> String {
    format!("{value}")
}

/// Other names of the same thing: types that stand for what a constructor gives, and default exports by name.
pub(super) fn normal(name: String) -> String {
    const SAME: &[(&str, &str)] = &[
        ("express.Express", "express"),
        ("express.Application", "express"),
        ("express.express", "express"),
        ("express.IRouter", "express.Router"),
        ("express-promise-router", "express.Router"),
        ("fastify.FastifyInstance", "fastify"),
        ("fastify.fastify", "fastify"),
        ("fastify.Fastify", "fastify"),
        ("koa-router", "@koa/router"),
        ("@koa/router.Router", "@koa/router"),
        ("koa.Koa", "koa"),
        ("hono/tiny.Hono", "hono.Hono"),
        ("@hono/zod-openapi.OpenAPIHono", "hono.Hono"),
        ("hono/quick.Hono", "hono.Hono"),
        ("express-rate-limit.rateLimit", "express-rate-limit"),
        ("@nestjs/platform-express.NestExpressApplication", "@nestjs/common.INestApplication"),
        ("@nestjs/platform-fastify.NestFastifyApplication", "@nestjs/common.INestApplication"),
        ("axios.Axios", "axios"),
        ("@hapi/hapi.Server", "@hapi/hapi.server"),
    ];
    let name = name.replace(".default.", ".");
    let name = name.strip_suffix(".default").map(str::to_owned).unwrap_or(name);
    for (from, to) in SAME {
        if let Some(rest) = name.strip_prefix(from)
            && (rest.is_empty() || rest.starts_with('.'))
        {
            return format!("{to}{rest}");
        }
    }
    name
}

/// Routers and apps by the type that [`normal`] gives, with the framework's name.
pub(super) const ROUTERS: &[(&str, &str)] = &[
    ("express.Router", "express"),
    ("express", "express"),
    ("fastify", "fastify"),
    ("koa", "koa"),
    ("@koa/router", "koa"),
    ("hono.Hono", "hono"),
    ("@nestjs/common.INestApplication", "nest"),
    ("@hapi/hapi.server", "hapi"),
    ("restify.createServer", "restify"),
    ("polka", "polka"),
];

/// The router's type, the framework, and the rest of a name that is a call on a router.
pub(super) fn on_router(name: &str) -> Option<(&'static str, &'static str, &str)> {
    ROUTERS.iter().find_map(|(kind, framework)| {
        let rest = name.strip_prefix(kind)?.strip_prefix('.')?;
        let verb = rest.strip_prefix("route.").unwrap_or(rest);
        VERBS.contains(&verb).then_some((*kind, *framework, rest))
    })
}

/// What is called on a router to put something on it.
const VERBS: &[&str] = &[
    "get",
    "post",
    "put",
    "patch",
    "delete",
    "del",
    "head",
    "options",
    "opts",
    "all",
    "use",
    "route",
    "register",
    "addHook",
    "setErrorHandler",
    "setNotFoundHandler",
    "onError",
    "notFound",
    "listen",
    "mount",
    "basePath",
    "param",
    "useGlobalPipes",
    "useGlobalGuards",
    "useGlobalFilters",
    "useGlobalInterceptors",
    "enableCors",
    "enableShutdownHooks",
    "setGlobalPrefix",
    "enableVersioning",
    "ext",
    "on",
    "openapi",
    "setValidatorCompiler",
    "prefix",
];

/// The type of what a call gives, where it is not the callee itself.
pub(super) fn result_of(callee: &str) -> String {
    if callee.starts_with("@nestjs/core.NestFactory.create") {
        return "@nestjs/common.INestApplication".to_owned();
    }
    if let Some((kind, _, rest)) = on_router(callee) {
        // Routers hand themselves back; `route(path)` hands back one that knows its path.
        let held = rest == "route" || rest.starts_with("route.");
        return if held && kind.starts_with("express") { format!("{kind}.route") } else { kind.to_owned() };
    }
    callee.to_owned()
}
