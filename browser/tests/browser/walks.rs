//! The ways people go through the screens, from the first sign-in to a delivered package.

use serde_json::json;
use thirtyfour::prelude::Key;

use crate::chromium::{Browser, DESKTOP, PHONE};
use crate::database::Kind;
use crate::place::{Demo, Empty, HUB_PASSWORD, Receiver};

/// Each walk on both databases.
macro_rules! walks {
    ($($walk:ident),* $(,)?) => {
        walks!(sqlite Kind::Sqlite => $($walk)*);
        walks!(postgres Kind::Postgres => $($walk)*);
    };
    ($on:ident $kind:expr => $($walk:ident)*) => {
        mod $on {
            use crate::database::Kind;
            $(
                #[tokio::test]
                async fn $walk() {
                    super::$walk($kind).await;
                }
            )*
        }
    };
}

walks!(
    the_first_administrator_sets_the_system_up_against_the_hub,
    a_wrong_password_is_said_so_and_leaving_ends_the_session,
    a_package_goes_from_waiting_to_delivered,
    a_refused_package_is_planned_elsewhere_and_the_screen_says_why,
    a_bulk_action_tells_of_each_row_and_repeats_the_failed_alone,
    a_scenario_is_edited_previewed_published_and_taken_back,
    rows_change_by_themselves_and_keys_are_enough,
    every_page_is_reached_and_used_by_keys_alone,
    without_script_lists_commands_and_bulk_actions_work,
    a_webhook_fails_is_mended_and_sent_again,
);

/// No script failed and no policy was broken on the way.
async fn assert_quiet(browser: &Browser) {
    let errors = browser.console_errors().await;
    assert!(errors.is_empty(), "the console says {errors:#?}");
}

async fn the_first_administrator_sets_the_system_up_against_the_hub(on: Kind) {
    let place = Empty::start(on);
    let browser = Browser::open(&place.base, DESKTOP).await;
    browser.go(&place.link).await;
    browser.fill("#username", "ada").await;
    browser.fill("#password", "a long password").await;
    browser.click("main button.primary").await;
    browser.arrives("/en/oms/settings/basic-setup").await;
    browser.reads("#credentials", "needs you").await;
    browser.reads("#addresses", "do step 7 first").await;

    // Step 7: the hub's address and credentials, on the settings screen.
    browser.click("#credentials a.button").await;
    browser.arrives("/en/oms/settings/application-settings").await;
    browser.click("#OMNITRON_CLIENT_SETTINGS > summary").await;
    browser.fill("#OMNITRON_CLIENT_SETTINGS-auth-username", "oms.application").await;
    browser.fill("#OMNITRON_CLIENT_SETTINGS-auth-password", HUB_PASSWORD).await;
    browser.fill("#OMNITRON_CLIENT_SETTINGS-timeouts-read", "30000").await;
    browser.fill("#OMNITRON_CLIENT_SETTINGS-timeouts-connect", "6000").await;
    let (base, oms) = ("#OMNITRON_CLIENT_SETTINGS-urls-base_url", "#OMNITRON_CLIENT_SETTINGS-urls-oms_url");
    browser.fill(base, "the hub").await;
    browser.fill(oms, &format!("{}/api/v1", place.base)).await;
    browser.click("#OMNITRON_CLIENT_SETTINGS > form > button.primary").await;
    // The fault stands at its field, and nothing that was typed is lost.
    browser.reads(&format!("{base}-wrong"), "is not an address").await;
    browser
        .until(
            "what was typed is there",
            &format!("return document.querySelector('{oms}').value.endsWith('/api/v1')"),
        )
        .await;
    browser.fill(base, &place.hub_url).await;
    browser.fill("#OMNITRON_CLIENT_SETTINGS-auth-password", HUB_PASSWORD).await;
    browser.click("#OMNITRON_CLIENT_SETTINGS > form > button.primary").await;
    browser.reads(".said", "Saved").await;

    browser.go("/en/oms/settings/basic-setup").await;
    browser.click("#credentials form button").await;
    browser.reads(".said", "let us in").await;
    for (step, done) in [
        ("addresses", "cities copied"),
        ("retail-stores", "locations copied"),
        ("channels", "channels copied"),
    ] {
        browser.click(&format!("#{step} form button")).await;
        browser
            .until(
                &format!("{step} is copied"),
                &format!("return !!document.querySelector('#{step} .state.done')"),
            )
            .await;
        browser.reads(&format!("#{step}"), done).await;
    }
    for step in ["order-filtering", "distance"] {
        browser.click(&format!("#{step} form button")).await;
        browser
            .until(
                &format!("{step} is done"),
                &format!("return !!document.querySelector('#{step} .state.done')"),
            )
            .await;
    }
    assert_quiet(&browser).await;
}

