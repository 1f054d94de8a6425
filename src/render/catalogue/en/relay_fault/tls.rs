//! The TLS session and the certificate.

use std::time::Duration;

use super::super::finding::text;
use super::{elsewhere, failure, pasted};
use crate::render::catalogue::{FindingText, snippet};
use crate::render::number::span;
use crate::report::{RelayFault, Unpinnable};

#[allow(clippy::too_many_lines, reason = "one arm a fault, nothing else")]
pub(super) fn words(fault: &RelayFault) -> FindingText {
    match fault {
        RelayFault::PlainHttp { address, status } => text(
            format!("{address} does not speak TLS"),
            match status {
                Some(status) => {
                    format!("{address} answers TLS with something else, and a plain HTTP request with {status}.")
                }
                None => format!("{address} answers TLS with something else."),
            },
            &[
                "derper speaks TLS only on port 443 or with -certmode manual; elsewhere it is plain HTTP",
                "the port is that of another service, or the plain side of a proxy",
            ],
            "Run derper with -a :443, or with -certmode manual -certdir DIR -hostname NAME on another port; or put the port of \
             the TLS side into the map (DERPPort).",
        ),
        RelayFault::Alert { alert, sni } => text(
            format!("The server ends the TLS handshake: {alert}"),
            match sni {
                Some(name) => format!("The handshake for the name {name} was answered with the alert {alert}."),
                None => format!(
                    "The handshake, which names no host since the relay is an address, was answered with the alert {alert}."
                ),
            },
            &[
                "it has no certificate for that name: derper's -hostname, or the proxy's site, is another one",
                "a certificate is to be had from an ACME authority, and was not (port 443 and 80 must be reachable)",
                "it wants a newer version of TLS, or a client certificate",
            ],
            "Let -hostname of derper (or the proxy's site) be exactly the HostName of the map. With Let's Encrypt see its log, \
             and that ports 443 and 80 are open to the internet. A relay that is named by its address takes a certificate of \
             -certmode manual.",
        ),
        RelayFault::NameMismatch { expected, names, overlooked } => {
            let found = if names.is_empty() { "no name at all".to_owned() } else { names.join(", ") };
            let fix = if *overlooked {
                "Tailscale's own client does not look at the name of a relay that is given by its address, and connects; \
                 others refuse. Use a certificate with that address in it, or the name in the map (HostName, with IPv4)."
            } else {
                "Use a certificate for that name (subjectAltName counts, the common name does not), or put the name it is for \
                 into the map: as HostName, or as CertName beside another HostName."
            };
            pasted(
                text(
                    format!("The certificate is not for {expected}"),
                    format!("It is for {found}."),
                    &[
                        "the files of another host are used",
                        "the relay has got a new name",
                        "a proxy answers with its default site",
                    ],
                    fix,
                ),
                snippet::renew(),
            )
        }
        RelayFault::Untrusted { self_signed, issuer, node, unpinnable, insecure } => {
            let title = match (*self_signed, *insecure) {
                (_, true) => "The map skips verification (InsecureForTests), and the certificate would not pass it",
                (true, false) => "The certificate is self-signed, and nothing pins it",
                (false, false) => "The certificate is signed by nobody this host trusts",
            };
            let fix = unpinnable.as_ref().map_or_else(
                || {
                    "Pin it: put this entry into the map, with your own names and numbers. Clients then take this certificate \
                     and no other. Or use one of a public authority: derper -certmode letsencrypt needs ports 443 and 80. \
                     tailscale-rs knows no pins."
                        .to_owned()
                },
                |why| {
                    format!(
                        "Use a certificate of a public authority (derper -certmode letsencrypt needs ports 443 and 80), or have \
                         the clients' systems trust the authority that signed it. It cannot be pinned as it is: {}.",
                        cannot_pin(why)
                    )
                },
            );
            let words = text(
                title,
                format!("It is signed by {issuer}."),
                &[
                    "the relay makes its own certificate, as derper and natscope do for an address",
                    "the intermediate certificate is not sent along (use fullchain.pem)",
                    "an authority of one's own, which clients do not know",
                    "something on the way breaks TLS open (a company's proxy, antivirus)",
                ],
                &fix,
            );
            if unpinnable.is_none() { pasted(words, snippet::map_node(node)) } else { words }
        }
        RelayFault::PinMismatch { expected, presented, node } => pasted(
            text(
                "The certificate is not the pinned one",
                format!("The map pins {expected}; the relay presents {presented}."),
                &[
                    "the certificate was made anew: derper's own lasts a year, others are renewed",
                    "the pin was copied with capitals, or from another relay",
                    "somebody else answers in the relay's place",
                ],
                "If the new certificate is yours (compare it on the relay), put its pin into the map.",
            ),
            snippet::map_node(node),
        ),
        RelayFault::NotAlone { count } => text(
            "The certificate is pinned, and does not come alone",
            format!("The relay presents {count} certificates beside derper's meta-certificate; a pin allows one."),
            &["a chain (fullchain.pem) is used where a single self-signed certificate is pinned"],
            "Let the relay present the one certificate alone, or drop the pin: a chain to a public authority needs none.",
        ),
        RelayFault::Expired { ago_s } => pasted(
            text(
                "The certificate has expired",
                format!("It expired {} ago.", span(Duration::from_secs(*ago_s))),
                &[
                    "its renewal fails (port 80 or 443 closed, DNS changed)",
                    "it was renewed, and the relay still has the old file: derper with -certmode manual reads it at its start",
                    "this host's clock is wrong",
                ],
                "Renew it, and restart the relay or have it read the files again. Clients refuse it until then.",
            ),
            snippet::renew(),
        ),
        RelayFault::ExpiresSoon { in_s, lifetime_s } => pasted(
            text(
                format!("The certificate expires in {}", span(Duration::from_secs(*in_s))),
                format!("It is valid for {} in all.", span(Duration::from_secs(*lifetime_s))),
                &["its renewal fails or is not set up", "it was renewed, and the relay still has the old file"],
                "See why it has not been renewed yet, and restart the relay afterwards if it reads files only at its start.",
            ),
            snippet::renew(),
        ),
        RelayFault::NotYetValid { in_s } => pasted(
            text(
                "The certificate is not valid yet",
                format!("It will be in {}.", span(Duration::from_secs(*in_s))),
                &["this host's clock is behind", "the clock of the host that made it was ahead"],
                "Set the clocks right.",
            ),
            snippet::clock(),
        ),
        RelayFault::Certificate { failure: how } => text(
            "Something is wrong with the certificate",
            format!("{}.", failure(how)),
            &["it, or its chain, was made with something clients do not accept", "CertName in the map is no name"],
            "See `openssl s_client -connect HOST:PORT -servername HOST -showcerts`, and use a certificate made by a usual tool.",
        ),
        RelayFault::ClockSkew { ahead_s, decides } => {
            let by = span(Duration::from_secs(ahead_s.unsigned_abs()));
            let where_to = if *ahead_s > 0 { "ahead of" } else { "behind" };
            pasted(
                text(
                    format!("The relay's clock is {by} {where_to} this host's"),
                    match decides {
                        false => format!("Its Date header is {ahead_s} s from this host's time."),
                        true => format!(
                            "Its Date header is {ahead_s} s from this host's time. By the relay's clock its certificate is \
                             valid, by this host's it is not."
                        ),
                    },
                    &["one of the two hosts has no time service", "a cache answers with an old Date"],
                    "Set the clock right on the host that is wrong; certificates and logins depend on it.",
                ),
                snippet::clock(),
            )
        }
        RelayFault::SniFiltered { sni, failure: how, instead } => text(
            format!("TLS breaks off for the name {sni}, and not for others"),
            format!(
                "With {sni}: {}. {}.",
                failure(how),
                match instead {
                    Some(name) => format!("With {name} in its place the handshake works"),
                    None => "Without a name the handshake works".to_owned(),
                }
            ),
            &[
                "something on the way filters by the name in the greeting (a national or company firewall)",
                "the server itself refuses that name by closing the connection",
            ],
            "This is consistent with filtering and does not prove it: try from another network. If it works there, use another \
             name, or the address with a pinned certificate (no name is then sent).",
        ),
        RelayFault::TlsBroken { failure: how } => text(
            "The TLS handshake does not come to its end",
            format!("{}.", failure(how)),
            &[
                "the port belongs to something that is no TLS server, or is overloaded",
                "a firewall or middlebox lets the connection through and not what is said on it",
                "packets of full size get lost on the way (MTU)",
            ],
            "See `openssl s_client -connect HOST:PORT -servername HOST` on the relay itself and from outside: if it works there \
             and not here, it is the way between.",
        ),
        other => elsewhere(other),
    }
}

/// Why a certificate cannot be pinned, to go on with.
fn cannot_pin(why: &Unpinnable) -> String {
    match why {
        Unpinnable::Chain { count } => {
            format!("a pinned certificate must come alone, and the relay presents {count}")
        }
        Unpinnable::Name { expected } => {
            format!("it is not for {expected}, and clients ask that of a pinned certificate too")
        }
        Unpinnable::Dates => {
            "it is not valid at this time, and clients ask that of a pinned certificate too".to_owned()
        }
    }
}
