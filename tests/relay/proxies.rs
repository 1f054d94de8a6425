//! Behind nginx and Caddy, with the configuration each of them needs: DERP's upgrade and its packets pass.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};

use tokio::net::TcpStream;

use crate::peer::Peer;
use crate::tools::{Running, start as start_program};
use crate::{options, start};

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Until it listens.
async fn listening(address: SocketAddr) {
    for _ in 0..400 {
        if TcpStream::connect(address).await.is_ok() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    panic!("nobody listens on {address}");
}

fn nginx(folder: &Path, front: SocketAddr, relay: SocketAddr) -> Option<Running> {
    let here = folder.display();
    let config = format!(
        "daemon off; master_process off; pid {here}/pid; error_log {here}/error.log;
events {{}}
http {{
  access_log off;
  client_body_temp_path {here}/body; proxy_temp_path {here}/proxy; fastcgi_temp_path {here}/fastcgi;
  uwsgi_temp_path {here}/uwsgi; scgi_temp_path {here}/scgi;
  server {{
    listen {front};
    location / {{
      proxy_pass http://{relay};
      proxy_http_version 1.1;
      proxy_set_header Host $host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection \"upgrade\";
      proxy_buffering off;
      proxy_read_timeout 1h;
      proxy_send_timeout 1h;
    }}
  }}
}}
"
    );
    let file = folder.join("nginx.conf");
    std::fs::write(&file, config).unwrap();
    start_program(Command::new("nginx").arg("-c").arg(file).arg("-p").arg(folder).stderr(Stdio::null()))
}

fn caddy(folder: &Path, front: SocketAddr, relay: SocketAddr) -> Option<Running> {
    let config = format!("{{\n  admin off\n  auto_https off\n}}\nhttp://{front} {{\n  reverse_proxy {relay}\n}}\n");
    let file = folder.join("Caddyfile");
    std::fs::write(&file, config).unwrap();
    let mut command = Command::new("caddy");
    command.args(["run", "--adapter", "caddyfile", "--config"]).arg(file);
    start_program(command.env("HOME", folder).env("XDG_DATA_HOME", folder).stdout(Stdio::null()).stderr(Stdio::null()))
}

async fn packets_pass(proxy: fn(&Path, SocketAddr, SocketAddr) -> Option<Running>) {
    let (_relay, address) = start(options());
    let folder = tempfile::tempdir().unwrap();
    let front = free_address();
    let Some(_proxy) = proxy(folder.path(), front, address) else { return };
    listening(front).await;
    let (mut a, mut b) = (Peer::fresh(front).await, Peer::fresh(front).await);
    let mut direct = Peer::fresh(address).await;
    for length in [0, 1, 1200, 65_504] {
        let payload = vec![7; length];
        a.send(b.key, &payload).await;
        assert_eq!(b.packet().await.expect("a packet"), (a.key, payload.clone().into()));
        b.send(a.key, &payload).await;
        assert_eq!(a.packet().await.expect("a packet"), (b.key, payload.into()));
    }
    direct.send(a.key, b"past the proxy").await;
    assert_eq!(a.packet().await.expect("a packet").1, &b"past the proxy"[..]);
}

#[tokio::test(flavor = "multi_thread")]
async fn packets_pass_nginx() {
    packets_pass(nginx).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn packets_pass_caddy() {
    packets_pass(caddy).await;
}
