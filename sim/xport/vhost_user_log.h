/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The last protocol events as text, in fixed storage.
 */
#ifndef RPS_VHOST_USER_LOG_H
#define RPS_VHOST_USER_LOG_H

#include <rps/api.h>

#define VU_LOG_LINES      128u
#define VU_LOG_LINE_BYTES 120u /* with the terminator */

struct vu_log {
	char line[VU_LOG_LINES][VU_LOG_LINE_BYTES];
	unsigned int oldest;
	unsigned int num_lines;
};

/* Add a line, printf-like, without its newline; the oldest gives way. */
__attribute__((format(printf, 2, 3))) void
rps_vu_log_add(struct vu_log *log, const char *format, ...);

/**
 * rps_vu_log_text() - all lines, oldest first.
 * @buf:  receives text; always terminated where @size is not 0.
 * @size: bytes of @buf.
 *
 * Return: bytes of the whole text, without the terminator.
 */
size_t rps_vu_log_text(const struct vu_log *log, char *buf, size_t size);

#endif
