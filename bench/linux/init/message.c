// SPDX-License-Identifier: MIT
/* Messages through pipes: one byte there and back, and many senders to many receivers (hackbench). */
#include "bench.h"
#include <sched.h>
#include <string.h>
#include <unistd.h>

static int questions[2], answers[2];

static void *echo(void *unused)
{
	char byte;

	while (read(questions[0], &byte, 1) == 1 && write(answers[1], &byte, 1) == 1)
		continue;
	return unused;
}

static const char *message(struct meter *meter, unsigned int core, bool fifo)
{
	const char *wrong = NULL;
	pthread_t other;

	if (pipe(questions) || pipe(answers))
		return error_of("pipe");
	wrong = thread_start(&other, echo, NULL, core, fifo);
	if (wrong)
		return wrong;
	meter_begin(meter, 1000, 1, 1);
	while (!wrong && meter_next(meter)) {
		u64 start = meter_clock();

		for (u64 i = 0; i < meter->rounds; i++) {
			char sent = i, received;

			if (write(questions[1], &sent, 1) != 1 || read(answers[0], &received, 1) != 1 ||
			    received != sent)
				wrong = "the byte was lost or changed";
		}
		meter_take(meter, meter_clock() - start);
	}
	close(questions[1]);
	pthread_join(other, NULL);
	return wrong;
}

static const char *run_message(struct meter *meter)
{
	return message(meter, HERE, true);
}

const struct benchmark bench_message = {
	.name = "message",
	.what = "send one byte through a pipe to another thread of the process on the same core and read its answer "
		"from another",
	.subtracted = METER_SUBTRACTED,
	.cores = 1,
	.fifo = true,
	.run = run_message,
};

static const char *run_message_cross(struct meter *meter)
{
	return message(meter, THERE, false);
}

const struct benchmark bench_message_cross = {
	.name = "message_cross",
	.what = "send one byte through a pipe to a thread of the process on another, idle core and read its answer "
		"from another",
	.subtracted = METER_SUBTRACTED,
	.cores = 2,
	.run = run_message_cross,
};

#define GROUPS 20
#define SIDE 20		/* senders, and as many receivers, in a group */
#define ROUNDS 2	/* messages from each sender to each receiver of its group */
#define SIZE 100	/* bytes in a message */

static int pipes[GROUPS][SIDE][2];
static pthread_t threads[GROUPS][2 * SIDE];
static unsigned int ready, start_word, broken;
/* Whether each thread wakes the next one; otherwise one call wakes all. */
static bool chained;

static void wait_for_start(void)
{
	__atomic_fetch_add(&ready, 1, __ATOMIC_RELEASE);
	word_wait(&start_word, 0);
	if (chained)
		word_set(&start_word, 1);
}

static void *sender(void *argument)
{
	int (*group)[2] = argument;
	char message[SIZE] = "message";

	wait_for_start();
	for (int round = 0; round < ROUNDS; round++)
		for (int receiver = 0; receiver < SIDE; receiver++)
			if (write(group[receiver][1], message, SIZE) != SIZE)
				broken = 1;
	return NULL;
}

static void *receiver(void *argument)
{
	int *ends = argument;
	char message[SIZE];

	wait_for_start();
	for (int count = 0; count < ROUNDS * SIDE; count++)
		/* Writes of so few bytes are whole, so reads of as many are. */
		if (read(ends[0], message, SIZE) != SIZE)
			broken = 1;
	return NULL;
}

/* Makes the threads, starts them, waits for all; gives the nanoseconds from the start to the last one's end. */
static const char *storm(u64 *duration)
{
	pthread_attr_t attributes;
	cpu_set_t cores;
	u64 begin;

	CPU_ZERO(&cores);
	for (unsigned int core = 0; core < cores_online(); core++)
		CPU_SET(core, &cores);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 64 << 10);
	pthread_attr_setaffinity_np(&attributes, sizeof(cores), &cores);
	ready = start_word = 0;
	for (int group = 0; group < GROUPS; group++)
		for (int i = 0; i < SIDE; i++)
			if (pthread_create(&threads[group][i], &attributes, receiver, pipes[group][i]) ||
			    pthread_create(&threads[group][SIDE + i], &attributes, sender, pipes[group]))
				return "pthread_create failed";
	while (__atomic_load_n(&ready, __ATOMIC_ACQUIRE) < GROUPS * 2 * SIDE)
		usleep(1000);
	/* The last of them may not sleep yet. */
	usleep(20000);
	begin = nanoseconds();
	if (chained)
		word_set(&start_word, 1);
	else
		word_set_for_all(&start_word, 1);
	for (int group = 0; group < GROUPS; group++)
		for (int i = 0; i < 2 * SIDE; i++)
			pthread_join(threads[group][i], NULL);
	*duration = nanoseconds() - begin;
	return broken ? "a message was lost or cut" : NULL;
}

#define STORMS 3

static const char *storms(struct meter *meter)
{
	meter_begin_single(meter, STORMS, 1);
	/* In nanoseconds, not cycles. */
	meter->overhead = 0;
	while (meter_next(meter)) {
		u64 duration;
		const char *wrong = storm(&duration);

		if (wrong)
			return wrong;
		meter_take(meter, duration);
	}
	return NULL;
}

static u64 sum(const u64 *samples)
{
	u64 all = 0;

	for (int i = 0; i < STORMS; i++)
		all += samples[i];
	return all;
}

/*
 * One call that wakes all is the faster start where each of the guest's cores has one of the host's; where it has not, 800
 * threads that are woken together hinder each other, and a chain is several times as fast.
 */
static const char *run_hackbench(struct meter *meter)
{
	u64 at_once[STORMS];
	const char *wrong;

	for (int group = 0; group < GROUPS; group++)
		for (int i = 0; i < SIDE; i++)
			if (pipe(pipes[group][i]))
				return error_of("pipe");
	chained = false;
	wrong = storms(meter);
	if (wrong)
		return wrong;
	memcpy(at_once, meter->samples, sizeof(at_once));
	chained = true;
	wrong = storms(meter);
	if (!wrong && sum(at_once) < sum(meter->samples))
		memcpy(meter->samples, at_once, sizeof(at_once));
	return wrong;
}

const struct benchmark bench_hackbench = {
	.name = "hackbench",
	.what = "20 groups of 20 senders and 20 receivers, threads of one process on all cores: "
		"each sender writes 2 messages of 100 bytes to the pipe of each receiver of its group; "
		"the whole, without making the threads; started at once or in a chain, whichever is faster",
	.subtracted = METER_SUBTRACTED_NOTHING,
	.unit = "ns",
	.cores = 1,
	.run = run_hackbench,
};
