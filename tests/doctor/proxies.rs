//! Behind real proxies, with the configuration the doctor prints, and with what people have in its place.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use natscope::drive::relay::{Access, AccessRules};
use serde_json::json;
use tokio::net::TcpStream;

use crate::certificates::{Identity, usual};
use crate::patient::{Seen, examined};
use crate::servers::{plain_relay, secure_relay};
use crate::tools::{Running, start};
use crate::{Setup, setup};

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Where a program says why it does not run.
fn said(folder: &Path) -> std::fs::File {
    std::fs::File::create(folder.join("said")).unwrap()
}

/// Until it listens; a program that ended is an error of the configuration.
async fn listening(address: SocketAddr, running: &mut Running, folder: &Path) {
    for _ in 0..800 {
        if TcpStream::connect(address).await.is_ok() {
            return;
        }
        let said = || std::fs::read_to_string(folder.join("said")).unwrap_or_default();
        assert_eq!(running.0.try_wait().unwrap(), None, "the proxy does not run: {}", said());
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("nobody listens on {address}");
}

/// The text of a snippet that `natscope doctor` prints for the upgrade, with the relay's own address in it.
async fn printed(name: &str, relay: SocketAddr) -> String {
    let address = crate::servers::web(&usual(), crate::servers::as_a_relay).await;
    let seen = examined(&json!({ "DERPPort": address.port() })).await;
    let fix = seen.finding("HTTP-002")["fix"].as_str().unwrap().to_owned();
    let (_, rest) = fix.split_once(&format!("\n\n{name}:\n")).unwrap_or_else(|| panic!("{name}: {fix}"));
    let text = rest.split("\n\n").take_while(|part| !part.ends_with(':') && !is_heading(part)).collect::<Vec<_>>();
    text.join("\n\n").replace("127.0.0.1:3340", &relay.to_string()).replace("127.0.0.1:8443", &relay.to_string())
}

/// `nginx:` and the like on the first line.
fn is_heading(part: &str) -> bool {
    part.lines().next().is_some_and(|line| {
        line.ends_with(':')
            && !line.starts_with(' ')
            && part.lines().count() > 1
            && ["nginx:", "Caddy:", "Caddy (https upstream):", "HAProxy:", "Traefik:"].contains(&line)
    })
}

fn nginx(folder: &Path, identity: &Identity, front: SocketAddr, server: &str, http: &str) -> Option<Running> {
    std::fs::write(folder.join("front.crt"), &identity.pem[0]).unwrap();
    std::fs::write(folder.join("front.key"), &identity.pem[1]).unwrap();
    let here = folder.display();
    let config = format!(
        "daemon off; master_process off; pid {here}/pid; error_log {here}/error.log;
events {{}}
http {{
  access_log off;
  client_body_temp_path {here}/body; proxy_temp_path {here}/proxy; fastcgi_temp_path {here}/fastcgi;
  uwsgi_temp_path {here}/uwsgi; scgi_temp_path {here}/scgi;
  {http}
  server {{
    listen {front} ssl;
    ssl_certificate {here}/front.crt; ssl_certificate_key {here}/front.key;
    {server}
  }}
}}
"
    );
    let file = folder.join("nginx.conf");
    std::fs::write(&file, config).unwrap();
    start(Command::new("nginx").arg("-c").arg(file).arg("-p").arg(folder).stderr(said(folder)))
}

/// nginx with a plain relay for its own clients behind it.
async fn behind_nginx(server: impl AsyncFnOnce(SocketAddr) -> String, http: &str) -> Option<Seen> {
    let (_relay, address, stun) = plain_relay(Access::Rules(AccessRules::default()));
    let (folder, front) = (tempfile::tempdir().unwrap(), free_address());
    let server = server(address).await;
    let mut running = nginx(folder.path(), &usual(), front, &server, http)?;
    listening(front, &mut running, folder.path()).await;
    Some(examined(&json!({ "DERPPort": front.port(), "STUNPort": stun })).await)
}

/// Caddy with a site of this configuration.
async fn behind_caddy(site: &str, front: SocketAddr, stun: u16) -> Option<Seen> {
    let (folder, identity) = (tempfile::tempdir().unwrap(), usual());
    let here = folder.path().display();
    std::fs::write(folder.path().join("front.crt"), &identity.pem[0]).unwrap();
    std::fs::write(folder.path().join("front.key"), &identity.pem[1]).unwrap();
    // The certificate is ours in place of one that Caddy would get, and the port one of ours.
    let site = site.replacen(
        "localhost {",
        &format!("https://localhost:{} {{\n  bind 127.0.0.1\n  tls {here}/front.crt {here}/front.key", front.port()),
        1,
    );
    let file = folder.path().join("Caddyfile");
    std::fs::write(&file, format!("{{\n  admin off\n  auto_https disable_redirects\n}}\n{site}\n")).unwrap();
    let mut command = Command::new("caddy");
    command.args(["run", "--adapter", "caddyfile", "--config"]).arg(file);
    command.env("HOME", folder.path()).env("XDG_DATA_HOME", folder.path());
    command.env("SSL_CERT_FILE", crate::certificates::authority_file());
    let mut running = start(command.stdout(Stdio::null()).stderr(said(folder.path())))?;
    listening(front, &mut running, folder.path()).await;
    Some(examined(&json!({ "DERPPort": front.port(), "STUNPort": stun })).await)
}

async fn behind_haproxy(config: &str, front: SocketAddr, stun: u16) -> Option<Seen> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("haproxy.cfg");
    std::fs::write(&file, format!("global\n    maxconn 100\n\n{config}\n")).unwrap();
    let mut running = start(
        Command::new("haproxy").arg("-db").arg("-f").arg(file).stdout(Stdio::null()).stderr(said(folder.path())),
    )?;
    listening(front, &mut running, folder.path()).await;
    Some(examined(&json!({ "DERPPort": front.port(), "STUNPort": stun })).await)
}

