//! Other people's programs in a lab: coturn, tinyproxy, miniupnpd and tayga.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::plan::{GATEWAY, Plan};
use super::scenario::{Scenario, StunMode};

/// coturn at every healthy server and at the first one's alternate address (it is one RFC 5780 server with the latter).
pub fn coturn(scenario: &Scenario, plan: &Plan, folder: &Path) -> Vec<String> {
    let mut listen = vec![plan.server(0), plan.alternate(0)];
    listen.extend(
        (1..scenario.server.len()).filter(|n| scenario.server[*n].stun == StunMode::Ok).map(|n| plan.server(n)),
    );
    let configuration = folder.join("turn.conf");
    std::fs::write(&configuration, "").expect("a file");
    let mut command = vec!["turnserver".to_owned(), "-c".to_owned(), configuration.display().to_string()];
    let pid = format!("--pidfile={}", folder.join("turn.pid").display());
    for flag in
        ["-n", "--stun-only", "--no-tls", "--no-dtls", "--no-cli", "--log-file=/dev/null", "--no-stdout-log", &pid]
    {
        command.push(flag.to_owned());
    }
    command.extend(listen.iter().flat_map(|address| ["-L".to_owned(), address.to_string()]));
    command
}

/// The proxy resolves names itself, so it needs the lab's resolver, which it has no way to be told.
pub fn tinyproxy(folder: &Path, dns: Ipv4Addr) -> Vec<String> {
    let resolver = folder.join("proxy-resolv.conf");
    std::fs::write(&resolver, format!("nameserver {dns}\n")).expect("a file");
    let script = "mount --bind \"$0\" /etc/resolv.conf && exec \"$@\"";
    let text = format!(
        "Port 8888\nListen {GATEWAY}\nTimeout 60\nLogLevel Critical\nLogFile \"{}\"\nAllow 192.168.1.0/24\nConnectPort 443\n",
        folder.join("tinyproxy.log").display()
    );
    let path = folder.join("tinyproxy.conf");
    std::fs::write(&path, text).expect("a file");
    let (resolver, path) = (resolver.display().to_string(), path.display().to_string());
    ["sh", "-c", script, &resolver, "tinyproxy", "-d", "-c", &path].map(str::to_owned).to_vec()
}

/// Where miniupnpd notes the mappings it has made.
pub fn leases(folder: &Path) -> PathBuf {
    folder.join("leases")
}

pub fn miniupnpd(folder: &Path, pcp: bool) -> Vec<String> {
    let pcp = if pcp { "yes" } else { "no" };
    let text = format!(
        "ext_ifname=wan\nlistening_ip=lan\nenable_natpmp={pcp}\nenable_upnp=yes\nsecure_mode=yes\nupnp_table_name=upnp\n\
         upnp_nat_table_name=upnp\nuuid=5d4b2c1a-0000-4000-8000-6e61746c6162\nlease_file={}\n\
         allow 1024-65535 192.168.1.0/24 1024-65535\ndeny 0-65535 0.0.0.0/0 0-65535\n",
        leases(folder).display()
    );
    let path = folder.join("miniupnpd.conf");
    std::fs::write(&path, text).expect("a file");
    let pid = folder.join("miniupnpd.pid").display().to_string();
    ["miniupnpd", "-d", "-f", &path.display().to_string(), "-P", &pid].map(str::to_owned).to_vec()
}

/// Each host behind the NAT64 has an IPv4 address of its own here, which the router then translates.
pub const NAT64_POOL: &str = "192.168.255.0/24";

/// How its device is made, and how it is run.
pub fn tayga(folder: &Path, plan: &Plan) -> [Vec<String>; 2] {
    let text = format!(
        "tun-device nat64\nipv4-addr 192.168.255.1\nprefix {}/96\ndynamic-pool {NAT64_POOL}\ndata-dir {}\n",
        plan.nat64(),
        folder.display()
    );
    let path = folder.join("tayga.conf");
    std::fs::write(&path, text).expect("a file");
    let path = path.display().to_string();
    [&["tayga", "-c", &path, "--mktun"][..], &["tayga", "-c", &path, "-d"]]
        .map(|words| words.iter().map(|word| (*word).to_owned()).collect())
}

/// The role of waiting for coturn, in its namespace: it is not ready when its sockets are bound, so each must answer.
pub fn await_stun(servers: &[Ipv4Addr]) -> Result<(), String> {
    let deadline = Instant::now() + Duration::from_secs(5);
    for server in servers {
        let socket = UdpSocket::bind((*server, 0)).map_err(|e| e.to_string())?;
        socket.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
        loop {
            let _ = socket.send_to(&super::stun::encode_request([7; 12], 0), SocketAddr::from((*server, 3478)));
            if socket.recv(&mut [0; 1500]).is_ok() {
                break;
            }
            if Instant::now() > deadline {
                return Err(format!("coturn does not answer at {server}"));
            }
        }
    }
    Ok(())
}

/// A daemon in a namespace, with its output kept in the folder.
pub fn spawn(namespace: &str, command: &[String], folder: &Path) -> std::io::Result<std::process::Child> {
    let log = std::fs::File::create(folder.join(format!("{}.log", command[0])))?;
    Command::new("ip")
        .args(["netns", "exec", namespace])
        .args(command)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
}
