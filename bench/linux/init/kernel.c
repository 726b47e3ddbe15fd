// SPDX-License-Identifier: MIT
/* Modules: loading and unloading them, and the benchmarks that keel_bench.ko runs inside the kernel. */
#include "bench.h"
#include "protocol.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

const char *module_load(const char *path)
{
	int file = open(path, O_RDONLY | O_CLOEXEC);
	const char *wrong = NULL;

	if (file < 0)
		return error_of(path);
	if (syscall(SYS_finit_module, file, "", 0))
		wrong = error_of("finit_module");
	close(file);
	return wrong;
}

const char *module_unload(const char *name)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK) ? error_of("delete_module") : NULL;
}

/* So many benchmarks of the module can be listed. */
#define MOST 64

static struct protocol_name list[MOST];
static unsigned int listed;
static int file = -1;

/* For what is wrong with the module itself. */
static const struct benchmark module = {
	.name = "module",
	.what = "load the module that measures inside the kernel, and list what it has",
	.subtracted = METER_SUBTRACTED_NOTHING,
	.subject = KERNEL,
	.cores = 1,
};

static void run(const struct benchmark *benchmark, unsigned int index, const char *suffix)
{
	static struct protocol_run reply;

	report_begin(benchmark, suffix);
	if (cores_online() < benchmark->cores) {
		report_skipped(benchmark, suffix, "needs 2 cores");
		return;
	}
	reply.index = index;
	if (!ioctl(file, PROTOCOL_RUN, &reply))
		report_figures(benchmark, suffix, reply.samples, reply.taken);
	else if (errno == ENOSYS)
		report_skipped(benchmark, suffix, "this kernel has no set_memory_ro and set_memory_rw");
	else if (errno == EPROTO)
		report_failed(benchmark, suffix, "the other thread had no turn in some rounds");
	else if (errno == ERANGE)
		report_failed(benchmark, suffix, "the other core's clock is behind this one's");
	else
		report_failed(benchmark, suffix, error_of("the module"));
}

const char *kernel_open(void)
{
	const char *wrong;

	report_begin(&module, "");
	wrong = module_load("/keel_bench.ko");
	if (wrong)
		return wrong;
	file = open(PROTOCOL_PATH, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return error_of(PROTOCOL_PATH);
	for (listed = 0; listed < MOST; listed++) {
		list[listed].index = listed;
		if (ioctl(file, PROTOCOL_NAME, &list[listed]))
			return errno == ENOENT ? NULL : error_of("the list of the module's benchmarks");
	}
	return "the module has more benchmarks than init can list";
}

void kernel_failed(const char *why)
{
	report_failed(&module, "", why);
}

unsigned int kernel_count(bool (*wanted)(const char *name))
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < listed; i++)
		count += wanted(list[i].name);
	return count;
}

void kernel_benchmarks(bool (*wanted)(const char *name), const char *suffix)
{
	for (unsigned int i = 0; i < listed; i++) {
		const struct benchmark benchmark = {
			.name = list[i].name, .what = list[i].what, .subtracted = list[i].subtracted,
			.subject = KERNEL, .cores = list[i].cores,
		};

		if (wanted(list[i].name))
			run(&benchmark, i, suffix);
	}
}
