/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests about the device as a whole: features, memory, configuration,
 * status.
 */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "vhost_user_request.h"
#include "vhost_user_ring.h"

static enum vu_outcome reply_u64(struct rps_vu *vu, uint64_t value)
{
	vu->reply.header.size = sizeof(vu->reply.payload.u64);
	vu->reply.payload.u64 = value;
	return VU_GRANTED;
}

enum vu_outcome rps_vu_do_GET_FEATURES(struct rps_vu *vu, struct vu_msg *msg)
{
	(void)msg;
	return reply_u64(vu, vu->features);
}

enum vu_outcome rps_vu_do_SET_FEATURES(struct rps_vu *vu, struct vu_msg *msg)
{
	uint64_t unknown = msg->payload.u64 & ~vu->features;

	if (unknown)
		return rps_vu_refuse(vu, VU_REFUSED,
				     "features %#" PRIx64 " were not offered",
				     unknown);
	vu->acked_features = msg->payload.u64;
	vu_saw_driver(vu, RPS_EVENT_features_write, vu->acked_features);
	return VU_GRANTED;
}

enum vu_outcome rps_vu_do_GET_PROTOCOL_FEATURES(struct rps_vu *vu,
						struct vu_msg *msg)
{
	(void)msg;
	return reply_u64(vu, vu->protocol_features);
}

/* "It is also considered an error to negotiate this feature without also
 * negotiating [the back-end channel and REPLY_ACK]" */
static bool inband_is_complete(uint64_t bits)
{
	const uint64_t needed = 1u << VHOST_USER_PROTOCOL_F_BACKEND_REQ |
				1u << VHOST_USER_PROTOCOL_F_REPLY_ACK;

	return !(bits & 1u << VHOST_USER_PROTOCOL_F_INBAND_NOTIFICATIONS) ||
	       (bits & needed) == needed;
}

enum vu_outcome rps_vu_do_SET_PROTOCOL_FEATURES(struct rps_vu *vu,
						struct vu_msg *msg)
{
	uint64_t bits = msg->payload.u64;
	uint64_t unknown = bits & ~vu->protocol_features;

	if (unknown)
		return rps_vu_refuse(vu, VU_REFUSED,
				     "protocol features %#" PRIx64
				     " were not offered",
				     unknown);
	if (!inband_is_complete(bits))
		return rps_vu_refuse(
			vu, VU_MALFORMED,
			"in-band notifications need REPLY_ACK and BACKEND_REQ");
	vu->stats.protocol_features = bits;
	return VU_GRANTED;
}

enum vu_outcome rps_vu_do_GET_QUEUE_NUM(struct rps_vu *vu, struct vu_msg *msg)
{
	(void)msg;
	return reply_u64(vu, vu->num_queues);
}

/* A session begins with the connection; there is nothing to add. */
enum vu_outcome rps_vu_do_SET_OWNER(struct rps_vu *vu, struct vu_msg *msg)
{
	(void)vu;
	(void)msg;
	return VU_GRANTED;
}

/* "either ignore this message, or use it to disable all rings" */
enum vu_outcome rps_vu_do_RESET_OWNER(struct rps_vu *vu, struct vu_msg *msg)
{
	(void)msg;
	for (unsigned int i = 0; i < vu->num_queues; i++) {
		vu->ring[i].enable = false;
		rps_vu_ring_stop(vu, i);
	}
	return VU_GRANTED;
}

enum vu_outcome rps_vu_do_RESET_DEVICE(struct rps_vu *vu, struct vu_msg *msg)
{
	(void)msg;
	for (unsigned int i = 0; i < vu->num_queues; i++)
		rps_vu_ring_reset(vu, i);
	vu->acked_features = 0;
	vu->stats.status = 0;
	return VU_GRANTED;
}

static void publish_memory(struct rps_vu *vu)
{
	rps_vu_mem_publish(&vu->mem, &vu->xport.mem);
	vu->mem_changed = true;
}

/* Map the whole table or nothing. */
static int map_table(struct vu_mem *out, const struct vu_msg *msg)
{
	int err = 0;

	for (unsigned int i = 0; !err && i < msg->num_fds; i++)
		err = rps_vu_mem_add(out, &msg->payload.table.region[i],
				     msg->fd[i]);
	if (err)
		rps_vu_mem_clear(out);
	return err;
}

enum vu_outcome rps_vu_do_SET_MEM_TABLE(struct rps_vu *vu, struct vu_msg *msg)
{
	const struct vhost_user_mem_table *table = &msg->payload.table;
	struct vu_mem next = { .num_regions = 0 };
	uint32_t room = (uint32_t)((msg->header.size - VHOST_USER_TABLE_HEAD) /
				   sizeof(table->region[0]));
	int err;

	if (table->num_regions > room)
		return rps_vu_refuse(
			vu, VU_MALFORMED,
			"memory table with %u regions in room for %u",
			table->num_regions, room);
	if (table->num_regions != msg->num_fds)
		return rps_vu_refuse(
			vu, VU_MALFORMED,
			"memory table with %u regions and %u descriptors",
			table->num_regions, msg->num_fds);
	err = map_table(&next, msg);
	if (err)
		return rps_vu_refuse(vu, VU_REFUSED, "%s",
				     rps_vu_mem_reason(err));
	rps_vu_mem_clear(&vu->mem);
	vu->mem = next;
	publish_memory(vu);
	return VU_GRANTED;
}

