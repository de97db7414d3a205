/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Name service messages of any content and length, against a model that is a
 * list of pairs; and both wire structures back and forth.
 *
 * Input: a byte (0: big endian), then messages: a length and that many bytes.
 * A message of 40 bytes may be given short: what is missing is zero.
 */
#include <string.h>

#include "../rpmsg/name_service.h"
#include "fuzz.h"

#define MESSAGES_MAX 64u
#define CHANS        4u
#define EPTS         8u
#define NS_BYTES     40u

struct pair {
	char name[RPMSG_NAME_SIZE];
	uint32_t addr;
	bool live;
};

struct ns_fuzz {
	enum rps_order order;
	struct rps_mem mem;
	struct rps_node node;
	struct rps_ept *ept_slot[EPTS];
	struct rps_chan chan_slot[CHANS];
	struct pair pair[CHANS];
	unsigned int num_pairs;
	uint64_t dropped;
	uint64_t refused;
};

static uint32_t get32(enum rps_order order, const uint8_t *bytes)
{
	uint32_t value = 0;

	for (unsigned int i = 0; i < 4; i++)
		value = value << 8 | bytes[order == RPS_ORDER_BE ? i : 3 - i];
	return value;
}

static struct pair *find(struct ns_fuzz *fuzz, const struct pair *wanted)
{
	for (unsigned int i = 0; i < CHANS; i++) {
		struct pair *pair = &fuzz->pair[i];

		if (pair->live && pair->addr == wanted->addr &&
		    strcmp(pair->name, wanted->name) == 0)
			return pair;
	}
	return NULL;
}

static void model_add(struct ns_fuzz *fuzz, const struct pair *pair)
{
	if (find(fuzz, pair))
		return;
	if (fuzz->num_pairs == CHANS) {
		fuzz->refused++;
		return;
	}
	for (unsigned int i = 0; i < CHANS; i++) {
		if (fuzz->pair[i].live)
			continue;
		fuzz->pair[i] = *pair;
		fuzz->num_pairs++;
		return;
	}
}

static void model_remove(struct ns_fuzz *fuzz, const struct pair *pair)
{
	struct pair *found = find(fuzz, pair);

	if (!found)
		return;
	found->live = false;
	fuzz->num_pairs--;
}

static void model_hear(struct ns_fuzz *fuzz, const uint8_t *bytes,
		       size_t len_bytes)
{
	struct pair pair = { .live = true };

	if (len_bytes != NS_BYTES) {
		fuzz->dropped++;
		return;
	}
	for (unsigned int i = 0; i < RPMSG_NAME_SIZE - 1 && bytes[i]; i++)
		pair.name[i] = (char)bytes[i];
	pair.addr = get32(fuzz->order, bytes + 32);
	if (get32(fuzz->order, bytes + 36) & 1)
		model_remove(fuzz, &pair);
	else
		model_add(fuzz, &pair);
}

static void same(struct ns_fuzz *fuzz)
{
	const struct rps_node *node = &fuzz->node;

	fuzz_require(node->chans.count == fuzz->num_pairs);
	fuzz_require(node->num_dropped == fuzz->dropped);
	fuzz_require(node->num_chans_refused == fuzz->refused);
	for (unsigned int i = 0; i < CHANS; i++) {
		const struct pair *pair = &fuzz->pair[i];
		const struct rps_chan *chan;

		if (!pair->live)
			continue;
		chan = rps_chan_find(&node->chans, pair->name, RPMSG_ADDR_ANY,
				     pair->addr);
		fuzz_require(chan && strcmp(chan->name, pair->name) == 0);
		fuzz_require(chan->bound == (strcmp(pair->name, "a") == 0));
		fuzz_require(!chan->bound ||
			     (chan->ept.dst == pair->addr &&
			      rps_ept_find(&node->epts, chan->ept.addr) ==
				      &chan->ept));
	}
}

static enum rps_rx_result ignore(struct rps_node *node, struct rps_ept *ept,
				 const struct rps_msg *msg, void *priv)
{
	(void)node;
	(void)ept;
	(void)msg;
	(void)priv;
	return RPS_RX_DONE;
}

/* What is unpacked and packed again is what it was, as far as it counts. */
static void back_and_forth(enum rps_order order, const uint8_t *bytes)
{
	struct rpmsg_ns_msg ns_wire;
	struct rpmsg_hdr hdr_wire;
	struct rps_hdr hdr;
	struct rps_ns ns;

	memcpy(&ns_wire, bytes, sizeof(ns_wire));
	memcpy(&hdr_wire, bytes, sizeof(hdr_wire));
	ns = rps_ns_unpack(order, &ns_wire);
	hdr = rps_hdr_unpack(order, &hdr_wire);
	fuzz_require(memchr(ns.name, 0, sizeof(ns.name)) != NULL);
	fuzz_require(ns.addr == get32(order, bytes + 32));
	fuzz_require(ns.destroy == (get32(order, bytes + 36) & 1));
	fuzz_require(hdr.src == get32(order, bytes));

	ns_wire = rps_ns_pack(order, &ns);
	hdr_wire = rps_hdr_pack(order, &hdr);
	fuzz_require(memcmp(&hdr_wire, bytes, sizeof(hdr_wire)) == 0);
	fuzz_require(memcmp(&ns_wire.addr, bytes + 32, 4) == 0);
	fuzz_require(strncmp(ns_wire.name, (const char *)bytes,
			     RPMSG_NAME_SIZE - 1) == 0);
}

static void hear(struct ns_fuzz *fuzz, struct fuzz_input *in)
{
	uint8_t bytes[UINT8_MAX] = { 0 };
	struct rps_msg msg = { .hdr.dst = RPMSG_NS_ADDR, .payload = bytes };

	msg.hdr.len_bytes = fuzz_u8(in);
	fuzz_bytes(in, bytes, msg.hdr.len_bytes);
	back_and_forth(fuzz->order, bytes);
	ns_receive(&fuzz->node, &msg);
	model_hear(fuzz, bytes, msg.hdr.len_bytes);
	same(fuzz);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len_bytes)
{
	static struct ns_fuzz fuzz;
	struct fuzz_input in = { data, len_bytes };
	struct rps_node_params params = {
		.role = RPS_ROLE_DEVICE,
		.ept_slots = fuzz.ept_slot,
		.num_ept_slots = EPTS,
		.chan_slots = fuzz.chan_slot,
		.num_chan_slots = CHANS,
	};

	memset(&fuzz, 0, sizeof(fuzz));
	fuzz.order = fuzz_u8(&in) ? RPS_ORDER_LE : RPS_ORDER_BE;
	fuzz.mem.order = fuzz.order;
	rps_node_init(&fuzz.node, &params);
	fuzz.node.mem = &fuzz.mem;
	fuzz_require(rps_node_serve(&fuzz.node, "a", ignore, NULL) == 0);
	for (unsigned int i = 0; i < MESSAGES_MAX && in.left_bytes > 0; i++)
		hear(&fuzz, &in);
	rps_node_stop(&fuzz.node);
	fuzz_require(fuzz.node.chans.count == 0 && fuzz.node.epts.count == 0);
	return 0;
}
