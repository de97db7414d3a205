/* SPDX-License-Identifier: BSD-3-Clause */
#include "fiber.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sanitizer.h"

/* makecontext() passes ints only: a pointer goes in two halves. */
static void trampoline(unsigned int high, unsigned int low)
{
	uintptr_t bits = ((uintptr_t)high << 32) | low;
	struct fiber *fiber = (struct fiber *)bits;

	asan_arrive(NULL, &fiber->asan_resumer_bottom,
		    &fiber->asan_resumer_bytes);
	fiber->entry(fiber->arg);
}

int fiber_init(struct fiber *fiber, void (*entry)(void *), void *arg)
{
	uintptr_t bits = (uintptr_t)fiber;

	memset(fiber, 0, sizeof(*fiber));
	fiber->stack = malloc(FIBER_STACK_BYTES);
	if (!fiber->stack)
		return -ENOMEM;
	fiber->entry = entry;
	fiber->arg = arg;
	fiber->valgrind_id =
		valgrind_stack_add(fiber->stack, FIBER_STACK_BYTES);
	getcontext(&fiber->self);
	fiber->self.uc_stack.ss_sp = fiber->stack;
	fiber->self.uc_stack.ss_size = FIBER_STACK_BYTES;
	fiber->self.uc_link = NULL;
	makecontext(&fiber->self, (void (*)(void))trampoline, 2,
		    (unsigned int)((uint64_t)bits >> 32), (unsigned int)bits);
	return 0;
}

void fiber_finish(struct fiber *fiber)
{
	if (!fiber->stack)
		return;
	valgrind_stack_remove(fiber->valgrind_id);
	free(fiber->stack);
	fiber->stack = NULL;
}

void fiber_resume(struct fiber *fiber)
{
	void *fake_stack = NULL;

	asan_leave(&fake_stack, fiber->stack, FIBER_STACK_BYTES);
	swapcontext(&fiber->resumer, &fiber->self);
	asan_arrive(fake_stack, NULL, NULL);
}

void fiber_yield(struct fiber *fiber)
{
	asan_leave(&fiber->asan_fake_stack, fiber->asan_resumer_bottom,
		   fiber->asan_resumer_bytes);
	swapcontext(&fiber->self, &fiber->resumer);
	asan_arrive(fiber->asan_fake_stack, &fiber->asan_resumer_bottom,
		    &fiber->asan_resumer_bytes);
}
