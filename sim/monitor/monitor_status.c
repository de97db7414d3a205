/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The way from reset to DRIVER_OK.
 */
#include "monitor_priv.h"

static void reset(struct rps_monitor *m)
{
	m->status = 0;
	m->device_started = false;
	m->status_broken = false;
	m->features_seen = false;
	m->features = 0;
	for (unsigned int q = 0; q < NUM_QUEUES; q++) {
		for (unsigned int end = 0; end < NUM_ENDS; end++)
			m->queue[q].side[end].started = false;
	}
}

/* What each bit stands on; FEATURES_OK has a rule of its own. */
static void judge_order(struct rps_monitor *m, uint8_t status)
{
	static const struct {
		uint8_t bit;
		uint8_t below;
	} step[] = {
		{ STATUS_DRIVER, STATUS_ACK },
		{ STATUS_FEATURES_OK, STATUS_ACK | STATUS_DRIVER },
		{ STATUS_DRIVER_OK, STATUS_ACK | STATUS_DRIVER },
	};

	for (unsigned int i = 0; i < sizeof(step) / sizeof(step[0]); i++) {
		uint8_t below = step[i].below;

		if (status & ~m->status & step[i].bit)
			m->status_broken |= !judge_equal(m, RULE_status_order,
							 DRIVER, RPS_NO_QUEUE,
							 below, status & below);
	}
}

static void judge_driver_ok(struct rps_monitor *m, uint8_t status)
{
	const struct side *side = &m->queue[TO_DRIVER].side[DRIVER];
	uint16_t posted =
		(uint16_t)(side->published - m->queue[TO_DRIVER].start_idx);
	bool modern = m->features & FEATURE_VERSION_1;

	m->kicked = false;
	if (side->started)
		judge(m, RULE_posted_before_ok, DRIVER, TO_DRIVER, posted > 0,
		      1, posted);
	if (m->features_seen && !m->status_broken)
		judge_equal(m, RULE_features_ok, DRIVER, RPS_NO_QUEUE,
			    modern ? STATUS_FEATURES_OK : 0,
			    status & STATUS_FEATURES_OK);
}

void status_written(struct rps_monitor *m, uint8_t status)
{
	/* The device may have taken FEATURES_OK back. */
	uint8_t kept = m->status & (uint8_t)~STATUS_FEATURES_OK;

	m->status_seen = true;
	if (status == 0) {
		reset(m);
		return;
	}
	if (m->status)
		m->status_broken |=
			!judge_equal(m, RULE_status_keeps, DRIVER, RPS_NO_QUEUE,
				     kept, status & kept);
	judge_order(m, status);
	if (status & ~m->status & STATUS_DRIVER_OK)
		judge_driver_ok(m, status);
	m->status = status;
}

void features_written(struct rps_monitor *m, uint64_t features)
{
	m->features_seen = true;
	m->features = features;
	judge_equal(m, RULE_vendor_bits, DRIVER, RPS_NO_QUEUE, 0,
		    features & FEATURE_VENDOR & ~m->config.vendor);
}

/* Only a device that was started since the last reset is no latecomer. */
void device_acts(struct rps_monitor *m, unsigned int queue)
{
	if (m->status_seen && m->device_started)
		judge(m, RULE_idle_before_ok, DEVICE, queue,
		      m->status & STATUS_DRIVER_OK, 1, 0);
}

void kicked(struct rps_monitor *m, unsigned int queue)
{
	const struct side *side = &m->queue[TO_DRIVER].side[DRIVER];

	if (!(m->status & STATUS_DRIVER_OK) || m->kicked)
		return;
	m->kicked = true;
	/* The device may have asked for no kick of queue 0. */
	if (queue != TO_DRIVER && side->decided == side->published)
		return;
	judge_equal(m, RULE_first_kick, DRIVER, queue, TO_DRIVER, queue);
}

void status_rest(struct rps_monitor *m)
{
	const struct side *side = &m->queue[TO_DRIVER].side[DRIVER];

	/* Who decided, may have decided that the device wants no kick. */
	if (!is_running(m, TO_DRIVER) || !is_observed(m, DRIVER) ||
	    !m->status_seen || m->kicked || side->decided == side->published)
		return;
	m->kicked = true;
	judge(m, RULE_first_kick, DRIVER, TO_DRIVER, false, TO_DRIVER,
	      RPS_NO_QUEUE);
}
