//! Whether a stage's output is apart from what it reads.

use std::io;
use std::path::{Component, Path, PathBuf};

use super::stage::StageError;

/// Refuses an output that is inside an input folder, or the other way round, or the same: a stage would
/// take its own output for photos and people, or write among the user's files.
///
/// # Errors
/// [`StageError::Overlap`]; [`StageError::Io`] where `input` is missing.
pub fn ensure_apart(input: &Path, out: &Path) -> Result<(), StageError> {
    let (real_input, real_out) = (fs_err::canonicalize(input)?, real(out)?);
    if real_out.starts_with(&real_input) || real_input.starts_with(&real_out) {
        return Err(StageError::Overlap {
            out: out.to_owned(),
            input: input.to_owned(),
        });
    }
    Ok(())
}

/// A path without links and `..`; it need not be there yet.
fn real(path: &Path) -> io::Result<PathBuf> {
    let absolute = std::path::absolute(path)?;
    let mut there = absolute.as_path();
    let mut real = loop {
        match (there.canonicalize(), there.parent()) {
            (Ok(real), _) => break real,
            (Err(_), Some(parent)) => there = parent,
            (Err(error), None) => return Err(error),
        }
    };
    for part in absolute
        .strip_prefix(there)
        .unwrap_or(&absolute)
        .components()
    {
        match part {
            Component::ParentDir => {
                real.pop();
            }
            part => real.push(part),
        }
    }
    Ok(real)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_inside_each_other_are_refused() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let at = |name: &str| folder.path().join(name);
        let input = at("in");
        fs_err::create_dir_all(input.join("ada")).expect("makes");
        for out in ["in", "in/x/y", "in/../in/x", "x/../in/y", ""] {
            let error = ensure_apart(&input, &at(out)).expect_err(out);
            assert!(
                matches!(error, StageError::Overlap { .. }),
                "{out}: {error}"
            );
        }
        for out in ["in2", "in2/a", "in/../out", "out"] {
            ensure_apart(&input, &at(out)).expect(out);
        }
        assert!(ensure_apart(&at("gone"), &at("out")).is_err());
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(&input, at("link")).expect("links");
            assert!(ensure_apart(&input, &at("link/x")).is_err());
            assert!(ensure_apart(&at("link"), &at("in/x")).is_err());
        }
    }
}
