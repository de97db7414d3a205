/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A hostile vhost-user frontend: any messages with any descriptors through a
 * real socket.  After it an honest one must find the device in order.
 *
 * Input: a byte of enum config_bit, then messages: request, flags, size (two
 * bytes), number of descriptors, one byte for each of them, payload.  Where the
 * highest flag is set, the message goes into the back end's own channel, which
 * is the pool's socket if any is.
 */
#include <rps/vhost_user.h>
#include <rps/xport.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../xport/vhost_user_proto.h"
#include "fuzz.h"

#define BIT(n)         (UINT64_C(1) << (n))
#define MESSAGES_MAX   48u
#define FDS_MAX        9u /* one more than any message may bring */
#define MEM_BYTES      0x10000u
#define GUEST_BASE     UINT64_C(0x40000000)
#define USER_BASE      UINT64_C(0x10000)
#define RING_NUM       8u
#define RING_BYTES     0x1000u
#define SERVICE_ROUNDS 64u
#define FD_NUMBERS     128
#define FLAG_CHANNEL   0x80u

enum config_bit {
	CONFIG_STATUS = 1,
	CONFIG_INBAND = 2,
	CONFIG_SPACE = 4, /* a configuration space */
};

/* Descriptors that a frontend may send, made once. */
enum pool {
	POOL_MEMORY,
	POOL_KICK,
	POOL_CALL,
	POOL_SHORT, /* a file without content */
	POOL_NULL,
	POOL_PIPE_IN,
	POOL_PIPE_OUT,
	POOL_SOCKET,
	POOL_SOCKET_PEER,
	NUM_POOL
};
static int pool[NUM_POOL];

struct message {
	struct vhost_user_header header;
	union vhost_user_payload payload;
	size_t payload_bytes; /* that are sent, whatever the header says */
	bool to_channel;
	unsigned int num_fds;
	int fd[FDS_MAX];
};

static void fill_pool(void)
{
	int pair[2];

	if (pool[POOL_KICK])
		return;
	pool[POOL_MEMORY] = memfd_create("guest", MFD_CLOEXEC);
	pool[POOL_KICK] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pool[POOL_CALL] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pool[POOL_SHORT] = memfd_create("short", MFD_CLOEXEC);
	pool[POOL_NULL] = open("/dev/null", O_RDWR | O_CLOEXEC);
	fuzz_require(ftruncate(pool[POOL_MEMORY], MEM_BYTES) == 0);
	fuzz_require(pipe2(pair, O_NONBLOCK) == 0);
	pool[POOL_PIPE_IN] = pair[0];
	pool[POOL_PIPE_OUT] = pair[1];
	fuzz_require(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0);
	pool[POOL_SOCKET] = pair[0];
	pool[POOL_SOCKET_PEER] = pair[1];
}

/* What this input has left in there is not for the next one. */
static void empty_pool(void)
{
	static const enum pool readable[] = { POOL_KICK, POOL_CALL,
					      POOL_PIPE_IN, POOL_SOCKET,
					      POOL_SOCKET_PEER };
	char bytes[512];

	for (unsigned int i = 0; i < sizeof(readable) / sizeof(readable[0]);
	     i++) {
		while (read(pool[readable[i]], bytes, sizeof(bytes)) > 0)
			;
	}
}

