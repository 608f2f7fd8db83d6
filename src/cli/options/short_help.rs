//! What `-h` shows of commands with many options: those that matter to most. `--help` shows all.

use clap::Command;

/// The last line of a short list.
const MORE: &str = "This is a part: `--help` shows all options, with more about each.";

/// The options that `-h` shows, by command. Those of all commands are among them only where they are named.
const SHOWN: [(&str, &[&str]); 7] = [
    (
        "run",
        &[
            "from",
            "query",
            "max",
            "out",
            "name",
            "all-faces",
            "clean-identities",
            "train",
            "val",
            "test",
            "backbone",
            "epochs",
            "impostors",
            "device",
            "force",
        ],
    ),
    (
        "fetch",
        &[
            "query", "wikidata", "label", "queries", "source", "urls", "folder", "max", "license",
            "contact", "out", "dry-run",
        ],
    ),
    (
        "crop",
        &[
            "out",
            "detector",
            "main-only",
            "largest-only",
            "margin",
            "min-face",
            "min-quality",
            "keep-no-face",
            "rotations",
            "force",
        ],
    ),
    (
        "prepare",
        &[
            "out",
            "train",
            "val",
            "test",
            "keep-split",
            "clean-identities",
            "min-per-class",
            "keep-duplicates",
            "link",
            "explain",
            "check",
            "seed",
            "force",
        ],
    ),
    (
        "train",
        &[
            "out",
            "backbone",
            "weights",
            "epochs",
            "batch",
            "lr",
            "augmentation",
            "patience",
            "seed",
            "device",
            "force",
        ],
    ),
    (
        "evaluate",
        &[
            "data",
            "split",
            "impostors",
            "far",
            "pairs",
            "groups",
            "out",
            "json",
            "device",
        ],
    ),
    (
        "serve",
        &[
            "bind",
            "chips",
            "unknown-below",
            "top",
            "tls-cert",
            "tls-key",
            "max-body",
            "log",
            "device",
        ],
    ),
];

/// The command line with its short lists.
pub(crate) fn with_short_lists(command: Command) -> Command {
    let global: Vec<_> = command
        .get_arguments()
        .filter(|arg| arg.is_global_set())
        .cloned()
        .collect();
    SHOWN.iter().fold(command, |command, (verb, shown)| {
        if command.find_subcommand(verb).is_none() {
            return command;
        }
        command.mut_subcommand(*verb, |verb| {
            // An option of all commands is taken from above unless the command has it already.
            let verb = verb.args(&global).mut_args(|arg| {
                let is_shown = arg.get_long().is_none_or(|long| shown.contains(&long));
                arg.hide_short_help(!is_shown)
            });
            with_last_line(verb)
        })
    })
}

/// The examples, and how to see more.
fn with_last_line(verb: Command) -> Command {
    let all = verb.get_after_help().cloned().unwrap_or_default();
    let text = all.to_string();
    let examples = text
        .split("\n\n")
        .find(|part| part.starts_with("Examples:"));
    let short = match examples {
        Some(examples) => format!("{examples}\n\n{MORE}"),
        None => MORE.to_owned(),
    };
    verb.after_long_help(all).after_help(short)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::commands::Cli;
    use clap::CommandFactory as _;

    /// Most options of a short list, `-h` apart.
    const MOST: usize = 15;

    #[test]
    fn every_named_option_is_one_and_short_lists_are_short() {
        let mut command = with_short_lists(Cli::command());
        command.build();
        for (verb, shown) in SHOWN {
            let Some(verb) = command.find_subcommand_mut(verb) else {
                continue;
            };
            for option in shown {
                let mut all = verb.get_arguments();
                let found = all.any(|arg| arg.get_long() == Some(option));
                assert!(found, "{} has no --{option}", verb.get_name());
            }
            assert!(shown.len() <= MOST, "{}", verb.get_name());
            let (short, long) = (verb.render_help(), verb.render_long_help());
            let (short, long) = (short.to_string(), long.to_string());
            assert!(short.trim_end().ends_with(MORE), "{short}");
            assert!(!long.contains(MORE), "{long}");
            for arg in verb.get_arguments().filter_map(clap::Arg::get_long) {
                let named = |text: &str| text.contains(&format!("--{arg}"));
                assert!(named(&long), "{} --help: {arg}", verb.get_name());
                let is_short = arg == "help" || shown.contains(&arg);
                assert!(!is_short || named(&short), "{} -h: {arg}", verb.get_name());
            }
            assert_eq!(short.contains("Examples:"), long.contains("Examples:"));
        }
    }
}
