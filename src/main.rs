//! natscope: why two machines can or cannot talk directly, and what to do about it.

use std::process::ExitCode;

fn main() -> ExitCode {
    natscope::cmd::main(std::env::args_os())
}
