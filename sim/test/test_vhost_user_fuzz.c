/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Honest starts with random damage.  Nothing may crash, leak or hang, and a
 * device that calls itself ready must have rings that can be touched.
 * The loop index of a failed test is its seed.
 */
#include <rps/vhost_user.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "suite_main.h"
#include "vu_frontend.h"

#define BIT(n)           (1ull << (n))
#define SEEDS            40
#define STREAMS_PER_SEED 500
#define MESSAGES_MAX     32u
#define MUTATIONS_MAX    4u

static struct rps_vu *vu;
static struct rps_xport *xport;
static struct vu_frontend fe;
static uint64_t state;

/* xorshift64*; the seed is never 0. */
static uint32_t chance(uint32_t below)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (uint32_t)((state * 0x2545f4914f6cdd1dull) >> 33) % below;
}

enum pool {
	POOL_MEMORY,
	POOL_KICK,
	POOL_CALL,
	POOL_SHORT,
	POOL_NULL,
	POOL_PIPE_IN,
	POOL_PIPE_OUT,
	POOL_SOCKET,
	POOL_SOCKET_PEER,
	POOL_NUM,
};
static int pool[POOL_NUM];

static void fill_pool(void)
{
	int pair[2];

	pool[POOL_MEMORY] = fe.mem_fd;
	pool[POOL_KICK] = fe.kick[0];
	pool[POOL_CALL] = fe.call[0];
	pool[POOL_SHORT] = memfd_create("short", MFD_CLOEXEC);
	pool[POOL_NULL] = open("/dev/null", O_RDWR | O_CLOEXEC);
	ck_assert_int_eq(pipe(pair), 0);
	pool[POOL_PIPE_IN] = pair[0];
	pool[POOL_PIPE_OUT] = pair[1];
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	pool[POOL_SOCKET] = pair[0];
	pool[POOL_SOCKET_PEER] = pair[1];
}

static void empty_pool(void)
{
	for (unsigned int i = POOL_SHORT; i < POOL_NUM; i++)
		close(pool[i]);
}

struct stream {
	struct vuf_msg msg[MESSAGES_MAX];
	unsigned int len;
};

static void add(struct stream *stream, struct vuf_msg msg)
{
	msg.flags |= VHOST_USER_VERSION;
	if (stream->len < MESSAGES_MAX)
		stream->msg[stream->len++] = msg;
}

static void add_u64(struct stream *stream, uint32_t request, uint64_t value,
		    int fd)
{
	struct vuf_msg msg = { .request = request,
			       .size = 8,
			       .payload.u64 = value,
			       .fd = { fd },
			       .num_fds = fd >= 0 };

	add(stream, msg);
}

static void add_state(struct stream *stream, uint32_t request,
		      unsigned int index, unsigned int num)
{
	struct vuf_msg msg = { .request = request,
			       .size = 8,
			       .payload.state = { index, num } };

	add(stream, msg);
}

static const uint64_t protocol_choices[] = {
	0,
	BIT(VHOST_USER_PROTOCOL_F_REPLY_ACK),
	BIT(VHOST_USER_PROTOCOL_F_STATUS) |
		BIT(VHOST_USER_PROTOCOL_F_CROSS_ENDIAN),
	BIT(VHOST_USER_PROTOCOL_F_REPLY_ACK) |
		BIT(VHOST_USER_PROTOCOL_F_BACKEND_REQ) |
		BIT(VHOST_USER_PROTOCOL_F_INBAND_NOTIFICATIONS) |
		BIT(VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS),
};

static void add_ring(struct stream *stream, unsigned int index)
{
	add_state(stream, VHOST_USER_SET_VRING_NUM, index, VUF_RING_NUM);
	add_state(stream, VHOST_USER_SET_VRING_BASE, index, 0);
	add(stream, vuf_ring_addr(index));
	add_u64(stream, VHOST_USER_SET_VRING_KICK, index, pool[POOL_KICK]);
	add_u64(stream, VHOST_USER_SET_VRING_CALL, index, pool[POOL_CALL]);
	add_state(stream, VHOST_USER_SET_VRING_ENABLE, index, 1);
}

static void honest_stream(struct stream *stream)
{
	uint64_t features = BIT(VHOST_USER_F_PROTOCOL_FEATURES) |
			    (chance(2) ? BIT(VIRTIO_F_VERSION_1) : 0);
	struct vuf_msg channel = { .request = VHOST_USER_SET_BACKEND_REQ_FD,
				   .fd = { pool[POOL_SOCKET] },
				   .num_fds = 1 };

	stream->len = 0;
	add_u64(stream, VHOST_USER_SET_FEATURES, features, -1);
	add_u64(stream, VHOST_USER_SET_PROTOCOL_FEATURES,
		protocol_choices[chance(ARRAY_SIZE(protocol_choices))], -1);
	add(stream, channel);
	add(stream, vuf_mem_table(&fe));
	add_ring(stream, 0);
	add_ring(stream, 1);
	add_state(stream, VHOST_USER_VRING_KICK, 1, 0);
	add_state(stream, VHOST_USER_GET_VRING_BASE, 0, 0);
	add_state(stream, VHOST_USER_SET_VRING_ENDIAN, 0, 1);
	add_u64(stream, VHOST_USER_SET_STATUS, 15, -1);
}

