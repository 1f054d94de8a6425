//! One use-case a file: each wires the rooms together and ends in an exit code. No protocol bytes, no table layout.

mod classic;
mod config;
mod derp_env;
mod derpmap;
mod diff;
mod doctor;
mod doctor_inputs;
mod exit;
mod explain;
mod exporter;
mod exporter_rounds;
mod generate;
mod inputs;
mod lifetime;
mod listen;
mod maps;
mod nat;
mod netcheck;
mod output;
mod pace;
mod ping;
mod predict;
mod progress;
mod relay;
mod relay_doctor;
mod relay_signals;
mod repeat;
mod replace;
mod replay;
mod selftest;
mod selftest_ping;
mod stream;
mod via;
mod watch;

use std::ffi::OsString;
use std::process::ExitCode;

use crate::cli::{self, Cli, Command};
use crate::report;
use exit::{CmdError, Exit};
use output::Output;

/// Runs natscope with these arguments, the program's name first.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let lang = output::lang_of(&arguments);
    let mut warning = None;
    let cli = match cli::parse_with_config(arguments, |named| config::read(named, &mut warning)) {
        Ok(cli) => cli,
        Err(exit) => {
            output::print_parse_exit(&exit.text, exit.to_stdout, lang);
            return ExitCode::from(exit.code);
        }
    };
    match run(&cli, warning.as_deref()) {
        Ok(exit) => ExitCode::from(exit.code()),
        Err(error) => {
            output::print_error(&error, output::chosen(cli.global.lang));
            ExitCode::from(error.exit().code())
        }
    }
}

fn run(cli: &Cli, warning: Option<&str>) -> Result<Exit, CmdError> {
    let mut output = Output::new(&cli.global)?;
    if let Some(warning) = warning {
        output.warn(warning);
    }
    match cli.command {
        Command::Relay(_) => output.start_server_log(cli.global.verbose),
        Command::Exporter(_) => output.start_quiet_log(cli.global.verbose),
        _ => output.start_log(),
    }
    match &cli.command {
        Command::Netcheck(args) => match &args.replay {
            Some(path) => replay::run(report::Command::Netcheck, path, &cli.global, &output),
            None => in_runtime(netcheck::run(args, &cli.global, &output)),
        },
        Command::Watch(args) => in_runtime(netcheck::run(&args.into(), &cli.global, &output)),
        Command::Nat(args) => {
            output.style.servers = args.servers;
            match &args.replay {
                Some(path) => replay::run(report::Command::Nat, path, &cli.global, &output),
                None => runtime(nat::run(args, &cli.global, &output)),
            }
        }
        // These say what there was when they are interrupted.
        Command::Listen(args) => runtime(listen::run(args, &cli.global, &output)),
        Command::Ping(args) => runtime(ping::run(args, &cli.global, &output)),
        Command::Relay(args) => in_server_runtime(relay::run(args, &output)),
        Command::Predict(args) => predict::run(args, &cli.global, &output),
        Command::Diff(args) => diff::run(args, &output),
        Command::Doctor(args) => in_runtime(doctor::run(args, &cli.global, &output)),
        Command::Exporter(args) => runtime(exporter::run(args, &cli.global, &output)),
        Command::Derpmap(args) => in_runtime(derpmap::run(args, &cli.global, &output)),
        Command::Explain(args) => explain::run(args, &output),
        Command::Selftest(args) => in_runtime(selftest::run(args, &cli.global, &output)),
        Command::Config(args) => config::run(args, &cli.global, &output),
        Command::Completions(args) => generate::completions(args, &output),
        Command::Man(args) => generate::man(args, &output),
    }
}

/// Runs to the end, on all processors; signals are its own affair.
fn in_server_runtime(work: impl Future<Output = Result<Exit, CmdError>>) -> Result<Exit, CmdError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|error| {
        CmdError::Own(format!("cannot start: the system gives no threads or files for it ({error})"))
    })?;
    let result = runtime.block_on(work);
    runtime.shutdown_background();
    result
}

/// Runs to the end or to Ctrl-C.
fn in_runtime(work: impl Future<Output = Result<Exit, CmdError>>) -> Result<Exit, CmdError> {
    runtime(or_interrupted(work))
}

/// To the end, or to Ctrl-C, after which there is nothing to tell.
async fn or_interrupted<T>(work: impl Future<Output = Result<T, CmdError>>) -> Result<T, CmdError> {
    tokio::select! {
        result = work => result,
        _ = tokio::signal::ctrl_c() => Err(CmdError::Interrupted),
    }
}

/// Runs to the end. Lookups by the C library cannot be called off, so they are not waited for.
fn runtime(work: impl Future<Output = Result<Exit, CmdError>>) -> Result<Exit, CmdError> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(|error| {
            CmdError::Own(format!("cannot start: the system gives no threads or files for it ({error})"))
        })?;
    let result = runtime.block_on(work);
    runtime.shutdown_background();
    result
}
