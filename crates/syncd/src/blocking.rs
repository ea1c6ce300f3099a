//! The door to the threads where waiting for the disk is allowed.

/// Runs a job where blocking is allowed and waits for it. `None`: it broke off. Dropping the future does not end the job.
/// In a simulation there are no threads: the job runs at once, after others had their turn.
pub(crate) async fn run<T: Send + 'static>(job: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    #[cfg(any(test, feature = "sim"))]
    if crate::sim::disk::here().is_some() {
        tokio::task::yield_now().await;
        return Some(job());
    }
    tokio::task::spawn_blocking(job).await.ok()
}
