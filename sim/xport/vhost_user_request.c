/* SPDX-License-Identifier: BSD-3-Clause */
#include "vhost_user_request.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "vhost_user_ring.h"

enum vu_payload {
	VU_PAYLOAD_NONE,
	VU_PAYLOAD_U64,
	VU_PAYLOAD_VRING_FD,
	VU_PAYLOAD_STATE,
	VU_PAYLOAD_ADDR,
	VU_PAYLOAD_TABLE,
	VU_PAYLOAD_REGION,
	VU_PAYLOAD_CONFIG,
};

enum vu_answer {
	VU_ANSWER_ACK,
	VU_ANSWER_OWN,
};

#define NO_FEATURE                   64u
#define FEATURE_NONE                 NO_FEATURE
#define FEATURE_CROSS_ENDIAN         VHOST_USER_PROTOCOL_F_CROSS_ENDIAN
#define FEATURE_CONFIG               VHOST_USER_PROTOCOL_F_CONFIG
#define FEATURE_INBAND_NOTIFICATIONS VHOST_USER_PROTOCOL_F_INBAND_NOTIFICATIONS
#define FEATURE_CONFIGURE_MEM_SLOTS  VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS
#define FEATURE_STATUS               VHOST_USER_PROTOCOL_F_STATUS

struct request {
	uint32_t id;
	const char *name;
	enum vu_payload payload;
	unsigned int fds_min;
	unsigned int fds_max;
	unsigned int feature;
	enum vu_answer answer;
	/* NULL: not offered */
	enum vu_outcome (*serve)(struct rps_vu *vu, struct vu_msg *msg);
};

