//! Flat rows: the exports of lists, and the reports in pages and as files.

use serde_json::{Value, json};

use crate::support::{OMS, Reply, Server, on_each};
use crate::transfers::shop;

fn rows_of(csv: &str) -> Vec<Vec<&str>> {
    csv.trim_end().split("\r\n").map(|line| line.split(',').collect()).collect()
}

fn is_file(reply: &Reply, kind: &str, name: &str) {
    assert!(reply.header("content-type").is_some_and(|t| t.starts_with(kind)), "{:?}", reply.headers);
    let disposition = reply.header("content-disposition").unwrap_or_default();
    let (before, extension) = name.split_once('.').expect("a name with an extension");
    assert!(disposition.starts_with(&format!("attachment; filename=\"{before}-20")), "{disposition}");
    assert!(disposition.ends_with(&format!(".{extension}\"")), "{disposition}");
}

const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

#[tokio::test]
async fn lists_of_transfers_are_files_too() {
    on_each(|s| async move {
        shop(&s).await;
        let list = format!("{OMS}/transfer_orders/");
        let csv = s.get(&format!("{list}?format=csv&sort=-id&limit=1&page=7")).await.is(200);
        is_file(&csv, "text/csv", "transfers.csv");
        let rows = rows_of(&csv.body);
        assert_eq!(rows[0][..4], ["id", "number", "order_id", "order_number"]);
        assert_eq!(
            (rows.len(), rows[1][1], rows[2][1]),
            (3, "T-1P1T2", "T-1P1T1"),
            "sorted, and whatever the page"
        );
        let row = rows[2].join(",");
        assert!(row.contains(",waiting,Waiting for transfer,") && row.contains(",W1,W1,"), "{row}");
        let narrowed = s.get(&format!("{list}?format=csv&product_sku=B&order__number=T-1")).await.is(200);
        assert_eq!(rows_of(&narrowed.body).len(), 2);
        let none = s.get(&format!("{list}?format=csv&state__enum_value=transferred")).await.is(200);
        assert_eq!(rows_of(&none.body).len(), 1, "the columns alone");

        let html = s.get(&format!("{list}?format=html")).await.is(200);
        is_file(&html, "text/html", "transfers.html");
        assert!(html.body.contains("<td>T-1P1T1</td>"));
        for format in ["xls", "xlsx"] {
            let book = s.get(&format!("{list}?format={format}")).await.is(200);
            is_file(&book, XLSX, "transfers.xlsx");
            assert!(book.bytes.starts_with(b"PK"));
        }
        let items =
            s.get(&format!("{OMS}/transfer-items/?format=csv&quantity=2&sort=order_id")).await.is(200);
        is_file(&items, "text/csv", "transfer-items.csv");
        assert_eq!(rows_of(&items.body).len(), 2);

        s.get(&format!("{list}?format=pdf")).await.is(400);
        s.get(&format!("{list}?format=csv&colour=red")).await.is(400);
        for other in [
            "transfer_orders/short",
            "transfer-items/list-simple",
            "packages",
            "settings/application_settings",
        ] {
            let refused = s.get(&format!("{OMS}/{other}/?format=csv")).await.is(400);
            assert!(refused.json()["error"]["format"][0].as_str().unwrap().contains("reports/"), "{other}");
        }
    })
    .await;
}

