//! The binary `plimsoll`: reads the command line, calls one verb, returns its exit code.
//!
//! Results go to standard output, messages to standard error. Exit codes: 0 done, 1 findings,
//! 2 usage, 3 environment (configuration, database, files), 4 refused for safety.

mod adopt;
mod arguments;
mod launch;
mod manual;
mod mounts;
mod output;
mod rehearsal;
mod supervise;
mod verbs;

use std::process::ExitCode;

use clap::Parser;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = match arguments::Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(refusal) => {
            // Help and version are results; everything else is a usage error.
            let code = if refusal.use_stderr() { 2 } else { 0 };
            let _ = refusal.print();
            return ExitCode::from(code);
        }
    };
    if let arguments::Verb::Shepherd { become_for, command } = &arguments.verb {
        return match become_for {
            Some(parent) => supervise::shepherd::become_command(*parent, command),
            None => supervise::shepherd::tend(command),
        };
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            output::complain(&format!("the runtime cannot start: {error}"));
            return ExitCode::from(3);
        }
    };
    ExitCode::from(runtime.block_on(verbs::run(arguments)))
}
