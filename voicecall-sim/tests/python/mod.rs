//! The interpreter with the packages that `scripts/python-env` installs.

use std::path::{Path, PathBuf};

pub(crate) fn python() -> PathBuf {
    let given = std::env::var_os("VOICECALL_PYTHON").map(PathBuf::from);
    let python = given.unwrap_or_else(|| target().join("python/bin/python3"));
    assert!(python.exists(), "{} is missing: run ./scripts/python-env, which makes it", python.display());
    python
}

/// The target folder: the test's own file lies in its `<profile>/deps`.
pub(crate) fn target() -> PathBuf {
    let here = std::env::current_exe().unwrap();
    here.ancestors().nth(3).unwrap_or(Path::new("target")).to_owned()
}
