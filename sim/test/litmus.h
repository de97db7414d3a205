/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Litmus tests: two short programs, and what their loads can return together.
 * They run in a world of their own, by the same code as the ends of a ring.
 */
#ifndef TEST_LITMUS_H
#define TEST_LITMUS_H

#include <rps/decide.h>

#define LITMUS_OPS    4u
#define LITMUS_PLACES 2u

enum litmus_kind {
	OP_END,
	OP_ST,  /* store @value to @place */
	OP_REL, /* the same, release */
	OP_LD,  /* load @place into the next register */
	OP_ACQ, /* the same, acquire */
	OP_FULL,
	OP_ST_DATA, /* the same for what must not be raced for */
	OP_LD_DATA,
};

struct litmus_op {
	uint8_t kind;
	uint8_t place;
	uint8_t value;
};

struct litmus {
	struct litmus_op op[2][LITMUS_OPS];
};

/* What came of all schedules. An outcome is a number: the values of all loads
 * in order, program 0 first, then what memory holds, 4 bits each. */
#define LITMUS_OUTCOMES_MAX 4096u

struct outcomes {
	uint64_t outcome[LITMUS_OUTCOMES_MAX]; /* sorted */
	unsigned int count;
	bool raced; /* in any of them */
	uint64_t runs;
};

/* How litmus_run() goes through them. */
struct litmus_how {
	enum rps_model model[2];
	bool reduced;
	bool hashed;
	bool index; /* the places are indices of a ring, else wishes */
};

void litmus_run(const struct litmus *litmus, const struct litmus_how *how,
		struct outcomes *out);

/* The same by a machine that is nothing but a store buffer per program, of
 * which @buffered tells whether it is there. */
void litmus_by_buffers(const struct litmus *litmus, const bool buffered[2],
		       struct outcomes *out);

/* A program by chance; and the same with a place for each to store to, as the
 * ends of a ring have it. */
struct litmus litmus_any(uint64_t seed);
struct litmus litmus_one_writer(struct litmus litmus);

void outcomes_expect_same(const struct outcomes *a, const struct outcomes *b,
			  uint64_t seed, const char *what);

#endif
