//! Named amounts as horizontal bars, each with its name above it, so that long names have room on narrow screens.

use crate::number::{count, float, fraction, percent};
use crate::svg::{Drawing, Frame, name_and_value};
use crate::{text, theme};

/// The height that one bar takes, with its name.
const ROW: f64 = 40.0;
/// How many bars are named in the description.
const NAMED: usize = 5;

/// A chart of named amounts, in the order they are given.
#[derive(Debug, Clone)]
pub struct Bars {
    frame: Frame,
    bars: Vec<Bar>,
    whole: Option<u64>,
    most: usize,
    remark: String,
}

#[derive(Debug, Clone)]
struct Bar {
    name: String,
    value: u64,
    said: Option<String>,
}

impl Bars {
    /// A chart with an id (unique on its page) and a title.
    #[must_use]
    pub fn new(id: &str, title: impl Into<String>) -> Self {
        Self { frame: Frame::new(id, title), bars: Vec::new(), whole: None, most: 12, remark: String::new() }
    }

    /// A bar, with its amount in figures.
    #[must_use]
    pub fn bar(mut self, name: impl Into<String>, value: u64) -> Self {
        self.bars.push(Bar { name: name.into(), value, said: None });
        self
    }

    /// A bar, with these words for its amount.
    #[must_use]
    pub fn bar_saying(mut self, name: impl Into<String>, value: u64, said: impl Into<String>) -> Self {
        self.bars.push(Bar { name: name.into(), value, said: Some(said.into()) });
        self
    }

    /// What the amounts are parts of: each gets its share beside it.
    #[must_use]
    pub fn whole(mut self, whole: u64) -> Self {
        self.whole = Some(whole);
        self
    }

    /// No more bars than this, at least 1 (else 12): the last ones together are one bar then.
    #[must_use]
    pub fn most(mut self, most: usize) -> Self {
        self.most = most.max(1);
        self
    }

    /// The width in units; see [`crate::WIDTH`].
    #[must_use]
    pub fn width(mut self, width: f64) -> Self {
        self.frame.set_width(width);
        self
    }

    /// A sentence for the end of the description.
    #[must_use]
    pub fn remark(mut self, remark: impl Into<String>) -> Self {
        self.remark = remark.into();
        self
    }

    /// The chart as an `<svg>` element.
    #[must_use]
    pub fn render(&self) -> String {
        if self.bars.is_empty() {
            return self.frame.empty();
        }
        let bars = self.shown();
        let width = self.frame.width;
        let longest = bars.iter().map(|bar| bar.value).max().unwrap_or(0);
        let mut drawing = Drawing::default();
        for (row, bar) in bars.iter().enumerate() {
            let top = float(row as u64) * ROW;
            name_and_value(&mut drawing, (0.0, width), top + 14.0, &bar.name, &self.said(bar));
            let long = fraction(float(bar.value), float(longest)) * width;
            // What there is of something is seen, however little.
            let long = if bar.value > 0 { long.max(2.0) } else { 0.0 };
            drawing.rect((0.0, top + 20.0), (long, 10.0), &theme::fill(0));
        }
        let named: Vec<String> = bars.iter().map(|bar| format!("{}: {}", bar.name, self.said(bar))).collect();
        let description = format!("{}. {}", text::listed(&named, NAMED), self.remark);
        self.frame.around(float(bars.len() as u64) * ROW, description.trim_end(), &drawing)
    }

    /// The bars, the last ones added up where there are too many.
    fn shown(&self) -> Vec<Bar> {
        if self.bars.len() <= self.most {
            return self.bars.clone();
        }
        let (first, rest) = self.bars.split_at(self.most - 1);
        let value = rest.iter().fold(0_u64, |sum, bar| sum.saturating_add(bar.value));
        let mut shown = first.to_vec();
        shown.push(Bar { name: format!("{} others", rest.len()), value, said: None });
        shown
    }

    fn said(&self, bar: &Bar) -> String {
        match (&bar.said, self.whole) {
            (Some(said), _) => said.clone(),
            (None, Some(whole)) => format!("{} · {}", count(bar.value), percent(bar.value, whole)),
            (None, None) => count(bar.value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::svg::checks::sound;

    #[test]
    fn reasons_with_their_shares() {
        let svg = Bars::new("failures", "Failed messages by reason")
            .bar("Undeliverable", 1_200)
            .bar("Too many marketing messages", 34)
            .bar("Nobody", 0)
            .whole(12_345)
            .render();
        sound(&svg);
        insta::assert_snapshot!(svg);
    }

    #[test]
    fn what_does_not_fit_is_cut_or_added_up() {
        let mut bars = Bars::new("x", "Long").most(3).width(0.0);
        for place in 0..30 {
            bars = bars.bar("a name that is much too long for any telephone ".repeat(5), u64::MAX - place);
        }
        let svg = bars.render();
        sound(&svg);
        assert!(svg.contains("28 others") && svg.contains('…'), "{svg}");
        sound(&Bars::new("x", "Said").bar_saying("a", 1, "w".repeat(200)).render());
    }

    #[test]
    fn nothing_and_one() {
        sound(&Bars::new("x", "Nothing").render());
        sound(&Bars::new("x", "One").bar("IN", 0).whole(0).render());
    }

    #[test]
    fn nothing_gets_out_of_a_name() {
        let svg =
            Bars::new("a\"b", "<script>").bar("<script>alert(1)</script>", 1).remark("</desc>").render();
        sound(&svg);
        assert!(
            !svg.contains("<script") && svg.contains("&lt;script&gt;") && svg.contains("id=\"a-b-title\""),
            "{svg}"
        );
    }
}
