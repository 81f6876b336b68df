//! The command line: names, help texts, defaults. It does nothing.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

pub(crate) const DEFAULT_PORT: &str = "11435";

pub(crate) fn parse() -> ArgMatches {
    command().get_matches()
}

fn command() -> Command {
    Command::new("cargo xtask")
        .bin_name("cargo xtask")
        .about("The one command runner for people who develop")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(up())
        .subcommand(test())
        .subcommand(bench())
        .subcommand(fuzz())
        .subcommand(
            Command::new("fetch-codex")
                .about("Install the pinned codex into target/tools/codex and print the path of its binary"),
        )
        .subcommand(
            Command::new("fetch-clients")
                .about(
                    "Install the pinned clients of the tests into target/tools and print the variables that name them",
                )
                .arg(flag("long", "Those of the long suites too")),
        )
}

fn up() -> Command {
    Command::new("up")
        .about("Fetch codex, build, start the pair, ask one chat completion, serve until Ctrl-C")
        .long_about(
            "Fetches the pinned codex, builds, starts worker-daemon and http-front with a home of their own and a \
             scripted upstream on this machine, asks one chat completion, prints the answer as it streams and a \
             curl line to paste, and serves until Ctrl-C. It needs Rust and npm, no login and no quota.",
        )
        .arg(flag("real", "Use the login in .codex-api and OpenAI itself; asks nothing unless --ask is given"))
        .arg(flag("ask", "With --real: ask one completion all the same (it spends quota)").requires("real"))
        .arg(
            Arg::new("port")
                .long("port")
                .value_name("N")
                .value_parser(value_parser!(u16))
                .default_value(DEFAULT_PORT)
                .help("Port on 127.0.0.1 to serve on; 0 takes any free one"),
        )
        .arg(flag("release", "Build with optimisations (slower to build, faster to run)"))
        .arg(flag("debug", "Build without optimisations (the default)").conflicts_with("release"))
        .arg(flag("check", "End as soon as the answer has been streamed; fail if none came"))
        .arg(
            Arg::new("dir")
                .long("dir")
                .value_name("DIR")
                .value_parser(value_parser!(PathBuf))
                .help("Where home, socket and logs go [default: target/up]"),
        )
        .arg(flag("no-build", "Run the binaries that are there").hide(true))
}

fn test() -> Command {
    Command::new("test")
        .about("Run everything that CI runs; with filters, only the tests whose names contain them")
        .arg(flag("long", "Run the hour-long suites too"))
        .arg(Arg::new("filter").num_args(0..).help("Parts of test names, as cargo-nextest takes them"))
}

fn bench() -> Command {
    Command::new("bench")
        .about("Run a benchmark of the tests crate against release binaries and the pinned codex")
        .arg(Arg::new("name").default_value("pair").help("The benchmark"))
        .arg(
            Arg::new("args")
                .num_args(0..)
                .trailing_var_arg(true)
                .allow_hyphen_values(true)
                .help("Passed on to it"),
        )
}

fn fuzz() -> Command {
    Command::new("fuzz")
        .about("Search for inputs that break a parser, or replay some")
        .arg(Arg::new("target").help("The fuzz target [default: all of them]"))
        .arg(
            Arg::new("input")
                .num_args(0..)
                .value_parser(value_parser!(PathBuf))
                .help("Files to replay in it, in place of a search"),
        )
        .arg(
            Arg::new("seconds")
                .long("seconds")
                .value_name("N")
                .value_parser(value_parser!(u64).range(1..))
                .default_value("60")
                .help("How long to search in each target"),
        )
}

fn flag(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn bench_passes_flags_on() {
        let matches =
            command().try_get_matches_from(["x", "bench", "pair", "--sample-size", "10"]).expect("parses");
        let (_, matches) = matches.subcommand().expect("bench");
        let args: Vec<_> = matches.get_many::<String>("args").expect("args").collect();
        assert_eq!(args, ["--sample-size", "10"]);
    }

    #[test]
    fn ask_needs_real() {
        assert!(command().try_get_matches_from(["x", "up", "--ask"]).is_err());
        assert!(command().try_get_matches_from(["x", "up", "--real", "--ask"]).is_ok());
    }
}
