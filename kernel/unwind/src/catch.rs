//! Catching and raising.
//!
//! `catch` calls its closure through `keel_try`, an assembly frame whose personality claims every exception
//! that comes out of its one call. The exception object (`exception`) travels through the unwinder and comes back
//! as `keel_try`'s return value.

use crate::Cause;
use crate::exception;
use core::arch::global_asm;
use core::ffi::c_void;
use core::mem::ManuallyDrop;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, Ordering};
use unwinding::abi::{
    _Unwind_RaiseException, _Unwind_SetGR, _Unwind_SetIP, UnwindAction, UnwindContext, UnwindException,
    UnwindReasonCode,
};

// rdi = function, rsi = its argument. Returns null, or the exception that was caught.
// `keel_try_pad` is entered by the unwinder with the exception in rax and rsp as it was at the call.
global_asm!(
    r#"
.section .text.keel_try,"ax",@progbits
.globl keel_try
.hidden keel_try
.type keel_try,@function
keel_try:
    .cfi_startproc
    .cfi_personality 0x1b, keel_catch_personality
    push rbp
    .cfi_def_cfa_offset 16
    .cfi_offset rbp, -16
    mov rbp, rsp
    .cfi_def_cfa_register rbp
    mov rax, rdi
    mov rdi, rsi
    call rax
.globl keel_try_returned
.hidden keel_try_returned
keel_try_returned:
    xor eax, eax
.globl keel_try_pad
.hidden keel_try_pad
keel_try_pad:
    pop rbp
    .cfi_def_cfa rsp, 8
    ret
    .cfi_endproc
.size keel_try, . - keel_try
"#
);

unsafe extern "C-unwind" {
    fn keel_try(f: extern "C-unwind" fn(*mut c_void), data: *mut c_void) -> *mut UnwindException;
}
unsafe extern "C" {
    static keel_try_returned: u8;
    static keel_try_pad: u8;
}

/// `keel_try` handles what comes out of its call and nothing else: an interrupt may stop the frame at any
/// other instruction, where its landing pad would find another stack.
#[unsafe(no_mangle)]
unsafe extern "C" fn keel_catch_personality(
    version: i32,
    actions: UnwindAction,
    _class: u64,
    exception: *mut UnwindException,
    context: &mut UnwindContext<'_>,
) -> UnwindReasonCode {
    let mut before_instruction = 0;
    let ip = unwinding::abi::_Unwind_GetIPInfo(context, &mut before_instruction);
    if version != 1 || before_instruction != 0 || ip != &raw const keel_try_returned as usize {
        return UnwindReasonCode::CONTINUE_UNWIND;
    }
    if actions.contains(UnwindAction::SEARCH_PHASE) {
        return UnwindReasonCode::HANDLER_FOUND;
    }
    if actions.contains(UnwindAction::HANDLER_FRAME) {
        _Unwind_SetGR(context, 0, exception as usize);
        _Unwind_SetIP(context, &raw const keel_try_pad as usize);
        return UnwindReasonCode::INSTALL_CONTEXT;
    }
    UnwindReasonCode::CONTINUE_UNWIND
}

/// What the unwinder must know of the task that it unwinds. One per task, owned by the scheduler.
#[derive(Debug, Default)]
pub struct State {
    unwinding: AtomicU32,
    reporting: AtomicBool,
}

impl State {
    /// The state of a task that is not unwinding.
    pub const fn new() -> Self {
        Self { unwinding: AtomicU32::new(0), reporting: AtomicBool::new(false) }
    }

    /// Whether this task is unwinding.
    pub fn is_unwinding(&self) -> bool {
        self.unwinding.load(Ordering::Relaxed) != 0
    }
}

static BOOT_STATE: State = State::new();
static STATE_HOOK: AtomicPtr<()> = AtomicPtr::new(core::ptr::null_mut());

/// Tells the unwinder how to find the running task's [`State`]. Before this call there is one, the boot context's.
pub fn set_state_hook(hook: fn() -> &'static State) {
    STATE_HOOK.store(hook as *mut (), Ordering::Release);
}

fn state() -> &'static State {
    let hook = STATE_HOOK.load(Ordering::Acquire);
    if hook.is_null() {
        return &BOOT_STATE;
    }
    // SAFETY: the only store is in `set_state_hook`, of a `fn() -> &'static State`.
    unsafe { core::mem::transmute::<*mut (), fn() -> &'static State>(hook)() }
}

