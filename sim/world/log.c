/* SPDX-License-Identifier: BSD-3-Clause */
#include "log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <rps/world.h>

int log_init(struct log *log)
{
	log->count = 0;
	/* Not cleared: a short life does not touch most of it. */
	log->record = malloc(LOG_RECORDS * sizeof(*log->record));
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

size_t log_text(const struct log *log, char *buf, size_t size)
{
	uint64_t first =
		log->count > LOG_RECORDS ? log->count - LOG_RECORDS : 0;
	size_t total = 0;

	if (size > 0)
		buf[0] = '\0';
	for (uint64_t i = first; i < log->count; i++) {
		char line[RPS_RECORD_TEXT];
		int len = rps_record_text(&log->record[i % LOG_RECORDS], line);

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
