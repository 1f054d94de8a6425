//! `natscope diff`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

/// Arguments of `natscope diff`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
#[command(after_help = EXAMPLES_SHORT, after_long_help = EXAMPLES_LONG)]
pub struct DiffArgs {
    /// The report before: a file of --save, or of --json.
    ///
    /// Of several reports in one file (--format json-line), the last counts. - is standard input.
    #[arg(value_name = "A.json", value_hint = ValueHint::FilePath)]
    pub a: PathBuf,

    /// The report after.
    #[arg(value_name = "B.json", value_hint = ValueHint::FilePath)]
    pub b: PathBuf,
}

const EXAMPLES_SHORT: &str = "\
Examples:
  natscope netcheck --save monday.json        while it works
  natscope netcheck --save today.json         when it does not
  natscope diff monday.json today.json        what is another now

'natscope diff --help' tells what counts as a change.";

const EXAMPLES_LONG: &str = "\
Examples:
  natscope netcheck --save monday.json
      While it works; 'nat', 'doctor', 'ping' and 'predict' write reports as well, with --json.
  natscope diff monday.json today.json
      Of two reports of different commands, what both tell is compared.
  natscope doctor derp.example.com --json | natscope diff before.json -
      Against what is so now.
  natscope diff --json monday.json today.json
      For a script: 'diff.changes' is empty when nothing changed.

What counts as a change:
  A verdict with another value. One that is no longer determined is shown as '?', with the reason; that is no \"no\".
  The public address; not the port, which is another for each fresh socket.
  A region that answers and did not, or did and does not; a latency that moved by 10 ms and by a quarter; a loss that
  moved by a quarter of all probes.
  The state of a relay's layer, its pin, the end of its certificate. Of two reports of one command also findings: a code
  that came or went, is more or less severe, or there as often no more.
  Regions that one of them left out, or does not have, are not compared. Reports of --redact hold pseudonyms, which differ
  each time: addresses, keys, regions and relays are not compared then.

Exit status:
  0    compared, whether anything changed or not
  64   a file that is no report, with line and column; or two that tell of nothing in common";
