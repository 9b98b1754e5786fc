//! Room for a file that has to be stored once it is there: found to be missing before, not after.

use std::os::fd::OwnedFd;

use rustix::fs::{self, AtFlags, FallocateFlags};
use rustix::io::{Errno, retry_on_intr};

use super::{Directory, write_all};
use crate::cache::StorageError;

/// An empty temporary file with room for so many bytes. It is gone again when dropped unused.
#[derive(Debug)]
pub struct Reserved {
    directory: Directory,
    temporary: Option<String>,
    descriptor: OwnedFd,
}

impl Directory {
    /// Reserves room for a file of `size` bytes that is to take the place of `file`.
    ///
    /// # Errors
    /// [`StorageError`] where there is none, or nothing can be written here.
    pub fn reserve(self, file: &str, size: u64) -> Result<Reserved, StorageError> {
        let temporary = Self::temporary(file);
        let descriptor = self.create_file(&temporary)?;
        let path = self.path_of(file);
        let reserved = Reserved { directory: self, temporary: Some(temporary), descriptor };
        let allocated = retry_on_intr(|| fs::fallocate(&reserved.descriptor, FallocateFlags::empty(), 0, size));
        match allocated {
            // What a file system cannot promise, writing zeros finds out.
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => {
                write_all(&reserved.descriptor, &vec![0; usize::try_from(size).unwrap_or_default()])
                    .and_then(|()| fs::seek(&reserved.descriptor, fs::SeekFrom::Start(0)).map(drop))
                    .map_err(StorageError::system("reserve room for", &path))?;
            }
            outcome => outcome.map_err(StorageError::system("reserve room for", &path))?,
        }
        Ok(reserved)
    }
}

impl Reserved {
    /// Puts `bytes` in the place of `file`, whole or not at all.
    ///
    /// # Errors
    /// [`StorageError`] where a step failed; then `file` is what it was.
    pub fn replace(mut self, file: &str, bytes: &[u8]) -> Result<(), StorageError> {
        let path = self.directory.path_of(file);
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        write_all(&self.descriptor, bytes)
            .and_then(|()| retry_on_intr(|| fs::ftruncate(&self.descriptor, length)))
            .and_then(|()| retry_on_intr(|| fs::fsync(&self.descriptor)))
            .map_err(StorageError::system("write", &path))?;
        if let Some(temporary) = &self.temporary {
            self.directory.rename(temporary, file)?;
        }
        self.temporary = None;
        Ok(())
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        if let Some(temporary) = &self.temporary {
            // What cannot be removed now is swept by the next renewal.
            let _ = retry_on_intr(|| fs::unlinkat(self.directory.descriptor(), temporary, AtFlags::empty()));
        }
    }
}