#[tokio::test]
async fn every_report_reads_in_pages_and_as_a_file() {
    on_each(|s| async move {
        shop(&s).await;
        let told = s.get(&format!("{OMS}/reports/")).await.is(200).json();
        let reports = told["results"].as_array().unwrap();
        assert_eq!(reports.len(), 7);
        for report in reports {
            let (name, url) = (report["name"].as_str().unwrap(), report["url"].as_str().unwrap());
            let url = url.trim_start_matches("http://oms.test");
            let whole = s.get(url).await.is(200).json();
            let rows = whole["results"].as_array().unwrap();
            assert!(!rows.is_empty() && whole["next"].is_null(), "{name}: {whole}");
            let columns: Vec<_> =
                report["columns"].as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap()).collect();
            assert_eq!(columns.len(), rows[0].as_object().unwrap().len(), "{name}");
            for personal in ["Lovelace", "Street 1", "user:"] {
                assert!(!whole.to_string().contains(personal), "{name}: {personal}");
            }

            let (mut next, mut paged) = (Some(format!("{url}?limit=1")), Vec::new());
            while let Some(page) = next {
                let page = s.get(page.trim_start_matches("http://oms.test")).await.is(200).json();
                paged.extend(page["results"].as_array().unwrap().clone());
                next = page["next"].as_str().map(str::to_owned);
            }
            assert_eq!(&paged, rows, "{name}");

            let csv = s.get(&format!("{url}?format=csv")).await.is(200);
            is_file(&csv, "text/csv", &format!("{name}.csv"));
            let lines = rows_of(&csv.body);
            assert_eq!((&lines[0], lines.len()), (&columns, rows.len() + 1), "{name}");
            let rest = s.get(&format!("{url}?format=csv&limit=1&after={}", lines[1][0])).await.is(200);
            assert_eq!(rows_of(&rest.body).get(1), lines.get(2), "{name}");
            is_file(&s.get(&format!("{url}?format=xls")).await.is(200), XLSX, &format!("{name}.xlsx"));
            is_file(
                &s.get(&format!("{url}?format=html")).await.is(200),
                "text/html",
                &format!("{name}.html"),
            );

            let dated =
                s.get(&format!("{url}?created_date__gte=2020-01-01&created_date__lt=2020-01-02")).await;
            match report["has_dates"].as_bool().unwrap() {
                true => assert_eq!(dated.is(200).json()["results"], json!([]), "{name}"),
                false => assert!(dated.is(400).body.contains("no dates"), "{name}"),
            }
            for wrong in
                ["after=x", "limit=0", "limit=-1", "format=pdf", "colour=red", "created_date__gte=soon"]
            {
                s.get(&format!("{url}?{wrong}")).await.is(400);
            }
        }
        let unknown = s.get(&format!("{OMS}/reports/customers/")).await.is(404);
        assert!(unknown.body.contains("order-lines"), "{}", unknown.body);
        let lines = s.get(&format!("{OMS}/reports/order-lines/")).await.is(200).json();
        let line = lines["results"].as_array().unwrap().iter().find(|l| l["sku"] == "A").unwrap();
        assert_eq!(
            (&line["price"], &line["quantity"], &line["plan_state"]),
            (&json!("10.00"), &json!(3), &json!("completed"))
        );
        let steps = s.get(&format!("{OMS}/reports/state-transitions/")).await.is(200).json();
        let step = steps["results"]
            .as_array()
            .unwrap()
            .iter()
            .find(|t| t["content_type"] == "transferorder")
            .unwrap();
        assert_eq!(
            (&step["old_state"], &step["new_state"], &step["object_number"].is_string()),
            (&Value::Null, &json!("waiting"), &true)
        );
        assert_eq!(step["new_state_name"], "Waiting for transfer");
    })
    .await;
}

#[tokio::test]
async fn what_was_typed_as_a_formula_stays_text() {
    on_each(|s| async move {
        s.warehouse("W1").await;
        for sku in ["=cmd|' /C calc'!A0", "@SUM(A1)", "＝1", "a;=1", "-5"] {
            s.stock("W1", sku, 3).await.is(200);
        }
        let stocks = format!("{OMS}/reports/stocks/");
        let csv = s.get(&format!("{stocks}?format=csv")).await.is(200).body;
        for safe in [",'=cmd|' /C calc'!A0,", ",'@SUM(A1),", ",'＝1,", ",a;'=1,", ",'-5,", ",3,0,0,3,"] {
            assert!(csv.contains(safe), "{safe}: {csv}");
        }
        let html = s.get(&format!("{stocks}?format=html")).await.is(200).body;
        assert!(html.contains("<td>'=cmd|' /C calc'!A0</td>"), "{html}");
        let plain = s.get(&stocks).await.is(200).json();
        assert!(
            plain["results"].as_array().unwrap().iter().any(|r| r["sku"] == "@SUM(A1)"),
            "JSON is not changed"
        );
    })
    .await;
}

