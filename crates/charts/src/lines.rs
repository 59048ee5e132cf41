//! Several series over one axis, most often time, each with its name at its end.

use crate::axis::Axis;
use crate::columns::draw_heights;
use crate::number::{compact, count, float};
use crate::svg::{Drawing, Frame, Label, n};
use crate::{text, theme};

/// The least height of the plot.
const HIGH: f64 = 170.0;
const TOP: f64 = 10.0;
/// Below the plot, for the ticks.
const BOTTOM: f64 = 22.0;
/// Between the baselines of two names.
const LINE: f64 = 16.0;
/// The piece of a series' line before its name.
const SAMPLE: f64 = 26.0;
/// With no more points than this, each is marked.
const MARKED: usize = 24;
/// With more, so many are.
const MARKS: usize = 5;

/// A place on the horizontal axis, with its name.
#[derive(Debug, Clone, PartialEq)]
pub struct Tick {
    /// The place, in the unit of the points.
    pub at: f64,
    /// What is written below it; left out where it does not fit.
    pub label: String,
}

/// A chart of series over an axis. [`crate::time::ticks`] makes ticks of times, whose unit is the second since 1970.
#[derive(Debug, Clone)]
pub struct Lines {
    frame: Frame,
    series: Vec<Series>,
    ticks: Vec<Tick>,
    remark: String,
}

#[derive(Debug, Clone)]
struct Series {
    name: String,
    points: Vec<(f64, f64)>,
}

impl Lines {
    /// A chart with an id (unique on its page) and a title.
    #[must_use]
    pub fn new(id: &str, title: impl Into<String>) -> Self {
        Self { frame: Frame::new(id, title), series: Vec::new(), ticks: Vec::new(), remark: String::new() }
    }

    /// A series: points (place, amount) in the order of their places. Those that are no numbers are left out.
    #[must_use]
    pub fn series(mut self, name: impl Into<String>, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let points = points.into_iter().filter(|(x, y)| x.is_finite() && y.is_finite()).collect();
        self.series.push(Series { name: name.into(), points });
        self
    }

    /// The names of places on the horizontal axis.
    #[must_use]
    pub fn ticks(mut self, ticks: Vec<Tick>) -> Self {
        self.ticks = ticks;
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
        let points = || self.series.iter().flat_map(|series| series.points.iter().copied());
        if points().next().is_none() {
            return self.frame.empty();
        }
        let width = self.frame.width;
        let high = HIGH.max(LINE * float(self.series.len() as u64));
        let highest = points().map(|(_, y)| y).fold(0.0, f64::max);
        let lowest = points().map(|(_, y)| y).fold(0.0, f64::min);
        let whole = points().all(|(_, y)| y.fract() == 0.0);
        let axis = Axis::around(lowest, highest, 4.0, whole);
        let names = self.series.iter().map(|series| text::width(&series.name, text::SIZE));
        let right = width - (names.fold(0.0, f64::max) + SAMPLE + 10.0).min(width * 0.4);
        let mut drawing = Drawing::default();
        let left = draw_heights(&mut drawing, &axis, width, right, TOP, high);
        let (from, to) = self.span();
        let plot = Plot { axis, from, to, left, right, high };
        self.draw_ticks(&mut drawing, &plot);
        for (place, series) in self.series.iter().enumerate() {
            draw_series(&mut drawing, &plot, place, series);
        }
        self.draw_names(&mut drawing, &plot);
        let named: Vec<String> = self.series.iter().map(described).collect();
        let description = format!("{}. {}", named.join("; "), self.remark);
        self.frame.around(TOP + high + BOTTOM, description.trim_end(), &drawing)
    }

    /// The first and the last place of a point.
    fn span(&self) -> (f64, f64) {
        let places = || self.series.iter().flat_map(|series| series.points.iter().map(|(x, _)| *x));
        (places().fold(f64::MAX, f64::min), places().fold(f64::MIN, f64::max))
    }

    fn draw_ticks(&self, drawing: &mut Drawing, plot: &Plot) {
        let mut taken = f64::MIN;
        for tick in self.ticks.iter().filter(|tick| tick.at >= plot.from && tick.at <= plot.to) {
            let x = plot.x(tick.at);
            let label = text::fitted(&tick.label, self.frame.width, text::SMALL);
            let half = text::width(&label, text::SMALL) / 2.0;
            let middle = x.max(half).min(self.frame.width - half);
            if middle - half >= taken {
                taken = middle + half + 8.0;
                let bottom = TOP + plot.high;
                drawing.line((x, bottom), (x, bottom + 4.0), theme::AXIS);
                drawing.text(&Label::new(middle, bottom + 17.0, label).middle().small().quiet());
            }
        }
    }