async fn a_wrong_password_is_said_so_and_leaving_ends_the_session(on: Kind) {
    let demo = Demo::start(on);
    let browser = Browser::open(&demo.base, PHONE).await;
    browser.go("/en/oms/packages?state__enum_value__in=100").await;
    browser.arrives("/login").await;
    browser.fill("#username", "demo").await;
    browser.fill("#password", "not the password").await;
    browser.click("main button.primary").await;
    browser.sees(".problem").await;
    browser.fill("#password", &demo.password).await;
    browser.click("main button.primary").await;
    browser.arrives("/en/oms/packages").await;
    assert_eq!(browser.at().await, "/en/oms/packages?state__enum_value__in=100");
    // Turkish, dark, and out.
    browser.click("details.person > summary").await;
    browser.click("a[hreflang='tr']").await;
    browser.arrives("/tr/oms/packages").await;
    browser.reads("h1", "Paketler").await;
    browser.click("details.person > summary").await;
    browser.click("button[name='theme'][value='dark']").await;
    browser.sees("html[data-theme='dark']").await;
    browser.click("details.person > summary").await;
    browser.click("form[action='/logout'] button").await;
    browser.arrives("/login").await;
    browser.go("/en/oms").await;
    browser.arrives("/login").await;
}

async fn a_package_goes_from_waiting_to_delivered(on: Kind) {
    let demo = Demo::start(on);
    let browser = Browser::open(&demo.base, DESKTOP).await;
    browser.go(&demo.link).await;
    browser.arrives("/en/oms").await;
    browser.go("/en/oms/packages?state__enum_value__in=100").await;
    browser.click("tbody a.row").await;
    browser.reads(".head .state", "Waiting").await;
    browser.click_text(".commands button", "Start preparing").await;
    browser.reads(".head .state", "Preparing").await;
    browser.click_text(".commands button", "Pack without shipment").await;
    browser.reads(".head .state", "Packed").await;
    browser.click_text(".commands summary", "Ship with tracking number").await;
    browser.fill("details[open] input[name='tracking_number']", "TR-1907").await;
    browser.fill("details[open] input[name='shipping_company']", "swift").await;
    browser.click("details[open] button.primary").await;
    browser.reads(".head .state", "Shipped").await;
    browser.reads("main", "TR-1907").await;
    browser.click_text(".commands button", "Delivered").await;
    browser.reads(".head .state", "Delivered").await;
    let steps = browser.js("return [...document.querySelectorAll('ol.timeline li .state')].map(e => e.textContent.trim().slice(2))").await;
    let steps: Vec<&str> = steps.as_array().unwrap().iter().filter_map(|s| s.as_str()).collect();
    for state in ["Waiting", "Preparing", "Packed", "Shipped", "Delivered"] {
        assert!(steps.iter().any(|s| s.trim() == state), "{state} is not in {steps:?}");
    }
    assert_quiet(&browser).await;
}

async fn a_refused_package_is_planned_elsewhere_and_the_screen_says_why(on: Kind) {
    let demo = Demo::start(on);
    let browser = demo.browser(DESKTOP).await;
    browser.go("/en/oms/settings/denial-reasons").await;
    browser.click(".tools summary").await;
    browser.fill("#title-0", "Too busy").await;
    browser.click(".tools form button.primary").await;
    browser.reads("details.card summary", "Too busy").await;

    browser.go("/en/oms/packages?state__enum_value__in=100").await;
    browser.click("tbody a.row").await;
    browser.sees("#why table.list").await;
    let number = browser.text("h1").await;
    supply_elsewhere(&demo, &browser.at().await);
    let place = browser.text("main a[href*='/stock-locations/']").await;
    browser.click_text(".commands summary", "Refuse").await;
    browser.js("const s = document.querySelector('details[open] select'); s.value = [...s.options].find(o => o.text == 'Too busy').value").await;
    browser.click("details[open] button.primary").await;
    browser.reads("ol.timeline", "Too busy").await;
    browser.click("ol.timeline a[href*='/packages/']").await;
    browser
        .until(
            "another package is shown",
            &format!("return document.querySelector('h1').textContent != {}", json!(number)),
        )
        .await;
    let other = browser.text("main a[href*='/stock-locations/']").await;
    assert_ne!(other, place, "{number} was planned at the same place again");
    browser.reads("#why", "refused it before").await;
    assert_quiet(&browser).await;
}

