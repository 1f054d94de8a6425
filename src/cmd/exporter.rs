//! `natscope exporter`: binds, says where, and answers scrapes while one measurement follows the other.

use std::cell::Cell;

use super::exit::{CmdError, Exit};
use super::exporter_rounds::Rounds;
use super::output::Output;
use super::relay::{expand, refusal};
use super::relay_signals::{Signal, Signals};
use crate::cli::{ExporterArgs, GlobalArgs};
use crate::drive::exporter::Exporter;
use crate::drive::supervisor;

pub(super) async fn run(args: &ExporterArgs, global: &GlobalArgs, output: &Output) -> Result<Exit, CmdError> {
    if global.redact {
        return Err(CmdError::Usage(
            "--redact: metrics carry the names of regions and relays as they are; leave it out, and keep them to \
             yourself"
                .to_owned(),
        ));
    }
    let mut signals = Signals::listen().map_err(|error| CmdError::Own(format!("cannot listen to signals: {error}")))?;
    let exporter = Exporter::bind(&expand(&args.listen)).map_err(|error| refusal(&error))?;
    let addresses = exporter.addresses().to_vec();
    let mut rounds = Rounds::new(args, global, exporter.board());
    // From here on a scrape is answered, whatever measurements do.
    let _serving =
        exporter.serve().map_err(|error| CmdError::Own(format!("cannot serve what it has bound to: {error}")))?;
    let again = Cell::new(false);
    let work = async {
        rounds.begin().await?;
        output.note(concat!("natscope exporter ", env!("CARGO_PKG_VERSION")));
        for address in addresses {
            output.note(&format!("metrics    http://{address}/metrics"));
        }
        output.note(&rounds.described());
        output.note("serving");
        supervisor::ready();
        let _watchdog = supervisor::keep_watchdog();
        loop {
            rounds.round(&again).await;
            rounds.pause().await;
        }
    };
    tokio::pin!(work);
    let exit = loop {
        tokio::select! {
            ended = &mut work => return ended,
            signal = signals.next() => match signal {
                Signal::Reload => again.set(true),
                Signal::Terminate => break Ok(Exit::Done),
                Signal::Interrupt => break Err(CmdError::Interrupted),
            },
        }
    };
    supervisor::stopping();
    exit
}
