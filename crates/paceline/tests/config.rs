//! What the `paceline` command says about its configuration and its command line, as people read it.
#![expect(clippy::unwrap_used, reason = "helpers of tests; a panic is a failed test")]

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Output};

const SHIPPED: &str = include_str!("../../../workers.toml");

/// A sender that is as it should be, for cases that are about something else.
const SENDER: &str = "\
[[senders]]
name = \"shop\"
phone_number_id = \"106540352242922\"
waba_id = \"102290129340398\"
token_env = \"SHOP_TOKEN\"
";

/// A sender at 360dialog.
const DIALOG360: &str = "\
[[senders]]
name = \"partner\"
provider = \"360dialog\"
waba_id = \"102290129340398\"
token_env = \"PARTNER_KEY\"
";

/// Runs the command in a folder, with these variables as its whole environment.
fn paceline(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_paceline"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .envs(variables.iter().copied())
        .output()
        .unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// One bad configuration.
struct Case {
    name: &'static str,
    file: Vec<u8>,
    variables: &'static [(&'static str, &'static str)],
}

fn case(name: &'static str, file: impl AsRef<[u8]>) -> Case {
    Case { name, file: file.as_ref().to_vec(), variables: &[] }
}

/// [`SENDER`] with a line replaced, or taken out where `new` is empty.
fn sender_with(old: &str, new: &str) -> String {
    assert!(SENDER.contains(old), "{old} is a line of the sender");
    SENDER.replace(&format!("{old}\n"), &if new.is_empty() { String::new() } else { format!("{new}\n") })
}

fn cases() -> Vec<Case> {
    let overridden = |name, variables| Case { name, file: SENDER.as_bytes().to_vec(), variables };
    vec![
        case("unknown key", "[store]\nurll = \"sqlite://a.db\"\n"),
        case("unknown section", "[sotre]\nurl = \"sqlite://a.db\"\n"),
        case(
            "unknown key of a sender",
            sender_with("token_env = \"SHOP_TOKEN\"", "token_evn = \"SHOP_TOKEN\""),
        ),
        case("wrong type: number for a text", "[store]\nurl = 5\n"),
        case("wrong type: text for a number", "[worker]\nconcurrency = \"many\"\n"),
        case("wrong type: text for a boolean", "[platform]\ncorrelate = \"yes\"\n"),
        case("wrong type: value for a section", "store = \"sqlite://a.db\"\n"),
        case("one bracket too few", "[senders]\nname = \"shop\"\n"),
        case("syntax error", "[store\nurl = \"sqlite://a.db\"\n"),
        case("syntax error: no quotes", "[store]\nurl = sqlite://a.db\n"),
        case("key given twice", "[store]\nurl = \"sqlite://a.db\"\nurl = \"sqlite://b.db\"\n"),
        case("binary file", b"\x7fELF\x02\x01\x01\x00\x00\x00"),
        case("not UTF-8", b"[store]\nurl = \"sqlite://caf\xe9.db\"\n"),
        case("too large", vec![b'#'; 1_000_001]),
        case("no such kind of store", "[store]\nurl = \"mysql://root:hunter2@db/paceline\"\n"),
        case("store without a file", "[store]\nurl = \"sqlite://\"\n"),
        case("store in memory", "[store]\nurl = \"sqlite://:memory:\"\n"),
        case(
            "store with a password in the file",
            format!("[store]\nurl = \"postgres://p:hunter2@db/paceline\"\n{SENDER}"),
        ),
        case(
            "store in a folder that is not there",
            format!("[store]\nurl = \"sqlite://nowhere/a.db\"\n{SENDER}"),
        ),
        case("no such kind of queue", "[queue]\nurl = \"kafka://a\"\n"),
        case(
            "queue with a password in the file",
            format!("[queue]\nurl = \"rediss://:hunter2@127.0.0.1:6379\"\n{SENDER}"),
        ),
        case(
            "queue with an option that there is not",
            format!("[queue]\nurl = \"redis://127.0.0.1:6379?pool=4\"\n{SENDER}"),
        ),
        case("bad platform address", "[platform]\nbase_url = \"graph.facebook.com\"\n"),
        case(
            "platform address with a password",
            "[platform]\nbase_url = \"https://me:hunter2@graph.facebook.com\"\n",
        ),
        case("bad version", "[platform]\napi_version = \"25\"\n"),
        case("bad name of the max-price object", "[platform]\nmax_price_field = \"bid_specs\"\n"),
        case("bad duration", "[platform]\ntemplate_sync_wait = \"10 minutes\"\n"),
        case("duration without a unit", "[platform]\ntemplate_idle_after = 7\n"),
        case("request timeout above the lease", "[platform]\nrequest_timeout = \"90s\"\n"),
        case(
            "connect timeout above the request timeout",
            "[platform]\nrequest_timeout = \"3s\"\nconnect_timeout = \"4s\"\n",
        ),
        case("zero concurrency", "[worker]\nconcurrency = 0\nslices_at_once = 1000\n"),
        case("unknown provider", sender_with("name = \"shop\"", "name = \"shop\"\nprovider = \"twilio\"")),
        case("no phone_number_id", sender_with("phone_number_id = \"106540352242922\"", "")),
        case(
            "a phone number as its id",
            sender_with("phone_number_id = \"106540352242922\"", "phone_number_id = \"+91 98765 43210\""),
        ),
        case("no secret named", sender_with("token_env = \"SHOP_TOKEN\"", "")),
        case(
            "two secrets named",
            sender_with("token_env = \"SHOP_TOKEN\"", "token_env = \"SHOP_TOKEN\"\ntoken_file = \"t\""),
        ),
        case(
            "the secret itself",
            sender_with("token_env = \"SHOP_TOKEN\"", "token_env = \"EAAG-hunter2==\""),
        ),
        case("zero rate", sender_with("name = \"shop\"", "name = \"shop\"\nrate = \"0/s\"")),
        case("rate without a unit", sender_with("name = \"shop\"", "name = \"shop\"\nrate = 80")),
        case("bad reach", sender_with("name = \"shop\"", "name = \"shop\"\ndaily_reach = \"lots\"")),
        case("bad name of a sender", sender_with("name = \"shop\"", "name = \"the shop\"")),
        case("the same sender twice", format!("{SENDER}{SENDER}")),
        case(
            "bad listen address",
            "[webhook]\nlisten = \"localhost\"\n[dashboard]\nlisten = \"127.0.0.1:99999\"\n",
        ),
        case(
            "one address for two",
            "[webhook]\nlisten = \"127.0.0.1:8080\"\n[dashboard]\nlisten = \"127.0.0.1:8080\"\n",
        ),
        case(
            "360dialog: one key for two numbers",
            format!("{DIALOG360}{}", DIALOG360.replace("partner", "other")),
        ),
        case("360dialog: not the name of a header", "[webhook]\nshared_secret_header = \"X Secret: word\"\n"),
        Case {
            name: "360dialog: no shared secret, and no app secret needed",
            file: DIALOG360.into(),
            variables: &[("PARTNER_KEY", "k")],
        },
        case("no app secret", format!("{SENDER}[webhook]\napp_secret_env = []\n")),
        case(
            "several problems at once",
            "[store]\nurl = 1\n[worker]\nconcurency = 3\n[platform]\nrequest_timeout = \"1 s 1h\"\n",
        ),
        overridden(
            "override: bad value",
            &[("PACELINE_WORKER__CONCURRENCY", "a lot"), ("PACELINE_STORE__URL", "paceline.db")],
        ),
        overridden("override: unknown key", &[("PACELINE_STORE__URI", "sqlite://a.db")]),
        overridden("override: unknown section", &[("PACELINE_WORKERS__CONCURRENCY", "5")]),
        overridden("override: a sender", &[("PACELINE_SENDERS__TOKEN_ENV", "X")]),
        case("no senders", "# nothing yet\n"),
        case("secrets that are not set", SENDER),
        Case {
            name: "secret that is empty",
            file: SENDER.into(),
            variables: &[("SHOP_TOKEN", " "), ("META_APP_SECRET", "s")],
        },
        Case {
            name: "secret file that is not there",
            file: sender_with("token_env = \"SHOP_TOKEN\"", "token_file = \"/nowhere/token\"").into(),
            variables: &[("META_APP_SECRET", "s")],
        },
        Case {
            name: "secret that no header can carry",
            file: format!(
                "[dashboard]\nlisten = \"127.0.0.1:0\"\n[webhook]\nlisten = \"127.0.0.1:0\"\n{SENDER}"
            )
            .into(),
            variables: &[
                ("META_APP_SECRET", "s"),
                ("SHOP_TOKEN", "two words"),
                ("WEBHOOK_VERIFY_TOKEN", "w"),
            ],
        },
    ]
}

#[test]
fn every_bad_configuration_is_explained() {
    let mut told = String::new();
    for case in cases() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("workers.toml"), &case.file).unwrap();
        let mut variables = case.variables.to_vec();
        variables.push(("RUST_LOG", "error"));
        let output = paceline(folder.path(), &["run"], &variables);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{}: {said}", case.name);
        assert!(!said.contains("hunter2"), "a secret is shown: {said}");
        assert!(stdout(&output).is_empty(), "{}", case.name);
        for line in said.lines() {
            assert!(line.starts_with("error: "), "{}: {line}", case.name);
        }
        writeln!(told, "## {}\n{said}", case.name).unwrap();
    }
    insta::assert_snapshot!(told);
}

