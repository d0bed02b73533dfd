//! The hub says an order again, with other content, before and after it is planned and cancelled: what was cancelled
//! stays cancelled, and what cannot be applied is written down.

use oms_app::orders::cancellations;
use oms_app::packages::commands::{self, Outcome, Request};
use oms_app::rules::transitions;
use oms_app::stock::stocks::{self, StockRow};
use oms_core::commands::Entity;
use oms_core::commands::input::Body;
use oms_core::transitions::Definition;
use oms_testkit::Database;
use oms_world::hub::{NewOrder, Touch};
use serde_json::{Value, json};

use crate::support::shop::refusal_text;
use crate::support::{Rig, assert_sound, define_scenario, fetch, number, plan, poll, small, texts};

/// An order of one line of three at the hub, taken here and not planned; its key here, its item's here, and both there.
async fn three(rig: &Rig, number_: &str) -> (i64, i64, i64, i64) {
    let line = (rig.data.products[0].sku.clone(), 3, 1_605);
    let order = NewOrder { number: number_.into(), channel: 1, customer: 1, lines: vec![line] };
    let pk = rig.hub.hub.create_order(order).await.unwrap();
    again(rig).await;
    let id = number(&rig.app, &format!("SELECT id FROM orders WHERE omnitron_id = {pk}")).await;
    let item = number(&rig.app, &format!("SELECT id FROM order_items WHERE order_id = {id}")).await;
    (id, item, pk, rig.hub.hub.items_of(pk)[0])
}

/// Takes what the hub says now.
async fn again(rig: &Rig) {
    rig.time.advance(crate::support::SECOND_US);
    poll(&rig.app).await;
    fetch(&rig.app).await;
}

async fn touch(rig: &Rig, pk: i64, note: &str) {
    rig.time.advance(crate::support::SECOND_US);
    rig.hub.hub.touch_order(pk, Touch { notes: Some(note.into()), ..Touch::default() }).await.unwrap();
    again(rig).await;
}

async fn cancel(rig: &Rig, order: i64, body: Value) {
    let wanted = cancellations::read_api(order, &body).unwrap();
    let ids = cancellations::direct_ids(&rig.app, &wanted).await.unwrap();
    let actor = rig.app.actor("test").await.unwrap();
    let mut tx = rig.app.store.begin().await.unwrap();
    cancellations::cancel(&mut tx, &rig.app, ids, actor, &wanted).await.unwrap();
    tx.commit().await.unwrap();
}

/// `id: quantity-cancelled` of the order's lines.
async fn lines(rig: &Rig, order: i64) -> Vec<String> {
    let sql = "SELECT id || ': ' || quantity || '-' || quantity_cancelled FROM order_items WHERE order_id = $1 ORDER BY line";
    texts(&rig.app, sql, oms_store::args![order]).await
}

async fn changes(rig: &Rig) -> Vec<String> {
    texts(&rig.app, "SELECT what FROM hub_changes ORDER BY modified_us, what", vec![]).await
}

async fn plan_state(rig: &Rig, order: i64) -> String {
    texts(&rig.app, "SELECT state FROM plans WHERE id = $1", oms_store::args![order]).await.remove(0)
}

