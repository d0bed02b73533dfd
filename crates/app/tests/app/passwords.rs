//! How passwords are kept.

use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version};
use oms_app::access;
use oms_core::permissions::Role;
use oms_store::args;
use oms_testkit::Database;

use crate::support::{Time, node};

const PASSWORD: &str = "a long password";

async fn stored(app: &oms_app::App, username: &str) -> String {
    let mut tx = app.store.read().await.unwrap();
    let sql = "SELECT password_hash FROM users WHERE username = $1";
    tx.first(sql, args![username]).await.unwrap().unwrap().cols().text().unwrap()
}

#[tokio::test]
async fn sec_a1_passwords_are_hashed_slowly_and_weaker_hashes_are_made_again_at_sign_in() {
    for database in Database::each() {
        let app = node(&database.url, &Time::new()).await;
        for name in ["ada", "mary"] {
            access::create_user(&app, "test", name, PASSWORD, Role::Administrator).await.unwrap();
            let hash = stored(&app, name).await;
            assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        }
        assert_ne!(stored(&app, "ada").await, stored(&app, "mary").await, "each has a salt of its own");

        // As an older version, with cheaper parameters, would have left it.
        let cheap = Params::new(8 * 1024, 1, 1, None).unwrap();
        let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, cheap);
        let weak = weak.hash_password(PASSWORD.as_bytes()).unwrap().to_string();
        let mut tx = app.store.begin().await.unwrap();
        let sql = "UPDATE users SET password_hash = $1 WHERE username = 'ada'";
        tx.execute(sql, args![weak.clone()]).await.unwrap();
        tx.commit().await.unwrap();
        assert!(access::login(&app, "ada", "another password").await.unwrap().is_none());
        assert_eq!(stored(&app, "ada").await, weak, "a wrong password changes nothing");
        assert!(access::login(&app, "ada", PASSWORD).await.unwrap().is_some());
        let renewed = stored(&app, "ada").await;
        assert!(renewed.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{renewed}");
        assert!(access::login(&app, "ada", PASSWORD).await.unwrap().is_some(), "and it still fits");
        assert_eq!(stored(&app, "ada").await, renewed, "a good hash is left alone");
    }
}
