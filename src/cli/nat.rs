//! `natscope nat`.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint, value_parser};

use super::{MapArgs, ProbingArgs, values};
use crate::model::{PublicStunServer, Socks5Proxy, StunServerName, Transport};

/// Arguments of `natscope nat`.
#[derive(Args, Clone, Debug, PartialEq)]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch, and any mix makes sense")]
#[command(
    after_help = EXAMPLES_SHORT,
    after_long_help = examples_long(),
    mut_arg("derp_maps", |arg| arg.help(MAP_HELP).long_help(MAP_LONG_HELP)),
)]
pub struct NatArgs {
    /// STUN servers to ask [default: a built-in list of public ones].
    ///
    /// HOST, HOST:PORT, [IPV6]:PORT, an IP address, or a stun: or stuns: URI (RFC 7064); the port is 3478 unless given, and
    /// 5349 over TLS. It takes
    /// two servers of different operators to tell an easy NAT, three to tell a hard one, and one that offers RFC 5780
    /// to tell how it filters: name several.
    #[arg(value_name = "SERVER", value_parser = value_parser!(StunServerName), value_hint = ValueHint::Hostname)]
    pub server: Vec<StunServerName>,

    /// A STUN server to ask; may be given several times. Same as SERVER.
    #[arg(
        long = "stun-server",
        env = "NATSCOPE_STUN_SERVER",
        value_name = "HOST[:PORT]",
        value_delimiter = ',',
        value_parser = value_parser!(StunServerName),
        value_hint = ValueHint::Hostname,
        hide_env = true
    )]
    pub stun_servers: Vec<StunServerName>,

    /// List what was learned about each server.
    ///
    /// Its endpoint and round trip, whether it offers RFC 5780, and whether its answers were used or why not. JSON has
    /// that list anyway.
    #[arg(long, env = "NATSCOPE_SERVERS", value_parser = values::switch, hide_env = true)]
    pub servers: bool,

    /// Over what to ask servers [default: udp; tls if all of them are stuns: URIs].
    ///
    /// With tcp and tls the report is about the mapping of TCP connections: several from each of three local ports, all
    /// held open at once. What a NAT lets in cannot be found out this way. The usual port over TLS is 5349, and the server's
    /// certificate must be for the name or address it is named by.
    #[arg(long, env = "NATSCOPE_TRANSPORT", value_name = "TRANSPORT", value_enum, hide_env = true)]
    pub transport: Option<TransportArg>,

    /// Ask through this SOCKS5 proxy: tells the NAT of the proxy.
    ///
    /// [socks5://][USER:PASSWORD@]HOST[:PORT]. All datagrams go through it, each local port through an association (UDP
    /// ASSOCIATE) of its own; names are resolved by this host. It tells what somebody behind the proxy can expect, whatever
    /// stands between this host and it.
    #[arg(
        long,
        env = "NATSCOPE_SOCKS5",
        value_name = "ADDR",
        value_parser = value_parser!(Socks5Proxy),
        help_heading = "Probing",
        hide_env = true,
        hide_env_values = true
    )]
    pub socks5: Option<Socks5Proxy>,

    /// Measure how long idle mappings live; takes minutes.
    ///
    /// Opens mappings, leaves each alone for a time of its own, and has a server send to it from outside: all at once, so
    /// that it takes little longer than the mappings live, 11 minutes at most. Measured after a single exchange and after
    /// a few seconds of traffic, since NATs keep the latter longer. It takes a server that sends where it is asked to
    /// (RESPONSE-PORT or CHANGE-REQUEST of RFC 5780), and some 200 packets. --timeout limits all of the run; Ctrl-C ends it
    /// and tells what is known.
    #[arg(long, env = "NATSCOPE_LIFETIME", value_parser = values::switch, hide_env = true)]
    pub lifetime: bool,

    /// Also run the classic procedure of RFC 3489 against one server.
    ///
    /// What older programs would say, in their words, from Open Internet to Symmetric; with a warning where the order of
    /// its packets misleads, as behind Linux routers that answer strangers. It is asked of the first server that offers RFC
    /// 5780 (or RFC 3489's CHANGED-ADDRESS), and no verdict follows from it.
    #[arg(long, env = "NATSCOPE_RFC3489", value_parser = values::switch, hide_env = true)]
    pub rfc3489: bool,

    /// How many local sockets ask about the mapping, from 2 to 32.
    ///
    /// Each gets a mapping of its own. 12 show how the NAT picks ports, 20 whether it gives all mappings of a host the
    /// same address, where fewer leave that undetermined.
    #[arg(
        long,
        env = "NATSCOPE_SOCKETS",
        value_name = "N",
        default_value_t = 2,
        value_parser = value_parser!(u8).range(2..=32),
        hide_env = true
    )]
    pub sockets: u8,

    /// Further servers to ask.
    #[command(flatten)]
    pub map: MapArgs,

    /// From where probes are sent.
    #[command(flatten)]
    pub probing: ProbingArgs,

    /// Do not ask the router for port-mapping services (asking never creates a mapping).
    #[arg(
        long,
        env = "NATSCOPE_NO_PORTMAP",
        value_parser = values::switch,
        help_heading = "Leaving out",
        hide_env = true
    )]
    pub no_portmap: bool,

    /// Do not ask over TCP when UDP is silent: STUN servers by STUN, relays of a map by HTTPS.
    #[arg(
        long,
        env = "NATSCOPE_NO_HTTPS",
        value_parser = values::switch,
        help_heading = "Leaving out",
        hide_env = true
    )]
    pub no_https: bool,

    /// Send nothing to this host's own outside endpoint: no hairpin test.
    ///
    /// Some firewalls take such packets for an attack (LAND).
    #[arg(long, env = "NATSCOPE_GENTLE", value_parser = values::switch, help_heading = "Leaving out", hide_env = true)]
    pub gentle: bool,

    /// Keep what was asked and heard in FILE, for --replay.
    #[arg(long, env = "NATSCOPE_SAVE", value_name = "FILE", help_heading = "Saving and replaying", hide_env = true)]
    pub save: Option<PathBuf>,

    /// Conclude from a file of --save instead of asking the network.
    #[arg(long, env = "NATSCOPE_REPLAY", value_name = "FILE", help_heading = "Saving and replaying", hide_env = true)]
    pub replay: Option<PathBuf>,
}

