/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Each rule of the monitor, by two streams: one that keeps it, and one that
 * breaks it and nothing else.
 */
#include <inttypes.h>
#include <string.h>

#include "suite_main.h"
#include "tape.h"

static const struct tape_msg *usual = &tape_usual_msg;

static unsigned int sends_on(unsigned int end)
{
	return end == DRIVER ? TO_DEVICE : TO_DRIVER;
}

static void rest(struct tape *t)
{
	rps_monitor_rest(t->monitor);
}

/* The driver's message at @head, up to where the device could take it. */
static void post(struct tape *t, uint16_t head)
{
	tape_write(t, DRIVER, head, usual);
	tape_offer(t, TO_DEVICE, head, HEADER_BYTES + TAPE_LEN);
}

/* The device's next message, up to where the driver could take it. */
static void answer(struct tape *t, uint16_t head)
{
	tape_take(t, TO_DRIVER);
	tape_write(t, DEVICE, head, usual);
	tape_complete(t, TO_DRIVER, head, HEADER_BYTES + TAPE_LEN);
}

static void produce(struct tape *t, unsigned int end, uint16_t head)
{
	if (end == DRIVER)
		post(t, head);
	else
		answer(t, head);
}

static void avail_as(struct tape *t, unsigned int queue, uint16_t head,
		     uint16_t idx)
{
	t->queue[queue].avail = (uint16_t)(idx - 1);
	tape_avail(t, queue, head);
}

static void used_as(struct tape *t, unsigned int queue, uint32_t id,
		    uint32_t len, uint16_t idx)
{
	t->queue[queue].used = (uint16_t)(idx - 1);
	tape_used(t, queue, id, len);
}

/* --- entries of a ring */

static void avail_head(struct tape *t, unsigned int end, bool wrong)
{
	uint16_t head = wrong ? TAPE_NUM : 0;

	(void)end;
	tape_write(t, DRIVER, 0, usual);
	tape_desc(t, TO_DEVICE, 0, 0, HEADER_BYTES + TAPE_LEN);
	tape_slot(t, TO_DEVICE, head);
	tape_avail(t, TO_DEVICE, head);
}

static void touch_at(struct tape *t, unsigned int end, unsigned int writer,
		     enum seam seam, uint64_t at)
{
	tape_put(t, end, end == writer ? RPS_RECORD_STORE : RPS_RECORD_LOAD,
		 seam, at, 0, 2);
}

static void desc_place(struct tape *t, unsigned int end, bool wrong)
{
	touch_at(t, end, DRIVER, SEAM_DESC_FLAGS,
		 tape_part(TO_DEVICE, PART_DESC) + 12 + 2 * wrong);
}

static void avail_place(struct tape *t, unsigned int end, bool wrong)
{
	touch_at(t, end, DRIVER, SEAM_AVAIL_RING,
		 tape_part(TO_DEVICE, PART_AVAIL) + 4 - 2 * wrong);
}

static void used_place(struct tape *t, unsigned int end, bool wrong)
{
	touch_at(t, end, DEVICE, SEAM_USED_ID,
		 tape_part(TO_DEVICE, PART_USED) + 4 + 4 * wrong);
}

static void event_place(struct tape *t, unsigned int end, bool wrong)
{
	touch_at(t, end, DRIVER, SEAM_USED_EVENT,
		 tape_part(TO_DEVICE, PART_AVAIL) + 4 + 2 * (TAPE_NUM - wrong));
}

static void idx_free_running(struct tape *t, unsigned int end, bool wrong)
{
	uint16_t next = wrong ? 1 : TAPE_NUM + 1;

	for (uint16_t i = 0; i < TAPE_NUM; i++)
		tape_send(t, DEVICE, 0, usual);
	if (end == DRIVER) {
		tape_send(t, DRIVER, 0, usual);
		for (uint16_t i = 1; i < TAPE_NUM; i++)
			tape_send(t, DRIVER, 0, usual);
		tape_write(t, DRIVER, 0, usual);
		tape_desc(t, TO_DEVICE, 0, 0, HEADER_BYTES + TAPE_LEN);
		tape_slot(t, TO_DEVICE, 0);
		avail_as(t, TO_DEVICE, 0, next);
		return;
	}
	tape_take(t, TO_DRIVER);
	tape_write(t, DEVICE, 0, usual);
	tape_elem(t, TO_DRIVER, 0, HEADER_BYTES + TAPE_LEN);
	used_as(t, TO_DRIVER, 0, HEADER_BYTES + TAPE_LEN, next);
}

static void entry_order(struct tape *t, unsigned int end, bool wrong)
{
	if (end == DRIVER) {
		answer(t, 0);
		tape_event(t, end, RPS_EVENT_used_seen, TO_DRIVER, 1, wrong);
		return;
	}
	post(t, 0);
	tape_look_avail(t, TO_DEVICE);
	tape_read_slot(t, TO_DEVICE);
	tape_event(t, end, RPS_EVENT_buffer_take, TO_DEVICE, 0, wrong ? 2 : 1);
}

static void entry_slot(struct tape *t, unsigned int end, bool wrong)
{
	if (end == DRIVER) {
		answer(t, 0);
		tape_look_used(t, TO_DRIVER);
		tape_touch(t, end, RPS_RECORD_LOAD, SEAM_USED_ID, TO_DRIVER,
			   wrong, 0);
		tape_reclaimed(t, TO_DRIVER);
		return;
	}
	post(t, 0);
	tape_look_avail(t, TO_DEVICE);
	tape_touch(t, end, RPS_RECORD_LOAD, SEAM_AVAIL_RING, TO_DEVICE, wrong,
		   0);
	tape_taken(t, TO_DEVICE);
}

static void take_head(struct tape *t, unsigned int end, bool wrong)
{
	post(t, 0);
	post(t, 1);
	tape_look_avail(t, TO_DEVICE);
	tape_read_slot(t, TO_DEVICE);
	tape_event(t, end, RPS_EVENT_buffer_take, TO_DEVICE, wrong, 1);
}

static void entry_wrap(struct tape *t, unsigned int end, bool wrong)
{
	uint16_t own = wrong ? 0xfffe : 0xffff;

	produce(t, 1 - end, 0);
	tape_event(t, end,
		   end == DRIVER ? RPS_EVENT_used_seen : RPS_EVENT_avail_seen,
		   sends_on(1 - end), 0, own);
}

