/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Decisions as text: of a file that somebody else wrote, and of a list that
 * goes through text and back.
 *
 * Input: the text; where it does not begin like one, a list of three bytes a
 * decision.
 */
#include <rps/decide.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#define LIST_MAX   512u
#define TEXT_BYTES 16384u
#define TITLE      "rpmsg-cts"

static void same(const struct rps_decision *a, const struct rps_decision *b,
		 uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		fuzz_require(a[i].kind == b[i].kind &&
			     a[i].count == b[i].count &&
			     a[i].choice == b[i].choice);
}

/* What was written says what it was written from. */
static void back_and_forth(const struct rps_decision *list, uint32_t count,
			   const char *scenario)
{
	static char text[TEXT_BYTES];
	static struct rps_decision again[LIST_MAX];
	struct rps_decisions_text out;
	size_t len =
		rps_decisions_write(list, count, scenario, text, sizeof(text));

	fuzz_require(len < sizeof(text) && len == strlen(text));
	fuzz_require(rps_decisions_parse(text, again, LIST_MAX, &out) == 0);
	fuzz_require(out.count == count && strcmp(out.scenario, scenario) == 0);
	same(list, again, count);
}

static void parse(const char *text)
{
	static struct rps_decision list[LIST_MAX];
	struct rps_decisions_text out;
	int err = rps_decisions_parse(text, list, LIST_MAX, &out);

	fuzz_require(memchr(out.scenario, 0, sizeof(out.scenario)));
	fuzz_require(memchr(out.complaint, 0, sizeof(out.complaint)));
	fuzz_require((err == 0) == (out.complaint[0] == '\0'));
	fuzz_require(err == 0 || err == -EPROTO || err == -EINVAL ||
		     err == -ENODATA || err == -EBADMSG || err == -ENOSPC);
	if (err)
		return;
	fuzz_require(out.count <= LIST_MAX);
	for (uint32_t i = 0; i < out.count; i++)
		fuzz_require(list[i].kind < RPS_NUM_CHOICES &&
			     list[i].count >= 2 &&
			     list[i].count <= RPS_CHOICES_MAX &&
			     list[i].choice < list[i].count);
	back_and_forth(list, out.count, out.scenario);
}

static void make_list(struct fuzz_input *in)
{
	static struct rps_decision list[LIST_MAX];
	uint32_t count = 0;

	while (in->left_bytes > 0 && count < LIST_MAX) {
		struct rps_decision *decision = &list[count++];

		decision->kind = fuzz_u8(in) % RPS_NUM_CHOICES;
		decision->count =
			(uint8_t)(2 + fuzz_u8(in) % (RPS_CHOICES_MAX - 1));
		decision->choice = fuzz_u8(in) % decision->count;
	}
	back_and_forth(list, count, "num=2");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len_bytes)
{
	struct fuzz_input in = { data, len_bytes };
	char *text = malloc(len_bytes + 1);

	fuzz_require(text != NULL);
	text[fuzz_bytes(&in, text, len_bytes)] = '\0';
	if (strncmp(text, TITLE, strlen(TITLE)) == 0) {
		parse(text);
	} else {
		in = (struct fuzz_input){ data, len_bytes };
		make_list(&in);
	}
	free(text);
	return 0;
}
