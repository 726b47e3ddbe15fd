/* SPDX-License-Identifier: MIT */
/*
 * How init asks the module for its benchmarks: two calls of ioctl on /proc/keel_bench, one that names a benchmark and
 * one that runs it. The module gives raw samples: there is one place that makes figures of samples, in init.
 */
#ifndef PROTOCOL_H
#define PROTOCOL_H

#include "meter.h"
#ifdef __KERNEL__
#include <linux/ioctl.h>
#else
#include <sys/ioctl.h>
#endif

#define PROTOCOL_PATH "/proc/keel_bench"

struct protocol_name {
	unsigned int index;	/* which benchmark: set by the caller */
	unsigned int cores;	/* how many it needs */
	char name[32];
	char what[240];
	char subtracted[120];
};

struct protocol_run {
	unsigned int index;	/* which benchmark: set by the caller */
	unsigned int taken;	/* how many samples there are */
	u64 samples[METER_SAMPLES];
};

/* ENOENT: there are no more. */
#define PROTOCOL_NAME _IOWR('K', 1, struct protocol_name)
#define PROTOCOL_RUN _IOWR('K', 2, struct protocol_run)

#endif