static void entry_published(struct tape *t, unsigned int end, bool wrong)
{
	post(t, 0);
	post(t, 1);
	if (end == DEVICE) {
		tape_take(t, TO_DEVICE);
		tape_take(t, TO_DEVICE);
		if (wrong)
			tape_event(t, end, RPS_EVENT_buffer_take, TO_DEVICE, 0,
				   3);
		return;
	}
	tape_take(t, TO_DEVICE);
	if (!wrong) {
		tape_complete(t, TO_DEVICE, 0, 0);
		tape_look_used(t, TO_DEVICE);
	}
	tape_event(t, end, RPS_EVENT_buffer_reclaim, TO_DEVICE, 0, 0);
}

static void break_cause(struct tape *t, unsigned int end, bool wrong)
{
	if (!wrong)
		tape_event(t, DRIVER, RPS_EVENT_memory_change,
			   tape_part(TO_DRIVER, PART_DESC), 4, 0);
	tape_event(t, end, RPS_EVENT_queue_broken, TO_DRIVER, 1, 0);
}

static void break_id(struct tape *t, unsigned int end, bool wrong)
{
	if (!wrong)
		tape_event(t, DRIVER, RPS_EVENT_memory_change,
			   tape_part(TO_DRIVER, PART_DESC), 4, 0);
	tape_event(t, end, RPS_EVENT_queue_broken, TO_DRIVER, 2, 0);
}

static void full_ring(struct tape *t, unsigned int end, bool wrong)
{
	unsigned int queue = sends_on(1 - end);

	for (uint16_t i = 0; i < TAPE_NUM; i++)
		produce(t, 1 - end, i);
	tape_tell(t, 1 - end, queue);
	for (uint16_t i = 0; i < TAPE_NUM && !wrong; i++) {
		if (end == DRIVER)
			tape_reclaim(t, queue);
		else
			tape_take(t, queue);
	}
	rest(t);
}

static void avail_forward(struct tape *t, unsigned int end, bool wrong)
{
	(void)end;
	tape_write(t, DRIVER, 0, usual);
	tape_desc(t, TO_DEVICE, 0, 0, HEADER_BYTES + TAPE_LEN);
	tape_slot(t, TO_DEVICE, 0);
	avail_as(t, TO_DEVICE, 0, wrong ? 0xffff : 1);
}

static void avail_outstanding(struct tape *t, unsigned int end, bool wrong)
{
	(void)end;
	for (uint16_t i = 0; i < TAPE_NUM; i++)
		post(t, i);
	if (!wrong)
		return;
	tape_slot(t, TO_DEVICE, 0);
	tape_avail(t, TO_DEVICE, 0);
}

static void avail_once(struct tape *t, unsigned int end, bool wrong)
{
	(void)end;
	post(t, 0);
	if (!wrong) {
		post(t, 1);
		return;
	}
	tape_slot(t, TO_DEVICE, 0);
	tape_avail(t, TO_DEVICE, 0);
}

static void used_forward(struct tape *t, unsigned int end, bool wrong)
{
	(void)end;
	post(t, 0);
	tape_take(t, TO_DEVICE);
	tape_elem(t, TO_DEVICE, 0, 0);
	used_as(t, TO_DEVICE, 0, 0, wrong ? 2 : 1);
}

static void used_id(struct tape *t, unsigned int end, bool wrong)
{
	(void)end;
	post(t, 0);
	post(t, 1);
	tape_take(t, TO_DEVICE);
	tape_complete(t, TO_DEVICE, wrong, 0);
}

static void reclaim_id(struct tape *t, unsigned int end, bool wrong)
{
	post(t, 0);
	post(t, 1);
	tape_take(t, TO_DEVICE);
	tape_complete(t, TO_DEVICE, 0, 0);
	tape_look_used(t, TO_DEVICE);
	tape_read_elem(t, TO_DEVICE);
	tape_event(t, end, RPS_EVENT_buffer_reclaim, TO_DEVICE, wrong, 0);
}

/* --- descriptors */

static void post_desc(struct tape *t, uint16_t flags, uint32_t len)
{
	tape_write(t, DRIVER, 0, usual);
	tape_desc(t, TO_DEVICE, 0, flags, len);
	tape_slot(t, TO_DEVICE, 0);
	tape_avail(t, TO_DEVICE, 0);
}

static void direction(struct tape *t, unsigned int end, bool wrong)
{
	(void)end;
	post_desc(t, wrong ? F_WRITE : 0, HEADER_BYTES + TAPE_LEN);
}

static void one_descriptor(struct tape *t, unsigned int end, bool wrong)
{
	(void)end;
	post_desc(t, wrong ? F_NEXT : 0, HEADER_BYTES + TAPE_LEN);
}

static void table_read_only(struct tape *t, unsigned int end, bool wrong)
{
	tape_touch(t, end, RPS_RECORD_STORE,
		   wrong ? SEAM_DESC_LEN : SEAM_USED_LEN, TO_DEVICE, 0, 0);
}

static void buffer_read_only(struct tape *t, unsigned int end, bool wrong)
{
	post(t, 0);
	tape_take(t, TO_DEVICE);
	if (wrong)
		tape_put(t, end, RPS_RECORD_COPY_OUT, SEAM_HDR,
			 tape_buffer(TO_DEVICE, 0) + 8, 0, 4);
	tape_complete(t, TO_DEVICE, 0, 0);
}

static void indirect_negotiated(struct tape *t, unsigned int end, bool wrong)
{
	(void)end;
	if (!wrong)
		t->features |= FEATURE_INDIRECT;
	tape_up(t);
	post_desc(t, F_INDIRECT, 32);
}

static void indirect_shape(struct tape *t, unsigned int end, bool wrong)
{
	(void)end;
	t->features |= FEATURE_INDIRECT;
	tape_up(t);
	post_desc(t, F_INDIRECT, wrong ? 24 : 32);
}

static void indirect_chained(struct tape *t, unsigned int end, bool wrong)
{
	(void)end;
	t->features |= FEATURE_INDIRECT;
	tape_up(t);
	post_desc(t, wrong ? F_INDIRECT | F_NEXT : F_INDIRECT, 32);
}

static void answer_with(struct tape *t, uint32_t used_len)
{
	tape_take(t, TO_DRIVER);
	tape_write(t, DEVICE, 0, usual);
	tape_complete(t, TO_DRIVER, 0, used_len);
}

