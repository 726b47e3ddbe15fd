/* SPDX-License-Identifier: MIT */
/* What the parts of init share: how a benchmark is described, how it is reported, and the threads that it needs. */
#ifndef BENCH_H
#define BENCH_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include "meter.h"

/* The core that measures, and the other one where two take part. */
#define HERE 0
#define THERE 1

#define USER "linux_user"
#define KERNEL "linux_kernel"

struct benchmark {
	const char *name;
	const char *what;
	const char *subtracted;
	const char *subject;	/* whose operation; USER if not given */
	const char *unit;	/* "cycles" if not given */
	unsigned int cores;	/* how many it needs */
	bool fifo;		/* measured by a thread of the class SCHED_FIFO */
	/* Measures; returns NULL, or what went wrong. Runs in a process of its own. */
	const char *(*run)(struct meter *meter);
};

/* switch.c */
extern const struct benchmark bench_null, bench_yield, bench_yield_alone, bench_pingpong, bench_spawn, bench_mutex;
/* memory.c */
extern const struct benchmark bench_alloc_8, bench_alloc_64, bench_alloc_512, bench_alloc_4096, bench_alloc_65536;
extern const struct benchmark bench_threadtest, bench_shbench, bench_map_4k, bench_map_1m, bench_protect;
/* cores.c */
extern const struct benchmark bench_wake_idle, bench_pingpong_cross, bench_shootdown, bench_protect_all;
extern const struct benchmark bench_spawn_cross;
/* message.c */
extern const struct benchmark bench_message, bench_message_cross, bench_hackbench;
/* code.c */
extern const struct benchmark bench_cell_stage, bench_cell_unload, bench_swap_whole, bench_core_offline;
extern const struct benchmark bench_core_online;

/* report.c: prints the figures of `n` samples, which it sorts, or why there are none. `suffix` goes to the name. */
void report_begin(const struct benchmark *benchmark, const char *suffix);
void report_figures(const struct benchmark *benchmark, const char *suffix, u64 *samples, size_t n);
void report_skipped(const struct benchmark *benchmark, const char *suffix, const char *why);
void report_failed(const struct benchmark *benchmark, const char *suffix, const char *why);

/* kernel.c: loads the module that has the kernel's own benchmarks and lists them; NULL, or what went wrong. */
const char *kernel_open(void);
/* Reports what went wrong there. */
void kernel_failed(const char *why);
/* How many of them `wanted` says, and runs these. */
unsigned int kernel_count(bool (*wanted)(const char *name));
void kernel_benchmarks(bool (*wanted)(const char *name), const char *suffix);
/* Loads a module from the initramfs; NULL, or what went wrong. */
const char *module_load(const char *path);
const char *module_unload(const char *name);

/* tasks.c */
unsigned int cores_online(void);
/* Keeps the process, 0 for this one, on one core. */
void pin(pid_t process, unsigned int core);
void become_fifo(void);
/* A thread that stays on one core, or NULL and errno. */
const char *thread_start(pthread_t *thread, void *(*work)(void *), void *argument, unsigned int core, bool fifo);
/* One thread that computes on each core but this one. */
const char *spinners_start(void);
void spinners_stop(void);
/* Sleeps while the word has this value. */
void word_wait(unsigned int *word, unsigned int value);
/* Stores the value and wakes one sleeper, or all. */
void word_set(unsigned int *word, unsigned int value);
void word_set_for_all(unsigned int *word, unsigned int value);
/* Computes for so many nanoseconds. */
void compute_for(u64 nanoseconds);
u64 nanoseconds(void);
/* strerror(errno) with what was tried before it; valid until the next call. */
const char *error_of(const char *tried);
/* Writes a text to a file of the kernel's; NULL, or what went wrong. */
const char *write_file(const char *path, const char *text);

/* switch.c: as bench_pingpong and bench_spawn, with the other thread on `core`. */
const char *pingpong(struct meter *meter, unsigned int core, bool fifo);
const char *spawn(struct meter *meter, unsigned int core);

#endif
