/* SPDX-License-Identifier: BSD-3-Clause */
#include "tape.h"

#include "suite_main.h"

const struct tape_msg tape_usual_msg = {
	.src = 1024,
	.dst = 1025,
	.len = TAPE_LEN,
};

void tape_open(struct tape *tape, const struct rps_monitor_config *config)
{
	*tape = (struct tape){
		.monitor = rps_monitor_create(config),
		.features = FEATURE_VERSION_1 | FEATURE_NS,
	};
	ck_assert_ptr_nonnull(tape->monitor);
}

void tape_close(struct tape *tape)
{
	rps_monitor_destroy(tape->monitor);
}

void tape_put(struct tape *tape, unsigned int end, enum rps_record_kind kind,
	      unsigned int what, uint64_t a, uint64_t b, uint64_t c)
{
	struct rps_record record = {
		.step = ++tape->step,
		.end = (uint8_t)end,
		.kind = (uint8_t)kind,
		.what = (uint8_t)what,
		.a = a,
		.b = b,
		.c = c,
	};

	if (tape->only && !(tape->only & 1u << end))
		return;
	rps_monitor_feed(tape->monitor, &record);
}

void tape_event(struct tape *tape, unsigned int end, enum rps_event event,
		uint64_t a, uint64_t b, uint64_t c)
{
	tape_put(tape, end, RPS_RECORD_EVENT, event, a, b, c);
}

void tape_fence(struct tape *tape, unsigned int end)
{
	tape_put(tape, end, RPS_RECORD_FENCE, SEAM_FENCE, 0, 0, 0);
}

/* --- places */

uint64_t tape_part(unsigned int queue, unsigned int part)
{
	return 0x10000 + 0x10000ull * queue + 0x1000ull * part;
}

uint64_t tape_buffer(unsigned int queue, unsigned int head)
{
	return 0x40000 + 0x10000ull * queue + (uint64_t)TAPE_BYTES * head;
}

struct spot {
	unsigned int part;
	unsigned int offset;
	unsigned int each;
	unsigned int len;
};

static const struct spot spot[NUM_SEAMS] = {
	[SEAM_DESC_ADDR] = { PART_DESC, 0, 16, 8 },
	[SEAM_DESC_LEN] = { PART_DESC, 8, 16, 4 },
	[SEAM_DESC_FLAGS] = { PART_DESC, 12, 16, 2 },
	[SEAM_DESC_NEXT] = { PART_DESC, 14, 16, 2 },
	[SEAM_AVAIL_FLAGS] = { PART_AVAIL, 0, 0, 2 },
	[SEAM_AVAIL_IDX] = { PART_AVAIL, 2, 0, 2 },
	[SEAM_AVAIL_RING] = { PART_AVAIL, 4, 2, 2 },
	[SEAM_USED_EVENT] = { PART_AVAIL, 4 + 2 * TAPE_NUM, 0, 2 },
	[SEAM_USED_FLAGS] = { PART_USED, 0, 0, 2 },
	[SEAM_USED_IDX] = { PART_USED, 2, 0, 2 },
	[SEAM_USED_ID] = { PART_USED, 4, 8, 4 },
	[SEAM_USED_LEN] = { PART_USED, 8, 8, 4 },
	[SEAM_AVAIL_EVENT] = { PART_USED, 4 + 8 * TAPE_NUM, 0, 2 },
};

void tape_touch(struct tape *tape, unsigned int end, enum rps_record_kind kind,
		enum seam seam, unsigned int queue, unsigned int slot,
		uint64_t value)
{
	const struct spot *at = &spot[seam];

	tape_put(tape, end, kind, seam,
		 tape_part(queue, at->part) + at->offset +
			 (uint64_t)at->each * slot,
		 value, at->len);
}

/* --- start-up */

void tape_status(struct tape *tape, uint8_t status)
{
	tape_event(tape, DRIVER, RPS_EVENT_status_write, status, 0, 0);
}

void tape_features(struct tape *tape)
{
	if (tape->event_idx)
		tape->features |= UINT64_C(1) << 29;
	tape_event(tape, DRIVER, RPS_EVENT_features_write, tape->features, 0,
		   0);
}

