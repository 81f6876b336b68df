//! The name under which a command is told: the program that a line of a shell begins with. Pure.
//!
//! It promises that no piece of a variable's value, of a quoted text, of an argument or of a path before the program
//! is ever the name: where a line begins with anything but plain words, it has none.

/// The longest name of a program that is told.
const MAX_NAME: usize = 64;

/// The program that a line begins with: behind plain assignments, without its path. `None` where that isn't a short
/// word without quotes, expansions and operators: in other words could be what nobody should read.
pub(super) fn program(line: &str) -> Option<&str> {
    // What separates words for a shell, and no other white space: that is a part of a word.
    let mut words = line.split([' ', '\t', '\n']).filter(|word| !word.is_empty());
    let word = words.by_ref().find(|word| !is_assignment(word))?;
    let word = word.strip_suffix(';').unwrap_or(word);
    let plain = |byte: u8| is_plain(byte) || byte == b'/';
    let name = word.rsplit('/').next()?;
    ((1..=MAX_NAME).contains(&name.len()) && word.bytes().all(plain)).then_some(name)
}

/// Whether a word is an assignment that ends where the word does. With a quote, a backslash, an expansion or an operator
/// in it, it may not: then it is taken for the command, which has no plain name.
fn is_assignment(word: &str) -> bool {
    let Some((name, value)) = word.split_once('=') else { return false };
    let of_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let of_value = |byte: u8| is_plain(byte) || matches!(byte, b'/' | b':' | b',' | b'@' | b'%' | b'=');
    !name.is_empty()
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && name.bytes().all(of_name)
        && value.bytes().all(of_value)
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'+')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_name_is_a_plain_word() {
        for (line, name) in [
            ("ls -la", Some("ls")),
            ("  A=b C=d ./run.sh x", Some("run.sh")),
            ("/opt/x/g++ -o y", Some("g++")),
            ("A=http://h:8/p,q@r%20=s ls", Some("ls")),
            ("A=b\nls", Some("ls")),
            ("A= ls", Some("ls")),
            ("true;false", None),
            ("true; false", Some("true")),
            ("ls;;", None),
            ("\"my prog\" x", None),
            ("$(cat key) x", None),
            ("`cat key` x", None),
            ("echo\u{e9} x", None),
            ("A=b", None),
            ("", None),
            ("/", None),
            ("bin/", None),
            ("-x=y ls", None),
            ("1A=b ls", None),
        ] {
            assert_eq!(program(line), name, "{line}");
        }
        assert_eq!(program(&"x".repeat(64)).map(str::len), Some(64));
        assert_eq!(program(&"x".repeat(65)), None);
    }

    #[test]
    fn no_piece_of_a_value_or_a_quoted_text_is_a_name() {
        for line in [
            "TOKEN='abc hunter2 def' ls",
            "PASS=\"p1 hunter2 p3\" /bin/true",
            "A=$(echo my hunter2 x) ls",
            "A=`echo my hunter2 x` ls",
            "A=${X:-my hunter2} ls",
            "A=$((1 + hunter2 )) ls",
            "KEY=a\\ hunter2 ls",
            "KEY=a\\\nhunter2 ls",
            "A=(x hunter2) ls",
            "A+=x\\ hunter2 ls",
            "A[0]='x hunter2' ls",
            "A=x\u{c}hunter2 ls",
            "A=x\u{a0}hunter2 ls",
            "A=x;hunter2",
            "'/my hunter2 x/y' z",
            "/usr/bin/'x hunter2'/ls",
            "\"$HOME/hunter2\" x",
            "$HOME/hunter2 x",
            "~hunter2/x y",
            "$'x hunter2' ls",
            "# hunter2\nls",
            "(hunter2 x)",
            ">'x hunter2' ls",
            ">hunter2 ls",
            "2>hunter2 ls",
            "<<<hunter2 cat",
            "<<'E\nhunter2\nE' cat",
            "<<E cat\nhunter2\nE",
            "{hunter2,x}",
            "hunter2() { ls; }",
            "hunter2\u{0}x",
            "hunter2\u{1b}[0m",
        ] {
            let name = program(line);
            assert_eq!(name, None, "{line}");
        }
    }

    proptest! {
        /// However a value is quoted, it is not told.
        #[test]
        fn a_value_is_never_told(
            before in prop_oneof![Just(""), Just("A=b "), Just(" \t")],
            quotes in prop_oneof![
                Just(("'", "'")), Just(("\"", "\"")), Just(("$(", ")")), Just(("`", "`")), Just(("${", "}")),
                Just(("$'", "'")), Just(("(", ")")), Just(("<(", ")")), Just(("a'", "'b")), Just(("a\\ ", "")),
            ],
            words in prop::collection::vec("[a-z/.=]{0,6}", 0..4),
            at in 0..4usize,
            separator in prop_oneof![Just(" "), Just("\t"), Just("\n")],
        ) {
            let mut words = words;
            words.insert(at.min(words.len()), "hunter2".to_owned());
            let line = format!("{before}TOKEN={}{}{} ls", quotes.0, words.join(separator), quotes.1);
            let name = program(&line);
            prop_assert!(name.is_none(), "{line:?}: {name:?}");
        }

        /// Whatever the line, a name is short, plain, and the end of the first word that is no assignment.
        #[test]
        fn a_name_stands_where_a_shell_has_the_program(line in "(\\PC|[ \\t\\n='\"/;$a-c]){0,40}") {
            if let Some(name) = program(&line) {
                prop_assert!((1..=MAX_NAME).contains(&name.len()) && name.bytes().all(is_plain));
                let start = line.len() - line.split_once(name).map_or(0, |(before, _)| line.len() - before.len());
                let before = &line[..start];
                prop_assert!(!before.contains(['\'', '"', '\\', '$', '`', '(', '<', '>', '|', '&', '#']), "{line:?}");
            }
        }
    }
}
