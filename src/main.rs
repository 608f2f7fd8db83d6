//! The `facepipe` program: see `facepipe --help`.

mod cli;

fn main() -> ! {
    cli::main()
}
