//! What the host of a relay says of itself: sockets, the clock, relays that run. Linux alone tells; elsewhere nothing is
//! known, and nothing is claimed.

use std::collections::VecDeque;
use std::fs;
use std::io::{self, Read as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use sha2::{Digest as _, Sha256};

use crate::probe::{CertificateFile, FileContent, LocalFacts, RelayProcess};
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
    LocalFacts {
        tcp: bound(Path::new("/proc/net"), ["tcp", "tcp6"], LISTENING),
        udp: bound(Path::new("/proc/net"), ["udp", "udp6"], UNCONNECTED),
        clock_synchronized: clock_synchronized(),
        relays: relays(sockets),
    }
}

/// What the tables of both families say. `None`: they do not tell.
fn bound(folder: &Path, [v4, v6]: [&str; 2], state: &str) -> Option<Vec<SocketAddr>> {
    let mut found = endpoints(&fs::read_to_string(folder.join(v4)).ok()?, state);
    match fs::read_to_string(folder.join(v6)) {
        Ok(table) => found.extend(endpoints(&table, state)),
        // A kernel without IPv6.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(_) => return None,
    }
    Some(found)
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

/// derpers that run here.
fn relays(sockets: &[&str]) -> Vec<RelayProcess> {
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let derper = |entry: io::Result<fs::DirEntry>| {
        let process = entry.ok()?.path();
        let bytes = fs::read(process.join("cmdline")).ok()?;
        let mut words = bytes.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned());
        let program = words.next()?;
        let is_derper = Path::new(&program).file_name().is_some_and(|name| name == "derper");
        is_derper.then(|| {
            let arguments: Vec<String> = words.filter(|word| !word.is_empty()).take(WORDS).collect();
            relay(&process, arguments, sockets)
        })
    };
    processes.take(PROCESSES).filter_map(derper).collect()
}

/// A derper, and what of its files is looked for. `process` is its folder in `/proc`.
fn relay(process: &Path, arguments: Vec<String>, sockets: &[&str]) -> RelayProcess {
    let named = arguments.iter().filter_map(|word| {
        let path = word.split_once('=').map_or(word.as_str(), |(_, value)| value);
        path.starts_with('/').then_some(path)
    });
    let is_missing =
        |path: &&str| find(process, Path::new(path)).is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
    let missing = named.chain(sockets.iter().copied()).filter(is_missing).map(str::to_owned).collect();
    let network = |of: &Path| fs::read_link(of.join("ns/net")).ok();
    let shares_network = network(process).and_then(|its| Some(its == network(Path::new("/proc/self"))?));
    RelayProcess { certificate: certificate_file(process, &arguments), arguments, missing, shares_network }
}

/// Symbolic links followed on the way to a file, as many as the kernel follows.
const MOST_LINKS: usize = 40;

/// Where a file is that a process would open by this path. A container has its own root, and links in it are meant from
/// there, while the kernel would follow an absolute one from ours.
fn find(process: &Path, path: &Path) -> io::Result<PathBuf> {
    if !path.is_absolute() {
        let found = process.join("cwd").join(path);
        return found.metadata().map(|_| found);
    }
    let root = process.join("root");
    // Whether it may be looked at is asked of the root itself: a folder that is not told of is not one that is not there.
    fs::read_link(&root)?;
    let mut found = root.clone();
    let mut ahead: VecDeque<PathBuf> = parts(path);
    let mut links = 0;
    while let Some(part) = ahead.pop_front() {
        if part == Path::new("..") {
            if found != root {
                found.pop();
            }
            continue;
        }
        let next = found.join(&part);
        if !next.symlink_metadata()?.is_symlink() {
            found = next;
            continue;
        }
        links += 1;
        if links > MOST_LINKS {
            return Err(io::Error::other("too many symbolic links"));
        }
        let target = fs::read_link(&next)?;
        if target.is_absolute() {
            found.clone_from(&root);
        }
        let mut before = parts(&target);
        before.append(&mut ahead);
        ahead = before;
    }
    Ok(found)
}

/// The names a path is made of, and steps up.
fn parts(path: &Path) -> VecDeque<PathBuf> {
    let counts = |part: &Component<'_>| matches!(part, Component::Normal(_) | Component::ParentDir);
    path.components().filter(counts).map(|part| PathBuf::from(part.as_os_str())).collect()
}

/// The file derper reads with `-certmode manual`: the host name with `.crt`, in the directory it is told.
fn certificate_file(process: &Path, arguments: &[String]) -> Option<CertificateFile> {
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
    let content = match find(process, &path).and_then(|found| read_certificate(&found)) {
        Ok(content) => content,
        Err(error) if error.kind() == io::ErrorKind::NotFound => FileContent::Missing,
        Err(error) => FileContent::Unreadable { said: error.to_string() },
    };
    Some(CertificateFile { path: path.display().to_string(), content })
}

/// Larger than any chain of certificates.
const MOST_BYTES: u64 = 1 << 20;

