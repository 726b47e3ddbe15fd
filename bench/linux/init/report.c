// SPDX-License-Identifier: MIT
/*
 * Figures of samples, by the definitions of Keel's crate `statistics`: whole numbers, order statistics, nearest rank,
 * outliers counted and never removed. One line of JSON for each benchmark.
 */
#include "bench.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUANTILES 21

static int ascending(const void *left, const void *right)
{
	u64 a = *(const u64 *)left, b = *(const u64 *)right;

	return (a > b) - (a < b);
}

static u64 distance(u64 a, u64 b)
{
	return a > b ? a - b : b - a;
}

static u64 median(const u64 *sorted, size_t n)
{
	u64 upper = sorted[n / 2], lower = sorted[(n - 1) / 2];

	return lower + (upper - lower) / 2;
}

/* The smallest sample that at least so many percent of all do not exceed. */
static u64 percentile(const u64 *sorted, size_t n, unsigned int percent)
{
	return sorted[(n * percent + 99) / 100 - 1];
}

static u64 median_distance(const u64 *sorted, size_t n, u64 center)
{
	static u64 distances[METER_SAMPLES];

	for (size_t i = 0; i < n; i++)
		distances[i] = distance(sorted[i], center);
	qsort(distances, n, sizeof(*distances), ascending);
	return median(distances, n);
}

/* The modified z-score is above 3.5; a spread of 0 means "below one unit" and counts as 1. */
static bool is_outlier(u64 distance, u64 mad)
{
	return (unsigned __int128)distance * 6745 > (unsigned __int128)(mad ? mad : 1) * 35000;
}

static const char *subject_of(const struct benchmark *benchmark)
{
	return benchmark->subject ? benchmark->subject : USER;
}

/* Opens the object; its texts have neither quotes nor backslashes. */
static void print_head(const char *word, const struct benchmark *benchmark, const char *suffix)
{
	printf("%s {\"name\":\"%s%s\",\"subject\":\"%s\",\"what\":\"%s\",\"subtracted\":\"%s\",\"unit\":\"%s\"", word,
	       benchmark->name, suffix, subject_of(benchmark), benchmark->what, benchmark->subtracted,
	       benchmark->unit ? benchmark->unit : "cycles");
}

static void print_why(const char *word, const struct benchmark *benchmark, const char *suffix, const char *why)
{
	print_head(word, benchmark, suffix);
	printf(",\"why\":\"%s\"}\n", why);
	fflush(stdout);
}

void report_begin(const struct benchmark *benchmark, const char *suffix)
{
	printf("BEGIN %s %s%s\n", subject_of(benchmark), benchmark->name, suffix);
	fflush(stdout);
}

void report_figures(const struct benchmark *benchmark, const char *suffix, u64 *samples, size_t n)
{
	size_t outliers = 0;
	u64 middle, mad;

	if (!n || n > METER_SAMPLES) {
		report_failed(benchmark, suffix, "it took no samples");
		return;
	}
	qsort(samples, n, sizeof(*samples), ascending);
	middle = median(samples, n);
	mad = median_distance(samples, n, middle);
	for (size_t i = 0; i < n; i++)
		outliers += is_outlier(distance(samples[i], middle), mad);
	print_head("BENCH", benchmark, suffix);
	printf(",\"n\":%zu,\"min\":%llu,\"median\":%llu,\"p90\":%llu,\"p99\":%llu,\"max\":%llu,\"mad\":%llu,\"outliers\":%zu",
	       n, (unsigned long long)samples[0], (unsigned long long)middle,
	       (unsigned long long)percentile(samples, n, 90), (unsigned long long)percentile(samples, n, 99),
	       (unsigned long long)samples[n - 1], (unsigned long long)mad, outliers);
	for (size_t i = 0; i < QUANTILES; i++)
		printf("%s%llu", i ? "," : ",\"quantiles\":[", (unsigned long long)samples[(n - 1) * i / (QUANTILES - 1)]);
	printf("]}\n");
	fflush(stdout);
}

void report_skipped(const struct benchmark *benchmark, const char *suffix, const char *why)
{
	print_why("SKIPPED", benchmark, suffix, why);
}

void report_failed(const struct benchmark *benchmark, const char *suffix, const char *why)
{
	print_why("FAILED", benchmark, suffix, why);
}
