//! The link for the first administrator, on a database that has no user yet.

use crate::support::Server;

#[tokio::test]
async fn sec_a3_the_link_works_once() {
    for database in oms_testkit::Database::each() {
        let s = Server::start_empty(database).await;
        let secret = oms_app::access::first_admin_link(&s.app).await.unwrap().unwrap();
        let form = [("Content-Type", "application/x-www-form-urlencoded")];
        let page = s.send("GET", &format!("/first-admin?link={secret}"), &[], "").await.is(200);
        assert!(page.body.contains("name=\"password\""));
        let short = format!("link={secret}&username=%3Cb%3Eada&password=short");
        let reply = s.send("POST", "/first-admin", &form, &short).await.is(400);
        assert!(reply.body.contains("&lt;b&gt;ada") && reply.body.contains("8 to 256"), "{}", reply.body);
        let good = format!("link={secret}&username=ada&password=a+long+password");
        let made = s.send("POST", "/first-admin", &form, &good).await.is(303);
        assert_eq!(made.header("location"), Some("/en/oms/settings/basic-setup"));
        let cookie = made.cookies().join("; ");
        s.send("GET", "/en/oms/me", &[("Cookie", &cookie)], "").await.is(200);
        s.send("POST", "/first-admin", &form, &good).await.is(404);
        s.send("GET", &format!("/first-admin?link={secret}"), &[], "").await.is(404);
        let body = r#"{"username": "ada", "password": "a long password"}"#;
        let json = [("Content-Type", "application/json")];
        s.send("POST", "/api/v1/auth/login/", &json, body).await.is(200);
    }
}