static void used_len_covers(struct tape *t, unsigned int end, bool wrong)
{
	(void)end;
	answer_with(t, wrong ? TAPE_LEN : HEADER_BYTES + TAPE_LEN);
}

static void used_len_fits(struct tape *t, unsigned int end, bool wrong)
{
	(void)end;
	answer_with(t, wrong ? TAPE_BYTES + 1 : TAPE_BYTES);
}

static void used_len_zero(struct tape *t, unsigned int end, bool wrong)
{
	(void)end;
	post(t, 0);
	tape_take(t, TO_DEVICE);
	tape_complete(t, TO_DEVICE, 0, wrong);
}

static void repost_full(struct tape *t, unsigned int end, bool wrong)
{
	(void)end;
	answer(t, 0);
	tape_reclaim(t, TO_DRIVER);
	tape_offer(t, TO_DRIVER, 0, TAPE_BYTES - wrong);
}

/* --- order of accesses */

static void entry_before_idx(struct tape *t, unsigned int end, bool wrong)
{
	if (end == DEVICE) {
		post(t, 0);
		tape_take(t, TO_DEVICE);
		if (!wrong)
			tape_elem(t, TO_DEVICE, 0, 0);
		tape_used(t, TO_DEVICE, 0, 0);
		if (wrong)
			tape_elem(t, TO_DEVICE, 0, 0);
		return;
	}
	tape_write(t, DRIVER, 0, usual);
	tape_desc(t, TO_DEVICE, 0, 0, HEADER_BYTES + TAPE_LEN);
	if (!wrong)
		tape_slot(t, TO_DEVICE, 0);
	tape_avail(t, TO_DEVICE, 0);
	if (wrong)
		tape_slot(t, TO_DEVICE, 0);
}

static void idx_release(struct tape *t, unsigned int end, bool wrong)
{
	if (end == DEVICE) {
		post(t, 0);
		tape_take(t, TO_DEVICE);
		tape_elem(t, TO_DEVICE, 0, 0);
		if (!wrong)
			tape_fence(t, end);
		tape_touch(t, end, RPS_RECORD_STORE, SEAM_USED_IDX, TO_DEVICE,
			   0, 1);
		return;
	}
	tape_write(t, DRIVER, 0, usual);
	tape_desc(t, TO_DEVICE, 0, 0, HEADER_BYTES + TAPE_LEN);
	tape_slot(t, TO_DEVICE, 0);
	if (!wrong)
		tape_fence(t, end);
	tape_touch(t, end, RPS_RECORD_STORE, SEAM_AVAIL_IDX, TO_DEVICE, 0, 1);
}

static void desc_before_idx(struct tape *t, unsigned int end, bool wrong)
{
	post(t, 0);
	tape_touch(t, end, RPS_RECORD_STORE, SEAM_DESC_LEN, TO_DEVICE, !wrong,
		   HEADER_BYTES + TAPE_LEN);
}

static void idx_before_entry(struct tape *t, unsigned int end, bool wrong)
{
	unsigned int queue = sends_on(1 - end);

	produce(t, 1 - end, 0);
	if (end == DRIVER) {
		if (wrong)
			tape_read_elem(t, queue);
		tape_look_used(t, queue);
		if (!wrong)
			tape_read_elem(t, queue);
		tape_reclaimed(t, queue);
		return;
	}
	if (wrong)
		tape_read_slot(t, queue);
	tape_look_avail(t, queue);
	if (!wrong)
		tape_read_slot(t, queue);
	tape_taken(t, queue);
}

/* An index that was read without order counts from the next barrier on. */
static void idx_plain(struct tape *t, unsigned int end, bool wrong)
{
	post(t, 0);
	tape_look(t, end, TO_DEVICE);
	if (!wrong)
		tape_fence(t, end);
	tape_read_slot(t, TO_DEVICE);
	tape_taken(t, TO_DEVICE);
}

static void sender_keeps_off(struct tape *t, unsigned int end, bool wrong)
{
	unsigned int queue = sends_on(end);

	if (end == DEVICE) {
		answer(t, 0);
	} else {
		tape_send(t, DRIVER, 0, usual);
		post(t, 0);
	}
	if (wrong)
		tape_put(t, end, RPS_RECORD_COPY_OUT, SEAM_PAYLOAD,
			 tape_buffer(queue, 0) + HEADER_BYTES, 0, TAPE_LEN);
}

static void decide_fence(struct tape *t, unsigned int end, bool wrong)
{
	unsigned int queue = sends_on(end);

	produce(t, end, 0);
	if (!wrong)
		tape_fence(t, end);
	tape_read_wish(t, end, queue);
	tape_decided(t, end, queue, 0, true);
	tape_notify(t, end, queue);
}

static void arm_fence(struct tape *t, unsigned int end, bool wrong)
{
	tape_wish(t, end, TO_DRIVER, 0);
	if (!wrong)
		tape_fence(t, end);
	tape_look(t, end, TO_DRIVER);
	tape_arm(t, end, TO_DRIVER);
}

/* The wish is not yet seen by who decides, and what was published not yet by
 * who asks. */
static void lost_wakeup(struct tape *t, unsigned int end, bool wrong)
{
	unsigned int queue = sends_on(end);
	unsigned int peer = 1 - end;

	tape_event(t, peer,
		   peer == DRIVER ? RPS_EVENT_irq_disarm
				  : RPS_EVENT_kick_disarm,
		   queue, 0, 0);
	tape_wish(t, peer, queue, 1);
	produce(t, end, 0);
	tape_fence(t, end);
	tape_read_wish(t, end, queue);
	tape_decided(t, end, queue, 1, false);
	tape_wish(t, peer, queue, 0);
	tape_fence(t, peer);
	if (wrong) {
		tape_event(t, peer,
			   peer == DRIVER ? RPS_EVENT_irq_arm
					  : RPS_EVENT_kick_arm,
			   queue, 0, 0);
	} else {
		tape_arm(t, peer, queue);
		if (peer == DRIVER)
			tape_reclaim(t, queue);
		else
			tape_take(t, queue);
		tape_look(t, peer, queue);
		tape_arm(t, peer, queue);
	}
	rest(t);
}

/* --- notifications */

