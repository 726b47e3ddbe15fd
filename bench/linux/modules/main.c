// SPDX-License-Identifier: MIT
/*
 * The same work as Keel's in-kernel benchmarks, inside Linux: on kernel threads, through the interfaces that its own
 * modules use. init names and starts each benchmark through /proc/keel_bench.
 */
#include <linux/cpumask.h>
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include "keel_bench.h"
#include "protocol.h"

static const struct benchmark *const benchmarks[] = {
	&bench_yield_alone, &bench_yield, &bench_pingpong, &bench_spawn,
	&bench_mutex, &bench_spinlock, &bench_semaphore,
	&bench_alloc_8, &bench_alloc_64, &bench_alloc_512, &bench_alloc_4096, &bench_alloc_65536,
	&bench_frame, &bench_map_4k, &bench_map_given, &bench_map_1m, &bench_protect,
	&bench_wake_idle, &bench_pingpong_cross, &bench_ipi, &bench_shootdown, &bench_shootdown_idle,
	&bench_protect_all, &bench_spawn_cross,
};

/* What the measuring thread gets and gives. */
struct measurement {
	const struct benchmark *benchmark;
	struct meter meter;
	struct completion begun;
	int error;
};

static int measure(void *argument)
{
	struct measurement *measurement = argument;

	complete(&measurement->begun);
	measurement->error = measurement->benchmark->run(&measurement->meter);
	return 0;
}

static long run(struct protocol_run __user *user)
{
	struct measurement measurement = { .error = 0 };
	struct protocol_run *reply;
	struct task_struct *task;
	unsigned int index;
	long error = 0;

	if (get_user(index, &user->index))
		return -EFAULT;
	if (index >= ARRAY_SIZE(benchmarks))
		return -ENOENT;
	measurement.benchmark = benchmarks[index];
	if (num_online_cpus() < measurement.benchmark->cores)
		return -ENODEV;
	reply = kvzalloc(sizeof(*reply), GFP_KERNEL);
	if (!reply)
		return -ENOMEM;
	reply->index = index;
	measurement.meter.samples = reply->samples;
	init_completion(&measurement.begun);
	task = thread_create(measure, &measurement, HERE, measurement.benchmark->fifo);
	if (IS_ERR(task)) {
		error = PTR_ERR(task);
		goto out;
	}
	wake_up_process(task);
	wait_for_completion(&measurement.begun);
	thread_join(task);
	error = measurement.error;
	reply->taken = measurement.meter.taken;
	if (!error && copy_to_user(user, reply, sizeof(*reply)))
		error = -EFAULT;
out:
	kvfree(reply);
	return error;
}

static long name(struct protocol_name __user *user)
{
	struct protocol_name reply = { };

	if (get_user(reply.index, &user->index))
		return -EFAULT;
	if (reply.index >= ARRAY_SIZE(benchmarks))
		return -ENOENT;
	reply.cores = benchmarks[reply.index]->cores;
	strscpy(reply.name, benchmarks[reply.index]->name, sizeof(reply.name));
	strscpy(reply.what, benchmarks[reply.index]->what, sizeof(reply.what));
	strscpy(reply.subtracted, benchmarks[reply.index]->subtracted, sizeof(reply.subtracted));
	return copy_to_user(user, &reply, sizeof(reply)) ? -EFAULT : 0;
}

static long keel_bench_ioctl(struct file *file, unsigned int request, unsigned long argument)
{
	switch (request) {
	case PROTOCOL_NAME:
		return name((struct protocol_name __user *)argument);
	case PROTOCOL_RUN:
		return run((struct protocol_run __user *)argument);
	default:
		return -ENOTTY;
	}
}

static const struct proc_ops operations = { .proc_ioctl = keel_bench_ioctl };

static int __init keel_bench_init(void)
{
	return proc_create("keel_bench", 0600, NULL, &operations) ? 0 : -ENOMEM;
}

static void __exit keel_bench_exit(void)
{
	remove_proc_entry("keel_bench", NULL);
}

module_init(keel_bench_init);
module_exit(keel_bench_exit);
MODULE_LICENSE("Dual MIT/GPL");
MODULE_DESCRIPTION("Keel benchmarks: the same work inside Linux");
