//! `plimsoll tenant|user|key`: administration without a running server.

use std::{io::BufRead, time::Duration};

use plimsoll::{
    Code, Role,
    archive::tenant::hold,
    config::{Setting, Span},
    identity::Rotation,
};

use plimsoll_core::KeyId;

use super::{Ended, Ground, Outcome};
use crate::{
    arguments::{Global, Key, Tenant, User},
    output,
};

/// `plimsoll tenant …`
pub async fn tenant(global: &Global, what: &Tenant) -> Outcome {
    let ground = Ground::ready(global).await?;
    let desk = ground.desk();
    match what {
        Tenant::Create { slug, name } => {
            let made = desk.create_tenant(slug, name.as_deref().unwrap_or(slug)).await?;
            output::result(global.json, &made, |made| {
                format!(
                    "made tenant {} ({})\nnext: plimsoll user create --tenant {} --email YOU --role owner --password-stdin",
                    made.slug, made.id, made.slug
                )
            });
        }
        Tenant::List => {
            let all = desk.list_tenants().await?;
            output::result(global.json, &all, |all| {
                output::columns(
                    &["slug", "name", "id"],
                    &all.iter().map(|one| vec![one.slug.clone(), one.name.clone(), one.id.to_string()]).collect::<Vec<_>>(),
                )
            });
        }
        Tenant::Export(options) => super::tenant::export(&ground, global.json, options).await?,
        Tenant::Restore(options) => super::tenant::restore(&ground, global.json, options).await?,
        Tenant::Release { slug } => {
            let tenant = desk.tenant(slug).await?;
            hold::release(&ground.store, &ground.clock, tenant.id).await?;
            output::result(global.json, &serde_json::json!({ "id": tenant.id, "held": false }), |_| format!("{slug} is not held any more"));
        }
        Tenant::Close { slug, yes } => {
            confirmed(*yes, &format!("closing `{slug}` locks everybody out of it"))?;
            let closed = desk.close_tenant(slug).await?;
            output::result(global.json, &closed, |closed| format!("closed tenant {}; its data is still there", closed.slug));
        }
    }
    ground.close().await?;
    Ok(0)
}

/// `plimsoll user …`
pub async fn user(global: &Global, what: &User) -> Outcome {
    let ground = Ground::ready(global).await?;
    let desk = ground.desk();
    match what {
        User::Create { tenant, email, role, password_stdin } => {
            let role: Role = role.parse()?;
            let password = if *password_stdin { Some(read_password()?) } else { None };
            let made = desk.create_user(tenant, email, role, password.as_deref()).await?;
            output::result(global.json, &made, |made| format!("{} is now {} of {tenant} ({})", made.email, made.role, made.id));
        }
        User::List { tenant } => {
            let all = desk.list_users(tenant).await?;
            output::result(global.json, &all, |all| {
                output::columns(
                    &["email", "role", "active", "id"],
                    &all.iter()
                        .map(|one| {
                            vec![
                                one.email.clone(),
                                one.role.to_string(),
                                if one.active { "yes" } else { "no" }.to_owned(),
                                one.id.to_string(),
                            ]
                        })
                        .collect::<Vec<_>>(),
                )
            });
        }
        User::Disable { email } => {
            let id = desk.disable_user(email).await?;
            output::result(global.json, &serde_json::json!({ "id": id, "active": false }), |_| {
                format!("{email} is disabled; sessions ended")
            });
        }
    }
    ground.close().await?;
    Ok(0)
}

/// `plimsoll key …`
pub async fn key(global: &Global, what: &Key) -> Outcome {
    let ground = Ground::ready(global).await?;
    let desk = ground.desk();
    match what {
        Key::Create { tenant, role, name, scopes, expires } => {
            let role: Role = role.parse()?;
            let expires = expires.as_deref().map(lifetime).transpose()?;
            let made = desk.create_key(tenant, name, role, scopes.clone(), expires).await?;
            output::result(global.json, &made, |made| {
                format!("{}\n\nthis is the only time it is shown; its id is {}", made.secret, made.key.id)
            });
        }
        Key::List { tenant } => {
            let all = desk.list_keys(tenant).await?;
            output::result(global.json, &all, |all| {
                let time = |time: Option<plimsoll::Time>| time.map_or_else(|| "-".to_owned(), |time| time.to_string());
                output::columns(
                    &["id", "name", "role", "ends in", "expires", "revoked"],
                    &all.iter()
                        .map(|one| {
                            vec![
                                one.id.to_string(),
                                one.name.clone(),
                                one.role.to_string(),
                                one.hint.clone(),
                                time(one.expires_at),
                                time(one.revoked_at),
                            ]
                        })
                        .collect::<Vec<_>>(),
                )
            });
        }
        Key::Revoke { tenant, id } => {
            let known = desk.list_keys(tenant).await?;
            let id: KeyId = id.parse()?;
            if !known.iter().any(|key| key.id == id) {
                return Err(Code::NotFound.because(format!("tenant `{tenant}` has no key {id}")).into());
            }
            let revoked = desk.revoke_key(id).await?;
            output::result(global.json, &revoked, |_| format!("revoked {id}"));
        }
        Key::RotateSigning => {
            let rotated = desk.rotate_signing(&ground.master()?, Rotation::Planned).await?;
            output::result(global.json, &rotated, |rotated| format!("new signing key {}", rotated.kid));
        }
    }
    ground.close().await?;
    Ok(0)
}

fn confirmed(yes: bool, what: &str) -> Result<(), Ended> {
    if yes { Ok(()) } else { Err(Code::Refused.because(format!("{what}; repeat with --yes if that is what you want")).into()) }
}

/// One line from standard input, without its line end.
fn read_password() -> Result<String, Ended> {
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line);
    let line = line.trim_end_matches(['\r', '\n']);
    match read {
        Ok(_) if !line.is_empty() => Ok(line.to_owned()),
        _ => Err(Code::Invalid.because("no password came on standard input; pipe it in as one line").into()),
    }
}

/// As long as the API allows, and not shorter than anyone can use.
const LIFETIMES: std::ops::RangeInclusive<Duration> = Duration::from_secs(60)..=Duration::from_secs(3650 * 86_400);

fn lifetime(text: &str) -> Result<Duration, Ended> {
    let lifetime = Span::from_text(text)
        .map(Span::duration)
        .map_err(|_| Code::Invalid.because(format!("`{text}` is not a length of time; write something like 30d, 12h or 45m")))?;
    if !LIFETIMES.contains(&lifetime) {
        return Err(Code::Invalid.because(format!("a key cannot live for {text}; write something from 1m to 3650d")).into());
    }
    Ok(lifetime)
}
