use super::{Fact, Scribe, Section, Tone};
use crate::render::catalogue::{PingHeadline, Word};
use crate::render::number::span;
use crate::report::{Listen, PathSide, Ping, PongPath, RelayReport, RelayState};

impl Scribe<'_> {
    pub(super) fn ping_headline(&self, ping: &Ping) -> (String, Tone) {
        let over_direct = ping.pongs.iter().filter(|pong| matches!(pong.path, PongPath::Direct { .. })).count();
        let tried = ping.sides.is_some() || over_direct > 0;
        let headline = PingHeadline {
            sent: ping.sent,
            received: ping.received,
            direct: tried.then(|| u32::try_from(over_direct).unwrap_or(u32::MAX)),
            lost: share_lost(ping),
        };
        let tone = match (ping.received, tried && over_direct == 0) {
            (0, _) => Tone::Bad,
            (_, true) => Tone::Middling,
            _ if ping.received < ping.sent => Tone::Middling,
            _ => Tone::Good,
        };
        (self.words.ping_headline(&headline), tone)
    }

    pub(super) fn ping_facts(&self, ping: &Ping) -> Section {
        let mut facts = vec![self.fact(Tone::Plain, Word::Peer, ping.peer.to_string())];
        facts.extend(self.relay_facts(&ping.relays));
        if let Some(times) = &ping.round_trips {
            facts.push(self.fact(Tone::Plain, Word::RoundTrip, self.words.round_trips(times)));
        }
        if ping.sides.is_some() || ping.direct.is_true() {
            let tone = match ping.direct.value() {
                Some(true) => Tone::Good,
                Some(false) => Tone::Bad,
                None => Tone::Unknown,
            };
            let mut text = self.verdict(&ping.direct, |value| self.yes_no(*value).to_owned());
            if let Some(after) = ping.upgraded_after.filter(|_| ping.direct.why().is_none()) {
                text = self.words.aside(&text, &span(after));
            }
            facts.push(self.fact(tone, Word::DirectPath, text));
        }
        if let Some(sides) = ping.sides.as_ref().filter(|_| self.verbose || !ping.direct.is_true()) {
            facts.push(self.path_side_fact(Word::ThisSide, &sides.ours));
            facts.push(match &sides.theirs {
                Some(theirs) => self.path_side_fact(Word::PeersSide, theirs),
                None => self.fact(Tone::Unknown, Word::PeersSide, self.words.word(Word::NotTold)),
            });
        }
        Section { title: None, facts }
    }

    pub(super) fn listen_headline(&self, listen: &Listen) -> (String, Tone) {
        let tone = if listen.answered == 0 { Tone::Plain } else { Tone::Good };
        (self.words.listen_headline(listen.answered, listen.peers.len()), tone)
    }

    pub(super) fn listen_facts(&self, listen: &Listen) -> Section {
        let mut facts = vec![self.fact(Tone::Plain, Word::Key, listen.key.to_string())];
        facts.extend(self.relay_facts(&listen.relays));
        facts.extend(
            listen.peers.iter().map(|peer| {
                self.fact(Tone::Plain, Word::Peer, self.words.answered(peer.peer, peer.relayed, peer.direct))
            }),
        );
        Section { title: None, facts }
    }

    fn relay_facts(&self, relays: &[RelayReport]) -> Vec<Fact> {
        let tone = |relay: &RelayReport| match relay.state {
            RelayState::Joined { rejoined: 0, .. } => Tone::Good,
            RelayState::Joined { .. } => Tone::Middling,
            RelayState::Failed(_) => Tone::Bad,
            RelayState::Unknown => Tone::Unknown,
        };
        relays.iter().map(|relay| self.fact(tone(relay), Word::Relay, self.words.relay(relay))).collect()
    }

    /// `UDP works, mapping endpoint-independent, filtering unknown; offered 192.0.2.1:4000`
    fn path_side_fact(&self, label: Word, side: &PathSide) -> Fact {
        let unknown = || self.words.word(Word::Unknown).to_owned();
        let udp = side
            .udp
            .map_or_else(unknown, |works| self.words.word(if works { Word::Works } else { Word::Blocked }).to_owned());
        let mapping = match (side.mapping, side.mapping_varies) {
            (Some(mapping), _) => self.words.mapping(mapping).to_owned(),
            (None, Some(varies)) => self.words.labelled(self.words.word(Word::MappingVaries), self.yes_no(varies)),
            (None, None) => unknown(),
        };
        let filtering = side.filtering.map_or_else(unknown, |it| self.words.filtering(it).to_owned());
        let labelled = |label: Word, text: &str| self.words.labelled(self.words.word(label), text);
        let mut clauses =
            vec![labelled(Word::Udp, &udp), labelled(Word::Mapping, &mapping), labelled(Word::Filtering, &filtering)];
        if !side.endpoints.is_empty() {
            let endpoints: Vec<String> = side.endpoints.iter().map(ToString::to_string).collect();
            clauses.push(labelled(Word::Offered, &self.words.list(&endpoints)));
        }
        self.fact(Tone::Plain, label, self.words.clauses(&clauses))
    }
}

fn share_lost(ping: &Ping) -> f64 {
    if ping.sent == 0 {
        return 0.0;
    }
    f64::from(ping.sent.saturating_sub(ping.received)) / f64::from(ping.sent)
}
