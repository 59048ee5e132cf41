//! How wide and how colourful the reader's screen is.
//!
//! Colour is never the only carrier of meaning: whatever is painted also says so in words.

use std::io::IsTerminal;

/// The width of text that does not go to a terminal, in columns, where `COLUMNS` does not say otherwise.
const PIPED_WIDTH: usize = 120;
/// No table is squeezed into fewer columns.
const LEAST_WIDTH: usize = 40;

/// What text is rendered for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Look {
    /// Columns.
    pub width: usize,
    /// Whether to paint.
    pub colours: bool,
}

/// What a piece of text means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// As it should be.
    Good,
    /// Needs a look.
    Warn,
    /// Wrong.
    Bad,
    /// Of less importance.
    Quiet,
    /// A heading.
    Strong,
}

impl Look {
    /// Standard output as it is now: `NO_COLOR` and `TERM=dumb` switch colours off, `COLUMNS` sets the
    /// width of text that does not go to a terminal.
    pub(crate) fn of_stdout() -> Self {
        let is_terminal = std::io::stdout().is_terminal();
        let said = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let is_dumb = said("TERM").as_deref() == Some("dumb");
        let columns = said("COLUMNS").and_then(|columns| columns.parse::<usize>().ok());
        let width = if is_terminal {
            comfy_table::Table::new().width().map(usize::from).or(columns).unwrap_or(80)
        } else {
            columns.unwrap_or(PIPED_WIDTH)
        };
        Self { width: width.max(LEAST_WIDTH), colours: is_terminal && !is_dumb && said("NO_COLOR").is_none() }
    }

    /// So many columns, no colours.
    #[cfg(test)]
    pub(crate) const fn plain(width: usize) -> Self {
        Self { width, colours: false }
    }

    /// The text, painted where colours are on.
    pub(crate) fn paint(self, tone: Tone, text: &str) -> String {
        if self.colours && !text.is_empty() {
            format!("\u{1b}[{}m{text}\u{1b}[0m", tone.code())
        } else {
            text.to_owned()
        }
    }

    /// The text on several lines of at most the look's width, each indented by so many columns. Words are
    /// not cut, and a no-break space does not part them.
    pub(crate) fn wrap(self, text: &str, indent: usize) -> String {
        let room = self.width.saturating_sub(indent).max(20);
        let mut lines: Vec<String> = Vec::new();
        let mut line = String::new();
        let mut used = 0;
        for word in text.split([' ', '\n']).filter(|word| !word.is_empty()) {
            let word = word.replace('\u{a0}', " ");
            let length = word.chars().count();
            if used > 0 && used + 1 + length > room {
                lines.push(std::mem::take(&mut line));
                used = 0;
            }
            if used > 0 {
                line.push(' ');
                used += 1;
            }
            line.push_str(&word);
            used += length;
        }
        lines.push(line);
        let margin = " ".repeat(indent);
        lines.iter().map(|line| format!("{margin}{line}")).collect::<Vec<_>>().join("\n")
    }
}

impl Tone {
    /// The terminal's code for it.
    const fn code(self) -> &'static str {
        match self {
            Self::Good => "32",
            Self::Warn => "33",
            Self::Bad => "31",
            Self::Quiet => "2",
            Self::Strong => "1",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paints_only_where_colours_are_on() {
        assert_eq!(Look::plain(80).paint(Tone::Bad, "failed"), "failed");
        assert_eq!(Look { width: 80, colours: true }.paint(Tone::Bad, "failed"), "\u{1b}[31mfailed\u{1b}[0m");
        assert_eq!(Look { width: 80, colours: true }.paint(Tone::Bad, ""), "");
    }

    #[test]
    fn wraps_between_words() {
        let look = Look::plain(40);
        assert_eq!(
            look.wrap(
                "the quick brown fox jumps over the lazy dog and a_word_that_is_longer_than_the_whole_line",
                2
            ),
            "  the quick brown fox jumps over the\n  lazy dog and\n  a_word_that_is_longer_than_the_whole_line"
        );
        assert_eq!(look.wrap("", 2), "  ");
        let kept = "a number of thousands of messages: sent\u{a0}850";
        assert_eq!(look.wrap(kept, 0), "a number of thousands of messages:\nsent 850");
    }
}
