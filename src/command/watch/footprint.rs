//! What a watcher keeps in memory for weeks. Of the program's code, its start and a renewal need far more than its waiting: after each of
//! them what was mapped of it is given back. It is nothing but the content of the file, and whatever runs again is read from there again.

/// Gives back the program's code and constants, as far as they are in memory for us alone.
#[cfg(target_os = "linux")]
pub(super) fn give_back_code() {
    #[expect(unsafe_code, reason = "only the loader knows where the program is")]
    // SAFETY: the callback has the signature that is asked for, and uses nothing of the data.
    unsafe {
        libc::dl_iterate_phdr(Some(give_back), std::ptr::null_mut());
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn give_back_code() {}

/// The first object is the program itself; the others are shared anyway.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "called by C, with what describes the program")]
unsafe extern "C" fn give_back(info: *mut libc::dl_phdr_info, _: libc::size_t, _: *mut libc::c_void) -> libc::c_int {
    const ONLY_THE_FIRST: libc::c_int = 1;
    // SAFETY: the loader hands over a description that is valid during this call, with so many headers.
    let (base, headers) = unsafe {
        let info = &*info;
        (info.dlpi_addr, std::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum.into()))
    };
    let page = rustix::param::page_size();
    let is_read_only = |header: &&libc::Elf64_Phdr| header.p_type == libc::PT_LOAD && header.p_flags & libc::PF_W == 0;
    for header in headers.iter().filter(is_read_only) {
        let (Ok(start), Ok(length)) = (usize::try_from(base + header.p_vaddr), usize::try_from(header.p_filesz)) else { continue };
        // Whole pages only: the first and the last may hold something else, too.
        let (first, end) = (start.next_multiple_of(page), (start + length) / page * page);
        if first < end {
            // SAFETY: these pages belong to a segment that nobody ever wrote to, so that the file has the same content.
            unsafe {
                libc::madvise(first as *mut libc::c_void, end - first, libc::MADV_DONTNEED);
            }
        }
    }
    ONLY_THE_FIRST
}

#[cfg(test)]
mod tests {
    use super::give_back_code;

    #[test]
    fn what_was_given_back_runs_again() {
        let digest = || crate::token::fingerprint("a");
        let before = digest();
        for _ in 0..3 {
            give_back_code();
            assert_eq!(digest(), before);
        }
    }
}
