//! Another company's software that hears webhooks: it keeps what it was sent and answers as it is told to.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use tokio::net::TcpListener;

/// One request as it came.
#[derive(Debug, Clone)]
pub struct Heard {
    pub headers: HeaderMap,
    pub body: String,
}

impl Heard {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// How one request is answered.
#[derive(Debug, Clone, Copy)]
pub enum Say {
    Status(u16),
    /// With a header.
    With(u16, &'static str, &'static str),
    /// Late.
    After(Duration),
}

type Chooser = Box<dyn Fn(&Value) -> Option<Say> + Send>;

#[derive(Default)]
struct Ears {
    heard: Vec<Heard>,
    says: VecDeque<Say>,
    chooser: Option<Chooser>,
}

/// A receiver.
#[derive(Clone)]
pub struct Receiver {
    pub url: String,
    ears: Arc<Mutex<Ears>>,
}

impl Receiver {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/events", listener.local_addr().unwrap());
        let ears = Arc::new(Mutex::new(Ears::default()));
        let router = Router::new().fallback(hear).with_state(ears.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, ears }
    }

    /// Answers the next requests so, then with 204.
    pub fn says(&self, answers: impl IntoIterator<Item = Say>) {
        self.ears.lock().unwrap().says.extend(answers);
    }

    /// Answers as is chosen by what it hears, where something is.
    pub fn chooses(&self, chooser: impl Fn(&Value) -> Option<Say> + Send + 'static) {
        self.ears.lock().unwrap().chooser = Some(Box::new(chooser));
    }

    pub fn heard(&self) -> Vec<Heard> {
        self.ears.lock().unwrap().heard.clone()
    }
}

async fn hear(State(ears): State<Arc<Mutex<Ears>>>, headers: HeaderMap, body: Bytes) -> Response {
    let say = {
        let mut ears = ears.lock().unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        let chosen = ears.chooser.as_ref().and_then(|c| c(&serde_json::from_str(&body).unwrap()));
        ears.heard.push(Heard { headers, body });
        chosen.or_else(|| ears.says.pop_front()).unwrap_or(Say::Status(204))
    };
    let status = |s: u16| StatusCode::from_u16(s).unwrap();
    match say {
        Say::Status(s) => status(s).into_response(),
        Say::With(s, name, value) => (status(s), [(name, value)]).into_response(),
        Say::After(time) => {
            tokio::time::sleep(time).await;
            StatusCode::OK.into_response()
        }
    }
}
