//! The inputs that a target begins with.

use std::fs;
use std::path::{Path, PathBuf};

/// Where a target's own inputs are.
#[must_use]
pub fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target)
}

/// A target's inputs, with their names, always in the same order: its own, and what other tests and the examples have of
/// its kind.
///
/// # Errors
/// A folder of the repository cannot be read.
pub fn corpus(target: &str) -> std::io::Result<Vec<(String, Vec<u8>)>> {
    let mut inputs = files(&folder(target))?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    if target == "campaign_file" {
        for other in ["examples", "crates/campaign/tests/bad/definition"] {
            for (name, text) in files(&root.join(other))? {
                let kind = match name.rsplit('.').next() {
                    Some("yaml") => b'0',
                    Some("toml") => b'1',
                    Some("json") => b'2',
                    Some(_) | None => continue,
                };
                inputs.push((name, [&[kind], text.as_slice()].concat()));
            }
        }
    }
    Ok(inputs)
}

fn files(folder: &Path) -> std::io::Result<Vec<(String, Vec<u8>)>> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    paths.retain(|path| path.is_file());
    paths.sort();
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    paths.into_iter().map(|path| Ok((name(&path), fs::read(&path)?))).collect()
}
