//! The numbers of the run, each with its reason. One place, so that they can be argued with.

use std::time::Duration;

/// The whole run, unless `--timeout` says otherwise. Only a network that answers nothing gets near it.
pub(super) const BUDGET: Duration = Duration::from_secs(5);
/// When nothing has answered by then, nothing is expected to (RFC 8489's 39.5 s serve reliability, not a report).
pub(super) const SILENT_BUDGET: Duration = Duration::from_millis(2500);

/// Between two datagrams: 112 first copies (28 regions, both families) leave within 23 ms, slower than any burst
/// that home routers are known to drop.
pub(super) const PACE: Duration = Duration::from_micros(200);
/// Timers tick in milliseconds, so this much may be caught up at once.
pub(super) const PACE_SLACK: Duration = Duration::from_millis(2);

/// Copies to the first node of a region: enough for loss and jitter. Other nodes get one.
pub(super) const COPIES: u32 = 3;
/// Between copies: far enough apart to survive a short burst of loss, near enough not to lengthen the run.
pub(super) const COPY_SPACING: Duration = Duration::from_millis(25);
/// No server is sent more than this many copies from one socket.
pub(super) const MAX_COPIES: u32 = 7;
/// … unless it was shown to be up only after most of them had left.
pub(super) const MOST_COPIES: u32 = 10;
/// … or connections show that packets get lost, where nothing is heard over UDP: then up to so many …
pub(super) const MOST_COPIES_LOSSY: u32 = 18;
/// … and to all of the operators together so many …
pub(super) const COPIES_LOSSY_IN_ALL: u32 = 72;
/// … or so many to those together that nobody knows to be up.
pub(super) const COPIES_UNSHOWN: u32 = 14;
/// A silent server is asked once from a connected socket, on which an ICMP refusal can be heard; no sooner than this.
pub(super) const CONNECTED_AFTER: Duration = Duration::from_millis(75);
/// Spacing of further copies to a silent server when loss has been seen elsewhere.
pub(super) const LOSSY_SPACING: [Duration; 4] =
    [Duration::from_millis(30), Duration::from_millis(40), Duration::from_millis(50), Duration::from_millis(60)];
/// Retransmission time-out before any round trip is known (100 ms retransmits in vain on 200 ms paths).
pub(super) const FIRST_TIMEOUT: Duration = Duration::from_millis(250);

/// A silent server is given up no sooner than this after its first copy, however near the others are: the far side of
/// the world is this far away …
pub(super) const FARTHEST: Duration = Duration::from_millis(410);
/// … nor than this after its last needed copy …
pub(super) const GIVE_UP_FLOOR: Duration = Duration::from_millis(150);
/// … copies needed when no loss has been seen anywhere …
pub(super) const NEEDED_COPIES: u32 = 3;
/// … when nothing has answered at all, so that chance cannot look like a blocked network …
pub(super) const NEEDED_COPIES_SILENT: u32 = 5;
/// … and when loss has been seen: six lost round trips of 36 % loss (20 % each way) are a 0.2 % chance.
pub(super) const NEEDED_COPIES_LOSSY: u32 = 6;

/// With no answer over UDP by then, HTTPS and ICMP are raced.
pub(super) const RACE_AFTER: Duration = Duration::from_millis(100);
/// A region silent for this long while others answer is tried over HTTPS.
pub(super) const REGION_RACE_AFTER: Duration = Duration::from_millis(150);
/// The run waits for it this long and four fifths of the slowest round trip: a dead region must not cost more than half
/// the run again and 300 ms.
pub(super) const SILENT_REGION_PATIENCE: Duration = Duration::from_millis(300);
/// … but not beyond this, or one and a half of the slowest round trips and the second of these …
pub(super) const SILENT_REGION_END: Duration = Duration::from_millis(550);
/// … since all the others are done at one round trip and three copies' spacing.
pub(super) const SILENT_REGION_BEYOND: Duration = Duration::from_millis(350);
/// A relay that is to be home must answer over TCP within this and six of its round trips (of the slowest, where its
/// own is not known): TCP sends a lost SYN again after a second (RFC 6298), and one packet lost is no relay down.
pub(super) const HTTPS_FLOOR: Duration = Duration::from_millis(1300);
/// A region that is measured by its relay alone, since its STUN is silent, gets this long at least.
pub(super) const SILENT_REGION_FLOOR: Duration = Duration::from_millis(250);
/// While nothing is heard over UDP and fewer relays are shown to be up than its silence takes, a connection that has not
/// come about by then is tried anew, as packets get lost …
pub(super) const CONNECT_AGAIN: Duration = Duration::from_millis(300);
/// … so many times, to so many relays.
pub(super) const MOST_AGAIN: u8 = 5;
/// See [`MOST_AGAIN`].
pub(super) const AGAIN_RELAYS: usize = 8;
/// A connection that took this long was asked for more than once (RFC 6298).
pub(super) const SYN_SENT_AGAIN: Duration = Duration::from_secs(1);
/// From the end of a probe's time to its being told.
pub(super) const TELLING: Duration = Duration::from_millis(5);
/// How many of the regions that answer first have their relay asked over TCP.
pub(super) const HOME_CANDIDATES: usize = 3;
/// So many regions whose relay failed make it likely that TCP is what fails: all the others are asked at once.
pub(super) const HOME_FAILURES: usize = 2;
/// HTTPS probes under way at once while racing; TLS handshakes cost processor time.
pub(super) const HTTPS_AT_ONCE: usize = 32;

