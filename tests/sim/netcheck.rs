//! The netcheck in a world: run, concluded, judged.

use std::time::Duration;

use natscope::check::netcheck::{Analysis, Input, NetcheckCheck, Options, analyze};
use natscope::model::RegionId;

use crate::judge::{Conclusions, Judgement, judge};
use crate::run::{Run, run};
use crate::world::World;

/// A netcheck that has ended.
pub(crate) struct Netchecked {
    pub(crate) input: Input,
    pub(crate) run: Run,
    pub(crate) analysis: Analysis,
}

impl World {
    /// What a netcheck in this world starts from.
    pub(crate) fn input(&self) -> Input {
        let options = &self.options;
        Input {
            map: self.derp_map(),
            host: self.host_facts(),
            options: Options {
                ipv4: options.ipv4,
                ipv6: options.ipv6,
                nat: options.nat,
                filtering: options.filtering,
                hairpin: options.hairpin,
                sockets: options.sockets,
                port_mapping: options.port_mapping,
                https: options.https,
                icmp: options.icmp,
                captive_portal: options.captive_portal,
                budget: Duration::from_millis(options.budget_ms),
            },
            previous_home: self.previous_home.map(RegionId),
        }
    }
}

/// Runs a netcheck in a world.
pub(crate) fn netcheck(world: &World) -> Netchecked {
    let input = world.input();
    let mut check = NetcheckCheck::new(&input);
    let run = run(&mut check, world);
    let analysis = analyze(&input, &run.record);
    Netchecked { input, run, analysis }
}

impl Netchecked {
    /// Judges it.
    pub(crate) fn judge<'a>(&'a self, world: &'a World) -> Judgement<'a> {
        let analysis = &self.analysis;
        let nat = [analysis.nat_v4.as_ref(), analysis.nat_v6.as_ref()];
        judge(world, &self.run, &Conclusions { netcheck: &analysis.netcheck, nat, findings: &analysis.findings })
    }
}
