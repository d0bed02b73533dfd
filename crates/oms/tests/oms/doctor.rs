//! `oms doctor` as people run it.

use crate::support::{demo, oms, run};
use oms_testkit::Database;
use oms_world::data::slice_dir;
use tempfile::tempdir;

#[test]
fn the_doctor_says_what_is_missing_and_is_content_with_the_demo() {
    for database in Database::each() {
        let folder = tempdir().unwrap();
        let call = |arguments: &[&str]| {
            run(oms(folder.path(), &[arguments, &["--database", &database.url]].concat()))
        };
        assert!(call(&["user", "create", "ada", "--password", "a long password"]).status.success());
        let fresh = call(&["doctor"]);
        assert_eq!(fresh.status.code(), Some(1), "{fresh:#?}");
        let said = fresh.stdout.join("\n");
        for line in
            [" 2  done ", " 7  needs you ", "/en/oms/settings/basic-setup/credentials", "steps need you."]
        {
            assert!(said.contains(line), "{line} is not in\n{said}");
        }

        assert!(run(demo(folder.path(), &slice_dir(), &database.url, &["--workers", "2"])).status.success());
        let ready = call(&["doctor"]);
        assert!(ready.status.success(), "{ready:#?}");
        assert_eq!(ready.stdout.last().map(String::as_str), Some("Nothing needs you."));
    }
    let folder = tempdir().unwrap();
    let none = run(oms(folder.path(), &["doctor", "--database", "sqlite://none.db"]));
    assert!(!none.status.success() && none.stderr.contains("no database"), "{none:#?}");
    assert!(!folder.path().join("none.db").exists());
}
