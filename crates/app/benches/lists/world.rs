//! A database of many packages, made by the database itself: the same statements on both engines.
//!
//! Numbers are drawn from a row's own number, so that every run has the same data. Small locations are many and large
//! ones few; nearly all packages are old and finished, and one in some hundreds got stuck.

use oms_app::App;
use oms_core::locations::LocationKind;
use oms_store::args;
use oms_store::ids::IdKind;
use oms_store::orders::products::{self, NewProduct};
use oms_store::places::channels;
use oms_store::places::geography::{self, Level, NewPlace};

/// Locations; the first is the largest.
pub const LOCATIONS: i64 = 200;
/// Channels; the last has one order in a thousand.
pub const CHANNELS: i64 = 4;
/// 1 January 2024.
pub const START_US: i64 = 1_704_067_200_000_000;
/// Two years of packages.
pub const SPAN_US: i64 = 730 * 86_400_000_000;

const WORDS: [&str; 24] = [
    "Gömlek",
    "Kırmızı",
    "Işık",
    "Pamuklu",
    "Şapka",
    "Çanta",
    "Kazak",
    "Lacivert",
    "Bot",
    "Sandalet",
    "Ceket",
    "Mont",
    "Etek",
    "Kemer",
    "Atkı",
    "Eldiven",
    "Pantolon",
    "Kot",
    "Yelek",
    "Elbise",
    "Siyah",
    "Beyaz",
    "Yün",
    "Deri",
];