/// Gives the next location what a package holds, so that it can be planned there.
fn supply_elsewhere(demo: &Demo, address: &str) {
    let (_, id) = address.split_once("/packages/").unwrap();
    let package = demo.api("GET", &format!("/packages/{id}/"), None);
    let places = demo.api("GET", "/stocklocations/?limit=100", None)["results"].clone();
    let here = &package["stock_location"]["erp_code"];
    let other = places.as_array().unwrap().iter().find(|p| p["erp_code"] != *here).unwrap();
    let row = |item: &serde_json::Value| json!({"erp_code": other["erp_code"], "sku": item["order_item"]["product"]["sku"], "on_hand": 1_000});
    let rows: Vec<_> = package["packageitem_set"].as_array().unwrap().iter().map(row).collect();
    let loaded = demo.api("POST", "/stocks/", Some(&json!({"rows": rows})));
    assert!(loaded.get("error").is_none(), "{loaded}");
}

async fn a_bulk_action_tells_of_each_row_and_repeats_the_failed_alone(on: Kind) {
    let demo = Demo::start(on);
    let browser = demo.browser(DESKTOP).await;
    browser.go("/en/oms/packages?state__enum_value__in=100").await;
    for row in [1, 2, 3] {
        browser.click(&format!("tbody tr:nth-child({row}) .tick input")).await;
    }
    browser.reads("[data-chosen]", "3 selected").await;
    let id = browser.js("return document.querySelector('tbody tr:nth-child(2)').dataset.id").await;
    // Meanwhile somebody else begins with the second.
    let flow = demo.api("GET", "/state-transitions/?limit=100", None);
    let begin = flow["results"]
        .as_array()
        .unwrap()
        .iter()
        .find(|t| t["command_code"] == "PKG_DEALLOCATE_RESERVATIONS")
        .unwrap();
    let path = format!("/packages/{}/command/", id.as_str().unwrap());
    let answer = demo.api("POST", &path, Some(&json!({"transition": begin["id"], "input_parameters": {}})));
    assert!(answer.is_null(), "{answer}");
    browser.click_text(".bulk button", "Start preparing").await;
    browser.reads("main", "2 done, 1 not").await;
    browser.reads("tbody tr:first-child .state.failed", "Not done").await;
    let findings = browser.axe().await;
    assert!(findings.is_empty(), "{findings:#?}");
    // Repeated for the failed one alone, it fails alone.
    browser.click_text("main form button", "Try the 1 failed").await;
    browser.reads("main", "0 done, 1 not").await;
    assert_quiet(&browser).await;
}

async fn a_scenario_is_edited_previewed_published_and_taken_back(on: Kind) {
    let demo = Demo::start(on);
    let browser = demo.browser(DESKTOP).await;
    browser.go("/en/oms/scenarios/distribution").await;
    browser.click("tbody a.row").await;
    browser.reads(".head .count", "version 1").await;
    let before =
        browser.js("return document.querySelectorAll('ol.steps > li').length").await.as_u64().unwrap();
    let rules = before + 1;
    browser.click("button[value='add']").await;
    let is_added = format!("return document.querySelectorAll('ol.steps > li').length == {rules}");
    browser.until("a rule was added", &is_added).await;
    let last = rules - 1;
    browser.fill(&format!("input[name='r{last}.name']"), "What is left, from anywhere").await;
    browser.js(&format!("document.querySelector(\"select[name='r{last}.products']\").value = 'units'")).await;
    browser.click_text("div.commands button", "Save draft").await;
    browser.reads(".said", "Saved").await;
    browser.reads(".warning", "draft").await;
    browser.click_text(".tools a", "Preview").await;
    browser.reads("main", "orders would come out differently").await;
    browser.click_text(".tools a", "Back").await;
    browser.fill("#comment", "Let the rest go anywhere").await;
    browser.click("button[value='publish']").await;
    browser.reads(".head .count", "version 2").await;
    browser.reads("main table", "Let the rest go anywhere").await;
    // Back to the first.
    browser.click("button[value='back']").await;
    browser.driver.accept_alert().await.unwrap();
    browser.reads(".head .count", "version 3").await;
    browser
        .until(
            "the rule is gone",
            &format!("return document.querySelectorAll('ol.steps > li').length == {}", rules - 1),
        )
        .await;
    assert_quiet(&browser).await;
}

