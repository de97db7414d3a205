/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Inside of the monitor.  What the standard says is restated here and not
 * taken from the ends: a third reading may not share their mistakes.
 */
#ifndef RPS_MONITOR_PRIV_H
#define RPS_MONITOR_PRIV_H

#include <rps/monitor.h>

#include "../base/seam.h"

#define NUM_ENDS   2u
#define NUM_QUEUES 2u

/* As records have them. */
enum { DRIVER, DEVICE };
/* Queue 0 carries messages to the driver, queue 1 to the device. */
enum { TO_DRIVER, TO_DEVICE };
enum { PART_DESC, PART_AVAIL, PART_USED, NUM_PARTS };

#define F_NEXT     0x1u
#define F_WRITE    0x2u
#define F_INDIRECT 0x4u

#define HEADER_BYTES 16u
#define NS_ADDRESS   53u
#define NS_BYTES     40u
#define NAME_BYTES   32u
#define ANY          0xffffffffu

#define STATUS_ACK         1u
#define STATUS_DRIVER      2u
#define STATUS_DRIVER_OK   4u
#define STATUS_FEATURES_OK 8u
#define STATUS_FAILED      128u

#define FEATURE_NS        (UINT64_C(1) << 0)
#define FEATURE_VENDOR    UINT64_C(0x00fffffe) /* 1 to 23 */
#define FEATURE_INDIRECT  (UINT64_C(1) << 28)
#define FEATURE_EVENT_IDX (UINT64_C(1) << 29)
#define FEATURE_VERSION_1 (UINT64_C(1) << 32)

#define SIZE_MAX_ENTRIES 32768u
/* Even where the rest of the queue makes no sense. */
#define JUDGES_SPOILED 0x80u
/* Both halves of a used element. */
#define USED_ID_NEW  1u
#define USED_LEN_NEW 2u
#define USED_NEW     3u

/* Segments of one chain that are looked at. */
#define CHAIN_LOOK 16u
/* Places that a search in a table of addresses looks at. */
#define PROBES 8u
/* Endpoints of one end that are known where nobody says how many. */
#define ENDPOINTS_DEFAULT 4096u

enum rule {
#define RULE(name, requirement, role, needs, kind, says, quantity) RULE_##name,
#include "rules.def"
#undef RULE
	NUM_RULES
};

/* Why a message is not delivered, as the monitor sees it. */
enum drop { NOT_DROPPED, DROPPED_UNKNOWN, DROPPED_BAD, NUM_DROPS };

enum where { WITH_DRIVER, OFFERED, TAKEN, RETURNED };

/* Descriptor i, the chain that starts there, and slot i of both rings. */
struct cell {
	uint64_t addr;
	uint32_t len_bytes;
	uint16_t flags;
	uint16_t next;
	uint32_t used_id;
	uint32_t used_len;
	uint16_t avail_head;
	uint8_t where;   /* enum where, of the chain */
	bool out;        /* the driver has offered it and not taken it back */
	uint8_t dropped; /* enum drop: it must go back */
	bool avail_new;  /* slot written since it was last published */
	uint8_t used_new; /* the same for the used ring, USED_NEW for all of it */
};

/* A buffer of messages, by its address. */
struct buffer {
	uint64_t addr;
	uint32_t first_len; /* as it was first offered */
	uint16_t head;      /* where it was offered last */
	uint16_t hdr_len;
	uint8_t headers; /* written since it was last published */
	bool known;
	uint8_t dropped; /* enum drop: the driver owes it */
};

/* One end of one queue. */
struct side {
	bool started;
	bool broken;
	bool event_idx;
	bool armed;        /* asked to be told, or never asked not to be */
	bool wish_unknown; /* a tester wrote over it */
	uint32_t num;
	uint64_t place[NUM_PARTS];
	uint16_t published; /* own index */
	uint16_t consumed;  /* next entry of the peer's to look at */
	uint16_t decided;   /* published, when it was last asked whom to tell */
	uint16_t told;      /* published, when the peer was last told */
	uint16_t armed_at;  /* consumed, when it asked to be told */
	uint16_t rested;    /* consumed, when all was last at rest */
	bool was_full;      /* N entries were to be consumed */
	bool erred;         /* decided wrongly, or by the wrong word */
	bool owes;          /* a notification that was decided */
	bool reclaimed_any;
	uint16_t seen; /* peer's index, read in order */
	uint16_t seen_plain;
	bool plain; /* seen_plain waits for a barrier */
	bool looked;
	/* whether a barrier of this end came behind what it did last */
	bool publish_fenced;
	bool slot_fenced;
	bool wish_fenced;
	bool wished;
	bool looked_since; /* it has looked since its last barrier */
	/* what was last read of whose wish */
	bool word_read;
	bool word_fenced;
	uint8_t word_seam;
	uint16_t word;
	/* what was last read of an entry */
	bool entry_read;
	bool entry_ordered;
	uint16_t entry_slot;
	uint32_t entry_value;
};

