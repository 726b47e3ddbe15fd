// SPDX-License-Identifier: MIT
/* The threads that benchmarks need, and how they wait for each other. */
#include "bench.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define FIFO_PRIORITY 50
#define STACK (64 << 10)
#define MOST_CORES 64

unsigned int cores_online(void)
{
	long count = sysconf(_SC_NPROCESSORS_ONLN);

	return count < 1 ? 1 : count;
}

void pin(pid_t process, unsigned int core)
{
	cpu_set_t cores;

	CPU_ZERO(&cores);
	CPU_SET(core, &cores);
	if (sched_setaffinity(process, sizeof(cores), &cores))
		perror("sched_setaffinity");
}

void become_fifo(void)
{
	const struct sched_param param = { .sched_priority = FIFO_PRIORITY };

	if (sched_setscheduler(0, SCHED_FIFO, &param))
		perror("sched_setscheduler");
}

const char *thread_start(pthread_t *thread, void *(*work)(void *), void *argument, unsigned int core, bool fifo)
{
	const struct sched_param param = { .sched_priority = fifo ? FIFO_PRIORITY : 0 };
	pthread_attr_t attributes;
	cpu_set_t cores;

	CPU_ZERO(&cores);
	CPU_SET(core, &cores);
	pthread_attr_init(&attributes);
	pthread_attr_setaffinity_np(&attributes, sizeof(cores), &cores);
	pthread_attr_setstacksize(&attributes, STACK);
	pthread_attr_setinheritsched(&attributes, PTHREAD_EXPLICIT_SCHED);
	pthread_attr_setschedpolicy(&attributes, fifo ? SCHED_FIFO : SCHED_OTHER);
	pthread_attr_setschedparam(&attributes, &param);
	errno = pthread_create(thread, &attributes, work, argument);
	pthread_attr_destroy(&attributes);
	return errno ? error_of("pthread_create") : NULL;
}

static pthread_t spinners[MOST_CORES];
static unsigned int spinning, arrived;
static bool stop_spinning;

static void *spin(void *unused)
{
	__atomic_fetch_add(&arrived, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&stop_spinning, __ATOMIC_RELAXED))
		__builtin_ia32_pause();
	return unused;
}

const char *spinners_start(void)
{
	unsigned int cores = cores_online();

	spinning = arrived = 0;
	stop_spinning = false;
	for (unsigned int core = 0; core < cores && core < MOST_CORES; core++) {
		const char *wrong = core == HERE ? NULL : thread_start(&spinners[spinning], spin, NULL, core, false);

		if (wrong) {
			spinners_stop();
			return wrong;
		}
		spinning += core != HERE;
	}
	while (__atomic_load_n(&arrived, __ATOMIC_ACQUIRE) < spinning)
		sched_yield();
	return NULL;
}

void spinners_stop(void)
{
	__atomic_store_n(&stop_spinning, true, __ATOMIC_RELAXED);
	while (spinning)
		pthread_join(spinners[--spinning], NULL);
}

void word_wait(unsigned int *word, unsigned int value)
{
	while (__atomic_load_n(word, __ATOMIC_ACQUIRE) == value)
		syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void set_and_wake(unsigned int *word, unsigned int value, int sleepers)
{
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, sleepers, NULL, NULL, 0);
}

void word_set(unsigned int *word, unsigned int value)
{
	set_and_wake(word, value, 1);
}

void word_set_for_all(unsigned int *word, unsigned int value)
{
	set_and_wake(word, value, INT_MAX);
}

u64 nanoseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_RAW, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

void compute_for(u64 duration)
{
	u64 end = nanoseconds() + duration;

	while (nanoseconds() < end)
		__builtin_ia32_pause();
}

const char *error_of(const char *tried)
{
	static char text[128];

	snprintf(text, sizeof(text), "%s: %s", tried, strerror(errno));
	return text;
}

const char *write_file(const char *path, const char *text)
{
	int file = open(path, O_WRONLY | O_CLOEXEC);
	const char *wrong = NULL;

	if (file < 0 || write(file, text, strlen(text)) < 0)
		wrong = error_of(path);
	if (file >= 0)
		close(file);
	return wrong;
}
