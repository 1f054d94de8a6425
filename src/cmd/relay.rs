//! `natscope relay`: binds, says what it has bound and for whom, serves, and stops in order.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use serde_json::{Value, json};

use super::exit::{CmdError, Exit};
use super::output::Output;
use super::relay_doctor;
use super::relay_signals::{Signal, Signals};
use crate::cli::{CertMode, LETS_ENCRYPT, ListenAddr, OptionalAddr, RelayArgs};
use crate::derpmap;
use crate::drive::host;
use crate::drive::relay::{
    self, Access, AccessRules, AcmeOptions, Allow, Certificates, Checked, HelpOptions, Inherited, Limits, MeshOptions,
    Relay, RelayHandle, RelayOptions, Reloader,
};
use crate::drive::supervisor;
use crate::model::RegionId;
use crate::render;

/// The region of the map node that is printed: the first of those Tailscale leaves to self-hosted relays.
const REGION: RegionId = RegionId(900);

const STUN_PORT: u16 = 3478;
const HTTPS_PORT: u16 = 443;
const HTTP_PORT: u16 = 80;

pub(super) async fn run(args: &RelayArgs, output: &Output) -> Result<Exit, CmdError> {
    let mut signals = Signals::listen().map_err(|error| CmdError::Own(format!("cannot listen to signals: {error}")))?;
    let open_files = relay::raise_open_files();
    let inherited = Inherited::from_environment().map_err(|error| refusal(&error))?;
    let relay = Relay::bind_with(options(args)?, &inherited).map_err(|error| refusal(&error))?;
    introduce(&relay, args, open_files, output);
    let reloader = relay.reloader();
    let check = relay.self_check();
    // Without a certificate it would find what is told already.
    let there = relay.https_addrs().is_empty() || relay.cert_expires().is_some();
    let patient = relay_doctor::patient(&relay, REGION).filter(|_| there);
    let handle = relay.spawn();
    for Checked { what, outcome } in check.run().await {
        match outcome {
            Ok(detail) => output.note(&output.said(&format!("check: {what}: {detail}"))),
            Err(error) => tracing::error!("check: {what}: {error}"),
        }
    }
    if let Some(patient) = patient {
        let report = relay_doctor::examine(vec![patient]).await?;
        let line = render::doctor_line(&report, &output.style);
        output.note(&output.said(&format!("check: doctor: {}", line.trim_end())));
    }
    output.note(&output.said("serving"));
    supervisor::ready();
    let _watchdog = supervisor::keep_watchdog();
    serve(handle, &reloader, &mut signals).await
}

/// Until a signal ends it; a second one does not wait for anything.
async fn serve(handle: RelayHandle, reloader: &Reloader, signals: &mut Signals) -> Result<Exit, CmdError> {
    let exit = loop {
        match signals.next().await {
            Signal::Reload => {
                tracing::info!("reading lists, limits, certificates and the mesh key again");
                supervisor::reloading();
                reloader.reload().await;
                supervisor::ready();
            }
            Signal::Terminate => break Exit::Done,
            Signal::Interrupt => break Exit::Interrupted,
        }
    };
    supervisor::stopping();
    tracing::info!("stopping: nobody new is let in, and what was accepted is delivered");
    let stop = handle.stop();
    tokio::pin!(stop);
    loop {
        tokio::select! {
            stopped = &mut stop => {
                stopped.map_err(|error| CmdError::Own(format!("the relay stopped because of an error: {error}")))?;
                tracing::info!("stopped");
                return if exit == Exit::Interrupted { Err(CmdError::Interrupted) } else { Ok(exit) };
            }
            signal = signals.next() => if signal != Signal::Reload { return Err(CmdError::Interrupted) },
        }
    }
}

