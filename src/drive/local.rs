//! What the host of a relay says of itself: sockets, the clock, relays that run. Linux alone tells; elsewhere nothing is
//! known, and nothing is claimed.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::process::{Command, Stdio};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use sha2::{Digest as _, Sha256};

use crate::probe::{CertificateFile, LocalFacts, RelayProcess};
use crate::wire::x509::Certificate;

/// Processes looked at, and words of a command line.
const PROCESSES: usize = 100_000;
const WORDS: usize = 200;

/// States of sockets in the tables of Linux: listening, and what a UDP socket is in.
const LISTENING: &str = "0A";
const UNCONNECTED: &str = "07";

/// The facts as they are now. `sockets` are paths to be looked for beside those that relays name.
#[must_use]
pub fn facts(sockets: &[&str]) -> LocalFacts {
    let table = |name: &str| fs::read_to_string(Path::new("/proc/net").join(name)).unwrap_or_default();
    let bound =
        |names: [&str; 2], state| names.into_iter().flat_map(|name| endpoints(&table(name), state)).collect::<Vec<_>>();
    let relays = relays();
    let named = relays.iter().flat_map(|relay| &relay.arguments).filter_map(|word| {
        let path = word.split_once('=').map_or(word.as_str(), |(_, value)| value);
        path.starts_with('/').then(|| path.to_owned())
    });
    let known = sockets.iter().map(|path| (*path).to_owned()).chain(named);
    LocalFacts {
        tcp: bound(["tcp", "tcp6"], LISTENING),
        udp: bound(["udp", "udp6"], UNCONNECTED),
        clock_synchronized: clock_synchronized(),
        sockets: known.filter(|path| Path::new(path).exists()).collect(),
        relays,
    }
}

/// The local endpoints of a table of `/proc/net` that are in a state.
fn endpoints(table: &str, state: &str) -> Vec<SocketAddr> {
    let endpoint = |line: &str| {
        let mut columns = line.split_ascii_whitespace();
        let local = columns.nth(1)?;
        let is_in = columns.nth(1)? == state;
        let (address, port) = local.split_once(':')?;
        let port = u16::from_str_radix(port, 16).ok()?;
        is_in.then_some(SocketAddr::new(address_of(address)?, port))
    };
    table.lines().skip(1).filter_map(endpoint).collect()
}

/// Words of 32 bits, each in the byte order of the host.
fn address_of(hex: &str) -> Option<IpAddr> {
    let word = |at: usize| Some(u32::from_str_radix(hex.get(at * 8..at * 8 + 8)?, 16).ok()?.to_ne_bytes());
    match hex.len() {
        8 => Some(IpAddr::V4(Ipv4Addr::from(word(0)?))),
        32 => {
            let bytes = [word(0)?, word(1)?, word(2)?, word(3)?].concat();
            let bytes: [u8; 16] = bytes.try_into().ok()?;
            Some(IpAddr::V6(Ipv6Addr::from(bytes)).to_canonical())
        }
        _ => None,
    }
}

/// Whether the system says that something keeps its clock right.
fn clock_synchronized() -> Option<bool> {
    let mut command = Command::new("timedatectl");
    command.args(["show", "--property=NTPSynchronized", "--value"]).stdin(Stdio::null()).stderr(Stdio::null());
    let output = command.output().ok().filter(|output| output.status.success())?;
    match String::from_utf8_lossy(&output.stdout).trim() {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    }
}

/// derpers that run here, with their arguments.
fn relays() -> Vec<RelayProcess> {
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let derper = |entry: std::io::Result<fs::DirEntry>| {
        let bytes = fs::read(entry.ok()?.path().join("cmdline")).ok()?;
        let mut words = bytes.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned());
        let program = words.next()?;
        let is_derper = Path::new(&program).file_name().is_some_and(|name| name == "derper");
        is_derper.then(|| {
            let arguments: Vec<String> = words.filter(|word| !word.is_empty()).take(WORDS).collect();
            RelayProcess { certificate: certificate_file(&arguments), arguments }
        })
    };
    processes.take(PROCESSES).filter_map(derper).collect()
}

/// The file derper reads with `-certmode manual`: the host name with `.crt`, in the directory it is told.
fn certificate_file(arguments: &[String]) -> Option<CertificateFile> {
    let value = |flag: &str| {
        let place =
            arguments.iter().position(|argument| argument.trim_start_matches('-').split('=').next() == Some(flag));
        let argument = arguments.get(place?)?;
        argument.split_once('=').map(|(_, value)| value.to_owned()).or_else(|| arguments.get(place? + 1).cloned())
    };
    if value("certmode")? != "manual" {
        return None;
    }
    let path = Path::new(&value("certdir")?).join(format!("{}.crt", value("hostname")?));
    let content = CertificateDer::from_pem_file(&path).ok().and_then(|der| {
        let not_after = Certificate::decode(&der)?.not_after;
        let sha256 = Sha256::digest(&der).iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        Some((sha256, not_after))
    });
    Some(CertificateFile { path: path.display().to_string(), content })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_endian = "little")]
    fn tables_of_sockets_are_read() {
        let table = "  sl  local_address rem_address   st tx_queue\n   \
                     0: 0100007F:0D96 00000000:0000 0A 00000000:00000000\n   \
                     1: 00000000:01BB 00000000:0000 01 00000000:00000000\n   \
                     2: 00000000000000000000000001000000:01BB 00000000000000000000000000000000:0000 0A 0:0\n nonsense\n";
        let expected: Vec<SocketAddr> = vec!["127.0.0.1:3478".parse().unwrap(), "[::1]:443".parse().unwrap()];
        assert_eq!(endpoints(table, LISTENING), expected);
    }

    #[test]
    fn the_certificate_file_of_a_derper_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(vec!["relay.example".to_owned()]).unwrap();
        std::fs::write(dir.path().join("relay.example.crt"), made.cert.pem()).unwrap();
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let at = dir.path().display();
        for text in [
            format!("-certmode manual -certdir {at} -hostname relay.example"),
            format!("--certmode=manual --hostname=relay.example --certdir={at}"),
        ] {
            let file = certificate_file(&words(&text)).unwrap();
            assert!(file.path.ends_with("relay.example.crt"), "{}", file.path);
            assert_eq!(file.content.unwrap().0.len(), 64);
        }
        let missing = certificate_file(&words(&format!("-certmode manual -certdir {at} -hostname other"))).unwrap();
        assert_eq!(missing.content, None);
        assert_eq!(certificate_file(&words("-certmode letsencrypt -hostname relay.example")), None);
        assert_eq!(certificate_file(&words("-certmode manual -hostname")), None);
    }

    #[test]
    fn a_socket_of_ours_is_seen() {
        if !cfg!(target_os = "linux") {
            return;
        }
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        assert!(facts(&[]).udp.contains(&socket.local_addr().unwrap()));
    }
}