fn read_certificate(path: &Path) -> io::Result<FileContent> {
    // A pipe or a device would be waited for.
    if !path.metadata()?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut text = Vec::new();
    fs::File::open(path)?.take(MOST_BYTES).read_to_end(&mut text)?;
    let read = || {
        let der = CertificateDer::from_pem_slice(&text).ok()?;
        let not_after = Certificate::decode(&der)?.not_after;
        let sha256 = Sha256::digest(&der).iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        Some(FileContent::Certificate { sha256, not_after })
    };
    Ok(read().unwrap_or(FileContent::NoCertificate))
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

    /// The folder of a process in `/proc`, with this root and working directory.
    #[cfg(unix)]
    fn process(root: &Path) -> tempfile::TempDir {
        let process = tempfile::tempdir().unwrap();
        for link in ["root", "cwd"] {
            std::os::unix::fs::symlink(root, process.path().join(link)).unwrap();
        }
        process
    }

    #[cfg(unix)]
    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    #[cfg(unix)]
    fn the_certificate_file_of_a_derper_is_read() {
        let root = tempfile::tempdir().unwrap();
        let certs = root.path().join("certs");
        fs::create_dir(&certs).unwrap();
        let made = rcgen::generate_simple_self_signed(vec!["relay.example".to_owned()]).unwrap();
        fs::write(certs.join("relay.example.crt"), made.cert.pem()).unwrap();
        fs::write(certs.join("key.example.crt"), made.signing_key.serialize_pem()).unwrap();
        fs::create_dir(certs.join("folder.example.crt")).unwrap();
        let process = process(root.path());
        let content = |text: &str| certificate_file(process.path(), &words(text)).unwrap().content;
        for text in [
            "-certmode manual -certdir /certs -hostname relay.example",
            "--certmode=manual --hostname=relay.example --certdir=/certs",
            "-certmode manual -certdir certs -hostname relay.example",
        ] {
            let file = certificate_file(process.path(), &words(text)).unwrap();
            assert!(file.path.ends_with("certs/relay.example.crt"), "{}", file.path);
            let FileContent::Certificate { sha256, .. } = file.content else { panic!("{text}: {:?}", file.content) };
            assert_eq!(sha256.len(), 64);
        }
        for (host, expected) in [
            ("other", FileContent::Missing),
            ("key.example", FileContent::NoCertificate),
            ("folder.example", FileContent::Unreadable { said: "not a regular file".to_owned() }),
        ] {
            assert_eq!(content(&format!("-certmode manual -certdir /certs -hostname {host}")), expected, "{host}");
        }
        let none = |text: &str| certificate_file(process.path(), &words(text));
        assert_eq!(none("-certmode letsencrypt -hostname relay.example"), None);
        assert_eq!(none("-certmode manual -hostname"), None);
    }

    /// As in a container: `/var/run` is a link to `/run`, and the one of this host is none of its business.
    #[test]
    #[cfg(target_os = "linux")]
    fn links_are_followed_from_the_root_of_the_process() {
        let root = tempfile::tempdir().unwrap();
        let link = |to: &str, at: &str| std::os::unix::fs::symlink(to, root.path().join(at)).unwrap();
        fs::create_dir_all(root.path().join("run/tailscale")).unwrap();
        fs::create_dir(root.path().join("var")).unwrap();
        fs::write(root.path().join("run/tailscale/tailscaled.sock"), "").unwrap();
        link("/run", "var/run");
        link("/proc/self", "out");
        link("../../../../run/tailscale/tailscaled.sock", "run/up");
        link("round", "run/round");
        let process = process(root.path());
        let kind = |path: &str| find(process.path(), Path::new(path)).map_err(|error| error.kind()).err();
        assert_eq!(kind("/var/run/tailscale/tailscaled.sock"), None);
        assert_eq!(kind("/run/up"), None);
        assert_eq!(kind("/var/run/other.sock"), Some(io::ErrorKind::NotFound));
        // There is a /proc/self/cmdline here, and none in that root.
        assert_eq!(kind("/out/cmdline"), Some(io::ErrorKind::NotFound));
        assert_eq!(kind("/run/round"), Some(io::ErrorKind::Other));
        // A process whose root is not told: nothing is said to be missing.
        let untold = tempfile::tempdir().unwrap();
        fs::write(untold.path().join("root"), "").unwrap();
        assert_ne!(find(untold.path(), Path::new("/run")).map_err(|error| error.kind()), Err(io::ErrorKind::NotFound));

        let told = relay(
            process.path(),
            words("-verify-clients --socket=/run/x.sock"),
            &["/var/run/tailscale/tailscaled.sock"],
        );
        assert_eq!((told.missing, told.shares_network), (vec!["/run/x.sock".to_owned()], None));
        let own = relay(Path::new("/proc/self"), Vec::new(), &[]);
        assert_eq!(own.shares_network, Some(true));
    }

    #[test]
    fn tables_that_are_not_told_are_not_empty() {
        let folder = tempfile::tempdir().unwrap();
        let of = || bound(folder.path(), ["tcp", "tcp6"], LISTENING);
        assert_eq!(of(), None);
        fs::write(folder.path().join("tcp"), "  sl\n 0: 0100007F:0D96 00000000:0000 0A\n").unwrap();
        assert_eq!(of().map(|found| found.len()), Some(1), "a kernel without IPv6");
        fs::create_dir(folder.path().join("tcp6")).unwrap();
        assert_eq!(of(), None);
    }

    #[test]
    fn a_socket_of_ours_is_seen() {
        if !cfg!(target_os = "linux") {
            return;
        }
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        assert!(facts(&[]).udp.unwrap().contains(&socket.local_addr().unwrap()));
    }
}