fn options(args: &RelayArgs) -> Result<RelayOptions, CmdError> {
    let addresses = args.addresses();
    let https = args.certificates() != CertMode::None;
    let main = expand(&addresses);
    let http_addrs = match (https, optional("--http-addr", &args.http_addrs)?) {
        (false, Some(_)) => {
            return Err(CmdError::Usage(
                "--http-addr is for plain HTTP beside HTTPS, and there is no HTTPS here: --addr is where the relay \
                 listens"
                    .to_owned(),
            ));
        }
        (false, None) => main.clone(),
        (true, Some(given)) => given,
        (true, None) if addresses.iter().any(|address| address.port() == HTTPS_PORT) => with_port(&main, HTTP_PORT),
        (true, None) => Vec::new(),
    };
    let host_name = host_name(args, &main)?;
    let data = || {
        data_directory().ok_or_else(|| {
            CmdError::Usage("there is no directory for data ($HOME is not set): give --key and --cert-dir".to_owned())
        })
    };
    let dir = || args.cert_dir.clone().map_or_else(|| data().map(|dir| dir.join("certs")), Ok);
    let certificates = match args.certificates() {
        CertMode::Manual => Certificates::Manual { dir: dir()? },
        CertMode::SelfSigned => Certificates::SelfSigned { dir: Some(dir()?) },
        CertMode::Acme => Certificates::Acme(AcmeOptions {
            dir: dir()?,
            directory: args.acme_directory.clone().unwrap_or_else(|| LETS_ENCRYPT.to_owned()),
            email: args.acme_email.clone(),
            ca: args.acme_ca.clone(),
        }),
        CertMode::None => Certificates::SelfSigned { dir: None },
    };
    let key = match &args.key {
        Some(path) => Some(relay::load_or_create_key(path).map_err(|error| refusal(&error))?),
        None if args.dev => None,
        None => Some(relay::load_or_create_key(&data()?.join("relay.key")).map_err(|error| refusal(&error))?),
    };
    let mesh = mesh(args)?;
    let help = mesh.as_ref().map(|mesh| HelpOptions { key: mesh.key.clone(), relays: args.stun_helpers.clone() });
    Ok(RelayOptions {
        stun_addrs: optional("--stun-addr", &args.stun_addrs)?.unwrap_or_else(|| with_port(&main, STUN_PORT)),
        stun_alternates: expand(&args.stun_alternate_addrs),
        stun_in_kernel: args.stun_bpf.clone(),
        https_addrs: if https { main } else { Vec::new() },
        http_addrs,
        metrics_addrs: expand(args.metrics_addr.as_slice()),
        host_name,
        certificates,
        key,
        access: access(args),
        mesh,
        help,
        rate_limit: args.rate_limit.clone(),
        max_clients: max_clients(args),
        limits: Limits::for_clients(max_clients(args)),
        ..RelayOptions::default()
    })
}

fn max_clients(args: &RelayArgs) -> usize {
    usize::try_from(args.max_clients).unwrap_or(usize::MAX)
}

fn mesh(args: &RelayArgs) -> Result<Option<MeshOptions>, CmdError> {
    let Some(file) = &args.mesh_psk_file else { return Ok(None) };
    let key = relay::load_mesh_key(file).map_err(|error| refusal(&error))?;
    Ok(Some(MeshOptions { key, key_file: Some(file.clone()), nodes: args.mesh_with.clone() }))
}

/// Under which name clients reach it. A wildcard address is none, and a guess would end up in a certificate.
fn host_name(args: &RelayArgs, main: &[SocketAddr]) -> Result<Option<String>, CmdError> {
    if args.hostname.is_some() {
        return Ok(args.hostname.clone());
    }
    if let Some(address) = main.iter().find(|address| !address.ip().is_unspecified()) {
        return Ok(Some(address.ip().to_string()));
    }
    if args.certificates() == CertMode::None {
        return Ok(None);
    }
    Err(CmdError::Usage(
        "the certificate needs the name or address clients reach this relay under: add --hostname relay.example.com, \
         or --hostname with a public IP address"
            .to_owned(),
    ))
}

