/* SPDX-License-Identifier: BSD-3-Clause */
#include "allocs.h"

#include <stdlib.h>

/* Where glibc's own allocator is once malloc() is somebody else's. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t num, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void *__libc_memalign(size_t align, size_t size);
extern void __libc_free(void *old);

static uint64_t calls;

uint64_t allocs_so_far(void)
{
	return calls;
}

void *malloc(size_t size)
{
	calls++;
	return __libc_malloc(size);
}

void *calloc(size_t num, size_t size)
{
	calls++;
	return __libc_calloc(num, size);
}

void *realloc(void *old, size_t size)
{
	calls++;
	return __libc_realloc(old, size);
}

void *aligned_alloc(size_t align, size_t size)
{
	calls++;
	return __libc_memalign(align, size);
}

void free(void *old)
{
	calls++;
	__libc_free(old);
}