/// One more product with stock than a file has rows.
async fn many(s: &Server) {
    let mut tx = s.app.store.begin().await.expect("a transaction");
    let numbers = "WITH RECURSIVE v(n) AS (SELECT 1000000 UNION ALL SELECT n + 1 FROM v WHERE n < 1100000) ";
    let products = "INSERT INTO products (id, sku, name, attributes, created_us, modified_us) ";
    tx.execute(format!("{products}{numbers}SELECT n, 'S' || n, 'P', '{{}}', 0, 0 FROM v"), vec![])
        .await
        .expect("products");
    let stocks = "INSERT INTO stocks (product_id, location_id, on_hand, reserved, quarantined) ";
    let place = "(SELECT id FROM locations WHERE erp_code = 'W1')";
    tx.execute(format!("{stocks}{numbers}SELECT n, {place}, 1, 0, 0 FROM v"), vec![]).await.expect("stocks");
    tx.commit().await.expect("a commit");
}

#[tokio::test]
async fn a_list_of_too_much_is_no_file_until_it_is_narrowed() {
    on_each(|s| async move {
        shop(&s).await;
        let mut tx = s.app.store.begin().await.unwrap();
        let copies = "INSERT INTO transfers (id, package_id, n, number, from_location_id, to_location_id, state, \
            is_detached, log_seq, log_head, event_seq, version, created_us, modified_us) \
            WITH RECURSIVE v(i) AS (SELECT 1000000 UNION ALL SELECT i + 1 FROM v WHERE i < 1100000) \
            SELECT v.i, t.package_id, v.i, 'C' || v.i, t.from_location_id, t.to_location_id, t.state, t.is_detached, \
            t.log_seq, t.log_head, t.event_seq, t.version, 0, 0 FROM transfers t CROSS JOIN v WHERE t.n = 1";
        tx.execute(copies, vec![]).await.unwrap();
        tx.commit().await.unwrap();
        for address in ["transfer_orders/?format=csv", "reports/transfers/?format=xlsx"] {
            let refused = s.get(&format!("{OMS}/{address}")).await.is(400);
            assert_eq!(refused.code(), "too_many_rows");
            assert!(refused.body.contains("created_date__gte"), "{}", refused.body);
            let narrowed = s.get(&format!("{OMS}/{address}&created_date__gte=2020-01-01")).await.is(200);
            assert!(!narrowed.bytes.is_empty());
        }
        let narrowed = s.get(&format!("{OMS}/reports/transfers/?format=csv&created_date__gte=2020-01-01")).await.is(200);
        assert_eq!(rows_of(&narrowed.body).len(), 3);
    })
    .await;
}

#[tokio::test]
async fn a_file_ends_at_its_limit_and_says_how_to_go_on() {
    on_each(|s| async move {
        s.warehouse("W1").await;
        many(&s).await;
        let stocks = format!("{OMS}/reports/stocks/");
        let refused = s.get(&format!("{stocks}?format=csv")).await.is(400);
        assert_eq!(refused.code(), "too_many_rows");
        assert!(refused.body.contains("limit and after"), "{}", refused.body);
        let part = s.get(&format!("{stocks}?format=csv&limit=9999999")).await.is(200);
        let rows = rows_of(&part.body);
        assert_eq!(rows.len(), 100_001, "the columns and 100,000 rows");
        let rest = s.get(&format!("{stocks}?format=csv&after={}", rows[100_000][0])).await.is(200);
        assert_eq!(rows_of(&rest.body).len(), 2);
        let page = s.get(&format!("{stocks}?limit=5000")).await.is(200).json();
        assert_eq!(page["results"].as_array().unwrap().len(), 1_000);
    })
    .await;
}