/// Over what to ask.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransportArg {
    /// Datagrams.
    Udp,
    /// Connections.
    Tcp,
    /// Connections with TLS.
    Tls,
}

impl NatArgs {
    /// Over what to ask: what was chosen, else what the servers' names say.
    #[must_use]
    pub fn transport(&self) -> Transport {
        match self.transport {
            Some(TransportArg::Udp) => Transport::Udp,
            Some(TransportArg::Tcp) => Transport::Tcp,
            Some(TransportArg::Tls) => Transport::Tls,
            None => {
                let named = self.named_servers();
                let secure = !named.is_empty() && named.iter().all(StunServerName::is_secure);
                if secure { Transport::Tls } else { Transport::Udp }
            }
        }
    }

    /// The servers named, each once, in the order they were named.
    #[must_use]
    pub fn named_servers(&self) -> Vec<StunServerName> {
        let mut servers: Vec<StunServerName> = Vec::new();
        for server in self.server.iter().chain(&self.stun_servers) {
            if !servers.contains(server) {
                servers.push(server.clone());
            }
        }
        servers
    }

    /// Whether servers of a DERP map are to be asked.
    #[must_use]
    pub const fn wants_map(&self) -> bool {
        !self.map.derp_maps.is_empty() || !self.map.regions.is_empty()
    }

    /// A server that cannot be asked over the family or from the address that is left is a mistake.
    pub(super) fn check(&self) -> Result<(), String> {
        self.probing.check()?;
        self.check_transport()?;
        for server in self.named_servers() {
            let Some(address) = server.address() else { continue };
            let allowed = |wanted: fn(&IpAddr) -> bool, flag: &str, family: &str| {
                if wanted(&address) {
                    Ok(())
                } else {
                    Err(format!("{flag} means {family} only, and the server {server} is not {family}"))
                }
            };
            if self.probing.only_v4 {
                allowed(IpAddr::is_ipv4, "-4", "IPv4")?;
            }
            if self.probing.only_v6 {
                allowed(IpAddr::is_ipv6, "-6", "IPv6")?;
            }
            match self.probing.bind_address {
                Some(IpAddr::V4(_)) => allowed(IpAddr::is_ipv4, "--bind-address", "IPv4")?,
                Some(IpAddr::V6(_)) => allowed(IpAddr::is_ipv6, "--bind-address", "IPv6")?,
                None => {}
            }
        }
        Ok(())
    }
}

