//! The C side: what SQLite calls, and nothing more.
//!
//! SQLite gives every open file a block of `szOsFile` bytes; ours holds its header
//! and a pointer to the [`Opened`] behind it, which [`close`] takes back.

#![expect(unsafe_code, reason = "SQLite's file layer is a table of C functions over raw pointers")]

use std::ffi::{CStr, CString, OsStr};
use std::os::raw::{c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr::{self, NonNull};
use std::sync::atomic::{Ordering, fence};

use flow::Result;
use rusqlite::ffi;

use super::shared::Hold;
use super::{Named, Opened, Outcome};
use crate::file::codes;

#[repr(C)]
struct Block {
    header: ffi::sqlite3_file,
    opened: *mut Opened,
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(reserved),
    xFileControl: Some(control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(characteristics),
    xShmMap: Some(map_shared),
    xShmLock: Some(lock_shared),
    xShmBarrier: Some(barrier),
    xShmUnmap: Some(unmap_shared),
    xFetch: None,
    xUnfetch: None,
};

/// A table that SQLite knows.
pub(super) struct Layer(NonNull<ffi::sqlite3_vfs>);

// SAFETY: the table does not change, and SQLite locks its list of tables.
unsafe impl Send for Layer {}
// SAFETY: as above.
unsafe impl Sync for Layer {}

impl Layer {
    /// Has SQLite forget the name. The table stays, for connections that are open.
    pub(super) fn unregister(&self) {
        // SAFETY: `register` made the table, and it is never freed.
        unsafe { ffi::sqlite3_vfs_unregister(self.0.as_ptr()) };
    }
}

pub(super) fn register(name: &str, named: &'static Named) -> Result<Layer> {
    let refused = || codes::OTHER.error(format!("SQLite refuses a file layer named `{name}`"));
    let text = CString::new(name).map_err(|_| refused())?;
    // SAFETY: looking up the default layer has no precondition; null asks for it.
    let default = unsafe { ffi::sqlite3_vfs_find(ptr::null()).as_ref() };
    let default = default.ok_or_else(refused)?;
    let vfs = Box::leak(Box::new(ffi::sqlite3_vfs {
        iVersion: 2,
        szOsFile: size_of::<Block>() as c_int,
        mxPathname: 1024,
        pNext: ptr::null_mut(),
        zName: text.into_raw(),
        pAppData: ptr::from_ref(named).cast_mut().cast(),
        xOpen: Some(open),
        xDelete: Some(delete),
        xAccess: Some(access),
        xFullPathname: Some(full_path),
        xDlOpen: None,
        xDlError: None,
        xDlSym: None,
        xDlClose: None,
        // These have nothing to do with files and do not look at which layer asks.
        xRandomness: default.xRandomness,
        xSleep: default.xSleep,
        xCurrentTime: default.xCurrentTime,
        xGetLastError: None,
        xCurrentTimeInt64: default.xCurrentTimeInt64,
        xSetSystemCall: None,
        xGetSystemCall: None,
        xNextSystemCall: None,
    }));
    let layer = Layer(NonNull::from(vfs));
    // SAFETY: the table, its name and what it points to are never freed.
    match unsafe { ffi::sqlite3_vfs_register(layer.0.as_ptr(), 0) } {
        ffi::SQLITE_OK => Ok(layer),
        _ => Err(refused()),
    }
}

fn answer(outcome: Outcome<()>) -> c_int {
    outcome.err().unwrap_or(ffi::SQLITE_OK)
}

/// # Safety
/// SQLite passes a table that [`register`] made.
unsafe fn named<'a>(vfs: *mut ffi::sqlite3_vfs) -> &'a Named {
    // SAFETY: `register` put a reference there that lives as long as the process.
    unsafe { &*(*vfs).pAppData.cast::<Named>() }
}

/// # Safety
/// SQLite passes a file that [`open`] opened and [`close`] has not closed, and uses
/// one file from one thread at a time.
unsafe fn opened<'a>(file: *mut ffi::sqlite3_file) -> &'a mut Opened {
    // SAFETY: `open` put the pointer there, and nobody else has it.
    unsafe { &mut *(*file.cast::<Block>()).opened }
}

/// # Safety
/// SQLite passes names that end in a zero byte.
unsafe fn path_of<'a>(name: *const c_char) -> &'a Path {
    // SAFETY: see above.
    let name = unsafe { CStr::from_ptr(name) };
    Path::new(OsStr::from_bytes(name.to_bytes()))
}

unsafe extern "C" fn open(
    vfs: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    flags_out: *mut c_int,
) -> c_int {
    // SAFETY: SQLite passes a block of `szOsFile` bytes, our own table, a name or
    // null, and a place for the flags or null.
    unsafe {
        let block = file.cast::<Block>();
        (*block).header.pMethods = ptr::null();
        let path = (!name.is_null()).then(|| path_of(name));
        match named(vfs).mount().and_then(|mount| mount.open(path, flags)) {
            Err(code) => code,
            Ok(opened) => {
                (*block).opened = Box::into_raw(Box::new(opened));
                (*block).header.pMethods = &METHODS;
                if let Some(flags_out) = flags_out.as_mut() {
                    *flags_out = flags;
                }
                ffi::SQLITE_OK
            }
        }
    }
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: `open` made the box; without methods SQLite does not use it again.
    unsafe {
        let block = file.cast::<Block>();
        (*block).header.pMethods = ptr::null();
        drop(Box::from_raw((*block).opened));
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn delete(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    lasting: c_int,
) -> c_int {
    // SAFETY: our own table and a name.
    let (named, path) = unsafe { (named(vfs), path_of(name)) };
    answer(named.mount().and_then(|mount| mount.delete(path, lasting != 0)))
}

unsafe extern "C" fn access(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    _: c_int,
    out: *mut c_int,
) -> c_int {
    // SAFETY: our own table, a name and a place for the answer.
    unsafe {
        match named(vfs).mount() {
            Err(code) => code,
            Ok(mount) => {
                *out = c_int::from(mount.exists(path_of(name)));
                ffi::SQLITE_OK
            }
        }
    }
}

unsafe extern "C" fn full_path(
    _: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    room: c_int,
    out: *mut c_char,
) -> c_int {
    // SAFETY: a name, and `room` bytes to copy it to.
    unsafe {
        let name = CStr::from_ptr(name).to_bytes_with_nul();
        if name.len() > usize::try_from(room).unwrap_or(0) {
            return ffi::SQLITE_CANTOPEN;
        }
        ptr::copy_nonoverlapping(name.as_ptr(), out.cast(), name.len());
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn read(
    file: *mut ffi::sqlite3_file,
    out: *mut c_void,
    amount: c_int,
    offset: ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: an open file, and `amount` bytes that SQLite owns and lends; zeroing
    // them first means that no reference to unset memory is ever made.
    unsafe {
        let amount = usize::try_from(amount).unwrap_or(0);
        ptr::write_bytes(out.cast::<u8>(), 0, amount);
        let bytes = std::slice::from_raw_parts_mut(out.cast(), amount);
        answer(opened(file).read(bytes, offset.cast_unsigned()))
    }
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    from: *const c_void,
    amount: c_int,
    offset: ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: an open file, and `amount` bytes to be written.
    unsafe {
        let amount = usize::try_from(amount).unwrap_or(0);
        let bytes = std::slice::from_raw_parts(from.cast(), amount);
        answer(opened(file).write(bytes, offset.cast_unsigned()))
    }
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, size: ffi::sqlite3_int64) -> c_int {
    // SAFETY: an open file.
    answer(unsafe { opened(file) }.truncate(size.cast_unsigned()))
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, _: c_int) -> c_int {
    // SAFETY: an open file.
    answer(unsafe { opened(file) }.sync())
}

unsafe extern "C" fn size(file: *mut ffi::sqlite3_file, out: *mut ffi::sqlite3_int64) -> c_int {
    // SAFETY: an open file, and a place for the answer.
    unsafe {
        match opened(file).size() {
            Ok(size) => {
                *out = size.cast_signed();
                ffi::SQLITE_OK
            }
            Err(code) => code,
        }
    }
}

unsafe extern "C" fn lock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    // SAFETY: an open file.
    answer(unsafe { opened(file) }.lock(level))
}

unsafe extern "C" fn unlock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    // SAFETY: an open file.
    unsafe { opened(file) }.unlock(level);
    ffi::SQLITE_OK
}

unsafe extern "C" fn reserved(file: *mut ffi::sqlite3_file, out: *mut c_int) -> c_int {
    // SAFETY: an open file, and a place for the answer.
    unsafe { *out = c_int::from(opened(file).reserved()) };
    ffi::SQLITE_OK
}

unsafe extern "C" fn control(_: *mut ffi::sqlite3_file, _: c_int, _: *mut c_void) -> c_int {
    ffi::SQLITE_NOTFOUND
}

unsafe extern "C" fn sector_size(_: *mut ffi::sqlite3_file) -> c_int {
    4096
}

unsafe extern "C" fn characteristics(_: *mut ffi::sqlite3_file) -> c_int {
    ffi::SQLITE_IOCAP_POWERSAFE_OVERWRITE
}

unsafe extern "C" fn map_shared(
    file: *mut ffi::sqlite3_file,
    number: c_int,
    bytes: c_int,
    make: c_int,
    out: *mut *mut c_void,
) -> c_int {
    // SAFETY: an open file, and a place for the answer. The region stays where it is
    // until this file has left, and only SQLite reads or writes it.
    unsafe {
        let opened = opened(file);
        let number = usize::try_from(number).unwrap_or(0);
        let bytes = usize::try_from(bytes).unwrap_or(0);
        let mut shared = opened.node.shared.lock();
        let region = shared.region(&mut opened.held, number, bytes, make != 0);
        *out = region.map_or(ptr::null_mut(), |region| region.as_ptr().cast_mut().cast());
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn lock_shared(
    file: *mut ffi::sqlite3_file,
    offset: c_int,
    count: c_int,
    flags: c_int,
) -> c_int {
    // SAFETY: an open file.
    let opened = unsafe { opened(file) };
    let from = usize::try_from(offset).unwrap_or(0);
    let slots = from..from + usize::try_from(count).unwrap_or(0);
    let mut shared = opened.node.shared.lock();
    if flags & ffi::SQLITE_SHM_UNLOCK != 0 {
        shared.unlock(&mut opened.held, slots);
        return ffi::SQLITE_OK;
    }
    let hold = match flags & ffi::SQLITE_SHM_EXCLUSIVE {
        0 => Hold::Sharing,
        _ => Hold::Exclusive,
    };
    if shared.lock(&mut opened.held, slots, hold) { ffi::SQLITE_OK } else { ffi::SQLITE_BUSY }
}

unsafe extern "C" fn barrier(_: *mut ffi::sqlite3_file) {
    fence(Ordering::SeqCst);
}

unsafe extern "C" fn unmap_shared(file: *mut ffi::sqlite3_file, _: c_int) -> c_int {
    // SAFETY: an open file.
    let opened = unsafe { opened(file) };
    opened.node.shared.lock().leave(&mut opened.held);
    ffi::SQLITE_OK
}