static void read_and_decide(struct tape *t, unsigned int end, enum seam seam,
			    uint16_t word, bool wanted)
{
	unsigned int queue = sends_on(end);

	produce(t, end, 0);
	tape_fence(t, end);
	tape_touch(t, end, RPS_RECORD_LOAD, seam, queue, 0, word);
	tape_decided(t, end, queue, word, wanted);
	if (wanted)
		tape_notify(t, end, queue);
}

static enum seam flags_of(unsigned int end)
{
	return end == DRIVER ? SEAM_AVAIL_FLAGS : SEAM_USED_FLAGS;
}

static enum seam event_of(unsigned int end)
{
	return end == DRIVER ? SEAM_USED_EVENT : SEAM_AVAIL_EVENT;
}

static void peer_word(struct tape *t, unsigned int end, bool wrong)
{
	read_and_decide(t, end, flags_of(wrong ? end : 1 - end), 0, true);
}

static void own_word(struct tape *t, unsigned int end, bool wrong)
{
	tape_touch(t, end, RPS_RECORD_STORE,
		   wrong ? SEAM_USED_FLAGS : SEAM_AVAIL_FLAGS, TO_DRIVER, 0, 0);
}

static void flags_silent(struct tape *t, unsigned int end, bool wrong)
{
	tape_wish(t, 1 - end, sends_on(end), 1);
	read_and_decide(t, end, flags_of(1 - end), 1, wrong);
}

static void flags_told(struct tape *t, unsigned int end, bool wrong)
{
	read_and_decide(t, end, flags_of(1 - end), 0, !wrong);
}

static void flags_undecided(struct tape *t, unsigned int end, bool wrong)
{
	unsigned int queue = sends_on(end);

	produce(t, end, 0);
	if (!wrong)
		tape_tell(t, end, queue);
	if (end == DRIVER)
		tape_take(t, queue);
	else
		tape_reclaim(t, queue);
	rest(t);
}

static void flags_word(struct tape *t, unsigned int end, bool wrong)
{
	read_and_decide(t, end, wrong ? event_of(1 - end) : flags_of(1 - end),
			0, true);
}

static void event_told(struct tape *t, unsigned int end, bool wrong)
{
	read_and_decide(t, end, event_of(1 - end), 0, !wrong);
}

static void event_silent(struct tape *t, unsigned int end, bool wrong)
{
	tape_wish(t, 1 - end, sends_on(end), 1);
	read_and_decide(t, end, event_of(1 - end), 1, wrong);
}

static void event_word(struct tape *t, unsigned int end, bool wrong)
{
	read_and_decide(t, end, wrong ? flags_of(1 - end) : event_of(1 - end),
			0, true);
}

static void carried_out(struct tape *t, unsigned int end, bool wrong)
{
	unsigned int queue = sends_on(end);

	produce(t, end, 0);
	tape_fence(t, end);
	tape_read_wish(t, end, queue);
	tape_decided(t, end, queue, t->queue[queue].word[1 - end], true);
	if (!wrong)
		tape_notify(t, end, queue);
	produce(t, end, 1);
	tape_tell(t, end, queue);
}

static void returns_told(struct tape *t, unsigned int end, bool wrong)
{
	post(t, 0);
	tape_tell(t, DRIVER, TO_DEVICE);
	tape_take(t, TO_DEVICE);
	tape_complete(t, TO_DEVICE, 0, 0);
	if (!wrong)
		tape_tell(t, end, TO_DEVICE);
	rest(t);
}

static void word_read_anew(struct tape *t, unsigned int end, bool wrong)
{
	post(t, 0);
	tape_take(t, TO_DEVICE);
	tape_complete(t, TO_DEVICE, 0, 0);
	tape_fence(t, end);
	if (!wrong)
		tape_read_wish(t, end, TO_DEVICE);
	tape_decided(t, end, TO_DEVICE, 0, true);
	tape_notify(t, end, TO_DEVICE);
}

static void reposts_told(struct tape *t, unsigned int end, bool wrong)
{
	answer(t, 0);
	tape_tell(t, DEVICE, TO_DRIVER);
	tape_reclaim(t, TO_DRIVER);
	tape_offer(t, TO_DRIVER, 0, TAPE_BYTES);
	if (!wrong)
		tape_tell(t, end, TO_DRIVER);
	rest(t);
}

static void drained(struct tape *t, unsigned int end, bool wrong)
{
	unsigned int queue = sends_on(1 - end);

	produce(t, 1 - end, 0);
	produce(t, 1 - end, 1);
	tape_tell(t, 1 - end, queue);
	for (unsigned int i = 0; i < (wrong ? 1 : 2); i++) {
		if (end == DRIVER)
			tape_reclaim(t, queue);
		else
			tape_take(t, queue);
	}
	rest(t);
}

static void zero_at_start(struct tape *t, unsigned int end, bool wrong)
{
	(void)end;
	t->queue[TO_DRIVER].word[DRIVER] = wrong ? 0x5a5a : 0;
	answer(t, 0);
	tape_tell(t, DEVICE, TO_DRIVER);
}

/* --- start-up */

static void status_keeps(struct tape *t, unsigned int end, bool wrong)
{
	(void)end;
	tape_status(t, STATUS_ACK);
	tape_status(t, STATUS_ACK | STATUS_DRIVER);
	tape_status(t, wrong ? STATUS_FAILED
			     : STATUS_ACK | STATUS_DRIVER | STATUS_FAILED);
}

static void status_order(struct tape *t, unsigned int end, bool wrong)
{
	(void)end;
	if (!wrong)
		tape_status(t, STATUS_ACK);
	tape_status(t, wrong ? STATUS_DRIVER : STATUS_ACK | STATUS_DRIVER);
}

/* All but DRIVER_OK. */
static void half_up(struct tape *t)
{
	tape_status(t, 0);
	tape_status(t, STATUS_ACK);
	tape_status(t, STATUS_ACK | STATUS_DRIVER);
	tape_features(t);
	tape_status(t, STATUS_ACK | STATUS_DRIVER | STATUS_FEATURES_OK);
	tape_ring_start(t, DRIVER);
}

static void driver_ok(struct tape *t)
{
	tape_status(t, STATUS_ACK | STATUS_DRIVER | STATUS_FEATURES_OK |
			       STATUS_DRIVER_OK);
}

static void idle_before_ok(struct tape *t, unsigned int end, bool wrong)
{
	half_up(t);
	for (uint16_t head = 0; head < TAPE_NUM; head++)
		tape_offer(t, TO_DRIVER, head, TAPE_BYTES);
	tape_ring_start(t, end);
	if (!wrong)
		driver_ok(t);
	tape_take(t, TO_DRIVER);
}

