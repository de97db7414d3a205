/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Both ends of RPMsg in one process, over plain memory: what is measured.
 */
#ifndef BENCH_LINK_H
#define BENCH_LINK_H

#include <rps/node.h>

#define LINK_NUM       256u /* entries per ring */
#define LINK_BUF_BYTES 512u
#define LINK_EPTS      64u /* per end, so that a lookup has to choose */
#define LINK_GPA       UINT64_C(0x20000000)
#define LINK_RINGS     0x4000u /* bytes from one ring to the next */
#define LINK_BUFS      (2u * LINK_RINGS)
#define LINK_BYTES     (LINK_BUFS + 2u * LINK_NUM * LINK_BUF_BYTES)

/* One end, with all the storage that its node asks for. */
struct link_end {
	struct rps_node node;
	struct rps_ept ept[LINK_EPTS];
	struct rps_ept *ept_slot[LINK_EPTS];
	struct rps_chan chan_slot[1];
};

struct link {
	_Alignas(4096) uint8_t bytes[LINK_BYTES]; /* what both share */
	/* Nobody writes this while messages flow. */
	_Alignas(64) struct rps_mem mem; /* the driver's view */
	struct rps_xport xport;          /* the device's side */
	uint8_t status;
	uint64_t features; /* offered */
	_Alignas(64) struct link_end driver;
	uint64_t kicks;
	_Alignas(64) struct link_end device;
	uint64_t irqs;
};

/**
 * link_up() - bring both ends up, with endpoints from 1024 on.
 * @link:      aligned as its type; whatever was in it is forgotten.
 * @event_idx: whether VIRTIO_F_EVENT_IDX is offered.
 * @rx:        callback of all endpoints; @priv is handed to it.
 */
void link_up(struct link *link, bool event_idx, rps_rx_fn rx, void *priv);

#endif
