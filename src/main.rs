//! The program. Everything is in the library, so that tests and benches can use it.

use scanctl::exit::Exit;

fn main() -> Exit {
    scanctl::cli::main()
}
