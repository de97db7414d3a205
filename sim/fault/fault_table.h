/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The table of faults, as the plan reads it.
 */
#ifndef RPS_FAULT_TABLE_H
#define RPS_FAULT_TABLE_H

#include <rps/fault.h>

#include "../base/seam.h"

enum fault_kind {
	FAULT_STORE,
	FAULT_REWRITE,
	FAULT_LOSE,
	FAULT_LATE,
	FAULT_TWICE,
	FAULT_SPURIOUS,
	FAULT_PAUSE,
	FAULT_DIE,
	FAULT_RESET,
	FAULT_DIRTY,
	FAULT_STORM,
	FAULT_CHURN,
	FAULT_FULL,
};

enum fault_judged {
	JUDGED_DRIVER = 1,
	JUDGED_DEVICE = 2,
	JUDGED_BOTH = JUDGED_DRIVER | JUDGED_DEVICE,
};

enum fault_side {
	SIDE_IN,
	SIDE_OUT,
};

enum fault_how {
	HOW_SET,
	HOW_ADD,
	HOW_XOR,
	HOW_NUM,
	HOW_JUMP,
	HOW_BUF,
	HOW_END,
	HOW_SELF,
	HOW_PREVIOUS,
	HOW_FILL,
};

enum fault_field {
#define FIELD(name, text, seam, at, bytes) FIELD_##name,
#include "fields.def"
#undef FIELD
	NUM_FIELDS
};

enum rps_fault {
	FAULT_NUMBER_none,
#define FAULT(name, kind, judged, side, field, nth, how, value, content,       \
	      after, requirements, what)                                       \
	FAULT_NUMBER_##name,
#include "faults.def"
#undef FAULT
	NUM_FAULTS
};

struct fault_place {
	enum seam seam;
	uint32_t at;
	uint32_t bytes;
};

struct fault_row {
	const char *name;
	enum fault_kind kind;
	enum fault_judged judged;
	enum fault_side side;
	enum fault_field field;
	enum fault_how how;
	uint64_t value;
};

/* A profile: one of @one_of faults of @kinds, each at one of @rates rates. */
struct fault_swarm {
	const char *name;
	uint32_t one_of;
	uint32_t rates;
	uint32_t kinds; /* a bit for each enum fault_kind */
};

#define NUM_SWARMS 4u

extern const struct fault_place fault_place[NUM_FIELDS];
extern const struct fault_row fault_row[NUM_FAULTS];
extern const struct fault_swarm fault_swarm[NUM_SWARMS];

#endif
