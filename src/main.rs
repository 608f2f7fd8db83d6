//! The `facepipe` program: see `facepipe --help`.

fn main() -> std::process::ExitCode {
    facepipe::cli::main()
}
