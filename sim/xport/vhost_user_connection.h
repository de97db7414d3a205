/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The one connection of a back end: it is accepted, served and ended here.
 */
#ifndef RPS_VHOST_USER_CONNECTION_H
#define RPS_VHOST_USER_CONNECTION_H

#include "vhost_user_impl.h"

/* End it, and go back to the state before it; what is counted stays. */
void rps_vu_disconnect(struct rps_vu *vu, const char *why);

#endif
