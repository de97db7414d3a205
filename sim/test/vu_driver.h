/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Our driver end in a frontend's place: an RPMsg node of role driver, whose
 * bus is a vhost-user socket.
 */
#ifndef RPS_TEST_VU_DRIVER_H
#define RPS_TEST_VU_DRIVER_H

#include <rps/node.h>

#include "vu_frontend.h"

#define VUD_EPTS  16u
#define VUD_CHANS 16u

struct vu_driver {
	struct vu_frontend fe;
	struct rps_mem mem; /* the driver's view */
	uint8_t status;
	struct rps_ept *ept_slot[VUD_EPTS];
	struct rps_chan chan_slot[VUD_CHANS];
	struct rps_node node;
};

/* Connects; nothing runs yet. */
void vud_open(struct vu_driver *driver, struct rps_vu *vu);
void vud_close(struct vu_driver *driver);

/* From reset to DRIVER_OK, with rings of @num entries, and back. */
void vud_start(struct vu_driver *driver, uint32_t num);
void vud_stop(struct vu_driver *driver);

#endif
