/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include "monitor_priv.h"

#define BUFFERS_PER_ENTRY 4u

enum kind { KIND_OWN, KIND_BUILT, KIND_ROOT };

struct rule_row {
	struct rps_rule_info info;
	enum kind kind;
};

static const struct rule_row rule_row[NUM_RULES] = {
#define RULE(name, requirement, role, needs, kind, says, quantity)             \
	{ { #name, requirement, role, says, quantity, RPS_RULE_##needs },      \
	  KIND_##kind },
#include "rules.def"
#undef RULE
};

static uint32_t power_of_two_from(uint32_t value)
{
	uint32_t power = 1;

	while (power < value)
		power *= 2;
	return power;
}

/* What can be known of a stream never changes. */
static void choose_rules(struct rps_monitor *m)
{
	const uint32_t both = 1u << DRIVER | 1u << DEVICE;

	for (unsigned int i = 0; i < NUM_RULES; i++) {
		const struct rule_row *row = &rule_row[i];
		bool can = true;

		if (row->info.needs == RPS_RULE_ACCESSES)
			can = m->config.accesses;
		if (row->info.needs == RPS_RULE_BOTH_ENDS)
			can = m->config.observed == both;
		if (can)
			m->judges[i] = m->config.judged & both;
		if (row->kind == KIND_OWN)
			m->judges[i] |= JUDGES_SPOILED;
	}
}

static void choose_sizes(struct rps_monitor *m)
{
	uint32_t wanted = m->config.num_max;
	uint32_t endpoints = m->config.num_endpoints;

	if (wanted == 0 || wanted > SIZE_MAX_ENTRIES)
		wanted = SIZE_MAX_ENTRIES;
	if (endpoints == 0 || endpoints > ENDPOINTS_DEFAULT)
		endpoints = ENDPOINTS_DEFAULT;
	m->num_max = power_of_two_from(wanted);
	m->num_buffers = m->num_max * BUFFERS_PER_ENTRY;
	m->buffer_shift = (uint32_t)__builtin_clzll(m->num_buffers) + 1;
	m->num_endpoints = power_of_two_from(endpoints);
}

/* One piece, so that it can be kept and put back as one. */
static int make_tables(struct rps_monitor *m)
{
	size_t cells = m->num_max * sizeof(struct cell);
	size_t buffers = m->num_buffers * sizeof(struct buffer);
	size_t endpoints = m->num_endpoints * sizeof(struct endpoint);
	uint8_t *next;

	m->tables_bytes = NUM_QUEUES * (cells + buffers) + NUM_ENDS * endpoints;
	m->tables = next = calloc(1, m->tables_bytes);
	if (!next)
		return -1;
	for (unsigned int q = 0; q < NUM_QUEUES; q++) {
		m->queue[q].cell = (struct cell *)(void *)next;
		m->queue[q].buffer = (struct buffer *)(void *)(next + cells);
		next += cells + buffers;
	}
	for (unsigned int end = 0; end < NUM_ENDS; end++) {
		m->node[end].endpoint = (struct endpoint *)(void *)next;
		next += endpoints;
	}
	return 0;
}

struct rps_monitor *rps_monitor_create(const struct rps_monitor_config *config)
{
	struct rps_monitor *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->config = *config;
	choose_rules(m);
	choose_sizes(m);
	if (make_tables(m)) {
		rps_monitor_destroy(m);
		return NULL;
	}
	return m;
}

void rps_monitor_destroy(struct rps_monitor *m)
{
	if (!m)
		return;
	free(m->tables);
	free(m->kept);
	free(m);
}

void rps_monitor_feed(struct rps_monitor *m, const struct rps_record *record)
{
	if (record->end >= NUM_ENDS)
		return;
	m->last_step = record->step;
	m->last_ns = record->ns;
	if (record->kind == RPS_RECORD_EVENT)
		on_event(m, record);
	else if (m->config.accesses)
		on_access(m, record);
}

void rps_monitor_feed_all(struct rps_monitor *m,
			  const struct rps_record *record, size_t count)
{
	for (size_t i = 0; i < count; i++)
		rps_monitor_feed(m, &record[i]);
}

void rps_monitor_rest(struct rps_monitor *m)
{
	for (unsigned int end = 0; end < NUM_ENDS; end++) {
		for (unsigned int q = 0; q < NUM_QUEUES; q++)
			notify_rest(m, end, q);
		message_rest(m, end);
	}
	status_rest(m);
}

void spoil(struct rps_monitor *m, unsigned int queue, const char *why)
{
	if (!m->queue[queue].spoiled)
		m->queue[queue].spoiled = why;
}

static void find(struct rps_monitor *m, enum rule rule, unsigned int end,
		 unsigned int queue, uint64_t expected, uint64_t observed)
{
	bool *told =
		&m->told[rule][end][queue < NUM_QUEUES ? queue : NUM_QUEUES];
	struct rps_finding finding = {
		.step = m->last_step,
		.ns = m->last_ns,
		.expected = expected,
		.observed = observed,
		.rule = rule,
		.end = (uint8_t)end,
		.queue = queue < NUM_QUEUES ? (uint8_t)queue : RPS_NO_QUEUE,
	};

	if (*told)
		return;
	*told = true;
	if (m->num_findings < RPS_FINDINGS_MAX)
		m->finding[m->num_findings] = finding;
	m->num_findings++;
}

void broken(struct rps_monitor *m, enum rule rule, unsigned int end,
	    unsigned int queue, uint64_t expected, uint64_t observed)
{
	const struct rule_row *row = &rule_row[rule];

	if (is_judged(m, rule, end, queue))
		find(m, rule, end, queue, expected, observed);
	if (row->kind == KIND_ROOT && queue < NUM_QUEUES)
		spoil(m, queue, row->info.says);
}

size_t rps_monitor_findings(const struct rps_monitor *m,
			    struct rps_finding *out, size_t max)
{
	size_t kept = m->num_findings < RPS_FINDINGS_MAX
			      ? (size_t)m->num_findings
			      : RPS_FINDINGS_MAX;

	if (max > kept)
		max = kept;
	if (max > 0)
		memcpy(out, m->finding, max * sizeof(*out));
	return (size_t)m->num_findings;
}

bool rps_monitor_rule(uint32_t number, struct rps_rule_info *out)
{
	if (number >= NUM_RULES)
		return false;
	*out = rule_row[number].info;
	return true;
}

uint64_t rps_monitor_exercised(const struct rps_monitor *m, uint32_t rule,
			       uint32_t end)
{
	if (rule >= NUM_RULES || end >= NUM_ENDS)
		return 0;
	return m->exercised[rule][end];
}

const char *rps_monitor_spoiled(const struct rps_monitor *m, uint32_t queue)
{
	return queue < NUM_QUEUES ? m->queue[queue].spoiled : NULL;
}

/* Addresses of buffers are multiples of something; a multiplication spreads
 * what is left over the table. */
static uint32_t place_of(const struct rps_monitor *m, uint64_t addr)
{
	return (uint32_t)((addr * UINT64_C(0x9e3779b97f4a7c15)) >>
			  m->buffer_shift);
}

struct buffer *find_buffer(struct rps_monitor *m, unsigned int queue,
			   uint64_t addr, bool add)
{
	struct buffer *table = m->queue[queue].buffer;
	uint32_t at = place_of(m, addr);

	for (unsigned int i = 0; i < PROBES; i++) {
		struct buffer *buffer = &table[(at + i) % m->num_buffers];

		if (buffer->known && buffer->addr == addr)
			return buffer;
		if (!buffer->known && !add)
			return NULL;
		if (!buffer->known) {
			*buffer =
				(struct buffer){ .addr = addr, .known = true };
			return buffer;
		}
	}
	return NULL;
}