enum vu_outcome rps_vu_do_GET_MAX_MEM_SLOTS(struct rps_vu *vu,
					    struct vu_msg *msg)
{
	(void)msg;
	return reply_u64(vu, RPS_MEM_REGIONS_MAX);
}

enum vu_outcome rps_vu_do_ADD_MEM_REG(struct rps_vu *vu, struct vu_msg *msg)
{
	int err = rps_vu_mem_add(&vu->mem, &msg->payload.region.region,
				 msg->fd[0]);

	if (err)
		return rps_vu_refuse(vu, VU_REFUSED, "%s",
				     rps_vu_mem_reason(err));
	publish_memory(vu);
	return VU_GRANTED;
}

enum vu_outcome rps_vu_do_REM_MEM_REG(struct rps_vu *vu, struct vu_msg *msg)
{
	int err = rps_vu_mem_remove(&vu->mem, &msg->payload.region.region);

	if (err)
		return rps_vu_refuse(vu, VU_REFUSED, "%s",
				     rps_vu_mem_reason(err));
	publish_memory(vu);
	return VU_GRANTED;
}

static enum vu_outcome check_config(struct rps_vu *vu, const struct vu_msg *msg)
{
	const struct vhost_user_config *config = &msg->payload.config;

	if (config->size != msg->header.size - VHOST_USER_CONFIG_HEAD)
		return rps_vu_refuse(
			vu, VU_MALFORMED,
			"configuration of %u bytes in a payload of %u",
			config->size, msg->header.size);
	return VU_GRANTED;
}

static bool config_is_inside(const struct rps_vu *vu,
			     const struct vhost_user_config *config)
{
	return config->offset <= vu->config_len &&
	       config->size <= vu->config_len - config->offset;
}

enum vu_outcome rps_vu_do_GET_CONFIG(struct rps_vu *vu, struct vu_msg *msg)
{
	const struct vhost_user_config *asked = &msg->payload.config;
	enum vu_outcome outcome = check_config(vu, msg);

	if (outcome != VU_GRANTED)
		return outcome;
	/* "uses zero length of payload to indicate an error" */
	if (!config_is_inside(vu, asked))
		return VU_GRANTED;
	vu->reply.header.size = msg->header.size;
	vu->reply.payload.config.offset = asked->offset;
	vu->reply.payload.config.size = asked->size;
	vu->reply.payload.config.flags = asked->flags;
	memcpy(vu->reply.payload.config.bytes, vu->config + asked->offset,
	       asked->size);
	return VU_GRANTED;
}

enum vu_outcome rps_vu_do_SET_CONFIG(struct rps_vu *vu, struct vu_msg *msg)
{
	const struct vhost_user_config *sent = &msg->payload.config;
	enum vu_outcome outcome = check_config(vu, msg);

	if (outcome != VU_GRANTED)
		return outcome;
	if (!config_is_inside(vu, sent))
		return rps_vu_refuse(vu, VU_IGNORED,
				     "configuration space is shorter");
	/* "MUST NOT accept SET_CONFIG for read-only configuration space fields
	 * unless the live migration bit is set": all of ours are. */
	if (sent->flags != VHOST_USER_CONFIG_F_MIGRATION)
		return rps_vu_refuse(vu, VU_IGNORED,
				     "configuration space is read-only");
	memcpy(vu->config + sent->offset, sent->bytes, sent->size);
	return VU_GRANTED;
}

enum vu_outcome rps_vu_do_SET_BACKEND_REQ_FD(struct rps_vu *vu,
					     struct vu_msg *msg)
{
	int err;

	if (vu->channel.fd >= 0)
		rps_vu_unwatch(vu, vu->channel.fd);
	rps_vu_channel_close(&vu->channel);
	err = rps_vu_channel_open(&vu->channel, rps_vu_msg_take_fd(msg, 0));
	if (!err)
		err = rps_vu_watch(vu, vu->channel.fd, VU_TAG_CHANNEL);
	if (err) {
		rps_vu_channel_close(&vu->channel);
		return rps_vu_refuse(vu, VU_REFUSED,
				     "backend channel is no socket");
	}
	return VU_GRANTED;
}

enum vu_outcome rps_vu_do_SET_STATUS(struct rps_vu *vu, struct vu_msg *msg)
{
	if (msg->payload.u64 > UINT8_MAX)
		return rps_vu_refuse(vu, VU_REFUSED, "status %#" PRIx64,
				     msg->payload.u64);
	vu->stats.status = (uint8_t)msg->payload.u64;
	vu_saw_driver(vu, RPS_EVENT_status_write, vu->stats.status);
	if (vu->stats.status != 0)
		return VU_GRANTED;
	/* virtio-1.2 2.1: writing 0 resets the device. */
	for (unsigned int i = 0; i < vu->num_queues; i++)
		rps_vu_ring_stop(vu, i);
	return VU_GRANTED;
}

enum vu_outcome rps_vu_do_GET_STATUS(struct rps_vu *vu, struct vu_msg *msg)
{
	(void)msg;
	return reply_u64(vu, vu->stats.status);
}