async fn rows_change_by_themselves_and_keys_are_enough(on: Kind) {
    let demo = Demo::start(on);
    let browser = demo.browser(DESKTOP).await;
    browser.go("/en/oms/packages?state__enum_value__in=100,200").await;
    browser.until("the stream is open", "return !document.querySelector('#live').hidden").await;
    let other = demo.browser(DESKTOP).await;
    let id = browser.js("return document.querySelector('tbody tr').dataset.id").await;
    other.go(&format!("/en/oms/packages/{}", id.as_str().unwrap())).await;
    other.click_text(".commands button", "Start preparing").await;
    other.reads(".head .state", "Preparing").await;
    browser.reads("tbody tr:first-child .state", "Preparing").await;

    browser.press("j").await;
    browser.press("j").await;
    browser.sees("tbody tr:nth-child(2).here").await;
    browser.press("x").await;
    browser.reads("[data-chosen]", "1 selected").await;
    browser.press_with(Key::Control, 'k').await;
    browser.sees("#palette[open]").await;
    browser.press("transfers").await;
    browser.reads("#palette li[aria-selected='true']", "Transfers").await;
    browser.press(Key::Enter).await;
    browser.arrives("/en/oms/transfers").await;
    browser.press("?").await;
    browser.sees("#help[open]").await;
    assert_quiet(&browser).await;
}

/// The most keys until the focus is where it should be.
const MOST_KEYS: usize = 120;

/// Moves the focus with the tab key, on or back, until a script says that it is there.
async fn tab_until(browser: &Browser, is_back: bool, what: &str, script: &str) {
    for _ in 0..MOST_KEYS {
        if browser.js(script).await == serde_json::Value::Bool(true) {
            return;
        }
        match is_back {
            true => browser.press_with(Key::Shift, '\u{e004}').await,
            false => browser.press(Key::Tab).await,
        }
    }
    panic!("no key leads to {what} at {}", browser.at().await);
}

async fn every_page_is_reached_and_used_by_keys_alone(on: Kind) {
    let demo = Demo::start(on);
    let browser = demo.browser(DESKTOP).await;
    let mut seen = std::collections::BTreeSet::new();
    // Pages of a part of the navigation show when the part is open: they are found on the way.
    loop {
        let links = browser
            .js("return [...document.querySelectorAll('nav.side a')].map(a => a.getAttribute('href'))")
            .await;
        let links: Vec<String> = serde_json::from_value(links).unwrap();
        let Some(next) = links.into_iter().find(|link| !seen.contains(link)) else { break };
        let focused = format!("return document.activeElement?.getAttribute('href') === {}", json!(next));
        tab_until(&browser, true, &next, &focused).await;
        browser.press(Key::Enter).await;
        browser.arrives(next.split('?').next().unwrap()).await;
        browser.sees("main h1").await;
        // What the page offers takes the focus, and shows that it has it.
        let offered =
            "return !!document.querySelector('main a, main button, main input, main select, main summary')";
        if browser.js(offered).await == serde_json::Value::Bool(true) {
            tab_until(
                &browser,
                false,
                "what the page offers",
                "return !!document.activeElement?.matches('main :is(a, button, input, select, summary, [tabindex=\"0\"])')",
            )
            .await;
            let outline = "const style = getComputedStyle(document.activeElement); \
                           return style.outlineStyle !== 'none' && style.outlineWidth !== '0px' || style.boxShadow !== 'none'";
            assert_eq!(
                browser.js(outline).await,
                serde_json::Value::Bool(true),
                "the focus does not show at {next}"
            );
        }
        seen.insert(next);
    }
    assert!(seen.len() >= 14, "{seen:?}");
    // A command is run with keys: from the list to the package, to its likeliest command.
    browser.go("/en/oms/packages?state__enum_value__in=100").await;
    tab_until(
        &browser,
        false,
        "the first package",
        "return !!document.activeElement?.matches('tbody a.row')",
    )
    .await;
    browser.press(Key::Enter).await;
    browser.reads(".head .state", "Waiting").await;
    tab_until(
        &browser,
        false,
        "the first command",
        "return document.activeElement?.textContent.trim() === 'Start preparing'",
    )
    .await;
    browser.press(Key::Enter).await;
    browser.reads(".head .state", "Preparing").await;
    assert_quiet(&browser).await;
}

