/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What every fuzz target has: one input, one door, and what must hold.
 *
 * The door is libFuzzer's; AFL++ knows it too, and replay.c gives it files.
 */
#ifndef RPS_FUZZ_H
#define RPS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Return: 0, always; what must not be ends the process. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len_bytes);

__attribute__((noreturn)) void fuzz_failed(const char *condition,
					   const char *file, int line);

/* For what must hold whatever the input is, beyond what sanitizers see. */
#define fuzz_require(condition)                                                \
	((condition) ? (void)0 : fuzz_failed(#condition, __FILE__, __LINE__))

/* What is left of the input.  Past its end there are zeroes. */
struct fuzz_input {
	const uint8_t *at;
	size_t left_bytes;
};

/* A number of @len_bytes bytes, little endian. */
uint64_t fuzz_take(struct fuzz_input *in, unsigned int len_bytes);

static inline uint8_t fuzz_u8(struct fuzz_input *in)
{
	return (uint8_t)fuzz_take(in, 1);
}

static inline uint16_t fuzz_u16(struct fuzz_input *in)
{
	return (uint16_t)fuzz_take(in, 2);
}

static inline uint32_t fuzz_u32(struct fuzz_input *in)
{
	return (uint32_t)fuzz_take(in, 4);
}

static inline uint64_t fuzz_u64(struct fuzz_input *in)
{
	return fuzz_take(in, 8);
}

/* Up to @len_bytes bytes into @to. Return: how many there were. */
size_t fuzz_bytes(struct fuzz_input *in, void *to, size_t len_bytes);

#endif
