//! The internet's servers: STUN, HTTPS relays, port 80, the portal and DNS, in one process of the internet's namespace.

mod dns;
mod web;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::net::UdpSocket;

use super::daemons;
use super::dice::Dice;
use super::scenario::{Dns, StunMode};
use super::stun;

/// What to serve; handed over in a file.
#[derive(Debug, Deserialize, Serialize)]
pub struct Config {
    pub stun: Vec<StunServer>,
    /// HTTPS on 443 and HTTP on 80.
    pub relays: Vec<IpAddr>,
    pub portal: IpAddr,
    pub dns: Vec<IpAddr>,
    pub dns_mode: Dns,
    pub names: BTreeMap<String, Vec<IpAddr>>,
    /// Holds `cert.der` and `key.der`.
    pub folder: PathBuf,
}

/// One STUN server: ports 3478 and 3479 of its address and, if any, of its alternate one.
#[derive(Debug, Deserialize, Serialize)]
pub struct StunServer {
    pub address: IpAddr,
    pub alternate: Option<IpAddr>,
    pub mode: StunMode,
    pub reply_delay_ms: f64,
    pub loss_percent: f64,
    pub seed: u64,
}

/// The role: prints `ready` when every socket is bound, then serves until it is killed.
pub fn serve() {
    let path = std::env::args().nth(1).expect("the configuration's path");
    let (config, coturns): (Config, Vec<Ipv4Addr>) =
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        for server in config.stun {
            bind_stun(server).await;
        }
        let tls = web::tls(&config.folder);
        for relay in config.relays {
            web::serve_https(SocketAddr::new(relay, 443), tls.clone()).await;
            web::serve_http(SocketAddr::new(relay, 80), web::Site::Relay).await;
        }
        web::serve_http(SocketAddr::new(config.portal, 80), web::Site::Portal).await;
        for dns in config.dns {
            dns::serve(SocketAddr::new(dns, 53), config.dns_mode, config.names.clone()).await;
        }
        daemons::await_stun(&coturns).expect("coturn");
        println!("ready");
        std::io::stdout().flush().unwrap();
        std::future::pending::<()>().await;
    });
}

struct Stun {
    server: StunServer,
    /// By (alternate address?, alternate port?).
    sockets: BTreeMap<(bool, bool), UdpSocket>,
    /// For answers from the wrong port.
    stray: UdpSocket,
    dice: Mutex<Dice>,
}

async fn bind_stun(server: StunServer) {
    let mut sockets = BTreeMap::new();
    for (other, address) in [(false, Some(server.address)), (true, server.alternate)] {
        for (shifted, port) in [(false, 3478), (true, 3479)] {
            if let Some(address) = address {
                sockets.insert((other, shifted), UdpSocket::bind((address, port)).await.expect("a STUN port"));
            }
        }
    }
    let stray = UdpSocket::bind((server.address, 0)).await.expect("a port");
    let dice = Mutex::new(Dice::new(server.seed));
    let shared = Arc::new(Stun { server, sockets, stray, dice });
    for key in shared.sockets.keys().copied() {
        tokio::spawn(answer(shared.clone(), key));
    }
}

async fn answer(stun: Arc<Stun>, key: (bool, bool)) {
    let mut buffer = [0; 2048];
    loop {
        let Ok((length, client)) = stun.sockets[&key].recv_from(&mut buffer).await else { continue };
        let Some(request) = stun::decode_request(&buffer[..length]) else { continue };
        let lost = stun.dice.lock().unwrap().percent(stun.server.loss_percent);
        if lost || stun.server.mode == StunMode::Silent || (stun.server.mode == StunMode::Tailnode && !request.tailnode)
        {
            continue;
        }
        let shared = stun.clone();
        let reply = async move { shared.reply(key, client, &request).await };
        if stun.server.reply_delay_ms > 0.0 {
            let delay = Duration::from_secs_f64(stun.server.reply_delay_ms / 1000.0);
            tokio::spawn(async move {
                tokio::time::sleep(delay).await;
                reply.await;
            });
        } else {
            reply.await;
        }
    }
}

impl Stun {
    async fn reply(&self, (other, shifted): (bool, bool), client: SocketAddr, request: &stun::Request) {
        let mode = self.server.mode;
        if request.change != 0 && mode == StunMode::DropsChange {
            return;
        }
        if request.change != 0 && mode == StunMode::RefusesChange {
            let _ = self.sockets[&(other, shifted)].send_to(&stun::encode_refusal(request.transaction), client).await;
            return;
        }
        let mut from = (other, shifted);
        if mode != StunMode::IgnoresChange && mode != StunMode::Tailnode {
            from.0 ^= request.change & stun::CHANGE_IP != 0;
            from.1 ^= request.change & stun::CHANGE_PORT != 0;
        }
        if mode == StunMode::DeadAlternate && (other || from.0) {
            return;
        }
        // Without an alternate address there is nobody to answer from there.
        let Some(socket) = self.sockets.get(&from) else { return };
        let mut mapped = client;
        if mode == StunMode::LyingPort {
            mapped.set_port(client.port() ^ 1);
        }
        let mut bytes = stun::encode_response(request.transaction, mapped);
        if let (Some(opposite), true) = (self.sockets.get(&(!other, !shifted)), mode != StunMode::Tailnode) {
            let (origin, other) = (socket.local_addr().unwrap(), opposite.local_addr().unwrap());
            stun::add_discovery(&mut bytes, mapped, origin, other);
        }
        match mode {
            StunMode::Truncated => bytes.truncate(bytes.len() - 6),
            StunMode::Oversized => stun::attribute(&mut bytes, 0x8fff, &[0x5a; 1400]),
            _ => (),
        }
        let socket = if mode == StunMode::WrongSource { &self.stray } else { socket };
        for _ in 0..if mode == StunMode::Duplicate { 2 } else { 1 } {
            // A client that went away is no concern of a server.
            let _ = socket.send_to(&bytes, client).await;
        }
    }
}
