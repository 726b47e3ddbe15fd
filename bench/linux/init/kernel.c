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

static void run(int file, const struct benchmark *benchmark, unsigned int index, const char *suffix)
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
	else
		report_failed(benchmark, suffix, error_of("the module"));
}

int kernel_open(void)
{
	const struct benchmark module = {
		.name = "module", .what = "", .subtracted = "", .subject = KERNEL, .cores = 1,
	};
	const char *wrong;
	int file;

	report_begin(&module, "");
	wrong = module_load("/keel_bench.ko");
	file = wrong ? -1 : open(PROTOCOL_PATH, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		report_failed(&module, "", wrong ? wrong : error_of(PROTOCOL_PATH));
	return file;
}

unsigned int kernel_count(int file, bool (*wanted)(const char *name))
{
	struct protocol_name reply = { .index = 0 };
	unsigned int count = 0;

	for (; !ioctl(file, PROTOCOL_NAME, &reply); reply.index++)
		count += wanted(reply.name);
	return count;
}

void kernel_benchmarks(int file, bool (*wanted)(const char *name), const char *suffix)
{
	struct protocol_name reply = { .index = 0 };

	for (; !ioctl(file, PROTOCOL_NAME, &reply); reply.index++) {
		const struct benchmark benchmark = {
			.name = reply.name, .what = reply.what, .subtracted = reply.subtracted,
			.subject = KERNEL, .cores = reply.cores,
		};

		if (wanted(reply.name))
			run(file, &benchmark, reply.index, suffix);
	}
}
