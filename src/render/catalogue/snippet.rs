//! What is to be pasted: the same in every language, but for names.
//!
//! Configuration of proxies is tested with the proxies themselves; a change here is to be tried there.

use serde_json::{Map, Value, json};

use super::Snippet;
use crate::report::MapNode;

fn snippet(name: &str, text: impl Into<String>) -> Snippet {
    Snippet { name: name.to_owned(), text: text.into() }
}

/// How proxies let DERP through to a relay behind them. `host` is the relay's name.
pub(super) fn proxies(host: &str) -> Vec<Snippet> {
    vec![
        snippet(
            "nginx",
            "location /derp {\n    proxy_pass http://127.0.0.1:3340;\n    proxy_http_version 1.1;\n    \
             proxy_set_header Host $host;\n    proxy_set_header Upgrade $http_upgrade;\n    \
             proxy_set_header Connection \"upgrade\";\n    proxy_buffering off;\n    proxy_read_timeout 3600s;\n    \
             proxy_send_timeout 3600s;\n}",
        ),
        snippet("Caddy", format!("{host} {{\n    reverse_proxy 127.0.0.1:3340\n}}")),
        snippet(
            "Caddy (https upstream)",
            format!(
                "{host} {{\n    reverse_proxy https://127.0.0.1:8443 {{\n        transport http {{\n            \
                 tls_server_name {host}\n        }}\n    }}\n}}"
            ),
        ),
        snippet(
            "HAProxy",
            format!(
                "frontend relay\n    mode tcp\n    bind :443\n    tcp-request inspect-delay 5s\n    \
                 tcp-request content accept if {{ req.ssl_hello_type 1 }}\n    \
                 use_backend derp if {{ req.ssl_sni -i {host} }}\n    timeout client 1h\n\n\
                 backend derp\n    mode tcp\n    timeout connect 5s\n    timeout server 1h\n    \
                 server relay 127.0.0.1:8443"
            ),
        ),
        snippet(
            "Traefik",
            format!(
                "tcp:\n  routers:\n    derp:\n      entryPoints: [websecure]\n      rule: \"HostSNI(`{host}`)\"\n      \
                 service: derp\n      tls:\n        passthrough: true\n  services:\n    derp:\n      loadBalancer:\n        \
                 servers:\n          - address: \"127.0.0.1:8443\""
            ),
        ),
    ]
}

/// The entry of a map, as a Tailscale policy and as Headscale have it.
pub(super) fn map_node(node: &MapNode) -> Vec<Snippet> {
    let mut fields = Map::new();
    let mut put = |key: &str, value: Value| fields.insert(key.to_owned(), value);
    put("Name", json!("900a"));
    put("RegionID", json!(900));
    put("HostName", json!(node.host));
    if let Some(pin) = &node.cert_name {
        put("CertName", json!(pin));
    }
    if node.derp_port != 443 {
        put("DERPPort", json!(node.derp_port));
    }
    match node.stun_port {
        Some(3478) => {}
        Some(port) => {
            put("STUNPort", json!(port));
        }
        None => {
            put("STUNPort", json!(-1));
        }
    }
    let lines = fields.iter().map(|(key, value)| format!("{}: {value}", key.to_lowercase()));
    let yaml = format!("- {}", lines.collect::<Vec<_>>().join("\n  "));
    vec![
        snippet("Tailscale (derpMap, Nodes)", format!("{:#}", Value::Object(fields))),
        snippet("Headscale (nodes)", yaml),
    ]
}

/// How a UDP port is opened, and how to see who has it.
pub(super) fn open_udp(port: u16) -> Vec<Snippet> {
    vec![
        snippet("ufw", format!("ufw allow {port}/udp")),
        snippet("firewalld", format!("firewall-cmd --permanent --add-port={port}/udp && firewall-cmd --reload")),
        snippet("docker", format!("docker run -p {port}:{port}/udp …")),
        snippet("ss", format!("ss -lnup 'sport = :{port}'")),
    ]
}

/// The same for TCP.
pub(super) fn open_tcp(port: u16) -> Vec<Snippet> {
    vec![
        snippet("ufw", format!("ufw allow {port}/tcp")),
        snippet("firewalld", format!("firewall-cmd --permanent --add-port={port}/tcp && firewall-cmd --reload")),
        snippet("ss", format!("ss -lntp 'sport = :{port}'")),
    ]
}

/// How a relay is kept from serving strangers.
pub(super) fn close_relay() -> Vec<Snippet> {
    vec![
        snippet("derper (tailscaled)", "derper -verify-clients …"),
        snippet(
            "derper (Headscale)",
            "derper -verify-client-url=https://headscale.example.com/verify -verify-client-url-fail-open=false …",
        ),
        snippet("natscope", "natscope relay --allow clients.txt …"),
    ]
}

/// How a clock is set.
pub(super) fn clock() -> Vec<Snippet> {
    vec![snippet("systemd", "timedatectl set-ntp true\ntimedatectl status"), snippet("chrony", "chronyc makestep")]
}

/// How a certificate is renewed.
pub(super) fn renew() -> Vec<Snippet> {
    vec![
        snippet("certbot", "certbot renew\nsystemctl restart derper"),
        snippet("openssl", "openssl x509 -noout -dates -ext subjectAltName -in FILE.crt"),
    ]
}

/// A container on the host's own network.
pub(super) fn host_network() -> Vec<Snippet> {
    vec![
        snippet("docker", "docker run --network host …"),
        snippet("compose", "services:\n  derper:\n    network_mode: host"),
    ]
}

/// A listener's end of a name.
pub(super) fn resolve(host: &str) -> Vec<Snippet> {
    vec![snippet("dig", format!("dig +short A {host}\ndig +short AAAA {host}"))]
}
