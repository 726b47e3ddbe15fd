//! Registers of a device: one access of the register's own width each, never merged, split or left out.
//! References would allow the compiler all of that, so there are none.

use memory_types::Caching;

use crate::views::range;
use crate::{MappedPages, ViewError};

mod sealed {
    /// Keeps the set of register widths closed.
    pub trait Sealed {}
}

/// The widths that a processor accesses in one go.
pub trait Register: Copy + sealed::Sealed {}

impl sealed::Sealed for u8 {}
impl sealed::Sealed for u16 {}
impl sealed::Sealed for u32 {}
impl sealed::Sealed for u64 {}
impl Register for u8 {}
impl Register for u16 {}
impl Register for u32 {}
impl Register for u64 {}

impl MappedPages {
    /// Reads the register at `offset` bytes from the start.
    ///
    /// # Errors
    /// If it is beyond the mapping or misaligned, or if this is memory.
    pub fn read_register<T: Register>(&self, offset: usize) -> Result<T, ViewError> {
        let register = self.register::<T>(offset)?;
        // SAFETY: in bounds and aligned; the registers are mapped while `self` lives; any bits are a valid integer.
        Ok(unsafe { register.read_volatile() })
    }

    /// Writes the register at `offset` bytes from the start. Takes `&self`: what order accesses of several cores
    /// need is for the device's driver to say.
    ///
    /// # Errors
    /// As [`read_register`](Self::read_register), or if the mapping was made unwritable.
    pub fn write_register<T: Register>(&self, offset: usize, value: T) -> Result<(), ViewError> {
        let register = self.register::<T>(offset)?;
        if !self.permissions.writable() {
            return Err(ViewError::NotWritable(self.permissions));
        }
        // SAFETY: as above, and the mapping is writable; no reference to the registers exists.
        unsafe { register.write_volatile(value) };
        Ok(())
    }

    fn register<T: Register>(&self, offset: usize) -> Result<*mut T, ViewError> {
        if self.caching != Caching::Uncached {
            return Err(ViewError::WrongKind);
        }
        let offset = range(self.len, offset, size_of::<T>())?.start;
        let register = (self.start() + offset as u64).as_mut_ptr::<T>();
        if register.is_aligned() {
            Ok(register)
        } else {
            Err(ViewError::Misaligned { offset, align: align_of::<T>() })
        }
    }
}