    /// Each name beside the end of its line, pushed up or down where two would overlap.
    fn draw_names(&self, drawing: &mut Drawing, plot: &Plot) {
        let mut ends: Vec<(usize, f64)> = self
            .series
            .iter()
            .enumerate()
            .map(|(place, series)| {
                (place, series.points.last().map_or(TOP + plot.high, |(_, y)| plot.y(*y)) + 4.0)
            })
            .collect();
        ends.sort_by(|one, other| one.1.total_cmp(&other.1).then(one.0.cmp(&other.0)));
        let mut least = TOP + 8.0;
        for (_, y) in &mut ends {
            *y = y.max(least);
            least = *y + LINE;
        }
        let mut most = TOP + plot.high + 4.0;
        for (_, y) in ends.iter_mut().rev() {
            *y = y.min(most);
            most = *y - LINE;
        }
        for (place, y) in ends {
            let Some(series) = self.series.get(place) else { continue };
            let (from, middle) = (plot.right + 6.0, y - 4.0);
            drawing.line((from, middle), (from + SAMPLE - 4.0, middle), &line_attributes(place));
            drawing.mark(place, (from + (SAMPLE - 4.0) / 2.0, middle), &theme::fill(place));
            let label = Label::new(from + SAMPLE, y, &series.name);
            drawing.text(&label.within(self.frame.width - from - SAMPLE));
        }
    }
}

/// Where points are drawn.
struct Plot {
    axis: Axis,
    from: f64,
    to: f64,
    left: f64,
    right: f64,
    high: f64,
}

impl Plot {
    fn x(&self, place: f64) -> f64 {
        if self.to > self.from {
            // The marks at both ends are whole.
            self.left + 5.0 + (place - self.from) / (self.to - self.from) * (self.right - self.left - 10.0)
        } else {
            f64::midpoint(self.left, self.right)
        }
    }

    fn y(&self, amount: f64) -> f64 {
        TOP + self.high - self.axis.place(amount) * self.high
    }
}

fn line_attributes(place: usize) -> String {
    let dashes = theme::dashes(place);
    let dashes = if dashes.is_empty() { String::new() } else { format!(r#" stroke-dasharray="{dashes}""#) };
    format!(r#"{} stroke-width="2"{dashes}"#, theme::stroke(place))
}

fn draw_series(drawing: &mut Drawing, plot: &Plot, place: usize, series: &Series) {
    let points: Vec<(f64, f64)> = series.points.iter().map(|(x, y)| (plot.x(*x), plot.y(*y))).collect();
    if points.len() > 1 {
        let path: Vec<String> = points.iter().map(|(x, y)| format!("{},{}", n(*x), n(*y))).collect();
        let attributes = line_attributes(place);
        drawing.raw(&format!(
            r#"<polyline points="{}" fill="none" {attributes} stroke-linejoin="round"/>"#,
            path.join(" ")
        ));
    }
    let every = if points.len() <= MARKED { 1 } else { points.len() / MARKS };
    // Series that lie upon one another are marked at different points.
    let first = if every == 1 { 0 } else { every / 4 * (place % 4) };
    for point in points.iter().skip(first).step_by(every) {
        drawing.mark(place, *point, &theme::fill(place));
    }
}

fn described(series: &Series) -> String {
    let values = || series.points.iter().map(|(_, y)| *y);
    let (Some(last), highest) = (values().next_back(), values().fold(f64::MIN, f64::max)) else {
        return format!("{}: nothing", series.name);
    };
    format!("{}: at most {}, at the end {}", series.name, exact(highest), exact(last))
}

/// A whole number with all its figures, another one short.
fn exact(number: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole and in range")]
    if number.fract() == 0.0 && (0.0..9e15).contains(&number) {
        count(number as u64)
    } else {
        compact(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::svg::checks::sound;
    use crate::time;

    #[test]
    fn what_was_sent_over_time() {
        let from = chrono::DateTime::parse_from_rfc3339("2026-11-08T03:30:00Z").unwrap().to_utc();
        let seconds =
            |minute: u32| float(u64::try_from(from.timestamp()).unwrap()) + f64::from(minute) * 60.0;
        let until = from + chrono::TimeDelta::minutes(59);
        let svg = Lines::new("timeline", "Messages over time")
            .series("sent", (0..60).map(|minute| (seconds(minute), f64::from(minute * 60))))
            .series("delivered", (0..60).map(|minute| (seconds(minute), f64::from(minute * 55))))
            .series("read", (0..60).map(|minute| (seconds(minute), f64::from(minute * 20))))
            .ticks(time::ticks(from, until, &chrono_tz::Asia::Kolkata, 5))
            .render();
        sound(&svg);
        assert!(svg.contains("sent: at most 3,540, at the end 3,540"), "{svg}");
        assert!(svg.contains(">09:10</text>"), "{svg}");
        insta::assert_snapshot!(svg);
    }

    #[test]
    fn names_are_pushed_apart() {
        let mut chart = Lines::new("x", "Many");
        for place in 0..14 {
            chart = chart.series(format!("series with a long name {place}"), [(0.0, 0.0), (1.0, 0.0)]);
        }
        sound(&chart.render());
    }

    #[test]
    fn nothing_one_point_and_huge() {
        sound(&Lines::new("x", "Nothing").render());
        sound(&Lines::new("x", "No points").series("a", []).render());
        sound(&Lines::new("x", "No numbers").series("a", [(f64::NAN, 1.0), (1.0, f64::INFINITY)]).render());
        let one = Lines::new("x", "One").series("a", [(5.0, 0.0)]).series("b", []);
        sound(&one.ticks(vec![Tick { at: 5.0, label: "long ".repeat(60) }]).render());
        sound(&Lines::new("x", "Huge").series("a", [(0.0, 1e18), (1e9, 1.8e19)]).width(0.0).render());
        sound(&Lines::new("x", "Below").series("a", [(0.0, -3.5), (1.0, 2.0)]).render());
    }
}
