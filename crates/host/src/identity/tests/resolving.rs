use super::*;
use crate::identity::people;

#[tokio::test]
async fn a_key_acts_with_its_role_and_scopes_until_it_ends() {
    let bench = Bench::new().await;
    let (tenant, _) = bench.acme().await;
    let hour = Some(Duration::from_secs(3600));
    let made = bench.desk.create_key("acme", "ci", Role::Editor, vec!["songs:write".into()], hour).await.unwrap();
    let who = bench.bearer(&made.secret).await.unwrap();
    assert_eq!((who.tenant, who.role, &*who.id), (tenant, Role::Editor, made.key.id.to_string().as_str()));
    assert!(who.holds("songs:write", Role::Editor) && !who.holds("songs:read", Role::Viewer));
    bench.advance(3599);
    assert!(bench.bearer(&made.secret).await.is_ok());
    bench.advance(1);
    assert_eq!(
        bench.bearer(&made.secret).await.unwrap_err(),
        (Code::CredentialExpired, "expired"),
        "to the second, in spite of the memory"
    );
}

#[tokio::test]
async fn the_use_of_a_key_is_recorded_once_an_hour() {
    let bench = Bench::new().await;
    let (tenant, _) = bench.acme().await;
    let made = bench.desk.create_key("acme", "ci", Role::Viewer, vec![], None).await.unwrap();
    for seconds in [0, 10, 3000, 600, 10] {
        bench.advance(seconds);
        bench.bearer(&made.secret).await.unwrap();
    }
    let uses = bench.actions(tenant).await.into_iter().filter(|action| action == "key.use").count();
    assert_eq!(uses, 2);
    assert!(bench.desk.list_keys("acme").await.unwrap()[0].used_at.is_some());
}

#[tokio::test]
async fn what_another_process_revoked_is_refused_within_the_moment_of_the_memory() {
    let bench = Bench::new().await;
    bench.acme().await;
    let made = bench.desk.create_key("acme", "ci", Role::Viewer, vec![], None).await.unwrap();
    bench.bearer(&made.secret).await.unwrap();
    bench.desk.revoke_key(made.key.id).await.unwrap();
    bench.advance(2);
    assert_eq!(bench.bearer(&made.secret).await.unwrap_err(), (Code::CredentialRevoked, "revoked"));
}

#[tokio::test]
async fn what_this_process_revoked_is_refused_at_once() {
    let bench = Bench::new().await;
    bench.acme().await;
    let made = bench.desk.create_key("acme", "ci", Role::Viewer, vec![], None).await.unwrap();
    bench.bearer(&made.secret).await.unwrap();
    bench.desk.revoke_key(made.key.id).await.unwrap();
    bench.identity.forget();
    assert_eq!(bench.bearer(&made.secret).await.unwrap_err(), (Code::CredentialRevoked, "revoked"));
}

#[tokio::test]
async fn unknown_and_misshapen_credentials_are_told_apart() {
    let bench = Bench::new().await;
    let unknown = Token::new(crate::identity::secret::KEY_PREFIX, &Seed::system());
    assert_eq!(bench.bearer(&unknown.text).await.unwrap_err(), (Code::CredentialInvalid, "unknown-key"));
    assert_eq!(bench.bearer("plm_short").await.unwrap_err(), (Code::CredentialInvalid, "malformed"));
    assert_eq!(bench.bearer("anything").await.unwrap_err(), (Code::CredentialInvalid, "malformed"));
    let cookie = |text: &str| Presented::Cookie(text.to_owned());
    assert_eq!(bench.who(&bench.identity, cookie("x")).await.unwrap_err(), (Code::CredentialInvalid, "malformed"));
    assert_eq!(bench.who(&bench.identity, cookie(&unknown.text[4..])).await.unwrap_err(), (Code::CredentialInvalid, "unknown-key"));
}

#[tokio::test]
async fn a_session_ends_with_everything_it_rests_on() {
    let bench = Bench::new().await;
    let (tenant, owner) = bench.acme().await;
    let (session, cookie) = bench.session(tenant, owner, true).await;
    let cookie = || Presented::Cookie(cookie.clone());
    let token = bench.identity.access_token(owner, tenant, session, Role::Owner, bench.clock.now()).unwrap();
    let who = bench.who(&bench.identity, cookie()).await.unwrap();
    assert_eq!((&*who.id, who.session, who.role), (owner.to_string().as_str(), Some(session), Role::Owner));

    bench.desk.set_user_active("owner@acme.example", false).await.unwrap();
    bench.identity.forget();
    assert_eq!(bench.bearer(&token).await.unwrap_err().0, Code::CredentialRevoked);
    assert_eq!(bench.who(&bench.identity, cookie()).await.unwrap_err().0, Code::CredentialRevoked);
    bench.desk.set_user_active("owner@acme.example", true).await.unwrap();
    bench.identity.forget();
    assert_eq!(bench.bearer(&token).await.unwrap_err().1, "session-ended", "ended sessions stay ended");
}

