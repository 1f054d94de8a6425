//! Another host of the client's LAN, which uses the same port as the client, to some of the same servers.

use std::io::Write as _;
use std::net::{Ipv4Addr, UdpSocket};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::stun;

/// Handed over in a file.
#[derive(Debug, Deserialize, Serialize)]
pub struct Config {
    pub port: u16,
    pub servers: Vec<Ipv4Addr>,
}

/// The role: prints `ready` when all servers have answered, then keeps the flows open until it is killed.
pub fn run() {
    let path = std::env::args().nth(1).expect("the configuration's path");
    let config: Config = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let socket = UdpSocket::bind(("0.0.0.0", config.port)).expect("the port");
    socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let ask = |server: &Ipv4Addr| socket.send_to(&stun::encode_request([3; 12], 0), (*server, 3478)).is_ok();
    for server in &config.servers {
        let answered = (0..20).any(|_| ask(server) && socket.recv(&mut [0; 1500]).is_ok());
        assert!(answered, "{server} does not answer the housemate");
    }
    println!("ready");
    std::io::stdout().flush().unwrap();
    loop {
        std::thread::sleep(Duration::from_secs(5));
        config.servers.iter().for_each(|server| {
            ask(server);
        });
    }
}
