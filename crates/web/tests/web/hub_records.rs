//! Hub orders that were not taken, changes that were not applied, arrivals and jobs: listed, narrowed, tried again.

use oms_store::ids::IdKind;
use oms_store::orders::hub_orders::{self, Rejected};
use serde_json::json;

use crate::support::{OMS, on_each};

#[tokio::test]
async fn what_could_not_be_taken_is_listed_with_its_reason_and_tried_again() {
    on_each(|s| async move {
        let now = s.app.now_us();
        let mut ids = s.app.store.take_ids(IdKind::Row, 3 * hub_orders::IDS_EACH).await.unwrap();
        let one = |pk: i64, reason: &str, product| Rejected {
            pk,
            number: format!("N{pk}"),
            modified_us: Some(now),
            reason: reason.into(),
            missing_product: product,
        };
        let both = [one(11, "Item 5 names product 9.", Some(9)), one(12, "quantity is zero", None)];
        let mut tx = s.app.store.begin().await.unwrap();
        hub_orders::reject(&mut tx, &both, true, &mut ids, now).await.unwrap();
        tx.commit().await.unwrap();

        let list = format!("{OMS}/hub_orders/");
        let found = s.get(&format!("{list}?disposition=rejected&reason=product")).await.is(200).json();
        assert_eq!(found["count"], json!(1));
        let row = &found["results"][0];
        assert_eq!((&row["id"], &row["number"], &row["tries"]), (&json!(11), &json!("N11"), &json!(1)));
        assert!(row["retry_date"].as_str().is_some());
        assert_eq!(s.get(&format!("{list}?order=7")).await.is(200).json()["count"], json!(0));
        s.get(&format!("{list}?disposition=what")).await.is(400);
        s.post(&format!("{list}11/retry/"), &json!({})).await.is(204);
        assert_eq!(s.get(&format!("{list}?id=11")).await.is(200).json()["results"][0]["tries"], json!(0));
        s.post(&format!("{list}999/retry/"), &json!({})).await.is(404);

        // A person sees the same, told on the first page, and asks for it with a button.
        let ada = s.sign_in("ada", "a long password").await;
        let today = s.see(&ada, "/en/oms").await.is(200);
        assert!(today.body.contains("2 orders of the hub could not be taken"), "{}", today.body);
        let page = s.see(&ada, "/en/oms/hub-orders?disposition=rejected").await.is(200);
        assert!(page.body.contains("Item 5 names product 9.") && page.body.contains("N12"));
        let back = [("back", "/en/oms/hub-orders")];
        let again = s.fill(&ada, "/en/oms/hub-orders/12/retry", &back).await.is(303);
        assert_eq!(again.header("location"), Some("/en/oms/hub-orders"));
        assert_eq!(s.get(&format!("{list}?id=12")).await.is(200).json()["results"][0]["tries"], json!(0));
        let gone = s.fill(&ada, "/en/oms/hub-orders/999/retry", &back).await;
        assert!(gone.body.contains("role=\"alert\""), "{}", gone.body);
        s.see(&ada, "/tr/oms/jobs?state=runnable").await.is(200);

        // Their fetches are jobs; the one that was asked for is due.
        let jobs = format!("{OMS}/jobs/");
        let found = s.get(&format!("{jobs}?kind=fetch&state=runnable")).await.is(200).json();
        assert_eq!(found["count"], json!(2));
        let inbox = format!("{OMS}/hub_inbox/");
        let row = s.get(&format!("{inbox}?hub_pk=12")).await.is(200).json()["results"][0].clone();
        assert_eq!((&row["source"], &row["state"]), (&json!("retry"), &json!("received")));
        let refused = s.post(&format!("{inbox}{}/retry/", row["id"]), &json!({})).await.is(409);
        assert_eq!(refused.code(), "not_refused");

        // A fetch may be dropped: the arrival says so, and can be worked on again.
        let job = found["results"].as_array().unwrap().iter().find(|j| j["ref"] == row["id"]).unwrap();
        s.post(&format!("{jobs}{}/drop/", job["id"]), &json!({})).await.is(204);
        let after = s.get(&format!("{inbox}?state=refused&outcome=dropped")).await.is(200).json();
        assert_eq!(after["results"][0]["id"], row["id"]);
        s.post(&format!("{inbox}{}/retry/", row["id"]), &json!({})).await.is(204);
        assert_eq!(s.get(&format!("{jobs}?kind=fetch")).await.is(200).json()["count"], json!(2));
        s.post(&format!("{jobs}999999/retry/"), &json!({})).await.is(404);
    })
    .await;
}

