//! People on the screens: signing in and out, sessions that end, and forms that only our own pages can send.

use std::sync::atomic::Ordering;

use oms_app::access::sessions;
use oms_core::permissions::Role;

use crate::support::{FORM, form, on_each};

const PASSWORD: &str = "a long password";
const MINUTE_US: i64 = 60_000_000;

#[tokio::test]
async fn every_screen_leads_to_the_sign_in_and_no_form_works_without_a_session() {
    on_each(|s| async move {
        let screens: Vec<_> = oms_web::routes(s.state.clone()).into_iter().filter(|r| r.is_screen).collect();
        assert!(screens.len() > 20, "{}", screens.len());
        for route in screens {
            let path = route
                .path
                .replace("{lang}", "en")
                .replace("{id}", "1")
                .replace("{format}", "csv")
                .replace("{step}", "addresses")
                .replace("{family}", "distribution")
                .replace("{location}", "1");
            let token = format!("Token {}", s.token);
            for headers in
                [vec![], vec![("Cookie", "__Host-oms=00")], vec![("Authorization", token.as_str())]]
            {
                let reply = s.send(route.method.as_str(), &path, &headers, "").await;
                if route.method == "GET" {
                    assert_eq!(reply.status, 303, "{path}");
                    assert!(
                        reply.header("location").is_some_and(|to| to.starts_with("/login?next=")),
                        "{path}"
                    );
                } else {
                    assert_eq!(reply.status, 401, "{path}");
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn sec_a7_a10_signing_in_wants_our_form_and_gives_a_new_session_each_time() {
    on_each(|s| async move {
        let page = s.send("GET", "/login?next=/en/oms/packages", &[], "").await.is(200);
        let (cookie, proof) = (page.cookies().join("; "), page.proof());
        let send = async |cookie: &str, proof: &str, password: &str, next: &str| {
            let fields = [("_csrf", proof), ("username", "ada"), ("password", password), ("next", next)];
            s.send("POST", "/login", &[("Cookie", cookie), ("Content-Type", FORM)], &form(&fields)).await
        };
        for (cookie, proof) in
            [("", proof.as_str()), (cookie.as_str(), "00"), ("__Host-oms-login=1", proof.as_str())]
        {
            let refused = send(cookie, proof, PASSWORD, "/").await;
            assert!(
                refused.status >= 400 && refused.cookies().iter().all(|c| !c.starts_with("__Host-oms=")),
                "{refused:?}"
            );
        }
        let wrong = send(&cookie, &proof, "wrong password", "/").await.is(400);
        assert!(wrong.body.contains("role=\"alert\"") && wrong.body.contains("value=\"ada\""));
        let entered = send(&cookie, &proof, PASSWORD, "/en/oms/packages").await.is(303);
        assert_eq!(entered.header("location"), Some("/en/oms/packages"));
        for set in entered.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case("set-cookie")) {
            for part in ["__Host-", "Path=/", "Secure", "HttpOnly", "SameSite=Strict"] {
                assert!(set.1.contains(part) && !set.1.contains("Domain"), "{part}: {}", set.1);
            }
        }
        for elsewhere in ["//evil.test", "https://evil.test", "/\\evil.test"] {
            let entered = send(&cookie, &proof, PASSWORD, elsewhere).await.is(303);
            assert_eq!(entered.header("location"), Some("/en/oms"), "{elsewhere}");
        }
        // Signing in again with the cookie of a session ends that one: nobody keeps a session that was known before.
        let (one, page) = (s.sign_in("ada", PASSWORD).await, s.send("GET", "/login", &[], "").await);
        let both = format!("{}; {}", one.cookie, page.cookies().join("; "));
        let two = send(&both, &page.proof(), PASSWORD, "/").await.is(303);
        assert!(!two.cookies().contains(&one.cookie));
        s.see(&one, "/en/oms/me").await.is(303);
    })
    .await;
}

#[tokio::test]
async fn a_printed_link_signs_in_once_within_half_an_hour() {
    on_each(|s| async move {
        let link = async || sessions::link(&s.app, "ada").await.unwrap();
        let open = async |link: &str| s.send("GET", &format!("/sign-in?link={link}"), &[], "").await;
        let secret = link().await;
        let entered = open(&secret).await.is(303);
        assert_eq!(entered.header("location"), Some("/en/oms"));
        let cookie = entered.cookies().join("; ");
        assert!(cookie.starts_with("__Host-oms=") && !cookie.contains(&secret));
        s.send("GET", "/en/oms", &[("Cookie", cookie.as_str())], "").await.is(200);

        let late = link().await;
        s.ahead_us.fetch_add(31 * MINUTE_US, Ordering::SeqCst);
        for dead in [secret.as_str(), late.as_str(), "", "00"] {
            let refused = open(dead).await.is(404);
            assert!(refused.cookies().iter().all(|c| !c.starts_with("__Host-oms=")), "{dead}");
            assert!(refused.body.contains("role=\"alert\"") && refused.body.contains("name=\"password\""));
        }
        assert!(sessions::link(&s.app, "nobody").await.is_err());
    })
    .await;
}

#[tokio::test]
async fn signing_out_everywhere_ends_the_sessions_of_that_person_alone() {
    on_each(|s| async move {
        oms_app::access::create_user(&s.app, "test", "bob", PASSWORD, Role::Administrator).await.unwrap();
        let (desk, phone, bob) = (
            s.sign_in("ada", PASSWORD).await,
            s.sign_in("ada", PASSWORD).await,
            s.sign_in("bob", PASSWORD).await,
        );
        let everywhere = form(&[("_csrf", &desk.proof), ("everywhere", "1")]);
        s.send("POST", "/logout", &[("Cookie", &desk.cookie), ("Content-Type", FORM)], &everywhere)
            .await
            .is(303);
        for ended in [&desk, &phone] {
            s.see(ended, "/en/oms/me").await.is(303);
        }
        s.see(&bob, "/en/oms/me").await.is(200);
    })
    .await;
}

#[tokio::test]
async fn guessing_passwords_is_slowed() {
    on_each(|s| async move {
        let page = s.send("GET", "/login", &[], "").await;
        let fields =
            [("_csrf", page.proof()), ("username", "ada".into()), ("password", "guess guess".into())];
        let fields: Vec<(&str, &str)> = fields.iter().map(|(k, v)| (*k, v.as_str())).collect();
        let headers = [("Cookie", page.cookies().join("; ")), ("Content-Type", FORM.into())];
        let headers: Vec<(&str, &str)> = headers.iter().map(|(k, v)| (*k, v.as_str())).collect();
        for _ in 0..5 {
            s.send("POST", "/login", &headers, &form(&fields)).await.is(400);
        }
        s.send("POST", "/login", &headers, &form(&fields)).await.is(429);
    })
    .await;
}

/// A change must carry the proof of our own page (fault F73).
#[tokio::test]
async fn sec_c14_a_form_of_another_site_changes_nothing() {
    on_each(|s| async move {
        let ada = s.sign_in("ada", PASSWORD).await;
        let dark = form(&[("theme", "dark"), ("back", "/en/oms/me")]);
        let own = form(&[("_csrf", &ada.proof), ("theme", "dark"), ("back", "/en/oms/me")]);
        let other = s.sign_in("ada", PASSWORD).await;
        let theirs = form(&[("_csrf", &other.proof), ("theme", "dark")]);
        let cookie = ("Cookie", ada.cookie.as_str());
        let kind = ("Content-Type", FORM);
        let tries = [
            (vec![cookie, kind], &dark),
            (vec![cookie, kind], &theirs),
            (vec![cookie, kind, ("Origin", "https://evil.test")], &own),
            (vec![cookie, kind, ("Origin", "null")], &own),
            (vec![cookie, kind, ("Sec-Fetch-Site", "cross-site")], &own),
            (vec![cookie, kind, ("Sec-Fetch-Site", "same-site")], &own),
            (vec![cookie, ("Content-Type", "text/plain")], &own),
        ];
        for (headers, body) in tries {
            let refused = s.send("POST", "/en/oms/preferences", &headers, body).await.is(403);
            assert!(refused.body.contains("role=\"alert\""), "{}", refused.body);
            assert!(!s.see(&ada, "/en/oms/me").await.is(200).body.contains("data-theme"));
        }
        let headers = [cookie, kind, ("Origin", "http://oms.test"), ("Sec-Fetch-Site", "same-origin")];
        s.send("POST", "/en/oms/preferences", &headers, &own).await.is(303);
        assert!(s.see(&ada, "/en/oms/me").await.is(200).body.contains("data-theme=\"dark\""));
    })
    .await;
}

#[tokio::test]
async fn sec_a9_sessions_end_unused_after_half_an_hour_and_used_after_twelve() {
    on_each(|s| async move {
        let ada = s.sign_in("ada", PASSWORD).await;
        let later = |minutes: i64| s.ahead_us.fetch_add(minutes * MINUTE_US, Ordering::SeqCst);
        for _ in 0..3 {
            later(29);
            s.see(&ada, "/en/oms/me").await.is(200);
        }
        later(31);
        s.see(&ada, "/en/oms/me").await.is(303);

        let ada = s.sign_in("ada", PASSWORD).await;
        for _ in 0..35 {
            later(20);
            s.see(&ada, "/en/oms/me").await.is(200);
        }
        later(21);
        let over = s.see(&ada, "/en/oms/orders?number=7").await.is(303);
        assert_eq!(over.header("location"), Some("/login?next=%2Fen%2Foms%2Forders%3Fnumber%3D7"));
    })
    .await;
}

#[tokio::test]
async fn leaving_ends_the_session_at_the_server() {
    on_each(|s| async move {
        let (ada, phone) = (s.sign_in("ada", PASSWORD).await, s.sign_in("ada", PASSWORD).await);
        let left = s.fill(&ada, "/logout", &[]).await.is(303);
        assert!(
            left.headers
                .iter()
                .any(|(n, v)| n == "set-cookie" && v.contains("__Host-oms=;") && v.contains("Max-Age=0"))
        );
        s.see(&ada, "/en/oms/me").await.is(303);
        s.see(&phone, "/en/oms/me").await.is(200);
    })
    .await;
}

#[tokio::test]
async fn a_role_that_may_not_is_told_so() {
    on_each(|s| async move {
        oms_app::access::create_user(&s.app, "test", "robot", PASSWORD, Role::Hub).await.unwrap();
        let robot = s.sign_in("robot", PASSWORD).await;
        let refused = s.see(&robot, "/en/oms/packages").await.is(403);
        assert!(refused.body.contains("You may not do this") && !refused.body.contains("/en/oms/orders"));
    })
    .await;
}
