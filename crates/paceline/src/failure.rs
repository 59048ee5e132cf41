//! Why a command did not do what was asked, with its exit code; and how a person or a machine is told.

use campaign::problem::{Problem, Problems};
use desk::DeskError;
use serde::Serialize;
use store::{LaunchError, SeriesError, StoreError, TransitionError};

/// Why a command did not do what was asked.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Something that should have worked did not. Exit code 1.
    Failed(anyhow::Error),
    /// A file, or what it names, is wrong: all its problems, one line each. Exit code 2.
    BadInput(Problems),
    /// The command line asks for something that makes no sense, as a sentence. Exit code 2.
    BadUse(String),
    /// A rule refuses, and nothing was changed, as a sentence. Exit code 3.
    Refused(String),
    /// The command's answer, already printed, says what is wrong (`doctor`, `verify`): only a closing sentence
    /// is added on standard error, and no second JSON object.
    Answered {
        /// The exit code.
        exit_code: u8,
        /// The closing sentence.
        sentence: String,
    },
}

impl Failure {
    /// The exit code of the process.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Failed(_) => 1,
            Self::BadInput(_) | Self::BadUse(_) => 2,
            Self::Refused(_) => 3,
            Self::Answered { exit_code, .. } => *exit_code,
        }
    }

    /// What a person reads: one line per problem, each with `error: ` before it.
    pub(crate) fn lines(&self) -> Vec<String> {
        match self {
            Self::Failed(error) => vec![format!("error: {}", sentence(error))],
            Self::BadInput(problems) => {
                problems.0.iter().map(|problem| format!("error: {problem}")).collect()
            }
            Self::BadUse(text) | Self::Refused(text) | Self::Answered { sentence: text, .. } => {
                vec![format!("error: {text}")]
            }
        }
    }

    /// What a machine reads, where the command has not answered it yet.
    pub(crate) fn json(&self) -> Option<serde_json::Value> {
        let (kind, message, problems) = match self {
            Self::Answered { .. } => return None,
            Self::Failed(error) => ("failed", sentence(error), None),
            Self::BadInput(problems) => (
                "bad_input",
                problems.to_string(),
                Some(problems.0.iter().map(JsonProblem::from).collect::<Vec<_>>()),
            ),
            Self::BadUse(text) => ("bad_use", text.clone(), None),
            Self::Refused(text) => ("refused", text.clone(), None),
        };
        let mut error =
            serde_json::json!({ "kind": kind, "exit_code": self.exit_code(), "message": message });
        if let Some(problems) = problems {
            error["problems"] = serde_json::json!(problems);
        }
        Some(serde_json::json!({ "error": error }))
    }
}

/// A problem of an input, for machines.
#[derive(Serialize)]
struct JsonProblem<'p> {
    file: &'p str,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<u64>,
    message: &'p str,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'p str>,
}

impl<'p> From<&'p Problem> for JsonProblem<'p> {
    fn from(problem: &'p Problem) -> Self {
        Self {
            file: &problem.place.file,
            line: problem.place.line,
            column: problem.place.column,
            message: &problem.message,
            help: problem.help.as_deref(),
        }
    }
}

/// An error and its causes as one sentence. A cause whose words the error above already says is left out.
fn sentence(error: &anyhow::Error) -> String {
    let mut out = String::new();
    for cause in error.chain() {
        let text = cause.downcast_ref().map_or_else(|| cause.to_string(), reason);
        if out.is_empty() {
            out = text;
        } else if !out.contains(&text) {
            out.push_str(": ");
            out.push_str(&text);
        }
    }
    out
}

/// What the operating system says, without the number that it adds.
pub(crate) fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(at) => text[..at].to_lowercase(),
        None => text,
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        Self::BadInput(problems)
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::BadInput(Problems(vec![problem]))
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        if let StoreError::PurgedMeanwhile(_) = error {
            return Self::Refused(error.to_string());
        }
        Self::Failed(error.into())
    }
}

impl From<DeskError> for Failure {
    fn from(error: DeskError) -> Self {
        match error {
            DeskError::NotFound(sentence) => Self::BadUse(sentence),
            DeskError::Refused(sentence) => Self::Refused(sentence),
            DeskError::Unreadable(sentence) => Self::Answered { exit_code: 1, sentence },
            DeskError::Store(error) => error.into(),
        }
    }
}

impl From<LaunchError> for Failure {
    fn from(error: LaunchError) -> Self {
        match error {
            LaunchError::KeyTaken { .. } | LaunchError::KeyRecurs { .. } => Self::Refused(error.to_string()),
            LaunchError::Store(error) => error.into(),
        }
    }
}

impl From<SeriesError> for Failure {
    fn from(error: SeriesError) -> Self {
        match error {
            SeriesError::Forbidden(_) => Self::Refused(error.to_string()),
            SeriesError::NoSuchSeries => Self::BadUse(error.to_string()),
            SeriesError::Store(error) => error.into(),
        }
    }
}

impl From<TransitionError> for Failure {
    fn from(error: TransitionError) -> Self {
        match error {
            TransitionError::Forbidden(_) => Self::Refused(error.to_string()),
            TransitionError::NoSuchCampaign => Self::BadUse(error.to_string()),
            TransitionError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context;
    use campaign::problem::Place;

    use super::*;

    #[test]
    fn causes_are_joined_into_one_sentence() {
        let error = Err::<(), _>(anyhow::anyhow!("disk is full"))
            .context("cannot write out.csv")
            .context("the report is not complete")
            .unwrap_err();
        let failure = Failure::from(error);
        assert_eq!(
            failure.lines(),
            ["error: the report is not complete: cannot write out.csv: disk is full"]
        );
        assert_eq!(failure.exit_code(), 1);
    }

    #[test]
    fn every_problem_has_a_line_and_its_place() {
        let failure = Failure::from(Problems(vec![
            Problem::new(Place::at("w.toml", 2, 3), "unknown key a").help("did you mean b?"),
            Problem::new(Place::file("w.toml"), "is odd"),
        ]));
        assert_eq!(
            failure.lines(),
            ["error: w.toml:2:3: unknown key a; did you mean b?", "error: w.toml: is odd"]
        );
        insta::assert_snapshot!(failure.json().unwrap(), @r#"{"error":{"kind":"bad_input","exit_code":2,"message":"w.toml:2:3: unknown key a; did you mean b?\nw.toml: is odd","problems":[{"file":"w.toml","line":2,"column":3,"message":"unknown key a","help":"did you mean b?"},{"file":"w.toml","message":"is odd"}]}}"#);
    }
}