#[tokio::test]
async fn what_was_cancelled_before_planning_stays_so_whatever_the_hub_says_next() {
    for database in Database::each() {
        let rig = Rig::start(database, small()).await;
        let (order, item, pk, _) = three(&rig, "C1").await;
        cancel(&rig, order, json!({"items": [{"order_item": item, "quantity": 2}]})).await;
        touch(&rig, pk, "ring twice").await;
        assert_eq!(lines(&rig, order).await, [format!("{item}: 3-2")]);
        assert_sound(&rig.app).await;
        define_scenario(&rig.app, &rig.data).await;
        rig.time.advance(61 * crate::support::SECOND_US);
        plan(&rig.app).await;
        let units = format!(
            "SELECT CAST(SUM(i.quantity) AS BIGINT) FROM package_items i WHERE i.order_item_id = {item}"
        );
        assert_eq!(number(&rig.app, &units).await, 1);
        // And after planning it is no news that two are gone here and not there.
        touch(&rig, pk, "ring once").await;
        assert_eq!(changes(&rig).await, [""; 0]);
        assert_sound(&rig.app).await;

        // All of it: nothing comes back.
        let (order, item, pk, _) = three(&rig, "C1-all").await;
        cancel(&rig, order, json!({})).await;
        touch(&rig, pk, "please").await;
        assert_eq!(lines(&rig, order).await, [format!("{item}: 3-3")]);
        assert_eq!(plan_state(&rig, order).await, "cancelled");
        plan(&rig.app).await;
        let packages = format!("SELECT COUNT(*) FROM packages WHERE order_id = {order}");
        assert_eq!(number(&rig.app, &packages).await, 0);
        assert_eq!(changes(&rig).await, [""; 0]);
        assert_sound(&rig.app).await;
    }
}

#[tokio::test]
async fn what_the_hub_cancelled_before_planning_stays_visible() {
    for database in Database::each() {
        let rig = Rig::start(database, small()).await;
        let (order, item, _, hub_item) = three(&rig, "C2").await;
        rig.hub.hub.update_item(hub_item, json!({"status": "100"})).await.unwrap();
        again(&rig).await;
        assert_eq!(lines(&rig, order).await, [format!("{item}: 3-3")]);
        assert_eq!(plan_state(&rig, order).await, "cancelled");
        assert_sound(&rig.app).await;
        define_scenario(&rig.app, &rig.data).await;
        plan(&rig.app).await;
        let packages = format!("SELECT COUNT(*) FROM packages WHERE order_id = {order}");
        assert_eq!(number(&rig.app, &packages).await, 0);
    }
}

#[tokio::test]
async fn other_content_at_the_same_moment_is_taken() {
    for database in Database::each() {
        let rig = Rig::start(database, small()).await;
        let (order, _, pk, _) = three(&rig, "C4").await;
        let mailbox = oms_app::orders::intake::mailbox(rig.app.clone());
        for n in 0..8 {
            // The hub's clock stands still.
            let touch = Touch { notes: Some(format!("note {n}")), ..Touch::default() };
            rig.hub.hub.touch_order(pk, touch).await.unwrap();
            let told = json!({"event": {"type": "order.updated", "uuid": format!("{n:032}")}, "payload": {"pk": pk}});
            mailbox.submit(oms_app::orders::intake::read_event(&told, "order").unwrap()).await.unwrap();
            fetch(&rig.app).await;
            let note =
                texts(&rig.app, "SELECT notes FROM orders WHERE id = $1", oms_store::args![order]).await;
            assert_eq!(note, [format!("note {n}")]);
        }
        // The same again changes nothing.
        let revision = format!("SELECT revision FROM orders WHERE id = {order}");
        let before = number(&rig.app, &revision).await;
        let told = json!({"event": {"type": "order.updated", "uuid": "again"}, "payload": {"pk": pk}});
        mailbox.submit(oms_app::orders::intake::read_event(&told, "order").unwrap()).await.unwrap();
        fetch(&rig.app).await;
        assert_eq!(number(&rig.app, &revision).await, before);
        assert_sound(&rig.app).await;
    }
}

