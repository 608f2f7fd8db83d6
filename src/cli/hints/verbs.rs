//! Commands that do not exist, and the one that does what they say.

use std::ffi::OsString;

use clap::Command;
use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// What people call the commands.
const OTHER_NAMES: [(&str, &[&str]); 11] = [
    ("run", &["all", "make", "pipeline"]),
    (
        "project",
        &[
            "add", "drop", "merge", "remove", "rename", "restore", "status", "undo",
        ],
    ),
    ("fetch", &["crawl", "download", "scrape", "search"]),
    ("crop", &["align", "cut"]),
    ("prepare", &["clean", "dedup", "dedupe", "split"]),
    ("train", &["finetune", "fit", "learn"]),
    ("evaluate", &["benchmark", "eval", "score", "test"]),
    ("export", &["convert"]),
    (
        "predict",
        &[
            "classify",
            "identify",
            "label",
            "name",
            "recognise",
            "recognize",
            "tag",
        ],
    ),
    ("serve", &["api", "server", "start", "web"]),
    ("verify", &["compare", "match"]),
];

/// Commands that only a build with libtorch has.
const NEED_TORCH: [&str; 9] = [
    "run", "project", "embed", "verify", "train", "evaluate", "export", "predict", "serve",
];

/// Adds the command that may be meant to the error about one that does not exist.
pub(crate) fn explain(error: &mut clap::Error, command: &Command, arguments: &[OsString]) {
    if error.kind() != ErrorKind::InvalidSubcommand {
        return;
    }
    let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand) else {
        return;
    };
    // Within another command a word means something else.
    let mut before = arguments
        .iter()
        .skip(1)
        .take_while(|one| *one != word.as_str());
    if before.any(|one| command.find_subcommand(one).is_some()) {
        return;
    }
    let Some(tip) = tip(&word.to_lowercase(), command) else {
        return;
    };
    error.remove(ContextKind::SuggestedSubcommand);
    let tips = vec![StyledStr::from(tip)];
    error.insert(ContextKind::Suggested, ContextValue::StyledStrs(tips));
}

fn tip(word: &str, command: &Command) -> Option<String> {
    let mut names = OTHER_NAMES.iter();
    let other = names.find(|(_, others)| others.contains(&word));
    let verb = match other {
        Some((verb, _)) => verb,
        None => NEED_TORCH.iter().find(|verb| **verb == word)?,
    };
    if command.find_subcommand(verb).is_some() {
        return Some(format!(
            "did you mean `facepipe {verb}`? `facepipe {verb} -h` says how"
        ));
    }
    Some(format!(
        "`facepipe {verb}` needs libtorch, which this facepipe was built without"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::commands::Cli;
    use clap::CommandFactory as _;

    fn error(words: &str) -> (ErrorKind, String) {
        let arguments: Vec<OsString> = words.split(' ').map(OsString::from).collect();
        let error = crate::cli::parse(&arguments).expect_err(words);
        (error.kind(), error.to_string())
    }

    #[test]
    fn what_commands_are_called_elsewhere_leads_to_them() {
        let command = Cli::command();
        for (verb, others) in OTHER_NAMES {
            let known = command.find_subcommand(verb).is_some();
            assert!(known || NEED_TORCH.contains(&verb), "{verb}");
            for other in others {
                assert!(command.find_subcommand(other).is_none(), "{other}");
                let (kind, text) = error(&format!("facepipe --seed 3 {other} photo.jpg"));
                assert_eq!(kind, ErrorKind::InvalidSubcommand);
                assert!(text.contains(&format!("`facepipe {verb}`")), "{text}");
                assert!(!text.contains("similar"), "{text}");
            }
        }
        let (_, text) = error("facepipe Recognise photo.jpg");
        assert!(text.contains("`facepipe predict`"), "{text}");
    }

    #[test]
    fn other_words_and_words_of_other_commands_have_no_such_tip() {
        for words in [
            "facepipe xyzzy",
            "facepipe models test",
            "facepipe azure name",
        ] {
            let (_, text) = error(words);
            assert!(!text.contains("`facepipe "), "{words}: {text}");
        }
        let (_, text) = error("facepipe predikt");
        let hint = if cfg!(feature = "torch") {
            "'predict'"
        } else {
            ""
        };
        assert!(text.contains(hint), "{text}");
    }
}
