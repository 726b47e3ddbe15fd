// SPDX-License-Identifier: MIT
/*
 * Heap, frames and mappings of the kernel itself.
 *
 * vfree() and vunmap() leave stale translations on other cores until many have gathered: what it costs to be rid of
 * them at once is the benchmark `shootdown`.
 */
#include <linux/gfp.h>
#include <linux/kprobes.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include "keel_bench.h"

static __always_inline int run_alloc(struct meter *meter, size_t size)
{
	meter_begin(meter, 1000, 1, 1);
	while (meter_next(meter)) {
		u64 start = meter_clock();

		for (u64 i = 0; i < meter->rounds; i++) {
			void *block = kmalloc(size, GFP_KERNEL);

			if (!block)
				return -ENOMEM;
			kfree(block);
		}
		meter_take(meter, meter_clock() - start);
	}
	return 0;
}

/* The size is a constant, as it mostly is in kernel code: kmalloc() then knows its cache at compile time. */
#define BENCH_ALLOC(size)									\
	static int run_alloc_##size(struct meter *meter)					\
	{											\
		return run_alloc(meter, size);							\
	}											\
	const struct benchmark bench_alloc_##size = {						\
		.name = "alloc_" #size,								\
		.what = "kmalloc() and kfree() of " #size " bytes",				\
		.subtracted = METER_SUBTRACTED,							\
		.cores = 1,									\
		.run = run_alloc_##size,							\
	}

BENCH_ALLOC(8);
BENCH_ALLOC(64);
BENCH_ALLOC(512);
BENCH_ALLOC(4096);
BENCH_ALLOC(65536);

static int run_frame(struct meter *meter)
{
	meter_begin(meter, 1000, 1, 1);
	while (meter_next(meter)) {
		u64 start = meter_clock();

		for (u64 i = 0; i < meter->rounds; i++) {
			struct page *page = alloc_page(GFP_KERNEL);

			if (!page)
				return -ENOMEM;
			__free_page(page);
		}
		meter_take(meter, meter_clock() - start);
	}
	return 0;
}

const struct benchmark bench_frame = {
	.name = "frame",
	.what = "alloc_page() and __free_page(), not zeroed",
	.subtracted = METER_SUBTRACTED,
	.cores = 1,
	.run = run_frame,
};

static __always_inline int run_map(struct meter *meter, unsigned int samples, size_t size)
{
	meter_begin(meter, samples, 1, 1);
	while (meter_next(meter)) {
		u64 start = meter_clock();

		for (u64 i = 0; i < meter->rounds; i++) {
			char *memory = vmalloc(size);

			if (!memory)
				return -ENOMEM;
			for (size_t at = 0; at < size; at += PAGE_SIZE)
				WRITE_ONCE(memory[at], 1);
			vfree(memory);
		}
		meter_take(meter, meter_clock() - start);
	}
	return 0;
}

static int run_map_4k(struct meter *meter)
{
	return run_map(meter, 1000, PAGE_SIZE);
}

const struct benchmark bench_map_4k = {
	.name = "map_4k",
	.what = "vmalloc() 4 KiB, write to it, vfree(); not zeroed, and other cores are told of the unmapping later, in bulk",
	.subtracted = METER_SUBTRACTED,
	.cores = 1,
	.run = run_map_4k,
};

static int run_map_1m(struct meter *meter)
{
	return run_map(meter, 200, 1 << 20);
}

const struct benchmark bench_map_1m = {
	.name = "map_1m",
	.what = "vmalloc() 1 MiB, write to each of its 256 pages, vfree(); not zeroed, and other cores are told later, in bulk",
	.subtracted = METER_SUBTRACTED,
	.cores = 1,
	.run = run_map_1m,
};

static int run_map_given(struct meter *meter)
{
	struct page *page = alloc_page(GFP_KERNEL);
	int error = 0;

	if (!page)
		return -ENOMEM;
	meter_begin(meter, 1000, 1, 1);
	while (!error && meter_next(meter)) {
		u64 start = meter_clock();

		for (u64 i = 0; i < meter->rounds; i++) {
			char *memory = vmap(&page, 1, VM_MAP, PAGE_KERNEL);

			if (!memory) {
				error = -ENOMEM;
				break;
			}
			WRITE_ONCE(*memory, 1);
			vunmap(memory);
		}
		meter_take(meter, meter_clock() - start);
	}
	__free_page(page);
	return error;
}

const struct benchmark bench_map_given = {
	.name = "map_given",
	.what = "vmap() a given frame, write to it, vunmap(); other cores are told of the unmapping later, in bulk",
	.subtracted = METER_SUBTRACTED,
	.cores = 1,
	.run = run_map_given,
};

/* The address of a symbol that is not exported, or 0: a probe on it knows. */
static unsigned long address_of(const char *symbol)
{
	struct kprobe probe = { .symbol_name = symbol };
	unsigned long address;

	if (register_kprobe(&probe))
		return 0;
	address = (unsigned long)probe.addr;
	unregister_kprobe(&probe);
	return address;
}

int set_memory_find(struct set_memory *found)
{
	found->read_only = (set_memory_function)address_of("set_memory_ro");
	found->read_write = (set_memory_function)address_of("set_memory_rw");
	return found->read_only && found->read_write ? 0 : -ENOSYS;
}

static int run_protect(struct meter *meter)
{
	struct set_memory set;
	unsigned long page;
	int error = set_memory_find(&set);

	if (error)
		return error;
	page = (unsigned long)vmalloc(PAGE_SIZE);
	if (!page)
		return -ENOMEM;
	WRITE_ONCE(*(char *)page, 1);
	meter_begin(meter, 500, 2, 1);
	while (!error && meter_next(meter)) {
		u64 start = meter_clock();

		for (u64 i = 0; i < meter->rounds && !error; i++)
			error = set.read_only(page, 1) ?: set.read_write(page, 1);
		meter_take(meter, meter_clock() - start);
	}
	set.read_write(page, 1);
	vfree((void *)page);
	return error;
}

const struct benchmark bench_protect = {
	.name = "protect",
	.what = "change the permission of 4 KiB: set_memory_ro() and set_memory_rw() in turn, one of the two",
	.subtracted = METER_SUBTRACTED,
	.cores = 1,
	.run = run_protect,
};
