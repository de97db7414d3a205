/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Records as two faultless ends would make them, a piece at a time, so that a
 * test can leave out, change or add one.
 */
#ifndef RPS_TEST_TAPE_H
#define RPS_TEST_TAPE_H

#include "../monitor/monitor_priv.h"

#define TAPE_NUM   4u /* entries of each ring */
#define TAPE_BYTES 512u
#define TAPE_LEN   12u /* payload of a usual message */

struct tape_queue {
	uint16_t avail; /* next entry of each ring that is published */
	uint16_t used;
	uint16_t taken; /* next entry of each ring that is consumed */
	uint16_t reclaimed;
	uint16_t avail_decided;
	uint16_t used_decided;
	uint16_t word[NUM_ENDS]; /* the wish of each end */
	uint16_t head[TAPE_NUM]; /* entries of the available ring */
	uint32_t id[TAPE_NUM];   /* of the used ring */
	uint32_t len[TAPE_NUM];
	uint16_t desc_flags[TAPE_NUM];
	uint32_t desc_len[TAPE_NUM];
};

struct tape {
	struct rps_monitor *monitor;
	struct tape_queue queue[NUM_QUEUES];
	uint64_t features;
	uint64_t step;
	uint16_t start_idx;
	bool event_idx;
	unsigned int only; /* bit per end whose records are on the tape; 0: all */
};

/* A tape that a new monitor reads while it is written. */
void tape_open(struct tape *tape, const struct rps_monitor_config *config);
void tape_close(struct tape *tape);

void tape_put(struct tape *tape, unsigned int end, enum rps_record_kind kind,
	      unsigned int what, uint64_t a, uint64_t b, uint64_t c);
void tape_event(struct tape *tape, unsigned int end, enum rps_event event,
		uint64_t a, uint64_t b, uint64_t c);
void tape_fence(struct tape *tape, unsigned int end);

/* Places in memory. */
uint64_t tape_part(unsigned int queue, unsigned int part);
uint64_t tape_buffer(unsigned int queue, unsigned int head);
/* An access of one word of a ring, at its place; @slot where there are many. */
void tape_touch(struct tape *tape, unsigned int end, enum rps_record_kind kind,
		enum seam seam, unsigned int queue, unsigned int slot,
		uint64_t value);

/* Both ends, up to and including the first kick: N buffers are offered. */
void tape_up(struct tape *tape);
void tape_status(struct tape *tape, uint8_t status);
void tape_features(struct tape *tape);
void tape_ring_start(struct tape *tape, unsigned int end);

/* The driver. */
void tape_desc(struct tape *tape, unsigned int queue, uint16_t head,
	       uint16_t flags, uint32_t len);
void tape_slot(struct tape *tape, unsigned int queue, uint16_t head);
void tape_avail(struct tape *tape, unsigned int queue, uint16_t head);
void tape_offer(struct tape *tape, unsigned int queue, uint16_t head,
		uint32_t len); /* desc, slot, avail */
void tape_look_used(struct tape *tape, unsigned int queue);
void tape_read_elem(struct tape *tape, unsigned int queue);
void tape_reclaimed(struct tape *tape, unsigned int queue);
void tape_reclaim(struct tape *tape, unsigned int queue); /* the three above */

/* The device. */
void tape_look_avail(struct tape *tape, unsigned int queue);
void tape_read_slot(struct tape *tape, unsigned int queue);
void tape_taken(struct tape *tape, unsigned int queue);
void tape_take(struct tape *tape, unsigned int queue); /* the three above */
void tape_elem(struct tape *tape, unsigned int queue, uint32_t id,
	       uint32_t len);
void tape_used(struct tape *tape, unsigned int queue, uint32_t id,
	       uint32_t len);
void tape_complete(struct tape *tape, unsigned int queue, uint32_t id,
		   uint32_t len); /* elem, used */

/* Either end, about what it has published or looks for. */
void tape_wish(struct tape *tape, unsigned int end, unsigned int queue,
	       uint16_t word);
void tape_read_wish(struct tape *tape, unsigned int end, unsigned int queue);
void tape_decided(struct tape *tape, unsigned int end, unsigned int queue,
		  uint16_t word, bool wanted);
void tape_notify(struct tape *tape, unsigned int end, unsigned int queue);
/* fence, read_wish, decided as it has to be, notify */
void tape_tell(struct tape *tape, unsigned int end, unsigned int queue);
void tape_arm(struct tape *tape, unsigned int end, unsigned int queue);
void tape_look(struct tape *tape, unsigned int end, unsigned int queue);

/* Messages from @end: header and payload into the buffer at @head. */
struct tape_msg {
	uint32_t src;
	uint32_t dst;
	uint32_t reserved;
	uint16_t len;
	uint16_t flags;
};

extern const struct tape_msg tape_usual_msg;

void tape_write(struct tape *tape, unsigned int end, unsigned int head,
		const struct tape_msg *msg);
void tape_read(struct tape *tape, unsigned int end, unsigned int head,
	       const struct tape_msg *msg);
void tape_deliver(struct tape *tape, unsigned int end,
		  const struct tape_msg *msg);
/* A whole message: written, published, told, consumed, delivered, its buffer
 * back, told. @end sends; buffers of queue 0 are taken as they come. */
void tape_send(struct tape *tape, unsigned int end, uint16_t head,
	       const struct tape_msg *msg);
/* The same up to where the receiver has read the header. */
void tape_send_to_read(struct tape *tape, unsigned int end, uint16_t head,
		       const struct tape_msg *msg);
/* And from there on, where the buffer goes back. */
void tape_give_back(struct tape *tape, unsigned int receiver);

#endif
