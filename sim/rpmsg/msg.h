/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages on their way, as what runs for each of them has them. */
#ifndef RPS_RPMSG_MSG_H
#define RPS_RPMSG_MSG_H

#include <string.h>

#include <rps/msg.h>

/* One that is to be sent, in a plain view. */
struct outgoing {
	uint32_t src;
	uint32_t dst;
	const void *payload;
	uint32_t len_bytes; /* 16 bits */
	bool calls;         /* the payload is copied by a call, after all else:
			       nobody shows the message before; else it has
			       COPY_SHORT_MAX bytes at most */
};

/* A received one lies in one piece, in buffer @buf: both fields in one store. */
static inline void msg_lies_in(struct rps_msg *msg, uint32_t buf)
{
	uint32_t word = RPS_ORDER_HOST == RPS_ORDER_LE ? buf : buf << 16;

	_Static_assert(offsetof(struct rps_msg, gathered) ==
			       offsetof(struct rps_msg, buf) + sizeof(msg->buf),
		       "gathered lies behind buf");
	memcpy(&msg->buf, &word, sizeof(word));
}

#endif
