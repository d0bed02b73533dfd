//! Outside stock engines: asked for SKUs, whatever way they want to be asked.
//!
//! [`EngineClient::ask`] never fails as a whole: what was read before something went wrong is kept, and
//! the failure stands beside it.

mod error;
mod session;
mod whippy;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, stream};
use oms_core::engines::answers::{self, Readings, Wanted};
use oms_core::engines::{EngineConfig, EngineKind, Mapping, Mode};
use tokio::sync::{Mutex, Semaphore};
use url::Url;

use crate::http::{HttpClient, Request, Response, Timeouts};

pub use error::{EngineError, EngineErrorClass};
use session::Session;

/// SKUs in one request of a `multiple` service.
pub const MAX_SKUS: usize = 100;
/// Requests under way to one engine at once: a brand's stock system is seldom a large one.
pub const MAX_AT_ONCE: usize = 4;
/// The most bytes of an answer: 100 SKUs at 200 locations are some 500 kB.
pub const MAX_BYTES: usize = 4 * 1024 * 1024;
/// Tries of a request after the first.
const RETRIES: u32 = 2;
/// Waits before a retry; the second is twice the first.
const BACK_OFF: Duration = Duration::from_millis(50);
/// All requests of one question together: a basket's caller waits for it.
pub const ASK_LIMIT: Duration = Duration::from_secs(20);
/// The longest address: many servers stop reading at 8 KiB.
const MAX_URL_BYTES: usize = 7_000;

/// An engine's client. It keeps its token and, of Whippy Ware, the codes of locations.
pub struct EngineClient {
    http: HttpClient,
    kind: EngineKind,
    config: EngineConfig,
    mapping: Mapping,
    url: Url,
    session: Session,
    slots: Semaphore,
    /// Whippy Ware's location ids to codes.
    places: Mutex<Arc<HashMap<String, String>>>,
}

/// What came of a question.
#[derive(Debug, Default)]
pub struct Asked {
    pub readings: Readings,
    /// The SKUs that were answered for; all of them unless something failed or was not said.
    pub skus: BTreeSet<String>,
    pub requests: u64,
    pub failure: Option<EngineError>,
}

impl EngineClient {
    /// A client of an engine that is configured like this.
    pub fn new(http: HttpClient, kind: EngineKind, config: EngineConfig) -> Result<Self, EngineError> {
        let url = parse_url(&http, "service.url", &config.service.url)?;
        let session = Session::new(&http, &config.auth)?;
        Ok(Self {
            http,
            kind,
            mapping: config.mapping(kind),
            config,
            url,
            session,
            slots: Semaphore::new(MAX_AT_ONCE),
            places: Mutex::default(),
        })
    }

    /// Asks for SKUs at locations.
    pub async fn ask(&self, wanted: &Wanted) -> Asked {
        let mut asked = Asked::default();
        let questions = self.questions(wanted);
        let work: Vec<_> = questions.iter().map(|skus| self.question(skus, wanted)).collect();
        let mut work = Box::pin(stream::iter(work).buffer_unordered(MAX_AT_ONCE));
        let all = async {
            while let Some((skus, answer)) = work.next().await {
                asked.requests += 1;
                match answer {
                    Ok(readings) => {
                        let unsaid = &readings.unsaid;
                        let said = skus.iter().filter(|s| !unsaid.contains(**s));
                        asked.skus.extend(said.map(|s| (*s).to_owned()));
                        asked.readings.unsaid.extend(readings.unsaid);
                        asked.readings.units.extend(readings.units);
                        asked.readings.ignored.add(readings.ignored);
                    }
                    Err(error) => return Some(error),
                }
            }
            None
        };
        let failure = tokio::time::timeout(ASK_LIMIT, all).await;
        asked.failure = failure.unwrap_or(Some(EngineError::TooSlow { ms: ASK_LIMIT.as_millis() as u64 }));
        asked
    }

