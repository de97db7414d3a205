/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One link over plain memory, for targets in which one end is ours and the
 * other one is the input.  Each part of memory is an allocation of its own and
 * not a byte longer, so that a sanitizer sees each step outside.
 */
#ifndef RPS_FUZZ_LINK_H
#define RPS_FUZZ_LINK_H

#include <rps/monitor.h>
#include <rps/node.h>
#include <rps/world.h>

#include "fuzz.h"

#define LINK_NUM_MAX     32u
#define LINK_BUF_BYTES   64u
#define LINK_SPARE_BYTES 512u
#define LINK_EPTS        8u
#define LINK_CHANS       4u
#define LINK_DRIVER_ADDR 1024u
#define LINK_DEVICE_ADDR 1025u

/* Parts of memory, each a region; the first two are the rings by queue. */
enum link_part {
	PART_SPARE = RPS_NUM_QUEUES, /* indirect tables and anything else */
	PART_BUFS,
	NUM_PARTS
};

/* Bits of the byte that begins an input; the two lowest say how many entries
 * there are: 1, 2, 8 or 32. */
#define LINK_BIG_ENDIAN 0x04u /* legacy, on a big-endian processor */
#define LINK_EVENT_IDX  0x08u
#define LINK_INDIRECT   0x10u
#define LINK_NS         0x20u
#define LINK_WATCHED    0x40u /* by the monitor; see link_watch() */
#define LINK_ARRAYS     0x80u /* messages come in arrays; see link_poll() */

struct link_part_of {
	struct gpa base;
	uint8_t *bytes;
	uint8_t *before; /* link_remember() */
	uint32_t len_bytes;
};

struct fuzz_link {
	struct link_part_of part[NUM_PARTS];
	uint32_t num; /* entries */
	uint8_t mode;
	uint64_t features;
	uint8_t status;
	struct rps_mem mem; /* the driver's view */
	struct rps_xport xport;
	struct rps_drv_params params;
	struct rps_node driver;
	struct rps_node device;
	struct rps_ept ept[2]; /* by role */
	struct rps_ept *ept_slot[2][LINK_EPTS];
	struct rps_chan chan_slot[2][LINK_CHANS];
	unsigned int heard; /* messages since link_heals() began */
	/* Entries that were taken behind that of the message now heard;
	 * negative where what was refused lies between them. */
	int behind;
	uint32_t watched;            /* RPS_END_DRIVER or RPS_END_DEVICE */
	struct rps_monitor *monitor; /* or NULL */
	struct rps_probe probe;
};

/* @mode: see above. @rx: of both endpoints, with the link as its priv. */
void link_open(struct fuzz_link *link, uint8_t mode, rps_rx_fn rx);
void link_close(struct fuzz_link *link);

/* Let the monitor judge @end, which is ours, where the mode says so. */
void link_watch(struct fuzz_link *link, uint32_t end);

/* Whatever the peer did, our end is not to blame. */
void link_require_blameless(const struct fuzz_link *link);

/* From reset to DRIVER_OK, as an honest driver; the device is not started. */
void link_probe(struct fuzz_link *link);

/* rps_node_poll(), or the same by rps_node_receive() and rps_node_done(). */
bool link_poll(struct fuzz_link *link, struct rps_node *node);

/* Whatever happened: after a reset, a message arrives in each direction. */
void link_heals(struct fuzz_link *link);

/* Pointer to @len_bytes bytes of the part that @addr lies in, or NULL. */
uint8_t *link_at(const struct fuzz_link *link, struct gpa addr,
		 uint64_t len_bytes);

/* An address out of the input: a part (or anywhere) and an offset. */
struct gpa link_take_addr(const struct fuzz_link *link, struct fuzz_input *in);

/* One byte anywhere in memory, out of the input. */
void link_poke(struct fuzz_link *link, struct fuzz_input *in);

/* Integers in the byte order of the link, read and written byte by byte. */
uint64_t link_get(const struct fuzz_link *link, const void *at,
		  unsigned int len_bytes);
void link_put(const struct fuzz_link *link, void *at, unsigned int len_bytes,
	      uint64_t value);

/* The header at @bytes, read without our code. */
struct rps_hdr link_get_hdr(const struct fuzz_link *link, const uint8_t *bytes);
void link_put_hdr(const struct fuzz_link *link, uint8_t *bytes,
		  const struct rps_hdr *hdr);

/* One descriptor, read and written without our code. */
struct link_desc {
	struct gpa addr;
	uint32_t len_bytes;
	uint16_t flags;
	uint16_t next;
};

struct link_desc link_get_desc(const struct fuzz_link *link, const void *at);
void link_put_desc(const struct fuzz_link *link, void *at,
		   const struct link_desc *desc);

/* Take a picture of memory, to be compared with later. */
void link_remember(struct fuzz_link *link);

/* Say that these bytes may differ from the picture. */
void link_may_change(struct fuzz_link *link, const void *at, size_t len_bytes);

/* Nothing but what may change has changed. */
void link_require_unchanged(const struct fuzz_link *link);

#endif
