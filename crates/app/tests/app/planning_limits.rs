//! What plans must keep when others plan at the same time or do not answer: stock engines, quotas,
//! decisions that replay and are compared.

use std::sync::Arc;

use crate::support::shop::Shop;
use crate::support::{SECOND_US, assert_sound, number, plan, texts};
use oms_app::places::locations;
use oms_app::planning::{self, decisions};
use oms_app::stock::engines::{self, EngineInput};
use oms_core::plan::Decision;
use oms_core::scenarios::Scenario;
use oms_store::args;
use oms_testkit::{Database, Engine};
use oms_world::stock::{self, Door, Fault, StockService};
use serde_json::{Value, json};
use tokio::net::TcpListener;

fn nearest(filters: Value) -> Value {
    json!([{"name": "Nearest", "products": "units", "filters": filters, "sort": [{"by": "distance"}]}])
}

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
    engines::changed(&shop.app).await;
}

/// A shop whose L1 is fed by an outside engine that has five of A there; L2 has one of its own.
async fn fed_shop(database: Database, allow_partial: bool) -> (Shop, Arc<StockService>) {
    let shop = Shop::open(database, 3).await;
    shop.rules(nearest(json!([{"type": "except_locations", "erp_codes": ["L0"]}]))).await;
    shop.stock(&[("L2", "A", 1)]).await;
    let shelf = [(("A".to_owned(), "L1".to_owned()), "5".to_owned())].into_iter().collect();
    let service = StockService::new(Door::Open, shelf);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/multiple/", listener.local_addr().unwrap());
    let served = service.clone();
    tokio::spawn(async move { stock::serve(served, listener, std::future::pending()).await.unwrap() });
    let input = EngineInput {
        name: "Brand".into(),
        stock_engine_type: "service".into(),
        config: json!({"auth": {"type": "anonymous"}, "service": {"url": url, "timeout_ms": 500},
                       "allow_partial": allow_partial}),
        is_active: true,
    };
    let engine = engines::put(&shop.app, "test", &input).await.unwrap().id;
    change(&shop, "L1", |p| p.engine = Some(engine)).await;
    (shop, service)
}

#[tokio::test]
async fn plans_read_the_engine_first_and_wait_visibly_while_it_is_away() {
    for database in Database::each() {
        let (shop, service) = fed_shop(database, false).await;
        let first = shop.planned("E-1", &[("A", 2)]).await;
        assert_eq!(shop.packages(first).await, ["P1 at L1: 100, A 2"]);

        service.misbehave(Fault::Status(503), None);
        shop.time.advance(31 * SECOND_US);
        let second = shop.order("E-2", &[("A", 2)]).await;
        assert_eq!(planning::tick(&shop.app, 10).await.unwrap().waiting, 1);
        let why = texts(
            &shop.app,
            "SELECT reason_code || ': ' || reason FROM plans WHERE state = 'pending'",
            vec![],
        )
        .await;
        assert!(why[0].starts_with("stock_engine_down: ") && why[0].contains("Brand"), "{why:?}");
        assert_sound(&shop.app).await;
        let due = number(&shop.app, "SELECT run_at_us FROM jobs WHERE kind = 'plan'").await;
        assert!(due > shop.app.now_us() && due <= shop.app.now_us() + 60 * SECOND_US);

        // It is back, and somebody bought three in the meantime: only what is there now is promised.
        service.behave();
        service.put("A", "L1", "3");
        shop.time.advance(61 * SECOND_US);
        assert_eq!(plan(&shop.app).await, 1);
        assert_eq!(shop.packages(second).await, ["P1 at L1: 100, A 1", "P2 at L2: 100, A 1"]);
        assert_sound(&shop.app).await;
        assert_eq!(decisions::replay_all(&shop.app, |_| {}).await.unwrap().different, vec![]);
    }
}