    /// The SKUs of each request.
    fn questions<'a>(&self, wanted: &'a Wanted) -> Vec<Vec<&'a str>> {
        let most = match (self.kind, self.config.service.mode) {
            (EngineKind::WhippyWare, _) | (_, Mode::Multiple) => MAX_SKUS,
            (_, Mode::Single) => 1,
        };
        let room = MAX_URL_BYTES.saturating_sub(self.fixed_bytes(wanted));
        let mut questions: Vec<Vec<&str>> = Vec::new();
        let mut bytes = 0;
        for sku in &wanted.skus {
            // Percent-encoded a byte takes three at most.
            let cost = self.config.service.parameters.sku.len() + 2 + sku.len() * 3;
            match questions.last_mut() {
                Some(last) if last.len() < most && bytes + cost <= room && self.may_join(last, sku) => {
                    last.push(sku);
                    bytes += cost;
                }
                _ => {
                    questions.push(vec![sku]);
                    bytes = cost;
                }
            }
        }
        questions
    }

    /// Whippy Ware takes a list with commas: a SKU that holds one is asked for alone.
    fn may_join(&self, last: &[&str], sku: &str) -> bool {
        self.kind != EngineKind::WhippyWare
            || !(sku.contains(',') || last.iter().any(|first| first.contains(',')))
    }

    fn fixed_bytes(&self, wanted: &Wanted) -> usize {
        let locations: usize = self.locations(wanted).map(|(k, v)| k.len() + v.len() * 3 + 2).sum();
        self.url.as_str().len() + locations
    }

    /// The location parameters; none where they would take most of the address. The answer is narrowed
    /// here in any case.
    fn locations<'a>(&'a self, wanted: &'a Wanted) -> impl Iterator<Item = (&'a str, &'a str)> {
        let name = self.config.service.parameters.location.as_str();
        let bytes: usize = wanted.locations.iter().map(|l| name.len() + 2 + l.len() * 3).sum();
        let sent = !name.is_empty() && self.kind == EngineKind::Service && bytes <= MAX_URL_BYTES / 2;
        let codes = wanted.locations.iter().map(move |l| (name, self.config.code_of(l)));
        codes.filter(move |_| sent)
    }

    async fn question<'a>(
        &self,
        skus: &'a [&'a str],
        wanted: &Wanted,
    ) -> (&'a [&'a str], Result<Readings, EngineError>) {
        let answer = match self.kind {
            EngineKind::WhippyWare => self.whippy(skus, wanted).await,
            EngineKind::Service | EngineKind::BuiltIn => self.service(skus, wanted).await,
        };
        (skus, answer)
    }

    async fn service(&self, skus: &[&str], wanted: &Wanted) -> Result<Readings, EngineError> {
        let mut request = Request::get(self.url.clone());
        for sku in skus {
            request = request.query(&self.config.service.parameters.sku, sku);
        }
        for (name, code) in self.locations(wanted) {
            request = request.query(name, code);
        }
        let single = (self.config.service.mode == Mode::Single).then(|| skus[0]);
        let answer = self.get(request).await?;
        let value = answers::json(&answer.bytes)?;
        // Another SKU than those of this request is foreign even if another request asks for it.
        let narrowed = self.narrowed(skus, wanted);
        Ok(answers::read(&self.config, &self.mapping, &value, single, &narrowed)?)
    }

    fn narrowed(&self, skus: &[&str], wanted: &Wanted) -> Wanted {
        Wanted { skus: skus.iter().map(|s| (*s).to_owned()).collect(), locations: wanted.locations.clone() }
    }

    /// Sends a request as somebody the engine knows, tries again what may pass, and returns a success.
    async fn get(&self, request: Request) -> Result<Response, EngineError> {
        let limit = Duration::from_millis(self.config.service.timeout_ms);
        // Waiting for a turn is not the engine's slowness.
        let _turn = self.slots.acquire().await.map_err(|_| EngineError::TooSlow { ms: 0 })?;
        match tokio::time::timeout(limit, self.get_now(request, limit)).await {
            Ok(answer) => answer,
            Err(_) => Err(EngineError::TooSlow { ms: self.config.service.timeout_ms }),
        }
    }

    async fn get_now(&self, mut request: Request, limit: Duration) -> Result<Response, EngineError> {
        request.max_bytes = MAX_BYTES;
        request.timeouts = Timeouts { read: limit, total: limit };
        let (mut renewed, mut tried) = (false, 0);
        loop {
            let (key, header) = self.session.header(&self.http, limit).await?;
            let mut sent = request.clone();
            if let Some(header) = header {
                sent = sent.header("Authorization", &header);
            }
            let failure = match self.http.send(sent).await {
                Ok(answer) if answer.is_success() => return Ok(answer),
                Ok(answer) if answer.status == 401 && !renewed && self.session.forget(key).await => {
                    renewed = true;
                    continue;
                }
                Ok(answer) => EngineError::from_status(answer.status),
                Err(error) => EngineError::from_http(error),
            };
            if tried == RETRIES || !failure.is_worth_a_retry() {
                return Err(failure);
            }
            tokio::time::sleep(BACK_OFF * 2u32.pow(tried)).await;
            tried += 1;
        }
    }
}

/// Reads an address of a configuration.
fn parse_url(http: &HttpClient, field: &str, text: &str) -> Result<Url, EngineError> {
    let refused = |what: String| EngineError::Refused { what: format!("{field}: {what}") };
    let url = Url::parse(text).map_err(|e| refused(e.to_string()))?;
    http.check_url(&url).map_err(|e| refused(e.to_string()))?;
    Ok(url)
}