/// Fills an empty database with `packages` packages and all that belongs to them.
pub async fn build(app: &App, packages: i64) {
    let now = app.now_us();
    places(app).await;
    let skus = (packages / 50).clamp(100, 20_000);
    goods(app, skus, now).await;
    // Eight orders have ten packages.
    let orders = (packages * 4 / 5).max(10);
    let people = (orders / 2).max(5);
    let step = SPAN_US / orders;
    let rows = |n: i64| {
        format!(
            "WITH RECURSIVE n(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < {n})"
        )
    };
    // A number below `m`, the same for a row and salt each time.
    let draw = |i: &str, salt: i64, m: i64| {
        format!("((({i}) * {} + {salt} * 104729) % 1000003 % {m})", 7919 + salt * 61_627)
    };
    let of = |i: &str| format!("(({i}) * 4 + 4) / 5");
    let order_at = |o: &str| format!("({START_US} + ({o}) * {step})");
    let package_at = |i: &str| format!("({} + {} * 60000000)", order_at(&of(i)), draw(i, 5, 600));
    let location = |i: &str| {
        let d = draw(i, 11, 1000);
        format!("(1 + {d} * {d} * {LOCATIONS} / 1000000)")
    };
    let channel = |o: &str| {
        let d = draw(o, 3, 1000);
        format!("(CASE WHEN {d} < 600 THEN 1 WHEN {d} < 950 THEN 2 WHEN {d} < 999 THEN 3 ELSE 4 END)")
    };
    // The newest 4 % are under way; of the older ones nearly all are delivered.
    let new = packages * 96 / 100;
    let state = |i: &str| {
        let d = draw(i, 7, 1000);
        format!(
            "(CASE WHEN {i} > {new} THEN CASE WHEN {d} < 350 THEN 100 WHEN {d} < 450 THEN 400 WHEN {d} < 600 THEN 450 \
             WHEN {d} < 700 THEN 500 WHEN {d} < 970 THEN 600 ELSE 200 END \
             WHEN {d} < 900 THEN 700 WHEN {d} < 990 THEN 900 WHEN {d} < 997 THEN 920 ELSE 930 END)"
        )
    };
    let texts = [
        format!(
            "INSERT INTO customers (id, omnitron_id, content_hash, first_name, last_name, first_name_folded, \
             last_name_folded, customer_type, created_us) {} \
             SELECT i, i, $1, 'First' || {first}, 'Last' || {last}, 'first' || {first}, 'last' || {last}, 'registered', {START_US} FROM n",
            rows(people),
            first = draw("i", 1, 300),
            last = draw("i", 2, 5000)
        ),
        format!(
            "INSERT INTO addresses (id, omnitron_id, content_hash, country_id, city_id, township_id, line, \
             retail_store, created_us) {} \
             SELECT i + 1000000000, i, $1, CASE WHEN {} = 0 THEN 2 ELSE 1 END, 1 + {}, 1 + {}, 'Street ' || i, \
             CASE WHEN {} = 0 THEN 11 + {} END, {START_US} FROM n",
            rows(people),
            draw("i", 1, 3000),
            draw("i", 2, 81),
            draw("i", 3, 900),
            draw("i", 4, 50),
            draw("i", 5, LOCATIONS - 10)
        ),
        format!(
            "INSERT INTO orders (id, omnitron_id, channel_id, number, hub_status, placed_us, customer_id, shipping_address_id, \
             billing_address_id, currency, amount_minor, shipping_option, payment_option, delivery_type, extra, shipping_name, \
             revision, packages_made, event_seq, command_id, created_us, modified_us, delivery_from_us, \
             delivery_until_us) {} \
             SELECT i, i, {}, 'B' || (1000000 + i), CASE WHEN i > {orders} * 96 / 100 THEN 400 WHEN {} = 0 THEN 100 ELSE 550 END, \
             {} - 3600000000, 1 + {}, 1000000001 + {}, 1000000001 + {}, 'try', 10000, \
             CASE WHEN {} = 0 THEN 'fast' ELSE 'standard' END, 'card', CASE WHEN {} = 0 THEN 'in_store' ELSE 'home' END, '{{}}', 'Name', \
             1, 2, 2, 1, {}, {} + {} * 3600000000, CASE WHEN {} = 0 THEN {} + 86400000000 END, \
             CASE WHEN {} = 0 THEN {} + 172800000000 END FROM n",
            rows(orders),
            channel("i"),
            draw("i", 9, 40),
            order_at("i"),
            draw("i", 21, people),
            draw("i", 21, people),
            draw("i", 21, people),
            draw("i", 12, 25),
            draw("i", 13, 8),
            order_at("i"),
            order_at("i"),
            draw("i", 15, 200),
            // A tenth has a wished time: the day after, and one more.
            draw("i", 16, 10),
            order_at("i"),
            draw("i", 16, 10),
            order_at("i"),
        ),
        format!(
            "INSERT INTO plans (id, state, reason_code, reason, tries, scenario_id, scenario_version, units_out_of_stock, \
             created_us, modified_us) {} SELECT i, CASE WHEN {d} = 0 THEN 'pending' ELSE 'completed' END, \
             CASE WHEN {d} = 0 THEN 'no_scenario' ELSE NULL END, CASE WHEN {d} = 0 THEN 'waits' ELSE NULL END, 1, 1, 1, 0, {at}, {at} FROM n",
            rows(orders),
            d = draw("i", 17, 5000),
            at = order_at("i")
        ),
        format!(
            "INSERT INTO order_items (id, order_id, line, omnitron_id, product_id, quantity, quantity_cancelled, price_minor, \
             price_currency, attributes) {} SELECT i, {}, i, i, 1 + {}, 1 + {}, 0, 1000, 'try', '{{}}' FROM n",
            rows(packages * 2),
            of("(i + 1) / 2"),
            draw("i", 19, skus),
            draw("i", 23, 3)
        ),
        format!(
            "INSERT INTO packages (id, order_id, n, number, location_id, state, holds_slot, log_seq, log_head, event_seq, version, \
             created_us, modified_us, channel_id, target_packaging_us, placed_us) {} SELECT i, {o}, i - ({o} * 5 - 4) / 4 + 1, \
             'B' || (1000000 + {o}) || 'P' || (i - ({o} * 5 - 4) / 4 + 1), {}, {}, FALSE, 2, $1, 2, 2, {at}, \
             {at} + {} * 3600000000, {}, {at} + 86400000000, {} - 3600000000 FROM n",
            rows(packages),
            location("i"),
            state("i"),
            draw("i", 25, 200),
            channel(&of("i")),
            order_at(&of("i")),
            o = of("i"),
            at = package_at("i")
        ),
        "INSERT INTO package_items (id, package_id, order_item_id, product_id, quantity, state) \
         SELECT x.id, p.id, x.id, x.product_id, x.quantity, p.state FROM order_items x JOIN packages p ON p.id = (x.id + 1) / 2 \
         WHERE x.id <= $2"
            .to_owned(),
        format!(
            "INSERT INTO transfers (id, package_id, n, number, from_location_id, to_location_id, state, is_detached, log_seq, \
             log_head, event_seq, version, created_us, modified_us) SELECT p.id, p.id, 1, p.number || 'T1', \
             1 + (p.location_id + 1 + {}) % {LOCATIONS}, p.location_id, CASE WHEN p.id > {new} THEN 10 + 10 * (p.id % 3) \
             WHEN p.id % 50 = 0 THEN 95 ELSE 40 END, FALSE, 1, $1, 1, 1, p.created_us, p.modified_us FROM packages p WHERE p.id % 10 = 0",
            draw("p.id", 27, LOCATIONS - 5)
        ),
        format!(
            "INSERT INTO transfer_items (id, transfer_id, package_item_id, product_id, quantity, state) \
             SELECT i.id, t.id, i.id, i.product_id, CASE WHEN {} = 0 THEN 50 ELSE i.quantity END, t.state FROM transfers t \
             JOIN package_items i ON i.package_id = t.id",
            draw("i.id", 29, 2000)
        ),
        format!(
            "INSERT INTO shipments (id, package_id, state, cargo_company, tracking_number, event_seq, version, created_us, modified_us) \
             SELECT p.id, p.id, 'delivered', CASE WHEN {} = 0 THEN 'rare' WHEN p.id % 3 = 0 THEN 'aras' ELSE 'yurtici' END, \
             'TR' || (500000000 + p.id), 1, 1, p.created_us + 86400000000, p.modified_us FROM packages p WHERE p.state IN (600, 700)",
            draw("p.id", 31, 4000)
        ),
        "INSERT INTO transition_log (id, entity, entity_id, seq, old_state, new_state, transition_id, transition_rev, command_id, \
         actor, attributes, at_us, personal_digest, hash) SELECT p.id * 4, 'package', p.id, 1, NULL, 100, 1, 1, 1, 'node', '{}', \
         p.created_us, $1, $1 FROM packages p"
            .to_owned(),
        "INSERT INTO transition_log (id, entity, entity_id, seq, old_state, new_state, transition_id, transition_rev, command_id, \
         actor, attributes, at_us, personal_digest, hash) SELECT p.id * 4 + 1, 'package', p.id, 2, 100, p.state, 1, 1, 1, 'user:1', '{}', \
         p.modified_us, $1, $1 FROM packages p WHERE p.state <> 100"
            .to_owned(),
        "INSERT INTO transition_log (id, entity, entity_id, seq, old_state, new_state, transition_id, transition_rev, command_id, \
         actor, attributes, at_us, personal_digest, hash) SELECT t.id * 4 + 2, 'transfer', t.id, 1, NULL, t.state, 20, 1, 1, 'node', '{}', \
         t.created_us, $1, $1 FROM transfers t"
            .to_owned(),
        format!(
            "INSERT INTO stocks (product_id, location_id, on_hand, reserved, quarantined) {} \
             SELECT 1 + (i - 1) / 10, 1 + (i * 37) % {LOCATIONS}, 20, {}, 0 FROM n",
            rows(skus * 10),
            draw("i", 33, 20)
        ),
        // Plain letters and digits: folding them is making them small.
        "INSERT INTO search_terms (kind, term, entity_id) SELECT 1, LOWER(number), id FROM orders".to_owned(),
        "INSERT INTO search_terms (kind, term, entity_id) SELECT 3, LOWER(tracking_number), id FROM shipments".to_owned(),
        "INSERT INTO list_counts (entity, state, n) SELECT 'package', state, COUNT(*) FROM packages GROUP BY state".to_owned(),
        "INSERT INTO list_counts (entity, state, n) SELECT 'transfer', state, COUNT(*) FROM transfers GROUP BY state".to_owned(),
        "INSERT INTO list_counts (entity, state, n) SELECT 'order', hub_status, COUNT(*) FROM orders GROUP BY hub_status".to_owned(),
    ];
    for text in texts {
        let mut tx = app.store.begin().await.expect("begins");
        let values = match (text.contains("$1"), text.contains("$2")) {
            (true, _) => args![vec![7u8; 32]],
            // The second alone has its number changed: each database counts the values it is given.
            (false, true) => args![packages * 2],
            _ => args![],
        };
        let text = if text.contains("$1") { text } else { text.replace("$2", "$1") };
        tx.execute(text.as_str(), values).await.unwrap_or_else(|e| panic!("{e:?}: {text}"));
        tx.commit().await.expect("commits");
    }
}

