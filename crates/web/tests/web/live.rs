//! Pages that follow changes: what a stream says, and that a node asks the database once for all of them.

use oms_app::upkeep::changes;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Duration, timeout};

use crate::commands::{begin, shop};
use crate::support::{OMS, Person, Server, on_each};

/// Longer than a word takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(10);
/// A word that has not come by then does not come.
const SILENCE: Duration = Duration::from_millis(1_500);

/// An open stream.
struct Ear {
    stream: TcpStream,
    heard: String,
}

impl Ear {
    async fn open(s: &Server, person: &Person, query: &str, more: &str) -> Self {
        let mut stream = TcpStream::connect(s.address).await.unwrap();
        let text = format!(
            "GET /en/oms/live?{query} HTTP/1.1\r\nHost: oms.test\r\nAccept: text/event-stream\r\nCookie: {}\r\n{more}\r\n",
            person.cookie
        );
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut ear = Self { stream, heard: String::new() };
        while !ear.heard.contains("\r\n\r\n") {
            ear.read().await;
        }
        assert!(ear.heard.starts_with("HTTP/1.1 200"), "{}", ear.heard);
        let (_, rest) = ear.heard.split_once("\r\n\r\n").unwrap();
        ear.heard = rest.to_owned();
        ear
    }

    async fn read(&mut self) {
        let mut part = [0; 4_096];
        let n = timeout(PATIENCE, self.stream.read(&mut part)).await.expect("a word in time").unwrap();
        assert!(n > 0, "the stream ended after {}", self.heard);
        self.heard.push_str(&String::from_utf8_lossy(&part[..n]));
    }

    /// The next word and its position.
    async fn word(&mut self) -> (i64, Value) {
        loop {
            let whole =
                self.heard.split_once("data: ").and_then(|(head, rest)| Some((head, rest.split_once("\n")?)));
            if let Some((_, (data, after))) = whole
                && let Some((id, left)) = after.split_once("\n\n")
            {
                let word = serde_json::from_str(data).unwrap();
                let position =
                    id.trim().strip_prefix("id: ").unwrap_or_else(|| panic!("{id:?}")).parse().unwrap();
                self.heard = left.to_owned();
                return (position, word);
            }
            self.read().await;
        }
    }

    async fn is_silent(&mut self) -> bool {
        timeout(SILENCE, self.word()).await.is_err()
    }
}

/// What the loops of a node do.
async fn turn(s: &Server) {
    while changes::place_tick(&s.app).await.unwrap() {}
    while changes::tell_tick(&s.app).await.unwrap() {}
}

async fn start_preparing(s: &Server, package: i64) {
    let body = json!({"transition": begin(s).await, "input_parameters": {}});
    s.post(&format!("{OMS}/packages/{package}/command/"), &body).await.is(204);
}

#[tokio::test]
async fn a_page_hears_what_changed_on_it_and_what_is_new_once_each() {
    on_each(|s| async move {
        let packages = shop(&s, 3).await;
        let ada = s.sign_in("ada", "a long password").await;
        turn(&s).await;
        let page = s.see(&ada, "/en/oms/packages").await.is(200).body;
        let (_, after) = page.split_once("data-after=\"").unwrap();
        let after: i64 = after.split('"').next().unwrap().parse().unwrap();
        assert!(after > 0, "the page says from where it follows");

        // Between the page and its stream nothing is lost, whether it has been told already or not.
        start_preparing(&s, packages[0]).await;
        turn(&s).await;
        let of = |ids: &[i64]| {
            let ids: Vec<_> = ids.iter().map(i64::to_string).collect();
            format!("of=packages&ids={}&after={after}", ids.join(","))
        };
        let mut all = Ear::open(&s, &ada, &of(&packages), "").await;
        let mut one = Ear::open(&s, &ada, &of(&packages[2..]), "").await;
        let (position, word) = all.word().await;
        assert_eq!(word, json!({"ids": [packages[0]], "new": 0}));
        assert!(position > after);

        start_preparing(&s, packages[1]).await;
        turn(&s).await;
        assert_eq!(all.word().await.1, json!({"ids": [packages[1]], "new": 0}));
        assert!(one.is_silent().await, "nothing of it changed");

        // A browser that comes back hears only what it has not heard.
        let mut again = Ear::open(&s, &ada, &of(&packages), &format!("Last-Event-ID: {position}\r\n")).await;
        assert_eq!(again.word().await.1, json!({"ids": [packages[1]], "new": 0}));
        assert!(again.is_silent().await, "it has heard all");

        let channel = s.get(&format!("{OMS}/channels/")).await.is(200).json()["results"][0]["id"].clone();
        let order = json!({"number": "N-NEW", "channel": channel, "date_placed": "2031-03-04T09:15:27Z",
            "shipping_address": {"line": "Street 1"}, "lines": [{"sku": "A", "quantity": 2, "price": "129.90"}]});
        let mut orders = Ear::open(&s, &ada, "of=orders&ids=1", "").await;
        s.post(&format!("{OMS}/orders/"), &json!({"orders": [order]})).await.is(200);
        oms_app::planning::tick(&s.app, 256).await.unwrap();
        turn(&s).await;
        assert_eq!(orders.word().await.1, json!({"ids": [], "new": 1}));
        assert_eq!(one.word().await.1, json!({"ids": [], "new": 1}), "its package is new here");
    })
    .await;
}

#[tokio::test]
async fn open_pages_ask_the_database_nothing() {
    on_each(|s| async move {
        let packages = shop(&s, 1).await;
        let ada = s.sign_in("ada", "a long password").await;
        turn(&s).await;
        let mut ears = Vec::new();
        for _ in 0..20 {
            ears.push(Ear::open(&s, &ada, &format!("of=packages&ids={}", packages[0]), "").await);
        }
        start_preparing(&s, packages[0]).await;
        // Without the node's own look nobody hears of it: no page looks by itself.
        assert!(ears[0].is_silent().await);
        turn(&s).await;
        for ear in &mut ears {
            assert_eq!(ear.word().await.1["ids"], json!([packages[0]]));
        }
    })
    .await;
}
