//! Desktop notifications (`notify.desktop`): what of all that happens deserves one, and in which words. One for each
//! event, none for each pass; what happens at once is one. Whether there is a desktop is found out by trying, and none is no error.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use notify_rust::{Notification, Urgency};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use super::desk::{Desk, Event};
use crate::text::{count, shown};

/// What happens within this time of the first event is told with it.
const TOGETHER: Duration = Duration::from_secs(2);

/// A desktop that hangs must not hold the next notification up for ever.
const SHOWN_WITHIN: Duration = Duration::from_secs(10);

/// Events that are told at once: a pass can end with thousands of conflicts.
const TOGETHER_MAX: usize = 10_000;

/// Paths that are named.
const NAMED: usize = 3;

/// One notification.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Notice {
    /// A line.
    pub(crate) title: String,
    /// Some more; plain text.
    pub(crate) body: String,
    /// It waits for the user.
    pub(crate) urgent: bool,
}

/// What is to be told of these events.
fn notices(events: &[Event]) -> Vec<Notice> {
    let mut conflicts: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut told = Vec::new();
    for event in events {
        let pair = event.pair.as_deref().unwrap_or_default();
        match event.kind {
            "stop" => told.push(Notice {
                title: format!("syncd has stopped {pair} for safety"),
                body: format!(
                    "{}. \"syncd status\" says what to do; nothing is lost.",
                    event.text
                ),
                urgent: true,
            }),
            "conflict" => conflicts.entry(pair).or_default().push(&event.text),
            _ => {}
        }
    }
    told.extend(conflicts.into_iter().map(|(pair, texts)| {
        let mut body: Vec<&str> = texts.iter().take(NAMED).copied().collect();
        let more = texts.len().saturating_sub(body.len());
        let more = format!("and {more} more");
        if texts.len() > body.len() {
            body.push(&more);
        }
        let number = count(
            u64::try_from(texts.len()).unwrap_or(u64::MAX),
            "conflict",
            "conflicts",
        );
        Notice {
            title: format!("syncd: {number} in {pair}"),
            body: format!(
                "{}\n\"syncd conflicts list\" shows what became of both versions.",
                body.join("\n")
            ),
            urgent: false,
        }
    }));
    told
}

/// Tells the desktop until the service ends. Whether it is wanted is looked up each time, so a reload counts.
pub(crate) async fn tell(desk: Arc<dyn Desk>, mut events: Receiver<Event>, stop: CancellationToken) {
    let told = async {
        while let Some(together) = gather(&mut events).await {
            if desk.config().notify_desktop {
                for notice in notices(&together) {
                    show(&notice).await;
                }
            }
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = told => {}
    }
}

/// Waits for an event that deserves a notification, and takes those with it that come at once. `None`: there are no more.
async fn gather(events: &mut Receiver<Event>) -> Option<Vec<Event>> {
    let mut together = Vec::new();
    let mut end: Option<Instant> = None;
    loop {
        let event = match end {
            None => events.recv().await,
            Some(end) => match timeout_at(end, events.recv()).await {
                Ok(event) => event,
                Err(_) => return Some(together),
            },
        };
        match event {
            Ok(event) if matches!(event.kind, "stop" | "conflict") && together.len() < TOGETHER_MAX => {
                together.push(Event {
                    text: shown(&event.text),
                    ..event
                });
                end.get_or_insert_with(|| Instant::now() + TOGETHER);
            }
            // Those that were missed are in the status.
            Ok(_) | Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return (!together.is_empty()).then_some(together),
        }
    }
}

/// A connection to the user's session bus for each notification, for they are rare.
async fn show(notice: &Notice) {
    let mut notification = Notification::new();
    notification
        .appname("syncd")
        .summary(&notice.title)
        .body(&escaped(&notice.body))
        .urgency(if notice.urgent {
            Urgency::Critical
        } else {
            Urgency::Normal
        });
    // A server has no desktop, and that is fine.
    match timeout(SHOWN_WITHIN, notification.show_async()).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => tracing::debug!(%error, "no desktop was told"),
        Err(_) => tracing::debug!("the desktop did not answer in time"),
    }
}

/// A desktop may read markup in a text, and names of files come from strangers.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use tokio::sync::broadcast;

    use super::*;

    fn event(pair: &str, kind: &'static str, text: &str) -> Event {
        Event {
            seq: 1,
            at: 5,
            pair: Some(pair.into()),
            kind,
            text: text.into(),
        }
    }

    #[test]
    fn a_stop_is_told_by_itself_and_conflicts_of_a_pair_together() {
        let conflict = |n: usize| event("main", "conflict", &format!("f{n}: edited on both sides"));
        let mut events: Vec<_> = (0..5).map(conflict).collect();
        events.push(event("work", "conflict", "g: edited on both sides"));
        events.push(event("main", "stop", "30 of 40 items would be deleted"));
        events.push(event("main", "pass", "nothing to do"));
        let told = notices(&events);
        let titles: Vec<_> = told.iter().map(|notice| notice.title.as_str()).collect();
        assert_eq!(
            titles,
            [
                "syncd has stopped main for safety",
                "syncd: 5 conflicts in main",
                "syncd: 1 conflict in work"
            ]
        );
        assert!(told[0].urgent && told[0].body.starts_with("30 of 40 items would be deleted. "));
        assert!(
            told[1].body.starts_with("f0: edited on both sides\nf1"),
            "{}",
            told[1].body
        );
        assert!(told[1].body.contains("\nand 2 more\n") && !told[1].urgent);
        assert!(!told[2].body.contains("more"));
    }

    #[test]
    fn a_name_is_no_markup() {
        assert_eq!(escaped("<b>a & b</b>"), "&lt;b&gt;a &amp; b&lt;/b&gt;");
    }

    #[tokio::test(start_paused = true)]
    async fn what_happens_at_once_is_gathered_and_what_deserves_nothing_is_not() {
        let (sender, mut events) = broadcast::channel(16);
        sender.send(event("main", "phase", "looking")).unwrap();
        sender.send(event("main", "conflict", "a\u{1b}")).unwrap();
        sender.send(event("main", "step", "upload b")).unwrap();
        let later = async {
            tokio::time::sleep(TOGETHER / 2).await;
            sender.send(event("main", "conflict", "b")).unwrap();
            tokio::time::sleep(TOGETHER).await;
            sender.send(event("main", "stop", "c")).unwrap();
            drop(sender);
        };
        let taken = async {
            [
                gather(&mut events).await,
                gather(&mut events).await,
                gather(&mut events).await,
            ]
        };
        let ((), taken) = tokio::join!(later, taken);
        let texts = taken.map(|together| {
            together.map(|events| {
                events
                    .into_iter()
                    .map(|event| event.text)
                    .collect::<Vec<_>>()
                    .join(" ")
            })
        });
        assert_eq!(texts, [Some("a\\u{1b} b".into()), Some("c".into()), None]);
    }
}
