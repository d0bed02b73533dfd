//! Deliveries as another company checks them, by the library of Standard Webhooks (PyPI `standardwebhooks`): each one
//! verifies; none does after a flipped bit, with another id, with another secret, or when its time is too far away.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use oms_connect::hooks::{Delivery, send};
use serde_json::{Value, json};

use crate::support::{http, serve};

/// The folder of a Python that has the library; `cargo xtask` says it.
const PYTHON: &str = "OMS_TEST_PYTHON";

/// Says of each line of its input whether the library takes it.
const VERIFIER: &str = r#"
import base64, json, sys
from standardwebhooks.webhooks import Webhook
for line in sys.stdin:
    said = json.loads(line)
    try:
        Webhook(said["secret"]).verify(base64.b64decode(said["body"]), said["headers"])
        print("taken")
    except Exception:
        print("refused")
"#;

type Heard = Arc<Mutex<Vec<(HeaderMap, Bytes)>>>;

async fn hear(State(heard): State<Heard>, headers: HeaderMap, body: Bytes) -> StatusCode {
    heard.lock().expect("no panic").push((headers, body));
    StatusCode::NO_CONTENT
}

/// What a receiver hears of one delivery that is sent at a time.
async fn heard(secret: &str, id: &str, at_s: i64, body: &str) -> (HeaderMap, Bytes) {
    let heard = Heard::default();
    let at = serve(Router::new().fallback(hear).with_state(heard.clone())).await;
    let delivery = Delivery {
        url: format!("http://{at}/").parse().expect("an address"),
        id: id.to_owned(),
        at_s,
        body: Bytes::from(body.to_owned()),
        secrets: vec![secret.to_owned()],
        headers: Vec::new(),
        timeout: Duration::from_secs(5),
    };
    assert!(send(&http(), delivery).await.is_taken());
    heard.lock().expect("no panic").pop().expect("one delivery")
}

/// A delivery as the verifier reads it.
fn case(secret: &str, headers: &HeaderMap, body: &[u8]) -> Value {
    use base64::Engine as _;
    let said: serde_json::Map<String, Value> = headers
        .iter()
        .filter(|(name, _)| name.as_str().starts_with("webhook-"))
        .map(|(name, value)| (name.to_string(), value.to_str().expect("text").into()))
        .collect();
    let body = base64::engine::general_purpose::STANDARD.encode(body);
    json!({"secret": secret, "headers": said, "body": body})
}

fn verdicts(cases: &[Value]) -> Vec<String> {
    let folder = std::env::var(PYTHON).expect("cargo xtask test prepares a Python with the library");
    let mut python = Command::new(format!("{folder}/python3"))
        .args(["-c", VERIFIER])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python starts");
    let lines: String = cases.iter().map(|case| format!("{case}\n")).collect();
    let mut stdin = python.stdin.take().expect("a pipe");
    let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()).expect("it reads"));
    let out = python.wait_with_output().expect("it ends");
    writer.join().expect("all was written");
    String::from_utf8(out.stdout).expect("text").lines().map(str::to_owned).collect()
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "the library compares with the real time")]
async fn p8_the_independent_library_takes_what_we_sent_and_nothing_that_was_touched() {
    let now_s = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs())
        .expect("it fits");
    let secrets =
        ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDazfgh36gsAc="];
    let bodies = ["{}", r#"{"event":{"type":"package.created"},"payload":{"city":"İzmir","n":1}}"#];
    let (mut cases, mut expected) = (Vec::new(), Vec::new());
    for secret in secrets {
        for body in bodies {
            let (headers, sent) = heard(secret, "d9428888-122b-11e1-b85c-61cd3cbb3210", now_s, body).await;
            assert_eq!(sent, body.as_bytes());
            cases.push(case(secret, &headers, &sent));
            expected.push("taken");
            // Every bit of the body, one at a time.
            for bit in 0..sent.len() * 8 {
                let mut touched = sent.to_vec();
                touched[bit / 8] ^= 1 << (bit % 8);
                cases.push(case(secret, &headers, &touched));
            }
            let mut touch = |name: &'static str, value: String| {
                let mut headers = headers.clone();
                headers.insert(name, value.parse().expect("a header"));
                cases.push(case(secret, &headers, &sent));
            };
            touch("webhook-id", "d9428888-122b-11e1-b85c-61cd3cbb3211".into());
            touch("webhook-timestamp", (now_s + 1).to_string());
            touch("webhook-timestamp", (now_s - 1).to_string());
            let signature = headers["webhook-signature"].to_str().expect("text");
            touch("webhook-signature", signature.replace("v1,", "v2,"));
            touch("webhook-signature", signature[..signature.len() - 4].to_owned());
            let another = secrets.into_iter().find(|s| *s != secret).expect("two");
            cases.push(case(another, &headers, &sent));
            // Signed rightly, but long ago or far ahead.
            for away in [-310, 310] {
                let (headers, sent) = heard(secret, "late", now_s + away, body).await;
                cases.push(case(secret, &headers, &sent));
            }
            expected.resize(cases.len(), "refused");
        }
    }
    let verdicts = verdicts(&cases);
    assert_eq!(verdicts.len(), cases.len());
    for ((case, verdict), expected) in cases.iter().zip(verdicts).zip(expected) {
        assert_eq!(verdict, expected, "{case}");
    }
}
