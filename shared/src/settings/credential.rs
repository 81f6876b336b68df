//! Secrets that come as files: systemd's credentials (`LoadCredential=`) and Docker's secrets.

use super::{Problem, Setting};
use std::{fs, io, io::Read, path::Path};

/// The variable that names the folder; systemd sets it.
pub(super) const DIRECTORY: &str = "CREDENTIALS_DIRECTORY";
/// The longest credential, in bytes.
const MAX: usize = 64 * 1024;
/// The largest file that is read at all, in bytes.
const MAX_FILE: u64 = 1024 * 1024;

/// What the folder has for a setting: the file of its name, else of one of its aliases. One line end behind it is
/// taken off, because editors and `echo` put one there.
///
/// # Errors
/// A file that is there and can't be read, or is too long. Its text is never in the problem.
pub(super) fn read(
    folder: &Path,
    setting: &Setting,
    read_file: &impl Fn(&Path) -> io::Result<String>,
) -> Result<Option<String>, Problem> {
    for name in std::iter::once(&setting.name).chain(setting.aliases) {
        let path = folder.join(name);
        let wrong = |what: String| Problem {
            setting: setting.name.to_owned(),
            message: format!("the credential {} {what}", path.display()),
        };
        // A pipe without a writer would be waited for without an end.
        if fs::metadata(&path).is_ok_and(|found| !found.is_file()) {
            return Err(wrong("is no regular file".to_owned()));
        }
        let text = match read_file(&path) {
            Ok(text) if text.len() > MAX => return Err(wrong(format!("has more than {MAX} bytes"))),
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(wrong(format!("can't be read: {error}"))),
        };
        let line = text.strip_suffix('\n').map_or(&*text, |line| line.strip_suffix('\r').unwrap_or(line));
        if !line.is_empty() {
            return Ok(Some(line.to_owned()));
        }
    }
    Ok(None)
}

/// Reads a text of up to 1 MiB. Blocks.
///
/// # Errors
/// Those of the file system; [`io::ErrorKind::FileTooLarge`]; [`io::ErrorKind::InvalidData`] for what is not UTF-8.
pub fn read_text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    fs::File::open(path)?.take(MAX_FILE + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_FILE {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("it has more than {MAX_FILE} bytes"),
        ));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Invocation, Kind, Origin, Values, document, resolve};
    use std::ffi::OsString;

    const SETTINGS: &[Setting] = &[
        Setting::new("A_KEY", Kind::Text, Some("none"), "A key.").with_aliases(&["OLD_KEY"]).secret(),
        Setting::new("A_NAME", Kind::Text, None, "A name."),
    ];

    fn run(args: &[&str], variable: &str, folder: &Path, file: &str) -> Result<Values, Vec<Problem>> {
        let args = std::iter::once("bin").chain(args.iter().copied()).map(OsString::from);
        let env = |name: &str| match name {
            DIRECTORY => Some(folder.to_string_lossy().into_owned()),
            "A_KEY" => Some(variable.to_owned()),
            _ => None,
        };
        let read = |path: &Path| match path.to_str() {
            Some("f") => Ok(file.to_owned()),
            _ => read_text(path),
        };
        match resolve("bin", "about", SETTINGS, args, env, read)? {
            Invocation::Run(values) => Ok(values),
            other @ (Invocation::Print(_) | Invocation::Check(_) | Invocation::Exit { .. }) => {
                panic!("{other:?}")
            }
        }
    }

    fn key(args: &[&str], variable: &str, folder: &Path, file: &str) -> (String, Origin) {
        run(args, variable, folder, file).unwrap().by_name["A_KEY"].clone()
    }

    #[test]
    fn a_secret_may_be_a_file_between_the_environment_and_the_configuration() {
        let folder = tempfile::tempdir().unwrap();
        let (at, file, config) = (folder.path(), "a_key = \"of the file\"", ["--config", "f"]);
        let is = |text: &str, origin| (text.to_owned(), origin);
        assert_eq!(key(&[], "", at, ""), is("none", Origin::Default));
        fs::write(at.join("OLD_KEY"), "old").unwrap();
        assert_eq!(key(&config, "", at, file), is("old", Origin::Credential));
        fs::write(at.join("A_KEY"), "hunter2\n").unwrap();
        fs::write(at.join("A_NAME"), "no secret").unwrap();
        assert_eq!(key(&config, "", at, file), is("hunter2", Origin::Credential));
        assert_eq!(key(&config, "v", at, file), is("v", Origin::Environment));
        assert_eq!(key(&["--a-key", "f"], "v", at, file), is("f", Origin::Flag));
        let values = run(&[], "", at, "").unwrap();
        assert!(!values.by_name.contains_key("A_NAME"), "what is no secret is no credential");
        let printed = document::print(SETTINGS, &values);
        assert!(printed.contains("# credential") && !printed.contains("hunter2"), "{printed}");
        for (text, wanted) in [("a\r\n", "a"), ("a\n\n", "a\n"), (" a ", " a "), ("\n", "old")] {
            fs::write(at.join("A_KEY"), text).unwrap();
            assert_eq!(key(&[], "", at, "").0, wanted, "{text:?}");
        }
        assert_eq!(key(&config, "", Path::new(""), file), is("of the file", Origin::File));
    }

    #[test]
    fn a_credential_that_cannot_be_read_is_a_problem() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("A_KEY");
        let told = || {
            let problems = run(&[], "", folder.path(), "").unwrap_err();
            assert_eq!((problems.len(), &*problems[0].setting), (1, "A_KEY"));
            problems[0].message.clone()
        };
        fs::write(&path, "s".repeat(MAX)).unwrap();
        assert_eq!(key(&[], "", folder.path(), "").0.len(), MAX);
        fs::write(&path, "s".repeat(MAX + 1)).unwrap();
        assert!(told().ends_with("has more than 65536 bytes"));
        fs::write(&path, vec![b's'; 2 << 20]).unwrap();
        assert!(told().contains("1048576 bytes"));
        fs::write(&path, b"secret\xff").unwrap();
        let message = told();
        assert!(message.contains("UTF-8") && !message.contains("secret"), "{message}");
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(told().ends_with("is no regular file"));
        // Where the variable is set, nobody looks.
        assert_eq!(key(&[], "v", folder.path(), "").0, "v");
    }
}
