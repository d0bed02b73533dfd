//! Commands that need an answer from outside: done once whatever is lost on the way.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crate::support::shop::{Shop, refusal_text};
use crate::support::{assert_sound, node, number};
use futures::future::BoxFuture;
use oms_app::packages::commands::outside::{self, Far, FarError, Parcel, Told};
use oms_app::packages::commands::{self, Outcome, Request};
use oms_app::upkeep::idempotency::Key;
use oms_core::commands::Entity;
use oms_core::commands::input::Body;
use oms_testkit::Database;
use serde_json::json;

/// What a carrier does with the next request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mood {
    Answers,
    LabelLater,
    Refuses,
    /// It does what is asked, and its answer is lost.
    LosesAnswer,
    /// It never hears of it.
    LosesRequest,
    /// Our own code that speaks to it is wrong.
    Panics,
}

/// A carrier that remembers what it made, by key.
#[derive(Default)]
struct Carrier {
    moods: Mutex<Vec<Mood>>,
    made: Mutex<BTreeMap<String, usize>>,
    asked: Mutex<usize>,
}

impl Carrier {
    fn next(&self, moods: &[Mood]) {
        *self.moods.lock().unwrap() = moods.to_vec();
    }

    fn made(&self) -> usize {
        self.made.lock().unwrap().values().sum()
    }
}

fn told(label: bool) -> Told {
    let label = label.then(|| "^XA^XZ".to_owned());
    Told {
        cargo_company: Some("demo".into()),
        tracking_number: Some("TR-1".into()),
        label,
        ..Told::default()
    }
}

impl Far for Carrier {
    fn ask<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Result<Told, FarError>> {
        Box::pin(async move {
            *self.asked.lock().unwrap() += 1;
            let mood = self.moods.lock().unwrap().pop().unwrap_or(Mood::Answers);
            assert_ne!(mood, Mood::Panics, "the carrier was told to panic");
            if matches!(mood, Mood::Refuses) {
                return Err(FarError::Refused("The address is not served.".into()));
            }
            if matches!(mood, Mood::LosesRequest) {
                return Err(FarError::Unknown("no connection".into()));
            }
            *self.made.lock().unwrap().entry(parcel.key.clone()).or_default() += 1;
            match mood {
                Mood::LosesAnswer => Err(FarError::Unknown("the connection broke".into())),
                _ => Ok(told(mood == Mood::Answers)),
            }
        })
    }

    fn find<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Result<Option<Told>, FarError>> {
        Box::pin(async move { Ok(self.made.lock().unwrap().get(&parcel.key).map(|_| told(true))) })
    }
}

const PACK: &str = "COMPLETE_PACKAGING_WITH_SHIPMENT";

async fn shop(database: Database) -> (Shop, Arc<Carrier>, i64, i64) {
    let shop = Shop::open(database, 1).await;
    shop.rules(json!([{"name": "Nearest", "products": "units", "sort": [{"by": "distance"}]}])).await;
    shop.stock(&[("L0", "A", 5)]).await;
    let carrier = Arc::new(Carrier::default());
    shop.app.set_far(carrier.clone());
    let order = shop.planned("O-1", &[("A", 2)]).await;
    let package = shop.package_ids(order).await[0];
    (shop, carrier, order, package)
}

#[tokio::test]
async fn without_a_carrier_it_says_so_and_nothing_changes() {
    for database in Database::each() {
        let shop = Shop::open(database, 1).await;
        shop.rules(json!([{"name": "Nearest", "products": "units"}])).await;
        shop.stock(&[("L0", "A", 5)]).await;
        let order = shop.planned("O-0", &[("A", 2)]).await;
        let answer = shop.command(shop.package_ids(order).await[0], PACK, json!({})).await;
        assert!(answer.0 == 400 && answer.1.contains("No cargo company is set up"), "{answer:?}");
        assert_eq!(shop.packages(order).await, ["P1 at L0: 100, A 2"]);
        assert_sound(&shop.app).await;
    }
}

