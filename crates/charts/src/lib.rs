//! Charts as SVG, for pages and reports.