async fn places(app: &App) {
    let mut tx = app.store.begin().await.expect("begins");
    for i in 1..=LOCATIONS {
        let kind = if i <= 10 { LocationKind::Warehouse } else { LocationKind::Store };
        let address = "INSERT INTO addresses (id, omnitron_id, content_hash, country_id, city_id, township_id, created_us) \
                       VALUES ($1, $2, $3, 1, $4, $5, 0)";
        tx.execute(address, args![i, -i, vec![1u8; 32], 1 + i % 81, 1 + i % 900]).await.expect("an address");
        let sql = "INSERT INTO locations (id, omnitron_id, erp_code, name, kind, address_id, is_fulfillment_center, is_pickup_location, \
                   is_delivery_location, is_return_available, is_fast_delivery_available, is_shipper, is_active, priority, conf, tags, \
                   event_seq, version, created_us, modified_us) \
                   VALUES ($1, $1, $2, $3, $4, $1, TRUE, TRUE, TRUE, TRUE, TRUE, TRUE, TRUE, 0, '{}', '[]', 0, 1, 0, 0)";
        let (code, name) = (format!("L{i:03}"), format!("Location {i}"));
        tx.execute(sql, args![i, code, name, kind.as_str()]).await.expect("a location");
    }
    let all: Vec<_> = (1..=CHANNELS)
        .map(|i| channels::NewChannel {
            id: i,
            omnitron_id: Some(i),
            name: format!("Channel {i}"),
            channel_type: "web".into(),
            configuration: "{}".into(),
            is_active: true,
        })
        .collect();
    channels::upsert(&mut tx, &all, 0).await.expect("channels");
    for (level, word, n) in
        [(Level::Country, "Ülke", 3), (Level::City, "Şehir", 81), (Level::Township, "İlçe", 900)]
    {
        let parents = |i: i64| match level {
            Level::Country => vec![],
            Level::City => vec![1],
            _ => vec![1 + i % 81],
        };
        let place = |i: i64| NewPlace {
            id: i,
            omnitron_id: i,
            name: format!("{word} {i}"),
            code: Some("XX".into()),
            parents: parents(i),
            is_active: true,
            point: None,
        };
        let places: Vec<_> = (1..=n).map(place).collect();
        geography::upsert(&mut tx, level, &places, 0).await.expect("places");
    }
    tx.commit().await.expect("commits");
}

async fn goods(app: &App, skus: i64, now_us: i64) {
    // Taken so that nothing made later gets an id of these.
    app.store.take_ids(IdKind::Product, skus as usize).await.expect("ids");
    let word = |i: i64, salt: i64| WORDS[((i * 31 + salt * 17 + i / 24) % WORDS.len() as i64) as usize];
    let all: Vec<_> = (1..=skus)
        .map(|i| NewProduct {
            id: i,
            omnitron_id: None,
            sku: format!("SKU-{:06}-{}", i * 7 % 1_000_000, ["S", "M", "L", "XL"][(i % 4) as usize]),
            name: format!("{} {} {} {i}", word(i, 1), word(i, 2), word(i, 3)),
            base_code: None,
            barcode: Some(format!("869{:010}", i * 97)),
            attributes: "{}".into(),
            hub_fields: None,
        })
        .collect();
    for part in all.chunks(2_000) {
        let mut tx = app.store.begin().await.expect("begins");
        products::upsert(&mut tx, part, now_us).await.expect("products");
        tx.commit().await.expect("commits");
    }
}
