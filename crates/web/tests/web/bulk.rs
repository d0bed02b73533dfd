//! One command on many records: a result a row, the failed ones again, all that fit a filter, and one effect a row
//! whatever is lost.

use oms_app::packages::bulk;
use oms_core::commands::Entity;
use oms_store::{Options, Store};
use serde_json::json;

use crate::commands::{begin, shop};
use crate::support::{OMS, Person, Server, on_each};

async fn state_of(s: &Server, package: i64) -> String {
    let package = s.get(&format!("{OMS}/packages/{package}/")).await.is(200).json();
    package["state"]["enum_value"].to_string().replace('"', "")
}

async fn steps(s: &Server, package: i64) -> i64 {
    let mut tx = s.app.store.read().await.unwrap();
    let sql = "SELECT COUNT(*) FROM transition_log WHERE entity = 'package' AND entity_id = $1";
    tx.scalar(sql, oms_store::args![package]).await.unwrap()
}

/// Sends a bulk form and gives the page it leads to.
async fn sent(s: &Server, ada: &Person, path: &str, fields: &[(&str, &str)]) -> (String, String) {
    let answer = s.fill(ada, path, fields).await.is(303);
    let to = answer.header("location").unwrap().to_owned();
    let page = s.see(ada, &to).await.is(200).body;
    (to, page)
}

#[tokio::test]
async fn each_row_has_its_result_and_the_failed_are_asked_again() {
    on_each(|s| async move {
        let packages = shop(&s, 4).await;
        let ada = s.sign_in("ada", "a long password").await;
        let begin = begin(&s).await.to_string();
        let path = format!("{OMS}/packages/{}/command/", packages[1]);
        s.post(&path, &json!({"transition": begin.parse::<i64>().unwrap(), "input_parameters": {}}))
            .await
            .is(204);
        let ids: Vec<String> = packages[..3].iter().map(i64::to_string).collect();
        let mut fields = vec![("transition", begin.as_str()), ("back", "/en/oms/packages?number=N")];
        fields.extend(ids.iter().map(|id| ("id", id.as_str())));
        let (to, page) = sent(&s, &ada, "/en/oms/packages/bulk", &fields).await;
        assert!(page.contains("2 done, 1 not done.") && page.contains("/en/oms/packages?number=N"), "{page}");
        assert!(!page.contains("data-again"), "it is over");
        assert_eq!(
            [
                state_of(&s, packages[0]).await,
                state_of(&s, packages[2]).await,
                state_of(&s, packages[3]).await
            ],
            ["200", "200", "100"]
        );
        let again = format!("{}/again", to.split('?').next().unwrap());
        let (_, page) = sent(&s, &ada, &again, &[]).await;
        assert!(page.contains("0 done, 1 not done."), "{page}");
        // Nothing chosen is said so, and so is what is no command at all.
        let none = s.fill(&ada, "/en/oms/packages/bulk", &[("transition", &begin)]).await;
        assert!(none.status == 422 || none.status == 400, "{}", none.status);
        assert!(none.body.contains("0 were chosen"), "{}", none.body);
        let gone = s.see(&ada, "/en/oms/bulk/1").await;
        assert_eq!(gone.status, 404);
    })
    .await;
}

#[tokio::test]
async fn all_that_fit_a_filter_are_taken_and_no_other() {
    on_each(|s| async move {
        let packages = shop(&s, 130).await;
        let ada = s.sign_in("ada", "a long password").await;
        let begin = begin(&s).await.to_string();
        // N-1, N-10 to N-19 and N-100 to N-129: more than a page of the list.
        let query = "order__number=N-1";
        let list = s.see(&ada, &format!("/en/oms/packages?{query}")).await.is(200).body;
        assert!(!list.contains("data-everything"), "all of them are on the page");
        let list = s.see(&ada, "/en/oms/packages").await.is(200).body;
        assert!(list.contains("data-everything") && list.contains("All 130 that fit"), "{list}");
        let fields = [("transition", begin.as_str()), ("all", "1"), ("query", query)];
        let (_, page) = sent(&s, &ada, "/en/oms/packages/bulk", &fields).await;
        assert!(page.contains("41 done, 0 not done."), "{page}");
        let begun = s.get(&format!("{OMS}/packages/?state=200&limit=100")).await.is(200).json();
        assert_eq!(begun["count"], 41);
        assert_eq!(state_of(&s, packages[2]).await, "100");
        let wrong = s
            .fill(&ada, "/en/oms/packages/bulk", &[("transition", &begin), ("all", "1"), ("query", "what=1")])
            .await;
        assert!(wrong.status >= 400 && wrong.body.contains("what"), "{}", wrong.body);
    })
    .await;
}

#[tokio::test]
async fn a_row_is_asked_once_though_its_process_dies_before_it_is_noted() {
    on_each(|s| async move {
        let packages = shop(&s, 40).await;
        let body = json!({"transition": begin(&s).await, "input_parameters": {}});
        let run = bulk::begin(&s.app, Entity::Package, &body, &packages, "user:1").await.unwrap();
        // A process that did the first rows and died: what it wrote of them is lost, what they did is not.
        while bulk::tick(&s.app, oms_web::refusal_answer).await.unwrap() {}
        let mut tx = s.app.store.begin().await.unwrap();
        tx.execute("UPDATE bulk_rows SET status = NULL, answer = NULL WHERE n <= 35", vec![]).await.unwrap();
        tx.execute("UPDATE bulk_runs SET finished_us = NULL", vec![]).await.unwrap();
        let job = "INSERT INTO jobs (id, kind, ref_id, state, sort_key, sort_tie, run_at_us, attempts, created_us, lease_owner, \
                   lease_until_us) VALUES (77, 'bulk', $1, 'leased', 0, 0, 0, 1, 0, 'a process that died', 1)";
        tx.execute(job, oms_store::args![run]).await.unwrap();
        tx.commit().await.unwrap();
        let next = match s.app.store.dialect() {
            oms_store::db::Dialect::Sqlite => s.app.clone(),
            oms_store::db::Dialect::Postgres => {
                let store = Store::open(s.database_url(), Options { durable: false }).await.unwrap();
                oms_app::App::start(store, oms_connect::http::HttpClient::new(oms_connect::policy::NetPolicy::with_loopback()).unwrap(), oms_app::system_clock())
                    .await
                    .unwrap()
            }
        };
        oms_app::upkeep::nodes::heartbeat_tick(&next).await.unwrap();
        while bulk::tick(&next, oms_web::refusal_answer).await.unwrap() {}
        let (run, progress, rows) = bulk::look(&s.app, run, 100).await.unwrap();
        assert!(run.finished_us.is_some());
        assert_eq!((progress.waiting, progress.done, progress.failed), (0, 40, 0), "{rows:?}");
        for package in packages {
            assert_eq!(steps(&s, package).await, 2, "made and begun, no more");
        }
    })
    .await;
}
