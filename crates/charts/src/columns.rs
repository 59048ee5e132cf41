//! Amounts of equal parts of something as columns: of the hours of a day, for example.

use crate::axis::Axis;
use crate::number::{compact, count, float};
use crate::svg::{Drawing, Frame, Label};
use crate::{text, theme};

/// The height of the plot.
const HIGH: f64 = 120.0;
/// Above the plot, for the highest column's amount.
const TOP: f64 = 22.0;
/// Below the plot, for the columns' names.
const BOTTOM: f64 = 20.0;
/// Names are shown at every so many columns: the first of these at which they fit.
const EVERY: [usize; 8] = [1, 2, 3, 4, 6, 12, 24, 48];

/// A chart of columns side by side.
#[derive(Debug, Clone)]
pub struct Columns {
    frame: Frame,
    columns: Vec<(String, u64)>,
    series: usize,
    remark: String,
}

impl Columns {
    /// A chart with an id (unique on its page) and a title.
    #[must_use]
    pub fn new(id: &str, title: impl Into<String>) -> Self {
        Self { frame: Frame::new(id, title), columns: Vec::new(), series: 0, remark: String::new() }
    }

    /// A column. Its name should be short; names are left out where they do not fit.
    #[must_use]
    pub fn column(mut self, name: impl Into<String>, value: u64) -> Self {
        self.columns.push((name.into(), value));
        self
    }

    /// Drawn in the colour that this series has in other charts, from 0 (else 0).
    #[must_use]
    pub fn series(mut self, series: usize) -> Self {
        self.series = series;
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
        // Of equals the first.
        let peak = self.columns.iter().rev().max_by_key(|(_, value)| *value);
        let Some((peak_name, most)) = peak else { return self.frame.empty() };
        let mut drawing = Drawing::default();
        let axis = Axis::around(0.0, float(*most), 3.0, true);
        let left = draw_heights(&mut drawing, &axis, self.frame.width, self.frame.width, TOP, HIGH);
        let slot = (self.frame.width - left) / float(self.columns.len() as u64);
        let middle = |place: usize| left + slot * (float(place as u64) + 0.5);
        for (place, (_, value)) in self.columns.iter().enumerate() {
            let high = axis.place(float(*value)) * HIGH;
            let high = if *value > 0 { high.max(1.5) } else { 0.0 };
            let wide = (slot * 0.76).min(60.0);
            drawing.rect(
                (middle(place) - wide / 2.0, TOP + HIGH - high),
                (wide, high),
                &theme::fill(self.series),
            );
        }
        if *most > 0
            && let Some(place) = self.columns.iter().position(|(_, value)| value == most)
        {
            let said = text::fitted(&count(*most), self.frame.width - left, text::SIZE);
            let half = text::width(&said, text::SIZE) / 2.0;
            let x = middle(place).max(left + half).min(self.frame.width - half);
            let y = TOP + HIGH - axis.place(float(*most)) * HIGH - 5.0;
            drawing.text(&Label::new(x, y, said).middle().strong());
        }
        self.draw_names(&mut drawing, slot, middle);
        let sum = self.columns.iter().fold(0_u64, |sum, (_, value)| sum.saturating_add(*value));
        let description = format!(
            "{} columns, {} in all. The highest is {peak_name} with {}. {}",
            self.columns.len(),
            count(sum),
            count(*most),
            self.remark
        );
        self.frame.around(TOP + HIGH + BOTTOM, description.trim_end(), &drawing)
    }

    fn draw_names(&self, drawing: &mut Drawing, slot: f64, middle: impl Fn(usize) -> f64) {
        let widest = self.columns.iter().map(|(name, _)| text::width(name, text::SMALL)).fold(0.0, f64::max);
        let every = EVERY
            .into_iter()
            .find(|every| widest + 8.0 <= slot * float(*every as u64))
            .unwrap_or(self.columns.len().max(1));
        let mut taken = f64::MIN;
        for (place, (name, _)) in self.columns.iter().enumerate().step_by(every) {
            let name = text::fitted(name, self.frame.width, text::SMALL);
            let half = text::width(&name, text::SMALL) / 2.0;
            let x = middle(place).max(half).min(self.frame.width - half);
            if x - half >= taken {
                taken = x + half + 6.0;
                drawing.text(&Label::new(x, TOP + HIGH + 15.0, name).middle().small().quiet());
            }
        }
    }
}

/// Draws the lines of round amounts up to `right`, and the amounts on their left; says where the plot begins.
pub(crate) fn draw_heights(
    drawing: &mut Drawing,
    axis: &Axis,
    width: f64,
    right: f64,
    top: f64,
    high: f64,
) -> f64 {
    let ticks: Vec<(f64, String)> = axis.ticks().into_iter().map(|tick| (tick, compact(tick))).collect();
    let widest = ticks.iter().map(|(_, text)| text::width(text, text::SMALL)).fold(0.0, f64::max);
    let left = (widest + 8.0).min(width / 3.0);
    for (tick, said) in ticks {
        let y = top + high - axis.place(tick) * high;
        drawing.line((left, y), (right, y), if tick == axis.from { theme::AXIS } else { theme::GRID });
        drawing.text(&Label::new(left - 6.0, y + 4.0, said).end().small().quiet());
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::svg::checks::sound;

    fn day(of: impl Fn(u64) -> u64) -> Columns {
        (0..24).fold(Columns::new("hours", "Sent by hour of the day"), |chart, hour| {
            chart.column(format!("{hour:02}"), of(hour))
        })
    }

    #[test]
    fn hours_of_a_day() {
        let svg = day(|hour| if (9..20).contains(&hour) { 1_000 * (hour - 8) } else { 0 }).render();
        sound(&svg);
        insta::assert_snapshot!(svg);
    }

    #[test]
    fn nothing_one_and_huge() {
        sound(&Columns::new("x", "Nothing").render());
        sound(&Columns::new("x", "One").column("only", 3).series(2).render());
        sound(&day(|_| 0).render());
        sound(&day(|hour| if hour == 0 { u64::MAX } else { 1 }).width(0.0).render());
        sound(&day(|hour| if hour == 23 { u64::MAX } else { 1 }).render());
    }

    #[test]
    fn long_names_are_left_out_or_cut() {
        let mut chart = Columns::new("x", "Long");
        for place in 0..100 {
            chart = chart.column(format!("a rather long name, number {place}"), place);
        }
        sound(&chart.render());
        sound(&Columns::new("x", "Long").column("very long ".repeat(20), 1).render());
    }
}
