//! `paceline token create|list|revoke`: who may use the dashboard and the HTTP API.

use std::time::Duration;

use campaign::pacing::parse_duration;
use chrono_tz::Tz;
use dashboard::access::secret;
use serde_json::json;
use store::SharedStore;
use store::access::{NewToken, Role};

use super::audit::Doing;
use crate::app::App;
use crate::commands::doubt::operator;
use crate::failure::Failure;
use crate::output::{Look, Table, format, print, print_json};

/// No name is longer, in characters.
const LONGEST: usize = 64;

/// What to do with tokens.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "A token is shown once, when it is made; only its SHA-256 is kept. People log in with it at \
dashboard.listen, programs send it as `Authorization: Bearer TOKEN`. A viewer may look, an operator may change."
)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Make a token and print it, once
    Create {
        /// Whose it is, for the audit log
        name: String,
        /// What it allows: viewer or operator
        #[arg(long, default_value = "viewer")]
        role: Role,
        /// How long it is good, as in 30d [default: until it is revoked]
        #[arg(long, value_name = "TIME", value_parser = parse_duration)]
        expires: Option<Duration>,
    },
    /// List tokens: whose, what they allow, when they were used last
    List,
    /// Revoke a token; whoever logged in with it is logged out
    Revoke {
        /// Whose it is
        name: String,
    },
}

impl Args {
    /// What it is about to do.
    pub(crate) fn doing(&self) -> Option<Doing> {
        match &self.action {
            Action::Create { name, .. } => Some(Doing::new("token create", name)),
            Action::Revoke { name } => Some(Doing::new("token revoke", name)),
            Action::List => None,
        }
    }
}

/// Runs the command.
pub(crate) async fn run(app: &App, args: Args) -> Result<(), Failure> {
    match args.action {
        Action::Create { name, role, expires } => create(app, named(&name)?, role, expires).await,
        Action::List => list(app, &app.store().await?).await,
        Action::Revoke { name } => {
            if !app.store().await?.revoke_token(name.trim(), app.clock.now()).await? {
                return Err(Failure::BadUse(format!(
                    "there is no token {name}, or it is revoked; `paceline token list` lists them"
                )));
            }
            if app.json {
                print_json(&json!({ "name": name.trim(), "revoked": true }))?;
            } else {
                print(&format!("The token {name} is revoked, and whoever logged in with it is logged out."))?;
            }
            Ok(())
        }
    }
}

async fn create(app: &App, name: &str, role: Role, expires: Option<Duration>) -> Result<(), Failure> {
    let store = app.store().await?;
    let (token, now) = (secret::token(), app.clock.now());
    let new = NewToken {
        name: name.to_owned(),
        role,
        hash: secret::hash(&token),
        created_by: operator::name(None)?,
        expires_at: expires.map(|expires| now + expires),
    };
    if !store.add_token(&new, now).await? {
        return Err(Failure::Refused(format!(
            "there is a token {name} already: revoke it first, or choose another name"
        )));
    }
    if app.json {
        print_json(&json!({ "name": name, "role": role, "expires_at": new.expires_at, "token": token }))?;
        return Ok(());
    }
    let until = match new.expires_at {
        Some(end) => format!("It is good until {}", format::instant(end, Tz::UTC)),
        None => "It is good until it is revoked".to_owned(),
    };
    print(&format!("{token}\n\nThis is the token of {name}, {}. {until}, and is not shown again.", a(role)))?;
    Ok(())
}

async fn list(app: &App, store: &SharedStore) -> Result<(), Failure> {
    let (tokens, now) = (store.tokens().await?, app.clock.now());
    if app.json {
        print_json(&tokens)?;
        return Ok(());
    }
    if tokens.is_empty() {
        print("No token was made yet: see `paceline token create`.")?;
        return Ok(());
    }
    let mut table = Table::new(["NAME", "ROLE", "STATE", "MADE", "BY", "LAST USED", "GOOD UNTIL"]);
    for token in &tokens {
        let state = match (token.revoked_at, token.is_good(now)) {
            (Some(_), _) => "revoked",
            (None, true) => "good",
            (None, false) => "over",
        };
        let time = |at: Option<chrono::DateTime<chrono::Utc>>| {
            at.map_or_else(|| format::NOTHING.to_owned(), |at| format::relative(at, now))
        };
        let (made, used, until) =
            (time(Some(token.created_at)), time(token.last_used_at), time(token.expires_at));
        table.row([token.name.as_str(), token.role.name(), state, &made, &token.created_by, &used, &until]);
    }
    print(&table.render(Look::of_stdout()))?;
    Ok(())
}

fn named(name: &str) -> Result<&str, Failure> {
    let trimmed = name.trim();
    let is_name = !trimmed.is_empty()
        && trimmed.chars().count() <= LONGEST
        && !trimmed.chars().any(char::is_control)
        && trimmed != dashboard::access::CONFIGURED;
    if is_name {
        return Ok(trimmed);
    }
    Err(Failure::BadUse(format!(
        "a token's name should be 1 to {LONGEST} characters on one line: whose it is"
    )))
}

const fn a(role: Role) -> &'static str {
    match role {
        Role::Viewer => "a viewer",
        Role::Operator => "an operator",
    }
}
