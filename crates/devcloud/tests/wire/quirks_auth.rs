//! Quirks of signing in and of the shape of errors: Q01 to Q04.

use std::net::IpAddr;

use devcloud::{Dialect, Options};

use crate::common::{Said, Site};

const WRONG: &str = "0000000000000000000000000000000000000000000000000000000000000000";

#[tokio::test]
async fn q01_single_token_a_login_ends_all_other_sessions() {
    let site = Site::with(&["Q01"]).await;
    let first = site.token.clone();
    site.sign_in().await;
    assert!(
        site.call("account/info", &[])
            .await
            .error()
            .starts_with("Could not validate access_token")
    );
    let site = Site::with(&[]).await;
    assert_ne!(site.token, first);
    site.sign_in().await;
    site.call("account/info", &[]).await.data();
}

#[tokio::test]
async fn tokens_die_an_hour_after_their_last_use_and_not_before_the_first() {
    let site = Site::with(&[]).await;
    let hour = std::time::Duration::from_secs(3601);
    site.control().advance(hour);
    site.call("account/info", &[]).await.data();
    site.control().advance(hour);
    assert!(
        site.call("account/info", &[])
            .await
            .error()
            .starts_with("Could not validate access_token")
    );
}

#[tokio::test]
async fn q02_late_auth_takes_the_whole_body_before_it_looks_at_the_token() {
    let body = vec![7u8; 3_000_000];
    for (late, took_all) in [(true, true), (false, false)] {
        let site = Site::with(&[if late { "Q02" } else { "-Q02" }]).await;
        site.control().reset_ledger();
        let said = site.upload_as("dead", "", "a.bin", &body).await;
        assert!(
            said.error().starts_with("Could not validate access_token"),
            "{late}"
        );
        let entry = site.control().ledger().entries.pop().unwrap();
        assert_eq!(entry.bytes_in == 3_000_000, took_all);
        assert!(site.files("").await.is_empty());
    }
}

#[tokio::test]
async fn q03_login_ban_refuses_right_credentials_too_by_address_until_it_ends() {
    let site = Site::with(&["Q03"]).await;
    site.knob("Q03.tries", "3");
    let (key1, key2) = (site.server.key1().to_owned(), site.server.key2().to_owned());
    for _ in 0..3 {
        assert!(
            site.authorize(WRONG, WRONG)
                .await
                .error()
                .starts_with("Could not authenticate user")
        );
    }
    assert!(
        site.authorize(&key1, &key2)
            .await
            .error()
            .starts_with("Could not authenticate user")
    );
    site.call("account/info", &[]).await.data();

    let elsewhere = reqwest::Client::builder()
        .no_proxy()
        .local_address("127.0.0.2".parse::<IpAddr>().ok());
    let elsewhere = elsewhere.build().unwrap();
    let login = [("key1", key1.as_str()), ("key2", key2.as_str())];
    let sent = elsewhere
        .post(format!("{}authorize", site.server.api_url()))
        .form(&login)
        .send()
        .await;
    Said::of(sent.unwrap()).await.data();

    site.control().advance(std::time::Duration::from_secs(86_401));
    site.authorize(&key1, &key2).await.data();
}

#[tokio::test]
async fn q03_missing_parameters_do_not_count_and_a_success_clears_the_count() {
    let site = Site::with(&["Q03"]).await;
    site.knob("Q03.tries", "2");
    let (key1, key2) = (site.server.key1().to_owned(), site.server.key2().to_owned());
    for _ in 0..3 {
        assert!(
            site.authorize("short", &key2)
                .await
                .error()
                .starts_with("Please provide key1")
        );
        site.authorize(WRONG, &key2).await.error();
        site.authorize(&key1, &key2).await.data();
    }
}

#[tokio::test]
async fn q03_off_there_is_no_ban() {
    let site = Site::with(&[]).await;
    for _ in 0..7 {
        site.authorize(WRONG, WRONG).await.error();
    }
    site.sign_in().await;
}

#[tokio::test]
async fn q04_error_shape_is_the_dialects() {
    for (dialect, key) in [
        (Dialect::Document, "_status"),
        (Dialect::V4, "status"),
        (Dialect::V5, "_status"),
    ] {
        let site = Site::dialect(dialect).await;
        let said = site.file_info(99).await;
        assert_eq!(
            (said.http, said.json[key].as_str()),
            (200, Some("error")),
            "{dialect}: {}",
            said.body
        );
    }
    let site = Site::with(&[]).await;
    site.knob("Q04.http", "on");
    let said = site.file_info(99).await;
    assert_eq!((said.http, said.json["status"].as_str()), (404, Some("error")));
    assert_eq!(site.bare("file/info", &[]).await.http, 400);
    assert_eq!(site.upload_as("dead", "", "a", b"a").await.http, 401);
    site.knob("Q04.http", "off");
    site.knob("Q04.key", "mix");
    let mut shapes = std::collections::BTreeSet::new();
    for _ in 0..40 {
        shapes.insert(site.file_info(99).await.json.get("status").is_some());
    }
    assert_eq!(shapes.len(), 2);
}

#[tokio::test]
async fn the_sites_setting_decides_the_sign_in_form() {
    let site = Site::dialect(Dialect::V5).await;
    let login = [
        ("username", site.server.username()),
        ("password", site.server.password()),
    ];
    assert!(
        site.bare("authorize", &login)
            .await
            .error()
            .starts_with("Please provide key1")
    );
    site.knob("site.sign-in", "password");
    site.bare("authorize", &login).await.data();
    let said = site.authorize(site.server.key1(), site.server.key2()).await;
    assert!(said.error().contains("Please provide a username"));
}

#[tokio::test]
async fn a_suspended_account_and_a_level_without_access_are_told_apart() {
    use devcloud::WebAction;
    let site = Site::start(Options::new("")).await;
    let control = site.control();
    control
        .web(WebAction::SetAccount {
            status: Some("suspended".into()),
            api_access: None,
        })
        .unwrap();
    let (key1, key2) = (site.server.key1(), site.server.key2());
    assert!(
        site.authorize(key1, key2)
            .await
            .error()
            .starts_with("Could not authenticate user")
    );
    control
        .web(WebAction::SetAccount {
            status: Some("active".into()),
            api_access: Some(false),
        })
        .unwrap();
    assert!(
        site.authorize(key1, key2)
            .await
            .error()
            .contains("account level does not have access")
    );
    // Tokens already issued keep working.
    site.call("account/info", &[]).await.data();
}
