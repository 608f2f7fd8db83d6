//! Where networks run: `cpu`, `cuda`, `cuda:N`, or the best there is.

use std::num::NonZeroUsize;

use tch::{Cuda, Device};

use facepipe_core::errors::Hint;

/// Why a device can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// No device is called that.
    #[error("`{0}` is not a device")]
    Unknown(String),
    /// There is no such GPU.
    #[error("`{name}` is not there: libtorch sees {count} CUDA devices")]
    NoCuda {
        /// What was asked for.
        name: String,
        /// How many there are.
        count: i64,
    },
}

impl Hint for DeviceError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Unknown(_) => "use `--device cpu`, `cuda`, `cuda:N` or `auto`".to_owned(),
            Self::NoCuda { count: 0, .. } => "use `--device cpu`; for a GPU, run \
                `FACEPIPE_CUDA=1 ./scripts/setup.sh` and build again"
                .to_owned(),
            Self::NoCuda { count, .. } => format!("use `cuda:0` to `cuda:{}`", count - 1),
        })
    }
}

/// The device of a name: `cpu`, `cuda` (the first), `cuda:N`, `auto` (a GPU if there is one).
///
/// # Errors
/// [`DeviceError`] for another name, or a GPU that is not there.
pub fn parse_device(name: &str) -> Result<Device, DeviceError> {
    let number = match name {
        "cpu" => return Ok(Device::Cpu),
        "auto" if Cuda::is_available() => return Ok(Device::Cuda(0)),
        "auto" => return Ok(Device::Cpu),
        "cuda" => "0",
        other => other
            .strip_prefix("cuda:")
            .ok_or_else(|| DeviceError::Unknown(name.to_owned()))?,
    };
    let number: u16 = number
        .parse()
        .map_err(|_| DeviceError::Unknown(name.to_owned()))?;
    let count = if Cuda::is_available() {
        Cuda::device_count()
    } else {
        0
    };
    if i64::from(number) < count {
        Ok(Device::Cuda(usize::from(number)))
    } else {
        Err(DeviceError::NoCuda {
            name: name.to_owned(),
            count,
        })
    }
}

/// A device's name, as [`parse_device`] takes it.
#[must_use]
pub fn device_name(device: Device) -> String {
    match device {
        Device::Cuda(number) => format!("cuda:{number}"),
        _ => "cpu".to_owned(),
    }
}

/// Sets how many threads libtorch works with inside one operation, for the whole process.
pub fn use_threads(threads: NonZeroUsize) {
    tch::set_num_threads(i32::try_from(threads.get()).unwrap_or(i32::MAX));
}

/// Sets how many threads libtorch works with inside one operation of the calling thread.
///
/// A thread takes over what was set last anywhere in the process when it first asks; therefore it asks
/// before it sets its own.
pub fn use_threads_here(threads: NonZeroUsize) {
    let _ = tch::get_num_threads();
    use_threads(threads);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_devices() {
        assert_eq!(parse_device("cpu"), Ok(Device::Cpu));
        assert!(parse_device("auto").is_ok());
        for name in ["gpu", "cuda:", "cuda:x", "cuda:-1", "CPU", ""] {
            let error = parse_device(name).expect_err(name);
            assert_eq!(error, DeviceError::Unknown(name.to_owned()));
            assert!(error.hint().is_some_and(|hint| hint.contains("cuda:N")));
        }
        let absent = parse_device("cuda:999").expect_err("no machine has that many");
        assert!(matches!(absent, DeviceError::NoCuda { .. }), "{absent}");
    }
}
