//! Reads a campaign file and opens its audience. All problems of both, and of what they name, at once.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use campaign::audience::AudienceReader;
use campaign::definition::Definition;
use campaign::money::RateCard;
use campaign::planning::Planner;
use campaign::problem::{Place, Problem, Problems};

use crate::config::Config;
use crate::failure::Failure;

/// Campaign files have at most 1 MB; a larger one is something else.
const LARGEST_FILE: u64 = 1024 * 1024;

/// A campaign file that can be planned.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// The key it is launched by: the file's own, or that of a recurring campaign's run.
    pub(crate) key: String,
    /// The file as the user named it.
    pub(crate) file: String,
    /// Its bytes.
    pub(crate) bytes: Vec<u8>,
    /// What it means.
    pub(crate) definition: Arc<Definition>,
    /// Where the audience is.
    pub(crate) audience: PathBuf,
    /// Its size as stored, in bytes: what progress is measured by.
    pub(crate) audience_bytes: u64,
}

impl Prepared {
    /// Opens the audience, and a planner for its header.
    ///
    /// # Errors
    /// What is wrong with the audience's beginning, and with what the file asks of it.
    pub(crate) fn open(&self, config: &Config) -> Result<(AudienceReader, Planner), Problems> {
        let shown = self.audience.display().to_string();
        let one = |problem| Problems(vec![problem]);
        let file = File::open(&self.audience).map_err(|error| one(self.unopened(&shown, &error)))?;
        let reader = AudienceReader::open_with_delimiter(&shown, file, self.definition.audience.delimiter)
            .map_err(one)?;
        let card = rate_card(config).map_err(one)?;
        let planner = Planner::new(self.definition.clone(), reader.columns(), &config.rates(), card)?;
        Ok((reader, planner))
    }

    fn unopened(&self, shown: &str, error: &std::io::Error) -> Problem {
        let said = if error.kind() == std::io::ErrorKind::NotFound {
            format!("is {shown}, which does not exist")
        } else {
            format!("is {shown}, which cannot be opened ({error})")
        };
        let help = if self.key == self.definition.campaign {
            "the path is relative to the campaign file"
        } else {
            "each run reads it anew, on the machine of the scheduler that makes it"
        };
        self.definition.places.problem("audience.file", said).help(help)
    }
}

/// The prices that plans and budgets count with: those of `platform.rate_card`, or the shipped ones.
///
/// # Errors
/// The file cannot be read, or is no rate card.
pub(crate) fn rate_card(config: &Config) -> Result<RateCard, Problem> {
    let Some(path) = &config.platform.rate_card else {
        return RateCard::shipped()
            .map_err(|error| Problem::new(Place::file("rate-card.toml"), error.to_string()));
    };
    let text = std::fs::read_to_string(path).map_err(|error| {
        Problem::new(Place::file(path), format!("cannot be read ({error})"))
            .help("platform.rate_card names it; the path is relative to where the command is started")
    })?;
    RateCard::parse(&text).map_err(|error| {
        Problem::new(Place::file(path), error.to_string())
            .help("it has the form of crates/campaign/data/rate-card.toml")
    })
}

/// Reads a campaign file.
///
/// # Errors
/// Everything that is wrong with the file, and with what it names: senders, the audience's header.
pub(crate) fn prepare(config: &Config, file: &Path) -> Result<Prepared, Failure> {
    let shown = file.display().to_string();
    let problem =
        |said: String, help: &str| Failure::from(Problem::new(Place::file(&shown), said).help(help));
    let metadata = std::fs::metadata(file).map_err(|error| {
        if error.kind() == std::io::ErrorKind::NotFound {
            problem("does not exist".to_owned(), "check the path of the campaign file")
        } else {
            problem(format!("cannot be read ({error})"), "check the path and its permissions")
        }
    })?;
    if metadata.is_dir() {
        return Err(problem("is a folder".to_owned(), "name a campaign file, as in examples/plain.yaml"));
    }
    if metadata.len() > LARGEST_FILE {
        let megabytes = metadata.len() / LARGEST_FILE;
        return Err(problem(
            format!("has {megabytes} MB, and a campaign file has at most 1 MB"),
            "name the campaign file, not its audience",
        ));
    }
    let bytes = std::fs::read(file)
        .map_err(|error| problem(format!("cannot be read ({error})"), "check its permissions"))?;
    let definition = Arc::new(Definition::parse(&shown, &bytes)?);
    let audience = file.parent().unwrap_or(Path::new("")).join(&definition.audience.file);
    let audience_bytes = std::fs::metadata(&audience).map_or(0, |m| m.len());
    let key = definition.campaign.clone();
    let prepared = Prepared { key, file: shown, bytes, definition, audience, audience_bytes };
    prepared.open(config)?;
    Ok(prepared)
}
