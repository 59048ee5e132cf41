//! Makes the audience files of the `examples` folder, the same every time: lists as marketing people export
//! them from shops and spreadsheets, with everything that goes wrong in such lists.
//!
//! `cargo run -p campaign --example make_audiences -- examples`
//!
//! All people are invented. Their numbers are of ranges that countries give to mobile phones, each with an
//! obvious run of digits in it (98765, 1234, 2345).

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

fn main() -> std::io::Result<()> {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "examples".to_owned()));
    diwali(&folder)?;
    plain(&folder)?;
    autumn(&folder)
}

/// A country as far as a list of people shows it.
struct Market {
    code: &'static str,
    calling: &'static str,
    /// What is dialled before the number inside the country.
    trunk: &'static str,
    /// The groups of a mobile number, `#` for a digit that differs from person to person.
    mobile: &'static [&'static str],
    /// The groups of a fixed line's number.
    fixed: &'static [&'static str],
    zones: &'static [&'static str],
    cities: &'static [&'static str],
    names: &'static [&'static str],
}

const MARKETS: &[Market] = &[
    Market {
        code: "IN",
        calling: "91",
        trunk: "0",
        mobile: &["98765", "#####"],
        fixed: &["22", "2345", "####"],
        zones: &["Asia/Kolkata"],
        cities: &["Mumbai, MH", "Delhi", "Bengaluru", "Chennai, TN", "पुणे", "Kolkata", "Hyderabad", "Jaipur"],
        names: &[
            "Asha",
            "Ravi",
            "Priya",
            "Amit",
            "आशा",
            "राजेश",
            "Neha",
            "Arjun",
            "தமிழ்செல்வி",
            "Sunita",
            "अनिल",
            "Kavya",
            "Vikram",
            "Meera ✨",
            "ਗੁਰਪ੍ਰੀਤ",
            "Rao, Deepak",
            "Lakshmi",
            "Imran",
            "Anu \"Annie\"",
            "প্রিয়াঙ্কা",
        ],
    },
    Market {
        code: "DE",
        calling: "49",
        trunk: "0",
        mobile: &["151", "2345", "####"],
        fixed: &["30", "12345", "###"],
        zones: &["Europe/Berlin"],
        cities: &["Berlin", "Köln", "München", "Düsseldorf", "Hamburg", "Frankfurt, Main"],
        names: &["Jörg", "Anna", "Lukas", "Zoë", "Günther", "Käthe", "Sören", "Mia", "Weiß, Paul", "Emilia"],
    },
    Market {
        code: "GB",
        calling: "44",
        trunk: "0",
        mobile: &["7400", "12####"],
        fixed: &["20", "7946", "####"],
        zones: &["Europe/London"],
        cities: &["London", "Leeds", "Cardiff", "Glasgow"],
        names: &["Oliver", "Siân", "Amelia", "O'Neil", "Zara", "Noah 🎉", "Niamh"],
    },
    Market {
        code: "AE",
        calling: "971",
        trunk: "0",
        mobile: &["50", "123", "####"],
        fixed: &["4", "234", "####"],
        zones: &["Asia/Dubai"],
        cities: &["Dubai", "أبوظبي", "Sharjah"],
        names: &["فاطمة", "محمد", "Aisha", "Omar", "نورة", "Yusuf"],
    },
    Market {
        code: "BR",
        calling: "55",
        trunk: "0",
        mobile: &["11", "91234", "####"],
        fixed: &["11", "2345", "####"],
        zones: &["America/Sao_Paulo", "America/Manaus", "America/Fortaleza"],
        cities: &["São Paulo", "Manaus", "Fortaleza", "Belém"],
        names: &["João", "Conceição", "Luíza", "Thiago", "Inês"],
    },
    Market {
        code: "ID",
        calling: "62",
        trunk: "0",
        mobile: &["812", "3456", "####"],
        fixed: &["21", "2345", "####"],
        zones: &["Asia/Jakarta", "Asia/Makassar", "Asia/Jayapura"],
        cities: &["Jakarta", "Makassar", "Denpasar"],
        names: &["Siti", "Budi", "Dewi", "Putri 🌸", "Agus"],
    },
    Market {
        code: "MX",
        calling: "52",
        trunk: "",
        mobile: &["55", "1234", "####"],
        fixed: &["55", "1234", "####"],
        zones: &["America/Mexico_City", "America/Tijuana", "America/Cancun"],
        cities: &["Ciudad de México", "Tijuana", "Cancún"],
        names: &["José", "María", "Íñigo", "Guadalupe"],
    },
    Market {
        code: "ZA",
        calling: "27",
        trunk: "0",
        mobile: &["82", "123", "####"],
        fixed: &["11", "234", "####"],
        zones: &["Africa/Johannesburg"],
        cities: &["Johannesburg", "Cape Town", "Durban"],
        names: &["Thandiwe", "Sipho", "Anneke", "Lerato"],
    },
    Market {
        code: "FR",
        calling: "33",
        trunk: "0",
        mobile: &["6", "12", "34", "##", "##"],
        fixed: &["1", "42", "34", "##", "##"],
        zones: &["Europe/Paris"],
        cities: &["Paris", "Orléans", "Besançon"],
        names: &["Chloé", "François", "Léa", "Jean-Noël", "Maëlys"],
    },
    Market {
        code: "NG",
        calling: "234",
        trunk: "0",
        mobile: &["803", "123", "####"],
        fixed: &["1", "234", "####"],
        zones: &["Africa/Lagos"],
        cities: &["Lagos", "Abuja", "Ìbàdàn"],
        names: &["Chidi", "Adébáyò", "Ngozi", "Ọlá"],
    },
    Market {
        code: "CA",
        calling: "1",
        trunk: "",
        mobile: &["416", "234", "####"],
        fixed: &["416", "234", "####"],
        zones: &["America/Toronto", "America/Vancouver", "America/Halifax"],
        cities: &["Toronto, ON", "Vancouver, BC", "Montréal"],
        names: &["Émilie", "Liam", "Ava", "Noémie"],
    },
    Market {
        code: "US",
        calling: "1",
        trunk: "",
        mobile: &["212", "234", "####"],
        fixed: &["212", "234", "####"],
        zones: &["America/New_York", "America/Los_Angeles"],
        cities: &["New York", "Los Angeles, CA"],
        names: &["Emma", "Mason", "Sofía"],
    },
];