#[test]
fn the_shipped_file_is_valid_and_works_offline() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("workers.toml"), SHIPPED).unwrap();
    let variables = [
        ("JASPERS_TOKEN", "t"),
        ("META_APP_SECRET", "s"),
        ("WEBHOOK_VERIFY_TOKEN", "w"),
        ("PACELINE_WEBHOOK__LISTEN", "127.0.0.1:0"),
    ];
    let output = paceline(folder.path(), &["doctor", "--offline", "--json"], &variables);
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["ready"], true, "{found:#}");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "doctor leaves nothing behind");
}

#[test]
fn doctor_says_what_is_missing_and_how_to_get_it() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("workers.toml"), SENDER).unwrap();
    let variables = [("PACELINE_WEBHOOK__LISTEN", "127.0.0.1:0"), ("COLUMNS", "110")];
    let output = paceline(folder.path(), &["doctor", "--offline"], &variables);
    assert_eq!(output.status.code(), Some(1));
    insta::with_settings!({ filters => vec![(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "(now)")] }, {
        insta::assert_snapshot!(format!("{}{}", stdout(&output), stderr(&output)));
    });
}

#[test]
fn a_machine_gets_the_problems_as_json() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("w.toml"), "[store]\nurll = 1\n").unwrap();
    let output = paceline(folder.path(), &["--json", "--config", "w.toml", "run"], &[]);
    assert_eq!(output.status.code(), Some(2));
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["error"]["kind"], "bad_input");
    assert_eq!(answer["error"]["exit_code"], 2);
    assert_eq!(answer["error"]["problems"][0]["file"], "w.toml");
    assert_eq!(answer["error"]["problems"][0]["line"], 2);
    assert_eq!(answer["error"]["problems"][0]["help"], "did you mean url?");
}

