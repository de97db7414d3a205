/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Decisions as text.  Words are kind, choice, count and how often in a row:
 *
 *   rpmsg-cts decisions 1
 *   scenario num=2 messages=1,1
 *   e0/2*14 e1/2 v2/3
 *   end 16 9d0c2a5e01b7f3d4
 *
 * The last line has the number of decisions and a hash of all before it.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decide.h"

#define TITLE          "rpmsg-cts decisions "
#define SCENARIO       "scenario "
#define LINE_CHARS_MAX 72u
#define WORD_BYTES     32u

static const char kind_letter[RPS_NUM_CHOICES] = {
	[RPS_CHOICE_END] = 'e',
	[RPS_CHOICE_VALUE] = 'v',
	[RPS_CHOICE_PLACE] = 'p',
	[RPS_CHOICE_FAULT] = 'f',
};

static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t len_bytes)
{
	const uint8_t *byte = bytes;

	for (size_t i = 0; i < len_bytes; i++)
		hash = (hash ^ byte[i]) * UINT64_C(1099511628211);
	return hash;
}

static uint64_t hash_of(const struct rps_decision *list, uint32_t count,
			const char *scenario)
{
	uint64_t hash = hash_bytes(UINT64_C(14695981039346656037), scenario,
				   strlen(scenario));

	for (uint32_t i = 0; i < count; i++) {
		uint8_t bytes[] = { list[i].kind, list[i].count,
				    list[i].choice };

		hash = hash_bytes(hash, bytes, sizeof(bytes));
	}
	return hash;
}

/* Text that is counted in full and kept as far as it fits. */
struct writer {
	char *buf;
	size_t size;
	size_t total;
	size_t line_chars;
};

static void put(struct writer *writer, const char *text)
{
	size_t len = strlen(text);

	if (writer->total < writer->size)
		snprintf(writer->buf + writer->total,
			 writer->size - writer->total, "%s", text);
	writer->total += len;
	writer->line_chars =
		text[len - 1] == '\n' ? 0 : writer->line_chars + len;
}

static void put_word(struct writer *writer, const char *word)
{
	if (writer->line_chars + 1 + strlen(word) > LINE_CHARS_MAX)
		put(writer, "\n");
	else if (writer->line_chars > 0)
		put(writer, " ");
	put(writer, word);
}

static bool same(const struct rps_decision *a, const struct rps_decision *b)
{
	return a->kind == b->kind && a->count == b->count &&
	       a->choice == b->choice;
}

static void put_decisions(struct writer *writer,
			  const struct rps_decision *list, uint32_t count)
{
	for (uint32_t i = 0; i < count;) {
		char word[WORD_BYTES];
		uint32_t run = 1;
		int len = snprintf(word, sizeof(word), "%c%u/%u",
				   kind_letter[list[i].kind], list[i].choice,
				   list[i].count);

		while (i + run < count && same(&list[i], &list[i + run]))
			run++;
		if (run > 1)
			snprintf(word + len, sizeof(word) - (size_t)len,
				 "*%" PRIu32, run);
		put_word(writer, word);
		i += run;
	}
	if (writer->line_chars > 0)
		put(writer, "\n");
}

size_t rps_decisions_write(const struct rps_decision *list, uint32_t count,
			   const char *scenario, char *buf, size_t size)
{
	struct writer writer = { .buf = buf, .size = size };
	char line[WORD_BYTES + 64];

	snprintf(line, sizeof(line), TITLE "%u\n", RPS_DECISIONS_VERSION);
	put(&writer, line);
	put(&writer, SCENARIO);
	if (*scenario)
		put(&writer, scenario);
	put(&writer, "\n");
	put_decisions(&writer, list, count);
	snprintf(line, sizeof(line), "end %" PRIu32 " %016" PRIx64 "\n", count,
		 hash_of(list, count, scenario));
	put(&writer, line);
	return writer.total;
}

/* --- reading */

struct reader {
	const char *at;
	unsigned int line;
	struct rps_decision *list;
	uint32_t max;
	struct rps_decisions_text *out;
};

static int complain(struct reader *reader, int err, const char *what)
{
	snprintf(reader->out->complaint, sizeof(reader->out->complaint),
		 "line %u: %s", reader->line, what);
	return err;
}

static bool skip(struct reader *reader, const char *text)
{
	size_t len = strlen(text);

	if (strncmp(reader->at, text, len) != 0)
		return false;
	reader->at += len;
	return true;
}

static bool skip_line_end(struct reader *reader)
{
	if (*reader->at != '\n')
		return false;
	reader->at++;
	reader->line++;
	return true;
}

