//! Coordinates of addresses that have none: asked of a geocoder, kept, and else those of the town.
//!
//! Planning never fails for want of a geocoder: what it cannot say now is placed at the town, and asked
//! again with the next order that goes there.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::time::Duration;

use futures::StreamExt;
use oms_connect::geocode::{GeocodeError, Geocoder};
use oms_core::geo::Point;
use oms_core::settings::{GeoProvider, GeocodeProvider, GeolocationDiscovery};
use oms_store::Tx;
use oms_store::places::geocodes as store;
use sha2::{Digest, Sha256};

use crate::setup::settings;
use crate::{App, Result};

/// Addresses asked for at once.
const AT_ONCE: usize = 8;
/// The most addresses asked for before one batch of plans.
const MOST: usize = 256;
/// How long a batch of plans waits for geocoding; the rest is placed at the town this time.
const PATIENCE: Duration = Duration::from_secs(10);
/// Failures in a row after which nobody asks for a while.
const BREAKER: u32 = 5;
/// For how long.
const PAUSE_US: i64 = 60_000_000;
/// How long an answer is good if the setting does not say.
const KEPT_S: u32 = 180 * 24 * 3_600;

/// How the geocoder fared lately, on this node.
#[derive(Default)]
pub(crate) struct Health {
    failures: AtomicU32,
    pause_until_us: AtomicI64,
}

fn hash(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

/// Asks the geocoder, if one is set, for those of the addresses that have no coordinates and were not
/// answered for lately. No transaction may be open.
pub async fn fill(app: &App, addresses: &[i64]) -> Result<()> {
    if addresses.is_empty() {
        return Ok(());
    }
    let mut tx = app.store.read().await?;
    let discovery: Option<GeolocationDiscovery> = settings::typed(&mut tx, "GEOLOCATION_DISCOVERY").await?;
    let Some(discovery) = discovery.filter(|d| d.enabled && d.provider != GeoProvider::Haversine) else {
        return Ok(());
    };
    let provider: Option<GeocodeProvider> = settings::typed(&mut tx, "GEOCODE_PROVIDER_SETTINGS").await?;
    let Some(provider) = provider else { return Ok(()) };
    let now = app.now_us();
    if now < app.geocoder.pause_until_us.load(Ordering::Relaxed) {
        return Ok(());
    }
    let unplaced = store::unplaced(&mut tx, addresses).await?;
    let mut texts: BTreeMap<[u8; 32], String> =
        unplaced.into_iter().filter(|u| !u.text.is_empty()).map(|u| (hash(&u.text), u.text)).collect();
    let hashes: Vec<_> = texts.keys().copied().collect();
    let good_for = i64::from(discovery.cache_ttl_seconds.unwrap_or(KEPT_S)) * 1_000_000;
    for (known, geocode) in store::known(&mut tx, &hashes).await? {
        if geocode.at_us > now - good_for {
            texts.retain(|hash, _| hash[..] != known[..]);
        }
    }
    drop(tx);
    let word = provider.provider.as_str();
    let Some(geocoder) = Geocoder::new(provider.provider, &provider.url, &provider.api_key) else {
        return Ok(());
    };
    let answers = ask(app, &geocoder, texts.into_iter().take(MOST).collect()).await;
    if !answers.is_empty() {
        let mut tx = app.store.begin().await?;
        store::keep(&mut tx, &answers, word, app.now_us()).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// What the geocoder says within [`PATIENCE`].
async fn ask(
    app: &App,
    geocoder: &Geocoder,
    texts: Vec<([u8; 32], String)>,
) -> Vec<([u8; 32], Option<Point>)> {
    let mut answers = Vec::new();
    let asked =
        texts.into_iter().map(|(hash, text)| async move { (hash, geocoder.find(&app.http, &text).await) });
    let mut asked = futures::stream::iter(asked).buffer_unordered(AT_ONCE);
    let all = async {
        while let Some((hash, answer)) = asked.next().await {
            match answer {
                Ok(point) => {
                    app.geocoder.failures.store(0, Ordering::Relaxed);
                    answers.push((hash, point));
                }
                Err(error) => {
                    if failed(app, &error) {
                        return;
                    }
                }
            }
        }
    };
    if tokio::time::timeout(PATIENCE, all).await.is_err() {
        tracing::warn!("the geocoder is slow; the addresses it did not come to are placed at their town");
    }
    answers
}

/// Notes a failure; `true` if nobody should ask for a while.
fn failed(app: &App, error: &GeocodeError) -> bool {
    let failures = app.geocoder.failures.fetch_add(1, Ordering::Relaxed) + 1;
    let hopeless = matches!(error, GeocodeError::OverLimit | GeocodeError::Refused);
    tracing::warn!(%error, failures, "an address could not be geocoded; it is placed at its town");
    if failures < BREAKER && !hopeless {
        return false;
    }
    app.geocoder.failures.store(0, Ordering::Relaxed);
    app.geocoder.pause_until_us.store(app.now_us() + PAUSE_US, Ordering::Relaxed);
    true
}

/// Where addresses without coordinates of their own are: as a geocoder answered, else their district,
/// township or city. Those nothing is known of are left out.
pub(crate) async fn points(tx: &mut Tx, addresses: &[i64]) -> Result<HashMap<i64, Point>> {
    if addresses.is_empty() {
        return Ok(HashMap::new());
    }
    let unplaced = store::unplaced(tx, addresses).await?;
    let hashes: Vec<_> = unplaced.iter().map(|u| hash(&u.text)).collect();
    let known = store::known(tx, &hashes).await?;
    let place = |u: &store::Unplaced| {
        let geocoded = known.get(&hash(&u.text)[..]).and_then(|g| g.point);
        Some((u.id, geocoded.or(u.town)?))
    };
    Ok(unplaced.iter().filter_map(place).collect())
}
