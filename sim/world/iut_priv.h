/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef RPS_IUT_PRIV_H
#define RPS_IUT_PRIV_H

#include "world_priv.h"

enum rps_rx_result iut_ept_rx(struct rps_node *node, struct rps_ept *ept,
			      const struct rps_msg *msg, void *priv);
enum rps_rx_result iut_chan_rx(struct rps_node *node, struct rps_ept *ept,
			       const struct rps_msg *msg, void *priv);

/* Bytes that the inbox has of a message, however long it was. */
static inline size_t iut_kept_bytes(const struct iut_msg *msg)
{
	return msg->len_bytes < IUT_PAYLOAD_MAX ? msg->len_bytes
						: IUT_PAYLOAD_MAX;
}

/* Handles of free endpoints come first, those of channels behind them. */
int iut_chan_handle(const struct iut *iut, const struct rps_ept *ept);

/* Return: the live endpoint behind a handle, or NULL. */
struct rps_ept *iut_ept(struct iut *iut, int handle);

#endif