static bool read_number(struct reader *reader, unsigned int base, uint64_t max,
			uint64_t *value)
{
	char *behind;
	bool digit = (*reader->at >= '0' && *reader->at <= '9') ||
		     (base == 16 && *reader->at >= 'a' && *reader->at <= 'f');

	if (!digit)
		return false;
	errno = 0;
	*value = strtoull(reader->at, &behind, (int)base);
	reader->at = behind;
	return errno == 0 && *value <= max;
}

#define VERSION_TEXT_BYTES 64u

static const char *other_version(uint64_t version, char *text)
{
	snprintf(text, VERSION_TEXT_BYTES,
		 "version %" PRIu64 ", and this program reads version %u",
		 version, RPS_DECISIONS_VERSION);
	return text;
}

static int read_head(struct reader *reader)
{
	char text[VERSION_TEXT_BYTES];
	size_t len;
	uint64_t version = 0;

	if (!skip(reader, TITLE))
		return complain(reader, -EPROTO, "not a list of decisions");
	if (!read_number(reader, 10, UINT32_MAX, &version) ||
	    version != RPS_DECISIONS_VERSION)
		return complain(reader, -EPROTO, other_version(version, text));
	if (!skip_line_end(reader) || !skip(reader, SCENARIO))
		return complain(reader, -EINVAL, "no scenario");
	len = strcspn(reader->at, "\n");
	if (len >= sizeof(reader->out->scenario))
		return complain(reader, -EINVAL, "the scenario is too long");
	memcpy(reader->out->scenario, reader->at, len);
	reader->out->scenario[len] = '\0';
	reader->at += len;
	if (!skip_line_end(reader))
		return complain(reader, -ENODATA,
				"ends too early: it was cut off");
	return 0;
}

static int kind_of(char letter)
{
	for (int kind = 0; kind < (int)RPS_NUM_CHOICES; kind++) {
		if (kind_letter[kind] == letter)
			return kind;
	}
	return -1;
}

/* Return: false where a word makes no sense. */
static bool read_word(struct reader *reader, struct rps_decision *decision,
		      uint64_t *run)
{
	int kind = kind_of(*reader->at);
	uint64_t choice;
	uint64_t count;

	if (kind < 0)
		return false;
	reader->at++;
	if (!read_number(reader, 10, RPS_CHOICES_MAX, &choice) ||
	    !skip(reader, "/") ||
	    !read_number(reader, 10, RPS_CHOICES_MAX, &count))
		return false;
	*run = 1;
	if (skip(reader, "*") && !read_number(reader, 10, UINT32_MAX, run))
		return false;
	*decision = (struct rps_decision){ (uint8_t)kind, (uint8_t)count,
					   (uint8_t)choice };
	return count >= 2 && choice<count && * run> 0;
}

static int read_decisions(struct reader *reader)
{
	while (*reader->at && strncmp(reader->at, "end ", 4) != 0) {
		struct rps_decision decision;
		uint64_t run;

		if (!read_word(reader, &decision, &run))
			return complain(reader,
					*reader->at ? -EINVAL : -ENODATA,
					"no decision");
		if (reader->max - reader->out->count < run)
			return complain(reader, -ENOSPC, "too many decisions");
		while (run-- > 0)
			reader->list[reader->out->count++] = decision;
		if (!skip(reader, " ") && !skip_line_end(reader))
			return complain(reader,
					*reader->at ? -EINVAL : -ENODATA,
					"no space behind a decision");
	}
	return 0;
}

static int read_tail(struct reader *reader)
{
	uint64_t count;
	uint64_t hash;

	if (!skip(reader, "end ") ||
	    !read_number(reader, 10, UINT32_MAX, &count) ||
	    !skip(reader, " ") || !read_number(reader, 16, UINT64_MAX, &hash) ||
	    !skip_line_end(reader))
		return complain(reader, -ENODATA,
				"ends too early: it was cut off");
	if (count != reader->out->count ||
	    hash != hash_of(reader->list, reader->out->count,
			    reader->out->scenario))
		return complain(reader, -EBADMSG,
				"it was changed: its end does not fit");
	return 0;
}

int rps_decisions_parse(const char *text, struct rps_decision *list,
			uint32_t max, struct rps_decisions_text *out)
{
	struct reader reader = { text, 1, list, max, out };
	int err;

	memset(out, 0, sizeof(*out));
	err = read_head(&reader);
	if (!err)
		err = read_decisions(&reader);
	if (!err)
		err = read_tail(&reader);
	return err;
}
