//! Several devices on an account that keeps one session, over the model of a server that `benches/fleet` has: time does not
//! pass.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test ends at the first surprise"
)]

#[path = "benches/fleet/server.rs"]
mod server;

use std::sync::Arc;
use std::time::Duration;

use server::Server;
use tokio::time::Instant;

const LATENCY: Duration = Duration::from_millis(50);

fn device(server: &Arc<Server>) -> api::Client {
    let mut config = api::Config::new(server::URL).unwrap();
    config.credentials = server::credentials();
    let store = Arc::new(api::MemoryTokenStore::default());
    let server: Arc<dyn api::transport::Transport> = Arc::clone(server) as _;
    api::Client::with_transport(config, store, Arc::new(|_| Ok(())), server)
}

async fn look(client: &api::Client, listings: u64) {
    for folder in 1..=listings {
        client
            .folder_listing(api::FolderId::new(folder).unwrap())
            .await
            .unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn who_was_not_at_work_waits_the_shortest_however_often_the_session_was_taken() {
    let server = Arc::new(Server::new(8, LATENCY, true));
    let devices = [device(&server), device(&server)];
    for _ in 0..40 {
        for client in &devices {
            // They never meet: each finds that the other one was there since.
            tokio::time::sleep(Duration::from_secs(75)).await;
            let begun = Instant::now();
            look(client, 4).await;
            let took = begun.elapsed();
            assert!(took <= Duration::from_secs(6), "{took:?}");
        }
    }
    assert_eq!(server.sign_ins(), 80);
}

#[tokio::test(start_paused = true)]
async fn two_that_are_at_work_make_room_for_each_other_and_both_finish() {
    let server = Arc::new(Server::new(8, LATENCY, true));
    let devices = [device(&server), device(&server)];
    let begun = Instant::now();
    // Two and a half minutes of work for each, if nobody disturbed him.
    futures_util::future::join_all(devices.iter().map(|client| look(client, 3_000))).await;
    let took = begun.elapsed();
    assert!(took <= Duration::from_secs(15 * 60), "{took:?}");
    // Making room for 5 s each time would be sixty turns and more.
    assert!(server.sign_ins() <= 40, "{} sign-ins", server.sign_ins());
    assert!(server.requests() < 6_400, "{} requests", server.requests());
}
