//! What a browser sends by itself: the session cookie.

use plimsoll_assess::{
    Rig, Trouble,
    rig::{Ask, get, post},
};
use serde_json::json;

use crate::{description::operations, mounted};

/// Logs in with a cookie, over an encrypted connection or a plain one; the `Set-Cookie` fields.
async fn cookie(rig: &mut Rig, email: &str, password: &str, scheme: &str) -> Result<String, Trouble> {
    let body = json!({ "email": email, "password": password, "cookie": true });
    let reply = rig
        .send(post("/v1/auth/login").header("x-forwarded-proto", scheme).json(&body).shown(format!("/v1/auth/login over {scheme}")))
        .await?;
    let set = reply.header("set-cookie").unwrap_or_default().to_owned();
    if reply.status == 200 && !set.is_empty() { Ok(set) } else { Err(Trouble::new(format!("a login set no cookie: {}", reply.line()))) }
}

fn pair(set: &str) -> &str {
    set.split(';').next().unwrap_or_default()
}

/// Other sites' pages that try to act with the cookie.
pub(crate) async fn csrf(rig: &mut Rig) -> Result<(), Trouble> {
    let tenant = rig.tenant().await?;
    let person = rig.account(&tenant, "editor").await?;
    let operations = operations(rig).await?;
    let create =
        operations.iter().find(|one| one.method == "POST" && !one.one() && one.needs.as_ref().is_some_and(|(role, _)| role == "editor"));
    let create = create.ok_or_else(|| Trouble::new("no operation creates anything for an editor"))?;
    let set = cookie(rig, &person.email, &person.password, "http").await?;
    let own = rig.site().base.clone();
    let count = || get(create.path.clone()).bearer(&tenant.owner);

    rig.check("other-sites");
    let asks: [(&str, &[(&str, &str)]); 6] = [
        ("from another site", &[("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")]),
        ("from another site by an old browser", &[("origin", "https://evil.example")]),
        ("from a sister site", &[("sec-fetch-site", "same-site")]),
        ("from a page without an origin", &[("origin", "null")]),
        ("with the right origin and a browser that knows better", &[("origin", &own), ("sec-fetch-site", "cross-site")]),
        ("that does not say where it comes from", &[]),
    ];
    for (what, headers) in asks {
        let fill = |ask: Ask| headers.iter().fold(ask.header("cookie", pair(&set)), |ask, (name, value)| ask.header(name, value));
        let json = rig.send(fill(create.exemplary("")).shown(format!("{} {what}", create.path))).await?;
        rig.must(json.status == 403, format!("a change {what} is refused with 403"));
    }
    let form = create
        .ask("")
        .header("cookie", pair(&set))
        .header("origin", "https://evil.example")
        .header("content-type", "application/x-www-form-urlencoded");
    let reply = rig.send(form.body("title=x").shown(format!("{} as a form from another site", create.path))).await?;
    rig.must(reply.status == 403, "a form of another site is refused with 403");
    let left = post("/v1/auth/logout").header("cookie", pair(&set)).header("sec-fetch-site", "cross-site");
    let reply = rig.send(left).await?;
    rig.must(reply.status == 403, "another site cannot log anybody out");

    mounted::other_sites(rig, pair(&set)).await?;

    rig.check("nothing-done");
    let reply = rig.send(count()).await?;
    rig.must(reply.number("/pagination/total_items") == Some(0), "nothing was made by what was refused");

    rig.check("own-pages");
    for (what, name, value) in [("by the browser's word", "sec-fetch-site", "same-origin"), ("by its origin", "origin", own.as_str())] {
        let reply = rig
            .send(
                create
                    .exemplary("")
                    .header("cookie", pair(&set))
                    .header(name, value)
                    .shown(format!("{} from an own page, {what}", create.path)),
            )
            .await?;
        rig.must(reply.good(), format!("a change from an own page, known {what}, passes"));
    }
    mounted::own_page(rig, pair(&set)).await?;
    let key = rig.key(&tenant, "editor").await?;
    let reply =
        rig.send(create.exemplary("").bearer(&key).header("origin", "https://evil.example").header("sec-fetch-site", "cross-site")).await?;
    rig.must(reply.good(), "a key, which no browser sends by itself, works from anywhere");
    Ok(())
}

/// The attributes of the session cookie.
pub(crate) async fn cookies(rig: &mut Rig) -> Result<(), Trouble> {
    let tenant = rig.tenant().await?;
    let person = rig.account(&tenant, "viewer").await?;
    let has = |set: &str, wanted: &str| set.split(';').skip(1).any(|part| part.trim().eq_ignore_ascii_case(wanted));
    let encrypted = cookie(rig, &person.email, &person.password, "https").await?;
    let plain = cookie(rig, &person.email, &person.password, "http").await?;

    rig.check("out-of-reach");
    for (set, what) in [(&encrypted, "over https"), (&plain, "over http")] {
        rig.must(has(set, "HttpOnly"), format!("the cookie set {what} is out of reach of scripts"));
        rig.must(
            has(set, "SameSite=Strict") || has(set, "SameSite=Lax"),
            format!("the cookie set {what} does not follow requests of other sites"),
        );
        rig.must(!set.to_ascii_lowercase().contains("domain="), format!("the cookie set {what} stays with this host"));
    }
    rig.check("encrypted-only");
    rig.must(has(&encrypted, "Secure"), "the cookie set over https is never sent in the clear");
    rig.must(encrypted.starts_with("__Host-"), "its name binds it to this host and to https");

    rig.check("taken-back");
    let leave = post("/v1/auth/logout")
        .header("x-forwarded-proto", "https")
        .header("cookie", pair(&encrypted))
        .header("sec-fetch-site", "same-origin");
    let reply = rig.send(leave).await?;
    let set = reply.header("set-cookie").unwrap_or_default().to_owned();
    rig.must(reply.good() && has(&set, "Max-Age=0"), "a logout takes the cookie back");
    rig.must(has(&set, "HttpOnly") && has(&set, "Secure"), "the cookie that takes it back has the same attributes");
    Ok(())
}