fn access(args: &RelayArgs) -> Access {
    if !args.has_access_rule() {
        // Checked with the arguments: this host alone can reach it, or --open says so.
        return Access::Anyone;
    }
    let allow = args.allow.iter().map(|text| match relay::parse_allowed_key(text) {
        Some(key) => Allow::Key(key),
        None => Allow::File(PathBuf::from(text)),
    });
    Access::Rules(AccessRules {
        allow: allow.collect(),
        verify_client_url: args.verify_client_url.clone(),
        tailscaled: args.verify_tailscaled.clone(),
    })
}

/// The addresses of both families for `:PORT`, IPv6 only where the system has it.
pub(super) fn expand(addresses: &[ListenAddr]) -> Vec<SocketAddr> {
    let mut expanded = Vec::new();
    for address in addresses {
        match *address {
            ListenAddr::At(address) => expanded.push(address),
            ListenAddr::Any { port } => {
                expanded.push(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)));
                if host::has_ipv6() {
                    expanded.push(SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)));
                }
            }
        }
    }
    expanded
}

/// What was given, `None` when nothing was.
fn optional(flag: &str, addresses: &[OptionalAddr]) -> Result<Option<Vec<SocketAddr>>, CmdError> {
    if addresses.is_empty() {
        return Ok(None);
    }
    if addresses.contains(&OptionalAddr::Off) && addresses.len() > 1 {
        return Err(CmdError::Usage(format!(
            "{flag} none stands alone: write the addresses without it, or none without them"
        )));
    }
    let given: Vec<_> = addresses
        .iter()
        .filter_map(|address| match address {
            OptionalAddr::On(address) => Some(*address),
            OptionalAddr::Off => None,
        })
        .collect();
    Ok(Some(expand(&given)))
}

/// Each IP address once, with that port.
fn with_port(addresses: &[SocketAddr], port: u16) -> Vec<SocketAddr> {
    let mut ips: Vec<IpAddr> = Vec::new();
    for address in addresses {
        if !ips.contains(&address.ip()) {
            ips.push(address.ip());
        }
    }
    ips.into_iter().map(|ip| SocketAddr::new(ip, port)).collect()
}

/// Where what must last is kept, unless it is said otherwise: systemd's place for a service, else the user's.
fn data_directory() -> Option<PathBuf> {
    use etcetera::BaseStrategy as _;

    if let Some(state) = std::env::var_os("STATE_DIRECTORY").filter(|value| !value.is_empty()) {
        // Several are separated by colons; the first is ours.
        let first = std::env::split_paths(&state).next()?;
        return Some(first);
    }
    etcetera::choose_base_strategy().ok().map(|base| base.data_dir().join("natscope"))
}

/// What could not be bound or read is the user's to change.
pub(super) fn refusal(error: &io::Error) -> CmdError {
    let hint = match error.kind() {
        io::ErrorKind::PermissionDenied => {
            "; ports below 1024 need root or CAP_NET_BIND_SERVICE, and files the right owner"
        }
        io::ErrorKind::AddrNotAvailable => "; this host does not have that address: `ip addr` lists those it has",
        io::ErrorKind::AddrInUse => "; another program has that port: stop it, or choose another one",
        _ => "",
    };
    CmdError::Usage(format!("{error}{hint}"))
}

