//! The page for a person: plain HTML that asks nobody for anything, light or dark as the reader has it.
//!
//! It tells who is here, and so it is where the metrics are and never where clients come: behind a proxy even strangers
//! come from loopback.

use std::fmt::{self, Write as _};
use std::time::{Duration, SystemTime};

use super::super::acme;
use super::super::mesh::Standing;
use crate::derp::{Census, Present, Snapshot};
use crate::model::NodePublic;
use crate::wire::derp::PresenceFlags;

/// Clients that are listed.
pub(super) const LISTED: usize = 200;

/// Days before its end when a certificate is worth a word.
const EXPIRES_SOON: u64 = 14;

/// What the page is made of.
pub(super) struct Facts<'a> {
    pub(super) key: NodePublic,
    /// Who may use it.
    pub(super) access: &'a str,
    pub(super) stopping: bool,
    pub(super) uptime: Duration,
    pub(super) now: SystemTime,
    pub(super) certificate_expires: Option<SystemTime>,
    /// Where certificates come from an authority.
    pub(super) acme: Option<&'a acme::Facts>,
    pub(super) snapshot: &'a Snapshot,
    pub(super) census: &'a Census,
    pub(super) stun_answers: u64,
    pub(super) refused: u64,
    /// The other relays of the mesh, by name.
    pub(super) mesh: &'a [(String, Standing)],
    /// The busiest, with how long they have been here.
    pub(super) clients: &'a [(Present, Duration)],
}

