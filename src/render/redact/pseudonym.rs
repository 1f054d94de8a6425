use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};

use super::address::{Kind, embedded};

/// What occurs in a report, and what stands for it.
#[derive(Debug, Default)]
pub(super) struct Pseudonyms {
    /// While true, names and addresses are learned and left as they are.
    collecting: bool,
    originals: HashSet<IpAddr>,
    addresses: HashMap<IpAddr, IpAddr>,
    used: BTreeMap<Kind, u32>,
    /// Names of each sort, as they occur (hosts in lower case), with their pseudonyms.
    names: HashMap<(Sort, String), Option<String>>,
    numbers: HashMap<Sort, u32>,
    /// The names of more than one word, by their first one.
    phrases: HashMap<String, Vec<(Sort, String)>>,
    /// Names of Tailscale's own regions and nodes.
    public: HashSet<String>,
}

/// What a name names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Sort {
    Host,
    RegionCode,
    RegionName,
    Node,
    Interface,
    Hash,
}

impl Sort {
    /// All of which a word of free text may be one. (Hashes are known by their form.)
    const IN_TEXT: [Self; 5] = [Self::Host, Self::Node, Self::RegionCode, Self::RegionName, Self::Interface];

    fn pseudonym(self, number: u32, original: &str) -> String {
        match self {
            Self::Host => format!("host-{number}.example"),
            Self::RegionCode => format!("region-{number}"),
            Self::RegionName => format!("Region {number}"),
            Self::Node => format!("node-{number}"),
            // The beginning of the name, where it is a usual one, says what kind of interface it is.
            Self::Interface => format!("{}{number}", usual_prefix(original).unwrap_or("if")),
            Self::Hash => format!("{number:0width$}", width = original.len()),
        }
    }
}

/// Hosts that are the same for everybody: Tailscale's.
pub(super) fn is_public_host(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    host == "tailscale.com" || host.ends_with(".tailscale.com")
}

/// Beginnings of interface names that systems give by themselves.
const USUAL: [&str; 27] = [
    "tailscale",
    "docker",
    "bridge",
    "utun",
    "wlan",
    "wlp",
    "wls",
    "eth",
    "enp",
    "ens",
    "eno",
    "tun",
    "tap",
    "ppp",
    "veth",
    "virbr",
    "wwan",
    "awdl",
    "llw",
    "anpi",
    "ipsec",
    "pdp_ip",
    "gif",
    "wg",
    "br",
    "en",
    "lo",
];

fn usual_prefix(name: &str) -> Option<&'static str> {
    USUAL.into_iter().find(|prefix| name.starts_with(prefix))
}

/// Whether an interface name is one that systems give by themselves: a usual beginning, then numbers of slots.
fn is_usual_interface(name: &str) -> bool {
    usual_prefix(name).is_some_and(|prefix| {
        let rest = name.strip_prefix(prefix).unwrap_or_default();
        rest.len() <= 6 && rest.chars().all(|character| matches!(character, '0'..='9' | 's' | 'f' | 'p' | '.'))
    })
}

impl Pseudonyms {
    /// Learns what occurs.
    pub(super) fn collecting() -> Self {
        Self { collecting: true, ..Self::default() }
    }

    /// From now on, replaces.
    pub(super) fn collected(&mut self) {
        self.collecting = false;
        for (sort, name) in self.names.keys().filter(|(_, name)| name.contains(char::is_whitespace)) {
            let first = words(name).next().unwrap_or_default().to_owned();
            self.phrases.entry(first).or_default().push((*sort, name.clone()));
        }
    }

    pub(super) fn address(&mut self, address: &mut IpAddr) {
        *address = self.of_address(*address);
    }

    pub(super) fn endpoint(&mut self, endpoint: &mut SocketAddr) {
        // A new one, so that scope and flow of a link-local IPv6 endpoint are gone too.
        *endpoint = SocketAddr::new(self.of_address(endpoint.ip()), endpoint.port());
    }

    fn of_address(&mut self, address: IpAddr) -> IpAddr {
        if let Some((v4, back)) = embedded(address) {
            return match self.of_address(IpAddr::V4(v4)) {
                IpAddr::V4(v4) => IpAddr::V6(back(v4)),
                v6 @ IpAddr::V6(_) => v6,
            };
        }
        let Some(kind) = Kind::of(address) else { return address };
        if self.collecting {
            self.originals.insert(address);
            return address;
        }
        if let Some(known) = self.addresses.get(&address) {
            return *known;
        }
        let number = self.used.entry(kind).or_default();
        let pseudonym = loop {
            *number = number.saturating_add(1);
            let candidate = kind.pseudonym(*number);
            if *number == u32::MAX || !self.originals.contains(&candidate) {
                break candidate;
            }
        };
        self.addresses.insert(address, pseudonym);
        pseudonym
    }

