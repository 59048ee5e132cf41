//! Whom the commands about the account ask: the senders of workers.toml, and the accounts they belong to.

use campaign::document::nearest;
use campaign::problem::Problem;
use whatsapp::Provider;

use crate::app::App;
use crate::config::{Config, Sender};
use crate::failure::Failure;

/// A sender's connection to its provider.
///
/// # Errors
/// Its token is not there, or it cannot be connected with what workers.toml says.
pub(crate) fn client(config: &Config, sender: &Sender) -> Result<whatsapp::Client, Failure> {
    let token = sender.token.read()?;
    whatsapp::Client::new(config.client_config(sender, token))
        .map_err(|error| Problem::new(sender.place.clone(), error.to_string()).into())
}

/// One sender of each account (WABA), in the order of the file; one that Meta serves where there is one, as
/// 360dialog tells nothing of accounts.
///
/// # Errors
/// There are no senders.
pub(crate) fn accounts(config: &Config) -> Result<Vec<&Sender>, Failure> {
    let mut found: Vec<&Sender> = Vec::new();
    for sender in senders(config)? {
        match found.iter_mut().find(|known| known.waba_id == sender.waba_id) {
            None => found.push(sender),
            Some(known) if known.provider == Provider::Dialog360 && sender.provider == Provider::Meta => {
                *known = sender;
            }
            Some(_) => {}
        }
    }
    Ok(found)
}

/// All senders.
///
/// # Errors
/// There are none.
pub(crate) fn senders(config: &Config) -> Result<&[Sender], Failure> {
    if config.senders.is_empty() {
        return Err(Failure::BadUse(format!(
            "there is no account to ask, as {} has no senders; add your business phone number under [[senders]]",
            config.source
        )));
    }
    Ok(&config.senders)
}

/// The sender of this name; without one, the first of the only account there is.
///
/// # Errors
/// There is no sender of this name, or several accounts and no name.
pub(crate) fn sender<'c>(config: &'c Config, name: Option<&str>) -> Result<&'c Sender, Failure> {
    match name {
        Some(name) => config.sender(name).ok_or_else(|| Failure::BadUse(unknown(config, name))),
        None => match accounts(config)?.as_slice() {
            [only] => Ok(only),
            several => {
                let names: Vec<&str> = several.iter().map(|sender| sender.name.as_str()).collect();
                Err(Failure::BadUse(format!(
                    "there are several accounts; say which with --sender: {}",
                    names.join(", ")
                )))
            }
        },
    }
}

/// That there is no sender of this name, and which there is.
pub(crate) fn unknown(config: &Config, name: &str) -> String {
    let names: Vec<&str> = config.senders.iter().map(|sender| sender.name.as_str()).collect();
    let help = match nearest(name, names.iter().copied()) {
        Some(near) => format!("did you mean {near}?"),
        None if names.is_empty() => format!("{} has none", config.source),
        None => format!("the senders are {}", names.join(", ")),
    };
    format!("there is no sender \"{name}\"; {help}")
}

/// The answer was given; what is missing in it makes the command fail.
///
/// # Errors
/// Something is missing.
pub(crate) fn all_asked(app: &App, missing: &[String]) -> Result<(), Failure> {
    match missing {
        [] => Ok(()),
        // A machine has them in its answer.
        _ if app.json => {
            Err(Failure::Answered { exit_code: 1, sentence: "not all could be asked".to_owned() })
        }
        _ => Err(Failure::Answered { exit_code: 1, sentence: missing.join("; ") }),
    }
}
