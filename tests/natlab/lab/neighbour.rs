//! A second home on the same internet, for those who want to reach each other.

use std::fmt::Write as _;
use std::process::Command;

use super::super::plan::Plan;
use super::super::scenario::Scenario;
use super::super::{links, rules};
use super::{Lab, feed};

impl Lab {
    /// Puts `scenario`'s router and client next door, as `nat2` and `cli2`, and answers what addresses they have. Only
    /// the NAT of the scenario counts: the internet is there already.
    pub fn settle(&mut self, scenario: &Scenario) -> Result<Plan, String> {
        let plan = Plan::neighbour(scenario.plan);
        let mut batch = String::new();
        for short in ["nat2", "cli2"] {
            self.namespaces.push(short);
            writeln!(batch, "netns add {}", self.name(short)).unwrap();
        }
        for (a, end, b, other) in [("nat2", "lan", "cli2", "eth0"), ("inet", "isp2", "nat2", "wan")] {
            let (a, b) = (self.name(a), self.name(b));
            writeln!(batch, "link add {end} netns {a} type veth peer name {other} netns {b}").unwrap();
        }
        feed(Command::new("ip").args(["-batch", "-"]), &batch)?;
        let public = plan.public(scenario).to_string();
        self.run_scripts(
            &links::conntrack(scenario),
            &[
                ("inet", links::provider(scenario, &plan, "isp2"), String::new()),
                ("nat2", links::home(scenario, &plan), rules::home(scenario, &plan, &public)),
                ("cli2", links::client(scenario, &plan), String::new()),
            ],
        )?;
        Ok(plan)
    }
}
