//! Names to addresses, one query type at a time.
//!
//! The system's nameservers are asked in their order, each a moment after the one before unless that one has
//! answered or failed, so that a dead first one costs little and a slow one is still heard. The hosts file goes
//! first. Names that DNS does not know by design (`.local`, and those without a dot) and systems whose resolver
//! cannot be spoken to directly are left to the C library. A conclusive answer is pinned for the run: whoever asks
//! again gets the same. Search domains are not tried on names with a dot, and nothing is kept beyond the run.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use hickory_resolver::config::{NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, RecordType};
use hickory_resolver::{TokioResolver, system_conf};
use tokio::sync::OnceCell;

use super::causes::{Deadline, cause_of};
use super::options::Nameservers;
use crate::model::Family;
use crate::probe::{Cause, Failure, Stage};

/// How long a nameserver is waited for before the next one is asked as well. Most answer within it.
const STAGGER: Duration = Duration::from_millis(250);
/// As many as the C library would use.
const NAMESERVERS_MAX: usize = 3;
/// Longer than any probe waits: the probe's deadline decides, not the resolver's.
const PATIENCE: Duration = Duration::from_secs(60);

/// An answer that asking again would not change.
type Conclusive = Result<Vec<IpAddr>, Cause>;
type Pinned = HashMap<(String, Family), Arc<Entry>>;

/// What is known of a name.
#[derive(Default)]
struct Entry {
    answer: OnceCell<Conclusive>,
    /// What a nameserver complained of while others were still waited for.
    complaint: Mutex<Option<Cause>>,
}

/// The names of a run.
pub(super) struct Names {
    nameservers: Nameservers,
    servers: OnceCell<Servers>,
    pinned: Mutex<Pinned>,
}

impl Names {
    pub(super) fn new(nameservers: Nameservers) -> Self {
        Self { nameservers, servers: OnceCell::new(), pinned: Mutex::default() }
    }

    /// The addresses of one family a name has, in the resolver's order; empty when it has none of it.
    pub(super) async fn addresses(
        &self,
        host: &str,
        family: Family,
        deadline: Deadline,
    ) -> Result<Vec<IpAddr>, Failure> {
        let key = (host.trim_end_matches('.').to_ascii_lowercase(), family);
        let entry = {
            let mut pinned = lock(&self.pinned);
            Arc::clone(pinned.entry(key).or_default())
        };
        let asking = async {
            let failed = |cause| Failure::new(Stage::Dns, cause);
            let answer = entry.answer.get_or_try_init(|| self.ask(host, family, &entry.complaint));
            answer.await.map_err(failed)?.clone().map_err(failed)
        };
        deadline.within(Stage::Dns, asking).await.map_err(|failure| {
            // Not silence alone: one of them did answer, if only to complain.
            let complaint = lock(&entry.complaint).clone().filter(|_| matches!(failure.cause, Cause::TimedOut { .. }));
            complaint.map_or(failure, |cause| Failure::new(Stage::Dns, cause))
        })
    }

    /// `Err`: nothing conclusive.
    async fn ask(&self, host: &str, family: Family, complaint: &Mutex<Option<Cause>>) -> Result<Conclusive, Cause> {
        // Reads files, and is not to delay those who wait for datagrams.
        let found = || async {
            let nameservers = self.nameservers.clone();
            tokio::task::spawn_blocking(move || Servers::of(&nameservers)).await.unwrap_or(Servers::CLibrary)
        };
        let servers = self.servers.get_or_init(found).await;
        let dotless = !host.trim_end_matches('.').contains('.');
        let multicast = host.trim_end_matches('.').to_ascii_lowercase().ends_with(".local");
        match servers {
            Servers::CLibrary => by_c_library(host, family).await,
            Servers::Missing => match by_c_library(host, family).await {
                Ok(Ok(addresses)) => Ok(Ok(addresses)),
                _ => Err(Cause::NoResolver),
            },
            Servers::System(_) if dotless || multicast => by_c_library(host, family).await,
            Servers::System(resolvers) | Servers::Explicit(resolvers) => {
                let mut name = Name::from_utf8(host)
                    .map_err(|error| Cause::Malformed { problem: format!("not a DNS name: {error}") })?;
                name.set_fqdn(true);
                race(resolvers, &name, family, complaint).await
            }
        }
    }
}

/// Who answers.
enum Servers {
    /// The system's nameservers, asked directly, one resolver each.
    System(Vec<Server>),
    /// Nameservers given by the caller.
    Explicit(Vec<Server>),
    /// The C library, since a nameserver's address has a zone (`fe80::1%eth0`), which our resolver would lose.
    CLibrary,
    /// No nameserver is configured. The C library may know another way (nsswitch), so it is given a try.
    Missing,
}

impl Servers {
    fn of(nameservers: &Nameservers) -> Self {
        match nameservers {
            Nameservers::Explicit(addresses) if addresses.is_empty() => Self::Explicit(Vec::new()),
            Nameservers::Explicit(addresses) => {
                let servers = addresses.iter().map(|address| explicit(*address)).collect();
                Self::Explicit(resolvers(servers, &ResolverOpts::default(), ResolveHosts::Never))
            }
            Nameservers::System => match system_conf::read_system_conf() {
                Ok((config, options)) => {
                    let servers: Vec<_> = config.name_servers().iter().take(NAMESERVERS_MAX).cloned().collect();
                    if servers.iter().any(|server| is_link_local(server.ip)) {
                        return Self::CLibrary;
                    }
                    Self::System(resolvers(servers, &options, ResolveHosts::Always))
                }
                Err(error) => {
                    tracing::debug!(%error, "no resolver configuration");
                    Self::Missing
                }
            },
        }
    }
}

const fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(_) => false,
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    }
}

fn explicit(address: SocketAddr) -> NameServerConfig {
    let mut server = NameServerConfig::udp_and_tcp(address.ip());
    for connection in &mut server.connections {
        connection.port = address.port();
    }
    server
}

/// One nameserver, with a resolver for it alone: within one resolver, servers are no fair race, since the first
/// error ends it.
struct Server {
    address: SocketAddr,
    resolver: TokioResolver,
}

fn resolvers(servers: Vec<NameServerConfig>, options: &ResolverOpts, hosts: ResolveHosts) -> Vec<Server> {
    let build = |server: NameServerConfig| {
        let port = server.connections.first().map_or(53, |connection| connection.port);
        let address = SocketAddr::new(server.ip, port);
        let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
        let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        let chosen = builder.options_mut();
        *chosen = options.clone();
        chosen.use_hosts_file = hosts;
        chosen.timeout = PATIENCE;
        // Lost packets are repeated within the attempt; a second attempt would only repeat an error.
        chosen.attempts = 0;
        Some(Server { address, resolver: builder.build().ok()? })
    };
    servers.into_iter().filter_map(build).collect()
}

/// The first conclusive answer, else the failure that says most.
async fn race(
    servers: &[Server],
    name: &Name,
    family: Family,
    complaint: &Mutex<Option<Cause>>,
) -> Result<Conclusive, Cause> {
    let record = match family {
        Family::V4 => RecordType::A,
        Family::V6 => RecordType::AAAA,
    };
    let mut waiting = servers.iter();
    let mut asked = FuturesUnordered::new();
    let mut failure = Cause::NoResolver;
    loop {
        if let Some(server) = waiting.next() {
            asked.push(async { (server.address, server.resolver.lookup(name.clone(), record).await) });
        }
        let more = !waiting.as_slice().is_empty();
        let answer = tokio::select! {
            answer = asked.next() => answer,
            () = tokio::time::sleep(STAGGER), if more => continue,
        };
        let cause = match answer {
            None => return Err(failure),
            Some((_, Ok(lookup))) => {
                let addresses = lookup.answers().iter().filter_map(|record| record.data.ip_addr());
                return Ok(Ok(addresses.filter(|address| Family::of(*address) == family).collect()));
            }
            Some((_, Err(NetError::Dns(DnsError::NoRecordsFound(none))))) => match none.response_code {
                ResponseCode::NXDomain => return Ok(Err(Cause::NoSuchName)),
                ResponseCode::NoError => return Ok(Ok(Vec::new())),
                code => Cause::Resolver { said: code.to_string() },
            },
            Some((server, Err(error))) => cause_of_lookup(&error, server),
        };
        if matches!(cause, Cause::Resolver { .. }) {
            *lock(complaint) = Some(cause.clone());
        }
        // What a server said tells more than that another one could not be reached.
        if !matches!(failure, Cause::Resolver { .. }) {
            failure = cause;
        }
    }
}

fn cause_of_lookup(error: &NetError, server: SocketAddr) -> Cause {
    match error {
        // Stands for any error of the socket, which got lost on the way; the usual one can be had again.
        NetError::NoConnections => match connect_udp(server) {
            Err(error) => cause_of(&error),
            Ok(()) => Cause::Os { message: format!("nothing could be sent to nameserver {server}") },
        },
        NetError::Dns(DnsError::ResponseCode(code)) => Cause::Resolver { said: code.to_string() },
        NetError::Timeout => Cause::TimedOut { after: PATIENCE },
        NetError::Io(error) => cause_of(error),
        NetError::Proto(error) => Cause::Malformed { problem: error.to_string() },
        other => Cause::Resolver { said: other.to_string() },
    }
}

/// What connecting to the nameserver meets. Sends nothing.
fn connect_udp(server: SocketAddr) -> std::io::Result<()> {
    std::net::UdpSocket::bind((Family::of(server.ip()).unspecified(), 0))?.connect(server)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// As every other program on this host would resolve it.
async fn by_c_library(host: &str, family: Family) -> Result<Conclusive, Cause> {
    match tokio::net::lookup_host((host, 0)).await {
        Ok(addresses) => {
            let mut addresses: Vec<_> =
                addresses.map(|endpoint| endpoint.ip()).filter(|address| Family::of(*address) == family).collect();
            addresses.dedup();
            Ok(Ok(addresses))
        }
        Err(error) => {
            // The code of getaddrinfo is lost on the way; its words are the same in every locale.
            let said = error.to_string();
            let known = ["Name or service not known", "nodename nor servname", "No such host is known"];
            if known.iter().any(|words| said.contains(words)) {
                return Ok(Err(Cause::NoSuchName));
            }
            if said.contains("No address associated") {
                return Ok(Ok(Vec::new()));
            }
            Err(Cause::Resolver { said })
        }
    }
}
