//! The tests that documents name as evidence are there.

use std::{fs, path::Path};

/// The links `[name](../file.rs)` of a document.
fn named(text: &str) -> Vec<(&str, &str)> {
    let links = text.split("](../").zip(text.split("](../").skip(1));
    let links = links.filter_map(|(before, after)| {
        let name = before.rsplit('[').next()?;
        let (file, _) = after.split_once(')')?;
        file.ends_with(".rs").then_some((name, file))
    });
    links.collect()
}

#[test]
fn every_test_that_the_documents_name_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for (document, at_least) in [("docs/security.md", 40), ("docs/compliance.md", 8)] {
        let text = fs::read_to_string(root.join(document)).expect("the document");
        let named = named(&text);
        assert!(named.len() >= at_least, "{document} names {} tests", named.len());
        for (name, file) in named {
            let source = fs::read_to_string(root.join(file));
            let source = source.unwrap_or_else(|error| panic!("{document} names {file}: {error}"));
            let (head, _) = source
                .split_once(&format!("fn {name}("))
                .unwrap_or_else(|| panic!("{document}: no {name} in {file}"));
            // A test, and not a helper: its attribute is in the line above, or above that of a macro's block.
            let above: Vec<&str> = head.lines().rev().take(5).collect();
            let is_test = head.contains("proptest!") || above.iter().any(|line| line.contains("test"));
            assert!(is_test, "{document}: {name} in {file} is no test");
        }
    }
}
