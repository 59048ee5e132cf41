//! The arrows between the crates, read from `cargo metadata`: who may depend on whom is a decision, and a new
//! arrow is made here, in the open, or not at all. Also that every folder is named as its package, and that
//! every source file opens by saying what it is responsible for.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot read its own workspace has to fail"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use cargo_metadata::{Dependency, DependencyKind, Metadata, MetadataCommand, Package};

/// Whom each crate may depend on, among ours.
const ALLOWED: &[(&str, &[&str])] = &[
    ("clock", &[]),
    ("campaign", &[]),
    ("whatsapp", &["campaign"]),
    ("store", &["campaign"]),
    ("queue", &["campaign", "clock"]),
    ("scheduler", &["campaign", "clock", "store", "queue"]),
    ("worker", &["campaign", "clock", "store", "queue", "whatsapp"]),
    ("reconciler", &["campaign", "clock", "store", "whatsapp"]),
    ("charts", &[]),
    ("desk", &["campaign", "store"]),
    ("dashboard", &["campaign", "charts", "clock", "desk", "queue", "store"]),
    ("simulator", &[]),
    ("servers", &[]),
    ("bench", &["campaign", "servers", "store"]),
    ("fuzz", &["campaign", "reconciler", "whatsapp"]),
    (
        "paceline",
        &[
            "clock",
            "campaign",
            "charts",
            "dashboard",
            "desk",
            "whatsapp",
            "store",
            "queue",
            "scheduler",
            "worker",
            "reconciler",
            "simulator",
        ],
    ),
    (
        "testkit",
        &[
            "clock",
            "campaign",
            "whatsapp",
            "store",
            "queue",
            "scheduler",
            "worker",
            "reconciler",
            "simulator",
            "servers",
        ],
    ),
    (
        "tests",
        &[
            "clock",
            "campaign",
            "whatsapp",
            "store",
            "queue",
            "scheduler",
            "worker",
            "reconciler",
            "simulator",
            "servers",
            "testkit",
        ],
    ),
];

/// What does input and output, and has no place in the pure core. A name that ends in `*` is a beginning.
const NOT_IN_THE_CORE: &[&str] = &[
    "tokio", "tokio-*", "sqlx", "sqlx-*", "redis", "reqwest", "apalis*", "axum", "axum-*", "hyper", "hyper-*",
];

fn metadata() -> &'static Metadata {
    static METADATA: OnceLock<Metadata> = OnceLock::new();
    METADATA.get_or_init(|| {
        // The lock file has all there is to know; nothing is to be looked up elsewhere.
        MetadataCommand::new()
            .manifest_path(root().join("Cargo.toml"))
            .other_options(vec!["--offline".to_owned()])
            .no_deps()
            .exec()
            .expect("cargo can read the workspace")
    })
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

fn packages() -> BTreeMap<&'static str, &'static Package> {
    metadata().workspace_packages().into_iter().map(|package| (package.name.as_str(), package)).collect()
}

/// Whom a crate depends on among ours: for building it and its build script, not for its tests.
fn arrows(package: &Package) -> BTreeSet<&str> {
    ours(package, |dependency| dependency.kind != DependencyKind::Development)
}

fn ours(package: &Package, wanted: impl Fn(&Dependency) -> bool) -> BTreeSet<&str> {
    let packages = packages();
    package
        .dependencies
        .iter()
        .filter(|dependency| packages.contains_key(dependency.name.as_str()) && wanted(dependency))
        .map(|dependency| dependency.name.as_str())
        .collect()
}

#[test]
fn every_arrow_is_an_allowed_one() {
    let allowed: BTreeMap<&str, BTreeSet<&str>> =
        ALLOWED.iter().map(|(name, others)| (*name, others.iter().copied().collect())).collect();
    let mut forbidden = Vec::new();
    for (name, package) in packages() {
        let Some(allowed) = allowed.get(name) else {
            forbidden.push(format!(
                "{name} is a new crate: add it to ALLOWED, and say why in docs/architecture.md"
            ));
            continue;
        };
        for other in arrows(package) {
            if !allowed.contains(other) {
                forbidden.push(format!("{name} depends on {other}"));
            }
        }
    }
    assert!(forbidden.is_empty(), "forbidden arrows between crates:\n{}", forbidden.join("\n"));
}

#[test]
fn the_list_of_arrows_names_crates_that_exist() {
    let packages = packages();
    for (name, others) in ALLOWED {
        assert!(packages.contains_key(name), "ALLOWED names {name}, which is no crate of this workspace");
        for other in *others {
            assert!(packages.contains_key(other), "ALLOWED lets {name} depend on {other}, which is no crate");
        }
    }
}

/// What is linked into the binary must not drag the tests' own crate along, not even into a crate's tests:
/// it depends on all of them.
#[test]
fn only_the_scenarios_use_the_testkit() {
    for (name, package) in packages() {
        let uses = ours(package, |_| true).contains("testkit");
        assert!(!uses || name == "tests", "{name} depends on testkit; write the test in tests/ instead");
    }
}

#[test]
fn the_core_does_no_input_or_output() {
    let package = packages()["campaign"];
    let found: Vec<&str> = package
        .dependencies
        .iter()
        .filter(|dependency| dependency.kind != DependencyKind::Development)
        .map(|dependency| dependency.name.as_str())
        .filter(|name| NOT_IN_THE_CORE.iter().any(|banned| matches(banned, name)))
        .collect();
    assert!(found.is_empty(), "campaign is pure, and depends on {}", found.join(", "));
}

/// The simulator judges what the other crates do: it must not share their reading of the platform.
#[test]
fn the_simulator_depends_on_none_of_ours() {
    let package = packages()["simulator"];
    let others = ours(package, |_| true);
    assert!(others.is_empty(), "simulator depends on {others:?}");
}

fn matches(banned: &str, name: &str) -> bool {
    match banned.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => name == banned,
    }
}

#[test]
fn every_folder_is_named_as_its_package() {
    for (name, package) in packages() {
        let folder = package.manifest_path.parent().and_then(|folder| folder.file_name());
        assert_eq!(folder, Some(name), "the package {name} is in {}", package.manifest_path);
    }
}

#[test]
fn every_source_file_says_what_it_is_responsible_for() {
    let mut silent = Vec::new();
    for folder in fs::read_dir(root().join("crates")).unwrap() {
        for file in rust_files(&folder.unwrap().path().join("src")) {
            let text = fs::read_to_string(&file).unwrap();
            if !text.starts_with("//! ") {
                silent.push(file.strip_prefix(root()).unwrap().display().to_string());
            }
        }
    }
    silent.sort();
    assert!(
        silent.is_empty(),
        "these files do not open with a //! that says what they are for:\n{}",
        silent.join("\n")
    );
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else { return files };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}
