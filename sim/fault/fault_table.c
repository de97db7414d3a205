/* SPDX-License-Identifier: BSD-3-Clause */
#include "fault_table.h"

#include <string.h>

const struct fault_place fault_place[NUM_FIELDS] = {
#define FIELD(name, text, seam, at, bytes) { SEAM_##seam, at, bytes },
#include "fields.def"
#undef FIELD
};

const struct fault_row fault_row[NUM_FAULTS] = {
	{ .name = "" },
#define FAULT(name, kind, judged, side, field, nth, how, value, content,        \
	      after, requirements, what)                                        \
	{ #name,     FAULT_##kind, JUDGED_##judged, SIDE_##side, FIELD_##field, \
	  HOW_##how, value },
#include "faults.def"
#undef FAULT
};

const struct fault_swarm fault_swarm[] = {
#define KIND(kind)                        (1u << FAULT_##kind)
#define SWARM(name, one_of, rates, kinds) { #name, one_of, rates, kinds },
#include "swarm.def"
#undef SWARM
#undef KIND
};

static const char *const field_name[NUM_FIELDS] = {
#define FIELD(name, text, seam, at, bytes) text,
#include "fields.def"
#undef FIELD
};

/* The words for a reader; where the field is in its record is added later. */
static const struct rps_fault_info info[NUM_FAULTS] = {
	{ .name = "" },
#define FAULT(name, kind, judged, side, field, nth, how, value, content,       \
	      after, requirements, what)                                       \
	{ #name,  #kind,        #judged, #side, NULL, #how, #content,          \
	  #after, requirements, what,    value, nth,  0,    0 },
#include "faults.def"
#undef FAULT
};

uint32_t rps_fault_find(const char *name)
{
	for (uint32_t i = 1; i < NUM_FAULTS; i++) {
		if (strcmp(info[i].name, name) == 0)
			return i;
	}
	return 0;
}

bool rps_fault_get(uint32_t number, struct rps_fault_info *out)
{
	enum fault_field field;

	if (number == 0 || number >= NUM_FAULTS)
		return false;
	field = fault_row[number].field;
	*out = info[number];
	out->field = field_name[field];
	out->field_at = fault_place[field].at;
	out->field_bytes = fault_place[field].bytes;
	return true;
}

const char *rps_swarm_name(uint32_t index)
{
	return index < NUM_SWARMS ? fault_swarm[index].name : NULL;
}
