//! The platform's own numbers beside what we saw of the same templates.

use std::cmp::Ordering;

use store::model::TemplateCount;

use super::summary::{MessagesPart, Summary, template_name};
use crate::output::format;

/// Why both may differ.
pub(super) const CAVEAT: &str = "The platform counts all messages of a template on these days, whichever campaign they were \
    for, and those of follow-ups too; it counts reads and clicks for seven days. We count this campaign's recipients, each \
    once, and as sent what the platform took.";

/// One template, counted twice.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pair<'s> {
    /// `name (language)`.
    pub(super) template: String,
    /// What the platform counted.
    pub(super) platform: &'s TemplateCount,
    /// What we saw; `None`: the campaign has no such template any more.
    pub(super) ours: Option<&'s MessagesPart>,
}

/// The templates that the platform was asked about; none where it was not asked.
pub(super) fn pairs(summary: &Summary) -> Vec<Pair<'_>> {
    let Some(part) = &summary.platform else { return Vec::new() };
    let templates = part.counted.templates.iter();
    templates
        .map(|platform| {
            let template = template_name(&platform.template);
            let ours = summary.templates.iter().find(|ours| ours.name == template);
            Pair { template, platform, ours }
        })
        .collect()
}

/// How far the platform's number is from ours: `+1,203`, `-2`, `0`.
pub(super) fn difference(platform: u64, ours: u64) -> String {
    let sign = match platform.cmp(&ours) {
        Ordering::Less => "-",
        Ordering::Equal => "",
        Ordering::Greater => "+",
    };
    format!("{sign}{}", format::count(platform.abs_diff(ours)))
}

#[cfg(test)]
pub(super) mod sample {
    //! What the platform may have counted of the sample campaign.

    use std::collections::BTreeMap;

    use store::model::{Analytics, Charge};

    use super::super::summary::PlatformPart;
    use super::*;
    use crate::commands::status::sample::{at, template};

    pub(in super::super) fn platform() -> PlatformPart {
        let count = TemplateCount {
            template: template(),
            sent: 1_203,
            delivered: 3,
            read: 1,
            clicks: BTreeMap::from([("Shop now".to_owned(), 2)]),
            spent: Some("2.61".parse().unwrap()),
        };
        let charge = Charge {
            waba_id: "102290129340398".to_owned(),
            country: Some("IN".to_owned()),
            category: "MARKETING_LITE".to_owned(),
            messages: 3,
            cost: Some("2.61".parse().unwrap()),
        };
        let (from, to) = ("2026-11-08".parse().unwrap(), "2026-11-08".parse().unwrap());
        PlatformPart {
            pulled_at: at("2026-11-08T04:20:00Z"),
            counted: Analytics { from, to, templates: vec![count], charges: vec![charge] },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::summary;
    use super::*;

    #[test]
    fn a_template_has_both_counts() {
        let mut summary = summary::sample::summary();
        assert!(pairs(&summary).is_empty());
        summary.platform = Some(sample::platform());
        let pairs = pairs(&summary);
        let ours = pairs[0].ours.unwrap();
        assert_eq!((pairs[0].template.as_str(), ours.accepted, ours.delivered), ("diwali_sale (en)", 3, 2));
        assert_eq!([difference(1_203, 0), difference(1, 3), difference(2, 2)], ["+1,203", "-2", "0"]);
    }
}