struct queue {
	struct side side[NUM_ENDS];
	const char *spoiled;
	uint32_t num;
	uint32_t bytes[NUM_PARTS];
	uint16_t start_idx;
	bool offers_lost;      /* what the driver offered is not known */
	bool returns_lost;     /* what the device gave back is not known */
	uint16_t outstanding;  /* as the driver counts */
	struct cell *cell;     /* num_max */
	struct buffer *buffer; /* num_buffers */
	bool word_written[NUM_SEAMS];
};

struct endpoint {
	uint32_t addr;
	bool known;
	bool live;
};

/* One end, above its queues. */
struct node {
	bool fenced; /* ever */
	/* the message that was read last */
	bool open; /* neither delivered nor dropped yet */
	bool room_known;
	bool used_known;
	uint32_t used_len;   /* of the buffer that was reclaimed last */
	uint64_t room_bytes; /* of the buffer that was consumed last */
	uint64_t src_dst;
	uint64_t rest;
	uint16_t head[NUM_QUEUES]; /* consumed last */
	unsigned int last_queue;   /* from which one that was */
	bool chain_open;           /* more of the chain is to be seen */
	uint32_t kept[NUM_DROPS];  /* buffers that must go back */
	/* the header that was written last */
	uint64_t wrote_src_dst;
	uint64_t wrote_rest;
	/* a header's bytes, copied and not yet told of */
	bool copied;
	uint64_t copy_addr;
	uint64_t copy_digest;
	bool ns_ended;             /* the name that is told has had its end */
	uint32_t ns_junk;          /* bytes behind it that are not 0 */
	struct endpoint *endpoint; /* num_endpoints */
};

struct rps_monitor {
	struct rps_monitor_config config;
	uint32_t num_max;
	uint32_t num_buffers;
	uint32_t buffer_shift;
	uint32_t num_endpoints;
	uint8_t judges[NUM_RULES]; /* bit per end, and JUDGES_SPOILED */
	uint8_t *tables;           /* those of all queues and nodes */
	size_t tables_bytes;
	uint8_t *kept; /* monitor_keep(): what is known, and the tables */

	/* From here on: what is known. */
	uint64_t last_step; /* of the record that is looked at */
	uint64_t last_ns;
	struct queue queue[NUM_QUEUES];
	struct node node[NUM_ENDS];
	bool status_seen;
	uint8_t status;
	bool status_broken; /* since the last reset */
	bool kicked;
	bool features_seen;
	uint64_t features;
	bool device_started; /* since the last reset */

	bool told[NUM_RULES][NUM_ENDS][NUM_QUEUES + 1];
	uint64_t num_findings;

	/* And up to here. */
	struct rps_finding finding[RPS_FINDINGS_MAX];
	uint64_t exercised[NUM_RULES][NUM_ENDS];
};

/* --- monitor.c */
/* A rule is not kept, whether or not anybody is judged by it. */
void broken(struct rps_monitor *m, enum rule rule, unsigned int end,
	    unsigned int queue, uint64_t expected, uint64_t observed);
void spoil(struct rps_monitor *m, unsigned int queue, const char *why);
struct buffer *find_buffer(struct rps_monitor *m, unsigned int queue,
			   uint64_t addr, bool add);

static inline bool is_judged(const struct rps_monitor *m, enum rule rule,
			     unsigned int end, unsigned int queue)
{
	uint8_t judges = m->judges[rule];

	return judges & 1u << end &&
	       (judges & JUDGES_SPOILED || queue >= NUM_QUEUES ||
		!m->queue[queue].spoiled);
}

/* Nearly all rules are kept nearly always, and each record meets some.
 * Return: @ok. */
static inline bool judge(struct rps_monitor *m, enum rule rule,
			 unsigned int end, unsigned int queue, bool ok,
			 uint64_t expected, uint64_t observed)
{
	m->exercised[rule][end] += is_judged(m, rule, end, queue);
	if (__builtin_expect(!ok, 0))
		broken(m, rule, end, queue, expected, observed);
	return ok;
}

static inline bool judge_equal(struct rps_monitor *m, enum rule rule,
			       unsigned int end, unsigned int queue,
			       uint64_t expected, uint64_t observed)
{
	return judge(m, rule, end, queue, expected == observed, expected,
		     observed);
}

static inline bool is_observed(const struct rps_monitor *m, unsigned int end)
{
	return m->config.observed & (1u << end);
}

static inline unsigned int peer_of(unsigned int end)
{
	return 1 - end;
}

