// SPDX-License-Identifier: MIT
/* System calls, switches between threads of one process, and a thread's whole life. */
#include "bench.h"
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *run_null(struct meter *meter)
{
	meter_begin(meter, 1000, 1, 1);
	while (meter_next(meter)) {
		u64 start = meter_clock();

		for (u64 i = 0; i < meter->rounds; i++)
			getppid();
		meter_take(meter, meter_clock() - start);
	}
	return NULL;
}

const struct benchmark bench_null = {
	.name = "null",
	.what = "the cheapest system call that is not answered in user space: getppid()",
	.subtracted = METER_SUBTRACTED,
	.cores = 1,
	.run = run_null,
};

static const char *run_yield_alone(struct meter *meter)
{
	meter_begin(meter, 1000, 1, 1);
	while (meter_next(meter)) {
		u64 start = meter_clock();

		for (u64 i = 0; i < meter->rounds; i++)
			sched_yield();
		meter_take(meter, meter_clock() - start);
	}
	return NULL;
}

const struct benchmark bench_yield_alone = {
	.name = "yield_alone",
	.what = "sched_yield() of a SCHED_FIFO thread with nobody else to run",
	.subtracted = METER_SUBTRACTED,
	.cores = 1,
	.fifo = true,
	.run = run_yield_alone,
};

static bool stop;
static u64 turns;

static void *yield_back(void *unused)
{
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		turns++;
		sched_yield();
	}
	return unused;
}

static const char *run_yield(struct meter *meter)
{
	u64 rounds = 0;
	pthread_t other;
	const char *wrong = thread_start(&other, yield_back, NULL, HERE, true);

	if (wrong)
		return wrong;
	while (!__atomic_load_n(&turns, __ATOMIC_RELAXED))
		sched_yield();
	/* One round is a switch there and a switch back. */
	meter_begin(meter, 1000, 2, 2);
	while (meter_next(meter)) {
		u64 start = meter_clock();

		for (u64 i = 0; i < meter->rounds; i++)
			sched_yield();
		rounds += meter->rounds;
		meter_take(meter, meter_clock() - start);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_join(other, NULL);
	return turns >= rounds ? NULL : "the other thread had no turn in some rounds";
}

const struct benchmark bench_yield = {
	.name = "yield",
	.what = "switch to the other of two SCHED_FIFO threads of one process on one core, by sched_yield()",
	.subtracted = METER_SUBTRACTED_LOOPS,
	.cores = 1,
	.fifo = true,
	.run = run_yield,
};

/* Each in a cache line of its own. */
static unsigned int ask __attribute__((aligned(64))), answer __attribute__((aligned(64)));

static void *echo(void *unused)
{
	for (;;) {
		word_wait(&ask, 0);
		if (__atomic_load_n(&stop, __ATOMIC_RELAXED))
			return unused;
		__atomic_store_n(&ask, 0, __ATOMIC_RELAXED);
		word_set(&answer, 1);
	}
}

const char *pingpong(struct meter *meter, unsigned int core, bool fifo)
{
	pthread_t other;
	const char *wrong = thread_start(&other, echo, NULL, core, fifo);

	if (wrong)
		return wrong;
	meter_begin(meter, 1000, 1, 1);
	while (meter_next(meter)) {
		u64 start = meter_clock();

		for (u64 i = 0; i < meter->rounds; i++) {
			word_set(&ask, 1);
			word_wait(&answer, 0);
			__atomic_store_n(&answer, 0, __ATOMIC_RELAXED);
		}
		meter_take(meter, meter_clock() - start);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	word_set(&ask, 1);
	pthread_join(other, NULL);
	return NULL;
}

static const char *run_pingpong(struct meter *meter)
{
	return pingpong(meter, HERE, true);
}

const struct benchmark bench_pingpong = {
	.name = "pingpong",
	.what = "wake another thread of the process on the same core with a futex and wait until it wakes this one",
	.subtracted = METER_SUBTRACTED,
	.cores = 1,
	.fifo = true,
	.run = run_pingpong,
};

static void *nothing(void *unused)
{
	return unused;
}

const char *spawn(struct meter *meter, unsigned int core)
{
	cpu_set_t cores;
	pthread_attr_t attributes;

	CPU_ZERO(&cores);
	CPU_SET(core, &cores);
	pthread_attr_init(&attributes);
	/* Only where it is needed: it costs a system call for each thread. */
	if (core != HERE)
		pthread_attr_setaffinity_np(&attributes, sizeof(cores), &cores);
	meter_begin_single(meter, 500, METER_WARM_UP);
	while (meter_next(meter)) {
		u64 start = meter_clock();
		pthread_t thread;

		if (pthread_create(&thread, &attributes, nothing, NULL))
			return "pthread_create failed";
		pthread_join(thread, NULL);
		meter_take(meter, meter_clock() - start);
	}
	return NULL;
}

static const char *run_spawn(struct meter *meter)
{
	return spawn(meter, HERE);
}

const struct benchmark bench_spawn = {
	.name = "spawn",
	.what = "pthread_create() of an empty thread on this core and pthread_join(); glibc keeps the stack for the next",
	.subtracted = METER_SUBTRACTED_READINGS,
	.cores = 1,
	.run = run_spawn,
};

static const char *run_mutex(struct meter *meter)
{
	static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

	meter_begin(meter, 1000, 1, 1);
	while (meter_next(meter)) {
		u64 start = meter_clock();

		for (u64 i = 0; i < meter->rounds; i++) {
			pthread_mutex_lock(&mutex);
			pthread_mutex_unlock(&mutex);
		}
		meter_take(meter, meter_clock() - start);
	}
	return NULL;
}

const struct benchmark bench_mutex = {
	.name = "mutex",
	.what = "lock and unlock a free pthread_mutex_t",
	.subtracted = METER_SUBTRACTED,
	.cores = 1,
	.run = run_mutex,
};
