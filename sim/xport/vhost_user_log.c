/* SPDX-License-Identifier: BSD-3-Clause */
#include "vhost_user_log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void rps_vu_log_add(struct vu_log *log, const char *format, ...)
{
	unsigned int next = (log->oldest + log->num_lines) % VU_LOG_LINES;
	va_list args;

	va_start(args, format);
	vsnprintf(log->line[next], VU_LOG_LINE_BYTES, format, args);
	va_end(args);

	if (log->num_lines < VU_LOG_LINES)
		log->num_lines++;
	else
		log->oldest = (log->oldest + 1) % VU_LOG_LINES;
}

/* Copy what fits after @at; the terminator always fits. */
static void put(char *buf, size_t size, size_t at, const char *text, size_t len)
{
	if (size == 0 || at >= size - 1)
		return;
	if (len > size - 1 - at)
		len = size - 1 - at;
	memcpy(buf + at, text, len);
	buf[at + len] = '\0';
}

size_t rps_vu_log_text(const struct vu_log *log, char *buf, size_t size)
{
	size_t total = 0;

	if (size > 0)
		buf[0] = '\0';
	for (unsigned int i = 0; i < log->num_lines; i++) {
		const char *line = log->line[(log->oldest + i) % VU_LOG_LINES];
		size_t len = strlen(line);

		put(buf, size, total, line, len);
		put(buf, size, total + len, "\n", 1);
		total += len + 1;
	}
	return total;
}
