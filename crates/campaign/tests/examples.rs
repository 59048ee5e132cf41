//! The campaigns of the `examples` folder: each parses, its audience has the columns it uses, every row that
//! is fine renders, and the counts that its comments promise are true.

#![expect(clippy::unwrap_used, clippy::panic, reason = "test helpers fail by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::PathBuf;

use campaign::audience::{
    AudienceReader, Country, Delivery, PhoneRefused, Row, RowProblem, delivery_to, normalise, zone_for,
};
use campaign::definition::{Definition, RecipientColumn, Renderer};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples")
}

fn definition(name: &str) -> Definition {
    let bytes = std::fs::read(folder().join(name)).unwrap();
    Definition::parse(name, &bytes).unwrap_or_else(|problems| panic!("{problems}"))
}

fn open(file: &str) -> AudienceReader {
    AudienceReader::open(file, File::open(folder().join(file)).unwrap())
        .unwrap_or_else(|problem| panic!("{problem}"))
}

/// What became of the rows of an audience: how often each reason to leave one out, and the countries.
#[derive(Default)]
struct Told {
    counts: BTreeMap<String, u32>,
    countries: BTreeSet<Country>,
    zones: BTreeSet<&'static str>,
    phones: BTreeSet<u64>,
}

fn tell(definition: &Definition) -> Told {
    let RecipientColumn::Phone { column, region } = &definition.audience.recipient else {
        panic!("the examples name recipients by phone number")
    };
    let mut reader = open(&definition.audience.file);
    let renderer =
        Renderer::new(definition, reader.columns()).unwrap_or_else(|problems| panic!("{problems}"));
    let phone = reader.column(column).unwrap();
    let zone = definition.audience.timezone_column.as_ref().map(|column| reader.column(column).unwrap());
    let variants: Vec<Option<usize>> = if definition.variants.is_empty() {
        vec![None]
    } else {
        (0..definition.variants.len()).map(Some).collect()
    };
    let mut told = Told::default();
    let mut row = Row::default();
    while let Some(read) = reader.next_row(&mut row) {
        let outcome = match read {
            Err(RowProblem::Row(_)) => "broken row".to_owned(),
            Err(RowProblem::Fatal(problem)) => panic!("{problem}"),
            Ok(()) => match normalise(row.get(phone), *region) {
                Err(PhoneRefused::Rounded | PhoneRefused::Decimal) => "spreadsheet".to_owned(),
                Err(PhoneRefused::Blank | PhoneRefused::Placeholder) => "no number".to_owned(),
                Err(refused) => refused.code().to_owned(),
                Ok(phone) => {
                    let resolved =
                        zone_for(zone.map(|zone| row.get(zone)), phone.country(), definition.schedule.zone);
                    if let Ok(zone) = resolved {
                        told.zones.insert(zone.name());
                    }
                    if resolved.is_err() {
                        "bad zone".to_owned()
                    } else if let Delivery::NotDelivered(_) = delivery_to(&phone) {
                        "not delivered".to_owned()
                    } else if told.phones.insert(phone.digits()) {
                        told.countries.insert(phone.country());
                        for variant in &variants {
                            let values: Vec<&str> = row.values().collect();
                            renderer
                                .render(*variant, &values)
                                .unwrap_or_else(|error| panic!("line {}: {error}", row.line()));
                        }
                        "fine".to_owned()
                    } else {
                        "duplicate".to_owned()
                    }
                }
            },
        };
        *told.counts.entry(outcome).or_default() += 1;
    }
    reader.finish().unwrap();
    told
}

fn codes(countries: &BTreeSet<Country>) -> String {
    countries.iter().map(Country::code).collect::<Vec<_>>().join(" ")
}

#[test]
fn every_example_is_tested_here_and_starts_with_the_editor_s_hint() {
    let mut names = BTreeSet::new();
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            let text = std::fs::read_to_string(&path).unwrap();
            let hint = "# yaml-language-server: $schema=../crates/campaign/schema/campaign.schema.json";
            assert_eq!(text.lines().next(), Some(hint), "{}", path.display());
            names.insert(path.file_name().unwrap().to_string_lossy().into_owned());
        }
    }
    assert_eq!(names.into_iter().collect::<Vec<_>>(), ["autumn.yaml", "diwali.yaml", "plain.yaml"]);
}

#[test]
fn plain() {
    let told = tell(&definition("plain.yaml"));
    let expected = [
        ("fine", 10_121),
        ("duplicate", 158),
        ("not delivered", 84),
        ("not_mobile", 32),
        ("broken row", 26),
        ("letters", 21),
        ("spreadsheet", 32),
        ("no number", 26),
    ];
    check(&told, 10_500, 137, &expected);
    assert_eq!(codes(&told.countries), "AE BR CA DE FR GB ID IN MX NG ZA");

    let mut reader = open("opted-out.csv");
    let (mut row, mut opted_out) = (Row::default(), BTreeSet::new());
    while let Some(read) = reader.next_row(&mut row) {
        assert_eq!(read, Ok(()));
        opted_out.insert(normalise(row.get(0), None).unwrap().digits());
    }
    assert_eq!(opted_out.len(), 200);
    assert!(opted_out.is_subset(&told.phones));
}

#[test]
fn diwali() {
    let told = tell(&definition("diwali.yaml"));
    let expected = [
        ("fine", 11_568),
        ("duplicate", 180),
        ("not delivered", 96),
        ("not_mobile", 36),
        ("broken row", 30),
        ("letters", 24),
        ("spreadsheet", 30),
        ("no number", 12),
        ("bad zone", 24),
    ];
    check(&told, 12_000, 156, &expected);
    assert_eq!(codes(&told.countries), "AE BR CA DE FR GB ID IN MX NG ZA");
    assert!(told.zones.len() >= 17, "{:?}", told.zones);
}

#[test]
fn autumn() {
    let told = tell(&definition("autumn.yaml"));
    let expected = [
        ("fine", 9_640),
        ("duplicate", 150),
        ("not delivered", 80),
        ("not_mobile", 30),
        // 30 are cut off, 10 have a list in place of the number.
        ("broken row", 40),
        ("letters", 20),
        ("spreadsheet", 25),
        ("no number", 15),
    ];
    check(&told, 10_000, 130, &expected);
    assert_eq!(codes(&told.countries), "AE BR CA DE FR GB ID IN MX NG ZA");
}

/// Compares the counts, and how many rows of the audience cannot be used.
fn check(told: &Told, rows: u32, invalid: u32, expected: &[(&str, u32)]) {
    let expected: BTreeMap<String, u32> =
        expected.iter().map(|(outcome, count)| ((*outcome).to_owned(), *count)).collect();
    assert_eq!(told.counts, expected);
    assert_eq!(expected.values().sum::<u32>(), rows);
    let usable: u32 = ["fine", "duplicate", "not delivered"].iter().map(|outcome| expected[*outcome]).sum();
    assert_eq!(rows - usable, invalid);
    assert!(f64::from(invalid) < 0.02 * f64::from(rows), "well below the 5 % that refuse a launch");
}
