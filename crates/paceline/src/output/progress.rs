//! Progress bars of long work: on standard error, and only where that is a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::format;

/// Work whose end is known.
const KNOWN: &str =
    "{prefix} {bar:24.cyan/dim} {percent:>3} %  {human_pos} of {human_len}, {per_sec}, {eta} left {msg}";
/// Work whose end is not known.
const UNKNOWN: &str = "{prefix} {spinner} {human_pos}, {per_sec} {msg}";
/// How often a bar is redrawn while nothing else happens.
const REDRAW: Duration = Duration::from_millis(250);

/// A progress bar. Goes away when it is dropped.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// Work of so many steps (`None`: not known). `what` names it, for example `reading diwali.csv`.
    pub(crate) fn new(what: impl Into<String>, steps: Option<u64>) -> Self {
        // indicatif shows nothing where standard error is no terminal.
        let bar = ProgressBar::with_draw_target(steps, ProgressDrawTarget::stderr());
        let template = if steps.is_some() { KNOWN } else { UNKNOWN };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("█░").with_key(
                "per_sec",
                |state: &indicatif::ProgressState, out: &mut dyn std::fmt::Write| {
                    // A terminal that refuses text has nobody to tell.
                    let _ = out.write_str(&format::rate(state.per_sec()));
                },
            ));
        }
        bar.set_prefix(what.into());
        bar.enable_steady_tick(REDRAW);
        Self { bar }
    }

    /// A bar that is never shown: for `--json` and other quiet work.
    pub(crate) fn hidden() -> Self {
        Self { bar: ProgressBar::hidden() }
    }

    /// So many steps more are done.
    pub(crate) fn advance(&self, steps: u64) {
        self.bar.inc(steps);
    }

    /// So many steps are done in all.
    pub(crate) fn set(&self, steps: u64) {
        self.bar.set_position(steps);
    }

    /// There are so many steps.
    pub(crate) fn expect(&self, steps: u64) {
        self.bar.set_length(steps);
    }

    /// Says something beside the bar.
    pub(crate) fn say(&self, text: impl Into<String>) {
        self.bar.set_message(text.into());
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_templates_are_valid() {
        for template in [KNOWN, UNKNOWN] {
            ProgressStyle::with_template(template).unwrap();
        }
        let progress = Progress::new("testing", Some(10));
        progress.advance(3);
        progress.set(7);
        progress.say("nearly there");
        assert_eq!(progress.bar.position(), 7);
    }
}
