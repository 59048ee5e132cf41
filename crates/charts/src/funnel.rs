//! Steps that each keep a part of the step before.

use crate::number::{count, float, fraction, percent};
use crate::svg::{Drawing, Frame, name_and_value};
use crate::theme;

/// The height of one step.
const ROW: f64 = 50.0;
/// The height of its bar.
const BAR: f64 = 16.0;

/// A chart of steps, the first one first.
#[derive(Debug, Clone)]
pub struct Funnel {
    frame: Frame,
    steps: Vec<(String, u64)>,
    remark: String,
}

impl Funnel {
    /// A chart with an id (unique on its page) and a title.
    #[must_use]
    pub fn new(id: &str, title: impl Into<String>) -> Self {
        Self { frame: Frame::new(id, title), steps: Vec::new(), remark: String::new() }
    }

    /// A step, and how many got to it.
    #[must_use]
    pub fn step(mut self, name: impl Into<String>, value: u64) -> Self {
        self.steps.push((name.into(), value));
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
        if self.steps.is_empty() {
            return self.frame.empty();
        }
        let width = self.frame.width;
        let most = self.steps.iter().map(|(_, value)| *value).max().unwrap_or(0);
        let wide = |value: u64| {
            let wide = fraction(float(value), float(most)) * width;
            if value > 0 { wide.max(2.0) } else { 0.0 }
        };
        let mut drawing = Drawing::default();
        let mut named = Vec::new();
        for (row, (name, value)) in self.steps.iter().enumerate() {
            let top = float(row as u64) * ROW;
            let before = row.checked_sub(1).and_then(|row| self.steps.get(row));
            let said = said(*value, before);
            name_and_value(&mut drawing, (0.0, width), top + 14.0, name, &said);
            let wide = wide(*value);
            drawing.rect(((width - wide) / 2.0, top + 20.0), (wide, BAR), &theme::fill(0));
            named.push(format!("{name}: {said}"));
        }
        let description = format!("{}. {}", named.join("; "), self.remark);
        self.frame.around(float(self.steps.len() as u64) * ROW - 8.0, description.trim_end(), &drawing)
    }
}

fn said(value: u64, before: Option<&(String, u64)>) -> String {
    match before {
        Some((name, whole)) if *whole > 0 => {
            format!("{} · {} of {}", count(value), percent(value, *whole), name.to_lowercase())
        }
        _ => count(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::svg::checks::sound;

    #[test]
    fn from_planned_to_read() {
        let svg = Funnel::new("funnel", "How far it got")
            .step("Planned", 10_400)
            .step("Accepted", 9_900)
            .step("Sent", 9_890)
            .step("Delivered", 9_100)
            .step("Read", 4_512)
            .render();
        sound(&svg);
        insta::assert_snapshot!(svg);
    }

    #[test]
    fn nothing_more_than_before_and_huge() {
        sound(&Funnel::new("x", "Nothing").render());
        sound(&Funnel::new("x", "Nobody").step("Planned", 0).step("Sent", 0).render());
        sound(&Funnel::new("x", "More").step("Planned", 1).step("Sent", u64::MAX).width(0.0).render());
        sound(&Funnel::new("x", "Long").step("a long name ".repeat(20), 5).step("b", 3).render());
    }
}
