//! Changes are kept as long as RETENTION says; what they were about is not touched, and whoever comes late is told.

use oms_app::Error;
use oms_app::events::{self, Asked};
use oms_app::setup::settings;
use oms_app::upkeep::{changes, history, nodes};
use oms_testkit::Database;
use oms_world::hub::NewOrder;
use serde_json::json;

use crate::support::{Rig, SECOND_US, assert_sound, define_scenario, fetch, number, plan, poll, small};

const DAY_US: i64 = 24 * 3_600 * SECOND_US;

async fn take_and_plan(rig: &Rig, number_: &str) {
    let line = (rig.data.products[0].sku.clone(), 1, 1_605);
    let order = NewOrder { number: number_.into(), channel: 1, customer: 1, lines: vec![line] };
    rig.hub.hub.create_order(order).await.unwrap();
    rig.time.advance(SECOND_US);
    poll(&rig.app).await;
    fetch(&rig.app).await;
    rig.time.advance(61 * SECOND_US);
    plan(&rig.app).await;
    while changes::place_tick(&rig.app).await.unwrap() {}
}

async fn read(rig: &Rig, after: i64) -> Result<events::Told, Error> {
    events::read(&rig.app, &Asked { after, most: 500, ..Asked::default() }).await
}

#[tokio::test]
async fn changes_go_after_their_time_and_a_late_reader_is_told_where_to_go_on() {
    for database in Database::each() {
        let rig = Rig::start(database, small()).await;
        define_scenario(&rig.app, &rig.data).await;
        take_and_plan(&rig, "R1").await;
        let old = read(&rig, 0).await.unwrap().head;
        let order = number(&rig.app, "SELECT id FROM orders WHERE number = 'R1'").await;
        rig.time.advance(40 * DAY_US);
        take_and_plan(&rig, "R2").await;

        // By itself nothing goes.
        nodes::sweep_tick(&rig.app).await.unwrap();
        let all = read(&rig, 0).await.unwrap();
        settings::put(&rig.app, "test", "RETENTION", &json!({"events_days": 30})).await.unwrap();
        nodes::sweep_tick(&rig.app).await.unwrap();
        nodes::sweep_tick(&rig.app).await.unwrap();

        let Err(Error::Refused(late)) = read(&rig, old - 1).await else { panic!("a part is missing") };
        assert_eq!((late.code, late.field.as_str()), ("position_forgotten", "after"));
        assert!(late.message.contains(&format!("go on after {old}")), "{late}");
        let rest = read(&rig, old).await.unwrap();
        let expected: Vec<_> = all.events.iter().filter(|(e, _)| e.position > old).cloned().collect();
        assert_eq!(rest.events, expected);
        // The last change of each record stays, and with it what the record is.
        let kept = format!("SELECT COUNT(*) FROM events WHERE entity = 'order' AND entity_id = {order}");
        assert_eq!(number(&rig.app, &kept).await, 1);
        assert_eq!(events::now(&rig.app, "order", order).await.unwrap()["number"], "R1");
        let package =
            number(&rig.app, &format!("SELECT MIN(id) FROM packages WHERE order_id = {order}")).await;
        let steps = history::of(&rig.app, &[("package", package)]).await.unwrap();
        assert!(steps.iter().any(|e| e.entity == "package" && e.new_state.is_some()), "{steps:?}");
        assert_sound(&rig.app).await;

        for wrong in [json!({"events_days": 0}), json!({"deliveries_days": 4_000}), json!({"days": 3})] {
            let refused = settings::put(&rig.app, "test", "RETENTION", &wrong).await;
            assert!(matches!(refused, Err(Error::Refused(_))), "{wrong}");
        }
    }
}
