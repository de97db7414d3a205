/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * For our own bugs only: nothing that a peer writes may reach an assert.
 * Never compiled out.
 */
#ifndef RPS_ASSERT_H
#define RPS_ASSERT_H

#include <rps/api.h>

__attribute__((noreturn)) void rps_assert_failed(const char *condition,
						 const char *file, int line);

#define rps_assert(condition)                                                  \
	((condition) ? (void)0                                                 \
		     : rps_assert_failed(#condition, __FILE__, __LINE__))

#endif
