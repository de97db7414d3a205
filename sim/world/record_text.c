/* SPDX-License-Identifier: BSD-3-Clause */
#include <rps/world.h>

#include <inttypes.h>
#include <stdio.h>

static const char *const end_name[] = { "driver", "device" };

static const char *const kind_name[] = {
	[RPS_RECORD_LOAD] = "load",         [RPS_RECORD_ACQUIRE] = "acquire",
	[RPS_RECORD_STORE] = "store",       [RPS_RECORD_PUBLISH] = "publish",
	[RPS_RECORD_FENCE] = "fence",       [RPS_RECORD_COPY_IN] = "copy_in",
	[RPS_RECORD_COPY_OUT] = "copy_out",
};

static int event_line(char *line, const struct rps_record *record)
{
	uint64_t value[3] = { record->a, record->b, record->c };
	int len = snprintf(line, RPS_RECORD_TEXT, "%8" PRIu64 " %s %s",
			   record->step, end_name[record->end],
			   rps_event_name(record->what));

	for (unsigned int i = 0; i < 3; i++) {
		const char *name = rps_event_operand(record->what, i);

		if (*name)
			len += snprintf(line + len,
					RPS_RECORD_TEXT - (size_t)len,
					" %s 0x%" PRIx64, name, value[i]);
	}
	len += snprintf(line + len, RPS_RECORD_TEXT - (size_t)len, "\n");
	return len;
}

int rps_record_text(const struct rps_record *record, char line[RPS_RECORD_TEXT])
{
	switch ((enum rps_record_kind)record->kind) {
	case RPS_RECORD_EVENT:
		return event_line(line, record);
	case RPS_RECORD_FENCE:
		return snprintf(line, RPS_RECORD_TEXT,
				"%8" PRIu64 " %s fence\n", record->step,
				end_name[record->end]);
	case RPS_RECORD_COPY_IN:
	case RPS_RECORD_COPY_OUT:
		return snprintf(line, RPS_RECORD_TEXT,
				"%8" PRIu64 " %s %s %s @%" PRIx64 " %" PRIu64
				" bytes digest %08" PRIx64 "\n",
				record->step, end_name[record->end],
				kind_name[record->kind],
				rps_seam_name(record->what), record->a,
				record->c, record->b);
	case RPS_RECORD_LOAD:
	case RPS_RECORD_ACQUIRE:
	case RPS_RECORD_STORE:
	case RPS_RECORD_PUBLISH:
		break;
	}
	return snprintf(line, RPS_RECORD_TEXT,
			"%8" PRIu64 " %s %s %s @%" PRIx64 " = 0x%" PRIx64 "\n",
			record->step, end_name[record->end],
			kind_name[record->kind], rps_seam_name(record->what),
			record->a, record->b);
}
