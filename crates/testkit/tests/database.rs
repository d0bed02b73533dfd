//! Both kinds of database can be used and leave nothing behind.

use oms_testkit::{Database, Engine, POSTGRES_VARIABLE};
use sqlx::{Connection, PgConnection};

#[test]
fn a_sqlite_database_has_a_folder_of_its_own() {
    let database = Database::sqlite();
    let folder = database.folder().expect("a folder").to_owned();
    assert!(database.url.starts_with("sqlite:///") && database.url.ends_with("/oms.db"), "{}", database.url);
    assert!(folder.is_dir());
    drop(database);
    assert!(!folder.exists());
}

#[tokio::test]
async fn a_postgres_database_can_be_used_and_is_dropped() {
    let [_, database] = Database::each();
    assert_eq!(database.engine(), Engine::Postgres);
    let url = database.url.clone();
    let mut connection = PgConnection::connect(&url).await.expect("connected");
    sqlx::query("CREATE TABLE t (n BIGINT)").execute(&mut connection).await.expect("a table");
    // Still connected: a test that fails half-way must not leave its database behind.
    drop(database);
    assert!(PgConnection::connect(&url).await.is_err());
    let admin = std::env::var(POSTGRES_VARIABLE).expect("set");
    let mut admin = PgConnection::connect(&admin).await.expect("the server lives on");
    let name = url.rsplit('/').next().expect("a name");
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM pg_database WHERE datname = $1")
        .bind(name)
        .fetch_one(&mut admin)
        .await
        .expect("counted");
    assert_eq!(left, 0);
}