#[tokio::test]
async fn a_carrier_that_refuses_changes_nothing_and_may_be_asked_again() {
    for database in Database::each() {
        let (shop, carrier, order, package) = shop(database).await;
        carrier.next(&[Mood::Refuses]);
        let refused = shop.command(package, PACK, json!({})).await;
        assert!(refused.0 == 400 && refused.1.starts_with("carrier_refused"), "{refused:?}");
        assert_eq!(
            (shop.packages(order).await[0].as_str(), shop.balance("L0", "A").await),
            ("P1 at L0: 100, A 2", (5, 2, 0))
        );
        assert_sound(&shop.app).await;
        assert_eq!(shop.command(package, PACK, json!({})).await.0, 204);
        assert_eq!(
            (shop.packages(order).await[0].as_str(), shop.balance("L0", "A").await),
            ("P1 at L0: 500, A 2", (3, 0, 0))
        );
        assert_eq!(number(&shop.app, "SELECT COUNT(*) FROM shipments WHERE label IS NOT NULL").await, 1);
        assert_eq!(number(&shop.app, "SELECT COUNT(*) FROM events WHERE type = 'shipment.created'").await, 1);
        assert_sound(&shop.app).await;
    }
}

#[tokio::test]
async fn a_label_that_comes_later_is_waited_for() {
    for database in Database::each() {
        let (shop, carrier, order, package) = shop(database).await;
        carrier.next(&[Mood::LabelLater]);
        assert_eq!(shop.command(package, PACK, json!({})).await.0, 204);
        assert_eq!(shop.packages(order).await, ["P1 at L0: 450, A 2"]);
        assert_sound(&shop.app).await;
        let label = "UPDATE_SHIPMENT_LABEL_FROM_WAITING_CARGO_LABEL";
        assert_eq!(shop.command(package, label, json!({"package_items": []})).await.0, 204);
        assert_eq!(shop.packages(order).await, ["P1 at L0: 500, A 2"]);
        assert_eq!(
            number(&shop.app, "SELECT COUNT(*) FROM shipments").await,
            1,
            "the same shipment has its label now"
        );
        assert_sound(&shop.app).await;
    }
}

#[tokio::test]
async fn a_label_that_is_still_not_there_leaves_the_package_free() {
    for database in Database::each() {
        let (shop, carrier, order, package) = shop(database).await;
        let label = "UPDATE_SHIPMENT_LABEL_FROM_WAITING_CARGO_LABEL";
        carrier.next(&[Mood::LabelLater, Mood::LabelLater]);
        assert_eq!(shop.command(package, PACK, json!({})).await.0, 204);
        let early = shop.command(package, label, json!({})).await;
        assert!(early.0 == 400 && early.1.starts_with("no_label"), "{early:?}");
        assert_eq!(number(&shop.app, "SELECT COUNT(*) FROM packages WHERE busy_command_id > 0").await, 0);
        assert_sound(&shop.app).await;
        shop.time.advance(outside::LEASE_US + 1);
        assert_eq!(outside::tick(&shop.app, refusal_text).await.unwrap(), 0, "nothing is left open");
        assert_eq!(shop.command(package, label, json!({})).await, (204, String::new()));
        assert_eq!(shop.packages(order).await, ["P1 at L0: 500, A 2"]);
        assert_sound(&shop.app).await;
    }
}

#[tokio::test]
async fn lost_requests_and_answers_make_one_shipment() {
    for database in Database::each() {
        for moods in
            [&[Mood::LosesAnswer][..], &[Mood::LosesRequest], &[Mood::LosesAnswer, Mood::LosesRequest]]
        {
            let engine = database.engine();
            let (shop, carrier, order, package) = shop(Database::of(engine)).await;
            carrier.next(moods);
            assert_eq!(shop.command(package, PACK, json!({})).await.0, 204, "on {engine:?} with {moods:?}");
            assert_eq!(carrier.made(), 1, "on {engine:?} with {moods:?}");
            assert_eq!(shop.packages(order).await, ["P1 at L0: 500, A 2"]);
            assert_sound(&shop.app).await;
        }
    }
}

