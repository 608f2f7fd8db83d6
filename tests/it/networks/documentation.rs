//! README and manual can't drift from the program, nor from each other.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use facepipe_test_support::found::project;

use crate::helpers::{run, stdout};

/// Most bytes of the README: its readers want to start.
const README_BYTES: usize = 9_000;

/// README, manual and the pages beside them, by their paths below the project.
fn pages() -> BTreeMap<PathBuf, String> {
    let root = project();
    let mut pages = BTreeMap::new();
    let beside = [
        "README.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
    ];
    let manual = walkdir::WalkDir::new(root.join("docs")).into_iter();
    let manual = manual.map(|entry| entry.expect("lists").into_path());
    let files = beside.iter().map(|name| root.join(name)).chain(manual);
    for file in files.filter(|file| file.extension().is_some_and(|ending| ending == "md")) {
        let name = file.strip_prefix(&root).expect("below the project");
        let text = fs_err::read_to_string(&file).expect("reads");
        pages.insert(name.to_owned(), text);
    }
    pages
}

/// The lines of a page outside and inside of its blocks of code.
fn prose(page: &str) -> Vec<&str> {
    let mut is_code = false;
    let mut lines = Vec::new();
    for line in page.lines() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        } else if !is_code {
            lines.push(line);
        }
    }
    lines
}

/// The anchor of a heading in links, as code hosts and mdBook make it.
fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text.chars().filter_map(|letter| match letter {
        ' ' => Some('-'),
        '-' | '_' => Some(letter),
        _ => letter.is_alphanumeric().then_some(letter),
    });
    kept.collect()
}

/// The targets of the links of a line.
fn links(line: &str) -> impl Iterator<Item = &str> {
    line.split("](")
        .skip(1)
        .filter_map(|rest| rest.split([')', ' ']).next())
}

#[test]
fn the_readme_is_short() {
    let readme = &pages()[Path::new("README.md")];
    assert!(readme.len() <= README_BYTES, "{} bytes", readme.len());
}

#[test]
fn the_help_in_the_manual_is_the_programs() {
    let mut blocks = 0;
    for (name, page) in pages() {
        for rest in page.split("<!-- help -->\n```\n").skip(1) {
            let (block, _) = rest
                .split_once("```\n<!-- /help -->")
                .expect("the help block ends");
            assert_eq!(block, stdout(&run("--help", &[])), "{}", name.display());
            blocks += 1;
        }
    }
    assert_eq!(blocks, 1);
}

#[test]
fn every_command_line_of_the_documents_is_understood() {
    let mut helps: BTreeMap<String, String> = BTreeMap::new();
    let mut count = 0;
    for (name, page) in pages() {
        let shell = page
            .split("```sh\n")
            .skip(1)
            .filter_map(|rest| rest.split("```").next());
        // A line that ends with a backslash continues in the next one.
        let shell: Vec<String> = shell.map(|block| block.replace("\\\n", " ")).collect();
        let lines = shell.iter().flat_map(|block| block.lines());
        for line in lines.filter_map(|line| line.trim().strip_prefix("facepipe ")) {
            let line = line.split(" #").next().unwrap_or_default().replace('"', "");
            let words = if line.starts_with("azure ") { 2 } else { 1 };
            let verb: Vec<&str> = line.split(' ').take(words).collect();
            let verb = verb.join(" ");
            let help = helps
                .entry(verb.clone())
                .or_insert_with(|| stdout(&run(&format!("{verb} --help"), &[])));
            for option in line
                .split_whitespace()
                .filter(|word| word.starts_with("--"))
            {
                let option = option.split('=').next().unwrap_or_default();
                assert!(
                    help.contains(option),
                    "{}: `facepipe {line}`: no {option}",
                    name.display()
                );
            }
            count += 1;
        }
    }
    assert!(count >= 30, "{count} command lines");
}

#[test]
fn every_link_of_the_documents_leads_somewhere() {
    let root = project();
    let pages = pages();
    let anchors: BTreeMap<&Path, BTreeSet<String>> = pages
        .iter()
        .map(|(name, page)| {
            let headings = prose(page).into_iter().filter(|line| line.starts_with('#'));
            (name.as_path(), headings.map(anchor).collect())
        })
        .collect();
    let mut count = 0;
    for (name, page) in &pages {
        let here = name.parent().unwrap_or(Path::new(""));
        for link in prose(page).into_iter().flat_map(links) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (file, part) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() {
                name.clone()
            } else {
                normal(&here.join(file))
            };
            let shown = format!("{}: `{link}`", name.display());
            assert!(root.join(&target).exists(), "{shown} is not there");
            if !part.is_empty() {
                let of_page = anchors.get(target.as_path());
                assert!(
                    of_page.is_some_and(|anchors| anchors.contains(part)),
                    "{shown} has no such heading"
                );
            }
            count += 1;
        }
    }
    assert!(count >= 100, "{count} links");
}

/// Architecture and how-to pages name files of the code: they must move with it.
#[test]
fn every_file_that_the_documents_name_exists() {
    let root = project();
    let mut count = 0;
    for (name, page) in pages() {
        // Paths of a released version are history.
        if name == Path::new("CHANGELOG.md") {
            continue;
        }
        let spans = prose(&page)
            .into_iter()
            .flat_map(|line| line.split('`').skip(1).step_by(2));
        let paths = spans.filter(|span| {
            let begins = ["src/", "tests/", "scripts/"].iter();
            begins.into_iter().any(|begin| span.starts_with(begin))
                && span
                    .chars()
                    .all(|one| one.is_ascii_alphanumeric() || "/._-".contains(one))
        });
        for path in paths {
            // NAME stands for the part that the reader adds: its folder is there.
            let (known, _) = path.split_once("NAME").unwrap_or((path, ""));
            assert!(root.join(known).exists(), "{}: `{path}`", name.display());
            count += 1;
        }
    }
    assert!(count >= 50, "{count} files");
}

#[test]
fn the_summary_names_every_page_of_the_manual() {
    let pages = pages();
    let summary = &pages[Path::new("docs/SUMMARY.md")];
    let named: BTreeSet<PathBuf> = summary
        .lines()
        .flat_map(links)
        .map(|link| Path::new("docs").join(link))
        .collect();
    for page in pages.keys().filter(|page| page.starts_with("docs")) {
        let is_aside = ["docs/SUMMARY.md", "docs/images/README.md"]
            .iter()
            .any(|aside| page == Path::new(aside));
        assert!(is_aside || named.contains(page), "{}", page.display());
    }
}

/// A path without `..`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::ParentDir => {
                normal.pop();
            }
            std::path::Component::CurDir => {}
            part => normal.push(part),
        }
    }
    normal
}
