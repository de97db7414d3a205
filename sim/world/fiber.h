/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A stack of its own for each simulated end, so that ordinary code can be
 * stopped at every access to shared memory and resumed later.
 */
#ifndef RPS_FIBER_H
#define RPS_FIBER_H

#include <setjmp.h>
#include <ucontext.h>

#include <rps/api.h>

#define FIBER_STACK_BYTES (256u * 1024u)

struct fiber {
	ucontext_t self; /* where it begins; under ASan, where it is */
	ucontext_t resumer;
	jmp_buf begin_env;
	jmp_buf self_env;
	jmp_buf resumer_env;
	bool begun; /* the environments are valid */
	uint8_t *stack;
	void (*entry)(void *arg); /* never returns */
	void *arg;
	unsigned int valgrind_id;
	void *asan_fake_stack;
	const void *asan_resumer_bottom;
	size_t asan_resumer_bytes;
};

/* Return: 0, or -ENOMEM. */
int fiber_init(struct fiber *fiber, void (*entry)(void *), void *arg);
void fiber_finish(struct fiber *fiber);

/* Back to the beginning, whatever it was in the middle of; not on itself. */
void fiber_restart(struct fiber *fiber);

/* Run @fiber until it yields. */
void fiber_resume(struct fiber *fiber);

/* Back to whoever resumed; called on the fiber itself. */
void fiber_yield(struct fiber *fiber);

#endif
