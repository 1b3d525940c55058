//! The log on standard error: text for people, JSON for collectors.
//!
//! What is logged is governed by the variable `HOMING_LOG` (`info` by default; the syntax is
//! that of `tracing_subscriber::EnvFilter`). Nothing may be logged per request, and never an
//! id, an address or a body.

use tracing_subscriber::EnvFilter;

/// The variable that chooses what is logged, e.g. `warn` or `info,homing::server=debug`.
pub const LOG_VARIABLE: &str = "HOMING_LOG";
const LOG_DEFAULT: &str = "info";

/// The form of a log line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum LogFormat {
    /// For a person at a terminal.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Why logging could not start.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The variable's text is not a filter.
    #[error("{LOG_VARIABLE}={text:?} is not a log filter ({fault}): write for example \"info\"")]
    Filter {
        /// What the variable says.
        text: String,
        /// What is wrong with it.
        fault: tracing_subscriber::filter::ParseError,
    },
    /// A variable that is not Unicode.
    #[error("{LOG_VARIABLE} is not UTF-8: write for example \"info\"")]
    NotUnicode,
    /// Logging was started before in this process.
    #[error("logging has already been started in this process: start it once, in `main`")]
    Started,
}

/// Starts logging for the whole process.
///
/// # Errors
/// A filter that cannot be read, or a second start.
pub fn start(format: LogFormat) -> Result<(), LogError> {
    let filter = filter_of(match std::env::var(LOG_VARIABLE) {
        Ok(text) => Some(text),
        Err(std::env::VarError::NotPresent) => None,
        Err(std::env::VarError::NotUnicode(_)) => return Err(LogError::NotUnicode),
    })?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    started.map_err(|_| LogError::Started)
}

/// The filter that `text` describes; the default for none, or an empty one.
fn filter_of(text: Option<String>) -> Result<EnvFilter, LogError> {
    let text = text.filter(|text| !text.trim().is_empty()).unwrap_or(LOG_DEFAULT.to_owned());
    EnvFilter::builder().parse(&text).map_err(|fault| LogError::Filter { text, fault })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filter_is_info_unless_told_otherwise() {
        assert_eq!(filter_of(None).expect("the default").to_string(), "info");
        assert_eq!(filter_of(Some(" ".to_owned())).expect("empty").to_string(), "info");
        assert_eq!(filter_of(Some("warn".to_owned())).expect("a level").to_string(), "warn");
    }

    #[test]
    fn a_bad_filter_is_refused_with_its_text() {
        let error = filter_of(Some("homing=loud".to_owned())).expect_err("no such level");
        assert!(error.to_string().contains("homing=loud"), "{error}");
    }
}