void tape_ring_start(struct tape *tape, unsigned int end)
{
	uint64_t num_flags = TAPE_NUM | (uint64_t)tape->event_idx << 16;

	for (unsigned int q = 0; q < NUM_QUEUES; q++) {
		tape_event(tape, end, RPS_EVENT_ring_start, q, num_flags,
			   tape->start_idx);
		for (unsigned int part = 0; part < NUM_PARTS; part++)
			tape_event(tape, end, RPS_EVENT_ring_place, q, part,
				   tape_part(q, part));
		if (end == DEVICE)
			continue;
		tape->queue[q] = (struct tape_queue){
			.avail = tape->start_idx,
			.used = tape->start_idx,
			.taken = tape->start_idx,
			.reclaimed = tape->start_idx,
			.avail_decided = tape->start_idx,
			.used_decided = tape->start_idx,
			.word = { tape->event_idx ? tape->start_idx : 0,
				  tape->event_idx ? tape->start_idx : 0 },
		};
		tape_touch(tape, end, RPS_RECORD_STORE, SEAM_AVAIL_IDX, q, 0,
			   tape->start_idx);
		tape_touch(tape, end, RPS_RECORD_STORE, SEAM_USED_IDX, q, 0,
			   tape->start_idx);
		tape_touch(tape, end, RPS_RECORD_STORE, SEAM_USED_EVENT, q, 0,
			   tape->start_idx);
		tape_touch(tape, end, RPS_RECORD_STORE, SEAM_AVAIL_EVENT, q, 0,
			   tape->start_idx);
	}
}

void tape_up(struct tape *tape)
{
	tape_status(tape, 0);
	tape_status(tape, STATUS_ACK);
	tape_status(tape, STATUS_ACK | STATUS_DRIVER);
	tape_features(tape);
	tape_status(tape, STATUS_ACK | STATUS_DRIVER | STATUS_FEATURES_OK);
	tape_ring_start(tape, DRIVER);
	for (uint16_t head = 0; head < TAPE_NUM; head++)
		tape_offer(tape, TO_DRIVER, head, TAPE_BYTES);
	tape_status(tape, STATUS_ACK | STATUS_DRIVER | STATUS_FEATURES_OK |
				  STATUS_DRIVER_OK);
	tape_ring_start(tape, DEVICE);
	tape_tell(tape, DRIVER, TO_DRIVER);
}

/* --- the driver */

void tape_desc(struct tape *tape, unsigned int queue, uint16_t head,
	       uint16_t flags, uint32_t len)
{
	uint64_t addr = tape_buffer(queue, head);

	tape->queue[queue].desc_flags[head % TAPE_NUM] = flags;
	tape->queue[queue].desc_len[head % TAPE_NUM] = len;
	tape_touch(tape, DRIVER, RPS_RECORD_STORE, SEAM_DESC_ADDR, queue, head,
		   addr);
	tape_touch(tape, DRIVER, RPS_RECORD_STORE, SEAM_DESC_LEN, queue, head,
		   len);
	tape_touch(tape, DRIVER, RPS_RECORD_STORE, SEAM_DESC_FLAGS, queue, head,
		   flags);
	tape_touch(tape, DRIVER, RPS_RECORD_STORE, SEAM_DESC_NEXT, queue, head,
		   0);
	tape_event(tape, DRIVER, RPS_EVENT_desc_write, queue, addr,
		   (uint64_t)head << 48 | (uint64_t)flags << 32 | len);
}

void tape_slot(struct tape *tape, unsigned int queue, uint16_t head)
{
	uint16_t slot = tape->queue[queue].avail % TAPE_NUM;

	tape->queue[queue].head[slot] = head;
	tape_touch(tape, DRIVER, RPS_RECORD_STORE, SEAM_AVAIL_RING, queue, slot,
		   head);
}

void tape_avail(struct tape *tape, unsigned int queue, uint16_t head)
{
	uint16_t idx = ++tape->queue[queue].avail;

	tape_event(tape, DRIVER, RPS_EVENT_avail_publish, queue, head, idx);
	tape_touch(tape, DRIVER, RPS_RECORD_PUBLISH, SEAM_AVAIL_IDX, queue, 0,
		   idx);
}

