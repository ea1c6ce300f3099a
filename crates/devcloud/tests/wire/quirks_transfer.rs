//! Quirks of uploads and downloads: Q11, Q12, Q20, Q30 to Q33, Q45 to Q50, Q60.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use crate::common::{Site, number};

#[tokio::test]
async fn q11_oversize_misreport() {
    let site = Site::with(&["Q11"]).await;
    site.knob("Q11.file", "10");
    assert_eq!(
        site.upload("", "a.bin", &[1; 11]).await.error(),
        "Filesize received was zero."
    );
    site.put("", "a.bin", &[1; 10]).await;
    site.knob("Q11.total", "2000");
    assert_eq!(
        site.upload("", "b.bin", &[1; 3000]).await.error(),
        "Please provide the access_token param."
    );
    site.quirk("Q11", false);
    assert_eq!(site.upload("", "a.bin", &[1; 11]).await.http, 413);
    assert_eq!(site.upload("", "b.bin", &[1; 3000]).await.http, 413);
    assert_eq!(site.files("").await.len(), 1);
}

#[tokio::test]
async fn q11_the_package_is_enforced_only_where_its_knob_says_so() {
    let site = Site::with(&[]).await;
    site.control().set_package("max_storage_bytes", 8).unwrap();
    site.put("", "a.bin", &[1; 6]).await;
    let said = site.upload("", "b.bin", &[2; 6]).await;
    assert!(said.error().starts_with("Error on:"), "{}", said.body);
    site.knob("Q11.package", "off");
    site.put("", "b.bin", &[2; 6]).await;
}

#[tokio::test]
async fn q12_zero_refused() {
    let site = Site::with(&[]).await;
    assert_eq!(
        site.upload("", "empty", b"").await.error(),
        "Filesize received was zero."
    );
    site.quirk("Q12", false);
    site.put("", "empty", b"").await;
    let said = site.call("file/upload", &[]).await;
    assert_eq!(said.error(), "Did not receive uploaded file.");
}

