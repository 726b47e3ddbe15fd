/* SPDX-License-Identifier: MIT */
/*
 * How a short operation is timed: the same rules as Keel's own benchmarks follow, so that both kernels' figures mean
 * the same. For the module and for init.
 *
 * A batch is a loop over the operation between two readings of the TSC. Its length is the shortest power of two with
 * which it takes at least 100 times as long as the two readings; where one operation is long enough, each is a sample
 * of its own. The same loop with nothing in it is taken out: the fastest of 32.
 *
 *	while (meter_next(meter)) {
 *		u64 start = meter_clock();
 *
 *		for (u64 i = 0; i < meter->rounds; i++)
 *			operation();
 *		meter_take(meter, meter_clock() - start);
 *	}
 *
 * The loop is written out in each benchmark: a call by pointer inside it would weigh more than some operations do.
 */
#ifndef METER_H
#define METER_H

#ifdef __KERNEL__
#include <linux/compiler.h>
#include <linux/types.h>
#else
#include <stdbool.h>
#include <stdint.h>
typedef uint64_t u64;
#define barrier() __asm__ volatile("" ::: "memory")
#define noinline __attribute__((noinline))
#endif

/* Most samples of one benchmark. */
#define METER_SAMPLES 1000

#define METER_ABOVE_OVERHEAD 100
#define METER_LONGEST (1 << 20)
#define METER_EMPTY_LOOPS 32
#define METER_WARM_UP 8

#define METER_SUBTRACTED "the loop and two TSC readings: fastest of 32 empty loops, same length, same run"
#define METER_SUBTRACTED_LOOPS \
	"the loops of both tasks and two TSC readings: fastest of 32 empty loops, same length, same run"
#define METER_SUBTRACTED_READINGS "two TSC readings: fastest of 32 empty pairs, same run"
#define METER_SUBTRACTED_NOTHING "nothing"

struct meter {
	u64 *samples;		/* cycles per operation; room for METER_SAMPLES */
	unsigned int taken;	/* so many samples there are */
	unsigned int wanted;	/* so many there will be */
	u64 rounds;		/* how often the benchmark's loop runs */
	u64 operations;		/* in one round */
	u64 loops;		/* equal loops that are to be taken out of one round */
	u64 overhead;		/* of one batch */
	u64 enough;		/* cycles of a batch that is long enough; 0: its length is settled */
	bool touched;		/* one batch of this length has run */
	unsigned int warm_up;	/* batches that do not count yet */
};

/* The time-stamp counter, read after all before it and before all after it. */
static inline u64 meter_clock(void)
{
	unsigned int low, high;

	__asm__ volatile("lfence; rdtsc; lfence" : "=a"(low), "=d"(high) : : "memory");
	return (u64)high << 32 | low;
}

/* Cycles of the fastest of several loops of this length with nothing in them. */
static noinline __attribute__((unused)) u64 meter_empty(u64 rounds)
{
	u64 fastest = ~0ull;

	for (int i = 0; i < METER_EMPTY_LOOPS; i++) {
		u64 start = meter_clock(), cycles;

		for (u64 round = 0; round < rounds; round++)
			barrier();
		cycles = meter_clock() - start;
		if (cycles < fastest)
			fastest = cycles;
	}
	return fastest;
}

/* Begins a series of batches whose length is found by trying. */
static inline __attribute__((unused)) void meter_begin(struct meter *meter, unsigned int wanted, u64 operations,
						       u64 loops)
{
	meter->taken = 0;
	meter->wanted = wanted < METER_SAMPLES ? wanted : METER_SAMPLES;
	meter->rounds = 1;
	meter->operations = operations;
	meter->loops = loops;
	meter->enough = METER_ABOVE_OVERHEAD * meter_empty(0);
	meter->touched = false;
	meter->warm_up = METER_WARM_UP;
}

/* Begins a series of long operations: each is a sample, and only the first few do not count. */
static inline __attribute__((unused)) void meter_begin_single(struct meter *meter, unsigned int wanted,
							      unsigned int warm_up)
{
	meter_begin(meter, wanted, 1, 1);
	meter->enough = 0;
	meter->overhead = meter_empty(1);
	meter->warm_up = warm_up;
}

/* Whether another batch is needed. */
static inline bool meter_next(const struct meter *meter)
{
	return meter->taken < meter->wanted;
}

/* Takes in the cycles of one batch. */
static noinline __attribute__((unused)) void meter_take(struct meter *meter, u64 cycles)
{
	if (meter->enough) {
		/* The second time counts, so that a first touch does not pass for a long operation. */
		if (!meter->touched) {
			meter->touched = true;
		} else if (cycles >= meter->enough || meter->rounds >= METER_LONGEST) {
			meter->overhead = meter->loops * meter_empty(meter->rounds);
			meter->enough = 0;
		} else {
			meter->rounds *= 2;
			meter->touched = false;
		}
	} else if (meter->warm_up) {
		meter->warm_up--;
	} else {
		u64 rest = cycles > meter->overhead ? cycles - meter->overhead : 0;

		meter->samples[meter->taken++] = rest / (meter->rounds * meter->operations);
	}
}

#endif