void tape_offer(struct tape *tape, unsigned int queue, uint16_t head,
		uint32_t len)
{
	tape_desc(tape, queue, head, queue == TO_DRIVER ? F_WRITE : 0, len);
	tape_slot(tape, queue, head);
	tape_avail(tape, queue, head);
}

void tape_look_used(struct tape *tape, unsigned int queue)
{
	struct tape_queue *q = &tape->queue[queue];

	tape_touch(tape, DRIVER, RPS_RECORD_ACQUIRE, SEAM_USED_IDX, queue, 0,
		   q->used);
	tape_event(tape, DRIVER, RPS_EVENT_used_seen, queue, q->used,
		   q->reclaimed);
}

void tape_read_elem(struct tape *tape, unsigned int queue)
{
	struct tape_queue *q = &tape->queue[queue];
	uint16_t slot = q->reclaimed % TAPE_NUM;

	tape_touch(tape, DRIVER, RPS_RECORD_LOAD, SEAM_USED_ID, queue, slot,
		   q->id[slot]);
	tape_touch(tape, DRIVER, RPS_RECORD_LOAD, SEAM_USED_LEN, queue, slot,
		   q->len[slot]);
}

void tape_reclaimed(struct tape *tape, unsigned int queue)
{
	struct tape_queue *q = &tape->queue[queue];
	uint16_t slot = q->reclaimed++ % TAPE_NUM;

	tape_event(tape, DRIVER, RPS_EVENT_buffer_reclaim, queue, q->id[slot],
		   q->len[slot]);
}

void tape_reclaim(struct tape *tape, unsigned int queue)
{
	tape_look_used(tape, queue);
	tape_read_elem(tape, queue);
	tape_reclaimed(tape, queue);
}

/* --- the device */

void tape_look_avail(struct tape *tape, unsigned int queue)
{
	struct tape_queue *q = &tape->queue[queue];

	tape_touch(tape, DEVICE, RPS_RECORD_ACQUIRE, SEAM_AVAIL_IDX, queue, 0,
		   q->avail);
	tape_event(tape, DEVICE, RPS_EVENT_avail_seen, queue, q->avail,
		   q->taken);
}

void tape_read_slot(struct tape *tape, unsigned int queue)
{
	struct tape_queue *q = &tape->queue[queue];
	uint16_t slot = q->taken % TAPE_NUM;

	tape_touch(tape, DEVICE, RPS_RECORD_LOAD, SEAM_AVAIL_RING, queue, slot,
		   q->head[slot]);
}

void tape_taken(struct tape *tape, unsigned int queue)
{
	struct tape_queue *q = &tape->queue[queue];
	uint16_t head = q->head[q->taken % TAPE_NUM];

	tape_event(tape, DEVICE, RPS_EVENT_buffer_take, queue, head,
		   ++q->taken);
	tape_event(tape, DEVICE, RPS_EVENT_desc_read, queue,
		   tape_buffer(queue, head),
		   (uint64_t)head << 48 |
			   (uint64_t)q->desc_flags[head % TAPE_NUM] << 32 |
			   q->desc_len[head % TAPE_NUM]);
}

void tape_take(struct tape *tape, unsigned int queue)
{
	tape_look_avail(tape, queue);
	tape_read_slot(tape, queue);
	tape_taken(tape, queue);
}

void tape_elem(struct tape *tape, unsigned int queue, uint32_t id, uint32_t len)
{
	struct tape_queue *q = &tape->queue[queue];
	uint16_t slot = q->used % TAPE_NUM;

	q->id[slot] = id;
	q->len[slot] = len;
	tape_touch(tape, DEVICE, RPS_RECORD_STORE, SEAM_USED_ID, queue, slot,
		   id);
	tape_touch(tape, DEVICE, RPS_RECORD_STORE, SEAM_USED_LEN, queue, slot,
		   len);
}

void tape_used(struct tape *tape, unsigned int queue, uint32_t id, uint32_t len)
{
	uint16_t idx = ++tape->queue[queue].used;

	tape_event(tape, DEVICE, RPS_EVENT_used_write, queue, id, len);
	tape_event(tape, DEVICE, RPS_EVENT_used_publish, queue, id, idx);
	tape_touch(tape, DEVICE, RPS_RECORD_PUBLISH, SEAM_USED_IDX, queue, 0,
		   idx);
}

