//! The stylesheet, and the colours of bright and of dark pages.
//!
//! The colours are those of Masataka Okabe and Kei Ito, *Color Universal Design* (2008), which are told apart with every
//! common kind of colour vision; on white those with a contrast of about 3 : 1 and more, on black the bright ones.

/// What a page puts into its stylesheet, once, for all charts. Without it charts have the bright colours and letters of
/// the page.
pub const STYLESHEET: &str = "\
.chart{display:block;width:100%;height:auto;font-family:system-ui,sans-serif}
.chart-text{fill:var(--chart-text,#1b1b1b)}
.chart-quiet{fill:var(--chart-quiet,#595959)}
.chart-grid{stroke:var(--chart-grid,#d9d9d9)}
.chart-axis{stroke:var(--chart-quiet,#595959)}
.chart-rest{fill:var(--chart-grid,#d9d9d9)}
.chart-fill-1{fill:var(--chart-1,#0072b2)}
.chart-fill-2{fill:var(--chart-2,#d55e00)}
.chart-fill-3{fill:var(--chart-3,#009e73)}
.chart-fill-4{fill:var(--chart-4,#b0568b)}
.chart-stroke-1{stroke:var(--chart-1,#0072b2)}
.chart-stroke-2{stroke:var(--chart-2,#d55e00)}
.chart-stroke-3{stroke:var(--chart-3,#009e73)}
.chart-stroke-4{stroke:var(--chart-4,#b0568b)}
.chart-halo{stroke:var(--chart-paper,#fff)}
";

/// The custom properties of a dark page: declarations, to be put into a rule.
pub const DARK: &str = "\
--chart-1:#56b4e9;--chart-2:#e69f00;--chart-3:#2fc79a;--chart-4:#e39ac4;\
--chart-text:#f0f0f0;--chart-quiet:#b8b8b8;--chart-grid:#444;--chart-paper:#161616";

/// How many colours there are; series beyond them begin again, with other dashes and shapes.
pub(crate) const COLOURS: usize = 4;

const BRIGHT: [&str; COLOURS] = ["#0072b2", "#d55e00", "#009e73", "#b0568b"];

/// The attributes of an area in a series' colour.
pub(crate) fn fill(series: usize) -> String {
    let place = series % COLOURS;
    format!(r#"class="chart-fill-{}" fill="{}""#, place + 1, BRIGHT.get(place).unwrap_or(&"#000"))
}

/// The attributes of a line in a series' colour.
pub(crate) fn stroke(series: usize) -> String {
    let place = series % COLOURS;
    format!(r#"class="chart-stroke-{}" stroke="{}""#, place + 1, BRIGHT.get(place).unwrap_or(&"#000"))
}

/// The attributes of what is not there: the rest of a bar.
pub(crate) const REST: &str = r##"class="chart-rest" fill="#d9d9d9""##;
/// The attributes of lines behind the values.
pub(crate) const GRID: &str = r##"class="chart-grid" stroke="#d9d9d9""##;
/// The attributes of axes.
pub(crate) const AXIS: &str = r##"class="chart-axis" stroke="#595959""##;

/// How the line of a series is broken (`stroke-dasharray`); empty: not at all.
pub(crate) fn dashes(series: usize) -> &'static str {
    ["", "7 3", "2 3", "9 3 2 3", "4 4", "12 4", "1 4", "9 3 2 3 2 3"].get(series % 8).copied().unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stylesheet_has_what_charts_have_without_it() {
        for (place, colour) in BRIGHT.iter().enumerate() {
            let n = place + 1;
            assert!(STYLESHEET.contains(&format!(".chart-fill-{n}{{fill:var(--chart-{n},{colour})}}")));
            assert!(STYLESHEET.contains(&format!(".chart-stroke-{n}{{stroke:var(--chart-{n},{colour})}}")));
            assert!(DARK.contains(&format!("--chart-{n}:#")));
        }
    }

    #[test]
    fn series_of_one_colour_differ_in_their_dashes() {
        for series in 0..COLOURS {
            assert_eq!(fill(series), fill(series + COLOURS));
            assert_ne!(dashes(series), dashes(series + COLOURS));
        }
    }
}
