// SPDX-License-Identifier: MIT
/*
 * The first and only program of a Linux that is measured beside Keel: /init of its initramfs.
 *
 * The environment variable `keel`, which the kernel makes of its command line, says what to do: `first` says that the
 * first task runs, and when the kernel brought up its cores; `rows` runs every benchmark; `poll` only those that wake
 * another core, for a kernel that was started with idle=poll. `keel_only=NAME,NAME` leaves out all others.
 *
 * What it prints is read by `cargo keel bench`: FIRST, LOG text or NOLOG reason, ROWS number, BEGIN subject name,
 * BENCH/SKIPPED/FAILED {json}, END. As many rows must come as were announced.
 */
#include "bench.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define KTHREADD 2
#define READ_ALL 3	/* syslog(2): SYSLOG_ACTION_READ_ALL */

static const struct benchmark *const benchmarks[] = {
	&bench_null, &bench_yield_alone, &bench_yield, &bench_pingpong, &bench_message, &bench_spawn, &bench_mutex,
	&bench_alloc_8, &bench_alloc_64, &bench_alloc_512, &bench_alloc_4096, &bench_alloc_65536,
	&bench_threadtest, &bench_shbench, &bench_map_4k, &bench_map_1m, &bench_protect,
	&bench_wake_idle, &bench_pingpong_cross, &bench_message_cross, &bench_shootdown, &bench_protect_all,
	&bench_spawn_cross, &bench_hackbench,
	&bench_cell_stage, &bench_cell_unload, &bench_core_offline, &bench_core_online, &bench_swap_whole,
};

#define BENCHMARKS (sizeof(benchmarks) / sizeof(*benchmarks))

static const char *suffix = "";

/* Whether `name` is one of the names in a list with commas. */
static bool is_in(const char *name, const char *list)
{
	size_t length = strlen(name);

	for (const char *at = list; (at = strstr(at, name)); at += length)
		if ((at == list || at[-1] == ',') && (at[length] == ',' || !at[length]))
			return true;
	return false;
}

static bool wanted(const char *name)
{
	const char *only = getenv("keel_only");

	if (*suffix && !is_in(name, "wake_idle,pingpong_cross,message_cross"))
		return false;
	return !only || is_in(name, only);
}

/* In a process of its own, so that each finds a fresh heap and one thread, and what it does wrong ends only itself. */
static void run(const struct benchmark *benchmark)
{
	static u64 samples[METER_SAMPLES];
	struct meter meter = { .samples = samples };
	int status;
	pid_t child;

	report_begin(benchmark, suffix);
	if (cores_online() < benchmark->cores) {
		report_skipped(benchmark, suffix, "needs 2 cores");
		return;
	}
	child = fork();
	if (child == 0) {
		const char *wrong;

		pin(0, HERE);
		if (benchmark->fifo)
			become_fifo();
		wrong = benchmark->run(&meter);
		if (wrong)
			report_failed(benchmark, suffix, wrong);
		else
			report_figures(benchmark, suffix, samples, meter.taken);
		_exit(0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child) {
		report_failed(benchmark, suffix, error_of("fork"));
	} else if (status) {
		bool killed = WIFSIGNALED(status);
		char why[64];

		snprintf(why, sizeof(why), "its process ended with %s %d", killed ? "signal" : "status",
			 killed ? WTERMSIG(status) : WEXITSTATUS(status));
		report_failed(benchmark, suffix, why);
	}
}

static void run_all(void)
{
	const struct rlimit files = { .rlim_cur = 4096, .rlim_max = 4096 };
	unsigned int count;
	const char *wrong;

	setrlimit(RLIMIT_NOFILE, &files);
	/* Threads of the class SCHED_FIFO may use a core to the full. */
	write_file("/proc/sys/kernel/sched_rt_runtime_us", "-1");
	pin(0, HERE);
	/* It makes the kernel's threads: here, where they are asked for, no other core need be woken for that. */
	pin(KTHREADD, HERE);
	wrong = kernel_open();
	/* What went wrong has a row of its own. */
	count = wrong ? 1 : kernel_count(wanted);
	for (size_t i = 0; i < BENCHMARKS; i++)
		count += wanted(benchmarks[i]->name);
	printf("ROWS %u\n", count);
	if (wrong)
		kernel_failed(wrong);
	else
		kernel_benchmarks(wanted, suffix);
	for (size_t i = 0; i < BENCHMARKS; i++)
		if (wanted(benchmarks[i]->name))
			run(benchmarks[i]);
}

/* The kernel's own account of when its other cores came up; loud or quiet, its log has it. */
static void print_bring_up(void)
{
	static char log[1 << 20];
	int length = klogctl(READ_ALL, log, sizeof(log) - 1);

	if (length < 0) {
		printf("NOLOG %s\n", error_of("klogctl"));
		return;
	}
	log[length] = '\0';
	for (char *line = strtok(log, "\n"); line; line = strtok(NULL, "\n"))
		if (strstr(line, "smp: Bringing up") || strstr(line, "smp: Brought up"))
			printf("LOG %s\n", line);
}

int main(void)
{
	const char *mode = getenv("keel");

	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	printf("FIRST\n");
	fflush(stdout);
	signal(SIGPIPE, SIG_IGN);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	if (mode && strcmp(mode, "first")) {
		if (!strcmp(mode, "poll"))
			suffix = "_poll";
		run_all();
	} else {
		print_bring_up();
		printf("ROWS 0\n");
	}
	printf("END\n");
	fflush(stdout);
	reboot(RB_POWER_OFF);
	/* Without power management a restart ends the guest just as well. */
	reboot(RB_AUTOBOOT);
	return 1;
}
