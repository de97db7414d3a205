/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What happened, in order: the last LOG_RECORDS accesses and events.
 */
#ifndef RPS_LOG_H
#define RPS_LOG_H

#include <rps/probe.h>

#include "../base/seam.h"

#define LOG_RECORDS (1u << 16)

enum log_kind {
	LOG_LOAD,
	LOG_ACQUIRE,
	LOG_STORE,
	LOG_PUBLISH,
	LOG_FENCE,
	LOG_COPY_IN,
	LOG_COPY_OUT,
	LOG_EVENT,
};

struct log_record {
	uint64_t step;
	uint32_t end;
	uint8_t kind;
	uint8_t what; /* enum seam, or enum rps_event */
	uint64_t a;   /* peer address, or first operand */
	uint64_t b;   /* value in host order, digest, or second operand */
	uint64_t c;   /* bytes, or third operand */
};

struct log {
	struct log_record *record; /* LOG_RECORDS entries, a ring */
	uint64_t count;            /* ever written */
};

/* What the text calls each place, by enum seam. */
extern const char *const log_seam_name[NUM_SEAMS];

int log_init(struct log *log);
void log_finish(struct log *log);
void log_add(struct log *log, const struct log_record *record);

/* Return: bytes of the whole text; @buf gets what fits, terminated. */
size_t log_text(const struct log *log, char *buf, size_t size);

#endif
