//! What is spent and reserved of an amount, and what is left, as one bar.

use crate::number::{fraction, share};
use crate::svg::{Drawing, Frame, name_and_value};
use crate::theme;

/// The height of the bar.
const BAR: f64 = 22.0;
/// The height of a line of the legend.
const LINE: f64 = 22.0;
/// Between a legend's square and its name.
const INDENT: f64 = 22.0;

/// A chart of amounts of money: their sizes for the bar, and their words, with the currency, for people.
#[derive(Debug, Clone)]
pub struct Budget {
    frame: Frame,
    spent: (f64, String),
    reserved: (f64, String),
    limit: Option<(f64, String)>,
    left: String,
    remark: String,
}

impl Budget {
    /// A chart with an id (unique on its page) and a title; nothing is spent yet.
    #[must_use]
    pub fn new(id: &str, title: impl Into<String>) -> Self {
        Self {
            frame: Frame::new(id, title),
            spent: (0.0, "0".to_owned()),
            reserved: (0.0, "0".to_owned()),
            limit: None,
            left: String::new(),
            remark: String::new(),
        }
    }

    /// What is spent, at least 0.
    #[must_use]
    pub fn spent(mut self, amount: f64, said: impl Into<String>) -> Self {
        self.spent = (positive(amount), said.into());
        self
    }

    /// What is reserved beside it, at least 0.
    #[must_use]
    pub fn reserved(mut self, amount: f64, said: impl Into<String>) -> Self {
        self.reserved = (positive(amount), said.into());
        self
    }

    /// The ceiling, and what is left under it in words.
    #[must_use]
    pub fn limit(mut self, amount: f64, said: impl Into<String>, left: impl Into<String>) -> Self {
        self.limit = Some((positive(amount), said.into()));
        self.left = left.into();
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
        let width = self.frame.width;
        let limit = self.limit.as_ref().map_or(0.0, |(amount, _)| *amount);
        let taken = self.spent.0 + self.reserved.0;
        let whole = limit.max(taken);
        let wide = |amount: f64| fraction(amount, whole) * (width - 2.0);
        let mut drawing = Drawing::default();
        let pattern = self.frame.id_of("hatching");
        drawing.raw(&format!(
            "<defs><pattern id=\"{pattern}\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" \
             patternTransform=\"rotate(45)\"><rect width=\"6\" height=\"6\" {}/><line x1=\"0\" y1=\"0\" x2=\"0\" y2=\"6\" \
             {} stroke-width=\"5\"/></pattern></defs>",
            theme::REST,
            theme::stroke(1)
        ));
        let hatched = format!("fill=\"url(#{pattern})\"");
        let empty = format!("fill=\"none\" {}", theme::AXIS);
        let (spent, reserved) = (wide(self.spent.0), wide(self.reserved.0));
        drawing.rect((1.0, 1.0), (spent, BAR), &theme::fill(0));
        drawing.rect((1.0 + spent, 1.0), (reserved, BAR), &hatched);
        drawing.rect((1.0, 1.0), (width - 2.0, BAR), &empty);
        if limit > 0.0 && taken > limit {
            let x = 1.0 + wide(limit);
            drawing.line((x, 0.0), (x, BAR + 6.0), &format!("{} stroke-width=\"3\"", theme::AXIS));
        }
        let of_limit = |amount: f64| {
            if limit > 0.0 { format!(" · {}", share(amount / limit)) } else { String::new() }
        };
        let spent = format!("{}{}", self.spent.1, of_limit(self.spent.0));
        let reserved = format!("{}{}", self.reserved.1, of_limit(self.reserved.0));
        let mut lines =
            vec![("Spent", spent, Some(theme::fill(0))), ("Reserved", reserved, Some(hatched.clone()))];
        if let Some((_, said)) = &self.limit {
            lines.push(("Left", self.left.clone(), Some(empty)));
            lines.push(("Budget", said.clone(), None));
        }
        let mut named = Vec::new();
        let mut y = BAR + 8.0;
        for (name, said, swatch) in &lines {
            if let Some(swatch) = swatch {
                drawing.rect((1.0, y + 5.0), (12.0, 12.0), swatch);
            }
            name_and_value(&mut drawing, (INDENT, width), y + 16.0, name, said);
            named.push(format!("{name}: {said}"));
            y += LINE;
        }
        let description = format!("{}. {}", named.join("; "), self.remark);
        self.frame.around(y + 4.0, description.trim_end(), &drawing)
    }
}

fn positive(amount: f64) -> f64 {
    if amount.is_finite() { amount.max(0.0) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::svg::checks::sound;

    #[test]
    fn spent_reserved_and_left() {
        let svg = Budget::new("budget", "Spend against budget")
            .spent(4_437.0, "INR 4,437.00")
            .reserved(783.0, "INR 783.00")
            .limit(50_000.0, "INR 50,000.00", "INR 44,780.00")
            .render();
        sound(&svg);
        insta::assert_snapshot!(svg);
    }

    #[test]
    fn without_a_budget_over_it_and_huge() {
        sound(&Budget::new("x", "Nothing").render());
        sound(&Budget::new("x", "No limit").spent(3.0, "INR 3.00").render());
        let over =
            Budget::new("x", "Over").spent(3.0, "3").reserved(1.0, "1").limit(2.0, "2", "nothing").render();
        sound(&over);
        assert!(over.contains("150.0 %"), "{over}");
        let long = "9".repeat(300);
        sound(&Budget::new("x", "Huge").spent(f64::MAX, &long).reserved(f64::NAN, &long).width(0.0).render());
    }
}
