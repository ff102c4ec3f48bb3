use super::*;
use crate::identity::Rotation;

fn kids(engine: &Identity, now: Time) -> Vec<String> {
    let keys = engine.ring.jwks(now);
    keys["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}
fn token(bench: &Bench, engine: &Identity, tenant: TenantId, person: UserId, session: SessionId) -> String {
    engine.access_token(person, tenant, session, Role::Owner, bench.clock.now()).unwrap()
}
fn kid_of(token: &str) -> String {
    crate::identity::token::Unverified::parse(token).unwrap().kid
}

#[tokio::test]
async fn a_new_key_is_public_before_it_signs_and_the_old_one_outlives_its_tokens() {
    let bench = Bench::new().await;
    let (tenant, owner) = bench.acme().await;
    let (session, _) = bench.session(tenant, owner, false).await;
    let old = kids(&bench.identity, bench.clock.now());
    assert_eq!(old.len(), 1);

    bench.advance(31 * 86_400);
    let (session2, _) = bench.session(tenant, owner, false).await;
    bench.identity.tend().await.unwrap();
    assert_eq!(kids(&bench.identity, bench.clock.now()).len(), 2, "both are public");
    assert_eq!(kid_of(&token(&bench, &bench.identity, tenant, owner, session)), old[0], "the old one still signs");

    bench.clock.advance(Duration::from_secs(600) - Duration::from_secs(1));
    let last = token(&bench, &bench.identity, tenant, owner, session2);
    assert_eq!(kid_of(&last), old[0]);
    bench.advance(1);
    let first = token(&bench, &bench.identity, tenant, owner, session2);
    assert_ne!(kid_of(&first), old[0]);
    bench.advance(590);
    assert!(bench.bearer(&last).await.is_ok() && bench.bearer(&first).await.is_ok());
    bench.advance(80);
    assert_eq!(kids(&bench.identity, bench.clock.now()), [kid_of(&first)], "the old key has retired");
    assert_eq!(bench.bearer(&last).await.unwrap_err(), (Code::CredentialInvalid, "key"));
}

#[tokio::test]
async fn another_process_learns_of_a_new_key_when_it_meets_it_but_not_at_every_try() {
    let bench = Bench::new().await;
    let (tenant, owner) = bench.acme().await;
    let (session, _) = bench.session(tenant, owner, false).await;
    let other = Bench::engine(&bench.desk).await;
    let turn = async || {
        bench.desk.rotate_signing(&master(), Rotation::Compromised).await.unwrap();
        bench.identity.ring.load(&bench.store, &master()).await.unwrap();
        token(&bench, &bench.identity, tenant, owner, session)
    };
    let first = turn().await;
    assert!(bench.who(&other, Presented::Bearer(first)).await.is_ok(), "a key that is not known is looked for");
    let second = turn().await;
    let read = bench.who(&other, Presented::Bearer(second.clone())).await;
    assert_eq!(read.unwrap_err(), (Code::CredentialInvalid, "key"), "it has looked for keys just now");
    bench.advance(5);
    assert!(bench.who(&other, Presented::Bearer(second)).await.is_ok());
}

#[tokio::test]
async fn a_compromised_key_ends_all_its_tokens_at_once() {
    let bench = Bench::new().await;
    let (tenant, owner) = bench.acme().await;
    let (session, _) = bench.session(tenant, owner, false).await;
    let stolen = token(&bench, &bench.identity, tenant, owner, session);
    assert!(bench.bearer(&stolen).await.is_ok());
    let made = bench.desk.rotate_signing(&master(), Rotation::Compromised).await.unwrap();
    bench.advance(5);
    bench.identity.tend().await.unwrap();
    assert_eq!(kids(&bench.identity, bench.clock.now()), [made.kid]);
    assert_eq!(bench.bearer(&stolen).await.unwrap_err(), (Code::CredentialInvalid, "key"));
}

#[tokio::test]
async fn two_processes_that_start_together_end_with_keys_that_both_know() {
    let bench = Bench::new().await;
    let (one, two) = tokio::join!(Bench::engine(&bench.desk), Bench::engine(&bench.desk));
    assert_eq!(kids(&one, bench.clock.now()), kids(&two, bench.clock.now()));
    bench.advance(31 * 86_400);
    let (first, second) = tokio::join!(one.tend(), two.tend());
    first.unwrap();
    second.unwrap();
    assert_eq!(kids(&one, bench.clock.now()).len(), 2, "only one of them made a key");
}

#[tokio::test]
async fn another_master_key_does_not_open_the_keys() {
    let bench = Bench::new().await;
    let wrong = Master::from_bytes([1; 32]);
    let ring = crate::identity::keyring::Keyring::default();
    assert_eq!(ring.load(&bench.store, &wrong).await.unwrap_err().code(), Code::ConfigInvalid);
}
