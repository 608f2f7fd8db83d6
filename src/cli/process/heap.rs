//! How memory is kept and shared between threads.

use super::Needs;

/// The memory that the heap keeps for later, both in bytes.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
struct Kept {
    /// Blocks up to this come from the heap, not from the system one by one.
    largest_block: i32,
    /// Free memory at its end.
    free: i32,
}

/// For networks: most of the memory for a photo is needed again for the next one. Asking the system for
/// each tensor took 8 % of the time of `detect`.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const FOR_NETWORKS: Kept = Kept {
    largest_block: 32 << 20,
    free: 64 << 20,
};
/// For downloads: tables that grow with the list go back to the system instead of leaving holes, which of
/// 100,000 addresses were 5 MB.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const FOR_DOWNLOADS: Kept = Kept {
    largest_block: 1 << 20,
    free: 1 << 20,
};

/// Makes all threads use one heap, which keeps memory that the command needs repeatedly.
///
/// glibc gives each thread a heap of its own, and memory freed by a large photo in one of them is of
/// no use to the others: on photos of up to 13 megapixels two workers took 615 MB, with one heap 513 MB,
/// in the same time. It must come before the first thread.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(
    unsafe_code,
    reason = "calls of the C library, without pointers, before any thread"
)]
pub(crate) fn share_one_heap(needs: Needs) {
    let kept = if needs.grows_tables {
        FOR_DOWNLOADS
    } else {
        FOR_NETWORKS
    };
    for (setting, value) in [
        (libc::M_ARENA_MAX, 1),
        (libc::M_MMAP_THRESHOLD, kept.largest_block),
        (libc::M_TRIM_THRESHOLD, kept.free),
    ] {
        // It fails only where the setting is not known; then nothing changes.
        let _ = unsafe { libc::mallopt(setting, value) };
    }
}

/// Elsewhere heaps are as they are.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) const fn share_one_heap(_: Needs) {}
