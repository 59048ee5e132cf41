//! States as words with a sign, which say it without their colour; and bars.

use campaign::lifecycle;

/// A campaign's state, as a badge.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Badge(pub(crate) lifecycle::State);

impl Badge {
    /// It, with a sign that is not read out.
    pub(crate) fn html(self) -> String {
        use lifecycle::State;
        let (class, sign) = match self.0 {
            State::Running => ("good", "▶"),
            State::Loading => ("soft", "…"),
            State::Waiting => ("warn", "◷"),
            State::Paused => ("warn", "❚❚"),
            State::Settling => ("good", "↻"),
            State::Done => ("soft", "✓"),
            State::Stopped => ("bad", "■"),
            State::Cancelled => ("soft", "✕"),
        };
        format!(
            r#"<span class="badge {class}"><span aria-hidden="true">{sign}</span>{}</span>"#,
            self.0.name()
        )
    }
}

/// A bar of what is done, and after it what is held for it, of a whole. The number stands beside it, so that it is not
/// read out.
pub(crate) fn bar(done: u64, held: u64, whole: u64) -> String {
    let part =
        |amount: u64| (u128::from(amount) * 1_000).checked_div(u128::from(whole)).unwrap_or(0).min(1_000);
    let (done, held) = (part(done), part(held));
    let held = held.min(1_000 - done);
    let held_bar = if held > 0 {
        format!(r#"<rect class="held" x="{done}" width="{held}" height="100"/>"#)
    } else {
        String::new()
    };
    format!(
        r#"<svg class="bar" viewBox="0 0 1000 100" preserveAspectRatio="none" aria-hidden="true"><rect class="rest" width="1000" height="100"/><rect class="done" width="{done}" height="100"/>{held_bar}</svg>"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_never_longer_than_its_whole() {
        assert!(bar(1, 0, 0).contains(r#"class="done" width="0""#));
        assert!(bar(1, 0, 4).contains(r#"class="done" width="250""#));
        assert!(bar(7, 9, 8).contains(r#"<rect class="held" x="875" width="125""#));
        assert!(bar(u64::MAX, u64::MAX, 1).contains(r#"class="done" width="1000""#));
        assert!(!bar(8, 0, 8).contains("held"));
    }
}
