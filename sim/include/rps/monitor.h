/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The monitor: a third reading of the rules of rings and RPMsg, by what the
 * ends do.  It looks at records alone, as they happen or from a file, and
 * shares nothing with the ends but the layout of a ring.
 */
#ifndef RPS_MONITOR_H
#define RPS_MONITOR_H

#include <rps/record.h>

/* How many findings are kept; later ones are only counted. */
#define RPS_FINDINGS_MAX 64u

struct rps_monitor;

/**
 * struct rps_monitor_config - what is known of a stream of records.
 * @judged:   bit per end (1 << RPS_END_DRIVER, 1 << RPS_END_DEVICE) whose
 *            faults are findings; the other end may do as it likes.
 * @observed: bit per end that the records come from; what another end did is
 *            inferred from what its peer saw.
 * @accesses: the stream has accesses to memory, not events alone; rules about
 *            their order are judged by nothing else.
 * @vendor:   feature bits 1 to 23 that a profile gives a meaning to.
 * @num_max:  entries of the largest ring, 0 for the largest that there can
 *            be; a larger one is not judged.
 * @num_endpoints: endpoints of an end whose lives are followed; 0 for 4096, the
 *            most.
 */
struct rps_monitor_config {
	uint32_t judged;
	uint32_t observed;
	uint64_t vendor;
	uint32_t num_max;
	uint32_t num_endpoints;
	bool accesses;
};

/* Return: a monitor to be given to rps_monitor_destroy(); NULL without memory.
 * Nothing is allocated after this. */
RPS_API struct rps_monitor *
rps_monitor_create(const struct rps_monitor_config *config);
RPS_API void rps_monitor_destroy(struct rps_monitor *monitor);

/**
 * rps_monitor_feed() - look at the next record.
 * @record: whatever it says; the monitor keeps its bounds.
 *
 * Takes the same short time for each record.
 */
RPS_API void rps_monitor_feed(struct rps_monitor *monitor,
			      const struct rps_record *record);

/* The same for @count records in order. */
RPS_API void rps_monitor_feed_all(struct rps_monitor *monitor,
				  const struct rps_record *record,
				  size_t count);

/**
 * rps_monitor_rest() - nothing is on its way any more, and nobody goes on by
 * itself: what should have happened by now has not.
 *
 * Judges what is pending; the stream may go on after that.
 */
RPS_API void rps_monitor_rest(struct rps_monitor *monitor);

/* One broken rule.  The same rule is told once for each end and queue until
 * the ring is started again: what follows from a fault is no further fault. */
struct rps_finding {
	uint64_t step;
	uint64_t ns;
	uint64_t expected; /* in units of the rule's quantity */
	uint64_t observed;
	uint32_t rule; /* number, for rps_monitor_rule() */
	uint8_t end;
	uint8_t queue; /* RPS_NO_QUEUE where the rule is about none */
};

#define RPS_NO_QUEUE 0xffu

/* Return: findings since creation; fills the first @max that were kept. */
RPS_API size_t rps_monitor_findings(const struct rps_monitor *monitor,
				    struct rps_finding *out, size_t max);

/* What a rule can be judged by. */
enum rps_rule_needs {
	RPS_RULE_EVENTS,   /* any stream */
	RPS_RULE_ACCESSES, /* a stream with accesses */
	RPS_RULE_BOTH_ENDS /* a stream with events of both ends */
};

struct rps_rule_info {
	const char *name;
	const char *requirement;
	const char *role; /* "driver", "device" or "both" */
	const char *says;
	const char *quantity; /* what expected and observed are */
	enum rps_rule_needs needs;
};

/* Return: false past the last rule; numbers start at 0. */
RPS_API bool rps_monitor_rule(uint32_t number, struct rps_rule_info *out);

/* Return: how often an end met what the rule is about and was judged by it;
 * 0 means that nothing can be said, not that all is well. */
RPS_API uint64_t rps_monitor_exercised(const struct rps_monitor *monitor,
				       uint32_t rule, uint32_t end);

/**
 * rps_monitor_spoiled() - why rules of a queue are no longer judged.
 *
 * Once an end has broken a rule that others build on, or memory was changed
 * by nobody's access, the rest of the queue says nothing about its peer until
 * it is started again.
 *
 * Return: NULL while all are judged, else a few words.
 */
RPS_API const char *rps_monitor_spoiled(const struct rps_monitor *monitor,
					uint32_t queue);

#endif
