//! Calendars, targets and safety stock, as planning keeps them.

use std::collections::BTreeMap;

use crate::support::shop::Shop;
use crate::support::{SECOND_US, assert_sound, number};
use oms_app::places::locations;
use oms_app::planning::decisions;
use oms_app::stock::safety_stocks::{self, SafetyInput};
use oms_app::stock::stocks::{Basket, has_basket};
use oms_store::args;
use oms_testkit::Database;
use serde_json::json;

async fn change(
    shop: &Shop,
    erp_code: &str,
    with: impl FnOnce(&mut oms_store::places::locations::Properties),
) {
    let mut tx = shop.app.store.read().await.unwrap();
    let id = tx.scalar("SELECT id FROM locations WHERE erp_code = $1", args![erp_code]).await.unwrap();
    drop(tx);
    let (ids, actor) = (locations::ids(&shop.app).await.unwrap(), shop.app.actor("test").await.unwrap());
    let mut tx = shop.app.store.begin().await.unwrap();
    let write = |p: &mut oms_store::places::locations::Properties| {
        with(p);
        Ok(())
    };
    locations::update(&mut tx, ids, &actor, id, write).await.unwrap();
    tx.commit().await.unwrap();
}

async fn keep(shop: &Shop, sku: Option<&str>, erp_code: Option<&str>, channel: Option<i64>, units: i64) {
    let input = SafetyInput { sku: sku.map(Into::into), erp_code: erp_code.map(Into::into), channel, units };
    let (ids, actor) = (safety_stocks::ids(&shop.app).await.unwrap(), shop.app.actor("test").await.unwrap());
    let mut tx = shop.app.store.begin().await.unwrap();
    safety_stocks::set(&mut tx, ids, &actor, &input).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_closed_location_is_passed_over_and_targets_count_working_time() {
    for database in Database::each() {
        let shop = Shop::open(database, 2).await;
        // The clock stands at Wednesday 2031-03-05 12:00 UTC.
        let weekly = json!({"wed": [["08:00", "13:00"]], "thu": [["08:00", "13:00"]]});
        let calendar = json!({"time_zone": "UTC", "weekly": weekly, "cut_off": "12:30"});
        change(&shop, "L0", |p| {
            p.calendar = calendar.clone();
            p.targeted_packaging_minutes = Some(90);
        })
        .await;
        change(&shop, "L1", |p| p.targeted_exit_minutes = Some(90)).await;
        shop.rules(json!([
            {"name": "Today", "products": "units", "filters": [{"type": "open"}, {"type": "before_cut_off", "minutes": 30}],
             "sort": [{"by": "distance"}]},
            {"name": "Any", "products": "units", "filters": [{"type": "locations", "erp_codes": ["L1"]}]}]))
            .await;
        shop.stock(&[("L0", "A", 9), ("L1", "A", 9)]).await;
        let first = shop.planned("K-1", &[("A", 1)]).await;
        assert_eq!(shop.packages(first).await, ["P1 at L0: 100, A 1"], "half an hour is left");
        let now = shop.app.now_us();
        let sql = "SELECT target_packaging_us FROM packages WHERE target_packaging_us IS NOT NULL";
        // An hour today and half an hour tomorrow.
        assert_eq!(number(&shop.app, sql).await, now + (20 * 3600 + 1800) * SECOND_US);
        shop.time.advance(SECOND_US);
        let second = shop.planned("K-2", &[("A", 1)]).await;
        assert_eq!(shop.packages(second).await, ["P1 at L1: 100, A 1"], "it is too late for L0");
        let sql = "SELECT target_exit_us FROM packages WHERE target_exit_us IS NOT NULL";
        assert_eq!(number(&shop.app, sql).await, shop.app.now_us() + 90 * 60 * SECOND_US);
        assert_sound(&shop.app).await;
        assert_eq!(decisions::replay_all(&shop.app, |_| {}).await.unwrap().different, vec![]);
    }
}

#[tokio::test]
async fn safety_stock_is_never_promised() {
    for database in Database::each() {
        let shop = Shop::open(database, 2).await;
        shop.rules(json!([{"name": "Any", "products": "units", "sort": [{"by": "distance"}]}])).await;
        shop.stock(&[("L0", "A", 3), ("L0", "B", 3), ("L1", "A", 3)]).await;
        keep(&shop, None, Some("L0"), None, 2).await;
        keep(&shop, Some("B"), Some("L0"), Some(1), 3).await;
        keep(&shop, Some("B"), Some("L0"), Some(1), 1).await;
        assert_eq!(
            number(&shop.app, "SELECT COUNT(*) FROM safety_stocks").await,
            2,
            "the second changes the first"
        );
        let basket =
            |sku: &str, n| Basket { skus: BTreeMap::from([(sku.to_owned(), n)]), ..Basket::default() };
        let has = async |sku, n| has_basket(&shop.app, &basket(sku, n)).await.unwrap().unwrap()["L0"];
        assert!(has("A", 1).await && !has("A", 2).await);

        let order = shop.planned("S-1", &[("A", 2), ("B", 3)]).await;
        assert_eq!(
            shop.packages(order).await,
            ["P1 at L0: 100, A 1, B 2", "P2 at L1: 100, A 1", "P3 at L0: 920, B 1"]
        );
        assert_sound(&shop.app).await;
        // What was planned stays when more is kept back; nothing more is given.
        keep(&shop, None, None, None, 9).await;
        keep(&shop, None, Some("L1"), None, 2).await;
        let order = shop.planned("S-2", &[("A", 1)]).await;
        assert_eq!(shop.packages(order).await, ["P1 at L0: 920, A 1"]);
        assert_eq!(decisions::replay_all(&shop.app, |_| {}).await.unwrap().different, vec![]);
        let refused = SafetyInput { sku: Some("none".into()), units: 1, ..SafetyInput::default() };
        let (ids, actor) =
            (safety_stocks::ids(&shop.app).await.unwrap(), shop.app.actor("test").await.unwrap());
        let mut tx = shop.app.store.begin().await.unwrap();
        let error = safety_stocks::set(&mut tx, ids, &actor, &refused).await.unwrap_err().to_string();
        assert!(error.contains("no sku"), "{error}");
    }
}

#[tokio::test]
async fn a_location_with_safety_stock_is_not_deleted_and_says_so() {
    for database in Database::each() {
        let shop = Shop::open(database, 1).await;
        let sql = "INSERT INTO safety_stocks (id, location_id, units, created_us, modified_us) \
                   SELECT 77000000, id, 1, 0, 0 FROM locations";
        let delete = async || {
            let id = number(&shop.app, "SELECT id FROM locations").await;
            let (ids, actor) =
                (locations::ids(&shop.app).await.unwrap(), shop.app.actor("test").await.unwrap());
            let mut tx = shop.app.store.begin().await.unwrap();
            let deleted = locations::delete(&mut tx, ids, &actor, id).await;
            tx.commit().await.unwrap();
            deleted
        };
        let mut tx = shop.app.store.begin().await.unwrap();
        tx.execute(sql, vec![]).await.unwrap();
        tx.commit().await.unwrap();
        let refused = delete().await.unwrap_err().to_string();
        assert!(refused.contains("The location has safety stock;"), "{refused}");
        let mut tx = shop.app.store.begin().await.unwrap();
        tx.execute("DELETE FROM safety_stocks", vec![]).await.unwrap();
        tx.commit().await.unwrap();
        delete().await.unwrap();
        assert_eq!(number(&shop.app, "SELECT COUNT(*) FROM locations").await, 0);
        assert_sound(&shop.app).await;
    }
}
