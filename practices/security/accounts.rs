//! The life of an account, from registration to the end of its sessions.

use plimsoll_assess::{
    Rig, Trouble,
    rig::{Ask, Reply, delete, get, patch, post},
};
use serde_json::{Value, json};

fn login(email: &str, password: &str, what: &str) -> Ask {
    post("/v1/auth/login").json(&json!({ "email": email, "password": password })).shown(format!("/v1/auth/login {what}"))
}

/// What a caller sees of an answer, without what names this one request.
fn seen(reply: &Reply) -> (u16, Value, Vec<String>) {
    let mut body = reply.json();
    if let Some(fields) = body.as_object_mut() {
        fields.remove("request_id");
    }
    let names = reply.headers.keys().map(|name| name.as_str().to_owned());
    let mut names: Vec<String> = names.filter(|name| !name.starts_with("ratelimit")).collect();
    names.sort();
    (reply.status, body, names)
}

/// Login, logout and registration, and what their answers give away.
pub(crate) async fn endpoints(rig: &mut Rig) -> Result<(), Trouble> {
    let tenant = rig.tenant().await?;
    let person = rig.account(&tenant, "viewer").await?;

    rig.check("life-cycle");
    let came = rig.send(login(&person.email, &person.password, "with the right password")).await?;
    rig.must(came.status == 200 && !came.str("/access_token").is_empty(), "the right password gives an access token");
    let access = came.str("/access_token");
    let used = rig.send(get("/v1/auth/me").bearer(&access)).await?;
    rig.must(used.str("/email") == person.email, "the token says who one is");
    let left = rig.send(post("/v1/auth/logout").bearer(&access)).await?;
    rig.must(left.status == 204, "the session is ended by a logout");

    rig.check("no-enumeration");
    let wrong = rig.send(login(&person.email, "a password that is not it", "with a wrong password")).await?;
    let nobody = rig.send(login("nobody-at-all@probe.example", "a password that is not it", "as somebody who has no account")).await?;
    rig.must(wrong.status == 401, "a wrong password is refused with 401");
    rig.must(seen(&wrong) == seen(&nobody), "whether the account exists makes no difference to the answer, wording included");

    rig.check("register-off");
    let form = json!({ "email": "newcomer@probe.example", "password": "seven wet herons argue at dawn" });
    let closed = rig.send(post("/v1/auth/register").json(&form)).await?;
    rig.must(closed.status == 404, "nobody makes an account unless the operator allows it");

    rig.check("password-rules");
    passwords(rig, &tenant.owner).await?;

    rig.check("register-on");
    let copy = rig.copy(&[("identity.register", "true")]).await?;
    rig.turn_to(&copy);
    let first = rig.send(post("/v1/auth/register").json(&form)).await?;
    rig.must(first.status == 202, "where it is allowed, an account is made");
    let other = json!({ "email": "newcomer@probe.example", "password": "nine dry otters agree at dusk" });
    let second = rig.send(post("/v1/auth/register").json(&other)).await?;
    rig.must(seen(&first) == seen(&second), "registering an address that has an account gives the same answer");
    let old = rig.send(login("newcomer@probe.example", "seven wet herons argue at dawn", "with the first password")).await?;
    rig.must(old.status == 200, "the account keeps its password");
    let new = rig.send(login("newcomer@probe.example", "nine dry otters agree at dusk", "with the second password")).await?;
    rig.must(new.status == 401, "the second password opens nothing");
    Ok(())
}

