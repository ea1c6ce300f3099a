//! The two tools in C that a test puts around a program: `warden`, which meets its system calls, and a clock to be
//! preloaded. Both are built once in a test run, by the C compiler that building syncd needs anyway.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// What is to happen at a system call of the program under test.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    /// Its name, such as `renameat2`.
    pub(crate) call: &'static str,
    /// Part of a path it names.
    pub(crate) part: String,
    /// At which such call, from 1; 0: at each.
    pub(crate) at: u32,
    /// An error (`EIO`), with which the call fails; or a command for `sh`, which runs just before it.
    pub(crate) act: String,
}

impl Rule {
    /// Just before the first such call, that command runs.
    pub(crate) fn before(call: &'static str, part: &str, command: &str) -> Self {
        Self {
            call,
            part: part.to_owned(),
            at: 1,
            act: command.to_owned(),
        }
    }

    /// The same before the so-manieth.
    pub(crate) fn at(self, at: u32) -> Self {
        Self { at, ..self }
    }

    /// Every such call fails.
    pub(crate) fn fails(call: &'static str, part: &str, error: &str) -> Self {
        Self {
            call,
            part: part.to_owned(),
            at: 0,
            act: error.to_owned(),
        }
    }
}

/// The words that go before a program's own, so that it is met by these rules. It exits with 125 if one is never met.
pub(crate) fn warden(rules: &[Rule]) -> Vec<String> {
    static TOOL: OnceLock<PathBuf> = OnceLock::new();
    let tool = TOOL.get_or_init(|| build("warden", &[]));
    let mut words = vec![tool.to_str().unwrap().to_owned()];
    for rule in rules {
        words.extend([
            rule.call.to_owned(),
            rule.part.clone(),
            rule.at.to_string(),
            rule.act.clone(),
        ]);
    }
    words.push("--".to_owned());
    words
}

/// The clock to be preloaded.
pub(crate) fn clock() -> &'static Path {
    static TOOL: OnceLock<PathBuf> = OnceLock::new();
    TOOL.get_or_init(|| build("clock", &["-shared", "-fPIC"]))
}

fn build(name: &str, how: &[&str]) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../tests/e2e/{name}.c"));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    // Test binaries may run side by side: each builds its own.
    let built = folder.join(format!("{name}-{}", std::process::id()));
    fs::create_dir_all(folder).unwrap();
    let done = Command::new("cc")
        .args(["-Wall", "-Wextra", "-O1"])
        .args(how)
        .arg("-o")
        .args([&built, &source])
        .output()
        .unwrap_or_else(|error| panic!("a C compiler is needed: {error}"));
    assert!(
        done.status.success(),
        "{}: {}",
        source.display(),
        String::from_utf8_lossy(&done.stderr)
    );
    // One file for all, put in place whole.
    let place = folder.join(name);
    fs::rename(&built, &place).unwrap();
    place
}
