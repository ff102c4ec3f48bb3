//! Fifty at once with one key.

use plimsoll_testkit::{Db, both, http::Client};
use serde_json::{Value, json};

use super::{artist, clients, house, named, replayed, said, send, upstream::Upstream};
use crate::service::ledger_is_intact;

/// Sends one request fifty times at once, by turns to each client; how many were replays.
async fn fifty(clients: &[Client], path: &'static str, body: Value) -> usize {
    let sent: Vec<_> = (0..50)
        .map(|n| {
            let (client, body) = (clients[n % clients.len()].clone(), body.clone());
            tokio::spawn(async move { send(&client, path, "\"one-for-all\"", &body).await })
        })
        .collect();
    let mut replies = Vec::new();
    for one in sent {
        replies.push(one.await.unwrap());
    }
    let first = said(&replies[0]);
    assert_eq!(first.0, 201, "{}", replies[0]);
    for reply in &replies {
        assert_eq!(said(reply), first);
    }
    replies.iter().filter(|reply| replayed(reply)).count()
}

both! {
    async fn fifty_changes_with_one_key_are_one_change(db: Db) {
        let upstream = Upstream::start().await;
        let service = house(db, &upstream, &[]).await;
        let running = service.plimsoll.start().await;
        let client = service.client(&running);
        assert_eq!(fifty(std::slice::from_ref(&client), "/v1/artists", artist("once")).await, 49);
        assert_eq!(named(&client, "once").await, 1);
        assert_eq!(fifty(std::slice::from_ref(&client), "/shop/effect", json!({ "name": "once", "before": 50 })).await, 49);
        assert_eq!(upstream.effect("once"), 1);
        ledger_is_intact(&client).await;
    }

    async fn fifty_changes_at_two_processes_are_one_change(db: Db) {
        let upstream = Upstream::start().await;
        let service = house(db, &upstream, &[]).await;
        let (one, other) = (service.plimsoll.start().await, service.plimsoll.start().await);
        let clients = clients(&service, &[&one, &other]);
        assert_eq!(fifty(&clients, "/v1/artists", artist("once")).await, 49);
        assert_eq!(named(&clients[0], "once").await, 1);
        assert_eq!(fifty(&clients, "/shop/effect", json!({ "name": "once", "before": 50 })).await, 49);
        assert_eq!(upstream.effect("once"), 1);
        ledger_is_intact(&clients[1]).await;
    }
}
