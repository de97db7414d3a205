/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Checkers that follow the stack must be told when it changes.  Each wrapper
 * is empty where its checker is not there.
 */
#ifndef RPS_SANITIZER_H
#define RPS_SANITIZER_H

#include <rps/api.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>

static inline void asan_leave(void **fake_stack, const void *bottom,
			      size_t bytes)
{
	__sanitizer_start_switch_fiber(fake_stack, bottom, bytes);
}

static inline void asan_arrive(void *fake_stack, const void **from_bottom,
			       size_t *from_bytes)
{
	__sanitizer_finish_switch_fiber(fake_stack, from_bottom, from_bytes);
}

/* What lies on a stack that is begun anew is gone. */
static inline void asan_forget(const uint8_t *stack, size_t bytes)
{
	ASAN_UNPOISON_MEMORY_REGION(stack, bytes);
}
#else
static inline void asan_leave(void **fake_stack, const void *bottom,
			      size_t bytes)
{
	(void)fake_stack;
	(void)bottom;
	(void)bytes;
}

static inline void asan_arrive(void *fake_stack, const void **from_bottom,
			       size_t *from_bytes)
{
	(void)fake_stack;
	(void)from_bottom;
	(void)from_bytes;
}

static inline void asan_forget(const uint8_t *stack, size_t bytes)
{
	(void)stack;
	(void)bytes;
}
#endif

#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>

static inline unsigned int valgrind_stack_add(const uint8_t *stack,
					      size_t bytes)
{
	(void)stack;
	(void)bytes;
	return (unsigned int)VALGRIND_STACK_REGISTER(stack, stack + bytes);
}

static inline void valgrind_stack_remove(unsigned int id)
{
	(void)id;
	VALGRIND_STACK_DEREGISTER(id);
}
#else
static inline unsigned int valgrind_stack_add(const uint8_t *stack,
					      size_t bytes)
{
	(void)stack;
	(void)bytes;
	return 0;
}

static inline void valgrind_stack_remove(unsigned int id)
{
	(void)id;
}
#endif

#endif
