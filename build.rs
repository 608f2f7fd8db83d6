//! Links libtorch so that the program starts from any directory without `LD_LIBRARY_PATH`, installed by
//! `scripts/install.sh` or where it was built, and so that CUDA is there where libtorch has it.

use std::path::Path;

/// Where `scripts/install.sh` puts libtorch's libraries, from the program's folder.
const INSTALLED: &str = "../lib/facepipe";

fn main() {
    // No file is named: this one is watched anyway, and a name would be looked for in each package's
    // folder; one that is missing there has that package compiled again by every build.
    println!("cargo:rerun-if-env-changed=LIBTORCH");
    // Set by torch-sys (its `links` key is `tch`): the folder it linked against. Another libtorch
    // there means that torch-sys is built again, and with it this.
    let Ok(folder) = std::env::var("DEP_TCH_LIBTORCH_LIB") else {
        return;
    };
    // Searched in this order: what was installed beside the program goes before the build's.
    let program = match std::env::var("CARGO_CFG_TARGET_OS").as_deref() {
        Ok("macos") => "@loader_path",
        _ => "$ORIGIN",
    };
    println!("cargo:rustc-link-arg=-Wl,-rpath,{program}/{INSTALLED}");
    println!("cargo:rustc-link-arg=-Wl,-rpath,{folder}");
    // No symbol of libtorch_cuda is named anywhere: it registers itself when it is loaded, and a
    // linker that drops what seems unused would leave a program that sees no CUDA.
    if Path::new(&folder).join("libtorch_cuda.so").exists() {
        println!("cargo:rustc-link-arg=-L{folder}");
        println!("cargo:rustc-link-arg=-Wl,--no-as-needed,-ltorch_cuda,--as-needed");
    }
}