#[tokio::test]
async fn a_lost_process_is_finished_by_another_that_asks_first() {
    for database in Database::each() {
        let (shop, carrier, order, package) = shop(database).await;
        let body = Body::read(Entity::Package, package, &json!({"slug": PACK})).unwrap();
        let key = Key { scope: "test".into(), key: "once".into(), fingerprint: [7; 32] };
        let request =
            Request { entity: Entity::Package, id: package, body, actor: "user:1".into(), key: Some(key) };
        // The first transaction is there, the far side was asked, and then the process is gone.
        let begun =
            commands::run(&shop.app, vec![request.clone()], false, refusal_text).await.remove(0).unwrap();
        assert!(matches!(begun, Outcome::Outside(_)));
        let parcel_key = "SELECT COUNT(*) FROM outside_commands WHERE state = 'executing'";
        assert_eq!(number(&shop.app, parcel_key).await, 1);
        carrier.made.lock().unwrap().insert(format!("package-{package}-1"), 1);
        assert_sound(&shop.app).await;

        // Meanwhile nobody else can do anything with the package, and the same key is told to wait.
        let busy = shop.command(package, "PKG_DEALLOCATE_RESERVATIONS", json!({})).await;
        assert!(busy.0 == 400 && busy.1.starts_with("busy"), "{busy:?}");
        let again =
            commands::run(&shop.app, vec![request.clone()], false, refusal_text).await.remove(0).unwrap();
        let Outcome::Answered(again) = again else { panic!("{again:?}") };
        assert!(again.body.starts_with("idempotency_key_in_progress"), "{again:?}");

        let other = node(&shop.database.url, &shop.time).await;
        other.set_far(carrier.clone());
        shop.time.advance(outside::LEASE_US + 1);
        assert_eq!(outside::tick(&other, refusal_text).await.unwrap(), 1);
        assert_eq!((carrier.made(), *carrier.asked.lock().unwrap()), (1, 0), "it was there already");
        assert_eq!(shop.packages(order).await, ["P1 at L0: 500, A 2"]);
        assert_eq!(outside::tick(&other, refusal_text).await.unwrap(), 0);
        let done = commands::run(&other, vec![request], false, refusal_text).await.remove(0).unwrap();
        let Outcome::Answered(done) = done else { panic!("{done:?}") };
        assert_eq!(done.status, 204, "the answer was kept");
        assert_sound(&other).await;
    }
}

#[tokio::test]
async fn what_nobody_knows_stays_open_until_somebody_does() {
    for database in Database::each() {
        let (shop, carrier, order, package) = shop(database).await;
        carrier.next(&[Mood::LosesRequest; 3]);
        let body = Body::read(Entity::Package, package, &json!({"slug": PACK})).unwrap();
        let request =
            Request { entity: Entity::Package, id: package, body, actor: "user:1".into(), key: None };
        let begun = commands::run(&shop.app, vec![request], false, refusal_text).await.remove(0).unwrap();
        let Outcome::Outside(id) = begun else { panic!("{begun:?}") };
        assert!(outside::run(&shop.app, id, refusal_text).await.is_err(), "the caller is told to come back");
        assert_eq!(shop.packages(order).await, ["P1 at L0: 100, A 2"]);
        assert_sound(&shop.app).await;
        shop.time.advance(outside::LEASE_US + 1);
        assert_eq!(outside::tick(&shop.app, refusal_text).await.unwrap(), 1);
        assert_eq!(shop.packages(order).await, ["P1 at L0: 500, A 2"]);
        assert_eq!(carrier.made(), 1);
        assert_sound(&shop.app).await;
    }
}

#[tokio::test]
async fn a_carrier_whose_code_panics_is_asked_again_and_nobody_else_suffers() {
    for database in Database::each() {
        let (shop, carrier, order, package) = shop(database).await;
        let desk = Arc::new(commands::desk(shop.app.clone(), refusal_text));
        let other = shop.planned("O-2", &[("A", 1)]).await;
        let other_package = shop.package_ids(other).await[0];
        carrier.next(&[Mood::Panics]);
        let request = |id, slug| Request {
            entity: Entity::Package,
            id,
            body: Body::read(Entity::Package, id, &json!({"slug": slug})).unwrap(),
            actor: "user:1".into(),
            key: None,
        };
        let failed = desk.run(request(package, PACK)).await.unwrap_err();
        assert!(failed.to_string().contains("panicked"), "{failed}");
        let done = desk.run(request(other_package, "PKG_DEALLOCATE_RESERVATIONS")).await.unwrap();
        assert_eq!(done.status, 204, "{done:?}");
        assert_sound(&shop.app).await;
        // It may have asked before it panicked: that is looked at first, when the lease has ended.
        shop.time.advance(outside::LEASE_US + 1);
        carrier.next(&[Mood::Panics]);
        assert_eq!(outside::tick(&shop.app, refusal_text).await.unwrap(), 1, "the tick goes on, too");
        shop.time.advance(outside::LEASE_US + 1);
        assert_eq!(outside::tick(&shop.app, refusal_text).await.unwrap(), 1);
        assert_eq!(shop.packages(order).await, ["P1 at L0: 500, A 2"]);
        assert_eq!(carrier.made(), 1);
        assert_sound(&shop.app).await;
    }
}
