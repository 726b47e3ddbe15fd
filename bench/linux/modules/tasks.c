// SPDX-License-Identifier: MIT
/* The threads that benchmarks need: pinned to a core, ended and joined by who made them. */
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include "keel_bench.h"

struct task_struct *thread_create(int (*work)(void *), void *argument, unsigned int cpu, bool fifo)
{
	struct task_struct *task = kthread_create(work, argument, "keel_bench");

	if (IS_ERR(task))
		return task;
	get_task_struct(task);
	kthread_bind(task, cpu);
	if (fifo)
		sched_set_fifo(task);
	return task;
}

void thread_join(struct task_struct *task)
{
	kthread_stop(task);
	put_task_struct(task);
}

int partner_start(struct partner *partner, int (*work)(void *), unsigned int cpu, bool fifo)
{
	struct task_struct *task;

	partner->stop = false;
	task = thread_create(work, partner, cpu, fifo);
	if (IS_ERR(task))
		return PTR_ERR(task);
	partner->task = task;
	wake_up_process(task);
	return 0;
}

void partner_stop(struct partner *partner)
{
	WRITE_ONCE(partner->stop, true);
	thread_join(partner->task);
}

static struct partner *spinners;
static unsigned int spinning;
static atomic_t arrived;

static int spin(void *argument)
{
	struct partner *self = argument;

	atomic_inc(&arrived);
	while (!READ_ONCE(self->stop))
		cpu_relax();
	return 0;
}

int spinners_start(void)
{
	unsigned int cpu;
	int error = 0;

	spinning = 0;
	atomic_set(&arrived, 0);
	spinners = kcalloc(num_online_cpus(), sizeof(*spinners), GFP_KERNEL);
	if (!spinners)
		return -ENOMEM;
	for_each_online_cpu(cpu) {
		if (cpu == HERE)
			continue;
		error = partner_start(&spinners[spinning], spin, cpu, false);
		if (error) {
			spinners_stop();
			return error;
		}
		spinning++;
	}
	while (atomic_read(&arrived) < spinning)
		cond_resched();
	return 0;
}

void spinners_stop(void)
{
	while (spinning)
		partner_stop(&spinners[--spinning]);
	kfree(spinners);
}