#[tokio::test]
async fn q20_late_success() {
    let site = Site::with(&["Q20"]).await;
    site.knob("Q20.late", "0.2");
    let said = site.upload("", "late.txt", b"late").await;
    assert_eq!(said.http, 504);
    assert!(site.files("").await.is_empty());
    let mut looks = 0;
    while site.files("").await.is_empty() {
        looks += 1;
        assert!(looks < 500, "the file never appeared");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    site.knob("Q20.p", "0");
    site.knob("Q20.work", "0.3");
    site.knob("Q20.gateway", "0.1");
    assert_eq!(site.upload("", "slow.txt", b"slow").await.http, 504);
    site.knob("Q20.gateway", "1");
    site.put("", "in-time.txt", b"fine").await;
}

#[tokio::test]
async fn q30_hash_shape() {
    let site = Site::with(&["Q30"]).await;
    assert_eq!(site.upload("", "a", b"hello").await.data()[0]["hash"], false);
    site.knob("Q30.mode", "placeholder");
    site.knob("Q30.above", "5");
    let md5 = "5d41402abc4b2a76b9719d911017c592";
    assert_eq!(site.upload("", "b", b"hello").await.data()[0]["hash"], md5);
    let said = site.upload("", "c", b"hello!").await;
    let hash = said.data()[0]["hash"].as_str().unwrap();
    assert!(hash.len() == 32 && hash.contains('-'), "{hash}");
    site.quirk("Q30", false);
    assert_eq!(site.upload("", "d", b"hello").await.data()[0]["hash"], md5);
}

#[tokio::test]
async fn q31_success_with_error() {
    let site = Site::with(&["Q31"]).await;
    let mut shapes = BTreeSet::new();
    for _ in 0..20 {
        let said = site.upload("", "a.txt", b"a").await;
        let data = &said.data()[0];
        assert!(data.get("file_id").is_none());
        shapes.insert(data["error"].is_string());
    }
    assert_eq!(shapes.len(), 2, "with a text, and without");
    assert!(site.files("").await.is_empty());
}

#[tokio::test]
async fn q32_stored_but_error() {
    let site = Site::with(&["Q32"]).await;
    let said = site.upload("", "a.txt", b"a").await;
    assert!(
        said.error()
            .to_lowercase()
            .contains("failed reading response from")
    );
    assert_eq!(site.files("").await, ["a.txt"]);
}

#[tokio::test]
async fn q33_type_policy() {
    let site = Site::with(&["Q33"]).await;
    for name in ["a.php", "A.PHP"] {
        let said = site.upload("", name, b"a").await;
        assert!(said.error().starts_with("Error on:") && said.error().contains("acceptFileTypes"));
    }
    site.knob("Q33.allow", "txt,png");
    site.knob("Q33.words", "secret");
    site.put("", "a.txt", b"a").await;
    site.upload("", "a.pdf", b"a").await.error();
    site.upload("", "my-secret.txt", b"a").await.error();
    site.quirk("Q33", false);
    site.put("", "a.php", b"a").await;
}

#[tokio::test]
async fn q45_download_error_page() {
    for (quirk, status) in [("Q45", 302), ("-Q45", 404)] {
        let site = Site::with(&[quirk]).await;
        let id = site.put("", "a.txt", b"a").await;
        let url = site.link(id).await;
        let bad = format!("{}x", url);
        assert_eq!(site.get(&bad, None).await.unwrap().status(), status);
        site.control()
            .web(devcloud::WebAction::LoseContent { file: id })
            .unwrap();
        let lost = site.get(&url, None).await.unwrap();
        assert_eq!(lost.status(), status);
        if status == 302 {
            let to = lost.headers()["location"].to_str().unwrap().to_owned();
            assert!(to.contains("/error?e="));
            assert_eq!(site.get(&to, None).await.unwrap().status(), 200);
        }
        assert_eq!(site.file_info(id).await.data()["status"], "active");
    }
    let site = Site::with(&["Q45"]).await;
    let id = site.put("", "a.txt", b"a").await;
    site.knob("Q45.downloads", "off");
    assert_eq!(site.get(&site.link(id).await, None).await.unwrap().status(), 302);
}

#[tokio::test]
async fn q46_open_ranges_only() {
    let site = Site::with(&["Q46"]).await;
    let id = site.put("", "a.txt", b"0123456789").await;
    let url = site.link(id).await;
    for (range, status, body) in [
        ("bytes=4-", 206, "456789"),
        ("bytes=0-", 200, "0123456789"),
        ("bytes=-3", 206, "0123"),
        ("bytes=2-4", 206, "234"),
        ("bytes=10-", 206, ""),
    ] {
        let got = site.get(&url, Some(range)).await.unwrap();
        assert_eq!(
            (got.status().as_u16(), got.text().await.unwrap().as_str()),
            (status, body),
            "{range}"
        );
    }
    site.knob("Q46.range-on-200", "on");
    let got = site.get(&url, None).await.unwrap();
    assert_eq!(
        (got.status().as_u16(), &got.headers()["content-range"]),
        (200, &"bytes 0-9/10".parse().unwrap())
    );
    site.quirk("Q46", false);
    assert_eq!(
        site.get(&url, Some("bytes=-3"))
            .await
            .unwrap()
            .text()
            .await
            .unwrap(),
        "789"
    );
    assert_eq!(site.get(&url, Some("bytes=10-")).await.unwrap().status(), 416);
}

#[tokio::test]
async fn q47_two_bytes() {
    let site = Site::with(&["Q47"]).await;
    let id = site.put("", "a.txt", b"xy").await;
    let url = site.link(id).await;
    let got = site.get(&url, None).await.unwrap();
    assert_eq!(
        (got.status().as_u16(), got.text().await.unwrap().as_str()),
        (206, "1")
    );
    let got = site.get(&url, Some("bytes=0-2")).await.unwrap();
    assert_eq!(got.text().await.unwrap(), "xy");
    site.knob("Q47.body", "right");
    let got = site.get(&url, None).await.unwrap();
    assert_eq!(
        (got.status().as_u16(), got.text().await.unwrap().as_str()),
        (206, "xy")
    );
    site.quirk("Q47", false);
    let got = site.get(&url, None).await.unwrap();
    assert_eq!(
        (got.status().as_u16(), got.text().await.unwrap().as_str()),
        (200, "xy")
    );
}

#[tokio::test]
async fn q48_resume_restarts() {
    let site = Site::with(&["Q48"]).await;
    let id = site.put("", "a.txt", b"0123456789").await;
    let url = site.link(id).await;
    let got = site.get(&url, Some("bytes=4-")).await.unwrap();
    assert_eq!(
        (got.status().as_u16(), got.text().await.unwrap().as_str()),
        (200, "0123456789")
    );
    site.knob("Q48.mode", "shift");
    let got = site.get(&url, Some("bytes=4-")).await.unwrap();
    assert_eq!(
        (got.status().as_u16(), &got.headers()["content-range"]),
        (206, &"bytes 2-9/10".parse().unwrap())
    );
    assert_eq!(got.text().await.unwrap(), "23456789");
}

#[tokio::test]
async fn q49_link_life() {
    let site = Site::with(&["Q49"]).await;
    let id = site.put("", "a.txt", b"abc").await;
    let url = site.link(id).await;
    for _ in 0..2 {
        assert_eq!(site.get(&url, None).await.unwrap().status(), 200);
    }
    site.knob("Q49.ip", "on");
    let elsewhere = reqwest::Client::builder()
        .no_proxy()
        .local_address("127.0.0.2".parse::<IpAddr>().ok());
    assert_eq!(
        elsewhere
            .build()
            .unwrap()
            .get(&url)
            .send()
            .await
            .unwrap()
            .status(),
        404
    );
    assert_eq!(site.get(&url, None).await.unwrap().status(), 200);
    site.control().advance(Duration::from_secs(86_401));
    assert_eq!(site.get(&url, None).await.unwrap().status(), 404);
    site.quirk("Q49", false);
    assert_eq!(site.get(&url, None).await.unwrap().status(), 200);
}

#[tokio::test]
async fn q50_wrong_length_body() {
    let site = Site::with(&["Q50"]).await;
    let bytes = vec![b'x'; 1000];
    let id = site.put("", "a.bin", &bytes).await;
    let url = site.link(id).await;
    for (mode, short) in [("short", true), ("long", false)] {
        site.knob("Q50.mode", mode);
        let got = site.get(&url, None).await.unwrap();
        let said = got.content_length().unwrap();
        let body = got.bytes().await.unwrap();
        assert_eq!(body.len() as u64, said, "the header is plausible");
        assert_eq!(body.len() < 1000, short);
        assert_ne!(body.len(), 1000);
    }
}

#[tokio::test]
async fn q60_size_drift() {
    let site = Site::with(&["Q60"]).await;
    let said = site.upload("", "a.txt", b"hello!").await;
    let data = &said.data()[0];
    assert_eq!(
        (&data["size"], &data["hash"]),
        (&"5".into(), &"5d41402abc4b2a76b9719d911017c592".into())
    );
    assert_eq!(
        site.control().content(number(&data["file_id"])).unwrap(),
        b"hello"
    );
}

#[tokio::test]
async fn a_download_counts_as_use_and_equal_contents_are_stored_once() {
    let site = Site::with(&[]).await;
    let (one, two) = (
        site.put("", "a.txt", b"same").await,
        site.put("", "b.txt", b"same").await,
    );
    let url = site.link(one).await;
    assert_eq!(site.get(&url, None).await.unwrap().text().await.unwrap(), "same");
    let info = site.file_info(one).await;
    assert_eq!(info.data()["downloads"], "1");
    assert!(info.data()["lastAccessed"].is_string());
    let blobs = || {
        let folders = std::fs::read_dir(site.data.path().join("cloud/blobs")).unwrap();
        folders
            .map(|folder| std::fs::read_dir(folder.unwrap().path()).unwrap().count())
            .sum::<usize>()
    };
    assert_eq!(blobs(), 1);
    site.control().purge_file(one).unwrap();
    assert_eq!(
        (blobs(), site.control().content(two).unwrap().as_slice()),
        (1, &b"same"[..])
    );
    site.control().purge_file(two).unwrap();
    assert_eq!(blobs(), 0);
}

#[tokio::test]
async fn an_upload_that_breaks_off_stores_nothing() {
    use tokio::io::AsyncWriteExt as _;
    let site = Site::with(&[]).await;
    let mut stream = tokio::net::TcpStream::connect(site.server.address())
        .await
        .unwrap();
    let fields = format!(
        "--b\r\nContent-Disposition: form-data; name=\"access_token\"\r\n\r\n{}\r\n--b\r\nContent-Disposition: form-data; name=\"account_id\"\r\n\r\n158642\r\n--b\r\nContent-Disposition: form-data; name=\"upload_file\"; filename=\"a\"\r\n\r\nhalf",
        site.token
    );
    let head = "POST /api/v2/file/upload HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 100000\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(fields.as_bytes()).await.unwrap();
    site.control().reset_ledger();
    drop(stream);
    while site.control().totals().at("/file/upload") == 0 {
        tokio::task::yield_now().await;
    }
    assert!(site.files("").await.is_empty());
    assert_eq!(
        std::fs::read_dir(site.data.path().join("cloud/incoming"))
            .unwrap()
            .count(),
        0
    );
}