/* Whether the device works on @queue, both ends agreeing. */
static inline bool is_running(const struct rps_monitor *m, unsigned int queue)
{
	const struct queue *q = &m->queue[queue];

	return q->side[DRIVER].started && q->side[DEVICE].started &&
	       (!m->status_seen || m->status & STATUS_DRIVER_OK);
}

/* The queue on which an end receives messages, and sends them. */
static inline unsigned int rx_queue(unsigned int end)
{
	return end == DRIVER ? TO_DRIVER : TO_DEVICE;
}

/* --- monitor_access.c: accesses become facts */
void on_access(struct rps_monitor *m, const struct rps_record *record);

/* --- monitor_memory.c: where the parts of a ring are */
uint64_t part_bytes(unsigned int part, uint32_t num);
bool is_in_read_only_part(const struct rps_monitor *m, uint64_t addr,
			  unsigned int *queue);
void memory_changed(struct rps_monitor *m, uint64_t addr, uint64_t bytes);

/* --- monitor_event.c: events become facts */
void on_event(struct rps_monitor *m, const struct rps_record *record);

/* --- monitor_ring.c: facts about entries */
void ring_start(struct rps_monitor *m, unsigned int end, unsigned int queue,
		uint64_t num_flags, uint16_t start_idx);
void desc_written(struct rps_monitor *m, unsigned int queue, uint16_t index,
		  uint64_t addr, uint16_t flags, uint32_t len_bytes);
bool is_lent(const struct rps_monitor *m, unsigned int queue, uint16_t head);
void avail_published(struct rps_monitor *m, unsigned int queue, uint16_t idx);
void used_published(struct rps_monitor *m, unsigned int queue, uint16_t idx);
void buffer_taken(struct rps_monitor *m, unsigned int queue, uint64_t head,
		  uint16_t idx);
void buffer_reclaimed(struct rps_monitor *m, unsigned int queue, uint64_t id,
		      uint64_t len_bytes);

/* --- monitor_desc.c: what a published buffer is */
void judge_desc(struct rps_monitor *m, unsigned int queue, uint16_t index);
void judge_offer(struct rps_monitor *m, unsigned int queue, uint16_t head);
void judge_return(struct rps_monitor *m, unsigned int queue, uint32_t id,
		  uint32_t len_bytes);
void judge_write(struct rps_monitor *m, unsigned int end, uint64_t addr);

/* --- monitor_notify.c: wishes, decisions, notifications */
void decided(struct rps_monitor *m, unsigned int end, unsigned int queue,
	     uint16_t word, bool wanted);
void notified(struct rps_monitor *m, unsigned int end, unsigned int queue);
void armed(struct rps_monitor *m, unsigned int end, unsigned int queue,
	   uint16_t seen);
void disarmed(struct rps_monitor *m, unsigned int end, unsigned int queue);
void notify_rest(struct rps_monitor *m, unsigned int end, unsigned int queue);

/* --- monitor_status.c */
void status_written(struct rps_monitor *m, uint8_t status);
void features_written(struct rps_monitor *m, uint64_t features);
void kicked(struct rps_monitor *m, unsigned int queue);
void device_acts(struct rps_monitor *m, unsigned int queue);
void status_rest(struct rps_monitor *m);

/* --- monitor_message.c */
void header_written(struct rps_monitor *m, unsigned int end, uint64_t addr,
		    uint64_t src_dst, uint64_t rest);
void header_read(struct rps_monitor *m, unsigned int end, uint64_t addr,
		 uint64_t src_dst, uint64_t rest);
void message_sent(struct rps_monitor *m, unsigned int end, uint64_t src,
		  uint64_t dst, uint64_t len_bytes);
void message_delivered(struct rps_monitor *m, unsigned int end, uint64_t src,
		       uint64_t dst, uint64_t len_bytes);
void message_dropped(struct rps_monitor *m, unsigned int end, uint64_t src,
		     uint64_t dst);
void ns_written(struct rps_monitor *m, unsigned int end, uint64_t flags);
void ns_named(struct rps_monitor *m, unsigned int end, uint64_t at,
	      uint64_t bytes, uint64_t more);
void endpoint_is(struct rps_monitor *m, unsigned int end, uint64_t addr,
		 bool live);
/* Of its last life: the queue that it receives on is new. */
void message_start(struct rps_monitor *m, unsigned int end);
void message_taken(struct rps_monitor *m, unsigned int queue, uint16_t head);
void message_reclaimed(struct rps_monitor *m, unsigned int queue, uint16_t head,
		       uint32_t len_bytes);
/* A buffer goes back that was perhaps dropped. */
void message_returned(struct rps_monitor *m, unsigned int end,
		      unsigned int dropped);
void message_rest(struct rps_monitor *m, unsigned int end);

#endif
