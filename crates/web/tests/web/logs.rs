//! State transition logs: what is told of each step, and what narrows them.

use serde_json::{Value, json};

use crate::support::{OMS, on_each};
use crate::transfers::shop;

#[tokio::test]
async fn steps_are_listed_narrowed_and_shown() {
    on_each(|s| async move {
        shop(&s).await;
        let list = format!("{OMS}/state-transition-logs/");
        let all = s.get(&list).await.is(200).json();
        assert_eq!(all["count"], 3, "a package and its two transfers");
        let ids: Vec<i64> =
            all["results"].as_array().unwrap().iter().map(|l| l["id"].as_i64().unwrap()).collect();
        assert!(ids.is_sorted_by(|a, b| a > b), "{ids:?}");

        let package = s.get(&format!("{list}?content_type=package")).await.is(200).json();
        assert_eq!(package["count"], 1);
        let step = &package["results"][0];
        assert_eq!(
            (&step["old_state"], &step["user"], &step["actor"]),
            (&Value::Null, &Value::Null, &json!("system:planner"))
        );
        assert_eq!(
            (&step["new_state"]["enum_value"], &step["new_state"]["enum_class"]),
            (&json!("300"), &json!("PackageStatus"))
        );
        assert_eq!(
            (&step["seq"], step["hash"].as_str().unwrap().len(), &step["content_type"]),
            (&json!(1), 64, &json!("package"))
        );
        assert_eq!(s.get(&format!("{list}{}/", step["id"])).await.is(200).json(), *step);
        s.get(&format!("{list}999999999/")).await.is(404);

        let transfers =
            s.get(&format!("{list}?content_type=transferorder&sort=id&limit=1")).await.is(200).json();
        assert_eq!((&transfers["count"], transfers["next"].is_string()), (&json!(2), true));
        let first = &transfers["results"][0];
        assert_eq!(
            (&first["new_state"]["enum_value"], &first["content_type"]),
            (&json!("waiting"), &json!("transferorder"))
        );

        let object = first["object_id"].as_i64().unwrap();
        for (query, count) in [
            (format!("object_id={object}&content_type=transferorder"), 1),
            ("object_id=999999999".to_owned(), 0),
            ("new_state=10".to_owned(), 2),
            ("old_state=10".to_owned(), 0),
            ("new_state__name=Waiting for transfer".replace(' ', "%20"), 2),
            ("new_state__name=Cancelled".to_owned(), 0),
            ("old_state__name=Waiting".to_owned(), 0),
            ("new_state__enum_value__in=300,waiting".to_owned(), 3),
            ("new_state__enum_value__in=300".to_owned(), 1),
            ("old_state__enum_value__in=in_transit".to_owned(), 0),
            ("created_date__gte=2020-01-01&modified_date__gt=2020-01-01".to_owned(), 3),
            ("created_date__lt=2020-01-01".to_owned(), 0),
            (format!("id__gte={}&id__lte={}", ids[0], ids[0]), 1),
            (format!("id__in={},{}", ids[0], ids[2]), 2),
        ] {
            let page = s.get(&format!("{list}?{query}")).await.is(200).json();
            assert_eq!(page["count"], count, "{query}");
        }
        for (wrong, told) in [
            ("content_type=order", "transferorder"),
            ("new_state__name=Lost", "In Transit"),
            ("new_state__enum_value__in=lost", "in_transit"),
            ("limit=0", "limit"),
            ("sort=hash", "-id"),
            ("actor=user:1", "object_id"),
            ("format=csv", "reports/"),
        ] {
            let refused = s.get(&format!("{list}?{wrong}")).await.is(400);
            assert!(refused.body.contains(told), "{wrong}: {}", refused.body);
        }
        assert_eq!(s.post(&list, &json!({})).await.status, 405, "nobody writes them");
    })
    .await;
}
