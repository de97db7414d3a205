/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef BENCH_THREADS_H
#define BENCH_THREADS_H

#include "link.h"

/* What was measured, in picoseconds a one-way message or crossing. */
struct threads_result {
	uint64_t line_ps; /* one cache line that goes from one to the other */
	uint64_t message_ps;  /* a message of 64 bytes, both ends polled */
	uint64_t ratio_milli; /* 1000 times how many crossings a message takes,
				 round by round */
	unsigned int rounds;
};

/**
 * threads_measure() - two threads, each on a processor of its own, that never
 * sleep.
 * @link:     brought up here.
 * @messages: one-way messages, and crossings, of each round; even.
 *
 * In turn, A B B A, so that what the machine does else strikes both; the middle
 * one of all rounds counts.
 *
 * Return: 0; -ENODEV with less than two processors; what pthread_create() says,
 * negative.
 */
int threads_measure(struct link *link, uint64_t messages,
		    struct threads_result *result);

#endif
