//! `natscope predict`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

/// Arguments of `natscope predict`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
#[command(after_help = EXAMPLES_SHORT, after_long_help = EXAMPLES_LONG)]
pub struct PredictArgs {
    /// The report of one side: a file of --save, or of --json.
    ///
    /// Written by `natscope netcheck` or `natscope nat`. Of several reports in one file (--format json-line), the last
    /// counts. A file of `tailscale netcheck` does not tell enough.
    #[arg(value_name = "A.json", value_hint = ValueHint::FilePath)]
    pub a: PathBuf,

    /// The report of the other side.
    #[arg(value_name = "B.json", value_hint = ValueHint::FilePath)]
    pub b: PathBuf,
}

const EXAMPLES_SHORT: &str = "\
Examples:
  natscope netcheck --save home.json          on one host, the same on the other
  natscope predict home.json office.json      with both files in one place

'natscope predict --help' tells what the answers mean.";

const EXAMPLES_LONG: &str = "\
Examples:
  natscope netcheck --save home.json
      On one host; the same with another name on the other one. Leave --redact out: behind which public address each of
      them is may decide.
  natscope predict home.json office.json
      With both files in one place. Nothing is sent.
  natscope predict --json home.json office.json
      For a script; 'predict.direct.value' is true, false or null.

What is predicted:
  Whether programs connect that do as Tailscale and 'natscope ping --direct' do: both sides send UDP at once to the
  endpoints STUN servers have told, and answer whoever gets through. Programs that guess ports by the hundreds may do
  better where the answer is no, and 'likelihood' says so.
  Taken for granted: the two networks reach each other, and no router takes strangers' packets for itself. Plain Linux NAT
  with an open INPUT chain does, and may then give the peer's flow another port; two NAT3 may stay relayed for that.

What the answers mean:
  yes  a direct path, whatever the reports leave open
  no   relayed, whatever the reports leave open
  ?    undetermined: the missing fact is named, and how to get it

What decides:
  one network             direct, when addresses and routers prove it
  IPv6 on both sides      direct, also through firewalls: both send first
  an open side            direct, when the other has UDP: a public address, or a port mapping that was verified
  easy with easy          direct (NAT1 to NAT3)
  easy with hard          direct when the easy side is NAT1 or NAT2; with NAT3 it depends on what the hard side lets in
  hard with hard          relayed, unless a side lets anybody in
  one public address      both behind one NAT: direct only if it hairpins or they share a network
  UDP blocked on a side   relayed

Exit status:
  0    predicted, yes or no
  3    undetermined
  64   a file that is no report, with line and column";
