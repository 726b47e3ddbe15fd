/* SPDX-License-Identifier: MIT */
/* What the parts of the module share: how a benchmark is described, and the threads that it needs. */
#ifndef KEEL_BENCH_H
#define KEEL_BENCH_H

#include <linux/sched.h>
#include "meter.h"

/* The core that measures, and the other one where two take part. */
#define HERE 0
#define THERE 1

struct benchmark {
	const char *name;
	const char *what;
	const char *subtracted;
	unsigned int cores;	/* how many it needs */
	bool fifo;		/* measured by a thread of the class SCHED_FIFO */
	int (*run)(struct meter *meter);
};

/* switch.c */
extern const struct benchmark bench_yield, bench_yield_alone, bench_pingpong, bench_spawn;
/* locks.c */
extern const struct benchmark bench_mutex, bench_spinlock, bench_semaphore;
/* memory.c */
extern const struct benchmark bench_alloc_8, bench_alloc_64, bench_alloc_512, bench_alloc_4096, bench_alloc_65536;
extern const struct benchmark bench_frame, bench_map_4k, bench_map_given, bench_map_1m, bench_protect;
/* cores.c */
extern const struct benchmark bench_wake_idle, bench_pingpong_cross, bench_ipi, bench_shootdown, bench_protect_all;
extern const struct benchmark bench_shootdown_idle, bench_spawn_cross;

/* A second thread, told to end by `stop`. */
struct partner {
	struct task_struct *task;
	bool stop;
};

/*
 * Makes a kernel thread that stays on one core, not started yet. The caller holds a reference until thread_join(), so
 * that the thread may end by itself.
 */
struct task_struct *thread_create(int (*work)(void *), void *argument, unsigned int cpu, bool fifo);
/* Waits until it has ended; its work must have begun, or it never will. */
void thread_join(struct task_struct *task);

/* Starts `work` with the partner as its argument. */
int partner_start(struct partner *partner, int (*work)(void *), unsigned int cpu, bool fifo);
/* For work that sees `stop` by itself. */
void partner_stop(struct partner *partner);

/* One thread that computes on each core but this one. */
int spinners_start(void);
void spinners_stop(void);

/* As bench_pingpong, with the other thread on `cpu`. */
int pingpong(struct meter *meter, unsigned int cpu);
/* As bench_spawn, with the new thread on `cpu`. */
int spawn(struct meter *meter, unsigned int cpu);

/* set_memory_ro and set_memory_rw, which modules cannot link to. */
typedef int (*set_memory_function)(unsigned long address, int pages);
struct set_memory {
	set_memory_function read_only, read_write;
};
/* -ENOSYS if this kernel has none. */
int set_memory_find(struct set_memory *found);

#endif
