// SPDX-License-Identifier: MIT
/* glibc's heap, and mappings of the process. */
#include "bench.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE 4096

/* The compiler must not leave out an allocation that nobody looks at. */
static inline void look_at(void *block)
{
	__asm__ volatile("" : : "r"(block) : "memory");
}

static inline __attribute__((always_inline)) const char *run_alloc(struct meter *meter, size_t size)
{
	meter_begin(meter, 1000, 1, 1);
	while (meter_next(meter)) {
		u64 start = meter_clock();

		for (u64 i = 0; i < meter->rounds; i++) {
			void *block = malloc(size);

			if (!block)
				return "out of memory";
			look_at(block);
			free(block);
		}
		meter_take(meter, meter_clock() - start);
	}
	return NULL;
}

#define BENCH_ALLOC(size)									\
	static const char *run_alloc_##size(struct meter *meter)				\
	{											\
		return run_alloc(meter, size);							\
	}											\
	const struct benchmark bench_alloc_##size = {						\
		.name = "alloc_" #size,								\
		.what = "glibc: malloc() and free() of " #size " bytes, one thread",		\
		.subtracted = METER_SUBTRACTED,							\
		.cores = 1,									\
		.run = run_alloc_##size,							\
	}

BENCH_ALLOC(8);
BENCH_ALLOC(64);
BENCH_ALLOC(512);
BENCH_ALLOC(4096);
BENCH_ALLOC(65536);

#define THREADTEST_BLOCKS 100000

static const char *run_threadtest(struct meter *meter)
{
	static void *blocks[THREADTEST_BLOCKS];

	meter_begin_single(meter, 20, 2);
	meter->operations = THREADTEST_BLOCKS;
	while (meter_next(meter)) {
		u64 start = meter_clock();

		for (size_t i = 0; i < THREADTEST_BLOCKS; i++) {
			blocks[i] = malloc(8);
			if (!blocks[i])
				return "out of memory";
			*(volatile char *)blocks[i] = 1;
		}
		for (size_t i = 0; i < THREADTEST_BLOCKS; i++)
			free(blocks[i]);
		meter_take(meter, meter_clock() - start);
	}
	return NULL;
}

const struct benchmark bench_threadtest = {
	.name = "threadtest",
	.what = "glibc, one thread: allocate 100000 blocks of 8 bytes, write to each, free them in order; "
		"per allocation and free",
	.subtracted = METER_SUBTRACTED_READINGS,
	.cores = 1,
	.run = run_threadtest,
};

#define SHBENCH_BLOCKS 19300
#define SHBENCH_LIVE 256

static const char *run_shbench(struct meter *meter)
{
	static void *live[SHBENCH_LIVE];

	meter_begin_single(meter, 50, 4);
	meter->operations = SHBENCH_BLOCKS;
	while (meter_next(meter)) {
		unsigned int random = 12345;
		u64 start = meter_clock();

		for (size_t i = 0; i < SHBENCH_BLOCKS; i++) {
			void **slot;

			random = random * 1664525 + 1013904223;
			slot = &live[random >> 8 & (SHBENCH_LIVE - 1)];
			free(*slot);
			*slot = malloc(1 + (random >> 16) % 1000);
			if (!*slot)
				return "out of memory";
			*(volatile char *)*slot = 1;
		}
		for (size_t i = 0; i < SHBENCH_LIVE; i++) {
			free(live[i]);
			live[i] = NULL;
		}
		meter_take(meter, meter_clock() - start);
	}
	return NULL;
}

const struct benchmark bench_shbench = {
	.name = "shbench",
	.what = "glibc, one thread: 19300 blocks of 1 to 1000 bytes, each freed when its slot of 256 is drawn again; "
		"per allocation and free",
	.subtracted = METER_SUBTRACTED_READINGS,
	.cores = 1,
	.run = run_shbench,
};

static void *map(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

static const char *run_map(struct meter *meter, unsigned int samples, size_t size)
{
	meter_begin(meter, samples, 1, 1);
	while (meter_next(meter)) {
		u64 start = meter_clock();

		for (u64 i = 0; i < meter->rounds; i++) {
			volatile char *memory = map(size);

			if (!memory)
				return "mmap failed";
			for (size_t at = 0; at < size; at += PAGE)
				memory[at] = 1;
			munmap((void *)memory, size);
		}
		meter_take(meter, meter_clock() - start);
	}
	return NULL;
}

static const char *run_map_4k(struct meter *meter)
{
	return run_map(meter, 1000, PAGE);
}

const struct benchmark bench_map_4k = {
	.name = "map_4k",
	.what = "mmap() 4 KiB, write to it (a page fault brings the zeroed frame), munmap()",
	.subtracted = METER_SUBTRACTED,
	.cores = 1,
	.run = run_map_4k,
};

static const char *run_map_1m(struct meter *meter)
{
	return run_map(meter, 100, 1 << 20);
}

const struct benchmark bench_map_1m = {
	.name = "map_1m",
	.what = "mmap() 1 MiB, write to each of its 256 pages (a page fault each), munmap()",
	.subtracted = METER_SUBTRACTED,
	.cores = 1,
	.run = run_map_1m,
};

static const char *run_protect(struct meter *meter)
{
	char *memory = map(3 * PAGE), *page = memory + PAGE;

	if (!memory)
		return "mmap failed";
	memset(memory, 1, 3 * PAGE);
	/* Other permissions around it: else the kernel would join and split mappings each time. */
	if (mprotect(memory, PAGE, PROT_NONE) || mprotect(page + PAGE, PAGE, PROT_NONE))
		return "mprotect failed";
	meter_begin(meter, 1000, 2, 1);
	while (meter_next(meter)) {
		u64 start = meter_clock();

		for (u64 i = 0; i < meter->rounds; i++)
			if (mprotect(page, PAGE, PROT_READ) || mprotect(page, PAGE, PROT_READ | PROT_WRITE))
				return "mprotect failed";
		meter_take(meter, meter_clock() - start);
	}
	return NULL;
}

const struct benchmark bench_protect = {
	.name = "protect",
	.what = "change the permission of 4 KiB: mprotect() to read-only and back in turn, one of the two",
	.subtracted = METER_SUBTRACTED,
	.cores = 1,
	.run = run_protect,
};
