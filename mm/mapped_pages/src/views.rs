//! Typed views. Two `unsafe` blocks turn the mapping into bytes; everything typed is `zerocopy` over these.

use memory_types::Caching;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{MappedPages, ViewError};

impl MappedPages {
    /// All of the memory, as bytes.
    ///
    /// # Errors
    /// If these are device registers.
    pub fn bytes(&self) -> Result<&[u8], ViewError> {
        if self.caching != Caching::WriteBack {
            return Err(ViewError::WrongKind);
        }
        // SAFETY:
        // 1. Pages `start..start + len` are mapped to frames that this mapping alone owns, and stay so while it
        //    is borrowed: unmapping takes it by value.
        // 2. They were written (zeroed) before they were mapped, and any bytes are valid `u8`s.
        // 3. Writable views need an exclusive borrow, so nothing changes the bytes meanwhile.
        Ok(unsafe { core::slice::from_raw_parts(self.start().as_ptr(), self.len()) })
    }

    /// All of the memory, as bytes that can be written.
    ///
    /// # Errors
    /// If the memory is not writable, or if these are device registers.
    pub fn bytes_mut(&mut self) -> Result<&mut [u8], ViewError> {
        if self.caching != Caching::WriteBack {
            return Err(ViewError::WrongKind);
        }
        if !self.permissions.writable() {
            return Err(ViewError::NotWritable(self.permissions));
        }
        // SAFETY: as in `bytes`; the borrow is exclusive, and the pages are writable until `protect`, which needs
        // one too.
        Ok(unsafe { core::slice::from_raw_parts_mut(self.start().as_mut_ptr(), self.len()) })
    }

    /// A view of the `T` at `offset` bytes from the start.
    ///
    /// # Errors
    /// If it reaches beyond the mapping or is misaligned.
    pub fn as_type<T>(&self, offset: usize) -> Result<&T, ViewError>
    where
        T: FromBytes + Immutable + KnownLayout,
    {
        let bytes = part(self.bytes()?, offset, size_of::<T>())?;
        T::ref_from_bytes(bytes).map_err(|_| misaligned::<T>(offset))
    }

    /// A view of `count` successive `T`s at `offset` bytes from the start.
    ///
    /// # Errors
    /// As [`as_type`](Self::as_type).
    pub fn as_slice<T>(&self, offset: usize, count: usize) -> Result<&[T], ViewError>
    where
        T: FromBytes + Immutable,
    {
        let bytes = part(self.bytes()?, offset, size_of::<T>().saturating_mul(count))?;
        <[T]>::ref_from_bytes_with_elems(bytes, count).map_err(|_| misaligned::<T>(offset))
    }

    /// A writable view of the `T` at `offset` bytes from the start.
    ///
    /// # Errors
    /// As [`as_type`](Self::as_type), or if the memory is not writable.
    pub fn as_type_mut<T>(&mut self, offset: usize) -> Result<&mut T, ViewError>
    where
        T: FromBytes + IntoBytes + KnownLayout,
    {
        let bytes = part_mut(self.bytes_mut()?, offset, size_of::<T>())?;
        T::mut_from_bytes(bytes).map_err(|_| misaligned::<T>(offset))
    }

    /// A writable view of `count` successive `T`s at `offset` bytes from the start.
    ///
    /// # Errors
    /// As [`as_type_mut`](Self::as_type_mut).
    pub fn as_slice_mut<T>(&mut self, offset: usize, count: usize) -> Result<&mut [T], ViewError>
    where
        T: FromBytes + IntoBytes + Immutable,
    {
        let bytes = part_mut(self.bytes_mut()?, offset, size_of::<T>().saturating_mul(count))?;
        <[T]>::mut_from_bytes_with_elems(bytes, count).map_err(|_| misaligned::<T>(offset))
    }
}

/// The sizes agree where this is used, so alignment is what `zerocopy` objects to.
fn misaligned<T>(offset: usize) -> ViewError {
    ViewError::Misaligned { offset, align: align_of::<T>() }
}

pub(crate) fn range(len: usize, offset: usize, bytes: usize) -> Result<core::ops::Range<usize>, ViewError> {
    match offset.checked_add(bytes) {
        Some(end) if end <= len => Ok(offset..end),
        _ => Err(ViewError::OutOfBounds { offset, bytes, len }),
    }
}

fn part(all: &[u8], offset: usize, bytes: usize) -> Result<&[u8], ViewError> {
    Ok(&all[range(all.len(), offset, bytes)?])
}

fn part_mut(all: &mut [u8], offset: usize, bytes: usize) -> Result<&mut [u8], ViewError> {
    let range = range(all.len(), offset, bytes)?;
    Ok(&mut all[range])
}
