//! The guarded client against real sockets.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::support::{http, serve, serve_raw};
use axum::Router;
use axum::http::HeaderMap;
use axum::response::Redirect;
use axum::routing::get;
use oms_connect::http::{HttpClient, HttpError, Request};
use oms_connect::policy::NetPolicy;
use url::Url;

fn at(address: std::net::SocketAddr) -> Url {
    Url::parse(&format!("http://{address}/x")).expect("a URL")
}

/// Spellings of addresses inside the house, one a line.
const INSIDE: &str = include_str!("inside.txt");

#[tokio::test]
async fn addresses_inside_the_house_are_refused_however_they_are_written() {
    let seen = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&seen);
    let port = serve(Router::new().fallback(move || async move {
        count.fetch_add(1, Ordering::SeqCst);
    }))
    .await
    .port();
    let client = HttpClient::new(NetPolicy::public_only()).expect("a client");
    for host in INSIDE.lines() {
        for (scheme, port) in
            [("http", format!(":{port}")), ("http", String::new()), ("https", String::new())]
        {
            let url = Url::parse(&format!("{scheme}://{host}{port}/latest")).expect(host);
            let error = client.send(Request::get(url)).await.expect_err(host);
            assert!(matches!(error, HttpError::Refused { .. } | HttpError::Dns { .. }), "{host}: {error:?}");
            if !host.to_ascii_lowercase().starts_with("localhost") {
                assert!(matches!(error, HttpError::Refused { .. }), "{host}: {error:?}");
            }
            assert!(!error.to_string().contains("latest"), "paths may be secret");
        }
    }
    assert_eq!(seen.load(Ordering::SeqCst), 0, "nothing may have been called");
}

#[tokio::test]
async fn tricks_in_the_url_are_refused() {
    let client = HttpClient::new(NetPolicy::public_only()).expect("a client");
    for text in [
        "http://ok.test@127.0.0.1/",
        "http://127.0.0.1#@ok.test/",
        "http://127.0.0.1\\@ok.test/",
        "http:127.0.0.1",
        "http:///127.0.0.1",
        "ht\ttp://127.0.0.1/",
        "http://127.0.\n0.1/",
        "https://user:pass@example.com/",
        "https://user@example.com/",
        "file:///etc/passwd",
        "ftp://127.0.0.1/",
        "gopher://127.0.0.1/",
        "data:text/plain,x",
        "jar:http://127.0.0.1/!",
        "unix:/var/run/x",
        "http://example.com:0/",
    ] {
        let Ok(url) = Url::parse(text) else { continue };
        let error = client.send(Request::get(url)).await.expect_err(text);
        assert!(
            matches!(error, HttpError::Refused { .. } | HttpError::InvalidUrl { .. }),
            "{text}: {error:?}"
        );
        assert!(!error.is_retryable() && !error.to_string().contains("pass@"), "{error}");
    }
    // Plain http and odd ports stay off the public internet too.
    for text in ["http://1.1.1.1/", "https://1.1.1.1:22/", "https://[2606:4700::1]:6379/"] {
        let error = client.send(Request::get(Url::parse(text).expect(text))).await.expect_err(text);
        assert!(matches!(error, HttpError::Refused { .. }), "{text}: {error:?}");
    }
}

#[tokio::test]
async fn the_policy_opens_loopback_by_address_and_by_name() {
    let address = serve(Router::new().fallback(|| async { "hello" })).await;
    for host in ["127.0.0.1", "127.1", "2130706433", "localhost", "[::ffff:127.0.0.1]"] {
        let url = Url::parse(&format!("http://{host}:{}/", address.port())).expect(host);
        let answer = http().send(Request::get(url)).await.unwrap_or_else(|e| panic!("{host}: {e}"));
        assert_eq!((answer.status, &answer.bytes[..]), (200, &b"hello"[..]));
    }
    let url = Url::parse("http://10.0.0.1/").expect("a URL");
    let error = http().send(Request::get(url)).await.expect_err("not opened");
    assert!(error.to_string().contains("--allow-net"), "{error}");
}

