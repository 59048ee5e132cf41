//! `paceline simulate`: the simulated platform alone, for trying campaigns without sending anything.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use anyhow::Context;
use campaign::problem::{Place, Problem, Problems};
use serde_json::json;
use simulator::{Number, Profile, SimClock, Simulator};
use whatsapp::Provider;

use crate::app::App;
use crate::config::{Config, Sender, WEBHOOK_PATH};
use crate::failure::Failure;
use crate::output;
use crate::roles::Signals;

/// What `simulate` is told.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The simulator has the senders of workers.toml, with the tokens that their token_env or \
token_file name. Point Paceline at it with PACELINE_PLATFORM__BASE_URL=http://127.0.0.1:9090. Without senders \
it has one number of its own."
)]
pub(crate) struct Args {
    /// Where to listen
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9090")]
    listen: SocketAddr,

    /// Where to send webhooks; several are used in turn, as by a load balancer [default: webhook.listen of
    /// workers.toml]
    #[arg(long, value_name = "URL")]
    webhook: Vec<String>,

    /// Send no webhooks
    #[arg(long, conflicts_with_all = ["webhook", "app_secret_env"])]
    no_webhook: bool,

    /// Environment variable with the secret that signs webhooks [default: webhook.app_secret_env of
    /// workers.toml]
    #[arg(long, value_name = "NAME")]
    app_secret_env: Option<String>,

    /// How badly it behaves: none, mild or rough
    #[arg(long, value_name = "PROFILE", default_value = "none")]
    profile: String,

    /// Fixes every random decision
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// How many times as fast as real time the platform's clock runs: webhooks, template sync, limits
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0)]
    speed: f64,
}

/// Runs until a signal.
pub(crate) async fn run(app: &App, args: Args) -> Result<(), Failure> {
    let config = simulated(&app.config, &args)?;
    let signed = config.webhook.as_ref().map(|webhook| &webhook.url);
    let webhook = signed.or(config.keyed_webhook.as_ref().map(|webhook| &webhook.url)).cloned();
    let has_keys = config.numbers.iter().any(|number| number.api_key.is_some());
    let numbers: Vec<_> = config.numbers.iter().map(|number| number.phone_number_id.clone()).collect();
    let signals = Signals::install()?;
    let simulator = Simulator::start(config)
        .await
        .with_context(|| format!("the simulator could not listen on {}", args.listen))?;
    if app.json {
        output::print_json_line(&json!({
            "base_url": simulator.base_url(), "webhook": webhook, "numbers": numbers, "profile": args.profile, "seed": args.seed,
        }))?;
    } else {
        let told = webhook.as_deref().unwrap_or("nobody");
        output::print(&format!(
            "The simulated platform listens on {}\n  numbers   {}\n  webhooks  to {told}\n  faults    {} (seed {})\n\
             Point Paceline at it: export PACELINE_PLATFORM__BASE_URL={}{}\nPress Ctrl-C to stop.",
            simulator.base_url(),
            numbers.join(", "),
            args.profile,
            args.seed,
            simulator.base_url(),
            if has_keys {
                format!("\n360dialog senders: base_url = \"{}\"", simulator.dialog360_url())
            } else {
                String::new()
            },
        ))?;
    }
    signals.first().await;
    let (accepted, pending) = (simulator.accepted(), simulator.pending_webhooks());
    simulator.shutdown().await;
    if app.json {
        output::print_json_line(&json!({ "accepted": accepted, "webhooks_not_delivered": pending }))?;
    } else {
        output::print(&format!(
            "Stopped: {accepted} messages were accepted, {pending} webhooks were not delivered."
        ))?;
    }
    Ok(())
}

fn simulated(config: &Config, args: &Args) -> Result<simulator::Config, Failure> {
    if !(args.speed.is_finite() && args.speed > 0.0) {
        return Err(Failure::BadUse(format!(
            "--speed is {}; write a number above 0, such as 1 or 60",
            args.speed
        )));
    }
    let profile: Profile =
        args.profile.parse().map_err(|error| Failure::BadUse(format!("--profile: {error}")))?;
    let mut out = simulator::Config {
        listen: args.listen,
        seed: args.seed,
        profile,
        clock: SimClock::real(args.speed),
        webhook: webhook(config, args)?,
        keyed_webhook: keyed_webhook(config, args)?,
        sync_wait: config.platform.template_sync_wait,
        idle_after: config.platform.template_idle_after,
        ..simulator::Config::default()
    };
    // The template that the example campaign with a max price sends: INR 0.87 a message.
    for template in out.templates.iter_mut().filter(|template| template.name == "diwali_sale") {
        *template = template.clone().with_max_price(87_000);
    }
    if !config.senders.is_empty() {
        let mut problems = Vec::new();
        out.numbers.clear();
        for (i, sender) in config.senders.iter().enumerate() {
            match sender.token.read() {
                Ok(token) => out.numbers.push(number(i, sender, token.expose())),
                Err(problem) => problems.push(problem),
            }
        }
        if !problems.is_empty() {
            return Err(Problems(problems).into());
        }
    }
    Ok(out)
}