#[tokio::test]
async fn changes_are_closed_once_and_the_plan_of_an_order_is_not_dropped() {
    on_each(|s| async move {
        let body = json!({"number": "HC-1", "channel": s.channel().await, "date_placed": "2031-03-04T09:15:27Z",
            "amount": "1.00", "customer": {"first_name": "Ada", "last_name": "Lovelace"},
            "shipping_address": {"first_name": "Ada", "line": "Street 1"},
            "lines": [{"sku": "A", "quantity": 1, "price": "1.00"}]});
        s.post(&format!("{OMS}/orders/"), &json!({"orders": [body]})).await.is(200);
        let order = s.get(&format!("{OMS}/orders/")).await.is(200).json()["results"][0]["id"].as_i64().unwrap();
        let now = s.app.now_us();
        let id = s.app.store.take_id(IdKind::Row).await.unwrap();
        let mut tx = s.app.store.begin().await.unwrap();
        let detail = json!({"reason": "quantity is zero"});
        oms_store::orders::hub_changes::note(&mut tx, id, order, "lines", &detail, now).await.unwrap();
        tx.commit().await.unwrap();
        let list = format!("{OMS}/hub_changes/");
        let row = s.get(&format!("{list}?is_open=true&what=lines")).await.is(200).json()["results"][0].clone();
        assert_eq!((&row["order_number"], &row["detail"]), (&json!("HC-1"), &detail));
        let refused = s.post(&format!("{list}{id}/retry/"), &json!({})).await.is(409);
        assert_eq!(refused.code(), "not_of_hub");
        let ada = s.sign_in("ada", "a long password").await;
        let page = s.see(&ada, "/en/oms/hub-changes?is_open=true").await.is(200);
        assert!(page.body.contains("HC-1") && page.body.contains("quantity is zero"), "{}", page.body);
        s.fill(&ada, &format!("/en/oms/hub-changes/{id}/close"), &[("back", "/en/oms/hub-changes")]).await.is(303);
        assert_eq!(s.post(&format!("{list}{id}/close/"), &json!({})).await.is(409).code(), "closed");
        let row = s.get(&format!("{list}?is_open=false")).await.is(200).json()["results"][0].clone();
        assert!(row["closed_by"].as_str().is_some_and(|by| !by.is_empty()), "{row}");

        let jobs = format!("{OMS}/jobs/");
        let job = s.get(&format!("{jobs}?kind=plan&ref={order}")).await.is(200).json()["results"][0].clone();
        let refused = s.post(&format!("{jobs}{}/drop/", job["id"]), &json!({})).await.is(409);
        assert_eq!(refused.code(), "job_needed");
        let retry = format!("/en/oms/jobs/{}/retry", job["id"]);
        s.fill(&ada, &retry, &[("back", "/en/oms/jobs")]).await.is(303);
        for (list, id) in [("jobs", job["id"].as_i64().unwrap()), ("hub-changes", id)] {
            let unknown = s.fill(&ada, &format!("/en/oms/{list}/{id}/what"), &[]).await;
            assert!(unknown.body.contains("role=\"alert\""), "{list}: {}", unknown.body);
        }
        let wrong = s.fill(&ada, &format!("/en/oms/jobs/{}/drop", job["id"]), &[]).await;
        assert!(wrong.body.contains("cancel the order instead"), "{}", wrong.body);
    })
    .await;
}

#[tokio::test]
async fn a_brand_without_a_hub_makes_its_channels_here() {
    on_each(|s| async move {
        let list = format!("{OMS}/channels/");
        s.post(&list, &json!({"nme": "Web"})).await.is(400);
        s.post(&list, &json!({})).await.is(400);
        s.post(&list, &json!({"name": " "})).await.is(400);
        let made = s.post(&list, &json!({"name": "Web", "configuration": {"a": 1}})).await.is(201).json();
        assert_eq!((&made["is_active"], &made["omnitron_id"]), (&json!(true), &json!(null)));
        let one = format!("{list}{}/", made["id"]);
        let changed = s.write("PATCH", &one, &json!({"is_active": false})).await.is(200).json();
        assert_eq!((&changed["name"], &changed["is_active"]), (&json!("Web"), &json!(false)));
        assert_eq!(s.get(&one).await.is(200).json()["configuration"], json!({"a": 1}));
        s.write("PATCH", &format!("{list}987654/"), &json!({"name": "x"})).await.is(404);

        let waits = s.get(&format!("{OMS}/setup/orders/")).await.is(200).json();
        assert_eq!((&waits["is_taken"], &waits["waits_for"][0]), (&json!(false), &json!("ORDER_FILTERING")));
        let required = s.get(&format!("{OMS}/setup/addresses/is_required/")).await.is(200).json();
        assert_eq!(required, json!({"result": true}));

        // Where a hub is set, they are its own.
        let hub = json!({"auth": {"username": "u", "password": "p"}, "urls": {"base_url": "https://hub.example/api/v1"}});
        let setting = json!({"key": "OMNITRON_CLIENT_SETTINGS", "json_value": hub});
        s.post(&format!("{OMS}/settings/application_settings/"), &setting).await.is(201);
        assert_eq!(s.post(&list, &json!({"name": "Other"})).await.is(409).code(), "channels_of_hub");
        s.write("PATCH", &one, &json!({"name": "Webshop"})).await.is(200);
    })
    .await;
}
