//! `natscope relay`.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueEnum, ValueHint, value_parser};

use super::acme;
use super::listen_addr::{ListenAddr, OptionalAddr};
use super::values;
use crate::model::{MeshNode, StunServerName};

/// Arguments of `natscope relay`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
#[command(after_help = EXAMPLES_SHORT, after_long_help = EXAMPLES_LONG)]
pub struct RelayArgs {
    /// Where the relay listens: :PORT for every address of the host, IP:PORT, [IPV6]:PORT [default: :443].
    ///
    /// May be given several times. Port 0 means any free one. With --dev the default is 127.0.0.1:3340.
    #[arg(
        long = "addr",
        env = "NATSCOPE_ADDR",
        value_name = "ADDR",
        value_delimiter = ',',
        value_parser = value_parser!(ListenAddr),
        hide_env = true
    )]
    pub addrs: Vec<ListenAddr>,

    /// Where plain HTTP listens beside HTTPS, or none [default: port 80, when HTTPS has port 443; else none].
    ///
    /// It answers captive-portal checks and redirects everything else to HTTPS. It does not relay.
    #[arg(
        long = "http-addr",
        env = "NATSCOPE_HTTP_ADDR",
        value_name = "ADDR|none",
        value_delimiter = ',',
        value_parser = value_parser!(OptionalAddr),
        hide_env = true
    )]
    pub http_addrs: Vec<OptionalAddr>,

    /// Where STUN listens (UDP), or none [default: port 3478 of the relay's addresses].
    #[arg(
        long = "stun-addr",
        env = "NATSCOPE_STUN_ADDR",
        value_name = "ADDR|none",
        value_delimiter = ',',
        value_parser = value_parser!(OptionalAddr),
        hide_env = true
    )]
    pub stun_addrs: Vec<OptionalAddr>,

    /// A second STUN address, IP:PORT with another port, at most one for each address family.
    ///
    /// With a second IP address, clients can find out how their NAT filters (RFC 5780). On the same IP address, or as
    /// :PORT, it is a second port alone.
    #[arg(
        long = "stun-alternate-addr",
        env = "NATSCOPE_STUN_ALTERNATE_ADDR",
        value_name = "ADDR",
        value_delimiter = ',',
        value_parser = value_parser!(ListenAddr),
        hide_env = true
    )]
    pub stun_alternate_addrs: Vec<ListenAddr>,

    /// Answer Tailscale's STUN requests that come in on this interface in the kernel, as a small BPF program there.
    ///
    /// It takes a fraction of the processor time, of use where floods of clients ask. All else goes to STUN's sockets as before. The
    /// host's firewall does not see these requests, nor their answers. Needs Linux 6.6, an interface with Ethernet (or lo),
    /// and root or CAP_BPF and CAP_NET_ADMIN. May be given several times. The program is gone when the relay is.
    #[arg(
        long = "stun-bpf",
        env = "NATSCOPE_STUN_BPF",
        value_name = "INTERFACE",
        value_delimiter = ',',
        value_parser = values::interface,
        hide_env = true
    )]
    pub stun_bpf: Vec<String>,

    /// Where a status page (/), metrics for Prometheus (/metrics) and the health check (/healthz) are, over plain HTTP
    /// [default: nowhere].
    ///
    /// The page tells who is connected from where, how much they send, the days the certificate has left, and how the
    /// mesh stands; nothing of it is told where clients come, not even to this host. Metrics have derper's names where it has them. There is no password: use an address that only you can reach, as
    /// 127.0.0.1:9090. While the relay stops, /healthz answers 503.
    #[arg(
        long,
        env = "NATSCOPE_METRICS_ADDR",
        value_name = "ADDR",
        value_parser = value_parser!(ListenAddr),
        hide_env = true
    )]
    pub metrics_addr: Option<ListenAddr>,

    /// The DNS name or IP address clients reach this relay under.
    ///
    /// The certificate is for it, and the map node printed at the start names it. Without it, the first of the addresses
    /// the relay listens on.
    #[arg(
        long,
        env = "NATSCOPE_HOSTNAME",
        value_name = "NAME|IP",
        value_parser = values::hostname,
        value_hint = ValueHint::Hostname,
        hide_env = true
    )]
    pub hostname: Option<String>,

    /// Where the certificate comes from [default: self-signed].
    #[arg(long, env = "NATSCOPE_CERT_MODE", value_name = "MODE", value_enum, hide_env = true)]
    pub cert_mode: Option<CertMode>,

    /// Where certificates are kept, as HOSTNAME.crt and HOSTNAME.key.
    ///
    /// The default is the directory certs beside the default of --key. With --cert-mode acme the account and its key are
    /// kept there too.
    #[arg(long, env = "NATSCOPE_CERT_DIR", value_name = "DIR", value_hint = ValueHint::DirPath, hide_env = true)]
    pub cert_dir: Option<PathBuf>,

    /// The ACME directory that certificates are had from [default: Let's Encrypt].
    ///
    /// To try things out, Let's Encrypt has one whose certificates nobody trusts and whose limits are wide:
    /// https://acme-staging-v02.api.letsencrypt.org/directory. With another directory comes another certificate.
    #[arg(
        long,
        env = "NATSCOPE_ACME_DIRECTORY",
        value_name = "URL",
        value_parser = acme::directory,
        value_hint = ValueHint::Url,
        help_heading = "ACME",
        hide_env = true
    )]
    #[allow(rustdoc::bare_urls, reason = "the text of --help")]
    pub acme_directory: Option<String>,

    /// Where the authority may write to about the certificates it has given.
    #[arg(
        long,
        env = "NATSCOPE_ACME_EMAIL",
        value_name = "ADDRESS",
        value_parser = acme::email,
        value_hint = ValueHint::EmailAddress,
        help_heading = "ACME",
        hide_env = true
    )]
    pub acme_email: Option<String>,

    /// Who has signed the certificate of the ACME directory itself, as PEM: for an authority of your own, as step-ca.
    #[arg(
        long,
        env = "NATSCOPE_ACME_CA",
        value_name = "FILE",
        value_hint = ValueHint::FilePath,
        help_heading = "ACME",
        hide_env = true
    )]
    pub acme_ca: Option<PathBuf>,

    /// The relay's own key, in derper's format; made when there is none.
    ///
    /// Default: relay.key in $STATE_DIRECTORY, which systemd sets, else in natscope's directory for data
    /// (~/.local/share/natscope). With --dev, a fresh key at each start.
    #[arg(long, env = "NATSCOPE_KEY", value_name = "FILE", hide_env = true)]
    pub key: Option<PathBuf>,

    /// Serve this client: nodekey:… or 64 hex digits, or a file with one such key a line (# begins a comment).
    ///
    /// May be given several times. Files are read again when they change, and on SIGHUP. Whoever is on a list is let in
    /// whatever a verifier says; anybody else only if there are verifiers and all of them know the client.
    #[arg(
        long = "allow",
        env = "NATSCOPE_ALLOW",
        value_name = "KEY|FILE",
        value_delimiter = ',',
        value_parser = NonEmptyStringValueParser::new(),
        help_heading = "Who may use it",
        hide_env = true
    )]
    pub allow: Vec<String>,

    /// Ask this URL about each client, as derper does; any answer but yes, and none at all, is a no.
    ///
    /// Headscale has it at /verify. The relay POSTs {"NodePublic":"nodekey:…","Source":"IP"} and serves the client if
    /// the answer is 200 with {"Allow":true}.
    #[arg(
        long,
        env = "NATSCOPE_VERIFY_CLIENT_URL",
        value_name = "URL",
        value_parser = values::http_url,
        value_hint = ValueHint::Url,
        help_heading = "Who may use it",
        hide_env = true
    )]
    pub verify_client_url: Option<String>,

    /// Serve the nodes the tailscaled of this host knows, asked over its socket.
    #[arg(
        long,
        env = "NATSCOPE_VERIFY_TAILSCALED",
        value_name = "SOCKET",
        num_args = 0..=1,
        default_missing_value = "/var/run/tailscale/tailscaled.sock",
        value_hint = ValueHint::FilePath,
        help_heading = "Who may use it",
        hide_env = true
    )]
    pub verify_tailscaled: Option<PathBuf>,

    /// Serve anyone.
    #[arg(
        long,
        env = "NATSCOPE_OPEN",
        value_parser = values::switch,
        help_heading = "Who may use it",
        hide_env = true
    )]
    pub open: bool,

    /// Most clients served at once.
    #[arg(
        long,
        env = "NATSCOPE_MAX_CLIENTS",
        value_name = "N",
        default_value_t = 4096,
        value_parser = value_parser!(u32).range(1..=1_000_000),
        help_heading = "Who may use it",
        hide_env = true
    )]
    pub max_clients: u32,

    /// Limit how fast clients may send and come, as this file says; it is read again when it changes, and on SIGHUP.
    ///
    /// JSON in the form of derper's -rate-config, with more keys, all optional: PerClientRateLimitBytesPerSec,
    /// PerClientRateBurstBytes, PerClientRateLimitPacketsPerSec, GlobalRateLimitBytesPerSec,
    /// GlobalRateLimitPacketsPerSec, AcceptConnectionLimit (connections a second), AcceptConnectionBurst,
    /// HandshakesPerAddress (unfinished connections of an IPv4 address or an IPv6 /64), MaxClients. Whoever sends too
    /// fast is made to wait; no packet is dropped for it.
    #[arg(
        long,
        env = "NATSCOPE_RATE_LIMIT",
        value_name = "FILE",
        value_hint = ValueHint::FilePath,
        help_heading = "Who may use it",
        hide_env = true
    )]
    pub rate_limit: Option<PathBuf>,

    /// The key all relays of this one's mesh share: a file with 64 hex digits, as derper's -mesh-psk-file.
    ///
    /// Relays of one region that share it and connect to one another (--mesh-with) pass packets on to where their
    /// clients are; derpers may be among them. Whoever has the key may watch who is here and forward in anybody's name.
    /// Make one with openssl rand -hex 32. It is read again on SIGHUP.
    #[arg(
        long,
        env = "NATSCOPE_MESH_PSK_FILE",
        value_name = "FILE",
        value_hint = ValueHint::FilePath,
        help_heading = "Mesh",
        hide_env = true
    )]
    pub mesh_psk_file: Option<PathBuf>,

    /// Connect to these relays of the mesh: HOST[:PORT][/DIAL][=PIN], several separated by commas.
    ///
    /// List all other relays of the region; this one may be in the list too. HOST is what the certificate is for, DIAL
    /// where it is dialled instead. A relay whose certificate is self-signed is pinned, with the PIN it tells at its
    /// start: relay-b.example.com=sha256-raw:…. http://HOST:PORT is without TLS: the mesh key can be had by whoever
    /// can change what is sent there, so only within a network that is private.
    #[arg(
        long,
        env = "NATSCOPE_MESH_WITH",
        value_name = "NODE",
        value_delimiter = ',',
        value_parser = value_parser!(MeshNode),
        help_heading = "Mesh",
        hide_env = true
    )]
    pub mesh_with: Vec<MeshNode>,

    /// Have this natscope relay, HOST[:PORT] of its STUN, send our clients what tells how their NAT filters.
    ///
    /// Two relays with one address each, which name each other, are to natscope nat and netcheck what one with two
    /// addresses is (--stun-alternate-addr). They need the same --mesh-psk-file, and no --mesh-with. May be given several
    /// times; the first that answers is used. With it, STUN has a second port as well: the next one, else any free one.
    #[arg(
        long = "stun-helper",
        env = "NATSCOPE_STUN_HELPER",
        value_name = "HOST",
        value_delimiter = ',',
        value_parser = value_parser!(StunServerName),
        help_heading = "Mesh",
        hide_env = true
    )]
    pub stun_helpers: Vec<StunServerName>,

    /// For development: plain HTTP on 127.0.0.1:3340, open to all programs of this host, a fresh key.
    ///
    /// Nothing listens beyond loopback: an address that others can reach is refused beside it, and one that a variable or the
    /// configuration file sets gives way to the flag.
    #[arg(long, env = "NATSCOPE_DEV", value_parser = values::switch, hide_env = true)]
    pub dev: bool,
}

