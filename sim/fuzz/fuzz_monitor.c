/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The monitor, fed with any records: those of a hostile end, or of a trace that
 * somebody else recorded.
 *
 * Input: a byte of enum mode_bit, then records: end, kind, what, and how each
 * of the three values is made, two bits each, behind which they follow.
 */
#include <rps/monitor.h>

#include <string.h>

#include "fuzz.h"

#define RECORDS_MAX 512u
#define NUM         8u
#define BASE        UINT64_C(0x10000)

enum mode_bit {
	MODE_JUDGED = 0x03,   /* by end */
	MODE_OBSERVED = 0x0c, /* by end */
	MODE_ACCESSES = 0x10,
	MODE_STARTED = 0x20, /* both ends have two rings of 8 entries */
};

/* One stream, two readers: one record at a time, and all of them at once. */
struct monitor_fuzz {
	struct rps_monitor_config config;
	struct rps_record record[RECORDS_MAX];
	uint32_t count;
};

static void add(struct monitor_fuzz *fuzz, struct rps_record record)
{
	if (fuzz->count == RECORDS_MAX)
		return;
	record.step = fuzz->count;
	fuzz->record[fuzz->count++] = record;
}

static void start_rings(struct monitor_fuzz *fuzz)
{
	for (unsigned int i = 0; i < 4; i++) {
		struct rps_record record = {
			.end = (uint8_t)(i & 1),
			.kind = RPS_RECORD_EVENT,
			.what = RPS_EVENT_ring_start,
			.a = i >> 1,
			.b = NUM,
		};

		add(fuzz, record);
		record.what = RPS_EVENT_ring_place;
		for (record.b = 0; record.b < 3; record.b++) {
			record.c = BASE * (1 + record.a) + 0x100 * record.b;
			add(fuzz, record);
		}
	}
}

static uint64_t take_value(struct fuzz_input *in, unsigned int how)
{
	switch (how & 3) {
	case 0:
		return 0;
	case 1:
		return fuzz_u8(in);
	case 2:
		return BASE + fuzz_u16(in);
	default:
		return fuzz_u64(in);
	}
}

static void take_record(struct monitor_fuzz *fuzz, struct fuzz_input *in)
{
	struct rps_record record = {
		.end = fuzz_u8(in),
		.kind = fuzz_u8(in),
		.what = fuzz_u8(in),
	};
	uint8_t how = fuzz_u8(in);

	record.a = take_value(in, how);
	record.b = take_value(in, how >> 2);
	record.c = take_value(in, how >> 4);
	add(fuzz, record);
}

/* A finding is of a rule that can be judged, and of an end that is. */
static void check(const struct monitor_fuzz *fuzz,
		  const struct rps_monitor *monitor,
		  const struct rps_finding *found)
{
	struct rps_rule_info info;

	fuzz_require(rps_monitor_rule(found->rule, &info));
	fuzz_require(found->end < 2 &&
		     fuzz->config.judged & (1u << found->end));
	fuzz_require(found->queue < 2 || found->queue == RPS_NO_QUEUE);
	fuzz_require(found->step < fuzz->count);
	fuzz_require(info.needs != RPS_RULE_ACCESSES || fuzz->config.accesses);
	fuzz_require(info.needs != RPS_RULE_BOTH_ENDS ||
		     fuzz->config.observed == 3);
	fuzz_require(rps_monitor_exercised(monitor, found->rule, found->end) >
		     0);
}

static size_t judge(const struct monitor_fuzz *fuzz, bool at_once,
		    struct rps_finding *found)
{
	struct rps_monitor *monitor = rps_monitor_create(&fuzz->config);
	size_t count;

	fuzz_require(monitor != NULL);
	if (at_once)
		rps_monitor_feed_all(monitor, fuzz->record, fuzz->count);
	for (uint32_t i = 0; !at_once && i < fuzz->count; i++) {
		count = rps_monitor_findings(monitor, NULL, 0);
		rps_monitor_feed(monitor, &fuzz->record[i]);
		fuzz_require(rps_monitor_findings(monitor, NULL, 0) >= count);
	}
	rps_monitor_rest(monitor);
	count = rps_monitor_findings(monitor, found, RPS_FINDINGS_MAX);
	for (size_t i = 0; i < count && i < RPS_FINDINGS_MAX; i++)
		check(fuzz, monitor, &found[i]);
	rps_monitor_destroy(monitor);
	return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len_bytes)
{
	static struct monitor_fuzz fuzz;
	static struct rps_finding one_by_one[RPS_FINDINGS_MAX];
	static struct rps_finding at_once[RPS_FINDINGS_MAX];
	struct fuzz_input in = { data, len_bytes };
	uint8_t mode = fuzz_u8(&in);

	memset(&fuzz, 0, sizeof(fuzz));
	memset(one_by_one, 0, sizeof(one_by_one));
	memset(at_once, 0, sizeof(at_once));
	fuzz.config = (struct rps_monitor_config){
		.judged = mode & MODE_JUDGED,
		.observed = (uint32_t)(mode & MODE_OBSERVED) >> 2,
		.accesses = mode & MODE_ACCESSES,
		.num_max = NUM,
	};
	if (mode & MODE_STARTED)
		start_rings(&fuzz);
	while (in.left_bytes > 0 && fuzz.count < RECORDS_MAX)
		take_record(&fuzz, &in);
	fuzz_require(judge(&fuzz, false, one_by_one) ==
		     judge(&fuzz, true, at_once));
	fuzz_require(memcmp(one_by_one, at_once, sizeof(at_once)) == 0);
	return 0;
}
