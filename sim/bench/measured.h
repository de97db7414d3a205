/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is measured, one function a scenario.  callgrind counts within
 * measured() alone, and the reader of its output leaves out the lines of this
 * folder: they are the caller's own.
 */
#ifndef BENCH_MEASURED_H
#define BENCH_MEASURED_H

#include <rps/api.h>

#define BURST 256u

/* What there is to be measured; a scenario uses what it needs of it. */
struct bench {
	struct link *link;
	struct spsc *spsc[2]; /* there and back */
	const uint8_t *payload;
	uint32_t len_bytes;
	uint32_t swing_bytes; /* bits of it that change with each message */
	uint64_t received;    /* messages */
	uint8_t last;         /* byte of a message: its receiver has read it */
	bool echo;            /* whether a message is answered by another one */
};

struct scenario {
	const char *name;
	void (*prepare)(struct bench *bench);
	/* Sends @messages one-way messages, as many as make whole rounds. */
	void (*run)(struct bench *bench, uint64_t messages);
};

/* Return: the scenario of that name, or NULL. */
const struct scenario *scenario_find(const char *name);

/* Return: the one at @index, or NULL behind the last. */
const struct scenario *scenario_at(unsigned int index);

/* Written when an end is about to move; for a reader of all accesses. */
extern volatile uint8_t turn_of_driver;
extern volatile uint8_t turn_of_device;

/* Runs it; what callgrind collects. */
void measured(const struct scenario *scenario, struct bench *bench,
	      uint64_t messages);

#endif