pub(crate) const SETUPS: &[Setup] = &[
    setup("nginx with the location that the doctor prints", &[], &["DERP-002"], || {
        Box::pin(behind_nginx(async |relay| printed("nginx", relay).await, ""))
    }),
    setup("Caddy with the site that the doctor prints", &[], &["DERP-002"], || {
        Box::pin(async {
            let (_relay, address, stun) = plain_relay(Access::Rules(AccessRules::default()));
            behind_caddy(&printed("Caddy", address).await, free_address(), stun).await
        })
    }),
    setup(
        "Caddy to an https upstream by address, as the doctor prints it (tls_server_name)",
        &[],
        &["DERP-005"],
        || {
            Box::pin(async {
                let folder = tempfile::tempdir().unwrap();
                let (_relay, address, stun) = secure_relay(&usual(), folder.path());
                let mut seen =
                    behind_caddy(&printed("Caddy (https upstream)", address).await, free_address(), stun).await?;
                // On loopback it is a note; the map names it, so it is looked at all the same.
                seen.report["findings"]
                    .as_array_mut()
                    .unwrap()
                    .retain(|it| it["severity"] != "info" || it["code"] == "DERP-005");
                Some(seen)
            })
        },
    ),
    setup("Caddy to an https upstream by address, without tls_server_name", &["HTTP-002"], &[], || {
        Box::pin(async {
            let folder = tempfile::tempdir().unwrap();
            let (_relay, address, stun) = secure_relay(&usual(), folder.path());
            behind_caddy(&format!("localhost {{\n  reverse_proxy https://{address}\n}}"), free_address(), stun).await
        })
    }),
    setup("HAProxy that passes TLS through, as the doctor prints it", &[], &["DERP-005"], || {
        Box::pin(async {
            let folder = tempfile::tempdir().unwrap();
            let (_relay, address, stun) = secure_relay(&usual(), folder.path());
            let front = free_address();
            let config = printed("HAProxy", address).await.replace("bind :443", &format!("bind {front}"));
            behind_haproxy(&config, front, stun).await
        })
    }),
    setup("nginx without the Upgrade header", &["HTTP-002"], &[], || {
        Box::pin(behind_nginx(async |relay| format!("location / {{ proxy_pass http://{relay}; }}"), ""))
    }),
    setup("nginx whose relay is down (502)", &["HTTP-002"], &[], || {
        Box::pin(behind_nginx(async |_| format!("location / {{ proxy_pass http://{}; }}", free_address()), ""))
    }),
    setup("nginx without a rule for /derp", &["HTTP-001"], &[], || {
        Box::pin(behind_nginx(async |_| "location / { return 404; }".to_owned(), ""))
    }),
    setup("nginx that passes WebSocket alone", &["HTTP-003"], &[], || {
        let map = "map $http_upgrade $passed { default ''; websocket websocket; }
  map $http_upgrade $hop { default close; websocket upgrade; }";
        Box::pin(behind_nginx(
            async |relay| {
                format!(
                    "location / {{ proxy_pass http://{relay}; proxy_http_version 1.1; proxy_set_header Host $host; \
                     proxy_set_header Upgrade $passed; proxy_set_header Connection $hop; }}"
                )
            },
            map,
        ))
    }),
    setup("nginx that cuts silent connections after two seconds, with --long", &["DERP-007"], &["DERP-005"], || {
        Box::pin(async {
            let (_relay, address, stun) = plain_relay(Access::Anyone);
            let (folder, front) = (tempfile::tempdir().unwrap(), free_address());
            let short = printed("nginx", address).await.replace("3600s", "2s");
            let mut running = nginx(folder.path(), &usual(), front, &short, "")?;
            listening(front, &mut running, folder.path()).await;
            let fields = json!({ "DERPPort": front.port(), "STUNPort": stun });
            Some(crate::patient::examined_with(&fields, &["--long=6s"]).await)
        })
    }),
];
