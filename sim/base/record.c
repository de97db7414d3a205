/* SPDX-License-Identifier: BSD-3-Clause */
#include <rps/record.h>

#include "seam.h"

static const char *const seam_name[NUM_SEAMS] = {
#define SEAM(name, text) text,
#include "seam.def"
#undef SEAM
};

struct event_text {
	const char *name;
	const char *operand[3];
};

static const struct event_text event_text[RPS_NUM_EVENTS] = {
#define EVENT(name, a, b, c) { #name, { a, b, c } },
#include <rps/events.def>
#undef EVENT
};

const char *rps_seam_name(unsigned int seam)
{
	return seam < NUM_SEAMS ? seam_name[seam] : NULL;
}

const char *rps_event_name(unsigned int event)
{
	return event < RPS_NUM_EVENTS ? event_text[event].name : NULL;
}

const char *rps_event_operand(unsigned int event, unsigned int i)
{
	return event < RPS_NUM_EVENTS && i < 3 ? event_text[event].operand[i]
					       : "";
}
