/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A scope as a line of words, and what is wrong with one.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rps/explore.h>
#include <rps/rpmsg.h>
#include <rps/world.h>

static const char *const model_name[] = {
	[RPS_MODEL_SC] = "sc",
	[RPS_MODEL_TSO] = "tso",
	[RPS_MODEL_WEAK] = "weak",
};

static const char *const wait_name[] = {
	[RPS_WAIT_SLEEP] = "sleep",
	[RPS_WAIT_POLL] = "poll",
};

#define NUM_MODELS (sizeof(model_name) / sizeof(model_name[0]))
#define NUM_WAITS  (sizeof(wait_name) / sizeof(wait_name[0]))

void rps_scope_default(struct rps_scope *scope)
{
	*scope = (struct rps_scope){
		.num = 2,
		.from_driver = 1,
		.from_device = 1,
		.buf_bytes = 24,
		.suppress = true,
	};
}

static bool is_mutant(uint32_t number)
{
	struct rps_mutant_info info;

	return number == 0 || number == RPS_MUTANT_CENSUS ||
	       rps_mutant_get(number, &info);
}

const char *rps_scope_complaint(const struct rps_scope *scope)
{
	if (scope->num == 0 || (scope->num & (scope->num - 1)))
		return "the queue size is no power of two";
	if (scope->num > RPS_SCOPE_NUM_MAX)
		return "the queue size is above 8";
	if (scope->from_driver > RPS_SCOPE_MESSAGES_MAX ||
	    scope->from_device > RPS_SCOPE_MESSAGES_MAX)
		return "more than 8 messages each way";
	if (scope->from_driver + scope->from_device == 0)
		return "there is no message";
	if (scope->buf_bytes <= RPMSG_HDR_BYTES)
		return "a buffer has no room for a header and a byte";
	if (scope->buf_bytes > RPS_SCOPE_BUF_MAX)
		return "a buffer is above 64 bytes";
	if (scope->driver_model >= NUM_MODELS ||
	    scope->device_model >= NUM_MODELS)
		return "there is no such memory model";
	if (scope->driver_wait >= NUM_WAITS || scope->device_wait >= NUM_WAITS)
		return "there is no such way to wait";
	if (!is_mutant(scope->driver_mutant) ||
	    !is_mutant(scope->device_mutant))
		return "there is no such mutant";
	return NULL;
}

static const char *mutant_name(uint32_t mutant)
{
	struct rps_mutant_info info = { .name = "none" };

	(void)rps_mutant_get(mutant, &info);
	return info.name;
}

size_t rps_scope_write(const struct rps_scope *scope, char *buf, size_t size)
{
	return (size_t)snprintf(
		buf, size,
		"num=%" PRIu32 " messages=%" PRIu32 ",%" PRIu32 " buf=%" PRIu32
		" model=%s,%s wait=%s,%s mutant=%s,%s start=0x%x %s %s %s %s "
		"%s",
		scope->num, scope->from_driver, scope->from_device,
		scope->buf_bytes, model_name[scope->driver_model],
		model_name[scope->device_model], wait_name[scope->driver_wait],
		wait_name[scope->device_wait],
		mutant_name(scope->driver_mutant),
		mutant_name(scope->device_mutant), scope->start_idx,
		scope->event_idx ? "event" : "flags",
		scope->big_endian ? "be" : "le",
		scope->suppress ? "suppress" : "always",
		scope->batch ? "batch" : "single",
		scope->unwatched ? "unwatched" : "watched");
}

/* --- reading */

#define WORD_MAX 64u

static bool read_number(const char *text, uint32_t max, uint32_t *value)
{
	char *behind;
	unsigned long number;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	number = strtoul(text, &behind, 0);
	if (errno || *behind || number > max)
		return false;
	*value = (uint32_t)number;
	return true;
}

static bool read_name(const char *text, const char *const name[],
		      uint32_t count, uint32_t *value)
{
	for (uint32_t i = 0; i < count; i++) {
		if (strcmp(text, name[i]) == 0) {
			*value = i;
			return true;
		}
	}
	return false;
}

static bool read_model(const char *text, uint32_t max, uint32_t *value)
{
	return read_name(text, model_name, max, value);
}