/* A descriptor that was not closed keeps its number. */
static unsigned int count_fds(void)
{
	unsigned int count = 0;

	for (int fd = 0; fd < FD_NUMBERS; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void name_of(char *name, size_t size)
{
	snprintf(name, size, "/tmp/rps-fuzz-%ld.sock", (long)getpid());
}

static struct rps_vu *back_end(uint8_t config_bits)
{
	static const uint8_t space[24];
	char name[64];
	struct rps_vu_config config = {
		.path = name,
		.features = BIT(VIRTIO_RPMSG_F_NS) | BIT(VIRTIO_F_EVENT_IDX) |
			    BIT(VIRTIO_F_VERSION_1),
		.num_queues = RPS_NUM_QUEUES,
		.inband = config_bits & CONFIG_INBAND,
		.status = config_bits & CONFIG_STATUS,
		.config_bytes = config_bits & CONFIG_SPACE ? space : NULL,
		.config_len = config_bits & CONFIG_SPACE ? sizeof(space) : 0,
	};
	struct rps_vu *vu;
	int err = 0;

	name_of(name, sizeof(name));
	vu = rps_vu_create(&config, &err);
	fuzz_require(vu != NULL && err == 0);
	return vu;
}

/* Who comes second is served when the first one is gone.  Then nobody needs the
 * name any more, and a crash leaves none behind. */
static void connect_to_it(int sock[2])
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	name_of(addr.sun_path, sizeof(addr.sun_path));
	for (unsigned int i = 0; i < 2; i++) {
		sock[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		fuzz_require(connect(sock[i], (struct sockaddr *)&addr,
				     sizeof(addr)) == 0);
	}
	fuzz_require(unlink(addr.sun_path) == 0);
}

/* What a device end does first with rings that are said to be ready. */
static void touch_rings(struct rps_xport *xport)
{
	struct vring ring;

	for (unsigned int i = 0; i < RPS_NUM_QUEUES; i++) {
		const struct rps_xport_queue *queue = &xport->queue[i];

		fuzz_require(rps_vring_attach(&ring, &xport->mem, queue->num,
					      queue->addrs) == 0);
		ring.desc[queue->num - 1].next.raw++;
		ring.used_event->raw++;
		ring.avail_event->raw++;
		xport->ops->notify(xport, i);
	}
}

static void serve(struct rps_vu *vu)
{
	struct rps_xport *xport = rps_vu_xport(vu);
	int served;

	for (unsigned int round = 0; round < SERVICE_ROUNDS; round++) {
		served = rps_vu_service(vu);
		fuzz_require(served >= 0);
		if (xport->ready)
			touch_rings(xport);
		if (served == 0)
			return;
	}
	/* A ring that is polled, or a descriptor that stays readable, may give
	 * work for ever, but the call comes back. */
}

static void send_message(int sock, const struct message *msg)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(FDS_MAX * sizeof(int))];
	} control = { .bytes = { 0 } };
	struct iovec iov[] = {
		{ (void *)(uintptr_t)&msg->header, sizeof(msg->header) },
		{ (void *)(uintptr_t)&msg->payload, msg->payload_bytes },
	};
	struct msghdr out = { .msg_iov = iov, .msg_iovlen = 2 };

	if (msg->num_fds > 0) {
		out.msg_control = &control;
		out.msg_controllen = CMSG_SPACE(msg->num_fds * sizeof(int));
		control.align.cmsg_len = CMSG_LEN(msg->num_fds * sizeof(int));
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		memcpy(CMSG_DATA(&control.align), msg->fd,
		       msg->num_fds * sizeof(int));
	}
	/* Refused once the back end has hung up. */
	(void)!sendmsg(sock, &out, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void take_message(struct fuzz_input *in, struct message *msg)
{
	memset(msg, 0, sizeof(*msg));
	msg->header.request = fuzz_u8(in);
	msg->header.flags = fuzz_u8(in);
	msg->to_channel = msg->header.flags & FLAG_CHANNEL;
	msg->header.flags &= ~FLAG_CHANNEL;
	msg->header.size = fuzz_u16(in);
	msg->num_fds = fuzz_u8(in) % (FDS_MAX + 1);
	for (unsigned int i = 0; i < msg->num_fds; i++)
		msg->fd[i] = pool[fuzz_u8(in) % NUM_POOL];
	msg->payload_bytes = msg->header.size;
	if (msg->payload_bytes > sizeof(msg->payload))
		msg->payload_bytes = sizeof(msg->payload);
	fuzz_bytes(in, &msg->payload, msg->payload_bytes);
}

/* --- an honest frontend */
static struct message message_of(uint32_t request, size_t payload_bytes)
{
	return (struct message){
		.header = { request, VHOST_USER_VERSION,
			    (uint32_t)payload_bytes },
		.payload_bytes = payload_bytes,
	};
}

static void tell_u64(int sock, uint32_t request, uint64_t value, int fd)
{
	struct message msg = message_of(request, 8);

	msg.payload.u64 = value;
	msg.num_fds = fd >= 0;
	msg.fd[0] = fd;
	send_message(sock, &msg);
}

static void tell_state(int sock, uint32_t request, unsigned int index,
		       unsigned int num)
{
	struct message msg = message_of(request, 8);

	msg.payload.state = (struct vhost_user_vring_state){ index, num };
	send_message(sock, &msg);
}

static void tell_memory(int sock)
{
	struct message msg = message_of(
		VHOST_USER_SET_MEM_TABLE,
		VHOST_USER_TABLE_HEAD + sizeof(struct vhost_user_region));

	msg.payload.table.num_regions = 1;
	msg.payload.table.region[0] =
		(struct vhost_user_region){ GUEST_BASE, MEM_BYTES, USER_BASE,
					    0 };
	msg.num_fds = 1;
	msg.fd[0] = pool[POOL_MEMORY];
	send_message(sock, &msg);
}

static void tell_ring(int sock, unsigned int index)
{
	struct message addr = message_of(VHOST_USER_SET_VRING_ADDR,
					 sizeof(addr.payload.addr));
	struct rps_vring_addrs at;

	fuzz_require(
		rps_vring_place((struct gpa){ USER_BASE + index * RING_BYTES },
				RING_NUM, 16, &at) == 0);
	addr.payload.addr = (struct vhost_user_vring_addr){
		.index = index,
		.desc = at.desc.v,
		.avail = at.avail.v,
		.used = at.used.v,
	};
	tell_state(sock, VHOST_USER_SET_VRING_NUM, index, RING_NUM);
	tell_state(sock, VHOST_USER_SET_VRING_BASE, index, 0);
	send_message(sock, &addr);
	tell_u64(sock, VHOST_USER_SET_VRING_KICK, index, pool[POOL_KICK]);
	tell_u64(sock, VHOST_USER_SET_VRING_CALL, index, pool[POOL_CALL]);
	tell_state(sock, VHOST_USER_SET_VRING_ENABLE, index, 1);
}

static void heals(struct rps_vu *vu, int sock)
{
	tell_u64(sock, VHOST_USER_SET_FEATURES,
		 BIT(VHOST_USER_F_PROTOCOL_FEATURES) | BIT(VIRTIO_F_VERSION_1),
		 -1);
	tell_memory(sock);
	for (unsigned int i = 0; i < RPS_NUM_QUEUES; i++)
		tell_ring(sock, i);
	serve(vu);
	fuzz_require(rps_vu_xport(vu)->ready);
	close(sock);
	serve(vu);
	fuzz_require(!rps_vu_xport(vu)->ready);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len_bytes)
{
	struct fuzz_input in = { data, len_bytes };
	uint8_t config_bits = fuzz_u8(&in);
	struct message msg;
	unsigned int num_fds;
	struct rps_vu *vu;
	int sock[2];

	fill_pool();
	num_fds = count_fds();
	vu = back_end(config_bits);
	connect_to_it(sock);
	serve(vu);
	for (unsigned int i = 0; i < MESSAGES_MAX && in.left_bytes > 0; i++) {
		take_message(&in, &msg);
		send_message(msg.to_channel ? pool[POOL_SOCKET_PEER] : sock[0],
			     &msg);
		serve(vu);
	}
	close(sock[0]);
	serve(vu);
	fuzz_require(rps_vu_xport(vu)->mem.num_regions == 0);
	heals(vu, sock[1]);
	rps_vu_destroy(vu);
	fuzz_require(count_fds() == num_fds);
	empty_pool();
	return 0;
}
