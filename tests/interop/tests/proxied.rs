//! Tailscale's own DERP client through real proxies in front of our relay.

mod tools;

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use natscope::drive::relay::{Certificates, RelayOptions};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tools::{PATIENCE, install_provider, join_tls, packet, start};
use ts_keys::NodeKeyPair;

/// Enough for every order of length.
const PACKETS: usize = 300;

/// Kills the program when the test ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A proxy in a folder that has `127.0.0.1.crt` and `127.0.0.1.key`, from a front to a relay behind it.
type Proxy = fn(&Path, SocketAddr, SocketAddr) -> Command;

fn nginx(folder: &Path, front: SocketAddr, relay: SocketAddr) -> Command {
    let here = folder.display();
    let config = format!(
        "daemon off; master_process off; pid {here}/pid; error_log {here}/error.log;
events {{}}
http {{
  access_log off;
  client_body_temp_path {here}/body; proxy_temp_path {here}/proxy; fastcgi_temp_path {here}/fastcgi;
  uwsgi_temp_path {here}/uwsgi; scgi_temp_path {here}/scgi;
  server {{
    listen {front} ssl;
    ssl_certificate {here}/127.0.0.1.crt; ssl_certificate_key {here}/127.0.0.1.key;
    location /derp {{
      proxy_pass http://{relay};
      proxy_http_version 1.1;
      proxy_set_header Host $host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection \"upgrade\";
      proxy_buffering off;
      proxy_read_timeout 3600s;
      proxy_send_timeout 3600s;
    }}
  }}
}}
"
    );
    std::fs::write(folder.join("nginx.conf"), config).unwrap();
    let mut command = Command::new("nginx");
    command.arg("-c").arg(folder.join("nginx.conf")).arg("-p").arg(folder);
    command
}

fn caddy(folder: &Path, front: SocketAddr, relay: SocketAddr) -> Command {
    caddy_to(folder, front, &format!("reverse_proxy {relay}"))
}

/// To HTTPS, by address: the name of the certificate has to be said, and who has signed it.
fn caddy_to_https(folder: &Path, front: SocketAddr, relay: SocketAddr) -> Command {
    let here = folder.display();
    let upstream = format!(
        "reverse_proxy https://{relay} {{\n transport http {{\n tls_server_name 127.0.0.1\n tls_trusted_ca_certs {here}/127.0.0.1.crt\n }}\n}}"
    );
    caddy_to(folder, front, &upstream)
}

fn caddy_to(folder: &Path, front: SocketAddr, upstream: &str) -> Command {
    let here = folder.display();
    let config = format!(
        "{{\n admin off\n auto_https disable_redirects\n}}\nhttps://127.0.0.1:{} {{\n bind 127.0.0.1\n tls {here}/127.0.0.1.crt {here}/127.0.0.1.key\n {upstream}\n}}\n",
        front.port()
    );
    std::fs::write(folder.join("Caddyfile"), config).unwrap();
    let mut command = Command::new("caddy");
    command.args(["run", "--adapter", "caddyfile", "--config"]).arg(folder.join("Caddyfile"));
    command.env("HOME", folder).env("XDG_DATA_HOME", folder);
    command
}

async fn packets_pass(proxy: Proxy, https: bool, ordinal: u8) {
    install_provider();
    let folder = std::env::temp_dir().join(format!("natscope-proxied-{}-{ordinal}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let mut options = RelayOptions::loopback(ordinal);
    options.https_addrs = vec![([127, 0, 0, 1], 0).into()];
    options.http_addrs = Vec::new();
    options.host_name = Some("127.0.0.1".to_owned());
    // The proxy's certificate is the relay's own: made here, and kept in the folder.
    options.certificates = Certificates::SelfSigned { dir: Some(folder.clone()) };
    let (secure, secure_address, _) = start(options.clone());
    options.https_addrs = Vec::new();
    options.http_addrs = vec![([127, 0, 0, 1], 0).into()];
    options.stun_addrs = Vec::new();
    options.stun_alternates = Vec::new();
    let (plain, _, plain_address) = start(options);
    let relay = if https { secure_address } else { plain_address };
    let front = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut command = proxy(&folder, front, relay);
    let said = std::fs::File::create(folder.join("said")).unwrap();
    let spawned = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(said).spawn();
    let running = match spawned {
        Ok(child) => Running(child),
        Err(error) => {
            let required = std::env::var_os("NATSCOPE_REQUIRE_TOOLS").is_some_and(|value| value == "1");
            assert!(!required, "{command:?}: {error}");
            // Past the test harness, which keeps to itself what a passing test prints.
            let _ = writeln!(std::io::stderr(), "NOT RUN: {:?}: {error}", command.get_program());
            return;
        }
    };
    let listening = async {
        while TcpStream::connect(front).await.is_err() {
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        }
    };
    timeout(PATIENCE, listening)
        .await
        .unwrap_or_else(|_| panic!("{}", std::fs::read_to_string(folder.join("said")).unwrap()));

    let (a, b) = (NodeKeyPair::random(), NodeKeyPair::random());
    let (client_a, client_b) = (join_tls(front, &a).await, join_tls(front, &b).await);
    for number in 0..PACKETS {
        let sent = packet(number);
        client_a.send_one(b.public, &sent).await.unwrap();
        let (source, received) = timeout(PATIENCE, client_b.recv_one()).await.expect("in time").expect("a packet");
        assert!(source == a.public && received.as_ref() == sent, "packet {number} there");
        client_b.send_one(a.public, &sent).await.unwrap();
        let (source, received) = timeout(PATIENCE, client_a.recv_one()).await.expect("in time").expect("a packet");
        assert!(source == b.public && received.as_ref() == sent, "packet {number} back");
    }
    drop((client_a, client_b, running));
    secure.stop().await.unwrap();
    plain.stop().await.unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn packets_pass_nginx() {
    packets_pass(nginx, false, 7).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn packets_pass_caddy() {
    packets_pass(caddy, false, 8).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn packets_pass_caddy_to_https() {
    packets_pass(caddy_to_https, true, 9).await;
}
