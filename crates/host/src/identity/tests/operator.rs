use super::*;
use plimsoll_store::Down;

#[tokio::test]
async fn an_operator_sets_up_a_tenant_and_every_step_is_in_its_ledger() {
    let bench = Bench::new().await;
    let (tenant, _) = bench.acme().await;
    let made = bench.desk.create_key("acme", "ci", Role::Editor, vec!["songs:write".into()], None).await.unwrap();
    assert_eq!(made.key.hint, made.secret[made.secret.len() - 4..]);
    bench.desk.revoke_key(made.key.id).await.unwrap();
    bench.desk.set_password("owner@acme.example", "eleven dry otters agree").await.unwrap();
    bench.desk.disable_user("OWNER@acme.example").await.unwrap();
    bench.desk.close_tenant("acme").await.unwrap();
    assert_eq!(
        bench.actions(tenant).await,
        ["tenant.create", "user.create", "key.create", "key.revoke", "user.password", "user.disable", "tenant.close"]
    );
    let printed = serde_json::to_string(&bench.desk.list_keys("acme").await.unwrap()).unwrap();
    assert!(!printed.contains(&made.secret) && printed.contains(&made.key.hint), "{printed}");
}

#[tokio::test]
async fn what_an_operator_asks_for_is_checked() {
    let bench = Bench::new().await;
    bench.acme().await;
    let desk = &bench.desk;
    assert_eq!(desk.create_tenant("acme", "Again").await.unwrap_err().code(), Code::Conflict);
    assert_eq!(desk.create_tenant("No Slug", "x").await.unwrap_err().code(), Code::Invalid);
    assert_eq!(desk.create_user("nobody", "a@b.example", Role::Viewer, None).await.unwrap_err().code(), Code::NotFound);
    assert_eq!(desk.create_user("acme", "owner@acme.example", Role::Viewer, None).await.unwrap_err().code(), Code::Conflict);
    assert_eq!(desk.create_user("acme", "a@b.example", Role::Viewer, Some("short")).await.unwrap_err().code(), Code::PasswordRefused);
    assert_eq!(desk.create_key("acme", "x", Role::Viewer, vec!["songs".into()], None).await.unwrap_err().code(), Code::Invalid);
    assert_eq!(desk.disable_user("who@b.example").await.unwrap_err().code(), Code::NotFound);
    desk.close_tenant("acme").await.unwrap();
    assert_eq!(desk.create_key("acme", "x", Role::Viewer, vec![], None).await.unwrap_err().code(), Code::Conflict);
    assert_eq!(desk.list_users("acme").await.unwrap().len(), 1, "closed tenants can still be looked at");
}

#[tokio::test]
async fn a_person_in_two_tenants_keeps_one_password_and_one_id() {
    let bench = Bench::new().await;
    let (acme, owner) = bench.acme().await;
    let other = bench.desk.create_tenant("other", "Other").await.unwrap().id;
    let again = bench.desk.create_user("other", "Owner@ACME.example", Role::Viewer, Some("twelve lamps under water")).await.unwrap();
    assert_eq!((again.id, again.role), (owner, Role::Viewer));
    bench.desk.disable_user("owner@acme.example").await.unwrap();
    for tenant in [acme, other] {
        assert_eq!(bench.actions(tenant).await.last().map(String::as_str), Some("user.disable"));
    }
}

#[tokio::test]
async fn the_setup_link_exists_only_while_nobody_does() {
    let bench = Bench::new().await;
    let first = bench.identity.setup_link("http://127.0.0.1:8080/").await.unwrap().unwrap();
    let second = bench.identity.setup_link("http://127.0.0.1:8080").await.unwrap().unwrap();
    assert!(first.starts_with("http://127.0.0.1:8080/setup#token=") && first != second);
    bench.acme().await;
    assert_eq!(bench.identity.setup_link("http://127.0.0.1:8080").await.unwrap(), None);
}

#[tokio::test]
async fn the_schema_can_be_taken_back() {
    let bench = Bench::new().await;
    let undone = bench.store.migrate_down(Down::Steps(1)).await;
    assert_eq!(undone.unwrap().len(), 1);
    assert!(!bench.store.migrate_up().await.unwrap().is_empty());
}