/// A seeded source of choices (SplitMix64): the files must come out the same on every machine.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end.max(1) as u64).unwrap_or(0)
    }

    fn one<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len())]
    }

    /// True in so many of a hundred cases.
    fn percent(&mut self, share: usize) -> bool {
        self.below(100) < share
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

/// Someone on a list.
#[derive(Clone)]
struct Person {
    market: &'static Market,
    groups: Vec<String>,
    name: &'static str,
    city: &'static str,
    zone: &'static str,
}

impl Person {
    fn new(market: &'static Market, pattern: &[&str], number: usize, dice: &mut Dice) -> Self {
        let places: usize = pattern.iter().map(|group| group.matches('#').count()).sum();
        let range = 10_usize.pow(u32::try_from(places).unwrap_or(4));
        // 7919 shares no factor with a power of ten, so different numbers stay different.
        let digits = format!("{:0places$}", (number * 7919 + 1234) % range);
        let mut digits = digits.chars();
        let groups = pattern
            .iter()
            .map(|group| {
                group.chars().map(|c| if c == '#' { digits.next().unwrap_or('0') } else { c }).collect()
            })
            .collect();
        Self {
            market,
            groups,
            name: dice.one(market.names),
            city: dice.one(market.cities),
            zone: dice.one(market.zones),
        }
    }

    /// The number as someone would write it; in the national form too where the list is of that country.
    fn phone(&self, home: &str, dice: &mut Dice) -> String {
        let (calling, groups) = (self.market.calling, &self.groups);
        let (spaced, dashed, joined) = (groups.join(" "), groups.join("-"), groups.concat());
        if self.market.code == home {
            match dice.below(10) {
                0..=2 => return format!("{}{spaced}", self.market.trunk),
                3 => return joined,
                4 => return format!("{calling}{joined}"),
                5 => return format!("{}{dashed}", self.market.trunk),
                _ => {}
            }
        }
        let bracketed = format!("({}) {}", groups[0], groups[1..].join("-"));
        match dice.below(9) {
            0 | 1 => format!("+{calling}{joined}"),
            2 | 3 => format!("+{calling} {spaced}"),
            4 => format!("+{calling}-{dashed}"),
            5 => format!("00{calling}{joined}"),
            6 => format!("00{calling} {spaced}"),
            7 => format!("+{calling} {bracketed}"),
            _ if self.market.trunk == "0" => format!("+{calling} (0){spaced}"),
            _ => format!("(+{calling}) {spaced}"),
        }
    }

    fn e164(&self) -> String {
        format!("+{}{}", self.market.calling, self.groups.concat())
    }
}

/// What is wrong with a row, or special about it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Fine,
    /// A person once more, written otherwise.
    Again,
    UnitedStates,
    FixedLine,
    /// Too few values, or half an object.
    Cut,
    /// A letter among the digits.
    Letters,
    /// A spreadsheet has rounded it.
    Rounded,
    /// No number at all.
    NoPhone,
    /// A time zone that nobody knows.
    BadZone,
    /// A list where a text belongs.
    Nested,
}