#[tokio::test]
async fn a_price_is_changed_with_the_amounts_or_not_at_all() {
    for database in Database::each() {
        let rig = Rig::start(database, small()).await;
        define_scenario(&rig.app, &rig.data).await;
        let (order, item, pk, hub_item) = three(&rig, "C5").await;
        plan(&rig.app).await;
        rig.time.advance(crate::support::SECOND_US);
        rig.hub
            .hub
            .touch_order(pk, Touch { price: Some((hub_item, 1_000)), ..Touch::default() })
            .await
            .unwrap();
        again(&rig).await;
        let price = format!("SELECT price_minor FROM order_items WHERE id = {item}");
        assert_eq!(number(&rig.app, &price).await, 1_000);
        assert_eq!(changes(&rig).await, [""; 0]);

        // With other units nothing of it is applied, and both are written down.
        let amount = format!("SELECT amount_minor FROM orders WHERE id = {order}");
        let before = number(&rig.app, &amount).await;
        assert_eq!(before, 3_000);
        rig.time.advance(crate::support::SECOND_US);
        rig.hub
            .hub
            .touch_order(pk, Touch { price: Some((hub_item, 700)), ..Touch::default() })
            .await
            .unwrap();
        rig.hub
            .hub
            .touch_order(pk, Touch { quantity: Some((hub_item, 5)), ..Touch::default() })
            .await
            .unwrap();
        again(&rig).await;
        assert_eq!(number(&rig.app, &price).await, 1_000);
        assert_eq!(number(&rig.app, &amount).await, before);
        assert_eq!(lines(&rig, order).await, [format!("{item}: 3-0")]);
        let told = changes(&rig).await;
        assert!(told.contains(&"lines".to_owned()) && told.contains(&"prices".to_owned()), "{told:?}");
        assert_sound(&rig.app).await;
    }
}

/// The hub's event about a plan for one item of an order.
fn told(kind: &str, pk: i64, order: i64, item: i64, status: &str) -> Value {
    let items = json!([{"order_item": {"pk": item}, "quantity": 1}]);
    json!({"event": {"type": format!("cancellation_plan.{kind}"), "uuid": format!("{pk}-{kind}-{status}")},
        "payload": {"pk": pk, "plan_type": "cancel", "status": status, "order": {"pk": order}, "cancellationplanorderitem_set": items}})
}

async fn hear(rig: &Rig, event: Value) {
    cancellations::receive_event(&rig.app, &event).await.unwrap();
    rig.time.advance(6 * crate::support::SECOND_US);
    cancellations::tick(&rig.app).await.unwrap();
    assert_sound(&rig.app).await;
}

/// More of the first product than anybody asks for.
async fn plenty(rig: &Rig) {
    let row = StockRow {
        erp_code: rig.data.locations[0].erp_code.clone(),
        sku: rig.data.products[0].sku.clone(),
        on_hand: 1_000,
    };
    let ids = stocks::ids(&rig.app, 1).await.unwrap();
    let actor = rig.app.actor("test").await.unwrap();
    let mut tx = rig.app.store.begin().await.unwrap();
    stocks::set(&mut tx, ids, &actor, &[row]).await.unwrap();
    tx.commit().await.unwrap();
}

async fn pack(rig: &Rig, package: i64) {
    let flow = transitions::flow(&rig.app).await.unwrap();
    let packs = |d: &Definition| (d.from, d.to) == (100, 500) && d.code.contains("WITHOUT");
    let pack = flow.all().iter().find(|t| packs(&t.definition)).unwrap();
    let body = Body::read(Entity::Package, package, &json!({"transition": pack.id})).unwrap();
    let request = Request { entity: Entity::Package, id: package, body, actor: "test".into(), key: None };
    match commands::run(&rig.app, vec![request], false, refusal_text).await.remove(0).unwrap() {
        Outcome::Answered(answer) => assert_eq!(answer.status, 204, "{}", answer.body),
        Outcome::Outside(_) => panic!("nobody outside is asked"),
    }
}

async fn plan_of_hub(rig: &Rig, pk: i64) -> String {
    let sql = "SELECT state || ': ' || COALESCE(reason, '') FROM cancellation_plans WHERE omnitron_id = $1";
    texts(&rig.app, sql, oms_store::args![pk]).await.remove(0)
}

