//! A token of the user who signed in with `az login`.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::clock::Clock;
use super::sign_in::{SCOPE, SignIn, SignInError};

/// How long `az`, a slow program, may take.
const LONGEST: Duration = Duration::from_secs(60);
/// How often it is checked whether `az` has ended.
const POLL: Duration = Duration::from_millis(50);

/// What `az account get-access-token` prints.
pub(super) fn ask(sign_in: &SignIn, clock: &dyn Clock) -> Result<String, SignInError> {
    let mut child = command()
        .args([
            "account",
            "get-access-token",
            "--output",
            "json",
            "--scope",
            SCOPE,
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| sign_in.refused(&format!("`az` can't be started ({})", error.kind())))?;
    let outcome = wait(&mut child, sign_in, clock);
    if outcome.is_err() {
        // It is still running, and its output is not needed.
        let _ = child.kill();
        let _ = child.wait();
    }
    outcome
}

/// On Windows `az` is a script, which only the shell starts.
fn command() -> Command {
    if cfg!(windows) {
        let mut command = Command::new("cmd");
        command.args(["/C", "az"]);
        command
    } else {
        Command::new("az")
    }
}

fn wait(child: &mut Child, sign_in: &SignIn, clock: &dyn Clock) -> Result<String, SignInError> {
    let failed = |error: std::io::Error| sign_in.refused(&error.to_string());
    let deadline = clock.now() + LONGEST;
    // A token has some kilobytes: a pipe holds it until the program has ended.
    let status = loop {
        if let Some(status) = child.try_wait().map_err(failed)? {
            break status;
        }
        if clock.now() >= deadline {
            return Err(sign_in.refused("`az` took too long"));
        }
        clock.wait(POLL)?;
    };
    let mut text = String::new();
    if status.success() {
        if let Some(stdout) = &mut child.stdout {
            stdout.read_to_string(&mut text).map_err(failed)?;
        }
        return Ok(text);
    }
    if let Some(stderr) = &mut child.stderr {
        stderr.read_to_string(&mut text).map_err(failed)?;
    }
    let first = text.lines().find(|line| !line.trim().is_empty());
    Err(sign_in.refused(first.unwrap_or("`az` failed without a message")))
}
