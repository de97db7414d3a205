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

	/* Nothing here changes later, so that a restart may come back to it. */
	_setjmp(fiber->begin_env);
	asan_arrive(NULL, &fiber->asan_resumer_bottom,
		    &fiber->asan_resumer_bytes);
	fiber->entry(fiber->arg);
}

static void prepare(struct fiber *fiber)
{
	uintptr_t bits = (uintptr_t)fiber;

	getcontext(&fiber->self);
	fiber->self.uc_stack.ss_sp = fiber->stack;
	fiber->self.uc_stack.ss_size = FIBER_STACK_BYTES;
	fiber->self.uc_link = NULL;
	makecontext(&fiber->self, (void (*)(void))trampoline, 2,
		    (unsigned int)((uint64_t)bits >> 32), (unsigned int)bits);
	fiber->begun = false;
}

int fiber_init(struct fiber *fiber, void (*entry)(void *), void *arg)
{
	memset(fiber, 0, sizeof(*fiber));
	fiber->stack = malloc(FIBER_STACK_BYTES);
	if (!fiber->stack)
		return -ENOMEM;
	fiber->entry = entry;
	fiber->arg = arg;
	fiber->valgrind_id =
		valgrind_stack_add(fiber->stack, FIBER_STACK_BYTES);
	prepare(fiber);
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

#ifdef __SANITIZE_ADDRESS__
/* ASan follows swapcontext(), and takes a jump between stacks for a bug. */
static void enter(struct fiber *fiber)
{
	fiber->begun = true;
	swapcontext(&fiber->resumer, &fiber->self);
}

static void leave(struct fiber *fiber)
{
	swapcontext(&fiber->self, &fiber->resumer);
}

static void rewind_to_begin(struct fiber *fiber)
{
	asan_forget(fiber->stack, FIBER_STACK_BYTES);
	prepare(fiber);
}
#else
/* swapcontext() asks the kernel for the signal mask each time: a jump is
 * twenty times as fast, and goes where a context has once led. */
static void enter(struct fiber *fiber)
{
	if (_setjmp(fiber->resumer_env))
		return;
	if (fiber->begun)
		_longjmp(fiber->self_env, 1);
	fiber->begun = true;
	setcontext(&fiber->self);
}

static void leave(struct fiber *fiber)
{
	if (!_setjmp(fiber->self_env))
		_longjmp(fiber->resumer_env, 1);
}

static void rewind_to_begin(struct fiber *fiber)
{
	memcpy(fiber->self_env, fiber->begin_env, sizeof(fiber->self_env));
}
#endif

void fiber_restart(struct fiber *fiber)
{
	if (fiber->begun)
		rewind_to_begin(fiber);
}

void fiber_resume(struct fiber *fiber)
{
	void *fake_stack = NULL;

	asan_leave(&fake_stack, fiber->stack, FIBER_STACK_BYTES);
	enter(fiber);
	asan_arrive(fake_stack, NULL, NULL);
}

void fiber_yield(struct fiber *fiber)
{
	asan_leave(&fiber->asan_fake_stack, fiber->asan_resumer_bottom,
		   fiber->asan_resumer_bytes);
	leave(fiber);
	asan_arrive(fiber->asan_fake_stack, &fiber->asan_resumer_bottom,
		    &fiber->asan_resumer_bytes);
}