static bool read_wait(const char *text, uint32_t max, uint32_t *value)
{
	return read_name(text, wait_name, max, value);
}

static bool read_mutant(const char *text, uint32_t max, uint32_t *value)
{
	(void)max;
	*value = rps_mutant_find(text);
	return *value || strcmp(text, "none") == 0;
}

struct setting {
	const char *name;
	bool (*read)(const char *text, uint32_t max, uint32_t *value);
	uint32_t max;
	size_t at[2]; /* in struct rps_scope; twice the same for one value */
};

#define ONE(field)                                                             \
	{                                                                      \
		offsetof(struct rps_scope, field), 0                           \
	}
#define TWO(first, other)                                                      \
	{                                                                      \
		offsetof(struct rps_scope, first),                             \
			offsetof(struct rps_scope, other)                      \
	}

static const struct setting setting[] = {
	{ "num", read_number, UINT32_MAX, ONE(num) },
	{ "messages", read_number, UINT32_MAX, TWO(from_driver, from_device) },
	{ "buf", read_number, UINT32_MAX, ONE(buf_bytes) },
	{ "model", read_model, NUM_MODELS, TWO(driver_model, device_model) },
	{ "wait", read_wait, NUM_WAITS, TWO(driver_wait, device_wait) },
	{ "mutant", read_mutant, 0, TWO(driver_mutant, device_mutant) },
};

static uint32_t *field_at(struct rps_scope *scope, size_t at)
{
	return (uint32_t *)(void *)((char *)scope + at);
}

static bool read_values(const struct setting *row, char *text,
			struct rps_scope *scope)
{
	char *comma = strchr(text, ',');

	if (row->at[1] == 0)
		return row->read(text, row->max, field_at(scope, row->at[0]));
	if (!comma)
		return false;
	*comma = '\0';
	return row->read(text, row->max, field_at(scope, row->at[0])) &&
	       row->read(comma + 1, row->max, field_at(scope, row->at[1]));
}

static bool read_flag(const char *word, struct rps_scope *scope)
{
	const struct {
		const char *name;
		bool *flag;
		bool value;
	} row[] = {
		{ "event", &scope->event_idx, true },
		{ "flags", &scope->event_idx, false },
		{ "be", &scope->big_endian, true },
		{ "le", &scope->big_endian, false },
		{ "suppress", &scope->suppress, true },
		{ "always", &scope->suppress, false },
		{ "batch", &scope->batch, true },
		{ "single", &scope->batch, false },
		{ "unwatched", &scope->unwatched, true },
		{ "watched", &scope->unwatched, false },
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		if (strcmp(word, row[i].name) == 0) {
			*row[i].flag = row[i].value;
			return true;
		}
	}
	return false;
}

static bool read_word(char *word, struct rps_scope *scope)
{
	char *equals = strchr(word, '=');
	uint32_t start;

	if (!equals)
		return read_flag(word, scope);
	*equals = '\0';
	if (strcmp(word, "start") == 0) {
		if (!read_number(equals + 1, UINT16_MAX, &start))
			return false;
		scope->start_idx = (uint16_t)start;
		return true;
	}
	for (size_t i = 0; i < sizeof(setting) / sizeof(setting[0]); i++) {
		if (strcmp(word, setting[i].name) == 0)
			return read_values(&setting[i], equals + 1, scope);
	}
	return false;
}

int rps_scope_parse(const char *text, struct rps_scope *scope, char *complaint,
		    size_t size)
{
	rps_scope_default(scope);
	for (;;) {
		char word[WORD_MAX];
		size_t len;

		text += strspn(text, " \t\n");
		len = strcspn(text, " \t\n");
		if (len == 0)
			break;
		snprintf(word, sizeof(word), "%.*s",
			 (int)(len < WORD_MAX ? len : WORD_MAX - 1), text);
		if (len >= WORD_MAX || !read_word(word, scope)) {
			snprintf(complaint, size, "what is '%.*s'?",
				 (int)(len < WORD_MAX ? len : WORD_MAX - 1),
				 text);
			return -EINVAL;
		}
		text += len;
	}
	if (rps_scope_complaint(scope)) {
		snprintf(complaint, size, "%s", rps_scope_complaint(scope));
		return -EINVAL;
	}
	if (size > 0)
		complaint[0] = '\0';
	return 0;
}
