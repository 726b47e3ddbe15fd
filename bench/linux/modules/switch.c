// SPDX-License-Identifier: MIT
/*
 * Switching between threads, and a thread's whole life. Threads that yield are of the class SCHED_FIFO: with equal
 * priorities each yield() is a switch there. Threads that block are of the normal class, where that is cheaper.
 */
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/semaphore.h>
#include "keel_bench.h"

static int run_yield_alone(struct meter *meter)
{
	meter_begin(meter, 1000, 1, 1);
	while (meter_next(meter)) {
		u64 start = meter_clock();

		for (u64 i = 0; i < meter->rounds; i++)
			yield();
		meter_take(meter, meter_clock() - start);
	}
	return 0;
}

const struct benchmark bench_yield_alone = {
	.name = "yield_alone",
	.what = "yield() by a SCHED_FIFO kernel thread with nobody else to run",
	.subtracted = METER_SUBTRACTED,
	.cores = 1,
	.fifo = true,
	.run = run_yield_alone,
};

static u64 turns;

static int yield_back(void *argument)
{
	struct partner *self = argument;

	while (!READ_ONCE(self->stop)) {
		turns++;
		yield();
	}
	return 0;
}

static int run_yield(struct meter *meter)
{
	struct partner other;
	u64 rounds = 0;
	int error;

	turns = 0;
	error = partner_start(&other, yield_back, HERE, true);
	if (error)
		return error;
	while (!READ_ONCE(turns))
		yield();
	/* One round is a switch there and a switch back. */
	meter_begin(meter, 1000, 2, 2);
	while (meter_next(meter)) {
		u64 start = meter_clock();

		for (u64 i = 0; i < meter->rounds; i++)
			yield();
		rounds += meter->rounds;
		meter_take(meter, meter_clock() - start);
	}
	partner_stop(&other);
	/* Without its turn in each round the figure would not be one of switches. */
	return turns >= rounds ? 0 : -EPROTO;
}

const struct benchmark bench_yield = {
	.name = "yield",
	.what = "switch to the other of two SCHED_FIFO kernel threads on one core, by yield()",
	.subtracted = METER_SUBTRACTED_LOOPS,
	.cores = 1,
	.fifo = true,
	.run = run_yield,
};

static struct semaphore ask, answer;

static int echo(void *argument)
{
	struct partner *self = argument;

	for (;;) {
		down(&ask);
		if (READ_ONCE(self->stop))
			return 0;
		up(&answer);
	}
}

int pingpong(struct meter *meter, unsigned int cpu)
{
	struct partner other;
	int error;

	sema_init(&ask, 0);
	sema_init(&answer, 0);
	error = partner_start(&other, echo, cpu, false);
	if (error)
		return error;
	meter_begin(meter, 1000, 1, 1);
	while (meter_next(meter)) {
		u64 start = meter_clock();

		for (u64 i = 0; i < meter->rounds; i++) {
			up(&ask);
			down(&answer);
		}
		meter_take(meter, meter_clock() - start);
	}
	WRITE_ONCE(other.stop, true);
	up(&ask);
	partner_stop(&other);
	return 0;
}

static int run_pingpong(struct meter *meter)
{
	return pingpong(meter, HERE);
}

const struct benchmark bench_pingpong = {
	.name = "pingpong",
	.what = "wake another kernel thread on the same core with a semaphore and wait until it wakes this one",
	.subtracted = METER_SUBTRACTED,
	.cores = 1,
	.run = run_pingpong,
};

static int say_that_it_runs(void *running)
{
	complete(running);
	return 0;
}

int spawn(struct meter *meter, unsigned int cpu)
{
	struct completion running;

	init_completion(&running);
	meter_begin_single(meter, 500, METER_WARM_UP);
	while (meter_next(meter)) {
		u64 start = meter_clock();
		struct task_struct *task = thread_create(say_that_it_runs, &running, cpu, false);

		if (IS_ERR(task))
			return PTR_ERR(task);
		wake_up_process(task);
		/* kthread_stop() takes back a thread that has not run yet. */
		wait_for_completion(&running);
		thread_join(task);
		meter_take(meter, meter_clock() - start);
		reinit_completion(&running);
	}
	return 0;
}

static int run_spawn(struct meter *meter)
{
	return spawn(meter, HERE);
}

const struct benchmark bench_spawn = {
	.name = "spawn",
	.what = "create an all but empty kernel thread on this core, wait until it runs, and join it with kthread_stop()",
	.subtracted = METER_SUBTRACTED_READINGS,
	.cores = 1,
	.run = run_spawn,
};
