//! `natscope nat`.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, ValueHint, value_parser};

use super::{MapArgs, ProbingArgs, values};
use crate::model::{PublicStunServer, StunServerName};

/// Arguments of `natscope nat`.
#[derive(Args, Clone, Debug, PartialEq)]
#[command(
    after_help = EXAMPLES_SHORT,
    after_long_help = examples_long(),
    mut_arg("derp_maps", |arg| arg.help(MAP_HELP).long_help(MAP_LONG_HELP)),
)]
pub struct NatArgs {
    /// STUN servers to ask [default: a built-in list of public ones].
    ///
    /// HOST, HOST:PORT, [IPV6]:PORT, an IP address, or a stun: URI (RFC 7064); the port is 3478 unless given. It takes
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

    /// Do not ask relays of a map over HTTPS when their UDP is silent.
    #[arg(
        long,
        env = "NATSCOPE_NO_HTTPS",
        value_parser = values::switch,
        help_heading = "Leaving out",
        hide_env = true
    )]
    pub no_https: bool,

    /// Keep what was asked and heard in FILE, for --replay.
    #[arg(long, env = "NATSCOPE_SAVE", value_name = "FILE", help_heading = "Saving and replaying", hide_env = true)]
    pub save: Option<PathBuf>,

    /// Conclude from a file of --save instead of asking the network.
    #[arg(long, env = "NATSCOPE_REPLAY", value_name = "FILE", help_heading = "Saving and replaying", hide_env = true)]
    pub replay: Option<PathBuf>,
}

impl NatArgs {
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
  natscope nat --servers                         and tell about each server";

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
