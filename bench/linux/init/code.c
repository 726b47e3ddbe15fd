// SPDX-License-Identifier: MIT
/*
 * Changing the running kernel: modules, livepatches, cores. All of it waits: for RCU, for each task to leave the
 * kernel, for timers. The TSC goes on meanwhile, under -icount too, and that is right: it is what the caller waits for.
 */
#include "bench.h"
#include <fcntl.h>
#include <stddef.h>
#include <unistd.h>

#define PATCH "/sys/kernel/livepatch/patched/"
/* How often a wait of 1 ms is repeated before it is given up. */
#define PATIENCE 30000

/* Loads and unloads; samples either. */
static const char *load_and_unload(struct meter *meter, bool loading)
{
	meter_begin_single(meter, 20, 2);
	while (meter_next(meter)) {
		u64 start = meter_clock(), loaded;
		const char *wrong = module_load("/empty.ko");

		if (wrong)
			return wrong;
		loaded = meter_clock();
		wrong = module_unload("empty");
		if (wrong)
			return wrong;
		meter_take(meter, loading ? loaded - start : meter_clock() - loaded);
	}
	return NULL;
}

static const char *run_cell_stage(struct meter *meter)
{
	return load_and_unload(meter, true);
}

const struct benchmark bench_cell_stage = {
	.name = "cell_stage",
	.what = "load an empty module with finit_module(); most of it is waiting, and the clock counts that",
	.subtracted = METER_SUBTRACTED_READINGS,
	.subject = KERNEL,
	.cores = 1,
	.run = run_cell_stage,
};

static const char *run_cell_unload(struct meter *meter)
{
	return load_and_unload(meter, false);
}

const struct benchmark bench_cell_unload = {
	.name = "cell_unload",
	.what = "unload an empty module with delete_module(); most of it is waiting, and the clock counts that",
	.subtracted = METER_SUBTRACTED_READINGS,
	.subject = KERNEL,
	.cores = 1,
	.run = run_cell_unload,
};

/* Whether the patch is still on its way, in either direction. */
static bool in_transition(void)
{
	int file = open(PATCH "transition", O_RDONLY | O_CLOEXEC);
	char state = '0';

	/* Once disabled, the folder goes. */
	if (file < 0)
		return false;
	if (read(file, &state, 1) != 1)
		state = '0';
	close(file);
	return state == '1';
}

static const char *until_settled(useconds_t pause)
{
	for (int i = 0; i < PATIENCE && in_transition(); i++)
		usleep(pause);
	return in_transition() ? "the transition of the livepatch does not end" : NULL;
}

static const char *run_swap_whole(struct meter *meter)
{
	/* Without a warm-up: each takes seconds. */
	meter_begin_single(meter, 3, 0);
	while (meter_next(meter)) {
		u64 start = meter_clock(), end;
		const char *wrong = module_load("/patched.ko") ?: until_settled(200);

		end = meter_clock();
		if (!wrong)
			wrong = write_file(PATCH "enabled", "0") ?: until_settled(1000);
		for (int i = 0; !wrong && module_unload("patched"); i++) {
			usleep(1000);
			if (i == PATIENCE)
				wrong = "the disabled livepatch cannot be unloaded";
		}
		if (wrong)
			return wrong;
		meter_take(meter, end - start);
	}
	return NULL;
}

const struct benchmark bench_swap_whole = {
	.name = "swap_whole",
	.what = "livepatch of one function: from finit_module() until every task has changed over; most of it is waiting, "
		"and the clock counts that",
	.subtracted = METER_SUBTRACTED_READINGS,
	.subject = KERNEL,
	.cores = 1,
	.run = run_swap_whole,
};

/* Takes the other core away and brings it back; samples either. */
static const char *offline_and_online(struct meter *meter, bool leaving)
{
	static const char path[] = "/sys/devices/system/cpu/cpu1/online";

	meter_begin_single(meter, 8, 1);
	while (meter_next(meter)) {
		u64 start = meter_clock(), gone;
		const char *wrong = write_file(path, "0");

		gone = meter_clock();
		if (!wrong)
			wrong = write_file(path, "1");
		if (wrong)
			return wrong;
		meter_take(meter, leaving ? gone - start : meter_clock() - gone);
	}
	return NULL;
}

static const char *run_core_offline(struct meter *meter)
{
	return offline_and_online(meter, true);
}

const struct benchmark bench_core_offline = {
	.name = "core_offline",
	.what = "take one idle core out of use by /sys/devices/system/cpu; waiting counts",
	.subtracted = METER_SUBTRACTED_READINGS,
	.subject = KERNEL,
	.cores = 2,
	.run = run_core_offline,
};

static const char *run_core_online(struct meter *meter)
{
	return offline_and_online(meter, false);
}

const struct benchmark bench_core_online = {
	.name = "core_online",
	.what = "bring one core back into use by /sys/devices/system/cpu; waiting counts",
	.subtracted = METER_SUBTRACTED_READINGS,
	.subject = KERNEL,
	.cores = 2,
	.run = run_core_online,
};
