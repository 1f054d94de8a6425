//! Explanations of what the doctor finds about the relay's own host.

use super::text;
use crate::render::catalogue::Explanation;

pub(super) const NOT_LISTENING: Explanation = text(
    "Nothing on this host listens on a port of the relay",
    "The relay's process is not there, or on another port, or in a network of its own.",
    "With --local: the tables of sockets of this host (Linux). A container's sockets are not in them unless it uses the \
     host's network; so it is a note that this is not known, and no error, where a derper runs in another network, the relay \
     answers all the same, or the system does not tell.",
    "Start it, or publish the port from the container, and see its log for a bind error.",
);

pub(super) const LOOPBACK_ONLY: Explanation = text(
    "A port of the relay is bound to loopback alone",
    "Nobody but programs on this host can reach it. That is right for a relay behind a proxy on the same \
     host, and wrong for STUN, which no proxy carries.",
    "With --local: every socket on that port is bound to a loopback address.",
    "Bind it to the public address or to all (derper -a :443; STUN follows the address of -a).",
);

pub(super) const CLOCK: Explanation = text(
    "This host's clock is not synchronized",
    "Certificates and logins depend on the time; a clock that nobody keeps drifts until they fail.",
    "With --local: systemd says that nothing keeps the clock (NTPSynchronized=no). How far it is off is not \
     known by that.",
    "Start a time service: `timedatectl set-ntp true`, or chrony.",
);

pub(super) const TAILSCALED: Explanation = text(
    "The relay is to ask tailscaled, which is not there",
    "derper with -verify-clients asks tailscaled on its own host about each client, and refuses everybody \
     when it cannot.",
    "With --local: derper's arguments, and that there is no socket where it looks for it.",
    "Run tailscaled beside it in the same tailnet; in a container mount /var/run/tailscale. Or use \
     -verify-client-url.",
);

pub(super) const CERTIFICATE: Explanation = text(
    "The certificate file is not what the relay shows",
    "derper with -certmode manual reads HOSTNAME.crt in its -certdir once, at its start. A file that was renewed later is \
     of no use until derper is restarted, and one that is missing or has expired stops it at the next start.",
    "With --local: the arguments of a derper on this host, the file they name, and the certificate the relay showed in the \
     same run. A proxy in front shows its own. A derper in a container is looked at among the container's files; a file that \
     may not be read is a note.",
    "Have the renewal write to that file and restart derper afterwards (certbot's --deploy-hook).",
);
