//! Explanations of what the doctor finds about TLS sessions and certificates.

use super::text;
use crate::render::catalogue::Explanation;

pub(super) const PLAIN_HTTP: Explanation = text(
    "The port does not speak TLS",
    "Clients begin with TLS. derper speaks it on port 443, or anywhere with -certmode manual; otherwise it \
     serves plain HTTP on the port of -a.",
    "The first bytes of the answer to a TLS greeting were no TLS record. Where a plain HTTP request was \
     answered, its status is told.",
    "Run derper with -a :443, or with -certmode manual and certificates on another port, or put a proxy with \
     a certificate in front. Check DERPPort in the map.",
);

pub(super) const ALERT: Explanation = text(
    "The server ends the TLS handshake with an alert",
    "The server speaks TLS and wants nothing to do with this handshake. derper says internal_error when the \
     name asked for is not its -hostname, and when it could get no certificate.",
    "The name of the alert is the server's own word (RFC 8446 section 6). What it means by it is in its log.",
    "Make -hostname, or the proxy's site, the very HostName of the map. For Let's Encrypt open ports 443 and \
     80. Look at the relay's log at that moment.",
);

pub(super) const NAME: Explanation = text(
    "The certificate is for other names",
    "Clients check that the certificate is for the HostName of the map (or its CertName). For a relay that \
     is named by its address Tailscale's own client checks no name at all; natscope tells, and calls it a \
     warning.",
    "The alternative names in the certificate were compared with the one it must be for. The common name \
     does not count.",
    "Use a certificate for the name, or name the relay in the map as its certificate does (HostName with \
     IPv4, or CertName). For an address use a certificate with that IP address, or a pin.",
);

pub(super) const UNTRUSTED: Explanation = text(
    "Nobody who is trusted has signed the certificate, and it is not pinned",
    "Clients refuse a certificate that no authority of theirs vouches for, unless the map pins it. With \
     InsecureForTests they take any, and anybody's.",
    "The chain was verified against this host's roots; another host may trust others. A missing intermediate \
     certificate looks the same.",
    "Pin it with CertName sha256-raw:… where the finding shows how (a pinned certificate comes alone, and is for the name), use a public authority's certificate, or send \
     the whole chain (fullchain.pem). tailscale-rs knows no pins.",
);

pub(super) const PIN: Explanation = text(
    "The certificate is not the pinned one, or not alone",
    "A pin is the SHA-256 of the whole certificate, in lower-case hex. Clients compare it as text and want \
     exactly one certificate beside derper's meta-certificate.",
    "The hash of the certificate presented, and how many there were.",
    "Put the new pin into the map if the certificate is yours, and let the relay present it alone. A \
     certificate that is renewed often is better left unpinned.",
);

pub(super) const VALIDITY: Explanation = text(
    "The certificate has expired, will soon, or is not valid yet",
    "Clients refuse a certificate outside its dates, pinned or not. derper with -certmode manual reads the \
     files only at its start, so a renewed file does not help until it is restarted. Certificates for \
     addresses from Let's Encrypt last six days.",
    "The dates in the certificate, compared with this host's clock. A warning comes seven days before the \
     end, or a day and a half for certificates that last ten days at most.",
    "See why it was not renewed (ports 80 and 443, DNS), and restart the relay after a renewal.",
);

pub(super) const CLOCK: Explanation = text(
    "The relay's clock and this host's differ",
    "Certificates are valid from one time to another, and logins carry times: hosts with wrong clocks refuse \
     each other for reasons that look like something else.",
    "The Date header of the relay's answers, compared with this host's clock, by more than 60 seconds. It \
     does not tell which of the two is wrong, and a cache may send an old one. Where the certificate is valid by the relay's \
     clock and not by this host's, nothing is said of its dates: the clocks come first.",
    "Run a time service on both hosts. `timedatectl` tells whether one keeps the clock.",
);

pub(super) const SNI: Explanation = text(
    "Handshakes with the relay's name break off, others do not",
    "Something treats the name in the TLS greeting in a way of its own. Firewalls that filter by name reset \
     or drop such connections.",
    "The same address was asked with the relay's name, without one, and with another one. It is consistent \
     with a filter on the way, and does not prove one: a server may do the same.",
    "Try from another network. If it is a filter, use another name, or the relay's address with a pinned \
     certificate, since no name is sent then.",
);

pub(super) const BROKEN: Explanation = text(
    "The TLS handshake breaks off, or never ends",
    "TCP is accepted and TLS does not come about: the program behind the port hangs or speaks something \
     else, or the way lets the connection through and not what is said on it.",
    "Several handshakes to the same address, and the failure of the most telling one.",
    "Run `openssl s_client -connect HOST:PORT -servername HOST` on the relay itself and from outside. If it \
     works there, look at the way: MTU, firewalls that inspect TLS.",
);

pub(super) const CERTIFICATE: Explanation = text(
    "Another fault of the certificate",
    "The certificate cannot be verified for a reason that has no code of its own.",
    "The finding has the verifier's own words.",
    "Make the certificate with a usual tool (certbot, derper itself, natscope relay), and see that CertName \
     in the map is a DNS name or a pin.",
);
