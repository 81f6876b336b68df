//! The tests of the operator's scripts, which are in Python as they are: beside what they test, in `scripts`. Those in sh are run in
//! booted machines (`tests/suites/systemd`); here they are read.

use crate::tools::{root, run};

/// Those of a host with systemd are POSIX sh; what they source is looked at with them.
#[test]
fn shellcheck_has_nothing_to_say() {
    assert_eq!(run("shellcheck", &["-x", "scripts/install", "scripts/upgrade"], &[]).ok(), "");
}

/// Runs the tests of one file of `scripts/operating`.
fn tests_of(module: &str) {
    let said = run(
        "python3",
        &["-B", "-m", "unittest", "-q", &format!("operating.{module}")],
        &[("PYTHONPATH", "scripts")],
    )
    .ok();
    assert!(said.contains("OK") && !said.contains("skipped"), "{said}");
}

/// Each file of tests has a test here, so that nextest runs them beside one another and tells them apart.
macro_rules! scripts {
    ($($module:ident),+ $(,)?) => {
        $(#[test] fn $module() { tests_of(stringify!($module)); })+

        #[test]
        fn no_file_of_tests_is_left_out() {
            let mut named = vec![$(concat!(stringify!($module), ".py").to_owned()),+];
            let folder = std::fs::read_dir(root().join("scripts/operating")).expect("the folder").flatten();
            let mut found: Vec<String> = folder.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
            found.retain(|name| name.starts_with("test_"));
            named.sort();
            found.sort();
            assert_eq!(named, found);
        }
    };
}

scripts!(
    test_backup,
    test_dev_stack,
    test_port_check,
    test_port_check_around,
    test_port_prod,
    test_programs,
    test_release,
    test_release_binaries,
    test_release_images,
    test_restore,
    test_restore_refusals,
    test_rollback,
    test_sbom,
    test_sbom_small,
    test_scaling,
    test_scaling_balance,
    test_scaling_page,
    test_smoke,
    test_smoke_edge,
    test_smoke_faults,
    test_smoke_kept,
    test_smoke_settings,
    test_smoke_wait,
    test_smoke_wholly,
    test_sync_config,
);
