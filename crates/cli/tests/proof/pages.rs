//! The catalogue to read: on the web, at the command line, and the newest proof for operators.

use plimsoll_testkit::{Db, process::Plimsoll};

use crate::house::House;

#[tokio::test]
async fn the_catalogue_can_be_read_on_the_web() {
    let house = House::open(Db::Sqlite, &[], &[]).await;
    let anyone = house.stranger();
    let index = anyone.get("/docs/practices").await.expect(200);
    assert!(index.header("content-type").unwrap().starts_with("text/html"), "{index}");
    let text = index.text();
    for expected in ["<h2>Data layer</h2>", "<h2>Documentation</h2>", "href=\"/docs/practices/rate-limit\"", "critical", "not yet"] {
        assert!(text.contains(expected), "{expected} is missing in {text}");
    }
    for (_, page) in plimsoll_practices::all() {
        assert!(text.contains(&format!("href=\"/docs/practices/{}\"", page.id)), "{} is not in the index", page.id);
    }
    let (_, known) = plimsoll_practices::named("db-indexes").unwrap();
    let page = anyone.get("/docs/practices/db-indexes").await.expect(200);
    for expected in
        [format!("<h1>{}</h1>", known.promise()), known.category.name().to_owned(), "Who can fix it".into(), "What is checked".into()]
    {
        assert!(page.text().contains(&expected), "{expected} is missing in {page}");
    }
    assert!(!page.text().contains(".md\"") && !page.text().contains("+++"), "{page}");
    let tag = page.header("etag").unwrap().to_owned();
    anyone.get("/docs/practices/db-indexes").header("if-none-match", tag).await.expect(304);
    anyone.get("/docs/practices/no-such-thing").await.expect(404);
    assert!(anyone.get("/problems/not-found").await.expect(200).text().contains("href=\"/docs/practices\""));
}

#[tokio::test]
async fn every_page_of_the_catalogue_is_there_and_links_to_pages_that_are() {
    let house = House::open(Db::Sqlite, &[], &[]).await;
    let anyone = house.stranger();
    for (_, page) in plimsoll_practices::all() {
        let text = anyone.get(&format!("/docs/practices/{}", page.id)).await.expect(200).text();
        for link in text.split("href=\"/docs/practices/").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(plimsoll_practices::named(link).is_some(), "{} links to {link}", page.id);
        }
    }
}

async fn explained(words: &[&str], code: i32) -> plimsoll_testkit::process::Output {
    let plimsoll = Plimsoll::at(env!("CARGO_BIN_EXE_plimsoll"));
    plimsoll.run(std::iter::once("explain").chain(words.iter().copied())).await.expect(code)
}

#[tokio::test]
async fn a_practice_and_a_problem_can_be_explained_at_the_command_line() {
    let (_, known) = plimsoll_practices::named("db-indexes").unwrap();
    let said = explained(&["db-indexes"], 0).await.stdout;
    assert!(said.starts_with(&known.title) && said.contains(known.promise()) && said.contains(&known.checks[0].says), "{said}");
    assert!(!said.contains("+++"), "the head is shown in words: {said}");
    let value = explained(&["db-indexes", "--json"], 0).await.json();
    assert_eq!(
        (&value["id"], &value["title"], &value["checked"]),
        (&"db-indexes".into(), &known.title.as_str().into(), &known.checked.name().into())
    );
    assert_eq!((value["body"].as_str(), value["checks"][0]["id"].as_str()), (Some(known.body.as_str()), Some(known.checks[0].id.as_str())));

    assert!(explained(&["PLM-AUTH-001"], 0).await.stdout.starts_with("# Authentication is required"));
    assert_eq!(explained(&["/problems/not-found", "--json"], 0).await.json()["code"], "PLM-REQ-003");
    assert!(explained(&["db-indexs"], 2).await.stderr.contains("did you mean `db-indexes`"));
    assert!(explained(&["not-fund"], 2).await.stderr.contains("did you mean `not-found`"));

    let listed = explained(&[], 0).await.stdout;
    assert!(listed.contains("PLM-AUTH-001") && listed.contains("db-indexes"), "{listed}");
    let listed = explained(&["--json"], 0).await.json();
    assert_eq!(listed["practices"].as_array().unwrap().len(), plimsoll_practices::all().len());
}

#[tokio::test]
async fn operators_see_the_newest_proof_and_how_to_make_the_first() {
    let house = House::open(Db::Sqlite, &[], &[]).await;
    let operator = house.running.ops();
    let none = operator.get("/proof").await.expect(404);
    assert!(none.text().contains("plimsoll prove") && none.header("content-type").unwrap().starts_with("text/html"), "{none}");
    assert!(operator.get("/").await.expect(200).text().contains("/proof"));

    let proofs = house.ground.data.join("proofs");
    std::fs::create_dir(&proofs).unwrap();
    for words in ["the first", "the second"] {
        std::fs::write(proofs.join("latest.html"), format!("<!DOCTYPE html><style>p{{}}</style><p>{words}</p>")).unwrap();
        let page = operator.get("/proof").await.expect(200);
        assert!(page.text().contains(words), "{page}");
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-") && !policy.contains("unsafe"), "{policy}");
    }
    house.stranger().get("/proof").await.expect(404);
}