static void posted_before_ok(struct tape *t, unsigned int end, bool wrong)
{
	(void)end;
	half_up(t);
	if (!wrong)
		tape_offer(t, TO_DRIVER, 0, TAPE_BYTES);
	driver_ok(t);
	tape_ring_start(t, DEVICE);
	if (wrong)
		tape_offer(t, TO_DRIVER, 0, TAPE_BYTES);
	tape_tell(t, DRIVER, TO_DRIVER);
}

static void first_kick(struct tape *t, unsigned int end, bool wrong)
{
	half_up(t);
	for (uint16_t head = 0; head < TAPE_NUM; head++)
		tape_offer(t, TO_DRIVER, head, TAPE_BYTES);
	driver_ok(t);
	tape_ring_start(t, DEVICE);
	if (!wrong)
		tape_tell(t, end, TO_DRIVER);
	post(t, 0);
	tape_tell(t, end, TO_DEVICE);
}

static void no_kick(struct tape *t, unsigned int end, bool wrong)
{
	half_up(t);
	for (uint16_t head = 0; head < TAPE_NUM; head++)
		tape_offer(t, TO_DRIVER, head, TAPE_BYTES);
	driver_ok(t);
	tape_ring_start(t, DEVICE);
	if (!wrong)
		tape_tell(t, end, TO_DRIVER);
	rest(t);
}

static void vendor_bits(struct tape *t, unsigned int end, bool wrong)
{
	(void)end;
	t->features |= wrong ? 2 : 0;
	tape_features(t);
}

static void features_ok(struct tape *t, unsigned int end, bool wrong)
{
	uint8_t before = STATUS_ACK | STATUS_DRIVER;

	(void)end;
	tape_status(t, STATUS_ACK);
	tape_status(t, before);
	tape_features(t);
	if (!wrong)
		before |= STATUS_FEATURES_OK;
	tape_status(t, before);
	tape_status(t, before | STATUS_DRIVER_OK);
}

static void mode_agreed(struct tape *t, unsigned int end, bool wrong)
{
	tape_features(t);
	tape_ring_start(t, DRIVER);
	tape_ring_start(t, DEVICE);
	if (wrong)
		tape_event(t, end, RPS_EVENT_ring_start, TO_DEVICE,
			   TAPE_NUM | 1u << 16, 0);
}

/* --- what a sender writes */

static void write_and_send(struct tape *t, unsigned int end,
			   const struct tape_msg *written,
			   const struct tape_msg *sent)
{
	if (end == DEVICE)
		tape_take(t, TO_DRIVER);
	tape_write(t, end, 0, written);
	tape_event(t, end, RPS_EVENT_message_send, sent->src, sent->dst,
		   sent->len);
}

static void header_little_endian(struct tape *t, unsigned int end, bool wrong)
{
	uint64_t at = tape_buffer(sends_on(end), 0);

	if (!wrong) {
		write_and_send(t, end, usual, usual);
		return;
	}
	if (end == DEVICE)
		tape_take(t, TO_DRIVER);
	tape_put(t, end, RPS_RECORD_COPY_OUT, SEAM_HDR, at, 0xbe, HEADER_BYTES);
	tape_event(t, end, RPS_EVENT_header_write, at,
		   (uint64_t)usual->src << 32 | usual->dst,
		   (uint32_t)usual->len << 16);
}

static void header_src(struct tape *t, unsigned int end, bool wrong)
{
	struct tape_msg sent = *usual;

	sent.src += wrong;
	write_and_send(t, end, usual, &sent);
}

static void header_dst(struct tape *t, unsigned int end, bool wrong)
{
	struct tape_msg sent = *usual;

	sent.dst += wrong;
	write_and_send(t, end, usual, &sent);
}

static void header_len(struct tape *t, unsigned int end, bool wrong)
{
	struct tape_msg sent = *usual;

	sent.len = (uint16_t)(sent.len - (wrong ? HEADER_BYTES : 0));
	write_and_send(t, end, usual, &sent);
}

static void header_fits(struct tape *t, unsigned int end, bool wrong)
{
	(void)end;
	post_desc(t, 0, HEADER_BYTES + TAPE_LEN - wrong);
}

static void header_flags(struct tape *t, unsigned int end, bool wrong)
{
	struct tape_msg msg = *usual;

	msg.flags = wrong;
	write_and_send(t, end, &msg, &msg);
}

static void header_reserved(struct tape *t, unsigned int end, bool wrong)
{
	struct tape_msg msg = *usual;

	msg.reserved = wrong;
	write_and_send(t, end, &msg, &msg);
}

static void header_not_any(struct tape *t, unsigned int end, bool wrong)
{
	struct tape_msg msg = *usual;

	msg.dst = wrong ? ANY : msg.dst;
	write_and_send(t, end, &msg, &msg);
}

static void one_message(struct tape *t, unsigned int end, bool wrong)
{
	if (end == DEVICE) {
		tape_take(t, TO_DRIVER);
		tape_write(t, end, 0, usual);
		if (wrong)
			tape_write(t, end, 0, usual);
		tape_complete(t, TO_DRIVER, 0, HEADER_BYTES + TAPE_LEN);
		return;
	}
	tape_send(t, end, 0, usual);
	if (!wrong)
		tape_write(t, end, 0, usual);
	tape_offer(t, TO_DEVICE, 0, HEADER_BYTES + TAPE_LEN);
}

struct announcement {
	struct tape_msg msg;
	uint32_t flags;
	uint64_t name[4];
};

static struct announcement announcement(void)
{
	return (struct announcement){
		.msg = { .src = 1024, .dst = NS_ADDRESS, .len = NS_BYTES },
		.name = { 0x656d616e, 0, 0, 0 },
	};
}

static void announce(struct tape *t, unsigned int end,
		     const struct announcement *ns)
{
	write_and_send(t, end, &ns->msg, &ns->msg);
	tape_event(t, end, RPS_EVENT_ns_write, 1024, ns->flags, 0);
	tape_event(t, end, RPS_EVENT_ns_name, 0, ns->name[0], ns->name[1]);
	tape_event(t, end, RPS_EVENT_ns_name, 16, ns->name[2], ns->name[3]);
}

