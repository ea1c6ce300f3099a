//! What a slate tells, and what it makes of what it is told.

use super::*;
use crate::service::progress::RATE_WINDOW;
use crate::summary::Item;

fn slate(home: &Path) -> Slate {
    Slate::new("main", home.to_owned(), Arc::default())
}

fn pass(slate: &Slate, summary: PairSummary) {
    slate.begin(CancellationToken::new());
    let came = Came::of(&summary);
    slate.end(summary, came, Trigger::Poll, Instant::now());
}

#[tokio::test]
async fn a_window_pauses_until_it_is_over_or_the_user_goes_on() {
    let home = tempfile::tempdir().unwrap();
    let slate = slate(home.path());
    let mut events = slate.events.listen();
    let mut told = || {
        std::iter::from_fn(|| events.try_recv().ok())
            .map(|event| event.kind)
            .collect::<Vec<_>>()
    };
    let window = || {
        Some(Closed {
            window: "every day".into(),
            until: 7,
        })
    };
    let (pass, by) = (CancellationToken::new(), |slate: &Slate| slate.state().paused_by);
    slate.begin(pass.clone());
    slate.set_closed(window());
    assert!(pass.is_cancelled(), "the running pass ends after its steps");
    assert_eq!(
        (by(&slate), slate.state().paused_until),
        (Some("window"), Some(7))
    );
    slate.set_closed(window());
    assert_eq!(told(), ["paused"]);
    // The user's own pause outlasts it, and goes first.
    slate.set_paused(Some(0));
    assert_eq!(by(&slate), Some("user"));
    slate.set_closed(None);
    assert_eq!((by(&slate), told()), (Some("user"), vec!["paused"]));
    slate.set_closed(window());
    slate.set_paused(None);
    assert_eq!(
        by(&slate),
        Some("window"),
        "a pause that is over does not end the window's"
    );
    // Who goes on within a window does so until its end; the next one counts again.
    slate.resume();
    assert_eq!((by(&slate), told()), (None, vec!["resumed"]));
    slate.set_closed(window());
    assert_eq!(by(&slate), None);
    slate.set_closed(None);
    slate.set_closed(window());
    assert_eq!(by(&slate), Some("window"));
    slate.set_closed(None);
    assert_eq!((by(&slate), told()), (None, vec!["paused", "resumed"]));
}

#[tokio::test(start_paused = true)]
async fn the_rate_is_that_of_the_last_seconds_and_says_when_the_queue_is_empty() {
    let home = tempfile::tempdir().unwrap();
    let slate = slate(home.path());
    slate.begin(CancellationToken::new());
    slate.totals(2, 10_000);
    slate.bytes(1000);
    tokio::time::advance(Duration::from_secs(1)).await;
    slate.bytes(1000);
    slate.file_done();
    let state = slate.state();
    assert_eq!((state.queue.files, state.queue.bytes), (1, 8000));
    assert_eq!((state.rate, state.eta), (200, Some(40)));
    tokio::time::advance(Duration::from_secs(RATE_WINDOW)).await;
    assert_eq!((slate.state().rate, slate.state().eta), (0, None));
}

#[tokio::test(start_paused = true)]
async fn requests_are_those_of_the_last_hour_and_a_listing_grows_older() {
    let home = tempfile::tempdir().unwrap();
    let slate = slate(home.path());
    assert_eq!(slate.state().oldest_listing, None);
    let asked = |requests| PairSummary {
        requests,
        ..PairSummary::default()
    };
    pass(&slate, asked(7));
    tokio::time::advance(Duration::from_secs(30 * 60)).await;
    assert_eq!(slate.state().oldest_listing, Some(1800));
    pass(&slate, asked(5));
    assert_eq!(slate.state().requests_last_hour, 12);
    tokio::time::advance(Duration::from_secs(31 * 60)).await;
    assert_eq!(slate.state().requests_last_hour, 5);
}

