//! A scenario as its file gives it. Unknown keys are errors: a misspelt expectation must not pass.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::truth::Truth;
use super::verdicts::Expect;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub struct Scenario {
    /// File name without its ending.
    #[serde(skip)]
    pub name: String,
    /// What it is about, in a sentence.
    pub about: String,
    /// What the router before the client does.
    pub nat: Nat,
    /// A second, carrier's, router in front of it: the first one's WAN is then in 100.64.0.0/10.
    pub carrier: Option<Nat>,
    /// What the router lets out, beside the NAT.
    #[serde(default)]
    pub surroundings: Surroundings,
    /// Whether its router lets two inside hosts reach each other at their outside endpoints; only with learned
    /// mappings (not with the kernel's own two).
    #[serde(default)]
    pub hairpin: bool,
    /// Without it the client has no IPv4 at all.
    #[serde(default = "yes")]
    pub ipv4: bool,
    #[serde(default)]
    pub ipv6: Ipv6,
    #[serde(default)]
    pub plan: PlanName,
    /// miniupnpd on the router (UPnP, NAT-PMP and PCP). It refuses documentation addresses: needs `plan = "public"`.
    #[serde(default)]
    pub upnp: bool,
    /// It has NAT-PMP and PCP switched off.
    #[serde(default)]
    pub upnp_only: bool,
    /// Chance of each packet to be lost on the WAN link, in each direction, by the kernel.
    #[serde(default)]
    pub loss_percent: f64,
    /// A NAT64 (tayga) on the router, and a resolver that tells of it: the client's way to IPv4 where it has none.
    #[serde(default)]
    pub nat64: bool,
    /// The router itself takes what strangers send to its outside address, and so keeps a flow of it.
    #[serde(default)]
    pub input_accept: bool,
    /// Another host of the LAN, which talks to every other server from this port.
    pub housemate_port: Option<u16>,
    /// The router's conntrack timeouts for UDP in seconds: after one exchange, and after a stream.
    #[serde(default = "minute")]
    pub udp_timeouts_s: [u32; 2],
    #[serde(default)]
    pub dns: Dns,
    /// Whether the map gives addresses; otherwise only names.
    #[serde(default = "yes")]
    pub literals: bool,
    /// coturn answers STUN over IPv4 at servers whose `stun` is "ok", instead of the lab's own server.
    #[serde(default)]
    pub coturn: bool,
    /// The user-space wire in place of the WAN link. Also there when a server has an `rtt_ms`.
    pub wire: Option<Wire>,
    /// The relays of the internet, three when not given. The n-th is `s<n>`, region 900 + n.
    #[serde(default = "three")]
    pub server: Vec<Server>,
    pub truth: Truth,
    #[serde(default)]
    pub run: Vec<Run>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Nat {
    /// No NAT and no firewall: the client has a public address.
    Open,
    /// A public address behind a stateful firewall.
    Firewall,
    FullCone,
    Restricted,
    /// Linux's plain `masquerade`.
    PortRestricted,
    /// Endpoint-independent with random ports: mapping is not port preservation.
    PortRestrictedRandom,
    /// Address-dependent mapping, random ports.
    AddressDependent,
    /// `masquerade fully-random`.
    Symmetric,
    /// External ports 40000, 40001, … by flow.
    SymmetricSequential,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Surroundings {
    #[default]
    Free,
    UdpBlocked,
    /// ICMP "administratively prohibited" for each.
    UdpRejected,
    #[serde(rename = "udp-53-443")]
    Udp53And443,
    #[serde(rename = "only-tcp-443")]
    OnlyTcp443,
    /// Port 80 leads to a portal that answers 302; other TCP is reset, the rest dropped.
    Captive,
    /// Nothing gets through the router, but it has an HTTP proxy (CONNECT) at port 8888.
    ProxyOnly,
    Offline,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Ipv6 {
    #[default]
    Off,
    /// A global prefix behind a stateful firewall.
    Native,
    /// The same, but the router drops all of it silently.
    Blackhole,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum PlanName {
    /// The addresses of RFC 5737 and RFC 3849.
    #[default]
    Documentation,
    /// Addresses no program takes for reserved.
    Public,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Dns {
    #[default]
    Ok,
    Silent,
    /// Each answer two seconds late.
    Slow,
    Nxdomain,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Wire {
    /// Added to a server's own `rtt_ms`.
    pub rtt_ms: f64,
    /// Up to this much more in each direction, evenly spread; packets overtake each other.
    pub jitter_ms: f64,
    /// Of each direction.
    pub loss_percent: f64,
    pub duplicate_percent: f64,
    /// This share of packets is later by `late_ms`, in each direction.
    pub late_percent: f64,
    pub late_ms: f64,
    pub seed: u64,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Server {
    /// Round trip on the wire, of everything: UDP, TCP, ICMP.
    pub rtt_ms: f64,
    pub stun: StunMode,
    /// The STUN server itself answers later by this much (UDP only).
    pub reply_delay_ms: f64,
    /// The STUN server leaves this share of requests unanswered.
    pub loss_percent: f64,
    /// No HTTPS and no port 80: the TCP ports are closed.
    pub no_relay: bool,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum StunMode {
    #[default]
    Ok,
    /// As Tailscale's: only requests with SOFTWARE "tailnode" and a last, right FINGERPRINT; only XOR-MAPPED-ADDRESS back.
    Tailnode,
    /// The port is closed.
    Killed,
    Silent,
    /// The mapped port it reports is one too high.
    LyingPort,
    /// Answers leave from another port.
    WrongSource,
    Duplicate,
    Truncated,
    /// 1400 bytes of padding after the answer's attributes.
    Oversized,
    /// CHANGE-REQUEST is answered from the usual address.
    IgnoresChange,
    /// CHANGE-REQUEST is answered with error 420.
    RefusesChange,
    /// CHANGE-REQUEST is not answered.
    DropsChange,
    /// OTHER-ADDRESS names an address at which nobody is, and from which nothing comes.
    DeadAlternate,
}

/// One run of the built binary.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// As `["netcheck"]`; `--json` and the map are added, `{s1}` becomes the first server's STUN endpoint.
    pub args: Vec<String>,
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// The run may take that long; 20 seconds when not given.
    pub longest_s: Option<u64>,
    pub expect: Expect,
}

impl Scenario {
    /// All files of the folder.
    pub fn all() -> Vec<(String, Result<Self, String>)> {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/natlab/scenarios");
        let mut paths: Vec<_> =
            std::fs::read_dir(&folder).expect("scenarios").map(|entry| entry.unwrap().path()).collect();
        paths.retain(|path| path.extension().is_some_and(|ending| ending == "toml"));
        paths.sort();
        paths
            .into_iter()
            .map(|path| {
                let name = path.file_stem().unwrap().to_string_lossy().into_owned();
                let text = std::fs::read_to_string(&path).expect("scenario");
                (name.clone(), Self::parse(&name, &text).map_err(|e| format!("{}: {e}", path.display())))
            })
            .collect()
    }

    pub fn parse(name: &str, text: &str) -> Result<Self, String> {
        let mut scenario: Self = toml::from_str(text).map_err(|e| e.to_string())?;
        name.clone_into(&mut scenario.name);
        if scenario.server.len() > 5 {
            return Err("more than five servers: the address plan has no more".to_owned());
        }
        let learned = !matches!(scenario.nat, Nat::Open | Nat::Firewall | Nat::PortRestricted | Nat::Symmetric);
        if scenario.hairpin && !learned {
            return Err("hairpin needs a NAT with learned mappings".to_owned());
        }
        if scenario.carrier.is_some() && scenario.ipv6 != Ipv6::Off {
            return Err("the carrier's router has no IPv6".to_owned());
        }
        if !scenario.ipv4 && scenario.ipv6 == Ipv6::Off {
            return Err("neither IPv4 nor IPv6".to_owned());
        }
        if scenario.nat64 && (scenario.ipv6 != Ipv6::Native || scenario.plan != PlanName::Documentation) {
            return Err("nat64 needs ipv6 = \"native\" and the plan \"documentation\"".to_owned());
        }
        if scenario.upnp && scenario.plan != PlanName::Public {
            return Err("upnp needs plan = \"public\"".to_owned());
        }
        Ok(scenario)
    }

    /// Programs it needs beside those every lab needs.
    pub fn tools(&self) -> Vec<&'static str> {
        let mut tools = Vec::new();
        if self.coturn {
            tools.push("turnserver");
        }
        if self.surroundings == Surroundings::ProxyOnly {
            tools.push("tinyproxy");
        }
        if self.nat64 {
            tools.push("tayga");
        }
        if self.upnp {
            tools.push("miniupnpd");
        }
        tools
    }

    pub fn has_wire(&self) -> bool {
        self.wire.is_some() || self.server.iter().any(|server| server.rtt_ms > 0.0)
    }

    /// The round trip to the n-th server (from 0) that the wire was asked for.
    pub fn rtt_ms(&self, server: usize) -> f64 {
        self.wire.as_ref().map_or(0.0, |wire| wire.rtt_ms) + self.server[server].rtt_ms
    }
}

const fn yes() -> bool {
    true
}

const fn minute() -> [u32; 2] {
    [60, 60]
}

fn three() -> Vec<Server> {
    vec![Server::default(); 3]
}
