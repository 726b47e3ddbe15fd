//! `rust_eh_personality`: reads a frame's language-specific data area (LSDA) and says where its cleanup starts.
//!
//! The layout is that of the C++ ABI's `.gcc_except_table`, as LLVM writes it and as Rust's std reads it
//! (library/std/src/sys/personality/dwarf/eh.rs). rustc emits cleanups and catch-alls only, no typed filters.

use crate::exception::is_fault;
use unwinding::abi::{
    _Unwind_GetIPInfo, _Unwind_GetLanguageSpecificData, _Unwind_GetRegionStart, _Unwind_SetGR, _Unwind_SetIP,
    UnwindAction, UnwindContext, UnwindException, UnwindReasonCode,
};

const DW_EH_PE_OMIT: u8 = 0xff;
const DW_EH_PE_ULEB128: u8 = 0x01;
const DW_EH_PE_UDATA4: u8 = 0x03;

/// A cursor over an LSDA. The tables are the compiler's own: they are trusted like its code.
struct Reader(*const u8);

impl Reader {
    /// # Safety
    /// At least one byte of the table lies at the cursor.
    unsafe fn byte(&mut self) -> u8 {
        // SAFETY: the caller's promise.
        unsafe {
            let value = *self.0;
            self.0 = self.0.add(1);
            value
        }
    }

    /// # Safety
    /// A ULEB128 number lies at the cursor.
    unsafe fn uleb(&mut self) -> usize {
        let (mut value, mut shift) = (0usize, 0);
        loop {
            // SAFETY: the number has not ended, so a byte of it follows.
            let byte = unsafe { self.byte() };
            value |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 || shift >= usize::BITS {
                return value;
            }
        }
    }

    /// Reads a number in `encoding`; `None` for one that rustc does not use.
    ///
    /// # Safety
    /// A number in that encoding lies at the cursor.
    unsafe fn encoded(&mut self, encoding: u8) -> Option<usize> {
        match encoding & 0x0f {
            // SAFETY: the caller's promise.
            DW_EH_PE_ULEB128 => Some(unsafe { self.uleb() }),
            DW_EH_PE_UDATA4 => {
                // SAFETY: the caller's promise: four bytes follow.
                let value = unsafe { self.0.cast::<u32>().read_unaligned() };
                self.0 = self.0.wrapping_add(4);
                Some(value as usize)
            }
            _ => None,
        }
    }
}

enum Action {
    None,
    Cleanup(usize),
    Catch(usize),
    /// The compiler took the call for one that never unwinds.
    NoUnwind,
    Damaged,
}

/// Finds what the frame must do for an exception that passes `ip`, the address of (or in) the call.
///
/// # Safety
/// `lsda` is null or a table that the compiler made for the function that starts at `function`.
unsafe fn find_action(lsda: *const u8, function: usize, ip: usize) -> Action {
    if lsda.is_null() {
        return Action::None;
    }
    let mut reader = Reader(lsda);
    // SAFETY: the reads below follow the table's grammar: header, call-site table, action table.
    unsafe {
        let encoding = reader.byte();
        let base = match encoding {
            DW_EH_PE_OMIT => function,
            _ => match reader.encoded(encoding) {
                Some(base) => base,
                None => return Action::Damaged,
            },
        };
        if reader.byte() != DW_EH_PE_OMIT {
            reader.uleb();
        }
        let encoding = reader.byte();
        let length = reader.uleb();
        let end = reader.0.wrapping_add(length);
        while reader.0 < end {
            let (Some(start), Some(length), Some(pad)) =
                (reader.encoded(encoding), reader.encoded(encoding), reader.encoded(encoding))
            else {
                return Action::Damaged;
            };
            let action = reader.uleb();
            if ip < function + start {
                break;
            }
            if ip < function + start + length {
                return match (pad, action) {
                    (0, _) => Action::None,
                    (pad, 0) => Action::Cleanup(base + pad),
                    (pad, _) => Action::Catch(base + pad),
                };
            }
        }
    }
    Action::NoUnwind
}

/// The personality that rustc names in every frame with a landing pad.
///
/// # Safety
/// Called by the unwinder only.
#[unsafe(no_mangle)]
unsafe extern "C" fn rust_eh_personality(
    version: i32,
    actions: UnwindAction,
    _class: u64,
    exception: *mut UnwindException,
    context: &mut UnwindContext<'_>,
) -> UnwindReasonCode {
    if version != 1 {
        return UnwindReasonCode::FATAL_PHASE1_ERROR;
    }
    let mut before_instruction = 0;
    let ip = _Unwind_GetIPInfo(context, &mut before_instruction);
    if before_instruction != 0 {
        // Interrupted, not at a call: its landing pads do not apply (see the crate's introduction).
        return UnwindReasonCode::CONTINUE_UNWIND;
    }
    let lsda = _Unwind_GetLanguageSpecificData(context).cast::<u8>();
    let function = _Unwind_GetRegionStart(context);
    // SAFETY: the unwinder found this frame's own table through its FDE.
    let action = unsafe { find_action(lsda, function, ip - 1) };
    let search = actions.contains(UnwindAction::SEARCH_PHASE);
    match action {
        Action::None => UnwindReasonCode::CONTINUE_UNWIND,
        // A fault below it happens even so. The frame is skipped like the one that faulted: what it owns leaks. A panic, a kill or
        // an overflow must not pass (Itanium ABI: terminate); the latter two try again at another call.
        // SAFETY: the unwinder is at work on it.
        Action::NoUnwind if unsafe { is_fault(exception) } => UnwindReasonCode::CONTINUE_UNWIND,
        Action::Damaged | Action::NoUnwind if search => UnwindReasonCode::FATAL_PHASE1_ERROR,
        Action::Damaged | Action::NoUnwind => UnwindReasonCode::FATAL_PHASE2_ERROR,
        Action::Cleanup(_) if search => UnwindReasonCode::CONTINUE_UNWIND,
        Action::Catch(_) if search => UnwindReasonCode::HANDLER_FOUND,
        Action::Cleanup(pad) | Action::Catch(pad) => {
            // x86-64 psABI: the exception in rax (DWARF register 0), the selector in rdx (1).
            _Unwind_SetGR(context, 0, exception as usize);
            _Unwind_SetGR(context, 1, 0);
            _Unwind_SetIP(context, pad);
            UnwindReasonCode::INSTALL_CONTEXT
        }
    }
}
