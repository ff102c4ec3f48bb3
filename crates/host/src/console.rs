//! Pages for operators: their frame, their sign-in, and how they refuse.
//!
//! They are made on the server and work without scripts, apart from the sign-in. A page asks for
//! the same permissions as the route of the API that does the same.

use std::{collections::BTreeMap, fmt::Write as _};

use http::{HeaderValue, Method, Response, StatusCode, header};
use plimsoll_core::{Access, Code, Error, Result};
use schemars::SchemaGenerator;

use crate::{
    Body,
    ctx::{Ctx, Read},
    exchange::Exchange,
    manual::escaped,
    route::{Incoming, Input, RouteClass, RouteDoc, Routes, media, pairs},
};

const HTML: &str = "text/html; charset=utf-8";
const SIGN_IN: &str = "/console/sign-in";
const OPEN: Access = Access::public("it only says where to go on, and holds no data of any tenant");

/// The frame's own routes.
pub fn routes(r: &mut Routes<'_, ()>) {
    r.get("/console", OPEN, |_: Ctx<(), Read>, (): ()| async { Ok(back("/console/jobs")) })
        .named("console.index")
        .class(RouteClass::Page)
        .hidden()
        .document();
    r.page(SIGN_IN, HTML, include_bytes!("../page/console/sign-in.html"));
    r.page("/assets/console/console.css", "text/css; charset=utf-8", include_bytes!("../page/console/console.css"));
    r.page("/assets/console/sign-in.js", "text/javascript; charset=utf-8", include_bytes!("../page/console/sign-in.js"));
}

/// What stands around the pages of one part of the binary.
#[derive(Debug, Clone, Copy)]
pub struct Frame {
    /// What it calls itself.
    pub name: &'static str,
    /// Its first page.
    pub home: &'static str,
    /// Its pages: address and name.
    pub links: &'static [(&'static str, &'static str)],
    /// A style sheet of its own besides the console's.
    pub style: Option<&'static str>,
}

const CONSOLE: Frame = Frame { name: "Plimsoll", home: "/console/jobs", links: &[("/console/jobs", "Jobs")], style: None };

/// A page of the console with this title and content; both are HTML already.
pub fn page(title: &str, body: &str) -> Response<Body> {
    framed(&CONSOLE, title, body)
}

/// A page within a frame; title and content are HTML already.
pub fn framed(frame: &Frame, title: &str, body: &str) -> Response<Body> {
    let Frame { name, home, .. } = frame;
    let links: String = frame.links.iter().map(|(to, name)| format!("<a href=\"{to}\">{name}</a>")).collect();
    let style = frame.style.map(|path| format!("<link rel=\"stylesheet\" href=\"{path}\">")).unwrap_or_default();
    let mut answer = Response::new(Body::from(format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>{title} · {name}</title>\
         <link rel=\"icon\" href=\"/assets/mark.svg\" type=\"image/svg+xml\"><link rel=\"stylesheet\" href=\"/assets/house.css\">\
         <link rel=\"stylesheet\" href=\"/assets/console/console.css\">{style}</head>\n\
         <body><header class=\"bar\"><div class=\"bar-inner\"><a class=\"brand\" href=\"{home}\"><img src=\"/assets/mark.svg\" alt=\"\">{name}</a>\
         {links}<span class=\"grow\"></span><a href=\"/docs\">API</a></div></header>\n\
         <main class=\"wrap console\">\n{body}</main></body></html>\n"
    )));
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(HTML));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// 303: on to another page, so that a reload does not send a form again.
pub fn back(to: &str) -> Response<Body> {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::SEE_OTHER;
    answer.headers_mut().insert(header::LOCATION, HeaderValue::from_str(to).unwrap_or(HeaderValue::from_static("/console/jobs")));
    answer
}

/// How a page refuses: who is not signed in is led there, everybody else reads why.
/// `None` where the request was not for such a page.
pub(crate) fn refusal(error: &Error, x: &Exchange) -> Option<Response<Body>> {
    let route = &x.matched.as_ref()?.route;
    if !route.page || matches!(route.access, Access::Public { .. }) {
        return None;
    }
    if error.code().status() == 401 && x.method == Method::GET {
        let next = home(route.template);
        return Some(if next == CONSOLE.home { back(SIGN_IN) } else { back(&format!("{SIGN_IN}?next={next}")) });
    }
    let mut body = String::new();
    let code = error.code();
    let _ = write!(body, "<h1>{}</h1><div class=\"notice bad\"><p>{}</p>", code.title(), escaped(error.public()));
    for fault in error.faults() {
        let _ = write!(body, "<p>{}</p>", escaped(&fault.detail));
    }
    let _ = write!(
        body,
        "</div><p>Nothing was changed. <a href=\"{}\">Back</a></p>\
         <p class=\"muted\"><a href=\"/problems/{}\">{}</a>, request <code>{}</code></p>",
        home(route.template),
        code.slug(),
        code.stable(),
        x.request
    );
    let plain = Frame { links: &[], home: home(route.template), ..CONSOLE };
    let mut answer = framed(if route.template.starts_with("/console/") { &CONSOLE } else { &plain }, code.title(), &body);
    *answer.status_mut() = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Some(answer)
}

/// Where somebody goes on who was refused at a page: that page, or, where its address names a thing, the first page of its part.
fn home(template: &'static str) -> &'static str {
    if template.starts_with("/console/") {
        return "/console/jobs";
    }
    let first = template.char_indices().skip(1).find(|(_, c)| *c == '/').map_or(template.len(), |(at, _)| at);
    if template.contains('{') { &template[..first] } else { template }
}

/// The fields of a form that a page sent.
pub struct Form(pub BTreeMap<String, String>);

impl Form {
    /// A field that is not empty.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|text| text.trim()).filter(|text| !text.is_empty())
    }
}

impl Input for Form {
    const BODY: bool = true;
    fn parse(incoming: &Incoming<'_>) -> Result<Form> {
        media(incoming.parts, &["application/x-www-form-urlencoded"])?;
        let text = std::str::from_utf8(incoming.body).map_err(|_| Code::Malformed.because("the form is not UTF-8"))?;
        Ok(Form(pairs(text)?.into_iter().collect()))
    }
    fn describe(_: &mut RouteDoc, _: &mut SchemaGenerator, _: &'static str) {}
}
