/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A frontend can shorten the file behind its memory after we have mapped it;
 * the next access then raises SIGBUS.  This keeps the process alive.
 */
#ifndef RPS_VHOST_USER_SIGBUS_H
#define RPS_VHOST_USER_SIGBUS_H

#include "vhost_user_impl.h"

/* Take @vu out of the guard, if it was in it. */
void rps_vu_sigbus_forget(const struct rps_vu *vu);

#endif
