/* SPDX-License-Identifier: BSD-3-Clause */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fuzz_failed(const char *condition, const char *file, int line)
{
	fprintf(stderr, "fuzz: %s:%d: does not hold: %s\n", file, line,
		condition);
	abort();
}

size_t fuzz_bytes(struct fuzz_input *in, void *to, size_t len_bytes)
{
	if (len_bytes > in->left_bytes)
		len_bytes = in->left_bytes;
	if (len_bytes > 0)
		memcpy(to, in->at, len_bytes);
	in->at += len_bytes;
	in->left_bytes -= len_bytes;
	return len_bytes;
}

uint64_t fuzz_take(struct fuzz_input *in, unsigned int len_bytes)
{
	uint8_t bytes[8] = { 0 };
	uint64_t value = 0;

	fuzz_bytes(in, bytes, len_bytes);
	while (len_bytes-- > 0)
		value = value << 8 | bytes[len_bytes];
	return value;
}
