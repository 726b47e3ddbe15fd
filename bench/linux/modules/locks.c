// SPDX-License-Identifier: MIT
/* Locks that nobody else wants. */
#include <linux/mutex.h>
#include <linux/semaphore.h>
#include <linux/spinlock.h>
#include "keel_bench.h"

static DEFINE_MUTEX(mutex);
static DEFINE_SPINLOCK(spinlock);

static int run_mutex(struct meter *meter)
{
	meter_begin(meter, 1000, 1, 1);
	while (meter_next(meter)) {
		u64 start = meter_clock();

		for (u64 i = 0; i < meter->rounds; i++) {
			mutex_lock(&mutex);
			mutex_unlock(&mutex);
		}
		meter_take(meter, meter_clock() - start);
	}
	return 0;
}

const struct benchmark bench_mutex = {
	.name = "mutex",
	.what = "lock and unlock a free struct mutex",
	.subtracted = METER_SUBTRACTED,
	.cores = 1,
	.run = run_mutex,
};

static int run_spinlock(struct meter *meter)
{
	meter_begin(meter, 1000, 1, 1);
	while (meter_next(meter)) {
		u64 start = meter_clock();

		for (u64 i = 0; i < meter->rounds; i++) {
			unsigned long flags;

			spin_lock_irqsave(&spinlock, flags);
			spin_unlock_irqrestore(&spinlock, flags);
		}
		meter_take(meter, meter_clock() - start);
	}
	return 0;
}

const struct benchmark bench_spinlock = {
	.name = "spinlock",
	.what = "lock and unlock a free spinlock_t with spin_lock_irqsave()",
	.subtracted = METER_SUBTRACTED,
	.cores = 1,
	.run = run_spinlock,
};

static int run_semaphore(struct meter *meter)
{
	struct semaphore semaphore;

	sema_init(&semaphore, 1);
	meter_begin(meter, 1000, 1, 1);
	while (meter_next(meter)) {
		u64 start = meter_clock();

		for (u64 i = 0; i < meter->rounds; i++) {
			down(&semaphore);
			up(&semaphore);
		}
		meter_take(meter, meter_clock() - start);
	}
	return 0;
}

const struct benchmark bench_semaphore = {
	.name = "semaphore",
	.what = "down() and up() of a free struct semaphore",
	.subtracted = METER_SUBTRACTED,
	.cores = 1,
	.run = run_semaphore,
};
