/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Marks of the public interface.  The Python binding reads these headers
 * through the preprocessor with RPS_CDEF set, which leaves plain prototypes.
 */
#ifndef RPS_API_H
#define RPS_API_H

#ifdef RPS_CDEF
#define RPS_API
#define RPS_CHECKED
#define RPS_COLD
#else
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#define RPS_API     __attribute__((visibility("default")))
#define RPS_CHECKED __attribute__((warn_unused_result))
/* Seldom called: kept out of the way of what is called for each message. */
#define RPS_COLD    __attribute__((cold, noinline))
#endif

/* The version of the binary interface: any change of a public struct. */
#define RPS_ABI_VERSION 1

#endif
