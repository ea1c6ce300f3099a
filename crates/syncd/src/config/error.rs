//! What can be wrong with a configuration, by what the user can do about it. Sentences are made in `report.rs`.

/// A configuration that cannot be used. `at` is the file, the file and line, or the variable it is about.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// There is neither a file nor a pair in the environment.
    #[error("no configuration at {path}")]
    NoConfig {
        /// Where the file would be.
        path: String,
    },
    /// The file cannot be read.
    #[error("{path}: {cause}")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        cause: String,
    },
    /// The file is not TOML.
    #[error("{at}: {cause}")]
    Syntax {
        /// File and line.
        at: String,
        /// What the parser said.
        cause: String,
    },
    /// A key nobody knows.
    #[error("{at}: unknown key {key}")]
    UnknownKey {
        /// File and line, or the variable.
        at: String,
        /// The key.
        key: String,
        /// The table it stands in.
        table: String,
        /// The known key it most resembles.
        nearest: String,
    },
    /// A value its key does not take.
    #[error("{at}: {key}: not {expects}")]
    BadValue {
        /// File and line, or the variable.
        at: String,
        /// The key.
        key: String,
        /// What stands there, where it can be shown.
        found: String,
        /// What the key takes.
        expects: String,
    },
    /// A key without which nothing works.
    #[error("{at}: {key} is missing")]
    Missing {
        /// The file.
        at: String,
        /// The key.
        key: String,
        /// The variable that could hold it instead.
        variable: Option<String>,
    },
    /// No pair at all.
    #[error("{at}: no pair")]
    NoPairs {
        /// The file.
        at: String,
    },
    /// Two pairs that one name, or one variable, would mean.
    #[error("{at}: two pairs are called {name}")]
    SameName {
        /// The file.
        at: String,
        /// The later one's name.
        name: String,
    },
    /// Plain http to another machine.
    #[error("{at}: plain http to {host}")]
    PlainHttp {
        /// File and line, or the variable.
        at: String,
        /// The host.
        host: String,
    },
    /// Two folders within each other.
    #[error("{at}: {inner} lies within {outer}")]
    Nested {
        /// The inner folder.
        at: String,
        /// What the inner one is.
        inner: String,
        /// What the outer one is, with its folder.
        outer: String,
    },
    /// A log file in the folder of a pair: each line would be a change.
    #[error("{at}: the log file lies within {outer}")]
    LogInPair {
        /// File and line, or the variable.
        at: String,
        /// The pair's folder.
        outer: String,
    },
    /// A local folder that is something else.
    #[error("{at}: not a folder")]
    NotAFolder {
        /// The path.
        at: String,
        /// The pair.
        pair: String,
    },
    /// A profile name that is not one.
    #[error("{name} is no name for a profile")]
    BadProfile {
        /// The name.
        name: String,
    },
    /// The environment does not say where home is.
    #[error("no home directory")]
    NoHome,
}