static void ns_dst(struct tape *t, unsigned int end, bool wrong)
{
	struct announcement ns = announcement();

	ns.msg.dst += wrong;
	announce(t, end, &ns);
}

static void ns_len(struct tape *t, unsigned int end, bool wrong)
{
	struct announcement ns = announcement();

	ns.msg.len = (uint16_t)(ns.msg.len + wrong);
	announce(t, end, &ns);
}

static void ns_flags(struct tape *t, unsigned int end, bool wrong)
{
	struct announcement ns = announcement();

	ns.flags = wrong ? 2 : 1;
	announce(t, end, &ns);
}

static void ns_padded(struct tape *t, unsigned int end, bool wrong)
{
	struct announcement ns = announcement();

	ns.name[3] = wrong;
	announce(t, end, &ns);
}

static void ns_terminated(struct tape *t, unsigned int end, bool wrong)
{
	struct announcement ns = announcement();

	for (unsigned int i = 0; i < ARRAY_SIZE(ns.name); i++)
		ns.name[i] = UINT64_C(0x6161616161616161);
	if (!wrong)
		ns.name[3] >>= 8;
	announce(t, end, &ns);
}

static void ns_negotiated(struct tape *t, unsigned int end, bool wrong)
{
	struct announcement ns = announcement();

	if (wrong)
		t->features &= ~FEATURE_NS;
	tape_up(t);
	announce(t, end, &ns);
}

/* --- what a receiver does */

static void deliver_as(struct tape *t, unsigned int end,
		       const struct tape_msg *msg)
{
	tape_send_to_read(t, 1 - end, 0, usual);
	tape_deliver(t, end, msg);
	tape_give_back(t, end);
}

static void deliver_fields(struct tape *t, unsigned int end, bool wrong)
{
	struct tape_msg msg = *usual;

	msg.src += wrong;
	deliver_as(t, end, &msg);
}

static void drop(struct tape *t, unsigned int end, bool known)
{
	tape_event(t, end, RPS_EVENT_message_drop, 1, known ? usual->src : 0,
		   known ? usual->dst : 0);
}

static void deliver_live(struct tape *t, unsigned int end, bool wrong)
{
	tape_event(t, end, RPS_EVENT_endpoint_create, usual->dst, 0, 0);
	tape_send_to_read(t, 1 - end, 0, usual);
	if (wrong)
		drop(t, end, true);
	else
		tape_deliver(t, end, usual);
	tape_give_back(t, end);
}

static void deliver_dead(struct tape *t, unsigned int end, bool wrong)
{
	tape_event(t, end, RPS_EVENT_endpoint_create, usual->dst, 0, 0);
	if (wrong)
		tape_event(t, end, RPS_EVENT_endpoint_destroy, usual->dst, 0,
			   0);
	deliver_as(t, end, usual);
}

static void deliver_len(struct tape *t, unsigned int end, bool wrong)
{
	struct tape_msg msg = *usual;

	msg.len = (uint16_t)(msg.len - wrong);
	deliver_as(t, end, &msg);
}

static void deliver_all(struct tape *t, unsigned int end,
			const struct tape_msg *msg, bool wrong)
{
	tape_send_to_read(t, 1 - end, 0, msg);
	if (!wrong)
		tape_deliver(t, end, msg);
	tape_give_back(t, end);
	tape_send(t, 1 - end, 0, usual);
}

static void deliver_each(struct tape *t, unsigned int end, bool wrong)
{
	deliver_all(t, end, usual, wrong);
}

static void deliver_twice(struct tape *t, unsigned int end, bool wrong)
{
	tape_send_to_read(t, 1 - end, 0, usual);
	tape_deliver(t, end, usual);
	if (wrong)
		tape_deliver(t, end, usual);
}

static void deliver_flags(struct tape *t, unsigned int end, bool wrong)
{
	struct tape_msg msg = *usual;

	msg.flags = 0xabcd;
	deliver_all(t, end, &msg, wrong);
}

static void deliver_empty(struct tape *t, unsigned int end, bool wrong)
{
	struct tape_msg msg = *usual;

	msg.len = 0;
	deliver_all(t, end, &msg, wrong);
}

static void drop_and_keep(struct tape *t, unsigned int end, bool known,
			  bool wrong)
{
	tape_send_to_read(t, 1 - end, 0, usual);
	drop(t, end, known);
	if (!wrong)
		tape_give_back(t, end);
	rest(t);
}

static void drop_returns(struct tape *t, unsigned int end, bool wrong)
{
	drop_and_keep(t, end, true, wrong);
}

static void bad_returns(struct tape *t, unsigned int end, bool wrong)
{
	drop_and_keep(t, end, false, wrong);
}

/* --- what a hostile peer must not reach */

static void believe_id(struct tape *t, uint32_t id)
{
	post(t, 0);
	tape_take(t, TO_DEVICE);
	tape_complete(t, TO_DEVICE, id, 0);
	tape_reclaim(t, TO_DEVICE);
}

static void reclaim_in_table(struct tape *t, unsigned int end, bool wrong)
{
	(void)end;
	believe_id(t, wrong ? TAPE_NUM : 0);
}

static void reclaim_outstanding(struct tape *t, unsigned int end, bool wrong)
{
	(void)end;
	believe_id(t, wrong);
}

static void believe_len(struct tape *t, uint32_t used_len)
{
	answer_with(t, used_len);
	tape_reclaim(t, TO_DRIVER);
	tape_read(t, DRIVER, 0, usual);
	tape_deliver(t, DRIVER, usual);
}

static void deliver_not_long(struct tape *t, unsigned int end, bool wrong)
{
	(void)end;
	believe_len(t, TAPE_BYTES + wrong);
}

static void deliver_not_short(struct tape *t, unsigned int end, bool wrong)
{
	(void)end;
	believe_len(t, wrong ? HEADER_BYTES - 1 : HEADER_BYTES + TAPE_LEN);
}

static void deliver_fits_used(struct tape *t, unsigned int end, bool wrong)
{
	(void)end;
	believe_len(t, HEADER_BYTES + TAPE_LEN - wrong);
}

static void take_in_table(struct tape *t, unsigned int end, bool wrong)
{
	(void)end;
	tape_write(t, DRIVER, 0, usual);
	tape_desc(t, TO_DEVICE, 0, 0, HEADER_BYTES + TAPE_LEN);
	tape_slot(t, TO_DEVICE, wrong ? TAPE_NUM : 0);
	tape_avail(t, TO_DEVICE, wrong ? TAPE_NUM : 0);
	tape_take(t, TO_DEVICE);
}

