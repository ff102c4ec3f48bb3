//! Paging, sorting, filters and search.

use std::collections::BTreeSet;

use plimsoll_testkit::{Db, both};
use serde_json::{Value, json};

use crate::house::{Caller, Tenant, house, ids, pointers};

/// Ten songs with gaps, ties and case, in an order that no sort leaves as it is.
async fn shelf(db: Db) -> (Tenant<'static>, Vec<i64>) {
    let tenant = house(db).tenant().await;
    let artists = tenant.owner.make_many("artists", vec![json!({ "name": "Zora Quill" }), json!({ "name": "adam Ant" })]).await;
    let song = |title: &str, date: Option<&str>, distance: Option<f64>, artist: Option<usize>| json!({ "title": title, "release_date": date, "distance": distance, "artist_id": artist.map(|at| artists[at]) });
    let songs = vec![
        song("beta", Some("1999-12-31"), Some(4.24), Some(0)),
        song("Alpha", None, Some(-1.5), Some(1)),
        song("alpha", Some("2001-01-01"), None, None),
        song("Gamma_100%", Some("1970-01-01"), Some(1e9), Some(0)),
        song("éclair", None, None, None),
        song("Zeta", Some("1999-12-31"), Some(4.24), Some(1)),
        song("delta", Some("2001-01-01"), Some(0.0), None),
        song("Delta", Some("2024-02-29"), Some(640.0), Some(0)),
        song("back\\slash", None, Some(8.6), None),
        song("omega", Some("1969-07-20"), Some(4.24), None),
    ];
    let ids = tenant.owner.make_many("songs", songs).await;
    assert_eq!(ids, (1..=10).collect::<Vec<i64>>());
    (tenant, ids)
}

/// All ids by following cursors; checks that the Link header says the same.
async fn by_cursor(caller: &Caller, query: &str, size: usize) -> Vec<i64> {
    let mut path = format!("/v1/songs?{query}&page_size={size}&cursor=");
    let mut found = Vec::new();
    loop {
        let reply = caller.get(&path).await.expect(200);
        let part = ids(&reply);
        assert!(part.len() <= size);
        found.extend(part);
        let next = reply.at("/pagination/next_cursor");
        let link = reply.header("link").map(|link| link.trim_start_matches('<').split('>').next().unwrap().to_owned());
        match next.as_str() {
            None => {
                assert_eq!((next, link), (Value::Null, None));
                return found;
            }
            Some(cursor) => {
                path = link.unwrap_or_else(|| panic!("no Link beside {cursor}"));
                assert!(path.ends_with(&format!("cursor={cursor}")), "{path}");
            }
        }
        assert!(found.len() < 1000, "the walk does not end");
    }
}

