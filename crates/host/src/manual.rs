//! What the host says about itself: the API description, its reader, a page per problem, and the
//! pages that somebody else wrote for it.

use std::sync::OnceLock;

use bytes::Bytes;
use http::{HeaderValue, Response, header};
use plimsoll_core::{Access, Code, Result};

use crate::{
    Body, Host,
    ctx::{Ctx, Read},
    problems,
    route::{Path, RouteClass, Routes},
};

/// The bytes of `/openapi.json`; filled once all routes are known.
#[derive(Default)]
pub struct Description(OnceLock<Bytes>);

impl Description {
    /// Sets the document; the first one stays.
    pub fn set(&self, document: &serde_json::Value) {
        let _ = self.0.set(Bytes::from(serde_json::to_vec(document).unwrap_or_default()));
    }
    /// The document.
    pub fn bytes(&self) -> Bytes {
        self.0.get().cloned().unwrap_or_default()
    }
}

/// A page below `/docs` that somebody else wrote.
#[derive(Debug, Clone)]
pub struct Leaf {
    /// Its title, plain text.
    pub title: String,
    /// Its text: Markdown that is compiled in, so that nothing foreign is rendered.
    pub text: String,
}

/// Finds a page by its address below `/docs`, such as `practices/rate-limit`. It is made when it is
/// asked for: a start does not read a book.
pub type Shelf = fn(&str) -> Option<Leaf>;

const PUBLIC: Access = Access::public("documentation: it holds no data of any tenant");

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// Pages of the host and what they load; compiled in, so that nothing comes from elsewhere.
const PAGES: &[(&str, &str, &[u8])] = &[
    ("/docs", HTML, include_bytes!("../page/docs/index.html")),
    ("/setup", HTML, include_bytes!("../page/setup/index.html")),
    ("/assets/mark.svg", "image/svg+xml", include_bytes!("../page/mark.svg")),
    ("/assets/house.css", CSS, include_bytes!("../page/house.css")),
    ("/assets/house.js", SCRIPT, include_bytes!("../page/house.js")),
    ("/assets/session.js", SCRIPT, include_bytes!("../page/session.js")),
    ("/assets/docs/docs.css", CSS, include_bytes!("../page/docs/docs.css")),
    ("/assets/docs/docs.js", SCRIPT, include_bytes!("../page/docs/docs.js")),
    ("/assets/docs/description.js", SCRIPT, include_bytes!("../page/docs/description.js")),
    ("/assets/docs/run.js", SCRIPT, include_bytes!("../page/docs/run.js")),
    ("/assets/docs/schema.js", SCRIPT, include_bytes!("../page/docs/schema.js")),
    ("/assets/setup/setup.css", CSS, include_bytes!("../page/setup/setup.css")),
    ("/assets/setup/setup.js", SCRIPT, include_bytes!("../page/setup/setup.js")),
];

/// Routes of the manual.
pub fn routes(r: &mut Routes<'_, ()>) {
    r.get("/openapi.json", PUBLIC, description).named("manual.openapi").class(RouteClass::Page).hidden();
    r.get("/problems/{slug}", PUBLIC, problem).named("manual.problem").class(RouteClass::Page).hidden().document();
    r.get("/docs/{*page}", PUBLIC, leaf).named("manual.page").class(RouteClass::Page).hidden().document();
    for (path, media, bytes) in PAGES {
        r.page(path, media, bytes);
    }
}

async fn description(ctx: Ctx<(), Read>, (): ()) -> Result<Response<Body>> {
    let mut bytes = ctx.host.description.bytes();
    if !ctx.host.holds("openapi-docs") {
        bytes = listing(&bytes)?;
    }
    let mut answer = Response::new(Body::from(bytes));
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Ok(answer)
}

/// The description without what makes it more than a list of addresses, for the practice switched off.
fn listing(bytes: &Bytes) -> Result<Bytes> {
    let mut document: serde_json::Value = serde_json::from_slice(bytes)?;
    for operation in document["paths"].as_object_mut().into_iter().flatten().filter_map(|(_, item)| item.as_object_mut()).flatten() {
        operation.1["responses"] = serde_json::json!({});
    }
    document["components"]["responses"] = serde_json::json!({});
    Ok(Bytes::from(serde_json::to_vec(&document)?))
}

async fn problem(ctx: Ctx<(), Read>, Path(slug): Path<String>) -> Result<Response<Body>> {
    let known = Code::named(slug.trim_end_matches(".md")).filter(|_| ctx.host.holds("error-code-catalogue"));
    let code = known.ok_or_else(|| Code::NotFound.because("there is no problem of this name"))?;
    Ok(document(page(&ctx.host, code.title(), problems::page(code))))
}

async fn leaf(ctx: Ctx<(), Read>, Path(address): Path<String>) -> Result<Response<Body>> {
    let found = ctx.host.shelf.and_then(|shelf| shelf(address.trim_end_matches('/')));
    let leaf = found.ok_or_else(|| Code::NotFound.because("the manual has no page of this name; /docs/practices lists what there is"))?;
    Ok(document(page(&ctx.host, &escaped(&leaf.title), &leaf.text)))
}

fn document(html: String) -> Response<Body> {
    let mut answer = Response::new(Body::from(html));
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(HTML));
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    answer
}

/// A text as it can stand in HTML.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A Markdown text of ours as a page; the texts are compiled in, so nothing foreign is rendered.
fn page(host: &Host, title: &str, markdown: &str) -> String {
    let practices = if host.shelf.is_some() { "<a href=\"/docs/practices\">Practices</a>" } else { "" };
    let mut body = String::new();
    pulldown_cmark::html::push_html(&mut body, pulldown_cmark::Parser::new_ext(markdown, pulldown_cmark::Options::ENABLE_TABLES));
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>{title} · Plimsoll</title><link rel=\"icon\" href=\"/assets/mark.svg\" type=\"image/svg+xml\">\
         <link rel=\"stylesheet\" href=\"/assets/house.css\"></head>\n<body><header class=\"bar\"><div class=\"bar-inner\">\
         <span class=\"brand\"><img src=\"/assets/mark.svg\" alt=\"\">Plimsoll</span><a href=\"/docs\">API</a>{practices}</div></header>\n\
         <main class=\"wrap manual\">\n{body}</main></body></html>\n"
    )
}