async fn without_script_lists_commands_and_bulk_actions_work(on: Kind) {
    let demo = Demo::start(on);
    let browser = Browser::open(&demo.base, PHONE).await;
    browser.cdp("Emulation.setScriptExecutionDisabled", json!({"value": true})).await;
    browser.sign_in("demo", &demo.password).await;
    browser.go("/en/oms/packages?state__enum_value__in=100").await;
    // A filter is a form of its own.
    let number = browser.text("tbody a.row").await;
    browser.click(".chips details.filter summary").await;
    browser.fill("#filter-number", &number).await;
    browser.click(".chips details.filter form > button").await;
    browser.reads("a.chip", &number).await;
    browser.click("tbody a.row").await;
    browser.reads("h1", &number).await;
    browser.click_text(".commands button", "Start preparing").await;
    browser.reads(".head .state", "Preparing").await;
    browser.reads(".said", "").await;
    // And so is one command on many.
    browser.go("/en/oms/packages?state__enum_value__in=100").await;
    for row in [1, 2] {
        browser.click(&format!("tbody tr:nth-child({row}) .tick input")).await;
    }
    browser.click_text(".bulk button", "Start preparing").await;
    browser.reads("main", "2 done, 0 not").await;
    browser.click_text("main a", "Back").await;
    browser.arrives("/en/oms/packages").await;
}

async fn a_webhook_fails_is_mended_and_sent_again(on: Kind) {
    let (demo, receiver) = (Demo::start(on), Receiver::start());
    let browser = demo.browser(DESKTOP).await;
    browser.go("/en/oms/connections").await;
    browser.click("a[href$='/connections/hooks/new']").await;
    browser.arrives("/en/oms/connections/hooks/new").await;
    // A fault stands above, and what was typed stays.
    browser.fill("#target_url", "nowhere").await;
    browser.click("form.card button.primary").await;
    browser.reads(".problem", "target_url").await;
    browser.fill("#target_url", &receiver.url).await;
    browser.fill("#attempts", "1").await;
    browser.click("form.card button.primary").await;
    browser.reads(".said", "Saved").await;
    browser.reads("h1", &receiver.url).await;

    let flow = demo.api("GET", "/state-transitions/?limit=100", None);
    let begins = |t: &&serde_json::Value| t["command_code"] == "PKG_DEALLOCATE_RESERVATIONS";
    let begin = flow["results"].as_array().unwrap().iter().find(begins).unwrap()["id"].clone();
    let package = demo.api("GET", "/packages/short/?state__enum_value__in=100&limit=1", None);
    let package = package["results"][0]["id"].clone();
    let body = json!({"transition": begin, "input_parameters": {}});
    demo.api("POST", &format!("/packages/{package}/command/"), Some(&body));

    // It is given up, visibly; the receiver is mended, and it is sent again.
    look_until(&browser, "/en/oms/hook-events", "main tbody .state", "given up").await;
    browser.click("main a.row").await;
    browser.reads("main .timeline", "HTTP 500").await;
    browser.reads("main pre", "package.status.transitioned").await;
    receiver.mend();
    browser.click_text("main button", "Send again").await;
    let here = browser.at().await;
    look_until(&browser, &here, "main .timeline", "HTTP 204").await;
    browser.reads(".head .state", "delivered").await;
    assert_quiet(&browser).await;
}

/// Opens a screen again and again until one of these elements says something.
async fn look_until(browser: &Browser, path: &str, css: &str, text: &str) {
    let says = format!(
        "return [...document.querySelectorAll({})].some(e => e.textContent.includes({}))",
        json!(css),
        json!(text)
    );
    for _ in 0..100 {
        browser.go(path).await;
        if browser.js(&says).await == json!(true) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    browser.reads(css, text).await;
}