impl NatArgs {
    /// What is not to be had over the transport.
    fn check_transport(&self) -> Result<(), String> {
        let transport = self.transport();
        let secure = self.named_servers().into_iter().find(StunServerName::is_secure);
        if let Some(server) = secure.filter(|_| transport != Transport::Tls) {
            return Err(match self.transport {
                Some(_) => {
                    format!("{server} is asked over TLS, and --transport says {transport}; write --transport tls")
                }
                None => format!(
                    "{server} is asked over TLS, and other servers are not; for all of them write --transport tls"
                ),
            });
        }
        if transport == Transport::Udp {
            return Ok(());
        }
        for (given, flag, why) in [
            (self.lifetime, "--lifetime", "measures mappings of UDP"),
            (self.socks5.is_some(), "--socks5", "is for the datagrams a proxy relays"),
            (self.rfc3489, "--rfc3489", "is a procedure over UDP"),
            (self.wants_map(), "--derp-map", "names servers of UDP; name STUN servers instead"),
        ] {
            if given {
                return Err(format!("{flag} cannot be used over {transport}: it {why}"));
            }
        }
        Ok(())
    }
}

const MAP_HELP: &str = "A DERP map whose STUN servers are asked as well: URL, file, - for standard input, the word \
                        embedded, or default for the public Tailscale map [default: none]";

const MAP_LONG_HELP: &str = "A DERP map whose STUN servers are asked as well: URL, file, - for standard input, the word \
    embedded, or default for the public Tailscale map [default: none].\n\nMay be given several times: later maps are \
    laid over earlier ones, and a region that is null removes that of an earlier map. With a map and no SERVER, the \
    built-in list is not asked. Its relays are asked over HTTPS when UDP is silent, which is what tells a network that \
    blocks UDP from servers that are down.";

const EXAMPLES_SHORT: &str = "\
Examples:
  natscope nat                                   ask public servers
  natscope nat stun.example.com 192.0.2.1:3479   ask your own
  natscope nat --derp-map default                ask Tailscale's relays
  natscope nat --servers                         and tell about each server
  natscope nat --lifetime                        and how long idle mappings live";

const EXAMPLES_LONG: &str = "\
Examples:
  natscope nat
      Ask public STUN servers of several operators.
  natscope nat stun.example.com 192.0.2.1:3479 [2001:db8::1]:3478
      Ask your own instead. One alone is not enough for a verdict.
  natscope nat stun:stun.example.com --derp-map default
      Your own, with the relays of Tailscale as further witnesses.
  natscope nat --derp-map embedded
      Against a relay that natscope starts on loopback; needs no internet.
  natscope nat --servers
      Tell what was learned about each server, too.
  natscope nat --lifetime
      And measure how long idle mappings live. Keepalives need to be sent more often than that.
  natscope nat --rfc3489 stun.example.com stun.example.net
      And what the classic procedure makes of it.
  natscope nat --transport tcp stun.example.com stun.example.net stun.example.org
      How TCP connections are mapped.
  natscope nat stuns:stun.example.com stuns:stun.example.net
      The same over TLS.
  natscope nat --socks5 user:password@proxy.example:1080
      Which NAT a SOCKS5 proxy is behind.
  natscope nat --sockets 20
      See more of how the NAT picks ports and addresses.
  natscope nat --bind-port 41641
      What a program on that port would get.
  natscope nat --save here.json
  natscope nat --replay here.json --format markdown
      Keep what was heard; conclude from it again later, elsewhere.

What the verdicts mean:
  easy     the endpoint a STUN server sees is the one any peer can use: a direct path works once both sides send
  hard     each destination gets another endpoint: a direct path takes a public address, a port mapping, NAT1 or NAT2
           at the peer, or IPv6 at both
  none     this host has a public address of its own; a firewall may still filter what comes in
  blocked  UDP does not get out: everything is relayed

  NAT1  full cone             anybody may send to a mapping
  NAT2  restricted cone       only addresses that were sent to may answer
  NAT3  port-restricted cone  only addresses and ports that were sent to may answer
  NAT4  symmetric             hard: the mapping depends on the destination

  NAT2 and NAT3 are what gets in to this host: a firewall of its own looks like that behind a NAT1, too.";

fn examples_long() -> String {
    let mut text =
        format!("{EXAMPLES_LONG}\n\nBuilt-in servers:\n  As publicly listed on {}:", PublicStunServer::LISTED);
    for server in PublicStunServer::POOL {
        let rfc5780 = if server.rfc5780 { "  RFC 5780" } else { "" };
        // Writing to a String cannot fail.
        let _ = write!(text, "\n  {:<26}{rfc5780}", format!("{}:{}", server.host, server.port));
    }
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}