/// The people of a list: so many of each kind, the rest fine, in an order drawn by lot.
fn people(
    count: usize,
    home: &'static str,
    shares: &[(&str, usize)],
    kinds: &[(Kind, usize)],
    dice: &mut Dice,
) -> Vec<(Kind, Person)> {
    let market = |code: &str| MARKETS.iter().find(|market| market.code == code).unwrap_or(&MARKETS[0]);
    let mut numbers = vec![0_usize; MARKETS.len()];
    let mut next = |code: &str, is_fixed: bool, dice: &mut Dice| {
        let market = market(code);
        let at = MARKETS.iter().position(|m| m.code == market.code).unwrap_or(0);
        numbers[at] += 1;
        Person::new(market, if is_fixed { market.fixed } else { market.mobile }, numbers[at], dice)
    };
    let pick = |dice: &mut Dice| {
        let total: usize = shares.iter().map(|(_, share)| share).sum();
        let mut at = dice.below(total);
        for (code, share) in shares {
            if at < *share {
                return *code;
            }
            at -= share;
        }
        home
    };
    let special: usize = kinds.iter().map(|(_, count)| count).sum();
    let mut rows: Vec<(Kind, Person)> = (special..count)
        .map(|_| {
            let code = pick(dice);
            (Kind::Fine, next(code, false, dice))
        })
        .collect();
    let fine = rows.len();
    for (kind, count) in kinds {
        for _ in 0..*count {
            let person = match kind {
                Kind::Again => {
                    let (_, mut twin) = rows[dice.below(fine)].clone();
                    if dice.percent(30) {
                        twin.name = dice.one(twin.market.names);
                    }
                    twin
                }
                Kind::UnitedStates => next("US", false, dice),
                Kind::FixedLine => next(home, true, dice),
                Kind::Fine
                | Kind::Cut
                | Kind::Letters
                | Kind::Rounded
                | Kind::NoPhone
                | Kind::BadZone
                | Kind::Nested => next(home, false, dice),
            };
            rows.push((*kind, person));
        }
    }
    dice.shuffle(&mut rows);
    rows
}

