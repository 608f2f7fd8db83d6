//! What `run` says at its end: numbers that add up, names of photos, commands that can be pasted.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use super::run::SMALL;
use crate::helpers::{facepipe, json, records, shared, stdout};

/// A shell that finds the program under its name, and nothing of this environment but where model files are.
fn shell(line: &str) -> Command {
    let program = Path::new(env!("CARGO_BIN_EXE_facepipe"));
    let folder = program.parent().expect("a folder").display();
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new("sh");
    command
        .args(["-c", line])
        .env("PATH", format!("{folder}:{path}"));
    for (name, value) in facepipe().get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}

fn project(photos: &Path, out: &Path, options: &[&str]) -> Output {
    let mut command = facepipe();
    command.args(["run", "--from"]).arg(photos);
    command.arg("--out").arg(out).args(SMALL).args(options);
    command.output().expect("starts")
}

fn sum(counts: &Value) -> u64 {
    let counts = counts.as_object().expect("counts").values();
    counts.map(|count| count.as_u64().expect("a number")).sum()
}

/// The numbers of the lines between two others.
fn counted_lines<'a>(text: &'a str, from: &str, to: &str) -> Vec<(u64, &'a str)> {
    let lines = text.lines().skip_while(|line| !line.ends_with(from));
    let lines = lines.skip(1).take_while(|line| !line.ends_with(to));
    lines
        .map(|line| {
            let (count, what) = line.trim_start().split_once("  ").expect("a count");
            (count.parse().expect("a number"), what)
        })
        .collect()
}

#[test]
fn photos_and_faces_add_up_and_each_is_told_once() {
    // Photos with several people, and small faces.
    let Some(photos) = shared("data/identity/celeb5_raw") else {
        return;
    };
    let folder = tempfile::tempdir().expect("temporary folder");
    let out = folder.path().join("project");
    let output = project(&photos, &out, &[]);
    let text = stdout(&output);
    let report: Value =
        serde_json::from_slice(&fs_err::read(out.join("report.json")).expect("reads"))
            .expect("JSON");
    let summary = &report["summary"];
    for (what, found) in [
        ("photos", &report["photos"]["found"]),
        ("faces", &report["stages"]["crop"]["faces_found"]),
    ] {
        let tally = &summary[what];
        assert_eq!(&tally["found"], found, "{what}");
        let all = sum(&tally["used"]) + sum(&tally["left_out"]);
        assert_eq!(*found, all, "{what}: {tally}");
        let next = if what == "photos" {
            "faces found"
        } else {
            "── result"
        };
        let lines = counted_lines(&text, &format!("{found} {what} found"), next);
        assert_eq!(lines.iter().map(|(count, _)| count).sum::<u64>(), all);
        assert!(lines[0].1.starts_with("used ("), "{lines:?}");
    }
    assert_eq!(sum(&summary["photos"]["used"]), report["photos"]["kept"]);
    assert_eq!(
        sum(&summary["faces"]["used"]),
        report["stages"]["prepare"]["images"]["kept"]
    );
    // Faces of photos without a line of their own, counted where `crop` counted them.
    let crops = records(&out.join("data/crops/manifest.jsonl"));
    let crops: BTreeSet<&str> = (crops.iter())
        .filter_map(|crop| crop["source"]["file"].as_str())
        .collect();
    let outcomes = records(&out.join("data/crops/outcomes.jsonl"));
    let unusable: u64 = (outcomes.iter())
        .filter(|outcome| !crops.contains(outcome["photo"].as_str().expect("a photo")))
        .map(|outcome| outcome["faces"].as_u64().expect("a number"))
        .sum();
    assert!(unusable > 0);
    assert_eq!(summary["faces"]["left_out"]["unusable_photo"], unusable);
    // The stages do not say it as well.
    let log = String::from_utf8(output.stderr).expect("UTF-8");
    let said = format!("{log}{text}");
    assert!(!log.contains("left out:"), "{log}");
    assert_eq!(said.matches(" like somebody else's").count(), {
        summary["suspects"].as_array().map_or(0, Vec::len)
    });
    assert_eq!(said.matches("`unknown` below").count(), 1, "{said}");
    assert!(!said.contains("\naccuracy "), "{said}");

    // Suspects are set aside by the command that is given for it, and that makes the figures too good.
    let suspects = text.split_once("look at `").expect("there are suspects").1;
    let command = suspects.split('`').nth(2).expect("a command");
    let cleaned = stdout(&shell(command).output().expect("starts"));
    assert!(
        cleaned.contains("set aside before the split, so test has none"),
        "{cleaned}"
    );
    let lines = counted_lines(&cleaned, "127 faces found", "── result");
    assert_eq!(lines.iter().map(|(count, _)| count).sum::<u64>(), 127);
    assert!(!cleaned.contains("── who looks like"), "{cleaned}");
}

#[test]
fn the_commands_at_the_end_work_as_they_are() {
    let Some(photos) = shared("data/identity/dlib_johns5") else {
        return;
    };
    let folder = tempfile::tempdir().expect("temporary folder");
    let out = folder.path().join("it's a project");
    let report = json(&project(&photos, &out, &["--json"]));
    let next = report["summary"]["next"].as_array().expect("commands");
    let commands: Vec<&str> = next.iter().filter_map(|one| one[1].as_str()).collect();
    let [predict, evaluate, serve] = commands[..] else {
        panic!("{commands:?}");
    };
    let answer = json(&shell(predict).output().expect("starts"));
    let photo = answer["path"].as_str().expect("a photo");
    assert!(
        photo.starts_with(photos.to_str().expect("UTF-8")),
        "{photo}"
    );
    let evaluate = evaluate.replace("STRANGERS", "strangers");
    let strangers = folder.path().join("strangers");
    fs_err::create_dir(&strangers).expect("makes");
    fs_err::copy(photo, strangers.join("somebody.jpg")).expect("copies");
    let measured = shell(&evaluate).current_dir(folder.path()).output();
    let measured = stdout(&measured.expect("starts"));
    assert!(measured.contains("strangers: 1 face"), "{measured}");
    let mut server = shell(&format!("exec {serve} --bind 127.0.0.1:0"))
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut line = String::new();
    let output = server.stdout.take().expect("piped");
    BufReader::new(output).read_line(&mut line).expect("reads");
    server.kill().expect("kills");
    server.wait().expect("ends");
    assert!(line.contains(" at http://127.0.0.1:"), "{line}");
}