static void deliver_fits_desc(struct tape *t, unsigned int end, bool wrong)
{
	post_desc(t, 0, HEADER_BYTES + TAPE_LEN - wrong);
	tape_take(t, TO_DEVICE);
	tape_read(t, end, 0, usual);
	tape_deliver(t, end, usual);
}

/* An index that the tester writes over. */
static void take_bounded(struct tape *t, unsigned int end, bool wrong)
{
	(void)end;
	post(t, 0);
	if (wrong) {
		tape_event(t, DRIVER, RPS_EVENT_memory_change,
			   tape_part(TO_DEVICE, PART_AVAIL) + 2, 2, 0);
		t->queue[TO_DEVICE].avail = TAPE_NUM + 1;
	}
	tape_take(t, TO_DEVICE);
}

static void reclaim_bounded(struct tape *t, unsigned int end, bool wrong)
{
	(void)end;
	post(t, 0);
	tape_take(t, TO_DEVICE);
	tape_complete(t, TO_DEVICE, 0, 0);
	if (wrong) {
		tape_event(t, DRIVER, RPS_EVENT_memory_change,
			   tape_part(TO_DEVICE, PART_USED) + 2, 2, 0);
		t->queue[TO_DEVICE].used = 2;
	}
	tape_reclaim(t, TO_DEVICE);
}

/* --- the table */

struct story {
	enum rule rule;
	unsigned int end; /* who breaks it */
	void (*tell)(struct tape *t, unsigned int end, bool wrong);
	uint8_t how;
};

#define PLAIN     0u
#define EVENT_IDX 1u
#define WRAPS     2u /* begin at 0xffff */
#define BARE      4u /* the story starts the ends itself */
#define SILENT    8u /* who keeps it is not judged by it */

/* clang-format off */
#define DRIVER_ONLY(name, how) { RULE_##name, DRIVER, name, how }
#define DEVICE_ONLY(name, how) { RULE_##name, DEVICE, name, how }
#define BOTH(name, how) DRIVER_ONLY(name, how), DEVICE_ONLY(name, how)
#define STORY(rule, end, tell, how) { RULE_##rule, end, tell, how }

static const struct story story[] = {
	DRIVER_ONLY(avail_head, PLAIN),
	BOTH(desc_place, PLAIN),
	BOTH(avail_place, PLAIN),
	STORY(avail_place, DEVICE, event_place, PLAIN),
	BOTH(used_place, PLAIN),
	BOTH(idx_free_running, PLAIN),
	BOTH(entry_order, PLAIN),
	BOTH(entry_slot, PLAIN),
	DEVICE_ONLY(take_head, PLAIN),
	BOTH(entry_wrap, WRAPS),
	BOTH(entry_published, PLAIN),
	BOTH(break_cause, SILENT),
	DRIVER_ONLY(break_id, SILENT),
	BOTH(full_ring, PLAIN),
	DRIVER_ONLY(avail_forward, PLAIN),
	DRIVER_ONLY(avail_outstanding, PLAIN),
	DRIVER_ONLY(avail_once, PLAIN),
	DEVICE_ONLY(used_forward, PLAIN),
	DEVICE_ONLY(used_id, PLAIN),
	DRIVER_ONLY(reclaim_id, PLAIN),
	DRIVER_ONLY(direction, PLAIN),
	DRIVER_ONLY(one_descriptor, PLAIN),
	DEVICE_ONLY(table_read_only, PLAIN),
	DEVICE_ONLY(buffer_read_only, PLAIN),
	DRIVER_ONLY(indirect_negotiated, BARE),
	DRIVER_ONLY(indirect_shape, BARE),
	STORY(indirect_shape, DRIVER, indirect_chained, BARE),
	DEVICE_ONLY(used_len_covers, PLAIN),
	DEVICE_ONLY(used_len_fits, PLAIN),
	DEVICE_ONLY(used_len_zero, PLAIN),
	DRIVER_ONLY(repost_full, PLAIN),
	BOTH(entry_before_idx, PLAIN),
	BOTH(idx_release, PLAIN),
	DRIVER_ONLY(desc_before_idx, PLAIN),
	BOTH(idx_before_entry, PLAIN),
	STORY(idx_before_entry, DEVICE, idx_plain, PLAIN),
	BOTH(sender_keeps_off, PLAIN),
	BOTH(decide_fence, PLAIN),
	BOTH(arm_fence, PLAIN),
	BOTH(lost_wakeup, PLAIN),
	BOTH(peer_word, PLAIN),
	DRIVER_ONLY(own_word, PLAIN),
	BOTH(flags_silent, PLAIN),
	BOTH(flags_told, PLAIN),
	STORY(flags_told, DRIVER, flags_undecided, PLAIN),
	STORY(flags_told, DEVICE, flags_undecided, PLAIN),
	BOTH(flags_word, PLAIN),
	BOTH(event_told, EVENT_IDX),
	STORY(event_told, DRIVER, event_silent, EVENT_IDX),
	STORY(event_told, DEVICE, event_silent, EVENT_IDX),
	BOTH(event_word, EVENT_IDX),
	STORY(flags_carried_out, DRIVER, carried_out, PLAIN),
	STORY(flags_carried_out, DEVICE, carried_out, PLAIN),
	STORY(event_carried_out, DRIVER, carried_out, EVENT_IDX),
	STORY(event_carried_out, DEVICE, carried_out, EVENT_IDX),
	DEVICE_ONLY(returns_told, PLAIN),
	DEVICE_ONLY(word_read_anew, PLAIN),
	DRIVER_ONLY(reposts_told, PLAIN),
	BOTH(drained, PLAIN),
	DRIVER_ONLY(zero_at_start, PLAIN),
	DRIVER_ONLY(status_keeps, BARE),
	DRIVER_ONLY(status_order, BARE),
	DEVICE_ONLY(idle_before_ok, BARE),
	DRIVER_ONLY(posted_before_ok, BARE),
	DRIVER_ONLY(first_kick, BARE),
	STORY(first_kick, DRIVER, no_kick, BARE),
	DRIVER_ONLY(vendor_bits, BARE),
	DRIVER_ONLY(features_ok, BARE),
	BOTH(mode_agreed, BARE),
	BOTH(header_little_endian, PLAIN),
	BOTH(header_src, PLAIN),
	BOTH(header_dst, PLAIN),
	BOTH(header_len, PLAIN),
	DRIVER_ONLY(header_fits, PLAIN),
	BOTH(header_flags, PLAIN),
	BOTH(header_reserved, PLAIN),
	BOTH(header_not_any, PLAIN),
	BOTH(one_message, PLAIN),
	BOTH(ns_dst, PLAIN),
	BOTH(ns_len, PLAIN),
	BOTH(ns_flags, PLAIN),
	BOTH(ns_padded, PLAIN),
	STORY(ns_padded, DRIVER, ns_terminated, PLAIN),
	BOTH(ns_negotiated, BARE),
	BOTH(deliver_fields, PLAIN),
	BOTH(deliver_live, PLAIN),
	BOTH(deliver_dead, PLAIN),
	BOTH(deliver_len, PLAIN),
	BOTH(deliver_each, PLAIN),
	STORY(deliver_each, DRIVER, deliver_twice, PLAIN),
	STORY(deliver_each, DEVICE, deliver_twice, PLAIN),
	BOTH(deliver_flags, PLAIN),
	BOTH(deliver_empty, PLAIN),
	BOTH(drop_returns, PLAIN),
	STORY(bad_returns_driver, DRIVER, bad_returns, PLAIN),
	STORY(bad_returns_device, DEVICE, bad_returns, PLAIN),
	DRIVER_ONLY(reclaim_in_table, PLAIN),
	DRIVER_ONLY(reclaim_outstanding, PLAIN),
	DRIVER_ONLY(deliver_not_long, PLAIN),
	DRIVER_ONLY(deliver_not_short, PLAIN),
	DRIVER_ONLY(deliver_fits_used, PLAIN),
	DEVICE_ONLY(take_in_table, PLAIN),
	DEVICE_ONLY(deliver_fits_desc, PLAIN),
	DEVICE_ONLY(take_bounded, PLAIN),
	DRIVER_ONLY(reclaim_bounded, PLAIN),
};
/* clang-format on */