/// The phone number of a row, with what its kind does to it.
fn phone(kind: Kind, person: &Person, home: &str, dice: &mut Dice) -> String {
    match kind {
        Kind::Letters => person.e164().replacen('5', ["O", "S", "l"][dice.below(3)], 1),
        Kind::Rounded => {
            let digits = &person.e164()[1..];
            if dice.percent(50) {
                format!("{}.{}E+{}", &digits[..1], &digits[1..6], digits.len() - 1)
            } else {
                format!("{digits}.0")
            }
        }
        Kind::NoPhone => ["", "", "NULL", "#N/A"][dice.below(4)].to_owned(),
        Kind::Fine
        | Kind::Again
        | Kind::UnitedStates
        | Kind::FixedLine
        | Kind::Cut
        | Kind::BadZone
        | Kind::Nested => person.phone(home, dice),
    }
}

/// A value of a CSV, quoted where it must be.
fn quoted(value: &str) -> String {
    if value.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", value.replace('"', "\"\""))
    } else {
        value.to_owned()
    }
}

/// A row of a CSV; of a row that is cut only the first values are left.
fn csv_line(kind: Kind, values: &[&str], dice: &mut Dice) -> String {
    let kept = if kind == Kind::Cut { 1 + dice.below(values.len() - 1) } else { values.len() };
    values[..kept].iter().map(|value| quoted(value)).collect::<Vec<_>>().join(",")
}

/// A sale in India, with customers all over the world. Lines end as on Windows.
fn diwali(folder: &Path) -> std::io::Result<()> {
    let mut dice = Dice(20_261_108);
    let shares = [
        ("IN", 700),
        ("AE", 60),
        ("GB", 60),
        ("DE", 40),
        ("ID", 30),
        ("BR", 30),
        ("ZA", 20),
        ("CA", 20),
        ("MX", 15),
        ("FR", 15),
        ("NG", 10),
    ];
    let kinds = [
        (Kind::Again, 180),
        (Kind::UnitedStates, 96),
        (Kind::FixedLine, 36),
        (Kind::Cut, 30),
        (Kind::Letters, 24),
        (Kind::Rounded, 30),
        (Kind::NoPhone, 12),
        (Kind::BadZone, 24),
    ];
    let mut text = "phone,first_name,discount,code,tz,bid\r\n".to_owned();
    for (number, (kind, person)) in people(12_000, "IN", &shares, &kinds, &mut dice).iter().enumerate() {
        let has_clocks = person.market.zones.len() > 1;
        let zone = if *kind == Kind::BadZone {
            dice.one(&["IST", "India Standard Time", "Asia/Calcuta", "GMT+5:30"])
        } else if dice.percent(if has_clocks { 85 } else { 40 }) {
            person.zone
        } else {
            ""
        };
        let (phone, code) = (phone(*kind, person, "IN", &mut dice), format!("DIW{number:05X}"));
        let values = [
            phone.as_str(),
            if dice.percent(4) { "" } else { person.name },
            dice.one(&["25 %", "25 %", "30 %", "₹500 off, today only", "1+1", "पच्चीस प्रतिशत"]),
            code.as_str(),
            zone,
            dice.one(&["", "", "", "1", "0.8", "1.25", "1.5"]),
        ];
        let line = csv_line(*kind, &values, &mut dice);
        // Writing to a String does not fail.
        let _ = write!(text, "{line}\r\n");
    }
    std::fs::write(folder.join("diwali.csv"), text)
}