#[tokio::test]
async fn redirects_are_answers_and_not_followed() {
    let seen = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&seen);
    let router = Router::new().route("/x", get(|| async { Redirect::temporary("/y") })).route(
        "/y",
        get(move || async move {
            count.fetch_add(1, Ordering::SeqCst);
        }),
    );
    let answer = http().send(Request::get(at(serve(router).await))).await.expect("an answer");
    assert_eq!(answer.status, 307);
    assert_eq!(seen.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn cookies_are_not_kept() {
    let router = Router::new().route(
        "/x",
        get(|headers: HeaderMap| async move {
            let had = headers.contains_key("cookie");
            ([("set-cookie", "a=b")], had.to_string())
        }),
    );
    let (address, client) = (serve(router).await, http());
    for _ in 0..2 {
        let answer = client.send(Request::get(at(address))).await.expect("an answer");
        assert_eq!(&answer.bytes[..], b"false");
    }
}

#[tokio::test]
async fn a_large_answer_is_refused_announced_or_not() {
    let announced = serve_raw("HTTP/1.1 200 OK\r\ncontent-length: 5000000\r\n\r\nabc", true).await;
    let mut chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..40 {
        chunked.extend_from_slice(b"8000\r\n");
        chunked.extend(std::iter::repeat_n(b'x', 0x8000));
        chunked.extend_from_slice(b"\r\n");
    }
    let unannounced = serve_raw(chunked, true).await;
    for address in [announced, unannounced] {
        let error = http().send(Request::get(at(address))).await.expect_err("too large");
        assert!(matches!(error, HttpError::TooLarge { max_bytes: 1_048_576, .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_cut_answer_is_noticed() {
    let address = serve_raw("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this", false).await;
    let error = http().send(Request::get(at(address))).await.expect_err("cut");
    assert!(matches!(error, HttpError::Truncated { got_bytes: 9, .. }) && error.is_retryable(), "{error:?}");
}

#[tokio::test]
async fn what_is_not_http_is_a_protocol_error() {
    for answer in ["SSH-2.0-OpenSSH_9.2\r\n", ""] {
        let error = http().send(Request::get(at(serve_raw(answer, false).await))).await.expect_err("no HTTP");
        assert!(matches!(error, HttpError::Protocol { .. }), "{error:?}");
    }
    let mut many = String::from("HTTP/1.1 200 OK\r\n");
    for n in 0..80 {
        many.push_str(&format!("x-{n}: 1\r\n"));
    }
    let address = serve_raw(format!("{many}content-length: 0\r\n\r\n"), false).await;
    let error = http().send(Request::get(at(address))).await.expect_err("too many headers");
    assert!(matches!(error, HttpError::Protocol { .. }), "{error:?}");
}

#[tokio::test]
async fn silence_ends_in_a_timeout_wherever_it_falls() {
    let mute = serve_raw("", true).await;
    let half = serve_raw("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc", true).await;
    let client = http().with_connect_timeout(Duration::from_millis(100)).expect("a client");
    for address in [mute, half] {
        let mut request = Request::get(at(address));
        request.timeouts.read = Duration::from_millis(100);
        let error = client.send(request).await.expect_err("too slow");
        assert!(matches!(error, HttpError::Timeout { .. }) && error.is_retryable(), "{error:?}");
    }
    let mut request = Request::get(at(half));
    request.timeouts.total = Duration::from_millis(100);
    assert!(matches!(client.send(request).await, Err(HttpError::Timeout { .. })));
}

#[tokio::test]
async fn a_closed_port_is_a_connection_error() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    drop(listener);
    let error = http().send(Request::get(at(address))).await.expect_err("closed");
    assert!(matches!(error, HttpError::Connect { .. }) && error.is_retryable(), "{error:?}");
}

#[tokio::test]
async fn an_unknown_name_is_a_dns_error() {
    let url = Url::parse("https://no-such-host.invalid/").expect("a URL");
    let error = http().send(Request::get(url)).await.expect_err("unknown");
    assert!(matches!(error, HttpError::Dns { .. }), "{error:?}");
}

#[tokio::test]
async fn query_is_encoded_and_headers_are_checked() {
    let router = Router::new().route("/x", get(|uri: axum::http::Uri| async move { uri.to_string() }));
    let address = serve(router).await;
    let request = Request::get(at(address)).query("a b", "1,2&c=ü\r\n");
    let answer = http().send(request).await.expect("an answer");
    assert_eq!(&answer.bytes[..], b"/x?a+b=1%2C2%26c%3D%C3%BC%0D%0A");
    let request = Request::get(at(address)).header("x-a", "1\r\nx-b: 2");
    assert!(matches!(http().send(request).await, Err(HttpError::Refused { .. })));
}
