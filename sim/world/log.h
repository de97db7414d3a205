/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What happened, in order: the last LOG_RECORDS accesses and events.
 */
#ifndef RPS_LOG_H
#define RPS_LOG_H

#include <rps/record.h>

#include "../base/seam.h"

#define LOG_RECORDS (1u << 16)

struct log {
	struct rps_record *record; /* LOG_RECORDS entries, a ring */
	uint64_t count;            /* ever written */
};

int log_init(struct log *log);
void log_finish(struct log *log);
void log_add(struct log *log, const struct rps_record *record);

/* Return: bytes of the whole text; @buf gets what fits, terminated. */
size_t log_text(const struct log *log, char *buf, size_t size);

/* Return: records that are kept; @out gets the oldest @max of them. */
size_t log_records(const struct log *log, struct rps_record *out, size_t max);

#endif
