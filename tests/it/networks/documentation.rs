//! The README can't drift from the program.

use crate::helpers::{run, stdout};

fn readme() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    fs_err::read_to_string(path).expect("reads")
}

#[test]
fn the_help_in_the_readme_is_the_programs() {
    let readme = readme();
    let (_, rest) = readme
        .split_once("<!-- help -->\n```\n")
        .expect("the help block begins");
    let (block, _) = rest
        .split_once("```\n<!-- /help -->")
        .expect("the help block ends");
    assert_eq!(block, stdout(&run("--help", &[])));
}

#[test]
fn every_command_line_of_the_readme_is_understood() {
    let readme = readme();
    let shell = readme
        .split("```sh\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next());
    let lines = shell
        .flat_map(str::lines)
        .filter_map(|line| line.strip_prefix("facepipe "));
    let mut count = 0;
    for line in lines {
        let line = line.split(" #").next().unwrap_or_default().replace('"', "");
        let words = if line.starts_with("azure ") { 2 } else { 1 };
        let verb = line.split(' ').take(words).collect::<Vec<_>>().join(" ");
        let help = stdout(&run(&format!("{verb} --help"), &[]));
        for option in line.split(' ').filter(|word| word.starts_with("--")) {
            assert!(help.contains(option), "`facepipe {line}`: no {option}");
        }
        count += 1;
    }
    assert!(count >= 10, "{count} command lines");
}
