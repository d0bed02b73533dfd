//! Every screen, as the server sends it.

use serde_json::json;

use crate::support::{OMS, on_each};

#[tokio::test]
async fn sec_c3_every_screen_opens_in_each_language_with_nothing_a_policy_would_stop() {
    on_each(|s| async move {
        let ada = s.sign_in("ada", "a long password").await;
        let screens =
            oms_web::routes(s.state.clone()).into_iter().filter(|r| r.is_screen && r.method == "GET");
        for path in screens.map(|r| r.path).filter(|p| !p.contains("{id}") && !p.ends_with("/live")) {
            for lang in ["en", "tr"] {
                let path = path
                    .replace("{lang}", lang)
                    .replace("{format}", "csv")
                    .replace("{step}", "addresses")
                    .replace("{family}", "distribution")
                    .replace("{location}", "1");
                let reply = s.see(&ada, &path).await.is(200);
                if !reply.header("content-type").is_some_and(|t| t.starts_with("text/html")) {
                    continue;
                }
                assert!(reply.body.contains(&format!("<html lang=\"{lang}\"")), "{path}");
                for inline in [" style=", "<style", " onclick=", " onsubmit=", "javascript:", "<script>"] {
                    assert!(!reply.body.contains(inline), "{path} has {inline}");
                }
                let policy = reply.header("content-security-policy").unwrap();
                assert!(policy.contains("script-src 'self'") && !policy.contains("unsafe"), "{policy}");
                assert!(
                    policy.contains("frame-ancestors 'none'") && policy.contains("require-trusted-types-for"),
                    "{policy}"
                );
                assert_eq!(reply.header("cache-control"), Some("no-store"));
                // A phrase that is not there stands as its key.
                let text: String = reply
                    .body
                    .split('<')
                    .filter_map(|p| p.split_once('>'))
                    .map(|(_, t)| format!(" {t} "))
                    .collect();
                let key = text.split_whitespace().find(|w| is_key(w));
                assert!(key.is_none(), "{path} shows {key:?}");
            }
        }
    })
    .await;
}

/// Whether a word looks like a key of the phrases: `area-name`.
fn is_key(word: &str) -> bool {
    let Some((area, name)) = word.split_once('-') else { return false };
    let low = |t: &str| t.len() > 2 && t.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    low(area) && low(name) && name.contains('_')
}

#[tokio::test]
async fn a_stock_engine_is_filled_in_by_the_parts_of_its_type() {
    on_each(|s| async move {
        let ada = s.sign_in("ada", "a long password").await;
        let new = "/en/oms/connections/engines/new?type=whippy_ware";
        let page = s.see(&ada, new).await.is(200).body;
        assert!(page.contains("name=\"f.auth.type\"") && !page.contains("f.service.mapping.at"), "{page}");
        let filled = |url: &'static str, password: &'static str| {
            [
                ("type", "whippy_ware"),
                ("name", "Whippy"),
                ("is_active", "true"),
                ("f.service.url", url),
                ("f.auth.type", "basic_auth"),
                ("f.auth.username", "oms"),
                ("f.auth.password", password),
            ]
        };
        // The fault stands at its field, what was typed is kept, the secret is not sent back.
        let wrong = s.fill(&ada, new, &filled("ftp://whippy.example", "hunter2")).await.is(200).body;
        assert_eq!(wrong.matches("class=\"wrong\"").count(), 1, "{wrong}");
        let field = wrong.split("id=\"config-service-url\"").nth(1).unwrap().split("<label").next().unwrap();
        assert!(field.contains("aria-invalid=\"true\"") && field.contains("ftp://whippy.example"), "{field}");
        assert!(!wrong.contains("hunter2") && wrong.contains("value=\"Whippy\""), "{wrong}");

        let made = s.fill(&ada, new, &filled("https://whippy.example", "hunter2")).await.is(303);
        let at = made.header("location").unwrap().split('?').next().unwrap().to_owned();
        let one = s.see(&ada, &at).await.is(200).body;
        assert!(one.contains("value=\"********\"") && !one.contains("hunter2"), "{one}");
        // Saved again as it is shown, the password stays; what the form does not ask for stays too.
        let id = at.rsplit('/').next().unwrap().to_owned();
        let api = format!("{OMS}/stock-engines/{id}/");
        let more = json!({"name": "Whippy", "stock_engine_type": "whippy_ware", "config": {"auth": {"type": "basic_auth", "username": "oms", "password": "********"},
            "service": {"url": "https://whippy.example", "parameters": {"sku": "code", "location": "place"}}}});
        s.write("PUT", &api, &more).await.is(200);
        s.fill(&ada, &at, &filled("https://whippy.example/v2", "********")).await.is(303);
        let after = s.get(&api).await.is(200).json();
        assert_eq!(after["config"]["service"]["parameters"]["sku"], "code", "{after}");
        assert_eq!(after["config"]["service"]["url"], "https://whippy.example/v2");
        // As JSON: a broken text comes back as it was typed, with its place.
        let raw = [("type", "whippy_ware"), ("name", "Whippy"), ("config", "{\"auth\": ")];
        let broken = s.fill(&ada, &at, &raw).await.is(200).body;
        assert!(broken.contains("line 1, column") && broken.contains(">{&quot;auth&quot;:</textarea>"), "{broken}");
        assert!(broken.contains("value=\"https://whippy.example/v2\""), "the form stays: {broken}");
    })
    .await;
}

#[tokio::test]
async fn channels_are_made_here_and_those_of_the_hub_only_read() {
    on_each(|s| async move {
        let ada = s.sign_in("ada", "a long password").await;
        let new = "/en/oms/connections/channels/new";
        let fields = |name: &'static str, configuration: &'static str| {
            [("name", name), ("channel_type", "web"), ("configuration", configuration), ("is_active", "true")]
        };
        for (name, configuration, told) in
            [(" ", "{}", "name: 1 to 200 characters"), ("Shop", "[1]", "A JSON object is expected")]
        {
            let page = s.fill(&ada, new, &fields(name, configuration)).await.is(200).body;
            assert!(page.contains(told), "{page}");
        }
        let made = s.fill(&ada, new, &fields("Shop", "{\"a\": 1}")).await.is(303);
        let at = made.header("location").unwrap().to_owned();
        let page = s.see(&ada, &at).await.is(200).body;
        assert!(page.contains("value=\"Shop\"") && page.contains("&quot;a&quot;: 1"), "{page}");
        s.fill(&ada, &at, &fields("Webshop", "")).await.is(303);
        let list = s.see(&ada, "/en/oms/connections").await.is(200).body;
        assert!(list.contains("Webshop") && list.contains("connections/channels/new"), "{list}");

        let at = format!("/en/oms/connections/channels/{}", s.channel_of(Some(7)).await);
        let page = s.see(&ada, &at).await.is(200).body;
        assert!(!page.contains("name=\"channel_type\""), "{page}");
        assert!(s.fill(&ada, &at, &fields("Mine", "{}")).await.is(200).body.contains("Channels are the hub"));
    })
    .await;
}
