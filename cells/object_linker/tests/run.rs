//! Cells linked into this very process and run: the strongest proof that relocations, slots and stubs are right.
//!
//! The downstream cell calls the upstream one, reads its data and calls through pointers in a static; then its sites are
//! rewritten, as a swap does, and every use must have turned.

mod common;

use common::{ending, objects};
use object_linker::{Bases, Images, LinkPlan, Part, plan};

/// A cell in memory. Writable and executable at once, which the kernel never does and a test may.
struct Loaded<'a> {
    plan: LinkPlan<'a>,
    bases: Bases,
}

fn load<'a>(object: &'a [u8], lookup: impl Fn(&str) -> u64) -> Loaded<'a> {
    let plan = plan(object).expect("rustc's own output links");
    let layout = plan.layout().clone();
    let page = |n: u64| usize::try_from(n.next_multiple_of(4096)).expect("small");
    let (text, rodata, data) = (page(layout.text), page(layout.rodata), page(layout.data));
    let protection = libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC;
    // SAFETY: an anonymous mapping at an address of the system's choice overlaps nothing.
    let memory = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            text + rodata + data,
            protection,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        )
    };
    assert_ne!(memory, libc::MAP_FAILED);
    // SAFETY: the mapping is that long, zeroed, ours alone, and never unmapped.
    let bytes = unsafe { std::slice::from_raw_parts_mut(memory.cast::<u8>(), text + rodata + data) };
    let (text_image, rest) = bytes.split_at_mut(text);
    let (rodata_image, data_image) = rest.split_at_mut(rodata);
    let start = memory as u64;
    let bases = Bases { text: start, rodata: start + text as u64, data: start + (text + rodata) as u64 };
    let imports: Vec<u64> = plan.imports().iter().map(|i| lookup(i.name)).collect();
    let images = Images { text: text_image, rodata: rodata_image, data: data_image };
    plan.link(bases, &imports, images).expect("in range");
    Loaded { plan, bases }
}

impl Loaded<'_> {
    fn address(&self, end: &str) -> u64 {
        let name = ending(self.plan.exports().map(|s| s.name), end);
        let symbol = self.plan.exports().find(|s| s.name == name).expect("just found");
        self.bases.address(symbol.part, symbol.offset)
    }
    fn export(&self, name: &str) -> Option<u64> {
        self.plan.exports().find(|s| s.name == name).map(|s| self.bases.address(s.part, s.offset))
    }
}

extern "C" fn never() {
    panic!("a function that the test does not use was called");
}

#[test]
fn cells_run_and_turn_to_new_providers() {
    let (up, down) = objects();
    let stand_in = never as *const () as u64;
    let upstream = load(up, |_| stand_in);
    let downstream = load(down, |name| upstream.export(name).unwrap_or(stand_in));

    let run = downstream.address("3run");
    // SAFETY: the cell exports `fn run(u64) -> u64`, compiled by the compiler of this test, and it is linked.
    let run: fn(u64) -> u64 = unsafe { std::mem::transmute(run as usize) };
    // answer(1) = 42, POINTERS[1](0) = 1000, CALLS = 101, SEEN = 1.
    assert_eq!(run(1), 42 + 1000 + 101 + 1);

    // A swap in small: a second copy of the upstream cell takes over.
    let second = load(up, |_| stand_in);
    let mut rewritten = 0;
    for site in downstream.plan.sites() {
        let Some(address) = second.export(downstream.plan.imports()[site.import].name) else { continue };
        let place = downstream.bases.address(Part::Data, site.offset) as *mut u64;
        // SAFETY: sites are aligned words in the cell's data part, and nobody runs in the cell now.
        unsafe { place.write(address.wrapping_add(site.addend.cast_unsigned())) };
        rewritten += 1;
    }
    assert!(rewritten >= 4, "answer and CALLS through slots, answer and other in a static");
    // The second copy's own counter: CALLS = 101 again, the first would say 102.
    assert_eq!(run(1), 42 + 1000 + 101 + 2);
}