#[tokio::test]
async fn a_changed_role_counts_although_the_token_says_otherwise() {
    let bench = Bench::new().await;
    let (tenant, owner) = bench.acme().await;
    let (session, _) = bench.session(tenant, owner, false).await;
    let token = bench.identity.access_token(owner, tenant, session, Role::Owner, bench.clock.now()).unwrap();
    let demoted = operate::commit(&bench.store, tenant, Origin::host(bench.clock.now(), "test"), move |change| {
        change.write("UPDATE member SET role = 'viewer' WHERE tenant_id = :tenant", &[])
    });
    demoted.await.unwrap();
    assert_eq!(bench.bearer(&token).await.unwrap().role, Role::Viewer);
}

#[tokio::test]
async fn an_idle_session_expires_and_a_used_one_does_not() {
    let bench = Bench::new().await;
    let (tenant, owner) = bench.acme().await;
    let (_, used) = bench.session(tenant, owner, true).await;
    let (_, idle) = bench.session(tenant, owner, true).await;
    for _ in 0..4 {
        bench.advance(2 * 86_400);
        bench.who(&bench.identity, Presented::Cookie(used.clone())).await.unwrap();
    }
    assert_eq!(bench.who(&bench.identity, Presented::Cookie(idle)).await.unwrap_err(), (Code::CredentialExpired, "expired"));
    for _ in 0..12 {
        bench.advance(2 * 86_400);
        let _ = bench.who(&bench.identity, Presented::Cookie(used.clone())).await;
    }
    assert_eq!(
        bench.who(&bench.identity, Presented::Cookie(used)).await.unwrap_err(),
        (Code::CredentialExpired, "expired"),
        "thirty days at most"
    );
}

#[tokio::test]
async fn a_token_works_only_for_the_tenant_of_its_session() {
    let bench = Bench::new().await;
    let (tenant, owner) = bench.acme().await;
    let (session, _) = bench.session(tenant, owner, false).await;
    let other = bench.desk.create_tenant("other", "Other").await.unwrap().id;
    let foreign = bench.identity.access_token(owner, other, session, Role::Owner, bench.clock.now()).unwrap();
    assert_eq!(bench.bearer(&foreign).await.unwrap_err(), (Code::CredentialRevoked, "session-ended"));
    let somebody = bench.desk.create_user("acme", "b@acme.example", Role::Viewer, None).await.unwrap().id;
    let stranger = bench.identity.access_token(somebody, tenant, session, Role::Owner, bench.clock.now()).unwrap();
    assert_eq!(bench.bearer(&stranger).await.unwrap_err(), (Code::CredentialRevoked, "session-ended"));
}

#[tokio::test]
async fn the_public_tenant_is_the_one_its_owner_named_while_it_is_open() {
    let bench = Bench::new().await;
    assert_eq!(bench.identity.public_tenant("songbook").await.unwrap(), None, "it does not exist yet");
    let (tenant, _) = bench.acme().await;
    bench.advance(2);
    assert_eq!(bench.identity.public_tenant("songbook").await.unwrap(), Some(tenant));
    assert_eq!(bench.identity.public_tenant("other").await.unwrap(), None);
    bench.desk.close_tenant("acme").await.unwrap();
    bench.advance(2);
    assert_eq!(bench.identity.public_tenant("songbook").await.unwrap(), None);
}

#[tokio::test]
async fn the_last_owner_stays() {
    let bench = Bench::new().await;
    let (tenant, owner) = bench.acme().await;
    let keeps = |person| bench.store.read(Scope::Tenant(tenant), &PACE, move |tx| people::keep_an_owner(tx, person));
    assert_eq!(keeps(owner).await.unwrap_err().code(), Code::Conflict);
    bench.desk.create_user("acme", "second@acme.example", Role::Owner, None).await.unwrap();
    assert!(keeps(owner).await.is_ok());
    bench.desk.disable_user("second@acme.example").await.unwrap();
    assert_eq!(keeps(owner).await.unwrap_err().code(), Code::Conflict, "one who may not log in does not count");
}

#[tokio::test]
async fn what_is_long_over_is_deleted_and_what_is_open_is_not() {
    let bench = Bench::new().await;
    let (tenant, owner) = bench.acme().await;
    bench.session(tenant, owner, false).await;
    bench.session(tenant, owner, true).await;
    bench.advance(61 * 86_400);
    let (open, cookie) = bench.session(tenant, owner, true).await;
    let retention = crate::retention::Retention::new(&[], &Default::default()).unwrap();
    let origin = crate::ledger::Origin::host(bench.clock.now(), "retention.purge");
    let runs = crate::retention::run(&bench.store, &retention, tenant, origin, None).await.unwrap();
    assert_eq!((runs[0].class.as_str(), runs[0].removed), ("ended-sessions", 3), "two sessions and a refresh token");
    let left =
        bench.store.read(Scope::Tenant(tenant), &PACE, |tx| tx.rows::<SessionId>("SELECT id FROM session WHERE tenant_id = :tenant", &[]));
    assert_eq!(left.await.unwrap(), [open]);
    assert!(bench.who(&bench.identity, Presented::Cookie(cookie)).await.is_ok());
}
