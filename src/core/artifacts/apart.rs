//! Whether a stage's output is apart from what it reads.

use std::io;
use std::path::{Component, Path, PathBuf};

use walkdir::WalkDir;

use super::stage::StageError;

/// How deep links are looked for: a side's labels and the folders in them.
const LINK_DEPTH: usize = 3;

/// Refuses an output that is inside an input folder, or the other way round, or the same: a stage would
/// take its own output for photos and people, or write among the user's files. Folders that the input links to
/// are inside it.
///
/// # Errors
/// [`StageError::Overlap`]; [`StageError::NotAFolder`] for an output that is a file; [`StageError::Io`] where `input` is missing.
pub fn ensure_apart(input: &Path, out: &Path) -> Result<(), StageError> {
    if out.is_file() {
        return Err(StageError::NotAFolder(out.to_owned()));
    }
    let (real_input, real_out) = (fs_err::canonicalize(input)?, real(out)?);
    let overlap = |input: &Path| {
        Err(StageError::Overlap {
            out: out.to_owned(),
            input: input.to_owned(),
        })
    };
    if real_out.starts_with(&real_input) || real_input.starts_with(&real_out) {
        return overlap(input);
    }
    let entries = WalkDir::new(input).min_depth(1).max_depth(LINK_DEPTH);
    let entries = entries.into_iter().flatten();
    for link in entries.filter(walkdir::DirEntry::path_is_symlink) {
        let leads_to = link.path().canonicalize();
        if leads_to.is_ok_and(|target| target.is_dir() && real_out.starts_with(target)) {
            return overlap(link.path());
        }
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
        fs_err::write(at("file"), "x").expect("writes");
        let error = ensure_apart(&input, &at("file")).expect_err("is a file");
        assert!(matches!(error, StageError::NotAFolder(_)), "{error}");
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(&input, at("link")).expect("links");
            assert!(ensure_apart(&input, &at("link/x")).is_err());
            assert!(ensure_apart(&at("link"), &at("in/x")).is_err());
            fs_err::create_dir_all(at("photos/grace")).expect("makes");
            std::os::unix::fs::symlink(at("photos/grace"), input.join("grace")).expect("links");
            let error = ensure_apart(&input, &at("photos/grace/out")).expect_err("is in a label");
            assert!(error.to_string().contains("in/grace"), "{error}");
            ensure_apart(&input, &at("photos/out")).expect("is beside the label");
        }
    }
}
