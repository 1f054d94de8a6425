use super::{RegionRow, Scribe};
use crate::render::catalogue::Word;
use crate::render::clean::short;
use crate::render::number::{percent, round_trip};
use crate::report::{Netcheck, RegionReport};

/// Characters of a region's code or name that a table row has room for.
const CODE: usize = 10;
pub(super) const NAME: usize = 24;

impl Scribe<'_> {
    /// Measured regions, nearest first.
    pub(super) fn region_rows(&self, netcheck: &Netcheck) -> Vec<RegionRow> {
        let home = netcheck.home_region.value();
        let mut rows: Vec<_> = netcheck
            .regions
            .iter()
            .filter_map(|region| {
                Some(RegionRow {
                    home: home == Some(&region.id),
                    code: self.short_code(region),
                    name: short(&region.name, NAME),
                    latency: region.latency?,
                    loss: region.loss.map_or_else(String::new, percent),
                    jitter: region.jitter.map_or_else(String::new, round_trip),
                    method: self.method(region),
                })
            })
            .collect();
        rows.sort_by_key(|row| row.latency);
        rows
    }

    /// How it was measured; a latency is no use where the relay does not answer.
    pub(super) fn method(&self, region: &RegionReport) -> String {
        let method = region.method.map(|method| self.words.method(method).to_owned());
        let relay = (region.relay_answers == Some(false)).then(|| self.words.word(Word::RelayFails).to_owned());
        self.words.list(&method.into_iter().chain(relay).collect::<Vec<_>>())
    }

    /// The other regions, gathered by reason, in order of first appearance.
    pub(super) fn unmeasured(&self, netcheck: &Netcheck) -> Vec<(String, String)> {
        let unmeasured = netcheck.regions.iter().filter(|region| region.latency.is_none());
        self.by_reason(unmeasured.map(|region| {
            let reason = self.unmeasured_because(region);
            match region.relay_answers {
                Some(true) => (region, self.words.list(&[reason, self.words.word(Word::RelayAnswers).to_owned()])),
                Some(false) | None => (region, reason),
            }
        }))
    }

    /// Why a region has no latency.
    pub(super) fn unmeasured_because(&self, region: &RegionReport) -> String {
        match (&region.failure, region.skipped) {
            (_, Some(skip)) => self.words.region_skip(skip).to_owned(),
            (Some(failure), None) => self.words.failure(failure),
            (None, None) => "?".to_owned(),
        }
    }

    /// Measured regions whose STUN failed, gathered likewise. Where all UDP fails, the verdict on it says so once.
    pub(super) fn without_stun(&self, netcheck: &Netcheck) -> Vec<(String, String)> {
        let measured = netcheck.regions.iter().filter(|region| region.latency.is_some() && !netcheck.udp.is_false());
        self.by_reason(measured.filter_map(|region| Some((region, self.words.failure(region.failure.as_ref()?)))))
    }

    fn by_reason<'r>(&self, reasons: impl Iterator<Item = (&'r RegionReport, String)>) -> Vec<(String, String)> {
        let mut gathered: Vec<(Vec<String>, String)> = Vec::new();
        for (region, reason) in reasons {
            let code = self.short_code(region);
            match gathered.iter_mut().find(|(_, other)| *other == reason) {
                Some((codes, _)) => codes.push(code),
                None => gathered.push((vec![code], reason)),
            }
        }
        gathered.into_iter().map(|(codes, reason)| (self.words.list(&codes), reason)).collect()
    }

    pub(super) fn short_code(&self, region: &RegionReport) -> String {
        short(&self.names.code(region.id), CODE)
    }
}