#[test]
fn a_file_that_is_named_must_be_there() {
    let folder = tempfile::tempdir().unwrap();
    let output = paceline(folder.path(), &["run", "--config", "other.toml"], &[]);
    assert_eq!(output.status.code(), Some(2));
    insta::assert_snapshot!(stderr(&output), @"error: other.toml: cannot be read: no such file or directory; give the path of your workers.toml with --config, or leave --config out for the defaults");
}

#[test]
fn without_a_file_there_are_no_senders() {
    let folder = tempfile::tempdir().unwrap();
    let output = paceline(folder.path(), &["run"], &[]);
    assert_eq!(output.status.code(), Some(2));
    insta::assert_snapshot!(stderr(&output), @"error: workers.toml: is not here, so there are no senders; start in the folder that has it, or name it with --config; the shipped workers.toml is a start");
}

#[test]
fn a_wrong_log_filter_is_bad_use() {
    let folder = tempfile::tempdir().unwrap();
    let output = paceline(folder.path(), &["schema"], &[("RUST_LOG", "worker=loud")]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).starts_with("error: RUST_LOG is \"worker=loud\""), "{}", stderr(&output));
}

#[test]
fn the_help_is_what_people_read_first() {
    let folder = tempfile::tempdir().unwrap();
    let output = paceline(folder.path(), &["--help"], &[("COLUMNS", "100")]);
    assert_eq!(output.status.code(), Some(0));
    insta::assert_snapshot!(stdout(&output));
    for command in ["run", "simulate", "schema", "completions", "doctor"] {
        let output = paceline(folder.path(), &[command, "--help"], &[("COLUMNS", "100")]);
        insta::assert_snapshot!(format!("help_{command}"), stdout(&output));
    }
}

#[test]
fn a_command_that_does_not_exist_is_bad_use() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [&["luanch"][..], &["run", "--fast"], &[], &["completions", "ksh"]] {
        let output = paceline(folder.path(), arguments, &[]);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn every_shell_has_its_completions() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = paceline(folder.path(), &["completions", shell], &[]);
        assert_eq!(output.status.code(), Some(0), "{shell}");
        assert!(stdout(&output).contains("paceline"), "{shell}");
    }
}

#[test]
fn the_schema_is_json() {
    let folder = tempfile::tempdir().unwrap();
    let output = paceline(folder.path(), &["schema"], &[]);
    let schema: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(schema["properties"]["campaign"].is_object());
}