void tape_complete(struct tape *tape, unsigned int queue, uint32_t id,
		   uint32_t len)
{
	tape_elem(tape, queue, id, len);
	tape_used(tape, queue, id, len);
}

/* --- notifications */

static enum seam wish_of(const struct tape *tape, unsigned int end)
{
	if (end == DRIVER)
		return tape->event_idx ? SEAM_USED_EVENT : SEAM_AVAIL_FLAGS;
	return tape->event_idx ? SEAM_AVAIL_EVENT : SEAM_USED_FLAGS;
}

void tape_wish(struct tape *tape, unsigned int end, unsigned int queue,
	       uint16_t word)
{
	tape->queue[queue].word[end] = word;
	tape_touch(tape, end, RPS_RECORD_STORE, wish_of(tape, end), queue, 0,
		   word);
}

void tape_read_wish(struct tape *tape, unsigned int end, unsigned int queue)
{
	tape_touch(tape, end, RPS_RECORD_LOAD, wish_of(tape, 1 - end), queue, 0,
		   tape->queue[queue].word[1 - end]);
}

void tape_decided(struct tape *tape, unsigned int end, unsigned int queue,
		  uint16_t word, bool wanted)
{
	struct tape_queue *q = &tape->queue[queue];

	tape_event(tape, end,
		   end == DRIVER ? RPS_EVENT_kick_decide
				 : RPS_EVENT_notify_decide,
		   queue, word, wanted);
	q->avail_decided = end == DRIVER ? q->avail : q->avail_decided;
	q->used_decided = end == DEVICE ? q->used : q->used_decided;
}

void tape_notify(struct tape *tape, unsigned int end, unsigned int queue)
{
	tape_event(tape, end, end == DRIVER ? RPS_EVENT_kick : RPS_EVENT_notify,
		   queue, 0, 0);
}

/* The truth, found out the long way: was an entry that was published since
 * then the one that the peer waits for? */
static bool is_wanted(const struct tape *tape, unsigned int end,
		      unsigned int queue)
{
	const struct tape_queue *q = &tape->queue[queue];
	uint16_t entry = end == DRIVER ? q->avail_decided : q->used_decided;
	uint16_t next = end == DRIVER ? q->avail : q->used;
	uint16_t word = q->word[1 - end];

	if (!tape->event_idx)
		return entry != next && !(word & 1);
	for (; entry != next; entry++) {
		if (entry == word)
			return true;
	}
	return false;
}

void tape_tell(struct tape *tape, unsigned int end, unsigned int queue)
{
	bool wanted = is_wanted(tape, end, queue);

	tape_fence(tape, end);
	tape_read_wish(tape, end, queue);
	tape_decided(tape, end, queue, tape->queue[queue].word[1 - end],
		     wanted);
	if (wanted)
		tape_notify(tape, end, queue);
}

void tape_look(struct tape *tape, unsigned int end, unsigned int queue)
{
	struct tape_queue *q = &tape->queue[queue];

	tape_touch(tape, end, RPS_RECORD_LOAD,
		   end == DRIVER ? SEAM_USED_IDX : SEAM_AVAIL_IDX, queue, 0,
		   end == DRIVER ? q->used : q->avail);
}

void tape_arm(struct tape *tape, unsigned int end, unsigned int queue)
{
	struct tape_queue *q = &tape->queue[queue];

	tape_event(tape, end,
		   end == DRIVER ? RPS_EVENT_irq_arm : RPS_EVENT_kick_arm,
		   queue, end == DRIVER ? q->used : q->avail,
		   end == DRIVER ? q->reclaimed : q->taken);
}

/* --- messages */

static uint64_t src_dst(const struct tape_msg *msg)
{
	return (uint64_t)msg->src << 32 | msg->dst;
}

static uint64_t rest(const struct tape_msg *msg)
{
	return (uint64_t)msg->reserved << 32 | (uint32_t)msg->len << 16 |
	       msg->flags;
}

/* FNV-1a of the header in little endian. */
static uint32_t digest(const struct tape_msg *msg)
{
	const uint32_t word[] = { msg->src, msg->dst, msg->reserved,
				  (uint32_t)msg->flags << 16 | msg->len };
	uint32_t hash = 2166136261u;

	for (unsigned int i = 0; i < ARRAY_SIZE(word); i++) {
		for (unsigned int byte = 0; byte < 4; byte++)
			hash = (hash ^ (word[i] >> 8 * byte & 0xff)) *
			       16777619u;
	}
	return hash;
}