static void tell(struct tape *t, const struct story *s, bool accesses,
		 bool wrong)
{
	const struct rps_monitor_config config = {
		.judged = 1u << s->end,
		.observed = 1u << DRIVER | 1u << DEVICE,
		.num_max = 2 * TAPE_NUM,
		.accesses = accesses,
	};

	tape_open(t, &config);
	t->event_idx = s->how & EVENT_IDX;
	t->start_idx = s->how & WRAPS ? 0xffff : 0;
	if (!(s->how & BARE))
		tape_up(t);
	s->tell(t, s->end, wrong);
}

static const char *name_of(uint32_t rule)
{
	struct rps_rule_info info;

	return rps_monitor_rule(rule, &info) ? info.name : "no rule";
}

static bool needs_accesses(const struct story *s)
{
	struct rps_rule_info info;

	ck_assert(rps_monitor_rule(s->rule, &info));
	return info.needs == RPS_RULE_ACCESSES;
}

static void keeps(const struct story *s, bool accesses)
{
	bool met = !(s->how & SILENT) && (accesses || !needs_accesses(s));
	struct rps_finding found;
	struct tape tape;

	tell(&tape, s, accesses, false);
	if (rps_monitor_findings(tape.monitor, &found, 1))
		ck_abort_msg("%s finds %s: %" PRIu64 ", not %" PRIu64,
			     name_of(s->rule), name_of(found.rule),
			     found.observed, found.expected);
	ck_assert_msg(met == (rps_monitor_exercised(tape.monitor, s->rule,
						    s->end) > 0),
		      "%s was %sjudged", name_of(s->rule), met ? "not " : "");
	tape_close(&tape);
}

static void breaks(const struct story *s, bool accesses)
{
	struct rps_finding found[2];
	struct tape tape;
	size_t count;

	tell(&tape, s, accesses, true);
	count = rps_monitor_findings(tape.monitor, found, 2);
	if (!accesses && needs_accesses(s)) {
		ck_assert_uint_eq(rps_monitor_exercised(tape.monitor, s->rule,
							s->end),
				  0);
	} else {
		ck_assert_msg(count > 0, "%s was not found", name_of(s->rule));
		ck_assert_str_eq(name_of(found[0].rule), name_of(s->rule));
		ck_assert_msg(count == 1, "%s goes with %s", name_of(s->rule),
			      name_of(found[1].rule));
		ck_assert_uint_eq(found[0].end, s->end);
		ck_assert_uint_ne(found[0].expected, found[0].observed);
		ck_assert_uint_gt(found[0].step, 0);
	}
	tape_close(&tape);
}

START_TEST(who_keeps_a_rule_is_judged_by_it)
{
	keeps(&story[_i], true);
}
END_TEST

START_TEST(who_breaks_a_rule_is_found_by_it_alone)
{
	breaks(&story[_i], true);
}
END_TEST

START_TEST(events_alone_are_enough_for_what_they_tell)
{
	keeps(&story[_i], false);
	breaks(&story[_i], false);
}
END_TEST

START_TEST(every_rule_has_its_story)
{
	for (uint32_t rule = 0; rule < NUM_RULES; rule++) {
		struct rps_rule_info info;
		bool found[NUM_ENDS] = { false };

		ck_assert(rps_monitor_rule(rule, &info));
		for (unsigned int i = 0; i < ARRAY_SIZE(story); i++) {
			if (story[i].rule == rule)
				found[story[i].end] = true;
		}
		ck_assert_msg(found[DRIVER] ==
				      (strcmp(info.role, "device") != 0),
			      "%s", info.name);
		ck_assert_msg(found[DEVICE] ==
				      (strcmp(info.role, "driver") != 0),
			      "%s", info.name);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("monitor_rules");
	TCase *tcase = tcase_create("rules");

	tcase_add_test(tcase, every_rule_has_its_story);
	tcase_add_loop_test(tcase, who_keeps_a_rule_is_judged_by_it, 0,
			    ARRAY_SIZE(story));
	tcase_add_loop_test(tcase, who_breaks_a_rule_is_found_by_it_alone, 0,
			    ARRAY_SIZE(story));
	tcase_add_loop_test(tcase, events_alone_are_enough_for_what_they_tell,
			    0, ARRAY_SIZE(story));
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
