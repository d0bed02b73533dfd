//! Webhooks on their way out: one delivery is one POST, signed as Standard Webhooks has it
//! (<https://github.com/standard-webhooks/standard-webhooks>).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hmac::{Hmac, Mac};
use reqwest::Method;
use sha2::Sha256;
use tokio::time::Instant;
use url::Url;

use crate::http::{Body, HttpClient, Request, Timeouts};

/// Bytes of an answer that are read; its status has decided by then.
const MAX_ANSWER_BYTES: usize = 64 * 1024;
/// Characters of an answer that are kept.
const KEPT_CHARS: usize = 2_000;
/// What signatures of the scheme begin with; the rest is base64.
const VERSION: &str = "v1,";
/// What secrets of the scheme begin with; the rest is base64.
const SECRET_PREFIX: &str = "whsec_";

/// One try of one delivery.
#[derive(Clone)]
pub struct Delivery {
    pub url: Url,
    /// The event's uuid: the same for all tries.
    pub id: String,
    /// When it is sent, in seconds since 1970 UTC.
    pub at_s: i64,
    /// JSON; the same bytes for all tries.
    pub body: Bytes,
    /// Signed with each of them: the secret, and for a day the one before it.
    pub secrets: Vec<String>,
    pub headers: Vec<(String, String)>,
    pub timeout: Duration,
}

impl std::fmt::Debug for Delivery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "delivery {}", self.id)
    }
}

/// What became of a try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// None: there was no whole answer, and the error says why.
    pub status: Option<u16>,
    pub error: Option<String>,
    /// The head of the answer's body.
    pub answer: Option<String>,
    pub retry_after_s: Option<u64>,
    pub took: Duration,
}

impl Answered {
    /// Whether the receiver took it: a status of 2xx, and nothing else.
    pub fn is_taken(&self) -> bool {
        self.status.is_some_and(|s| (200..300).contains(&s))
    }
}

/// Sends a delivery once. Redirects are not followed.
pub async fn send(http: &HttpClient, delivery: Delivery) -> Answered {
    let began = Instant::now();
    let mut request = Request::new(Method::POST, delivery.url)
        .header("webhook-id", &delivery.id)
        .header("webhook-timestamp", &delivery.at_s.to_string());
    if !delivery.secrets.is_empty() {
        let signed = |secret: &String| signature(secret, &delivery.id, delivery.at_s, &delivery.body);
        let signatures: Vec<String> = delivery.secrets.iter().map(signed).collect();
        request = request.header("webhook-signature", &signatures.join(" "));
    }
    request.headers.extend(delivery.headers);
    request.body = Some(Body::Bytes { content_type: "application/json", bytes: delivery.body });
    request.timeouts = Timeouts { read: delivery.timeout, total: delivery.timeout };
    (request.max_bytes, request.is_cut) = (MAX_ANSWER_BYTES, true);
    let outcome = http.send(request).await;
    let took = began.elapsed();
    match outcome {
        Ok(response) => {
            let answer = response.excerpt(KEPT_CHARS);
            Answered {
                status: Some(response.status),
                error: None,
                answer: (!answer.is_empty()).then_some(answer),
                retry_after_s: response.retry_after_s(),
                took,
            }
        }
        Err(error) => {
            Answered { status: None, error: Some(error.to_string()), answer: None, retry_after_s: None, took }
        }
    }
}

/// How far a message's time may be from ours, in seconds: an older one may be sent by somebody who recorded it.
const TOLERANCE_S: i64 = 5 * 60;

/// The headers that prove a message that came in.
#[derive(Debug, Clone, Copy)]
pub struct Proof<'p> {
    pub id: &'p str,
    pub timestamp: &'p str,
    /// Signatures between spaces; one that fits is enough.
    pub signatures: &'p str,
}

/// Whether a message that came in is signed with a secret, and lately.
pub fn is_signed(secret: &str, proof: Proof<'_>, body: &[u8], now_s: i64) -> bool {
    let Ok(at_s) = proof.timestamp.parse::<i64>() else { return false };
    if (now_s - at_s).abs() > TOLERANCE_S {
        return false;
    }
    let fits = |text: &str| {
        let code = text.strip_prefix(VERSION).and_then(|code| STANDARD.decode(code).ok());
        code.is_some_and(|code| mac(secret, proof.id, at_s, body).verify_slice(&code).is_ok())
    };
    proof.signatures.split(' ').any(fits)
}

/// The signature of a message: `v1,` and the base64 of HMAC-SHA256 over id, time and body. A secret that is not of the
/// scheme's form is taken as it is written.
pub fn signature(secret: &str, id: &str, at_s: i64, body: &[u8]) -> String {
    format!("{VERSION}{}", STANDARD.encode(mac(secret, id, at_s, body).finalize().into_bytes()))
}

fn mac(secret: &str, id: &str, at_s: i64, body: &[u8]) -> Hmac<Sha256> {
    let key = secret.strip_prefix(SECRET_PREFIX).and_then(|rest| STANDARD.decode(rest).ok());
    let key = key.unwrap_or_else(|| secret.as_bytes().to_vec());
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("HMAC takes keys of any length");
    mac.update(format!("{id}.{at_s}.").as_bytes());
    mac.update(body);
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_signed_as_the_scheme_has_it() {
        // The example of the scheme's own reference libraries.
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let body = br#"{"test": 2432232314}"#;
        assert_eq!(
            signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
        assert_ne!(signature("plain", "a", 1, body), signature("other", "a", 1, body));
    }

    #[test]
    fn only_a_late_message_or_another_one_is_not_signed() {
        let (secret, body) = ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", br#"{"pk": 7}"#);
        let good = signature(secret, "m1", 1_000, body);
        let both = format!("v1,bm8= {good}");
        let proof = Proof { id: "m1", timestamp: "1000", signatures: &both };
        assert!(is_signed(secret, proof, body, 1_000) && is_signed(secret, proof, body, 1_300));
        assert!(!is_signed(secret, proof, body, 1_301), "it is too old");
        assert!(!is_signed(secret, proof, br#"{"pk": 8}"#, 1_000));
        assert!(!is_signed("another", proof, body, 1_000));
        for wrong in [
            Proof { id: "m2", ..proof },
            Proof { timestamp: "1001", ..proof },
            Proof { timestamp: "soon", ..proof },
            Proof { signatures: "", ..proof },
            Proof { signatures: &good[3..], ..proof },
        ] {
            assert!(!is_signed(secret, wrong, body, 1_000), "{wrong:?}");
        }
    }
}