#[tokio::test]
async fn a_partial_engine_lets_planning_go_on_without_its_locations() {
    for database in Database::each() {
        let (shop, service) = fed_shop(database, true).await;
        service.misbehave(Fault::Cut, None);
        let order = shop.planned("E-3", &[("A", 2)]).await;
        assert_eq!(shop.packages(order).await, ["P1 at L2: 100, A 1", "P2 at L0: 920, A 1"]);
        let plans = oms_app::views::plan(&shop.app, order).await.unwrap();
        let Decision::Planned(p) = &plans.decisions[0].decision else { panic!("it is planned") };
        assert!(p.attempts[0].removed.iter().any(|r| r.by == "engine_down"), "{:?}", p.attempts[0]);
        assert_sound(&shop.app).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_location_gets_more_packages_than_its_quota_however_many_plan_at_once() {
    for database in Database::each() {
        let engine = database.engine();
        let shop = Shop::open(database, 4).await;
        for (erp, most) in [("L1", 7), ("L2", 3)] {
            change(&shop, erp, |p| p.max_quota = Some(most)).await;
        }
        shop.rules(nearest(json!([{"type": "SELECT_BY_QUOTA"}]))).await;
        // L0 and L3 have stock, but no quota was entered.
        shop.stock(&[("L0", "A", 99), ("L1", "A", 99), ("L2", "A", 99), ("L3", "A", 99)]).await;
        for i in 0..24 {
            shop.order(&format!("Q-{i}"), &[("A", 1)]).await;
        }
        let mut nodes = vec![shop.app.clone()];
        if engine == Engine::Postgres {
            nodes.push(crate::support::node(&shop.database.url, &shop.time).await);
        }
        let work: Vec<_> = nodes.iter().flat_map(|app| std::iter::repeat_n(app.clone(), 3)).collect();
        let tasks: Vec<_> = work
            .into_iter()
            .map(|app| {
                tokio::spawn(async move { while planning::tick(&app, 3).await.unwrap().claimed > 0 {} })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        for _ in 0..20 {
            shop.time.advance(11 * SECOND_US);
            plan(&shop.app).await;
        }
        let at = |erp: &str| {
            format!(
                "SELECT COUNT(*) FROM packages p JOIN locations l ON l.id = p.location_id WHERE p.state = 100 AND l.erp_code = '{erp}'"
            )
        };
        let counts = [
            number(&shop.app, &at("L0")).await,
            number(&shop.app, &at("L1")).await,
            number(&shop.app, &at("L2")).await,
            number(&shop.app, &at("L3")).await,
        ];
        assert_eq!(counts, [0, 7, 3, 0], "on {engine}");
        assert_eq!(number(&shop.app, "SELECT COUNT(*) FROM packages WHERE state = 920").await, 14);
        assert_sound(&shop.app).await;
        assert_eq!(decisions::replay_all(&shop.app, |_| {}).await.unwrap().different, vec![]);
    }
}

#[tokio::test]
async fn another_scenario_is_compared_and_losers_are_told_on_the_input_as_it_was() {
    for database in Database::each() {
        let shop = Shop::open(database, 3).await;
        shop.rules(nearest(json!([]))).await;
        shop.stock(&[("L1", "A", 1), ("L2", "A", 2)]).await;
        shop.planned("C-1", &[("A", 1)]).await;
        let order = shop.planned("C-2", &[("A", 1)]).await;
        assert_eq!(shop.packages(order).await, ["P1 at L2: 100, A 1"], "the first took what L1 had");
        let body = json!({"name": "Other", "default_stock_location": "L0", "rules":
            [{"name": "Big first", "products": "units", "sort": [{"by": "distance", "order": "desc"}],
              "filters": [{"type": "except_locations", "erp_codes": ["L2"]}]}]});
        let compared =
            decisions::compare(&shop.app, order, &Scenario::from_json(&body).unwrap()).await.unwrap();
        let states = |d: &Decision| match d {
            Decision::Planned(p) => p.packages.iter().map(|p| p.state).collect::<Vec<_>>(),
            Decision::Waits(_) => vec![],
        };
        assert_eq!((states(&compared.kept), states(&compared.other)), (vec![100], vec![920]));
        let losers = decisions::losers(&shop.app, order).await.unwrap();
        let l1 = number(&shop.app, "SELECT id FROM locations WHERE erp_code = 'L1'").await;
        let loser = losers[0].losers.iter().find(|l| l.location.0 == l1).unwrap();
        assert_eq!(
            serde_json::to_value(&loser.changes).unwrap()[0]["change"],
            "units",
            "one more unit at L1, which is nearer, would have won"
        );
    }
}
