//! Scenarios live in this package's `tests/` folder.