#[tokio::test]
async fn a_cancellation_that_the_hub_takes_back_cancels_nothing() {
    for database in Database::each() {
        let rig = Rig::start(database, small()).await;
        define_scenario(&rig.app, &rig.data).await;
        plenty(&rig).await;
        let (order, item, pk, hub_item) = three(&rig, "C3").await;
        plan(&rig.app).await;
        let states = format!("SELECT CAST(state AS TEXT) FROM packages WHERE order_id = {order} ORDER BY n");
        let whole = [format!("{item}: 3-0")];

        // Of a plan that nobody heard of; and its beginning, told late.
        hear(&rig, told("updated", 901, pk, hub_item, "rejected")).await;
        hear(&rig, told("created", 901, pk, hub_item, "waiting")).await;
        assert_eq!(plan_of_hub(&rig, 901).await, "refused: withdrawn by the hub");
        assert_eq!(lines(&rig, order).await, whole);

        // Of one that waits for its order.
        let unknown = 77_000;
        hear(&rig, told("created", 902, unknown, hub_item, "waiting")).await;
        assert_eq!(plan_of_hub(&rig, 902).await, "received: ");
        hear(&rig, told("updated", 902, unknown, hub_item, "rejected")).await;
        assert_eq!(plan_of_hub(&rig, 902).await, "refused: withdrawn by the hub");
        assert_eq!(number(&rig.app, "SELECT COUNT(*) FROM jobs WHERE kind = 'cancel'").await, 0);

        // Of one whose location is asked: the package goes on where it was.
        let sql = format!(
            "SELECT p.id FROM packages p JOIN package_items i ON i.package_id = p.id WHERE i.order_item_id = {item}"
        );
        let package = number(&rig.app, &sql).await;
        pack(&rig, package).await;
        assert_eq!(texts(&rig.app, &states, vec![]).await, ["500"]);
        hear(&rig, told("created", 903, pk, hub_item, "waiting")).await;
        assert_eq!(texts(&rig.app, &states, vec![]).await, ["800"]);
        hear(&rig, told("updated", 903, pk, hub_item, "waiting")).await;
        assert_eq!(texts(&rig.app, &states, vec![]).await, ["800"], "another word changes nothing");
        hear(&rig, told("updated", 903, pk, hub_item, "rejected")).await;
        assert_eq!(texts(&rig.app, &states, vec![]).await, ["500"]);
        assert_eq!(plan_of_hub(&rig, 903).await, "refused: withdrawn by the hub");
        assert_eq!(lines(&rig, order).await, whole);

        // Too late: a person is told.
        let (order, item, pk, hub_item) = three(&rig, "C3-late").await;
        plan(&rig.app).await;
        hear(&rig, told("created", 904, pk, hub_item, "waiting")).await;
        assert_eq!(lines(&rig, order).await, [format!("{item}: 3-1")]);
        hear(&rig, told("updated", 904, pk, hub_item, "rejected")).await;
        assert_eq!(plan_of_hub(&rig, 904).await, "accepted: ");
        assert_eq!(changes(&rig).await, ["cancellation"]);
    }
}

/// A withdrawal that is told at the same moment as the beginning of its plan: whichever is written first, it holds.
#[tokio::test]
async fn a_withdrawal_holds_that_comes_with_the_beginning_of_its_plan() {
    const PLANS: i64 = 60;
    for database in Database::each() {
        let rig = Rig::start(database, small()).await;
        define_scenario(&rig.app, &rig.data).await;
        plenty(&rig).await;
        let (order, item, pk, hub_item) = three(&rig, "C3-at-once").await;
        plan(&rig.app).await;
        for plan in 1_000..1_000 + PLANS {
            let begins = told("created", plan, pk, hub_item, "waiting");
            let ends = told("updated", plan, pk, hub_item, "rejected");
            let (begun, ended) = tokio::join!(
                cancellations::receive_event(&rig.app, &begins),
                cancellations::receive_event(&rig.app, &ends)
            );
            begun.unwrap();
            ended.unwrap();
        }
        rig.time.advance(6 * crate::support::SECOND_US);
        cancellations::tick(&rig.app).await.unwrap();
        for plan in 1_000..1_000 + PLANS {
            assert_eq!(plan_of_hub(&rig, plan).await, "refused: withdrawn by the hub", "plan {plan}");
        }
        assert_eq!(lines(&rig, order).await, [format!("{item}: 3-0")]);
        assert_sound(&rig.app).await;
    }
}
