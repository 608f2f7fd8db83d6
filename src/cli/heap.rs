//! How memory is shared between threads.

/// Makes all threads use one heap.
///
/// glibc gives each thread a heap of its own, and what a large photo leaves behind in one of them is of
/// no use to the others: on photos of up to 13 megapixels two workers took 615 MB, with one heap 513 MB,
/// in the same time. It must come before the first thread.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(
    unsafe_code,
    reason = "a call of the C library, without pointers, before any thread"
)]
pub(super) fn share_one_heap() {
    // It fails only where the setting is not known; then everything goes on as it was.
    let _ = unsafe { libc::mallopt(libc::M_ARENA_MAX, 1) };
}

/// Elsewhere heaps are as they are.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(super) const fn share_one_heap() {}
