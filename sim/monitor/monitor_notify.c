/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who asked to be told, who decided what, and who was told.
 */
#include "monitor_priv.h"

static enum seam wish_of(unsigned int owner, bool event_idx)
{
	static const uint8_t seam[NUM_ENDS][2] = {
		[DRIVER] = { SEAM_AVAIL_FLAGS, SEAM_USED_EVENT },
		[DEVICE] = { SEAM_USED_FLAGS, SEAM_AVAIL_EVENT },
	};

	return (enum seam)seam[owner][event_idx];
}

static bool is_own_word(unsigned int end, unsigned int seam)
{
	return seam == wish_of(end, false) || seam == wish_of(end, true);
}

/* Return: whether the right word was read. */
static bool judge_word(struct rps_monitor *m, unsigned int end,
		       unsigned int queue, const struct side *side)
{
	enum seam wanted = wish_of(peer_of(end), side->event_idx);

	if (!judge(m, RULE_peer_word, end, queue,
		   !is_own_word(end, side->word_seam), wanted, side->word_seam))
		return false;
	return judge_equal(m,
			   side->event_idx ? RULE_event_word : RULE_flags_word,
			   end, queue, wanted, side->word_seam);
}

/* virtio-1.2 2.7.10: the peer's event is the number of an entry, and the peer
 * is told when that entry is among those that were just published. */
static bool passes(uint16_t event, uint16_t first, uint16_t next)
{
	uint16_t count = (uint16_t)(next - first);
	uint16_t ahead = (uint16_t)(event - first);

	return ahead < count;
}

static bool judge_wanted(struct rps_monitor *m, unsigned int end,
			 unsigned int queue, uint16_t word, bool wanted)
{
	const struct side *side = &m->queue[queue].side[end];

	if (side->event_idx)
		return judge_equal(m, RULE_event_told, end, queue,
				   passes(word, side->decided, side->published),
				   wanted);
	if (side->published == side->decided)
		return true;
	if (word & 1)
		return judge_equal(m, RULE_flags_silent, end, queue, 0, wanted);
	return judge_equal(m, RULE_flags_told, end, queue, 1, wanted);
}

static enum rule carried_out(const struct side *side)
{
	return side->event_idx ? RULE_event_carried_out
			       : RULE_flags_carried_out;
}

/* Return: whether @word is what the decision came from. */
static bool judge_reading(struct rps_monitor *m, unsigned int end,
			  unsigned int queue, uint16_t *word)
{
	const struct side *side = &m->queue[queue].side[end];
	bool anew = side->published != side->decided;

	if (!m->config.accesses)
		return true;
	if (end == DEVICE && queue == TO_DEVICE && anew)
		judge_equal(m, RULE_word_read_anew, end, queue, 1,
			    side->word_read);
	if (!side->word_read)
		return false;
	if (anew)
		judge_equal(m, RULE_decide_fence, end, queue, 1,
			    side->word_fenced);
	*word = side->word;
	return judge_word(m, end, queue, side);
}

void decided(struct rps_monitor *m, unsigned int end, unsigned int queue,
	     uint16_t word, bool wanted)
{
	struct side *side = &m->queue[queue].side[end];

	if (side->owes)
		judge_equal(m, carried_out(side), end, queue, 1, 0);
	side->erred = !judge_reading(m, end, queue, &word) ||
		      !judge_wanted(m, end, queue, word, wanted);
	side->decided = side->published;
	side->owes = wanted;
}

void notified(struct rps_monitor *m, unsigned int end, unsigned int queue)
{
	struct side *side = &m->queue[queue].side[end];

	if (end == DEVICE)
		device_acts(m, queue);
	else
		kicked(m, queue);
	if (side->owes)
		judge_equal(m, carried_out(side), end, queue, 1, 1);
	side->owes = false;
	side->told = side->published;
}

void armed(struct rps_monitor *m, unsigned int end, unsigned int queue,
	   uint16_t seen)
{
	struct side *side = &m->queue[queue].side[end];

	/* Who has seen more stays awake. */
	side->armed = seen == side->consumed;
	side->armed_at = side->consumed;
	if (m->config.accesses && side->wished)
		judge_equal(m, RULE_arm_fence, end, queue, 1,
			    side->wish_fenced && side->looked_since);
}

void disarmed(struct rps_monitor *m, unsigned int end, unsigned int queue)
{
	m->queue[queue].side[end].armed = false;
}

/* Which rule speaks of entries that nobody decided about. */
static enum rule undecided(const struct side *side, unsigned int end,
			   unsigned int queue)
{
	if (end == DRIVER && queue == TO_DRIVER)
		return RULE_reposts_told;
	if (end == DEVICE && queue == TO_DEVICE)
		return RULE_returns_told;
	return side->event_idx ? RULE_event_told : RULE_flags_told;
}

/* Return: whether nothing is left that should have been done. */
static bool producer_rest(struct rps_monitor *m, unsigned int end,
			  unsigned int queue)
{
	struct side *side = &m->queue[queue].side[end];
	uint16_t left = (uint16_t)(side->published - side->decided);
	enum rule rule = undecided(side, end, queue);

	/* The first receive buffers are the first kick's matter. */
	if (rule == RULE_reposts_told && !side->reclaimed_any)
		return !left;
	if (side->published == m->queue[queue].start_idx && !left)
		return true;
	if (rule == RULE_reposts_told || rule == RULE_returns_told)
		judge_equal(m, rule, end, queue, 0, left);
	else if (left)
		judge_equal(m, rule, end, queue, 1, 0);
	if (side->owes)
		judge_equal(m, carried_out(side), end, queue, 1, 0);
	return !left && !side->owes;
}

/* Everybody decided rightly by what was read, and still nobody comes. */
static void judge_lost(struct rps_monitor *m, unsigned int end,
		       unsigned int queue)
{
	struct side *side = &m->queue[queue].side[end];
	const struct side *peer = &m->queue[queue].side[peer_of(end)];
	uint16_t pending = (uint16_t)(side->published - peer->consumed);
	uint16_t untold = (uint16_t)(side->published - side->told);

	if (side->erred || !peer->armed || peer->wish_unknown || peer->broken ||
	    peer->armed_at != peer->consumed)
		return;
	if (side->published == m->queue[queue].start_idx)
		return;
	judge(m, RULE_lost_wakeup, end, queue, pending == 0 || untold < pending,
	      0, pending);
}

static void consumer_rest(struct rps_monitor *m, unsigned int end,
			  unsigned int queue)
{
	struct side *side = &m->queue[queue].side[end];
	const struct side *peer = &m->queue[queue].side[peer_of(end)];
	uint16_t left = (uint16_t)(peer->told - side->consumed);
	uint32_t num = m->queue[queue].num;

	/* Told of nothing new, or so long ago that it is taken already. */
	if (left > num)
		left = 0;
	if (left == num || (side->was_full && !left))
		judge_equal(m, RULE_full_ring, end, queue, 0, left);
	else if (left || side->consumed != side->rested)
		judge_equal(m, RULE_drained, end, queue, 0, left);
	side->rested = side->consumed;
	side->was_full = left != 0 && side->was_full;
}

void notify_rest(struct rps_monitor *m, unsigned int end, unsigned int queue)
{
	const struct side *side = &m->queue[queue].side[end];

	if (!is_running(m, queue) || side->broken || !is_observed(m, end))
		return;
	if (producer_rest(m, end, queue))
		judge_lost(m, end, queue);
	if (rx_queue(end) == queue)
		consumer_rest(m, end, queue);
}
