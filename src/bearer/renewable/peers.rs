//! Courtesy: of all loops in this process, at most sixteen ask one peer at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

const AT_ONCE: usize = 16;

static PEERS: Mutex<Option<HashMap<String, Arc<Semaphore>>>> = Mutex::new(None);

/// Waits until `peer` may be asked; dropping the permit lets the next one ask.
pub(super) async fn permit(peer: Option<String>) -> Option<OwnedSemaphorePermit> {
    let semaphore = {
        let mut peers = PEERS.lock().unwrap_or_else(PoisonError::into_inner);
        let peers = peers.get_or_insert_default();
        Arc::clone(peers.entry(peer?).or_insert_with(|| Arc::new(Semaphore::new(AT_ONCE))))
    };
    // It is never closed, so this fails never.
    semaphore.acquire_owned().await.ok()
}