/// "UDP is blocked" takes this many copies, old enough to have been answered: with 30 % loss each way, one run in
/// 25,000 loses them all …
pub(super) const BLOCKED_COPIES: u32 = 15;
/// … or this many over one family where the other answers, since TCP must be dead there as well …
pub(super) const DEAD_FAMILY_COPIES: u32 = 9;
/// … to this many independent servers that are up.
pub(super) const BLOCKED_OPERATORS: usize = 3;
/// Regions whose relay is asked over each family, where nothing answers over UDP: so many, for the case that some of
/// these relays are down.
pub(super) const FAMILY_WITNESSES: usize = 5;
/// A copy is old enough at three TCP round trips to the same server plus this.
pub(super) const MATURE_FLOOR: Duration = Duration::from_millis(100);

/// Names are waited for this long when something else has answered.
pub(super) const NAMES_FLOOR: Duration = Duration::from_millis(500);
/// A resolver gets this long in all.
pub(super) const RESOLVE_TIMEOUT: Duration = Duration::from_millis(2400);
/// Routers answer within milliseconds or not at all, so the run waits for them no longer than this (two
/// retransmissions) …
pub(super) const PORT_MAPPING_PATIENCE: Duration = Duration::from_millis(400);
/// … unless one service has answered already. UPnP lets a router take a second (MX 1), and an answer that comes while
/// something else is waited for counts.
pub(super) const PORT_MAPPING_TIMEOUT: Duration = Duration::from_millis(1500);
/// A captive portal is on the local network.
pub(super) const PORTAL_TIMEOUT: Duration = Duration::from_secs(2);
/// Hosts pinged at once.
pub(super) const FIRST_PINGS: usize = 2;
/// Many hosts do not answer pings: while nobody has, one more is sent each time this has passed …
pub(super) const PING_SPACING: Duration = Duration::from_millis(50);
/// … to so many hosts, and then so many more to the same ones.
pub(super) const MOST_PINGS: usize = 7;
/// As for STUN in a silent network.
pub(super) const ICMP_TIMEOUT: Duration = Duration::from_secs(1);

/// Servers each mapping socket asks at once, and how many of the first to answer it asks besides.
pub(super) const MAPPING_SERVERS: usize = 3;
/// See [`MAPPING_SERVERS`].
pub(super) const MAPPING_NEAREST: usize = 2;
/// Copies a mapping socket sends to one server; those of the hairpin test, where packets get lost and the server is known
/// to answer, [`MAX_COPIES`].
pub(super) const MAPPING_COPIES: u32 = 4;
/// Sockets that ask about the mapping, beside the measuring one.
pub(super) const MAPPING_SOCKETS: [u8; 2] = [1, 2];
/// Sockets that ask when those disagree.
pub(super) const FRESH_SOCKETS: [u8; 2] = [3, 4];
/// The first of the sockets that ask besides, where more are wanted.
pub(super) const MORE_SOCKETS: u8 = 34;
/// The socket that asks relays whether they test filters.
pub(super) const SCOUT_SOCKET: u8 = 9;
/// Relays it asks in each family.
pub(super) const SCOUTS: usize = 3;
/// Sockets of the hairpin test.
pub(super) const HAIRPIN_SOCKETS: [u8; 2] = [5, 6];
/// Packets of a round: there, back, there, back, control.
pub(super) const HAIRPIN_ROUND: u32 = 5;
/// Servers each of them asks at once for its outside endpoint: two must agree, and one may lie.
pub(super) const HAIRPIN_SERVERS: usize = 3;
/// From its first packet on, the hairpin test holds the run up for this long and half the slowest round trip: a filter
/// that keeps packets out takes as long to be told.
pub(super) const HAIRPIN_PATIENCE: Duration = Duration::from_millis(30);

/// A copy that is missing is not counted as lost before this: on a near path a busy machine takes longer than the way.
pub(super) const STRAGGLER_FLOOR: Duration = Duration::from_millis(100);

/// The time after which a missing copy counts as lost.
pub(super) fn lost_after(round_trip: Duration) -> Duration {
    late_after(round_trip).max(STRAGGLER_FLOOR)
}

/// The time after which a reply on a path of this round trip is late: 1.25 × and 10 ms.
pub(super) fn late_after(round_trip: Duration) -> Duration {
    round_trip * 5 / 4 + Duration::from_millis(10)
}