    /// A host name, or an address in its place.
    pub(super) fn host(&mut self, host: &mut String) {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        if bare.parse::<IpAddr>().is_ok() || bare.parse::<SocketAddr>().is_ok() {
            self.text(host);
        } else if !host.is_empty() && !is_public_host(host) {
            let key = host.trim_end_matches('.').to_lowercase();
            *host = self.of_name(Sort::Host, &key).unwrap_or_else(|| host.clone());
        }
    }

    pub(super) fn region_code(&mut self, code: &mut String, public: bool) {
        self.name(Sort::RegionCode, code, public);
    }

    pub(super) fn region_name(&mut self, name: &mut String, public: bool) {
        self.name(Sort::RegionName, name, public);
    }

    pub(super) fn node_name(&mut self, name: &mut String, public: bool) {
        self.name(Sort::Node, name, public);
    }

    pub(super) fn interface(&mut self, name: &mut String) {
        let usual = is_usual_interface(name);
        self.name(Sort::Interface, name, usual);
    }

    /// A STUN server: a node of the map by its name, or a host.
    pub(super) fn server(&mut self, server: &mut String) {
        if self.public.contains(server.as_str()) {
            return;
        }
        if self.names.contains_key(&(Sort::Node, server.clone())) {
            self.name(Sort::Node, server, false);
        } else if let Some((host, port)) = host_and_port(server) {
            let mut host = host.to_owned();
            let port = port.to_owned();
            self.host(&mut host);
            *server = format!("{host}:{port}");
        } else if server.contains([':', '/', ' ', '[']) {
            // With a port or as a URI it is no bare host any more.
            self.text(server);
        } else {
            self.host(server);
        }
    }

    /// A hash or a key in hexadecimal digits.
    pub(super) fn hash(&mut self, hash: &str) -> String {
        self.of_name(Sort::Hash, &hash.to_ascii_lowercase()).unwrap_or_else(|| hash.to_owned())
    }

    fn name(&mut self, sort: Sort, name: &mut String, public: bool) {
        if public {
            self.public.insert(name.clone());
        } else if !name.is_empty() && !self.public.contains(name.as_str()) {
            let key = name.clone();
            *name = self.of_name(sort, &key).unwrap_or(key);
        }
    }

    /// The pseudonym of a name; `None` while collecting.
    fn of_name(&mut self, sort: Sort, name: &str) -> Option<String> {
        let key = (sort, name.to_owned());
        if self.collecting {
            self.names.entry(key).or_insert(None);
            return None;
        }
        if let Some(Some(known)) = self.names.get(&key) {
            return Some(known.clone());
        }
        let number = self.numbers.entry(sort).or_default();
        let pseudonym = loop {
            *number = number.saturating_add(1);
            let candidate = sort.pseudonym(*number, name);
            if *number == u32::MAX || !self.names.contains_key(&(sort, candidate.clone())) {
                break candidate;
            }
        };
        self.names.insert(key, Some(pseudonym.clone()));
        Some(pseudonym)
    }

    /// What a word of free text stands for, if it is a name that occurs elsewhere in the report.
    pub(super) fn known_word(&mut self, word: &str) -> Option<String> {
        if self.public.contains(word) || is_public_host(word) {
            return None;
        }
        let lower = word.trim_end_matches('.').to_lowercase();
        Sort::IN_TEXT.into_iter().find_map(|sort| {
            let key = if sort == Sort::Host { &lower } else { word };
            self.names.contains_key(&(sort, key.to_owned())).then(|| self.of_name(sort, key)).flatten()
        })
    }

    /// The names of more than one word that a text may hold, with their pseudonyms, longest first.
    pub(super) fn phrases_in(&mut self, text: &str) -> Vec<(String, String)> {
        if self.phrases.is_empty() {
            return Vec::new();
        }
        let words: HashSet<_> = words(text).chain([""]).collect();
        let mut found: Vec<_> =
            words.into_iter().filter_map(|word| self.phrases.get(word)).flatten().cloned().collect();
        found.sort_by(|(_, a), (_, b)| b.len().cmp(&a.len()).then(a.cmp(b)));
        found.into_iter().filter_map(|(sort, name)| Some((name.clone(), self.of_name(sort, &name)?))).collect()
    }
}

/// Letters and digits that stand together.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|character: char| !character.is_alphanumeric()).filter(|word| !word.is_empty())
}
/// The two parts of `host:port`, where the host is a bare name: a single label, too, names a machine.
fn host_and_port(server: &str) -> Option<(&str, &str)> {
    let (host, port) = server.split_once(':')?;
    let named = !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    let address = host.parse::<IpAddr>().is_ok();
    (named && !address && port.parse::<u16>().is_ok()).then_some((host, port))
}