/// Where a certificate comes from.
#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CertMode {
    /// Made by natscope, kept in --cert-dir, and pinned by its hash in the map.
    #[default]
    SelfSigned,
    /// HOSTNAME.crt and HOSTNAME.key of --cert-dir, read again when they change.
    Manual,
    /// From an authority, by ACME, and renewed in time; using it is agreeing to its terms of service.
    Acme,
    /// No TLS: something in front of the relay has the certificate.
    None,
}

const EXAMPLES_SHORT: &str = "\
Examples:
  natscope relay --dev
  natscope relay --hostname relay.example.com --allow clients.txt
  natscope relay --hostname 203.0.113.9 --verify-client-url https://headscale.example.com/verify";

const EXAMPLES_LONG: &str = "\
Examples:
  natscope relay --dev
      On loopback, plain HTTP, for trying things out.
  natscope relay --hostname relay.example.com --allow clients.txt
      For the clients whose keys are in clients.txt, with a self-signed certificate. The map node with the
      certificate's pin is printed at the start, ready for a Tailscale policy or for Headscale.
  natscope relay --hostname relay.example.com --cert-mode acme --allow clients.txt
      The same with a certificate from Let's Encrypt. Port 443 or port 80 must be reachable from everywhere.
  natscope relay --hostname 203.0.113.9 --verify-client-url https://headscale.example.com/verify
      For the nodes of a Headscale network.
  natscope relay --cert-mode none --addr 127.0.0.1:8080 --stun-addr :3478 --hostname relay.example.com --allow clients.txt
      Behind nginx or Caddy, which has the certificate. STUN is UDP and cannot go through them.
  natscope relay --hostname relay-a.example.com --allow clients.txt --mesh-psk-file mesh.key --mesh-with relay-b.example.com,relay-c.example.com
      One of three relays that make one region together.

Signals:
  SIGTERM, SIGINT   stop accepting, deliver what was accepted, close; a second one ends at once
  SIGHUP            read the files of --allow, --rate-limit and --mesh-psk-file and the certificate again

Under systemd:
  Type=notify       it says when it serves, reads its files again, and stops
  WatchdogSec=      it says that it is alive
  Sockets passed to it (LISTEN_FDS) are used for whatever is to listen where they are bound";