/// The newsletter of a shop, out of a spreadsheet that puts a byte order mark in front; and those who said stop.
fn plain(folder: &Path) -> std::io::Result<()> {
    let mut dice = Dice(10_500);
    let shares = [
        ("IN", 760),
        ("AE", 60),
        ("GB", 50),
        ("DE", 30),
        ("ID", 20),
        ("BR", 20),
        ("ZA", 20),
        ("CA", 15),
        ("MX", 10),
        ("FR", 10),
        ("NG", 5),
    ];
    let kinds = [
        (Kind::Again, 158),
        (Kind::UnitedStates, 84),
        (Kind::FixedLine, 32),
        (Kind::Cut, 26),
        (Kind::Letters, 21),
        (Kind::Rounded, 32),
        (Kind::NoPhone, 26),
    ];
    let rows = people(10_500, "IN", &shares, &kinds, &mut dice);
    let mut text = "\u{FEFF}phone,first_name,city\n".to_owned();
    for (kind, person) in &rows {
        let phone = phone(*kind, person, "IN", &mut dice);
        let values = [
            phone.as_str(),
            if dice.percent(6) { "" } else { person.name },
            if dice.percent(15) { "" } else { person.city },
        ];
        let line = csv_line(*kind, &values, &mut dice);
        let _ = writeln!(text, "{line}");
    }
    std::fs::write(folder.join("plain.csv"), text)?;

    let mut fine: Vec<&Person> =
        rows.iter().filter(|(kind, _)| *kind == Kind::Fine).map(|(_, person)| person).collect();
    dice.shuffle(&mut fine);
    let opted_out: String = fine.iter().take(200).map(|person| format!("{}\n", person.e164())).collect();
    std::fs::write(folder.join("opted-out.csv"), format!("phone\n{opted_out}"))
}

/// A shop in Germany with a picture for everyone, out of a database.
fn autumn(folder: &Path) -> std::io::Result<()> {
    let mut dice = Dice(923);
    let shares = [
        ("DE", 450),
        ("FR", 150),
        ("GB", 150),
        ("IN", 80),
        ("AE", 50),
        ("ZA", 40),
        ("BR", 30),
        ("CA", 20),
        ("MX", 10),
        ("NG", 10),
        ("ID", 10),
    ];
    let kinds = [
        (Kind::Again, 150),
        (Kind::UnitedStates, 80),
        (Kind::FixedLine, 30),
        (Kind::Cut, 30),
        (Kind::Letters, 20),
        (Kind::Rounded, 25),
        (Kind::NoPhone, 15),
        (Kind::Nested, 10),
    ];
    let mut text = String::new();
    for (kind, person) in &people(10_000, "DE", &shares, &kinds, &mut dice) {
        let sku = format!("{}-{:03}", dice.one(&["COAT", "SCARF", "BOOT", "KNIT"]), dice.below(40));
        let written = phone(*kind, person, "DE", &mut dice);
        let is_number = person.market.code == "DE" && dice.percent(10);
        // The text alone is put in quotes: the rest is JSON as it stands.
        let phone = match kind {
            Kind::Nested => format!("[{}]", json(&written)),
            Kind::NoPhone => "null".to_owned(),
            Kind::Rounded if is_number => "4.91512E+12".to_owned(),
            Kind::Fine | Kind::Again if is_number => person.e164()[1..].to_owned(),
            Kind::Fine
            | Kind::Again
            | Kind::UnitedStates
            | Kind::FixedLine
            | Kind::Cut
            | Kind::Letters
            | Kind::Rounded
            | Kind::BadZone => json(&written),
        };
        let name = if dice.percent(5) { "null".to_owned() } else { json(person.name) };
        let image = if dice.percent(8) {
            "null".to_owned()
        } else {
            json(&format!("https://example.com/autumn/{}.jpg", sku.to_lowercase()))
        };
        let mut line =
            format!("{{\"phone\":{phone},\"name\":{name},\"sku\":{},\"image\":{image}}}", json(&sku));
        if *kind == Kind::Cut {
            line.truncate(line.rfind("\"image\"").unwrap_or(line.len()));
        }
        let _ = writeln!(text, "{line}");
    }
    let file = std::fs::File::create(folder.join("autumn.ndjson.gz"))?;
    let mut packed = flate2::write::GzEncoder::new(file, flate2::Compression::best());
    packed.write_all(text.as_bytes())?;
    packed.finish()?.flush()
}

fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
