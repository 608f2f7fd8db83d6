//! Checks of the machine and of the working directory.

use std::path::Path;
use std::process::{Command, Stdio};

use super::Check;
use facepipe_core::words::counted;

/// Free space below which a run of some thousand photos may not fit, in bytes.
const LITTLE_SPACE: u64 = 2_000_000_000;
/// Files that may hold keys of services.
const SECRETS: [&str; 2] = ["v.env", ".env"];

/// Processors, and their instructions for training in bfloat16.
pub(super) fn processor() -> Vec<Check> {
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    let processors = counted(count, "processor");
    let mut message = format!("{processors}, {}", std::env::consts::ARCH);
    if let Ok(text) = fs_err::read_to_string("/proc/cpuinfo") {
        let flags = text
            .lines()
            .find(|line| line.starts_with("flags") || line.starts_with("Features"))
            .unwrap_or_default();
        let has = |flag: &str| flags.split_whitespace().any(|it| it == flag);
        let fast = ["avx512_bf16", "amx_bf16", "bf16"];
        let found: Vec<_> = fast.into_iter().filter(|flag| has(flag)).collect();
        message.push_str(&if found.is_empty() {
            "; no bfloat16 instructions".to_owned()
        } else {
            format!("; bfloat16 by {}", found.join(", "))
        });
    }
    vec![Check::ok("processor", message)]
}

/// Whether it is writable and how much space is free.
pub(super) fn working_directory() -> Vec<Check> {
    let mut checks = vec![writable(Path::new("."))];
    checks.extend(free_space(Path::new(".")));
    checks
}

fn writable(folder: &Path) -> Check {
    let probe = folder.join(format!(".doctor.{}.tmp-facepipe", std::process::id()));
    let result = fs_err::write(&probe, b"").and_then(|()| fs_err::remove_file(&probe));
    match result {
        Ok(()) => Check::ok("writable", "the working directory is writable"),
        Err(error) => Check::missing(
            "writable",
            format!("the working directory is not writable: {}", error.kind()),
            "change its permissions, or change to another directory",
        ),
    }
}

#[cfg(unix)]
fn free_space(folder: &Path) -> Option<Check> {
    let found = rustix::fs::statvfs(folder).ok()?;
    let bytes = found.f_bavail.saturating_mul(found.f_frsize);
    let message = format!("{:.1} GB free in the working directory", bytes as f64 / 1e9);
    Some(if bytes < LITTLE_SPACE {
        Check::note("disk", message, Some("free some space before a large run"))
    } else {
        Check::ok("disk", message)
    })
}

#[cfg(not(unix))]
fn free_space(_: &Path) -> Option<Check> {
    None
}

/// The tools that fetch packages.
pub(super) fn tools() -> Vec<Check> {
    let tool = |name, program: &str, arguments: &[&str], need: &str, fix: &str| match first_line(
        program, arguments,
    ) {
        Some(line) => Check::ok(name, line),
        None => Check::note(name, format!("{name} is missing, {need}"), Some(fix)),
    };
    vec![
        tool(
            "cargo",
            "cargo",
            &["--version"],
            "which `models pull seeta` needs",
            "install Rust from https://rustup.rs",
        ),
        tool(
            "pip",
            "python3",
            &["-m", "pip", "--version"],
            "which `models pull orl` needs",
            "install Python 3 with pip (`apt install python3-pip`)",
        ),
    ]
}

/// The first line of a program's output; nothing where it is missing or fails. Paths, which pip
/// adds to its version, are left out.
fn first_line(program: &str, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new(program);
    let output = command.args(arguments).stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let line = text.lines().next()?.trim();
    let line = line
        .split_once(" from ")
        .map_or(line, |(version, _)| version);
    output.status.success().then(|| line.to_owned())
}

/// Whether a file with keys would be committed by accident. Its contents are never read.
pub(super) fn secrets() -> Check {
    let there: Vec<_> = SECRETS
        .iter()
        .filter(|name| Path::new(name).exists())
        .collect();
    let exposed: Vec<_> = there.iter().filter(|name| !is_ignored(name)).collect();
    if let Some(name) = exposed.first() {
        return Check::note(
            "secrets",
            format!("`{name}` is not ignored by git: its keys could be committed"),
            Some("add it to `.gitignore`"),
        );
    }
    Check::ok(
        "secrets",
        match there.first() {
            Some(name) => format!("`{name}` exists and is ignored by git"),
            None => "no file with keys (`v.env`): only external services need one".to_owned(),
        },
    )
}

/// True also outside a repository, and where there is no git: there nothing can be committed.
fn is_ignored(name: &str) -> bool {
    /// `git check-ignore`: the path is not ignored.
    const NOT_IGNORED: i32 = 1;
    let mut git = Command::new("git");
    git.args(["check-ignore", "--quiet", "--", name]);
    let status = git.stdin(Stdio::null()).stderr(Stdio::null()).status();
    status.map_or(true, |status| status.code() != Some(NOT_IGNORED))
}
