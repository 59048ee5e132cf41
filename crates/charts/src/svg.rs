//! The `<svg>` element, its title and description, and the shapes in it.

use std::fmt::Write as _;

use crate::text::{self, SIZE};
use crate::{NARROWEST, WIDTH};

/// What every chart has.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Frame {
    id: String,
    title: String,
    pub(crate) width: f64,
}

impl Frame {
    pub(crate) fn new(id: &str, title: impl Into<String>) -> Self {
        Self { id: text::id(id), title: title.into(), width: WIDTH }
    }

    pub(crate) fn set_width(&mut self, width: f64) {
        self.width = if width.is_finite() { width.clamp(NARROWEST, 4_000.0) } else { WIDTH };
    }

    /// An id of something in this chart.
    pub(crate) fn id_of(&self, part: &str) -> String {
        format!("{}-{part}", self.id)
    }

    /// The element around a drawing of this height, with a description in words.
    pub(crate) fn around(&self, height: f64, description: &str, drawing: &Drawing) -> String {
        let (title_id, desc_id) = (self.id_of("title"), self.id_of("desc"));
        format!(
            "<svg class=\"chart\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" width=\"100%\" \
             font-size=\"{}\" role=\"img\" aria-labelledby=\"{title_id}\" aria-describedby=\"{desc_id}\">\n\
             <title id=\"{title_id}\">{}</title>\n<desc id=\"{desc_id}\">{}</desc>\n{}</svg>",
            n(self.width),
            n(height),
            n(SIZE),
            text::escaped(&self.title),
            text::escaped(description),
            drawing.0,
        )
    }

    /// A chart of nothing.
    pub(crate) fn empty(&self) -> String {
        let mut drawing = Drawing::default();
        drawing.text(&Label::new(self.width / 2.0, 38.0, "There is nothing to show.").quiet().middle());
        self.around(64.0, "There is nothing to show.", &drawing)
    }
}

