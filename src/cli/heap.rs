//! How memory is kept and shared between threads.

/// Blocks below this come from the heap, not from the system one by one, in bytes: most of what a
/// network makes of a photo, which is wanted again for the next one.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const LARGEST_ON_HEAP: i32 = 32 << 20;
/// Free memory that the heap keeps for what comes next, in bytes.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const KEPT: i32 = 64 << 20;

/// Makes all threads use one heap, which keeps what networks need again and again.
///
/// glibc gives each thread a heap of its own, and what a large photo leaves behind in one of them is of
/// no use to the others: on photos of up to 13 megapixels two workers took 615 MB, with one heap 513 MB,
/// in the same time. Asking the system for each tensor took 8 % of the time of `detect`. It must come
/// before the first thread.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(
    unsafe_code,
    reason = "calls of the C library, without pointers, before any thread"
)]
pub(super) fn share_one_heap() {
    for (setting, value) in [
        (libc::M_ARENA_MAX, 1),
        (libc::M_MMAP_THRESHOLD, LARGEST_ON_HEAP),
        (libc::M_TRIM_THRESHOLD, KEPT),
    ] {
        // It fails only where the setting is not known; then everything goes on as it was.
        let _ = unsafe { libc::mallopt(setting, value) };
    }
}

/// Elsewhere heaps are as they are.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(super) const fn share_one_heap() {}