#[tokio::test]
async fn what_is_being_done_is_known_until_it_ends_and_lists_are_cut_and_counted() {
    let home = tempfile::tempdir().unwrap();
    let slate = slate(home.path());
    slate.begin(CancellationToken::new());
    slate.step_begun("a", "upload a (3 B)");
    slate.step_begun("b", "upload b (3 B)");
    slate.step_ended("upload a (3 B)");
    let now: Vec<_> = slate.state().now.into_iter().map(|doing| doing.path).collect();
    assert_eq!(now, ["b"]);
    let item = |number: usize| Item {
        path: number.to_string(),
        reason: "why".into(),
    };
    let many = PairSummary {
        skipped: (0..LISTED + 5).map(item).collect(),
        requests: 7,
        ..PairSummary::default()
    };
    pass(&slate, many);
    let state = slate.state();
    assert_eq!(state.now, []);
    assert_eq!((state.counts.skipped, state.requests_last_poll), (105, Some(7)));
    let last = state.last_pass.unwrap();
    assert_eq!(last["skipped"].as_array().map(Vec::len), Some(LISTED));
}

#[tokio::test]
async fn a_pass_that_was_asked_for_is_one_that_begins_after_that() {
    let home = tempfile::tempdir().unwrap();
    let slate = slate(home.path());
    assert_eq!(slate.ask(), 1);
    slate.begin(CancellationToken::new());
    assert!(!slate.is_asked());
    assert_eq!(slate.ask(), 2, "the one that runs may have looked already");
    // It had no chance: somebody had the journal.
    slate.not_begun(true);
    assert_eq!((slate.passed(), slate.ask()), (0, 1));
    pass(&slate, PairSummary::default());
    pass(&slate, PairSummary::default());
    assert_eq!(slate.passed(), 2);
}

#[tokio::test]
async fn in_sync_is_said_only_while_nothing_is_known_to_have_changed() {
    let home = tempfile::tempdir().unwrap();
    let slate = slate(home.path());
    assert!(!slate.state().in_sync, "nobody looked");
    pass(&slate, PairSummary::default());
    assert!(slate.state().in_sync);
    slate.changed();
    assert!(!slate.state().in_sync);
    slate.begin(CancellationToken::new());
    assert!(!slate.state().in_sync, "it looks just now");
    let open = PairSummary {
        held: vec![Item {
            path: "a".into(),
            reason: "b".into(),
        }],
        ..PairSummary::default()
    };
    slate.end(open, Came::Done, Trigger::Poll, Instant::now());
    assert_eq!((slate.state().in_sync, slate.state().exit), (false, 3));
}

#[tokio::test]
async fn a_pause_ends_the_pass_that_runs_and_the_one_that_would_begin() {
    let home = tempfile::tempdir().unwrap();
    let slate = slate(home.path());
    let first = CancellationToken::new();
    slate.begin(first.clone());
    assert!(!first.is_cancelled());
    slate.set_paused(Some(0));
    assert!(first.is_cancelled());
    let second = CancellationToken::new();
    slate.begin(second.clone());
    assert!(second.is_cancelled());
    assert_eq!(slate.state().paused_until, Some(0));
    slate.set_paused(None);
    assert_eq!(slate.paused(), None);
}

#[tokio::test]
async fn what_happens_is_told_in_order_and_a_stop_only_once() {
    let home = tempfile::tempdir().unwrap();
    let events = Arc::<Events>::default();
    let mut heard = events.listen();
    let slate = Slate::new("main", home.path().to_owned(), events);
    let stopped = || PairSummary {
        stop: Some(Stop {
            kind: "brake",
            message: "many".into(),
            next: "look".into(),
            examples: Vec::new(),
        }),
        ..PairSummary::default()
    };
    pass(&slate, stopped());
    pass(&slate, stopped());
    slate.rest("stopped", None);
    slate.rest("stopped", None);
    let mut told = Vec::new();
    while let Ok(event) = heard.try_recv() {
        told.push((event.seq, event.kind));
    }
    assert_eq!(told, [(1, "stop"), (2, "pass"), (3, "pass"), (4, "phase")]);
    assert_eq!(slate.state().stop.map(|stop| stop.kind), Some("brake"));
}
