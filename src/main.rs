//! The `facepipe` program: see `facepipe --help`.

fn main() -> ! {
    facepipe::cli::main()
}
