// SPDX-License-Identifier: MIT
/* What one core wants of others. */
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/smp.h>
#include <linux/vmalloc.h>
#include "keel_bench.h"

/* Long enough for an idle core to be halted again, in microseconds. */
#define FALLS_ASLEEP 200

static u64 sent, ran;
static bool go, awake;

static int sleeper(void *argument)
{
	struct partner *self = argument;

	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (READ_ONCE(self->stop))
			break;
		if (!READ_ONCE(go)) {
			schedule();
			continue;
		}
		__set_current_state(TASK_RUNNING);
		ran = meter_clock();
		WRITE_ONCE(go, false);
		smp_store_release(&awake, true);
	}
	__set_current_state(TASK_RUNNING);
	return 0;
}

static int run_wake_idle(struct meter *meter)
{
	struct partner other;
	int error;

	go = awake = false;
	error = partner_start(&other, sleeper, THERE, false);
	if (error)
		return error;
	meter_begin_single(meter, 300, METER_WARM_UP);
	while (meter_next(meter)) {
		udelay(FALLS_ASLEEP);
		WRITE_ONCE(sent, meter_clock());
		smp_store_release(&go, true);
		wake_up_process(other.task);
		while (!smp_load_acquire(&awake))
			cpu_relax();
		awake = false;
		/* Of two cores' clocks. */
		if (ran < sent) {
			error = -ERANGE;
			break;
		}
		meter_take(meter, ran - sent);
		cond_resched();
	}
	partner_stop(&other);
	return error;
}

const struct benchmark bench_wake_idle = {
	.name = "wake_idle",
	.what = "wake_up_process() of a kernel thread on another, idle core: from the call until it runs",
	.subtracted = METER_SUBTRACTED_READINGS,
	.cores = 2,
	.run = run_wake_idle,
};

static int run_pingpong_cross(struct meter *meter)
{
	return pingpong(meter, THERE);
}

const struct benchmark bench_pingpong_cross = {
	.name = "pingpong_cross",
	.what = "wake a kernel thread on another core with a semaphore and wait until it wakes this one; both sleep in between",
	.subtracted = METER_SUBTRACTED,
	.cores = 2,
	.run = run_pingpong_cross,
};

static int compute(void *argument)
{
	struct partner *self = argument;

	WRITE_ONCE(awake, true);
	while (!READ_ONCE(self->stop))
		cpu_relax();
	return 0;
}

static void nothing(void *unused)
{
}

static int run_ipi(struct meter *meter)
{
	struct partner other;
	int error;

	WRITE_ONCE(awake, false);
	error = partner_start(&other, compute, THERE, false);
	if (error)
		return error;
	while (!READ_ONCE(awake))
		cond_resched();
	meter_begin(meter, 1000, 1, 1);
	while (!error && meter_next(meter)) {
		u64 start = meter_clock();

		for (u64 i = 0; i < meter->rounds && !error; i++)
			error = smp_call_function_single(THERE, nothing, NULL, true);
		meter_take(meter, meter_clock() - start);
	}
	partner_stop(&other);
	return error;
}

const struct benchmark bench_ipi = {
	.name = "ipi",
	.what = "smp_call_function_single() of an empty function on one other busy core, and wait until it has run",
	.subtracted = METER_SUBTRACTED,
	.cores = 2,
	.run = run_ipi,
};

static int unmap_everywhere(struct meter *meter)
{
	struct page *page = alloc_page(GFP_KERNEL);
	int error = 0;

	if (!page)
		return -ENOMEM;
	/* What gathered before is not this unmapping's. */
	vm_unmap_aliases();
	meter_begin_single(meter, 50, METER_WARM_UP);
	while (meter_next(meter)) {
		char *memory = vmap(&page, 1, VM_MAP, PAGE_KERNEL);
		u64 start;

		if (!memory) {
			error = -ENOMEM;
			break;
		}
		WRITE_ONCE(*memory, 1);
		start = meter_clock();
		vunmap(memory);
		vm_unmap_aliases();
		meter_take(meter, meter_clock() - start);
	}
	__free_page(page);
	return error;
}

static int run_shootdown(struct meter *meter)
{
	int error = spinners_start();

	if (error)
		return error;
	error = unmap_everywhere(meter);
	spinners_stop();
	return error;
}

const struct benchmark bench_shootdown = {
	.name = "shootdown",
	.what = "vunmap() one page and flush it at once from all cores, which compute, with vm_unmap_aliases()",
	.subtracted = METER_SUBTRACTED_READINGS,
	.cores = 2,
	.run = run_shootdown,
};

const struct benchmark bench_shootdown_idle = {
	.name = "shootdown_idle",
	.what = "vunmap() one page and flush it at once from all cores, the others idle, with vm_unmap_aliases()",
	.subtracted = METER_SUBTRACTED_READINGS,
	.cores = 2,
	.run = unmap_everywhere,
};

static int run_protect_all(struct meter *meter)
{
	struct set_memory set;
	unsigned long page;
	int error = set_memory_find(&set);

	if (error)
		return error;
	page = (unsigned long)vmalloc(PAGE_SIZE);
	if (!page)
		return -ENOMEM;
	error = spinners_start();
	if (error)
		goto out;
	meter_begin_single(meter, 50, METER_WARM_UP);
	while (!error && meter_next(meter)) {
		u64 start;

		WRITE_ONCE(*(char *)page, 1);
		start = meter_clock();
		error = set.read_only(page, 1);
		meter_take(meter, meter_clock() - start);
		if (!error)
			error = set.read_write(page, 1);
	}
	spinners_stop();
out:
	vfree((void *)page);
	return error;
}

const struct benchmark bench_protect_all = {
	.name = "protect_all",
	.what = "make one page read-only with set_memory_ro() while all cores compute; it returns when all have flushed",
	.subtracted = METER_SUBTRACTED_READINGS,
	.cores = 2,
	.run = run_protect_all,
};

static int run_spawn_cross(struct meter *meter)
{
	return spawn(meter, THERE);
}

const struct benchmark bench_spawn_cross = {
	.name = "spawn_cross",
	.what = "create a kernel thread on another, idle core, wait until it runs, and join it with kthread_stop()",
	.subtracted = METER_SUBTRACTED_READINGS,
	.cores = 2,
	.run = run_spawn_cross,
};
