use super::*;

/// Sinks whose standard error is a list of lines.
fn sinks(log: &Log, change: impl FnOnce(&mut Manner)) -> (Sinks, Arc<Mutex<Vec<String>>>) {
    let said = Arc::new(Mutex::new(Vec::new()));
    let to = Arc::clone(&said);
    let mut manner = Manner {
        stderr: Box::new(move |line| {
            to.lock()
                .unwrap()
                .push(String::from_utf8_lossy(line).into_owned())
        }),
        takes: Takes::Plain,
        terminal: false,
        verbosity: 0,
        otherwise: LevelFilter::INFO,
    };
    change(&mut manner);
    (Sinks::new(log, manner, true), said)
}

fn log(file: Option<&std::path::Path>) -> Log {
    Log {
        level: None,
        json: false,
        file: file.map(std::path::Path::to_owned),
        keep: 1,
    }
}

/// One event: a line in each form.
fn event(sinks: &Sinks, what: &str) {
    for form in [Form::Plain, Form::Json, Form::Screen] {
        let exists = form != Form::Screen || sinks.has_screen();
        if exists && sinks.wants(form) {
            sinks.put(form, Level::WARN, format!("{form:?} {what}\n").as_bytes());
        }
    }
}

#[test]
fn the_command_line_wins_over_the_configuration_and_that_over_the_command() {
    let enabled =
        |level, verbosity, at: Level| filter(level, verbosity, LevelFilter::WARN).would_enable("syncd", &at);
    assert!(enabled(None, 0, Level::WARN) && !enabled(None, 0, Level::INFO));
    assert!(enabled(Some("info"), 0, Level::INFO) && !enabled(Some("info"), 0, Level::DEBUG));
    assert!(!enabled(Some("trace"), -1, Level::WARN));
    assert!(enabled(Some("error"), 2, Level::DEBUG) && !enabled(None, 2, Level::TRACE));
    assert!(enabled(Some("syncd=trace"), 0, Level::TRACE));
}

#[test]
fn levels_go_by_crate_and_those_that_are_not_named_stay() {
    let of = |text: &str, target: &str, at: Level| {
        filter(Some(text), 0, LevelFilter::INFO).would_enable(target, &at)
    };
    let text = "syncd=debug,api=warn";
    assert!(of(text, "syncd::engine", Level::DEBUG) && !of(text, "syncd", Level::TRACE));
    assert!(of(text, "api::client", Level::WARN) && !of(text, "api::client", Level::INFO));
    assert!(of(text, "state", Level::INFO) && !of(text, "state", Level::DEBUG));
    assert!(!of("off,syncd=info", "state", Level::ERROR));
}

#[test]
fn a_line_goes_to_standard_error_once_in_the_form_that_is_asked_for() {
    let (plain, said) = sinks(&log(None), |_| ());
    event(&plain, "a");
    plain.apply(&Log {
        json: true,
        ..log(None)
    });
    event(&plain, "b");
    assert_eq!(*said.lock().unwrap(), ["Plain a\n", "Json b\n"]);
    let (color, said) = sinks(&log(None), |manner| manner.takes = Takes::Colors);
    event(&color, "a");
    assert_eq!(*said.lock().unwrap(), ["Screen a\n"]);
    let (journal, said) = sinks(&log(None), |manner| manner.takes = Takes::Journal);
    event(&journal, "a");
    journal.apply(&Log {
        json: true,
        ..log(None)
    });
    event(&journal, "b");
    assert_eq!(*said.lock().unwrap(), ["<4>Screen a\n", "<4>Json b\n"]);
}

#[test]
fn with_a_file_only_a_terminal_and_the_journal_get_lines_as_well() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("s.log");
    let (quiet, said) = sinks(&log(Some(&path)), |_| ());
    event(&quiet, "a");
    assert!(said.lock().unwrap().is_empty());
    let (terminal, said) = sinks(&log(Some(&path)), |manner| {
        (manner.terminal, manner.takes) = (true, Takes::Colors);
    });
    event(&terminal, "b");
    assert_eq!(*said.lock().unwrap(), ["Screen b\n"]);
    let (journal, said) = sinks(&log(Some(&path)), |manner| manner.takes = Takes::Journal);
    event(&journal, "c");
    assert_eq!(*said.lock().unwrap(), ["<4>Screen c\n"]);
    assert_eq!(
        std::fs::read_to_string(&path).unwrap(),
        "Plain a\nPlain b\nPlain c\n"
    );
}

#[test]
fn a_file_that_cannot_be_written_is_told_once_and_standard_error_stands_in() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("s.log");
    std::fs::create_dir(&path).unwrap();
    for color in [false, true] {
        let (sinks, said) = sinks(&log(Some(&path)), |manner| {
            if color {
                manner.takes = Takes::Colors;
            }
        });
        event(&sinks, "a");
        event(&sinks, "b");
        let said = said.lock().unwrap();
        let form = if color { "Screen" } else { "Plain" };
        assert!(said[0].contains("s.log cannot be written"), "{said:?}");
        assert_eq!(said[1..], [format!("{form} a\n"), format!("{form} b\n")]);
    }
    let (sinks, said) = sinks(&log(Some(&path)), |_| ());
    event(&sinks, "a");
    // Another file with the next configuration.
    sinks.apply(&log(Some(&home.path().join("other.log"))));
    event(&sinks, "b");
    assert_eq!(said.lock().unwrap().len(), 2, "{said:?}");
    let other = std::fs::read_to_string(home.path().join("other.log")).unwrap();
    assert_eq!(other, "Plain b\n");
}

#[test]
fn only_the_journals_own_stream_is_the_journal() {
    assert!(!is_journal(&Env::of("/", &[])));
    assert!(!is_journal(&Env::of("/", &[("JOURNAL_STREAM", "1:1")])));
    assert!(!is_journal(&Env::of("/", &[("JOURNAL_STREAM", "journal")])));
    let stat = fstat(io::stderr().as_fd()).unwrap();
    let own = format!("{}:{}", stat.st_dev, stat.st_ino);
    assert!(is_journal(&Env::of("/", &[("JOURNAL_STREAM", &own)])));
}