/// A number of a drawing: two decimals at the most, so that it is short and everywhere the same.
pub(crate) fn n(number: f64) -> String {
    if !number.is_finite() {
        return "0".to_owned();
    }
    let text = format!("{number:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// Shapes, one a line.
#[derive(Debug, Clone, Default)]
pub(crate) struct Drawing(String);

impl Drawing {
    pub(crate) fn raw(&mut self, element: &str) {
        self.0.push_str(element);
        self.0.push('\n');
    }

    pub(crate) fn line(&mut self, from: (f64, f64), to: (f64, f64), attributes: &str) {
        let _ = writeln!(
            self.0,
            r#"<line x1="{}" y1="{}" x2="{}" y2="{}" {attributes}/>"#,
            n(from.0),
            n(from.1),
            n(to.0),
            n(to.1)
        );
    }

    pub(crate) fn rect(&mut self, (x, y): (f64, f64), (width, height): (f64, f64), attributes: &str) {
        let _ = writeln!(
            self.0,
            r#"<rect x="{}" y="{}" width="{}" height="{}" {attributes}/>"#,
            n(x),
            n(y),
            n(width),
            n(height)
        );
    }

    /// A shape that tells a series from others, without its colour.
    pub(crate) fn mark(&mut self, series: usize, (x, y): (f64, f64), attributes: &str) {
        let around =
            |points: [(f64, f64); 4]| points.map(|(dx, dy)| format!("{},{}", n(x + dx), n(y + dy))).join(" ");
        let shape = match series % 4 {
            0 => format!(r#"<circle cx="{}" cy="{}" r="4" {attributes}/>"#, n(x), n(y)),
            1 => {
                format!(r#"<rect x="{}" y="{}" width="7" height="7" {attributes}/>"#, n(x - 3.5), n(y - 3.5))
            }
            2 => format!(
                r#"<polygon points="{}" {attributes}/>"#,
                around([(0.0, -4.8), (4.6, 3.4), (-4.6, 3.4), (0.0, -4.8)])
            ),
            _ => format!(
                r#"<polygon points="{}" {attributes}/>"#,
                around([(0.0, -5.0), (5.0, 0.0), (0.0, 5.0), (-5.0, 0.0)])
            ),
        };
        self.raw(&shape);
    }

    pub(crate) fn text(&mut self, label: &Label) {
        let shown = match label.most {
            Some(most) => text::fitted(&label.text, most, label.size),
            None => label.text.clone(),
        };
        let anchor = label.anchor.map_or_else(String::new, |anchor| format!(r#" text-anchor="{anchor}""#));
        let size =
            if label.size < SIZE { format!(r#" font-size="{}""#, n(label.size)) } else { String::new() };
        let weight = if label.is_strong { r#" font-weight="600""# } else { "" };
        let (class, fill) =
            if label.is_quiet { ("chart-quiet", "#595959") } else { ("chart-text", "#1b1b1b") };
        let whole = if shown == label.text {
            String::new()
        } else {
            format!("<title>{}</title>", text::escaped(&label.text))
        };
        let _ = writeln!(
            self.0,
            r#"<text x="{}" y="{}"{anchor}{size}{weight} class="{class}" fill="{fill}">{whole}{}</text>"#,
            n(label.x),
            n(label.y),
            text::escaped(&shown)
        );
    }
}

/// A text in a drawing, on its baseline.
#[derive(Debug, Clone)]
pub(crate) struct Label {
    x: f64,
    y: f64,
    text: String,
    anchor: Option<&'static str>,
    size: f64,
    is_quiet: bool,
    is_strong: bool,
    most: Option<f64>,
}

impl Label {
    pub(crate) fn new(x: f64, y: f64, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { x, y, text, anchor: None, size: SIZE, is_quiet: false, is_strong: false, most: None }
    }

    pub(crate) fn end(mut self) -> Self {
        self.anchor = Some("end");
        self
    }

    pub(crate) fn middle(mut self) -> Self {
        self.anchor = Some("middle");
        self
    }

    pub(crate) fn small(mut self) -> Self {
        self.size = text::SMALL;
        self
    }

    pub(crate) fn quiet(mut self) -> Self {
        self.is_quiet = true;
        self
    }

    pub(crate) fn strong(mut self) -> Self {
        self.is_strong = true;
        self
    }

    /// Cut to this width.
    pub(crate) fn within(mut self, most: f64) -> Self {
        self.most = Some(most);
        self
    }
}

/// A name on the left and what is said of it on the right, on one line: the name is cut where both do not fit.
pub(crate) fn name_and_value(drawing: &mut Drawing, (from, to): (f64, f64), y: f64, name: &str, value: &str) {
    // The value is what the chart is for: it is cut only when it alone does not fit.
    let value = text::fitted(value, to - from, SIZE);
    let left = to - from - text::width(&value, SIZE) - 12.0;
    if left >= text::width("…", SIZE) {
        drawing.text(&Label::new(from, y, name).within(left));
    }
    drawing.text(&Label::new(to, y, value).end().strong());
}

#[cfg(test)]
pub(crate) mod checks {
    //! What must be true of every chart.

    /// Panics where an element is open at the end, two texts of one line overlap, or something is outside of the drawing.
    pub(crate) fn sound(svg: &str) {
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>"), "{svg}");
        assert!(svg.contains(r#"role="img""#) && svg.contains("<title id=") && svg.contains("<desc id="));
        assert!(!svg.contains("NaN") && !svg.contains("inf") && !svg.contains("style="), "{svg}");
        let (width, height) = size(svg);
        let mut boxes: Vec<(f64, f64, f64, String)> = Vec::new();
        for line in svg.lines().filter(|line| line.starts_with("<text ")) {
            let (x, y) = (number(line, "x"), number(line, "y"));
            let size = if line.contains("font-size") { number(line, "font-size") } else { super::SIZE };
            let shown = line.rsplit_once("</text>").unwrap().0.rsplit_once('>').unwrap().1;
            // What stands for one character is as wide as one.
            let shown =
                shown.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").replace("&quot;", "'");
            let wide = crate::text::width(&shown, size);
            let left = match line {
                _ if line.contains(r#"text-anchor="end""#) => x - wide,
                _ if line.contains(r#"text-anchor="middle""#) => x - wide / 2.0,
                _ => x,
            };
            assert!(
                left >= -0.5 && left + wide <= width + 0.5,
                "{shown} is outside: {left} + {wide} of {width}"
            );
            assert!(y >= size * 0.7 && y <= height, "{shown} is outside: {y} of {height}");
            for (other_left, other_right, other_y, other) in &boxes {
                let beside = left >= *other_right || left + wide <= *other_left;
                assert!(beside || (y - other_y).abs() >= size * 0.95, "{shown} overlaps {other}");
            }
            boxes.push((left, left + wide, y, shown.clone()));
        }
    }

    fn size(svg: &str) -> (f64, f64) {
        let (_, rest) = svg.split_once("viewBox=\"0 0 ").unwrap();
        let (size, _) = rest.split_once('"').unwrap();
        let (width, height) = size.split_once(' ').unwrap();
        (width.parse().unwrap(), height.parse().unwrap())
    }

    fn number(line: &str, name: &str) -> f64 {
        let (_, rest) = line.split_once(&format!(" {name}=\"")).unwrap();
        rest.split_once('"').unwrap().0.parse().unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        assert_eq!([n(1.0), n(1.005_1), n(-0.001), n(f64::NAN), n(12.5)], ["1", "1.01", "0", "0", "12.5"]);
    }

    #[test]
    fn an_empty_chart_says_so() {
        checks::sound(&Frame::new("a", "Nothing").empty());
    }

    #[test]
    fn widths_have_limits() {
        let mut frame = Frame::new("a", "b");
        frame.set_width(1.0);
        assert_eq!(frame.width, NARROWEST);
        frame.set_width(f64::NAN);
        assert_eq!(frame.width, WIDTH);
    }
}
