//! `natscope listen`.

use std::pin::pin;
use std::time::SystemTime;

use tokio::sync::mpsc;

use super::exit::{CmdError, Exit};
use super::output::{Output, Reader};
use super::ping::by;
use super::via::{self, Relays};
use crate::cli::{GlobalArgs, ListenArgs};
use crate::derp::peer::{ListenConfig, ListenSession, Note, PeerEvent, PeerSession as _};
use crate::drive::peer::{self, PeerNews};
use crate::drive::wall_clock;
use crate::model::{MapSource, NodePublic};
use crate::probe::Moment;
use crate::render::{self, Format};
use crate::report::{Command, Listen, ListenPeer, PingEvent, Report};

/// Peers listed; the others are only counted.
const PEERS_MAX: usize = 1000;

pub(super) async fn run(args: &ListenArgs, global: &GlobalArgs, output: &Output) -> Result<Exit, CmdError> {
    let until = global.timeout.map(|timeout| tokio::time::Instant::now() + timeout);
    let direct = args.relay.direct;
    let joining = via::join(&args.relay, direct, &args.map, &args.probing, global, output).await?;
    let (started_at, begun) = (wall_clock::now(), tokio::time::Instant::now());
    let mut session = ListenSession::new(ListenConfig {
        key: joining.key.clone(),
        seed: peer::random()?,
        direct,
        relays: joining.names.len(),
        count: args.count,
    });
    let mut tally = Tally {
        key: session.public(),
        command: other_side(session.public(), args),
        started_at,
        relays: Relays::new(&joining.names),
        told: false,
        answered: 0,
        peers: Vec::new(),
        error: None,
    };
    let (notes, measured_notes) = mpsc::channel(1);
    let mut interrupted = false;
    {
        let told = |at: Moment, news: PeerNews| tally.hear(at, news, output);
        let mut work = pin!(peer::run(&mut session, joining.options, measured_notes, told));
        let facts = async {
            let report = via::nat_facts(Command::Listen, &joining.witnesses, &args.probing, global).await;
            if let Ok(Some(report)) = report {
                let _: Result<(), mpsc::error::SendError<Note>> = notes.send(via::note_of(&report)).await;
            }
        };
        let mut facts = pin!(facts);
        let mut measuring = direct;
        loop {
            tokio::select! {
                ended = &mut work => break ended?,
                () = &mut facts, if measuring => measuring = false,
                _ = tokio::signal::ctrl_c() => {
                    interrupted = true;
                    break;
                }
                () = by(until) => break,
            }
        }
    }
    if let Some(error) = tally.error.take() {
        return Err(error);
    }
    let mut report = tally.report(begun.elapsed());
    report.findings = joining.findings;
    if output.format == Format::Table {
        output.text("\n")?;
    }
    output.report(&report)?;
    Ok(match report.listen {
        _ if interrupted => Exit::Interrupted,
        Some(listen) if listen.answered == 0 => Exit::NothingAnswered,
        _ => Exit::Done,
    })
}

/// What to type on the other side.
fn other_side(key: NodePublic, args: &ListenArgs) -> String {
    let mut words = vec!["ping".to_owned(), key.to_string()];
    for target in &args.relay.via {
        words.extend(["--via".to_owned(), target.to_string()]);
    }
    if args.relay.direct {
        words.push("--direct".to_owned());
    }
    if args.relay.insecure {
        words.push("--insecure".to_owned());
    }
    for source in args.map.derp_maps.iter().filter(|source| **source != MapSource::Default) {
        words.extend(["--derp-map".to_owned(), quoted(&source.to_string())]);
    }
    words.join(" ")
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:,=@%+[]".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// What has been heard so far.
struct Tally {
    key: NodePublic,
    command: String,
    started_at: SystemTime,
    relays: Relays,
    told: bool,
    answered: u64,
    peers: Vec<ListenPeer>,
    error: Option<CmdError>,
}

impl Tally {
    /// Takes note of news, and tells them. Answers whether anybody still reads.
    fn hear(&mut self, at: Moment, news: PeerNews, output: &Output) -> bool {
        for event in self.note(news) {
            let text = render::ping_event(&event, &output.style);
            let told = match output.format {
                Format::Table => output.text(&text),
                Format::JsonLine if matches!(event, PingEvent::Listening { .. } | PingEvent::PeerCame { .. }) => {
                    output.report(&self.report(at.since_start()))
                }
                _ => {
                    output.aside(&text);
                    Ok(Reader::There)
                }
            };
            match told {
                Ok(Reader::There) => {}
                Ok(Reader::Gone) => return false,
                Err(error) => {
                    self.error = Some(error);
                    return false;
                }
            }
        }
        true
    }

    fn note(&mut self, news: PeerNews) -> Vec<PingEvent> {
        match news {
            PeerNews::Joined { relay, again } => {
                self.relays.joined(relay);
                let joined = PingEvent::Joined { relay: self.relays.name(relay), again };
                if std::mem::replace(&mut self.told, true) {
                    return vec![joined];
                }
                vec![joined, PingEvent::Listening { key: self.key, command: self.command.clone() }]
            }
            PeerNews::Failed { relay, failure, retry } => {
                self.relays.failed(relay, &failure);
                vec![PingEvent::RelayFailed { relay: self.relays.name(relay), failure, retry }]
            }
            PeerNews::RoundTrip { relay, took } => {
                self.relays.measured(relay, took);
                Vec::new()
            }
            PeerNews::Event(PeerEvent::Came { peer, relay }) => {
                vec![PingEvent::PeerCame { peer, relay: self.relays.name(relay) }]
            }
            PeerNews::Event(PeerEvent::DirectUp { peer, endpoint, after }) => {
                vec![PingEvent::DirectUp { peer, endpoint, after }]
            }
            PeerNews::Event(PeerEvent::Answered { peer, direct }) => {
                self.count(peer, direct);
                Vec::new()
            }
            PeerNews::PortMapping(Ok(endpoint)) => vec![PingEvent::PortMapped { endpoint }],
            PeerNews::PortMapping(Err(failure)) => vec![PingEvent::NoPortMapping { failure }],
            PeerNews::NoSocket(_) | PeerNews::Event(_) => Vec::new(),
        }
    }

    fn count(&mut self, peer: NodePublic, direct: bool) {
        self.answered += 1;
        if !self.peers.iter().any(|known| known.peer == peer) && self.peers.len() < PEERS_MAX {
            self.peers.push(ListenPeer { peer, relayed: 0, direct: 0 });
        }
        if let Some(known) = self.peers.iter_mut().find(|known| known.peer == peer) {
            let counter = if direct { &mut known.direct } else { &mut known.relayed };
            *counter += 1;
        }
    }

    fn report(&self, took: std::time::Duration) -> Report {
        Report {
            listen: Some(Listen {
                key: self.key,
                relays: self.relays.0.clone(),
                answered: self.answered,
                peers: self.peers.clone(),
            }),
            ..Report::new(Command::Listen, self.started_at, took)
        }
    }
}
