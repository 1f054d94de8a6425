use super::{Grid, Scribe};
use crate::render::catalogue::Word;
use crate::render::number::round_trip;
use crate::report::{Nat, Netcheck, Report};

impl Scribe<'_> {
    /// Nodes and servers.
    pub(super) fn grids(&self, report: &Report) -> Vec<Grid> {
        let mut grids = Vec::new();
        grids.extend(report.netcheck.as_ref().filter(|_| self.verbose).map(|netcheck| self.nodes(netcheck)));
        for (label, nat) in [(Word::NatIpv4, &report.nat_v4), (Word::NatIpv6, &report.nat_v6)] {
            grids.extend(nat.as_ref().filter(|nat| !nat.servers.is_empty()).map(|nat| self.servers(label, nat)));
        }
        grids.retain(|grid| !grid.rows.is_empty());
        grids
    }

    fn grid(&self, title: impl Into<String>, columns: &[Word], rows: Vec<Vec<String>>) -> Grid {
        Grid { title: title.into(), columns: columns.iter().map(|word| self.words.word(*word)).collect(), rows }
    }

    fn nodes(&self, netcheck: &Netcheck) -> Grid {
        let latency = |it: Option<_>| it.map(round_trip).unwrap_or_default();
        let mut rows = Vec::new();
        for region in &netcheck.regions {
            for node in &region.nodes {
                rows.push(vec![
                    self.short_code(region),
                    node.name.clone(),
                    node.host.clone(),
                    latency(node.ipv4),
                    latency(node.ipv6),
                    node.failure.as_ref().map(|failure| self.words.failure(failure)).unwrap_or_default(),
                ]);
            }
        }
        let columns = [Word::Region, Word::Name, Word::Host, Word::Ipv4, Word::Ipv6, Word::Reason];
        self.grid(self.words.word(Word::Nodes), &columns, rows)
    }

    fn servers(&self, label: Word, nat: &Nat) -> Grid {
        let rows = nat.servers.iter().map(|server| {
            let note = match &server.note {
                Some(note) => self.words.server_note(note),
                None if server.trusted => self.words.word(Word::Ok).to_owned(),
                None => String::new(),
            };
            let rfc5780 = if server.rfc5780 { self.words.word(Word::Yes) } else { "" };
            let latency = server.round_trip.map(round_trip).unwrap_or_default();
            vec![server.server.clone(), server.endpoint.to_string(), latency, rfc5780.to_owned(), note]
        });
        let title = self.words.aside(self.words.word(Word::Servers), self.words.word(label));
        let columns = [Word::Server, Word::Endpoint, Word::Latency, Word::Rfc5780, Word::Note];
        self.grid(title, &columns, rows.collect())
    }
}
