//! Every screen, as the server sends it.

use crate::support::on_each;

#[tokio::test]
async fn every_screen_opens_in_each_language_with_nothing_a_policy_would_stop() {
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
