/* SPDX-License-Identifier: BSD-3-Clause */
#include "log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define LINE_BYTES 160

int log_init(struct log *log)
{
	log->count = 0;
	log->record = calloc(LOG_RECORDS, sizeof(*log->record));
	return log->record ? 0 : -ENOMEM;
}

void log_finish(struct log *log)
{
	free(log->record);
	log->record = NULL;
}

void log_add(struct log *log, const struct rps_record *record)
{
	log->record[log->count++ % LOG_RECORDS] = *record;
}

static const char *const end_name[] = { "driver", "device" };

static const char *const kind_name[] = {
	[RPS_RECORD_LOAD] = "load",         [RPS_RECORD_ACQUIRE] = "acquire",
	[RPS_RECORD_STORE] = "store",       [RPS_RECORD_PUBLISH] = "publish",
	[RPS_RECORD_FENCE] = "fence",       [RPS_RECORD_COPY_IN] = "copy_in",
	[RPS_RECORD_COPY_OUT] = "copy_out",
};

static int event_line(char *line, size_t size, const struct rps_record *record)
{
	uint64_t value[3] = { record->a, record->b, record->c };
	int len = snprintf(line, size, "%8" PRIu64 " %s %s", record->step,
			   end_name[record->end], rps_event_name(record->what));

	for (unsigned int i = 0; i < 3; i++) {
		const char *name = rps_event_operand(record->what, i);

		if (*name)
			len += snprintf(line + len, size - (size_t)len,
					" %s 0x%" PRIx64, name, value[i]);
	}
	len += snprintf(line + len, size - (size_t)len, "\n");
	return len;
}

static int record_line(char *line, size_t size, const struct rps_record *record)
{
	switch ((enum rps_record_kind)record->kind) {
	case RPS_RECORD_EVENT:
		return event_line(line, size, record);
	case RPS_RECORD_FENCE:
		return snprintf(line, size, "%8" PRIu64 " %s fence\n",
				record->step, end_name[record->end]);
	case RPS_RECORD_COPY_IN:
	case RPS_RECORD_COPY_OUT:
		return snprintf(line, size,
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
	return snprintf(line, size,
			"%8" PRIu64 " %s %s %s @%" PRIx64 " = 0x%" PRIx64 "\n",
			record->step, end_name[record->end],
			kind_name[record->kind], rps_seam_name(record->what),
			record->a, record->b);
}

size_t log_text(const struct log *log, char *buf, size_t size)
{
	uint64_t first =
		log->count > LOG_RECORDS ? log->count - LOG_RECORDS : 0;
	size_t total = 0;

	if (size > 0)
		buf[0] = '\0';
	for (uint64_t i = first; i < log->count; i++) {
		char line[LINE_BYTES];
		int len = record_line(line, sizeof(line),
				      &log->record[i % LOG_RECORDS]);

		if (total < size)
			snprintf(buf + total, size - total, "%s", line);
		total += (size_t)len;
	}
	return total;
}

size_t log_records(const struct log *log, struct rps_record *out, size_t max)
{
	uint64_t kept = log->count < LOG_RECORDS ? log->count : LOG_RECORDS;
	uint64_t first = log->count - kept;

	for (uint64_t i = 0; i < kept && i < max; i++)
		out[i] = log->record[(first + i) % LOG_RECORDS];
	return (size_t)kept;
}
