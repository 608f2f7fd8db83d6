//! Where networks run: `cpu`, `cuda`, `cuda:N`, or the best there is.

use std::num::NonZeroUsize;

use tch::{Cuda, Device};

use facepipe_core::types::DeviceChoice;

/// There is no such GPU.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`cuda:{number}` is not there: libtorch sees {count} CUDA devices")]
pub struct NoCuda {
    /// The requested number.
    pub number: u16,
    /// How many there are.
    pub count: i64,
}

/// The chosen device.
///
/// # Errors
/// [`NoCuda`] for a GPU that does not exist.
pub fn device(choice: DeviceChoice) -> Result<Device, NoCuda> {
    let count = if Cuda::is_available() {
        Cuda::device_count()
    } else {
        0
    };
    match choice {
        DeviceChoice::Cpu => Ok(Device::Cpu),
        DeviceChoice::Auto if count > 0 => Ok(Device::Cuda(0)),
        DeviceChoice::Auto => Ok(Device::Cpu),
        DeviceChoice::Cuda(number) if i64::from(number) < count => {
            Ok(Device::Cuda(usize::from(number)))
        }
        DeviceChoice::Cuda(number) => Err(NoCuda { number, count }),
    }
}

/// A device's name, as [`DeviceChoice`] is written.
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
/// A thread takes over the last setting of the whole process when it first queries it; therefore it
/// queries before it sets its own.
pub fn use_threads_here(threads: NonZeroUsize) {
    let _ = tch::get_num_threads();
    use_threads(threads);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_is_always_there_and_a_thousandth_gpu_never() {
        assert_eq!(device(DeviceChoice::Cpu), Ok(Device::Cpu));
        assert!(device(DeviceChoice::Auto).is_ok());
        let error = device(DeviceChoice::Cuda(999)).expect_err("no machine has that many");
        assert_eq!(error.number, 999);
    }
}