/// The lines at the start: what listens where, who may use it, and what goes into the map.
fn introduce(relay: &Relay, args: &RelayArgs, open_files: Option<u64>, output: &Output) {
    let join = |addresses: &[SocketAddr]| addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let mut lines = vec![concat!("natscope relay ", env!("CARGO_PKG_VERSION")).to_owned()];
    let mut line = |name: &str, text: &str| lines.push(format!("{name:<10} {text}"));
    match (relay.https_addrs(), relay.http_addrs()) {
        ([], http) => line("DERP", &format!("{} (plain HTTP)", join(http))),
        (https, []) => line("DERP", &format!("{} (HTTPS)", join(https))),
        (https, http) => {
            line("DERP", &format!("{} (HTTPS)", join(https)));
            line("HTTP", &format!("{} (captive-portal checks, redirects)", join(http)));
        }
    }
    match relay.stun_addrs() {
        [] => line("STUN", "none"),
        stun if args.stun_bpf.is_empty() => line("STUN", &format!("{} (UDP)", join(stun))),
        stun => line("STUN", &format!("{} (UDP), in the kernel on {}", join(stun), args.stun_bpf.join(", "))),
    }
    if let [first, ..] = relay.metrics_addrs() {
        line("Metrics", &format!("http://{first}/ (status), http://{first}/metrics, http://{first}/healthz"));
    }
    line("Key", &relay.public_key().to_string());
    line("Clients", &format!("{}, at most {} at once", relay.access(), args.max_clients));
    if args.mesh_psk_file.is_some() {
        let nodes: Vec<String> = args.mesh_with.iter().map(ToString::to_string).collect();
        let with = if nodes.is_empty() { "whoever has its key; connects to none" } else { &nodes.join(", ") };
        line("Mesh", &format!("with {with}"));
    }
    if !args.stun_helpers.is_empty() {
        let relays: Vec<String> = args.stun_helpers.iter().map(ToString::to_string).collect();
        line("Filters", &format!("tested with the help of {}", relays.join(", ")));
    }
    if !relay.https_addrs().is_empty() {
        let until = relay.cert_expires().map(|expires| {
            let date = humantime::format_rfc3339_seconds(expires).to_string();
            format!(", until {}", date.split('T').next().unwrap_or_default())
        });
        line("TLS", &format!("for {}{}", relay.host_name(), until.unwrap_or_default()));
    }
    if args.certificates() == CertMode::Acme {
        let directory = args.acme_directory.as_deref().unwrap_or(LETS_ENCRYPT);
        line("ACME", &format!("{directory}, whose terms of service apply"));
    } else if let Some(pin) = relay.cert_pin() {
        line("Pin", &pin);
    }
    // And a few for listeners, files and the like.
    let needed = max_clients(args).saturating_add(Limits::for_clients(max_clients(args)).most_unfinished() + 76);
    if open_files.is_some_and(|files| files < needed as u64) {
        line(
            "Limit",
            &format!(
                "this process may have {} files open, fewer than --max-clients {} takes: raise it (ulimit -n, \
                 LimitNOFILE=)",
                open_files.unwrap_or_default(),
                args.max_clients
            ),
        );
    }
    output.note(&lines.iter().map(|line| output.said(line)).collect::<Vec<_>>().join("\n"));
    if !args.dev {
        output.note(&map_lines(relay, args, output));
    }
}

/// The map node as a Tailscale policy and as Headscale have it.
fn map_lines(relay: &Relay, args: &RelayArgs, output: &Output) -> String {
    if relay.host_name() == "localhost" && args.hostname.is_none() {
        return output.said("no map node: add --hostname with the name clients reach this relay under");
    }
    let map = relay.map(REGION);
    let mut policy = derpmap::encode_json(&map);
    // In a policy it stands beside Tailscale's own regions unless the user wants them gone.
    if let Value::Object(policy) = &mut policy {
        policy.remove("HomeParams");
    }
    let policy = serde_json::to_string_pretty(&json!({ "derpMap": policy })).unwrap_or_default();
    let inner: Vec<&str> = policy.lines().collect();
    let inner = inner.get(1..inner.len().saturating_sub(1)).unwrap_or_default().join("\n");
    format!(
        "\n{}\n{inner}\n\n{}\n{}",
        output.said("For a Tailscale policy file:"),
        output.said("For Headscale, a file of derp.paths:"),
        derpmap::encode_yaml(&derpmap::MapLayer::terse(map))
    )
}
