//! Shares with the range that they may really lie in, such as those of a campaign's variants.

use crate::axis::Axis;
use crate::number::{compact, float, share};
use crate::svg::{Drawing, Frame, Label, name_and_value};
use crate::{text, theme};

/// The height of one row.
const ROW: f64 = 46.0;
/// The height of the axis below.
const BOTTOM: f64 = 22.0;
/// How far the plot is from the sides, for the numbers of the axis.
const SIDE: f64 = 24.0;

/// A chart of shares from 0 to 1, each with its range.
#[derive(Debug, Clone)]
pub struct Intervals {
    frame: Frame,
    rows: Vec<Row>,
    remark: String,
}

#[derive(Debug, Clone)]
struct Row {
    name: String,
    /// The share, and the range's ends; `None`: nothing was counted.
    measured: Option<[f64; 3]>,
}

impl Intervals {
    /// A chart with an id (unique on its page) and a title.
    #[must_use]
    pub fn new(id: &str, title: impl Into<String>) -> Self {
        Self { frame: Frame::new(id, title), rows: Vec::new(), remark: String::new() }
    }

    /// A share and the range around it, all from 0 to 1.
    #[must_use]
    pub fn interval(mut self, name: impl Into<String>, share: f64, low: f64, high: f64) -> Self {
        let measured =
            [share, low, high].map(|value| if value.is_finite() { value.clamp(0.0, 1.0) } else { 0.0 });
        self.rows.push(Row { name: name.into(), measured: Some(measured) });
        self
    }

    /// Something of which nothing was counted.
    #[must_use]
    pub fn unknown(mut self, name: impl Into<String>) -> Self {
        self.rows.push(Row { name: name.into(), measured: None });
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
        if self.rows.is_empty() {
            return self.frame.empty();
        }
        let width = self.frame.width;
        let ends = |place: usize| {
            self.rows.iter().filter_map(move |row| row.measured.and_then(|of| of.get(place).copied()))
        };
        let low = ends(1).fold(1.0, f64::min);
        let high = ends(2).fold(0.0, f64::max);
        let (low, high) = if low <= high { (low, high) } else { (0.0, 1.0) };
        // A range of nothing has room around it.
        let axis = Axis::around((low - 0.005).max(0.0) * 100.0, (high + 0.005).min(1.0) * 100.0, 4.0, false);
        let place = |share: f64| SIDE + axis.place(share * 100.0) * (width - 2.0 * SIDE);
        let bottom = float(self.rows.len() as u64) * ROW;
        let mut drawing = Drawing::default();
        let mut taken = f64::MIN;
        for tick in axis.ticks() {
            let x = place(tick / 100.0);
            for row in 0..self.rows.len() {
                let top = float(row as u64) * ROW;
                drawing.line((x, top + 20.0), (x, top + 40.0), theme::GRID);
            }
            let said = format!("{} %", compact(tick));
            let half = text::width(&said, text::SMALL) / 2.0;
            let x = x.max(half).min(width - half);
            if x - half >= taken {
                taken = x + half + 6.0;
                drawing.text(&Label::new(x, bottom + 12.0, said).middle().small().quiet());
            }
        }
        let mut named = Vec::new();
        for (place_of_row, row) in self.rows.iter().enumerate() {
            let top = float(place_of_row as u64) * ROW;
            let said = said(row);
            name_and_value(&mut drawing, (0.0, width), top + 14.0, &row.name, &said);
            if let Some([share, low, high]) = row.measured {
                let (y, stroke) = (top + 30.0, theme::stroke(place_of_row));
                drawing.line((place(low), y), (place(high), y), &format!("{stroke} stroke-width=\"2\""));
                for end in [low, high] {
                    let x = place(end);
                    drawing.line((x, y - 5.0), (x, y + 5.0), &format!("{stroke} stroke-width=\"2\""));
                }
                drawing.mark(place_of_row, (place(share), y), &theme::fill(place_of_row));
            }
            named.push(format!("{}: {said}", row.name));
        }
        let description = format!("{}. {}", named.join("; "), self.remark);
        self.frame.around(bottom + BOTTOM, description.trim_end(), &drawing)
    }
}

fn said(row: &Row) -> String {
    match row.measured {
        Some([value, low, high]) => format!("{} ({} to {})", share(value), share(low), share(high)),
        None => "nothing counted".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::svg::checks::sound;

    #[test]
    fn variants_and_their_ranges() {
        let svg = Intervals::new("variants", "Read, of the delivered")
            .interval("a", 0.5, 0.466, 0.534)
            .interval("b, the one with the picture", 0.552, 0.518, 0.586)
            .unknown("c")
            .remark("The lines are 95 % confidence intervals.")
            .render();
        sound(&svg);
        insta::assert_snapshot!(svg);
    }

    #[test]
    fn nothing_everything_and_no_numbers() {
        sound(&Intervals::new("x", "Nothing").render());
        sound(&Intervals::new("x", "Unknown").unknown("a long name ".repeat(20)).render());
        sound(&Intervals::new("x", "All").interval("a", 1.0, 1.0, 1.0).interval("b", 0.0, 0.0, 0.0).render());
        sound(&Intervals::new("x", "Same").interval("a", 0.3, 0.3, 0.3).width(0.0).render());
        sound(&Intervals::new("x", "None").interval("a", f64::NAN, f64::INFINITY, -1.0).render());
    }
}