/// Whether the running task is unwinding. A panic now cannot be unwound.
pub fn is_unwinding() -> bool {
    state().is_unwinding()
}

/// How many unwinds are under way in the running context: one of the task, and one more in what interrupted it.
pub fn depth() -> u32 {
    state().unwinding.load(Ordering::Relaxed)
}

/// Whether the running task's end is still to be reported. Says yes once per unwind: if the report itself panics or
/// faults, the second attempt must not fail at the same place again, and for ever.
pub fn begin_report() -> bool {
    !state().reporting.swap(true, Ordering::Relaxed)
}

/// Runs `f`; an unwind out of it becomes an error.
///
/// The caller must treat what `f` borrowed mutably as possibly half changed, as with std's `catch_unwind`.
#[inline]
pub fn catch<R, F: FnOnce() -> R>(f: F) -> Result<R, Cause> {
    /// The closure until it is called, its result once it has returned, and nothing in between. A union, because whoever
    /// looks knows which it is: this is on the way of every switch of tasks.
    union Call<F, R> {
        f: ManuallyDrop<F>,
        result: ManuallyDrop<R>,
    }
    extern "C-unwind" fn trampoline<R, F: FnOnce() -> R>(data: *mut c_void) {
        // SAFETY: `data` is the `Call<F, R>` below, borrowed by nobody else while `keel_try` runs; it holds the
        // closure, which is moved out here, once. If that unwinds, what is left is not looked at.
        unsafe {
            let call = &mut *data.cast::<Call<F, R>>();
            let f = ManuallyDrop::take(&mut call.f);
            call.result = ManuallyDrop::new(f());
        }
    }
    let mut call = Call { f: ManuallyDrop::new(f) };
    // SAFETY: the trampoline is called once, with the data it expects.
    let caught = unsafe { keel_try(trampoline::<R, F>, (&raw mut call).cast()) };
    if caught.is_null() {
        // SAFETY: nothing was caught, so the trampoline has returned and left the result.
        return Ok(ManuallyDrop::into_inner(unsafe { call.result }));
    }
    // SAFETY: `keel_try` has just returned it.
    Err(unsafe { caught_cause(caught) })
}

/// The cause of an unwind that has ended here.
///
/// # Safety
/// `keel_try` has just returned this exception.
#[cold]
#[inline(never)]
unsafe fn caught_cause(exception: *mut UnwindException) -> Cause {
    // SAFETY: only `try_raise` raises, and what it raises comes from `exception::new`.
    let cause = unsafe { exception::into_cause(exception) };
    let state = state();
    state.reporting.store(false, Ordering::Relaxed);
    state.unwinding.fetch_sub(1, Ordering::Relaxed);
    cause
}

/// Unwinds the running task with `cause`.
///
/// # Panics
/// Where no frame catches, the frame tables are damaged, or there is no memory for the exception, it panics in turn; as
/// the task is then marked as unwinding, the panic handler stops the kernel.
pub fn raise(cause: Cause) -> ! {
    let Unhandled { cause, code } = try_raise(cause);
    state().unwinding.fetch_add(1, Ordering::Relaxed);
    panic!("cannot unwind (code {code}): {cause}")
}

/// An unwind that did not start; nothing has been changed.
#[derive(Debug)]
pub struct Unhandled {
    /// The cause, handed back.
    pub cause: Cause,
    /// The unwinder's reason code (Itanium C++ ABI, `_Unwind_Reason_Code`); [`NO_MEMORY`] if it was not asked.
    pub code: i32,
}

/// The code of an [`Unhandled`] for which there was no exception object.
pub const NO_MEMORY: i32 = -1;

/// Unwinds the running task with `cause`, or hands it back if no frame catches it: a task interrupted in the few
/// instructions before its root frame is complete, or below a call that the compiler took for one that cannot
/// unwind. The caller tries again later.
#[inline(never)]
pub fn try_raise(cause: Cause) -> Unhandled {
    let exception = match exception::new(cause) {
        Ok(exception) => exception,
        Err(cause) => return Unhandled { cause, code: NO_MEMORY },
    };
    state().unwinding.fetch_add(1, Ordering::Relaxed);
    // SAFETY: the exception is live, and its header is an `UnwindException`. If the call returns, nobody kept it.
    let code = unsafe { _Unwind_RaiseException(exception) };
    state().unwinding.fetch_sub(1, Ordering::Relaxed);
    // SAFETY: ours again, from `exception::new`.
    Unhandled { cause: unsafe { exception::into_cause(exception) }, code: code.0 }
}