static unsigned int sends_on(unsigned int end)
{
	return end == DRIVER ? TO_DEVICE : TO_DRIVER;
}

void tape_write(struct tape *tape, unsigned int end, unsigned int head,
		const struct tape_msg *msg)
{
	uint64_t at = tape_buffer(sends_on(end), head);

	tape_put(tape, end, RPS_RECORD_COPY_OUT, SEAM_HDR, at, digest(msg),
		 HEADER_BYTES);
	tape_event(tape, end, RPS_EVENT_header_write, at, src_dst(msg),
		   rest(msg));
	if (msg->len)
		tape_put(tape, end, RPS_RECORD_COPY_OUT, SEAM_PAYLOAD,
			 at + HEADER_BYTES, 0, msg->len);
}

void tape_read(struct tape *tape, unsigned int end, unsigned int head,
	       const struct tape_msg *msg)
{
	uint64_t at = tape_buffer(sends_on(1 - end), head);

	tape_put(tape, end, RPS_RECORD_COPY_IN, SEAM_HDR, at, digest(msg),
		 HEADER_BYTES);
	tape_event(tape, end, RPS_EVENT_header_read, at, src_dst(msg),
		   rest(msg));
}

void tape_deliver(struct tape *tape, unsigned int end,
		  const struct tape_msg *msg)
{
	tape_event(tape, end, RPS_EVENT_message_deliver, msg->src, msg->dst,
		   msg->len);
}

static void sent(struct tape *tape, unsigned int end,
		 const struct tape_msg *msg)
{
	tape_event(tape, end, RPS_EVENT_message_send, msg->src, msg->dst,
		   msg->len);
}

static void send_by_driver(struct tape *tape, uint16_t head,
			   const struct tape_msg *msg)
{
	tape_write(tape, DRIVER, head, msg);
	tape_offer(tape, TO_DEVICE, head, HEADER_BYTES + msg->len);
	tape_tell(tape, DRIVER, TO_DEVICE);
	sent(tape, DRIVER, msg);
	tape_take(tape, TO_DEVICE);
	tape_read(tape, DEVICE, head, msg);
}

static void send_by_device(struct tape *tape, const struct tape_msg *msg)
{
	uint16_t slot = tape->queue[TO_DRIVER].taken % TAPE_NUM;
	uint16_t head = tape->queue[TO_DRIVER].head[slot];

	tape_take(tape, TO_DRIVER);
	tape_write(tape, DEVICE, head, msg);
	tape_complete(tape, TO_DRIVER, head, HEADER_BYTES + msg->len);
	tape_tell(tape, DEVICE, TO_DRIVER);
	sent(tape, DEVICE, msg);
	tape_reclaim(tape, TO_DRIVER);
	tape_read(tape, DRIVER, head, msg);
}

void tape_send_to_read(struct tape *tape, unsigned int end, uint16_t head,
		       const struct tape_msg *msg)
{
	if (end == DRIVER)
		send_by_driver(tape, head, msg);
	else
		send_by_device(tape, msg);
}

void tape_give_back(struct tape *tape, unsigned int receiver)
{
	unsigned int queue = sends_on(1 - receiver);
	struct tape_queue *q = &tape->queue[queue];

	if (receiver == DEVICE) {
		tape_complete(tape, queue,
			      q->head[(uint16_t)(q->taken - 1) % TAPE_NUM], 0);
		tape_tell(tape, DEVICE, queue);
		tape_reclaim(tape, queue);
		return;
	}
	tape_offer(tape, queue,
		   (uint16_t)q->id[(uint16_t)(q->reclaimed - 1) % TAPE_NUM],
		   TAPE_BYTES);
	tape_tell(tape, DRIVER, queue);
}

void tape_send(struct tape *tape, unsigned int end, uint16_t head,
	       const struct tape_msg *msg)
{
	tape_send_to_read(tape, end, head, msg);
	tape_deliver(tape, 1 - end, msg);
	tape_give_back(tape, 1 - end);
}
