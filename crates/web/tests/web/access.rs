//! Who may call what, and what every answer carries.

use crate::support::{OMS, on_each};
use oms_core::permissions::{Permission, Role};
use serde_json::json;

#[tokio::test]
async fn every_route_but_the_public_ones_wants_a_token_that_may() {
    on_each(|s| async move {
        let routes = oms_web::routes(s.state.clone());
        assert!(routes.len() > 50, "{}", routes.len());
        let hub = format!("Token {}", s.hub_token);
        for route in routes.into_iter().filter(|r| !r.is_screen) {
            let path = route.path.replace("{id}", "1").replace("{task}", "addresses");
            let method = route.method.as_str();
            let reply = s.send(method, &path, &[], "").await;
            let open = route.permission == Permission::Public;
            assert_eq!(reply.status == 401, !open, "{method} {path}: {}", reply.status);
            assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{path}");
            assert!(
                reply.header("content-security-policy").is_some_and(|v| v.contains("default-src 'none'"))
            );
            assert!(reply.header("x-request-id").is_some_and(|id| id.len() >= 16));
            if !open {
                assert_eq!(reply.header("www-authenticate"), Some("Token"));
                assert_eq!(reply.json()["code"], "not_authenticated");
                for wrong in ["Token nonsense", "Bearer oms_0000", "Basic YTpi", "Token", "oms_00"] {
                    let reply = s.send(method, &path, &[("Authorization", wrong)], "").await.is(401);
                    assert_eq!(reply.json()["code"], "invalid_token", "{wrong}");
                }
                let reply = s.send(method, &path, &[("Authorization", &hub)], "").await;
                assert_eq!(reply.status == 403, !Role::Hub.may(route.permission), "{method} {path}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn both_schemes_work_and_a_token_in_the_query_does_not() {
    on_each(|s| async move {
        for scheme in ["Token", "Bearer", "token"] {
            let header = format!("{scheme} {}", s.token);
            let reply =
                s.send("GET", "/api/v1/active_user/", &[("Authorization", &header)], "").await.is(200);
            assert_eq!(reply.json()["username"], "ada");
        }
        s.send("GET", &format!("/api/v1/active_user/?token={}", s.token), &[], "").await.is(401);
    })
    .await;
}

#[tokio::test]
async fn signing_in_gives_a_key_and_guessing_is_slowed() {
    on_each(|s| async move {
        let json = [("Content-Type", "application/json")];
        let login = async |name: &str, password: &str| {
            let body = json!({"username": name, "password": password}).to_string();
            s.send("POST", "/api/v1/auth/login/", &json, &body).await
        };
        let key = login("ada", "a long password").await.is(200).json()["key"].as_str().unwrap().to_owned();
        let header = format!("Token {key}");
        s.send("GET", "/api/v1/active_user/", &[("Authorization", &header)], "").await.is(200);
        for name in ["ada", "nobody"] {
            for _ in 0..5 {
                let reply = login(name, "wrong password").await.is(400);
                assert!(reply.json()["error"]["non_field_errors"].is_array());
            }
            let reply = login(name, "wrong password").await.is(429);
            let wait: u64 = reply.header("retry-after").unwrap().parse().unwrap();
            assert!((1..=900).contains(&wait));
        }
        let reply = s.send("POST", "/api/v1/auth/login/", &json, r#"{"username":"ada"}"#).await.is(400);
        assert!(reply.json()["error"]["password"].is_array());
    })
    .await;
}

#[tokio::test]
async fn wrong_requests_are_answered_in_the_same_shape() {
    on_each(|s| async move {
        let token = format!("Token {}", s.token);
        let auth = ("Authorization", token.as_str());
        let json = ("Content-Type", "application/json");
        let settings = format!("{OMS}/settings/application_settings/");

        assert_eq!(s.get("/api/v1/nothing/").await.is(404).code(), "not_found");
        assert_eq!(s.get(&format!("{settings}abc/")).await.is(404).code(), "not_found");
        let reply = s.send("DELETE", &settings, &[auth], "").await.is(405);
        assert!(reply.header("allow").is_some_and(|a| a.contains("GET") && a.contains("POST")), "{reply:?}");
        assert_eq!(reply.code(), "method_not_allowed");

        let text = [auth, ("Content-Type", "text/plain")];
        assert_eq!(s.send("POST", &settings, &text, "{}").await.is(415).code(), "unsupported_media_type");
        let latin = [auth, ("Content-Type", "application/json; charset=latin-1")];
        s.send("POST", &settings, &latin, "{}").await.is(415);
        let reply = s.send("POST", &settings, &[auth, json], "{\"key\": }").await.is(400);
        assert!(reply.body.contains("line 1 column 9"), "{}", reply.body);
        s.send("POST", &settings, &[auth, json], "").await.is(400);
        let deep = "[".repeat(10_000);
        s.send("POST", &settings, &[auth, json], &deep).await.is(400);
        let large = format!("{{\"key\": \"{}\"}}", "a".repeat(3 << 20));
        assert_eq!(s.send("POST", &settings, &[auth, json], &large).await.is(413).code(), "body_too_large");
        let nul = r#"{"key": "a\u0000b", "json_value": {}}"#;
        assert!(
            s.send("POST", &settings, &[auth, json], nul).await.is(400).json()["error"]["key"].is_array()
        );
        s.get(&format!("{OMS}/packages/?order_number=%00")).await.is(400);

        let given = [auth, ("x-request-id", "abc-123")];
        let reply = s.send("GET", &settings, &given, "").await.is(200);
        assert_eq!(reply.header("x-request-id"), Some("abc-123"));
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        let reply = s.send("GET", &settings, &[auth, ("x-request-id", "a b<script>")], "").await;
        assert!(!reply.header("x-request-id").unwrap().contains('<'));
    })
    .await;
}

#[tokio::test]
async fn pages_need_no_sign_in() {
    for database in oms_testkit::Database::each() {
        let s = crate::support::Server::start(database).await;
        let home = s.send("GET", "/", &[("Accept-Language", "tr-TR,en")], "").await.is(303);
        assert_eq!(home.header("location"), Some("/tr/oms"));
        let page = s.send("GET", "/login", &[], "").await.is(200);
        let (_, after) = page.body.split_once("/assets/").unwrap();
        let style = format!("/assets/{}", after.split('"').next().unwrap());
        let kept = s.send("GET", &style, &[], "").await.is(200);
        assert_eq!(kept.header("cache-control"), Some("public, max-age=31536000, immutable"), "{style}");
        let older = s.send("GET", "/assets/0011223344556677/oms.css", &[], "").await.is(200);
        assert_eq!(older.header("cache-control"), Some("no-store"));
        s.send("GET", "/assets/0011223344556677/none.css", &[], "").await.is(404);
        s.send("GET", "/api/docs/", &[], "").await.is(200);
        s.send("GET", "/api/openapi.json", &[], "").await.is(200);
        s.send("GET", "/health", &[], "").await.is(200);
        s.send("GET", "/ready", &[], "").await.is(200);
        let dead = s.send("GET", "/first-admin?link=%3Cscript%3E", &[], "").await.is(404);
        assert!(!dead.body.contains("<script>"));

        let form = [("Content-Type", "application/x-www-form-urlencoded")];
        let body = "link=wrong&username=eve&password=a+long+password";
        s.send("POST", "/first-admin", &form, body).await.is(404);
    }
}

#[tokio::test]
async fn a_failure_names_the_request_and_nothing_of_the_machine() {
    on_each(|s| async move {
        s.get(&format!("{OMS}/packages/")).await.is(200);
        s.app.store.close().await;
        let ready = s.send("GET", "/ready", &[], "").await.is(503);
        assert!(ready.header("retry-after").is_some());
        s.send("GET", "/health", &[], "").await.is(200);
        // The token is believed for a second; the database is asked by the list.
        let token = format!("Token {}", s.token);
        let headers = [("Authorization", token.as_str()), ("x-request-id", "find-me-1")];
        let failed = s.send("GET", &format!("{OMS}/packages/"), &headers, "").await.is(500);
        assert_eq!(failed.json()["error"]["request_id"], "find-me-1");
        let text = failed.body.to_lowercase();
        for inside in ["select", "sqlx", "postgres", "sqlite", "pool", "src/", "panicked"] {
            assert!(!text.contains(inside), "{inside}: {text}");
        }
    })
    .await;
}
