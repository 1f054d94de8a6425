//! The relay's pages as a browser shows them.

use std::net::SocketAddr;
use std::process::Command;

use natscope::drive::relay::{Relay, RelayOptions};

use crate::options;
use crate::peer::Peer;
use crate::tools::not_run;

/// What a browser makes of a page, and what its console says. `None`: there is no browser.
fn opened(address: SocketAddr) -> Option<(String, String)> {
    let profile = tempfile::tempdir().unwrap();
    // One that hangs must not hold up everything.
    let output = Command::new("timeout")
        .args([
            "--kill-after=5",
            "120",
            "chromium",
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
        ])
        .args(["--no-proxy-server", "--enable-logging=stderr", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("http://{address}/"))
        .output();
    let output = match output {
        // What `timeout` says of a command that is not there.
        Ok(output) if output.status.code() == Some(127) => None,
        Ok(output) => Some(output),
        Err(_) => None,
    };
    let Some(output) = output else {
        not_run("chromium");
        return None;
    };
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    Some((String::from_utf8(output.stdout).unwrap(), said))
}

/// Both pages are shown as they are meant, and neither has anything loaded, or refused by its own policy.
#[tokio::test(flavor = "multi_thread")]
async fn a_browser_shows_what_a_relay_is_and_to_its_owner_who_is_here() {
    let local = vec!["127.0.0.1:0".parse().unwrap()];
    let relay = Relay::bind(RelayOptions { metrics_addrs: local, ..options() }).unwrap();
    let (public, own) = (relay.http_addrs()[0], relay.metrics_addrs()[0]);
    let _relay = relay.spawn();
    let here = Peer::fresh(public).await;
    let look = |address| tokio::task::spawn_blocking(move || opened(address));

    let Some((page, said)) = look(public).await.unwrap() else { return };
    assert!(page.contains("This is a DERP relay") && !page.contains("nodekey:"), "{page}");
    let Some((own, also_said)) = look(own).await.unwrap() else { return };
    assert!(own.contains(&here.key.to_string()) && own.contains("<td"), "{own}");
    for (page, said) in [(page, said), (own, also_said)] {
        assert!(!said.contains("CONSOLE"), "{said}");
        for loads in ["<script", "<img", "<link", "url(", " src="] {
            assert!(!page.contains(loads), "{loads} in {page}");
        }
    }
}
