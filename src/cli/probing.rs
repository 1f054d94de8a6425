//! Flags of commands that send probes: over which family, from which address, port and interface.

use std::net::IpAddr;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use super::values;

/// From where probes are sent.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
#[command(next_help_heading = "Probing")]
pub struct ProbingArgs {
    /// Use IPv4 only.
    #[arg(short = '4', id = "only_v4", env = "NATSCOPE_4", value_parser = values::switch, hide_env = true)]
    pub only_v4: bool,

    /// Use IPv6 only.
    #[arg(short = '6', id = "only_v6", env = "NATSCOPE_6", value_parser = values::switch, hide_env = true)]
    pub only_v6: bool,

    /// Send from this local address.
    #[arg(long, env = "NATSCOPE_BIND_ADDRESS", value_name = "IP", hide_env = true)]
    pub bind_address: Option<IpAddr>,

    /// Send from this local UDP port.
    ///
    /// 0 means any free one. A port that a firewall lets through, or that a router forwards, shows what a program on
    /// that port would get.
    #[arg(long, env = "NATSCOPE_BIND_PORT", value_name = "PORT", hide_env = true)]
    pub bind_port: Option<u16>,

    /// Send through this network interface.
    #[arg(
        long,
        env = "NATSCOPE_INTERFACE",
        value_name = "NAME",
        value_parser = NonEmptyStringValueParser::new(),
        hide_env = true
    )]
    pub interface: Option<String>,
}

impl ProbingArgs {
    /// An address of the family that is not to be used leaves nothing to send.
    pub(super) fn check(&self) -> Result<(), String> {
        match self.bind_address {
            Some(address) if self.only_v4 && address.is_ipv6() => {
                Err(format!("-4 means IPv4 only, and --bind-address {address} is IPv6"))
            }
            Some(address) if self.only_v6 && address.is_ipv4() => {
                Err(format!("-6 means IPv6 only, and --bind-address {address} is IPv4"))
            }
            _ => Ok(()),
        }
    }
}