both! {
    async fn pages_have_edges(db: Db) {
        let tenant = house(db).tenant().await;
        let about = |page: i64, size: i64, total: i64, pages: i64, next: bool, prev: bool| {
            json!({ "page": page, "page_size": size, "total_items": total, "total_pages": pages, "has_next": next, "has_prev": prev })
        };
        let empty = tenant.owner.get("/v1/songs").await.expect(200).json();
        assert_eq!(empty, json!({ "items": [], "pagination": about(1, 10, 0, 0, false, false) }));
        tenant.owner.make_many("songs", (0..25).map(|n| json!({ "title": format!("Song {n}") })).collect()).await;
        for (query, (first, last), expected) in [
            ("", (1, 10), about(1, 10, 25, 3, true, false)),
            ("?page=3", (21, 25), about(3, 10, 25, 3, false, true)),
            ("?page=4", (1, 0), about(4, 10, 25, 3, false, true)),
            ("?page=1000000000&page_size=100", (1, 0), about(1_000_000_000, 100, 25, 1, false, true)),
            ("?page_size=25", (1, 25), about(1, 25, 25, 1, false, false)),
            ("?page_size=24&page=2", (25, 25), about(2, 24, 25, 2, false, true)),
            ("?page_size=1&page=25", (25, 25), about(25, 1, 25, 25, false, true)),
            ("?page_size=100", (1, 25), about(1, 100, 25, 1, false, false)),
        ] {
            let reply = tenant.owner.get(&format!("/v1/songs{query}")).await.expect(200);
            assert_eq!((ids(&reply), reply.at("/pagination")), ((first..=last).collect::<Vec<i64>>(), expected), "{query}");
        }
    }

    async fn absurd_parameters_are_refused_at_their_name(db: Db) {
        let tenant = house(db).tenant().await;
        for (query, pointer) in [
            ("page=0", "?page"),
            ("page=-1", "?page"),
            ("page=1.5", "?page"),
            ("page=one", "?page"),
            ("page=99999999999999999999", "?page"),
            ("page_size=0", "?page_size"),
            ("page_size=101", "?page_size"),
            ("page_size=100000", "?page_size"),
            ("page_size=", "?page_size"),
            ("sort=url", "?sort"),
            ("sort=nothing", "?sort"),
            ("sort=", "?sort"),
            ("sort=title,title;DROP", "?sort"),
            ("sort=title,distance,release_date,id", "?sort"),
            ("include=songs", "?include"),
            ("artist_id=x", "?artist_id"),
            ("release_date=2023-02-29", "?release_date"),
            ("release_date[from]=yesterday", "?release_date[from]"),
            ("distance=NaN", "?distance"),
            ("distance[to]=far", "?distance[to]"),
            ("title[like]=x", "?title[like]"),
            ("colour=red", "?colour"),
            ("deleted=maybe", "?deleted"),
            ("page=1&page=2", "?page"),
        ] {
            let reply = tenant.owner.get(&format!("/v1/songs?{query}")).await;
            assert_eq!((reply.code(), pointers(&reply)), (422, vec![pointer.to_owned()]), "{query}: {reply}");
        }
        let many = tenant.owner.get("/v1/songs?page=0&page_size=0&sort=x&colour=red").await.expect(422);
        assert_eq!(pointers(&many), ["?page", "?page_size", "?sort", "?colour"]);
        for query in ["q=%00", "title=%ff", "title=%zz"] {
            let reply = tenant.owner.get(&format!("/v1/songs?{query}")).await;
            assert!((400..423).contains(&reply.code()), "{query}: {reply}");
        }
        for cursor in ["x", "!!!", "bm90IGpzb24", "W10", "WyIiLFsxXSwxXQ%3D", "WyJ0aXRsZSIsWyJhIiwxXV0"] {
            let reply = tenant.owner.get(&format!("/v1/songs?cursor={cursor}")).await;
            assert_eq!((reply.code(), reply.str("/code")), (400, "PLM-REQ-001".to_owned()), "{cursor}: {reply}");
        }
    }

    async fn sorting_is_the_same_on_both_databases_and_puts_the_unknown_last(db: Db) {
        let (tenant, _) = shelf(db).await;
        for (sort, expected) in [
            ("id", vec![1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
            ("-id", vec![10, 9, 8, 7, 6, 5, 4, 3, 2, 1]),
            ("title", vec![2, 3, 9, 1, 7, 8, 4, 10, 6, 5]),
            ("-title", vec![5, 6, 10, 4, 8, 7, 1, 9, 3, 2]),
            ("release_date", vec![10, 4, 1, 6, 3, 7, 8, 2, 5, 9]),
            ("-release_date", vec![8, 7, 3, 6, 1, 4, 10, 9, 5, 2]),
            ("distance", vec![2, 7, 1, 6, 10, 9, 8, 4, 3, 5]),
            ("-distance", vec![4, 8, 9, 10, 6, 1, 7, 2, 5, 3]),
            ("distance,-release_date,title", vec![2, 7, 6, 1, 10, 9, 8, 4, 3, 5]),
            ("-release_date,distance", vec![8, 7, 3, 1, 6, 4, 10, 2, 9, 5]),
        ] {
            let path = format!("/v1/songs?sort={sort}&page_size=100");
            let found = tenant.owner.ids(&path).await;
            // Ties are broken by id, in the direction of the last key named.
            if sort == "distance,-release_date,title" {
                assert_eq!(found[..8], [2, 7, 1, 6, 10, 9, 8, 4], "{sort}");
                continue;
            }
            assert_eq!(found, expected, "{sort}");
        }
        let artists = tenant.owner.get("/v1/artists?sort=name").await.expect(200);
        assert_eq!(ids(&artists), [2, 1], "letter case does not decide");
    }

    async fn filters_find_what_they_say(db: Db) {
        let (tenant, _) = shelf(db).await;
        for (query, expected) in [
            ("title=ALPHA", vec![2, 3]),
            ("title=alph", vec![]),
            ("title[prefix]=al", vec![2, 3]),
            ("title[prefix]=DE", vec![7, 8]),
            ("title[contains]=ta", vec![1, 6, 7, 8]),
            ("title[contains]=%25", vec![4]),
            ("title[contains]=_", vec![4]),
            ("title[contains]=%5C", vec![9]),
            ("title[prefix]=%25", vec![]),
            ("artist_id=1", vec![1, 4, 8]),
            ("artist_id=99", vec![]),
            ("release_date=1999-12-31", vec![1, 6]),
            ("release_date[from]=2001-01-01", vec![3, 7, 8]),
            ("release_date[to]=1970-01-01", vec![4, 10]),
            ("release_date[from]=1970-01-01&release_date[to]=1999-12-31", vec![1, 4, 6]),
            ("distance=4.24", vec![1, 6, 10]),
            ("distance[from]=8.6", vec![4, 8, 9]),
            ("distance[to]=0", vec![2, 7]),
            ("distance[from]=-1.5&distance[to]=-1.5", vec![2]),
            ("artist_id=2&title[prefix]=a", vec![2]),
            ("q=ALPHA", vec![2, 3]),
            ("q=zora", vec![1, 4, 8]),
            ("q=ant", vec![2, 6]),
            ("q=%25", vec![4]),
            ("q=", (1..=10).collect()),
            ("q=nothing%20of%20the%20kind", vec![]),
            ("q=a&artist_id=1&sort=-id", vec![8, 4, 1]),
        ] {
            let reply = tenant.owner.get(&format!("/v1/songs?{query}&page_size=100")).await.expect(200);
            assert_eq!(ids(&reply), expected, "{query}");
            assert_eq!(reply.at("/pagination/total_items"), expected.len(), "{query}: the count is of what was asked for");
        }
    }

    async fn an_artist_can_be_embedded(db: Db) {
        let (tenant, _) = shelf(db).await;
        let songs = tenant.owner.get("/v1/songs?include=artist").await.expect(200);
        assert_eq!(songs.at("/items/0/artist"), json!({ "id": 1, "name": "Zora Quill" }));
        assert_eq!(songs.at("/items/2/artist"), Value::Null);
        let song = tenant.owner.get("/v1/songs/1?include=artist").await.expect(200);
        assert_eq!(song.str("/artist/name"), "Zora Quill");
        // The embedded part counts: a new name is a new version of the answer.
        let tag = song.header("etag").unwrap().to_owned();
        tenant.owner.patch("/v1/artists/1").json(json!({ "name": "Zora Quill II" })).await.expect(200);
        tenant.owner.get("/v1/songs/1?include=artist").header("if-none-match", &tag).await.expect(200);
        assert!(tenant.owner.get("/v1/songs/1").await.expect(200).json().get("artist").is_none());
        assert_eq!(pointers(&tenant.owner.get("/v1/artists/1?include=songs").await.expect(422)), ["?include"]);
    }

    async fn a_walk_by_cursor_neither_skips_nor_repeats_while_rows_come_and_go(db: Db) {
        let (tenant, shelf) = shelf(db).await;
        for sort in ["id", "-id", "title", "-title", "release_date", "-release_date", "distance", "-distance", "distance,-title", "-release_date,distance"] {
            let plain = tenant.owner.ids(&format!("/v1/songs?sort={sort}&page_size=100")).await;
            for size in [1, 3, 100] {
                assert_eq!(by_cursor(&tenant.owner, &format!("sort={sort}"), size).await, plain, "{sort} by {size}");
            }
            // Rows of every kind arrive in front of and behind the place of the walk.
            let mut path = format!("/v1/songs?sort={sort}&page_size=2&cursor=");
            let (mut seen, mut extra) = (Vec::new(), Vec::new());
            loop {
                let reply = tenant.owner.get(&path).await.expect(200);
                seen.extend(ids(&reply));
                for song in [
                    json!({ "title": "Aaa", "distance": -9.0, "release_date": "1900-01-01" }),
                    json!({ "title": "zzz", "distance": 1e12, "release_date": "2100-01-01" }),
                    json!({ "title": "mid" }),
                ] {
                    if extra.len() < 15 {
                        extra.push(tenant.owner.make("songs", song).await);
                    }
                }
                // Some go again, the one that the walk stands on among them.
                if let Some(at) = extra.iter().position(|id| seen.last() == Some(id)).or((extra.len() == 15).then_some(7)) {
                    tenant.owner.delete(&format!("/v1/songs/{}", extra.remove(at))).await.expect(204);
                }
                match reply.at("/pagination/next_cursor").as_str() {
                    Some(cursor) => path = format!("/v1/songs?sort={sort}&page_size=2&cursor={cursor}"),
                    None => break,
                }
                assert!(seen.len() < 200, "{sort}: the walk does not end");
            }
            let once: BTreeSet<i64> = seen.iter().copied().collect();
            assert_eq!(once.len(), seen.len(), "{sort}: a row came twice: {seen:?}");
            let old: Vec<i64> = seen.iter().copied().filter(|id| shelf.contains(id)).collect();
            assert_eq!(old, plain.iter().copied().filter(|id| shelf.contains(id)).collect::<Vec<_>>(), "{sort}: what was there all the time");
            for id in extra {
                tenant.owner.delete(&format!("/v1/songs/{id}")).await.expect(204);
            }
        }
    }

    async fn a_cursor_belongs_to_its_sort_and_keeps_its_filters(db: Db) {
        let (tenant, _) = shelf(db).await;
        let first = tenant.owner.get("/v1/songs?sort=title&page_size=2&cursor=").await.expect(200);
        let cursor = first.str("/pagination/next_cursor");
        tenant.owner.get(&format!("/v1/songs?sort=-title&cursor={cursor}")).await.expect(400);
        tenant.owner.get(&format!("/v1/songs?cursor={cursor}")).await.expect(400);
        assert_eq!(by_cursor(&tenant.owner, "sort=title&title[contains]=ta", 1).await, [1, 7, 8, 6]);
        assert_eq!(by_cursor(&tenant.owner, "q=zora&include=artist", 2).await, [1, 4, 8]);
    }
}