static const struct request requests[] = {
/* clang-format off */
#define REQUEST(name, id, payload, fds_min, fds_max, feature, answer) \
	{ id, #name, VU_PAYLOAD_##payload, fds_min, fds_max,          \
	  FEATURE_##feature, VU_ANSWER_##answer, rps_vu_do_##name },
#define REFUSED(name, id) \
	{ id, #name, VU_PAYLOAD_NONE, 0, 0, NO_FEATURE, VU_ANSWER_ACK, NULL },
#include "vhost_user_requests.def"
#undef REFUSED
#undef REQUEST
	/* clang-format on */
};

static const struct request *find_request(uint32_t id)
{
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		if (requests[i].id == id)
			return &requests[i];
	}
	return NULL;
}

/* Is the payload as long as its kind wants? */
static bool size_fits(enum vu_payload payload, uint32_t size)
{
	const union vhost_user_payload *u = NULL;

	switch (payload) {
	case VU_PAYLOAD_NONE:
		return size == 0;
	case VU_PAYLOAD_U64:
	case VU_PAYLOAD_VRING_FD:
		return size == sizeof(u->u64);
	case VU_PAYLOAD_STATE:
		return size == sizeof(u->state);
	case VU_PAYLOAD_ADDR:
		return size == sizeof(u->addr);
	case VU_PAYLOAD_TABLE:
		/* User-mode Linux sends room for more regions than it has. */
		return size >= VHOST_USER_TABLE_HEAD &&
		       size <= sizeof(u->table);
	case VU_PAYLOAD_REGION:
		return size == sizeof(u->region);
	case VU_PAYLOAD_CONFIG:
		return size >= VHOST_USER_CONFIG_HEAD &&
		       size <= sizeof(u->config);
	}
	return false;
}

/* The request and its operands, as a line for the log. */
static void log_request(struct rps_vu *vu, const struct request *req,
			const struct vu_msg *msg)
{
	const union vhost_user_payload *u = &msg->payload;
	char text[VU_LOG_LINE_BYTES / 2] = "";

	switch (req->payload) {
	case VU_PAYLOAD_NONE:
		break;
	case VU_PAYLOAD_U64:
		snprintf(text, sizeof(text), " %#" PRIx64, u->u64);
		break;
	case VU_PAYLOAD_VRING_FD:
		snprintf(text, sizeof(text), " queue %u%s",
			 (unsigned int)(u->u64 & VHOST_USER_VRING_INDEX_MASK),
			 msg->num_fds ? "" : " without descriptor");
		break;
	case VU_PAYLOAD_STATE:
		snprintf(text, sizeof(text), " queue %u num %u", u->state.index,
			 u->state.num);
		break;
	case VU_PAYLOAD_ADDR:
		snprintf(text, sizeof(text), " queue %u desc %#" PRIx64,
			 u->addr.index, u->addr.desc);
		break;
	case VU_PAYLOAD_TABLE:
		snprintf(text, sizeof(text), " regions %u",
			 u->table.num_regions);
		break;
	case VU_PAYLOAD_REGION:
		snprintf(text, sizeof(text),
			 " guest %#" PRIx64 " size %#" PRIx64,
			 u->region.region.guest_addr, u->region.region.size);
		break;
	case VU_PAYLOAD_CONFIG:
		snprintf(text, sizeof(text), " offset %u size %u",
			 u->config.offset, u->config.size);
		break;
	}
	/* In-band kicks would leave no room for anything else. */
	if (req->id != VHOST_USER_VRING_KICK)
		rps_vu_log_add(&vu->log, "%s%s", req->name, text);
}

static enum vu_outcome check(struct rps_vu *vu, const struct request *req,
			     const struct vu_msg *msg)
{
	if (msg->header.flags & VHOST_USER_FLAG_REPLY)
		return rps_vu_refuse(vu, VU_MALFORMED,
				     "request %u has the reply flag",
				     msg->header.request);
	if (!req)
		return rps_vu_refuse(vu, VU_REFUSED, "unknown request %u",
				     msg->header.request);
	if (!req->serve)
		return rps_vu_refuse(vu, VU_REFUSED, "%s is not offered",
				     req->name);
	if (!size_fits(req->payload, msg->header.size))
		return rps_vu_refuse(vu, VU_MALFORMED,
				     "%s with a payload of %u bytes", req->name,
				     msg->header.size);
	if (msg->num_fds < req->fds_min || msg->num_fds > req->fds_max)
		return rps_vu_refuse(vu, VU_MALFORMED, "%s with %u descriptors",
				     req->name, msg->num_fds);
	if (req->feature != NO_FEATURE &&
	    !vu_has_protocol_feature(vu, req->feature))
		return rps_vu_refuse(
			vu, VU_REFUSED,
			"%s needs a feature that was not negotiated",
			req->name);
	return VU_GRANTED;
}

static int send_reply(struct rps_vu *vu, const struct vu_msg *reply)
{
	int err = rps_vu_msg_send(vu->sock, reply);

	if (!err)
		return 0;
	rps_vu_note(vu, err == -EAGAIN ? "frontend does not read replies"
				       : "frontend closed the connection");
	return -EIO;
}

/* "zero on success or non-zero on failure" */
static int acknowledge(struct rps_vu *vu, const struct vu_msg *msg, bool failed)
{
	struct vu_msg ack = {
		.header = { msg->header.request,
			    VHOST_USER_VERSION | VHOST_USER_FLAG_REPLY,
			    sizeof(ack.payload.u64) },
		.payload.u64 = failed,
	};

	return send_reply(vu, &ack);
}

/* Asked after the request was served: SET_PROTOCOL_FEATURES may be the one
 * that negotiates it, and user-mode Linux waits for that one's reply. */
static bool wants_ack(const struct rps_vu *vu, const struct vu_msg *msg)
{
	return (msg->header.flags & VHOST_USER_FLAG_NEED_REPLY) &&
	       vu_has_protocol_feature(vu, VHOST_USER_PROTOCOL_F_REPLY_ACK);
}

static enum vu_outcome execute(struct rps_vu *vu, const struct request *req,
			       struct vu_msg *msg)
{
	enum vu_outcome outcome;

	log_request(vu, req, msg);
	vu->reply.header = (struct vhost_user_header){
		req->id, VHOST_USER_VERSION | VHOST_USER_FLAG_REPLY, 0
	};
	outcome = req->serve(vu, msg);
	/* A kick changes nothing, and is the one that comes often. */
	if (req->id != VHOST_USER_VRING_KICK)
		rps_vu_rings_publish(vu);
	return outcome;
}

static int grant(struct rps_vu *vu, const struct request *req,
		 const struct vu_msg *msg)
{
	vu->stats.requests++;
	if (req->answer == VU_ANSWER_OWN)
		return send_reply(vu, &vu->reply);
	return wants_ack(vu, msg) ? acknowledge(vu, msg, false) : 0;
}

static int refuse(struct rps_vu *vu, const struct vu_msg *msg)
{
	vu->stats.refused++;
	rps_vu_log_add(&vu->log, "refused: %s", vu->reason);
	return wants_ack(vu, msg) ? acknowledge(vu, msg, true) : 0;
}

int rps_vu_request_serve(struct rps_vu *vu, struct vu_msg *msg)
{
	const struct request *req = find_request(msg->header.request);
	enum vu_outcome outcome = check(vu, req, msg);

	if (outcome == VU_GRANTED)
		outcome = execute(vu, req, msg);
	switch (outcome) {
	case VU_GRANTED:
		return grant(vu, req, msg);
	case VU_REFUSED:
		return wants_ack(vu, msg) ? refuse(vu, msg) : -EPROTO;
	case VU_IGNORED:
		return refuse(vu, msg);
	case VU_MALFORMED:
		break;
	}
	return -EPROTO;
}