const HEAD: &str = "<!DOCTYPE html>
<html lang=\"en\"><head><meta charset=\"utf-8\"><title>natscope relay</title>
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">
<meta name=\"color-scheme\" content=\"light dark\">
<style>
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; margin-bottom: 0; } h2 { font-size: 1.1rem; margin-top: 2rem; }
code { font: 0.9em ui-monospace, monospace; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; }
tr > th:first-child { width: 14rem; }
th, td { text-align: left; padding: 0.25rem 0.75rem 0.25rem 0; border-bottom: 1px solid #8884; vertical-align: top; }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.bad { color: #c22; font-weight: 600; } .quiet { color: #888; }
.wide { overflow-x: auto; } .wide tr > th:first-child { width: auto; } .from { white-space: nowrap; }
@media (prefers-color-scheme: dark) { .bad { color: #f77; } }
</style></head>
<body>
";

/// The text of the page.
pub(super) fn render(facts: &Facts<'_>) -> String {
    let mut page = String::from(HEAD);
    // Writing into a string cannot fail.
    let _ = about(&mut page, facts)
        .and_then(|()| traffic(&mut page, facts))
        .and_then(|()| mesh(&mut page, facts.mesh))
        .and_then(|()| clients(&mut page, facts));
    page.push_str("</body></html>\n");
    page
}

fn about(page: &mut String, facts: &Facts<'_>) -> fmt::Result {
    writeln!(page, "<h1>natscope relay {}</h1>", env!("CARGO_PKG_VERSION"))?;
    let state = if facts.stopping { "<span class=\"bad\">stopping</span>" } else { "serving" };
    writeln!(page, "<p>{state} for {}</p>\n<table>", lasts(facts.uptime))?;
    row(page, "Key", &format!("<code>{}</code>", facts.key))?;
    row(page, "Admits", &Escaped(facts.access).to_string())?;
    if let Some(expires) = facts.certificate_expires {
        row(page, "Certificate", &certificate(expires, facts.now))?;
    }
    if let Some(acme) = facts.acme {
        if facts.certificate_expires.is_none() {
            row(page, "Certificate", "<span class=\"bad\">none yet</span>: handshakes are refused")?;
        }
        row(page, "ACME", &authority(acme))?;
    }
    page.write_str("</table>\n")
}

fn authority(acme: &acme::Facts) -> String {
    let when = |at| humantime::format_rfc3339_seconds(at).to_string().replace('T', " ");
    let next = acme.next.map_or_else(String::new, |next| format!("asked next at {}", when(next)));
    match &acme.failure {
        Some((at, because)) => {
            format!("<span class=\"bad\">failed</span> at {}, {}; {next}", when(*at), Escaped(because))
        }
        None => next,
    }
}

fn certificate(expires: SystemTime, now: SystemTime) -> String {
    let date = humantime::format_rfc3339_seconds(expires).to_string();
    let date = date.split('T').next().unwrap_or_default();
    match expires.duration_since(now) {
        Ok(left) => {
            let days = left.as_secs() / 86_400;
            let class = if days < EXPIRES_SOON { " class=\"bad\"" } else { "" };
            format!("until {date}, <span{class}>{days} day{} left</span>", if days == 1 { "" } else { "s" })
        }
        Err(_) => format!("<span class=\"bad\">expired on {date}</span>"),
    }
}

fn traffic(page: &mut String, Facts { snapshot, census, stun_answers, refused, .. }: &Facts<'_>) -> fmt::Result {
    let dropped: u64 = snapshot.dropped.iter().map(|dropped| dropped.packets).sum();
    page.write_str("<h2>Since the start</h2>\n<table>\n")?;
    for (name, value) in [
        ("Connections now", format!("{}, {} with their home here", census.connections, census.home_connections)),
        ("Clients let in", snapshot.accepts.to_string()),
        ("Clients refused", refused.to_string()),
        ("From clients", packets(snapshot.packets_received, snapshot.bytes_received)),
        ("To clients and other relays", packets(snapshot.packets_sent, snapshot.bytes_sent)),
        ("Packets dropped", dropped.to_string()),
        ("STUN answers", stun_answers.to_string()),
        ("Memory for what waits", bytes(census.bytes_held as u64)),
    ] {
        row(page, name, &value)?;
    }
    page.write_str("</table>\n")
}

fn mesh(page: &mut String, mesh: &[(String, Standing)]) -> fmt::Result {
    if mesh.is_empty() {
        return Ok(());
    }
    page.write_str("<h2>Mesh</h2>\n<table>\n")?;
    for (name, standing) in mesh {
        let state = match standing {
            Standing::Dialled => "<span class=\"quiet\">being dialled</span>".to_owned(),
            Standing::Joined { relay, clients } => format!("joined, {clients} there, <code>{relay}</code>"),
            Standing::Lost { because } => format!("<span class=\"bad\">not reached</span>: {}", Escaped(because)),
            Standing::Itself => "<span class=\"quiet\">this relay</span>".to_owned(),
        };
        row(page, &Escaped(name).to_string(), &state)?;
    }
    page.write_str("</table>\n")
}

fn clients(page: &mut String, Facts { census, clients, .. }: &Facts<'_>) -> fmt::Result {
    let elsewhere = match census.clients_remote {
        0 => String::new(),
        keys => format!(", {keys} more at other relays"),
    };
    writeln!(page, "<h2>Clients</h2>\n<p>{} here{elsewhere}</p>", census.clients_local)?;
    if clients.is_empty() {
        return Ok(());
    }
    if clients.len() < census.connections {
        writeln!(page, "<p class=\"quiet\">The {} busiest connections of {}.</p>", clients.len(), census.connections)?;
    }
    page.write_str(
        "<div class=\"wide\"><table>\n<tr><th>Key</th><th>From</th><th class=\"n\">Here for</th>\
         <th class=\"n\">Round trip</th>\
         <th class=\"n\">Sent</th><th class=\"n\">Got</th><th class=\"n\">Waits</th><th></th></tr>\n",
    )?;
    for (client, here_for) in *clients {
        let from = client.member.endpoint.map(|endpoint| endpoint.to_string()).unwrap_or_default();
        writeln!(
            page,
            "<tr><td><code>{}</code></td><td class=\"from\"><code>{from}</code></td><td class=\"n\">{}</td><td class=\"n\">{}</td>\
             <td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td>{}</td></tr>",
            client.member.key,
            lasts(*here_for),
            client.round_trip.map(millis).unwrap_or_default(),
            packets(client.packets_received, client.bytes_received),
            packets(client.packets_sent, client.bytes_sent),
            bytes(client.held as u64),
            marks(client),
        )?;
    }
    page.write_str("</table></div>\n")
}

fn marks(client: &Present) -> String {
    let flags = client.member.flags;
    let marks = [
        (client.home, "home"),
        (flags.contains(PresenceFlags::MESH_PEER), "relay of the mesh"),
        (flags.contains(PresenceFlags::PROBER), "prober"),
        (flags.contains(PresenceFlags::NOT_IDEAL), "rather elsewhere"),
        (client.watching, "watches"),
    ];
    marks.into_iter().filter_map(|(set, mark)| set.then_some(mark)).collect::<Vec<_>>().join(", ")
}

/// The value is HTML already.
fn row(page: &mut String, name: &str, value: &str) -> fmt::Result {
    writeln!(page, "<tr><th>{name}</th><td>{value}</td></tr>")
}

fn packets(packets: u64, payloads: u64) -> String {
    if packets == 0 { "0".to_owned() } else { format!("{packets} ({})", bytes(payloads)) }
}

/// In units of 1024, with three digits at the most before the point.
fn bytes(count: u64) -> String {
    let mut left = count;
    let mut rest = 0;
    let mut units = ["B", "KiB", "MiB", "GiB", "TiB"].into_iter();
    let mut unit = units.next().unwrap_or_default();
    while left >= 1024
        && let Some(larger) = units.next()
    {
        (left, rest, unit) = (left / 1024, left % 1024, larger);
    }
    if unit == "B" { format!("{left} B") } else { format!("{left}.{} {unit}", rest * 10 / 1024) }
}

/// To the second, and beyond an hour to the minute.
fn lasts(time: Duration) -> String {
    let seconds = time.as_secs();
    let whole = if seconds < 3600 { seconds } else { seconds / 60 * 60 };
    humantime::format_duration(Duration::from_secs(whole)).to_string()
}

/// Milliseconds, with one decimal below ten.
fn millis(time: Duration) -> String {
    let tenths = time.as_micros() / 100;
    if tenths < 100 { format!("{}.{} ms", tenths / 10, tenths % 10) } else { format!("{} ms", time.as_millis()) }
}

/// Text that may have been written by anybody.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|character| match character {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            other => f.write_char(other),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::derp::Member;

    fn present(bytes_sent: u64) -> Present {
        let key = NodePublic::from_bytes([7; 32]);
        let endpoint = Some(std::net::SocketAddr::from(([192, 0, 2, 7], 4711)));
        Present {
            member: Member { key, endpoint, flags: PresenceFlags::MESH_PEER },
            since: tokio::time::Instant::now().into_std(),
            home: true,
            watching: true,
            packets_received: 3,
            bytes_received: 3000,
            packets_sent: 1,
            bytes_sent,
            held: 5 << 20,
            round_trip: Some(Duration::from_micros(23_950)),
        }
    }

    fn page(expires_in: i64, mesh: &[(String, Standing)]) -> String {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let shift = Duration::from_secs(expires_in.unsigned_abs());
        let expires = if expires_in < 0 { now - shift } else { now + shift };
        render(&Facts {
            key: NodePublic::from_bytes([1; 32]),
            access: "clients of <list> & \"others\"",
            stopping: false,
            uptime: Duration::from_secs(3 * 3600 + 61),
            now,
            acme: None,
            certificate_expires: Some(expires),
            snapshot: &Snapshot::default(),
            census: &Census { connections: 9, clients_local: 8, clients_remote: 4, ..Census::default() },
            stun_answers: 12,
            refused: 2,
            mesh,
            clients: &[(present(1 << 30), Duration::from_secs(75))],
        })
    }

    #[test]
    fn it_tells_what_an_owner_wants_to_know() {
        let relay = NodePublic::from_bytes([9; 32]);
        let mesh = [
            ("https://relay-b.example".to_owned(), Standing::Joined { relay, clients: 4 }),
            ("https://relay-c.example".to_owned(), Standing::Lost { because: "Connect: <refused>".to_owned() }),
            ("https://relay-a.example".to_owned(), Standing::Itself),
        ];
        let page = page(20 * 86_400 + 5, &mesh);
        for wanted in [
            "serving for 3h 1m",
            "clients of &lt;list&gt; &amp; &quot;others&quot;",
            "until 2023-12-04, <span>20 days left</span>",
            "joined, 4 there",
            "not reached</span>: Connect: &lt;refused&gt;",
            "this relay</span>",
            "<p>8 here, 4 more at other relays</p>",
            "The 1 busiest connections of 9.",
            "192.0.2.7:4711",
            "1m 15s",
            "3 (2.9 KiB)",
            "1 (1.0 GiB)",
            "5.0 MiB",
            "23 ms",
            "home, relay of the mesh, watches",
        ] {
            assert!(page.contains(wanted), "{wanted} in {page}");
        }
        assert_eq!(page.matches("<table>").count(), page.matches("</table>").count());
        // Nothing is asked of anybody.
        for reference in ["src=", "href=", "url(", "<script", "@import"] {
            assert!(!page.contains(reference), "{reference}");
        }
    }

    #[test]
    fn a_certificate_near_its_end_stands_out() {
        assert!(page(86_400 + 5, &[]).contains("<span class=\"bad\">1 day left</span>"));
        assert!(page(-5, &[]).contains("<span class=\"bad\">expired on 2023-11-14</span>"));
        assert!(!page(86_400, &[]).contains("<h2>Mesh</h2>"));
    }

    #[test]
    fn times_are_told_in_milliseconds() {
        for (micros, wanted) in
            [(1, "0.0 ms"), (449, "0.4 ms"), (9_999, "9.9 ms"), (10_000, "10 ms"), (1_500_000, "1500 ms")]
        {
            assert_eq!(millis(Duration::from_micros(micros)), wanted);
        }
    }

    #[test]
    fn bytes_are_told_in_units() {
        for (count, wanted) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (1 << 40, "1.0 TiB"),
            (1 << 50, "1024.0 TiB"),
        ] {
            assert_eq!(bytes(count), wanted);
        }
    }
}
