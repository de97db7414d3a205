/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Scopes as text: the scenario of a file of decisions that somebody else wrote,
 * or a line that a person did.
 *
 * Input: a byte, the room for a complaint; then the text.
 */
#include <rps/explore.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#define TEXT_BYTES 512u

static bool same(const struct rps_scope *a, const struct rps_scope *b)
{
	return a->num == b->num && a->from_driver == b->from_driver &&
	       a->from_device == b->from_device &&
	       a->buf_bytes == b->buf_bytes &&
	       a->driver_model == b->driver_model &&
	       a->device_model == b->device_model &&
	       a->driver_mutant == b->driver_mutant &&
	       a->device_mutant == b->device_mutant &&
	       a->start_idx == b->start_idx && a->event_idx == b->event_idx &&
	       a->big_endian == b->big_endian && a->suppress == b->suppress &&
	       a->unwatched == b->unwatched && a->batch == b->batch &&
	       a->driver_wait == b->driver_wait &&
	       a->device_wait == b->device_wait;
}

/* What was understood is what is written of it. */
static void again(const struct rps_scope *scope)
{
	char text[TEXT_BYTES];
	char complaint[TEXT_BYTES];
	struct rps_scope other;

	fuzz_require(rps_scope_complaint(scope) == NULL);
	fuzz_require(rps_scope_write(scope, text, sizeof(text)) ==
		     strlen(text));
	fuzz_require(rps_scope_parse(text, &other, complaint,
				     sizeof(complaint)) == 0);
	fuzz_require(same(scope, &other));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len_bytes)
{
	struct fuzz_input in = { data, len_bytes };
	size_t room = fuzz_u8(&in);
	char *complaint = malloc(room + 1);
	char *text = malloc(in.left_bytes + 1);
	struct rps_scope scope;
	int err;

	fuzz_require(text != NULL && complaint != NULL);
	text[fuzz_bytes(&in, text, in.left_bytes)] = '\0';
	/* There is no memory of no bytes that a sanitizer could watch. */
	complaint[room] = '!';
	err = rps_scope_parse(text, &scope, complaint, room);
	fuzz_require(complaint[room] == '!');
	fuzz_require(err == 0 || err == -EINVAL);
	fuzz_require(room == 0 || memchr(complaint, 0, room) != NULL);
	fuzz_require(room < 2 || (err == 0) == (complaint[0] == '\0'));
	if (err == 0)
		again(&scope);
	free(complaint);
	free(text);
	return 0;
}
