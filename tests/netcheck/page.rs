//! `--format html`, opened in a browser: it shows, and nothing is asked of anybody.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::program::{Files, natscope};
use crate::tools::not_run;

/// A proxy that lets nothing through and counts who asks.
fn proxy() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&heard);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            // The browser's own errands go to its maker's hosts; what a page may load is of another one here.
            let mut request = [0; 512];
            let read = stream.read(&mut request).unwrap_or_default();
            if String::from_utf8_lossy(&request[..read]).contains("leak.test") {
                counter.fetch_add(1, Ordering::SeqCst);
            }
            let _ = stream.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
        }
    });
    (port, heard)
}

/// What a browser makes of a page. `None`: there is no browser.
fn opened(files: &Files, page: &str, port: u16) -> Option<String> {
    // One that hangs must not hold up everything.
    let chromium = Command::new("timeout")
        .args(["--kill-after=5", "120", "chromium"])
        .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--dump-dom"])
        .args([format!("--proxy-server=127.0.0.1:{port}"), "--proxy-bypass-list=<-loopback>".to_owned()])
        .arg(format!("--user-data-dir={}", files.path("profile").display()))
        .arg(format!("file://{}", files.path(page).display()))
        .output();
    match chromium {
        // What `timeout` says of a command that is not there.
        Ok(output) if output.status.code() == Some(127) => {
            not_run("chromium");
            None
        }
        Ok(output) => {
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            Some(String::from_utf8(output.stdout).unwrap())
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            not_run("chromium");
            None
        }
        Err(error) => panic!("chromium: {error}"),
    }
}

#[test]
fn a_browser_shows_the_page_and_loads_nothing() {
    let files = Files::new();
    let map = r#"{"Regions":{"901":{"RegionID":901,"RegionCode":"<img src=http://leak.test/a>",
        "RegionName":"<script src=http://leak.test/b></script>","Nodes":[{"Name":"1","RegionID":901,
        "HostName":"relay.leak.test","IPv4":"127.0.0.1","IPv6":"none","STUNPort":9,"DERPPort":9}]}}}"#;
    let map = files.write("map.json", map);
    let run = natscope("netcheck --format html --lang en --timeout 2s --no-portmap --derp-map")
        .arg(map)
        .arg("--output")
        .arg(files.path("page.html"))
        .output()
        .unwrap();
    let page = fs::read_to_string(files.path("page.html")).unwrap_or_default();
    assert!(page.starts_with("<!DOCTYPE html>"), "{}", String::from_utf8_lossy(&run.stderr));
    assert!(page.contains("&lt;img src"), "{page}");

    let (port, heard) = proxy();
    let Some(shown) = opened(&files, "page.html", port) else { return };
    assert!(shown.contains("<h1>") && shown.contains("class=\"path\"") && !shown.contains("<img"), "{shown}");
    assert_eq!(heard.load(Ordering::SeqCst), 0, "the page asked for something");

    // The same proxy hears of a page that does load something.
    files.write("leaky.html", "<!DOCTYPE html><title>x</title><img src=\"http://leak.test/a\">");
    opened(&files, "leaky.html", port);
    assert!(heard.load(Ordering::SeqCst) > 0, "the proxy would not have noticed");
}