fn number(i: usize, sender: &Sender, token: &str) -> Number {
    let mut number = Number {
        phone_number_id: sender.phone_number_id.clone().unwrap_or_else(|| format!("3600000000{i:05}")),
        display_phone_number: format!("+91 98765 {:05}", 43210 + i),
        waba_id: sender.waba_id.clone(),
        token: token.to_owned(),
        api_key: (sender.provider == Provider::Dialog360).then(|| token.to_owned()),
        throughput_per_second: tier(sender.rate.per_second()),
        daily_limit: sender.daily_reach.limit(),
        ..Number::default()
    };
    if let Some(business_id) = &sender.business_id {
        number.business_id.clone_from(business_id);
    }
    number
}

/// The platform's throughput level that a sender's rate needs (platform: 20, 80 or 1,000 a second).
fn tier(per_second: f64) -> u32 {
    if per_second <= 20.0 {
        20
    } else if per_second <= 80.0 {
        80
    } else {
        1_000
    }
}

fn webhook(config: &Config, args: &Args) -> Result<Option<simulator::Webhook>, Failure> {
    if args.no_webhook || !config.expects_signed_webhooks() {
        return Ok(None);
    }
    let app_secret = match &args.app_secret_env {
        Some(name) => match std::env::var(name) {
            Ok(text) if !text.trim().is_empty() => text.trim().to_owned(),
            Ok(_) | Err(_) => {
                return Err(Failure::BadUse(format!(
                    "--app-secret-env names {name}, which is not set or empty; export it first"
                )));
            }
        },
        None => match config.webhook.app_secrets.first() {
            Some(secret) => secret
                .read()
                .map_err(|problem| with_advice(problem, "or give --app-secret-env, or --no-webhook"))?
                .expose()
                .to_owned(),
            None => {
                return Err(Problem::new(
                    Place::file(config.source.to_string()),
                    "names no app secret to sign webhooks with",
                )
                .help("give --app-secret-env, or --no-webhook")
                .into());
            }
        },
    };
    let (url, others) = addresses(config, args);
    Ok(Some(simulator::Webhook { url, others, app_secret }))
}

/// Where webhooks go: the first address, and others that are used in turn with it.
fn addresses(config: &Config, args: &Args) -> (String, Vec<String>) {
    match args.webhook.split_first() {
        Some((first, others)) => (first.clone(), others.to_vec()),
        None => (format!("http://{}{WEBHOOK_PATH}", reachable(config.webhook.listen)), Vec::new()),
    }
}

/// Where 360dialog posts, with the shared secret in its header.
fn keyed_webhook(config: &Config, args: &Args) -> Result<Option<simulator::KeyedWebhook>, Failure> {
    if args.no_webhook || !config.uses(Provider::Dialog360) {
        return Ok(None);
    }
    let mut headers = BTreeMap::new();
    if let Some(secret) = config.webhook.shared_secrets.first() {
        let secret = secret.read().map_err(|problem| with_advice(problem, "or give --no-webhook"))?;
        headers.insert(config.webhook.shared_secret_header.clone(), secret.expose().to_owned());
    }
    let (url, _) = addresses(config, args);
    Ok(Some(simulator::KeyedWebhook { url, headers }))
}

fn with_advice(problem: Problem, more: &str) -> Problem {
    let help = problem.help.as_deref().map_or_else(|| more.to_owned(), |help| format!("{help}; {more}"));
    problem.help(help)
}

/// How this machine reaches what listens on an address that stands for all of them.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
    };
    SocketAddr::new(ip, listen.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_has_its_tier() {
        assert_eq!([0.5, 20.0, 21.0, 80.0, 80.1, 1_000.0].map(tier), [20, 20, 80, 80, 1_000, 1_000]);
    }

    #[test]
    fn what_listens_everywhere_is_reached_here() {
        assert_eq!(reachable(([0, 0, 0, 0], 8080).into()).to_string(), "127.0.0.1:8080");
        assert_eq!(reachable(([10, 0, 0, 1], 8080).into()).to_string(), "10.0.0.1:8080");
    }
}
