//! Checks of libtorch.

use std::path::PathBuf;

use super::Check;
use facepipe_core::types::DeviceChoice;
use facepipe_core::words::counted;
use facepipe_nn::{PrecisionChoice, device_name};

/// The version that the program is built for: torch-sys takes no other.
const BUILT_FOR: &str = "2.13.0";

/// Version, threads and CUDA.
pub(super) fn checks() -> Vec<Check> {
    let threads = format!(
        "{} within an operation, {} between operations",
        counted(tch::get_num_threads(), "thread"),
        tch::get_num_interop_threads()
    );
    vec![version(&threads), cuda(), training()]
}

fn version(threads: &str) -> Check {
    match loaded_version() {
        Some(version) if version.split('+').next() == Some(BUILT_FOR) => {
            Check::ok("libtorch", format!("libtorch {version}, {threads}"))
        }
        Some(version) => Check::missing(
            "libtorch",
            format!("libtorch {version} is loaded, but the program is built for {BUILT_FOR}"),
            "run `scripts/setup.sh` and build again",
        ),
        // The program would not have started without one.
        None => Check::ok("libtorch", format!("libtorch {BUILT_FOR}, {threads}")),
    }
}

/// Where networks learn without `--device` and `--precision`, and in which numbers.
fn training() -> Check {
    let place = facepipe_nn::device(DeviceChoice::Auto).map_err(|error| error.to_string());
    let numbers = place.and_then(|device| {
        let precision = PrecisionChoice::Auto.on(device);
        let precision = precision.map_err(|error| error.to_string())?;
        let reason = precision.reason(device);
        Ok(format!(
            "training on {} in {precision}: {reason}",
            device_name(device)
        ))
    });
    match numbers {
        Ok(text) => Check::ok("training", text),
        Err(text) => Check::note("training", text, None),
    }
}

fn cuda() -> Check {
    let devices = tch::Cuda::device_count();
    if tch::Cuda::is_available() && devices > 0 {
        let cudnn = if tch::Cuda::cudnn_is_available() {
            "with"
        } else {
            "without"
        };
        return Check::ok(
            "cuda",
            format!("CUDA: {}, {cudnn} cuDNN", counted(devices, "device")),
        );
    }
    if loaded("/libtorch_cuda.so").is_some() {
        let message = "libtorch has CUDA, but sees no device: networks run on the processor";
        let fix = "check the card's driver with `nvidia-smi`";
        return Check::note("cuda", message, Some(fix));
    }
    Check::note(
        "cuda",
        "libtorch has no CUDA: networks run on the processor",
        Some("with an NVIDIA card: `FACEPIPE_CUDA=1 scripts/setup.sh`"),
    )
}

/// The path of a library that this process has loaded, where the system can report it.
fn loaded(name: &str) -> Option<PathBuf> {
    let maps = fs_err::read_to_string("/proc/self/maps").ok()?;
    // The path is the sixth column and may hold spaces.
    let mut paths = maps
        .lines()
        .filter_map(|line| line.find('/').map(|at| &line[at..]));
    paths.find(|path| path.ends_with(name)).map(PathBuf::from)
}

/// The version in the file beside the libtorch in use.
fn loaded_version() -> Option<String> {
    let library = loaded("/libtorch_cpu.so")?;
    let root = library.parent()?.parent()?;
    if let Ok(version) = fs_err::read_to_string(root.join("build-version")) {
        return Some(version.trim().to_owned());
    }
    let text = fs_err::read_to_string(root.join("version.py")).ok()?;
    let line = text.lines().find(|line| line.starts_with("__version__"))?;
    Some(line.split('\'').nth(1)?.to_owned())
}