/// Length and guessability count; kinds of characters do not.
async fn passwords(rig: &mut Rig, owner: &str) -> Result<(), Trouble> {
    let account = |number: u32, password: &str| {
        let body = json!({ "email": format!("harbour.pilot{number}@probe.example"), "role": "viewer", "password": password });
        post("/v1/users").bearer(owner).json(&body)
    };
    let refusals = [
        ("fourteen chars", "a password of fourteen characters"),
        ("passwordpassword", "a password that stands in every list"),
        ("aaaaaaaaaaaaaaaaaaaaaa", "one letter again and again"),
        ("harbour.pilot1@probe", "a password made of the address"),
        (&"six words ".repeat(52), "a password of more than 512 characters"),
    ];
    for (password, what) in refusals {
        let reply = rig.send(account(1, password).shown(format!("/v1/users with {what}"))).await?;
        let said = reply.str("/errors/0/detail");
        rig.must(
            reply.status == 422 && reply.str("/errors/0/pointer") == "/password",
            format!("{what} is refused, and the answer points at it"),
        );
        rig.must(said.len() > 15 && !said.contains(password), format!("the answer says why {what} is refused, without repeating it"));
    }
    let accepted = [
        ("velvet anchors drift past nine silent lighthouses while copper geese rehearse", "a password of more than 64 characters"),
        ("quartz pelican umbrella", "a password of small letters alone"),
    ];
    for (number, (password, what)) in (2u32..).zip(accepted) {
        let reply = rig.send(account(number, password).shown(format!("/v1/users with {what}"))).await?;
        rig.must(reply.status == 201, format!("{what} is accepted"));
    }
    Ok(())
}

/// Accounts with a status that counts at once, and sessions that can be seen and ended.
pub(crate) async fn users(rig: &mut Rig) -> Result<(), Trouble> {
    let tenant = rig.tenant().await?;
    let person = rig.person(&tenant, "editor").await?;
    let path = format!("/v1/users/{}", person.id);
    let member = |body: Value| {
        patch(path.clone()).bearer(&tenant.owner).header("content-type", "application/merge-patch+json").body(body.to_string())
    };

    rig.check("one-account");
    for (email, what) in [(person.email.clone(), "the same address"), (person.email.to_uppercase(), "the same address in capitals")] {
        let body = json!({ "email": email, "role": "viewer" });
        let again = rig.send(post("/v1/users").bearer(&tenant.owner).json(&body).shown(format!("/v1/users with {what}"))).await?;
        rig.must(again.status == 409, format!("{what} is no second member"));
    }
    let shown = rig.send(get(path.clone()).bearer(&tenant.owner)).await?;
    rig.must(shown.json()["active"] == true && shown.str("/role") == "editor", "an account has a role and a status");
    rig.must(!shown.text().contains("argon2") && shown.json().get("password").is_none(), "nothing of the password is shown");

    rig.check("sessions");
    let second = rig.log_in(&person).await?;
    let listed = rig.send(get("/v1/auth/sessions").bearer(&second.access)).await?;
    let sessions = listed.json()["items"].as_array().cloned().unwrap_or_default();
    rig.must(sessions.len() == 2, "a person sees both sessions");
    let others: Vec<&Value> = sessions.iter().filter(|session| session["current"] == false).collect();
    rig.must(others.len() == 1, "one of them is marked as the current one");
    let id = others.first().and_then(|session| session["id"].as_str()).unwrap_or("none").to_owned();
    let ended = rig.send(delete(format!("/v1/auth/sessions/{id}")).bearer(&second.access)).await?;
    rig.must(ended.status == 204, "a person ends the other one");
    let listed = rig.send(get("/v1/auth/sessions").bearer(&second.access)).await?;
    rig.must(listed.number("/pagination/total_items") == Some(1) && !listed.text().contains(&id), "it is not among the open ones any more");

    rig.check("suspended-at-once");
    let before = rig.send(get("/v1/auth/me").bearer(&second.access)).await?;
    rig.must(before.status == 200, "the token of an active member is accepted");
    let suspended = rig.send(member(json!({ "active": false }))).await?;
    rig.must(suspended.json()["active"] == false, "an administrator suspends the member");
    let after = rig.send(get("/v1/auth/me").bearer(&second.access)).await?;
    rig.must(after.status == 401, "the next request with the same token is refused with 401");
    let login = rig.send(login(&person.email, &person.password, "of a suspended member")).await?;
    rig.must(login.status == 401, "the right password opens nothing while the member is suspended");

    rig.check("readmitted");
    let back = rig.send(member(json!({ "active": true }))).await?;
    rig.must(back.json()["active"] == true, "an administrator readmits the member");
    let again = rig.log_in(&person).await?;
    let works = rig.send(get("/v1/auth/me").bearer(&again.access)).await?;
    rig.must(works.status == 200, "a new login works again");
    Ok(())
}