static const uint64_t interesting[] = {
	0,
	1,
	2,
	7,
	8,
	0x100,
	0x1ff,
	0xffff,
	0x10000,
	0x7fffffff,
	0x80000000,
	0xffffffff,
	1ull << 63,
	UINT64_MAX,
	UINT64_MAX - 4095,
	VUF_MEM_BYTES,
	VUF_GUEST_BASE,
	VUF_USER_BASE,
	VUF_USER_BASE + VUF_MEM_BYTES - 16,
};

static void damage(struct stream *stream)
{
	unsigned int at = chance(stream->len);
	struct vuf_msg *msg = &stream->msg[at];
	struct vuf_msg spare = *msg;

	switch (chance(9)) {
	case 0:
		msg->payload.bytes[chance(48)] ^= (uint8_t)BIT(chance(8));
		break;
	case 1:
		memcpy(msg->payload.bytes + 4 * chance(12),
		       &interesting[chance(ARRAY_SIZE(interesting))],
		       chance(2) ? 4 : 8);
		break;
	case 2:
		msg->request = chance(50);
		break;
	case 3:
		msg->size = chance(2) ? chance(64) : chance(600);
		break;
	case 4:
		msg->flags ^= (uint32_t)BIT(chance(chance(8) ? 4 : 32));
		break;
	case 5:
		msg->num_fds = chance(chance(8) ? 3 : VUF_FDS_MAX + 1);
		for (unsigned int i = 0; i < msg->num_fds; i++)
			msg->fd[i] = pool[chance(POOL_NUM)];
		break;
	case 6:
		*msg = stream->msg[stream->len - 1 - at];
		stream->msg[stream->len - 1 - at] = spare;
		break;
	case 7:
		*msg = stream->msg[chance(stream->len)];
		break;
	case 8:
		stream->len = at + 1;
		break;
	}
}

/* What the device end would do first. */
static void touch_rings(void)
{
	struct vring ring;

	for (unsigned int i = 0; i < RPS_NUM_QUEUES; i++) {
		const struct rps_xport_queue *queue = &xport->queue[i];

		ck_assert_int_eq(rps_vring_attach(&ring, &xport->mem,
						  queue->num, queue->addrs),
				 0);
		ring.desc[queue->num - 1].next.raw++;
		ring.used_event->raw++;
		ring.avail_event->raw++;
		xport->ops->notify(xport, i);
	}
}

static void serve(void)
{
	for (int i = 0; i < 8; i++) {
		int served = rps_vu_service(vu);

		ck_assert_int_ge(served, 0);
		if (xport->ready)
			touch_rings();
		if (served == 0)
			return;
	}
}

static void run(const struct stream *stream, int sock)
{
	/* Served at random, so that messages come one by one and in heaps. */
	for (unsigned int i = 0; i < stream->len; i++) {
		if (!vuf_send(sock, &stream->msg[i]))
			break;
		if (chance(16) == 0)
			serve();
	}
	serve();
}

START_TEST(damaged_streams_do_no_damage)
{
	unsigned int num_streams = long_loop(SEEDS * STREAMS_PER_SEED) / SEEDS;
	unsigned int fds = vuf_count_fds();
	struct rps_vu_stats stats;
	struct stream stream;

	state = (uint64_t)_i + 1;
	vu = vuf_backend();
	xport = rps_vu_xport(vu);
	vuf_open(&fe, vu);
	fill_pool();
	shutdown(fe.sock, SHUT_WR);
	vuf_pump(vu);

	for (unsigned int i = 0; i < num_streams; i++) {
		int sock = vuf_connect();

		honest_stream(&stream);
		for (unsigned int n = 1 + chance(MUTATIONS_MAX); n > 0; n--)
			damage(&stream);
		run(&stream, sock);
		close(sock);
	}
	serve();

	rps_vu_get_stats(vu, &stats);
	ck_assert_uint_gt(stats.requests, num_streams);
	ck_assert_uint_gt(stats.bad_messages, num_streams / 8);
	empty_pool();
	vuf_close(&fe);
	rps_vu_destroy(vu);
	ck_assert_uint_eq(vuf_count_fds(), fds);
	ck_assert_uint_eq(vuf_count_maps(), 0);
}
END_TEST

START_TEST(an_undamaged_stream_starts_the_device)
{
	struct stream stream;

	state = 1;
	vu = vuf_backend();
	xport = rps_vu_xport(vu);
	vuf_open(&fe, vu);
	fill_pool();
	honest_stream(&stream);
	stream.len = 16; /* up to both rings */
	run(&stream, fe.sock);

	ck_assert_msg(xport->ready, "%s", rps_vu_last_error(vu));
	empty_pool();
	vuf_close(&fe);
	rps_vu_destroy(vu);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vhost_user_fuzz");
	TCase *tests = tcase_create("fuzz");

	tcase_add_test(tests, an_undamaged_stream_starts_the_device);
	tcase_add_loop_test(tests, damaged_streams_do_no_damage, 0, SEEDS);
	suite_add_tcase(suite, tests);
	return suite_main(suite);
}
