// SPDX-License-Identifier: MIT
/* What one core wants of others, for threads of one process. */
#include "bench.h"
#include <sys/mman.h>

/* Long enough for an idle core to be halted again, in nanoseconds. */
#define FALLS_ASLEEP 200000
#define PAGE 4096

static unsigned int go __attribute__((aligned(64))), awake __attribute__((aligned(64)));
static u64 sent, ran;
static bool stop;

static void *sleeper(void *unused)
{
	for (;;) {
		word_wait(&go, 0);
		if (__atomic_load_n(&stop, __ATOMIC_RELAXED))
			return unused;
		ran = meter_clock();
		__atomic_store_n(&go, 0, __ATOMIC_RELAXED);
		__atomic_store_n(&awake, 1, __ATOMIC_RELEASE);
	}
}

static const char *run_wake_idle(struct meter *meter)
{
	pthread_t other;
	const char *wrong = thread_start(&other, sleeper, NULL, THERE, false);

	if (wrong)
		return wrong;
	meter_begin_single(meter, 300, METER_WARM_UP);
	while (meter_next(meter)) {
		compute_for(FALLS_ASLEEP);
		sent = meter_clock();
		word_set(&go, 1);
		while (!__atomic_load_n(&awake, __ATOMIC_ACQUIRE))
			__builtin_ia32_pause();
		awake = 0;
		/* Of two cores' clocks. */
		if (ran < sent) {
			wrong = "the other core's clock is behind this one's";
			break;
		}
		meter_take(meter, ran - sent);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	word_set(&go, 1);
	pthread_join(other, NULL);
	return wrong;
}

const struct benchmark bench_wake_idle = {
	.name = "wake_idle",
	.what = "wake a thread on another, idle core with a futex: from the call until it runs",
	.subtracted = METER_SUBTRACTED_READINGS,
	.cores = 2,
	.run = run_wake_idle,
};

static const char *run_pingpong_cross(struct meter *meter)
{
	return pingpong(meter, THERE, true);
}

const struct benchmark bench_pingpong_cross = {
	.name = "pingpong_cross",
	.what = "wake a thread on another core with a futex and wait until it wakes this one; both sleep in between",
	.subtracted = METER_SUBTRACTED,
	.cores = 2,
	.fifo = true,
	.run = run_pingpong_cross,
};

static volatile char *map_page(void)
{
	void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return page == MAP_FAILED ? NULL : page;
}

static const char *run_shootdown(struct meter *meter)
{
	const char *wrong = spinners_start();

	if (wrong)
		return wrong;
	meter_begin_single(meter, 50, METER_WARM_UP);
	while (!wrong && meter_next(meter)) {
		volatile char *page = map_page();
		u64 start;

		if (!page) {
			wrong = "mmap failed";
			break;
		}
		*page = 1;
		start = meter_clock();
		if (munmap((void *)page, PAGE))
			wrong = "munmap failed";
		meter_take(meter, meter_clock() - start);
	}
	spinners_stop();
	return wrong;
}

const struct benchmark bench_shootdown = {
	.name = "shootdown",
	.what = "munmap() one written page while threads of the process compute on all cores; its frame is freed too",
	.subtracted = METER_SUBTRACTED_READINGS,
	.cores = 2,
	.run = run_shootdown,
};

static const char *run_protect_all(struct meter *meter)
{
	volatile char *page = map_page();
	const char *wrong = page ? spinners_start() : "mmap failed";

	if (wrong)
		return wrong;
	meter_begin_single(meter, 50, METER_WARM_UP);
	while (!wrong && meter_next(meter)) {
		u64 start;

		*page = 1;
		start = meter_clock();
		if (mprotect((void *)page, PAGE, PROT_READ))
			wrong = "mprotect failed";
		meter_take(meter, meter_clock() - start);
		if (mprotect((void *)page, PAGE, PROT_READ | PROT_WRITE))
			wrong = "mprotect failed";
	}
	spinners_stop();
	return wrong;
}

const struct benchmark bench_protect_all = {
	.name = "protect_all",
	.what = "make one written page read-only with mprotect() while threads of the process compute on all cores",
	.subtracted = METER_SUBTRACTED_READINGS,
	.cores = 2,
	.run = run_protect_all,
};

static const char *run_spawn_cross(struct meter *meter)
{
	return spawn(meter, THERE);
}

const struct benchmark bench_spawn_cross = {
	.name = "spawn_cross",
	.what = "pthread_create() of an empty thread on another, idle core and pthread_join()",
	.subtracted = METER_SUBTRACTED_READINGS,
	.cores = 2,
	.run = run_spawn_cross,
};
