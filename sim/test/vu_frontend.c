/* SPDX-License-Identifier: BSD-3-Clause */
#include "vu_frontend.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PUMP_ROUNDS_MAX 1000
#define BIT(n)          (1ull << (n))

/* What QEMU and user-mode Linux would acknowledge of our offer. */
#define QEMU_PROTOCOL_FEATURES                                                 \
	(BIT(VHOST_USER_PROTOCOL_F_MQ) |                                       \
	 BIT(VHOST_USER_PROTOCOL_F_REPLY_ACK) |                                \
	 BIT(VHOST_USER_PROTOCOL_F_BACKEND_REQ) |                              \
	 BIT(VHOST_USER_PROTOCOL_F_RESET_DEVICE) |                             \
	 BIT(VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS))
#define UML_PROTOCOL_FEATURES                                                  \
	(BIT(VHOST_USER_PROTOCOL_F_REPLY_ACK) |                                \
	 BIT(VHOST_USER_PROTOCOL_F_BACKEND_REQ))

void vuf_path(char *path, size_t size)
{
	/* Each test has a process of its own. */
	snprintf(path, size, "/tmp/rps-vu-%ld.sock", (long)getpid());
}

struct rps_vu *vuf_backend_with(struct rps_vu_config *config)
{
	char path[64];
	struct rps_vu *vu;
	int err;

	vuf_path(path, sizeof(path));
	config->path = path;
	vu = rps_vu_create(config, &err);
	config->path = NULL;
	ck_assert_msg(vu != NULL, "rps_vu_create: %s", strerror(-err));
	return vu;
}

struct rps_vu *vuf_backend(void)
{
	struct rps_vu_config config = {
		.features = BIT(VIRTIO_RPMSG_F_NS) | BIT(VIRTIO_F_EVENT_IDX) |
			    BIT(VIRTIO_F_VERSION_1),
		.num_queues = RPS_NUM_QUEUES,
		.inband = true,
		.status = true,
	};

	return vuf_backend_with(&config);
}

void vuf_pump(struct rps_vu *vu)
{
	for (int i = 0; i < PUMP_ROUNDS_MAX; i++) {
		int served = rps_vu_service(vu);

		ck_assert_int_ge(served, 0);
		if (served == 0)
			return;
	}
	ck_abort_msg("the back end never came to rest");
}

int vuf_connect(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	vuf_path(addr.sun_path, sizeof(addr.sun_path));
	ck_assert_int_ge(sock, 0);
	ck_assert_int_eq(connect(sock, (struct sockaddr *)&addr, sizeof(addr)),
			 0);
	return sock;
}

void vuf_open(struct vu_frontend *fe, struct rps_vu *vu)
{
	*fe = (struct vu_frontend){ .vu = vu, .channel = -1 };
	fe->sock = vuf_connect();
	fe->mem_fd = memfd_create("guest", MFD_CLOEXEC);
	ck_assert_int_eq(ftruncate(fe->mem_fd, VUF_MEM_BYTES), 0);
	fe->mem = mmap(NULL, VUF_MEM_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
		       fe->mem_fd, 0);
	ck_assert_ptr_ne(fe->mem, MAP_FAILED);
	for (unsigned int i = 0; i < RPS_NUM_QUEUES; i++) {
		fe->kick[i] = eventfd(0, EFD_CLOEXEC);
		fe->call[i] = eventfd(0, EFD_CLOEXEC);
	}
	vuf_pump(vu);
}

void vuf_close(struct vu_frontend *fe)
{
	close(fe->sock);
	close(fe->mem_fd);
	munmap(fe->mem, VUF_MEM_BYTES);
	for (unsigned int i = 0; i < RPS_NUM_QUEUES; i++) {
		close(fe->kick[i]);
		close(fe->call[i]);
	}
	if (fe->channel >= 0)
		close(fe->channel);
	vuf_pump(fe->vu);
}

bool vuf_send(int sock, const struct vuf_msg *msg)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(VUF_FDS_MAX * sizeof(int))];
	} control = { .bytes = { 0 } };
	struct vhost_user_header header = { msg->request, msg->flags,
					    msg->size };
	/* A size that lies is sent with as many bytes as there are. */
	size_t len = msg->size > sizeof(msg->payload) ? sizeof(msg->payload)
						      : msg->size;
	struct iovec iov[] = {
		{ &header, sizeof(header) },
		{ (void *)(uintptr_t)&msg->payload, len },
	};
	struct msghdr out = { .msg_iov = iov, .msg_iovlen = 2 };

	if (msg->num_fds > 0) {
		size_t bytes = msg->num_fds * sizeof(int);

		out.msg_control = &control;
		out.msg_controllen = CMSG_SPACE(bytes);
		control.align.cmsg_len = CMSG_LEN(bytes);
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		memcpy(CMSG_DATA(&control.align), msg->fd, bytes);
	}
	return sendmsg(sock, &out, MSG_NOSIGNAL | MSG_DONTWAIT) ==
	       (ssize_t)(sizeof(header) + len);
}

bool vuf_receive(int sock, struct vuf_msg *msg)
{
	struct vhost_user_header header;
	ssize_t n = recv(sock, &header, sizeof(header), MSG_DONTWAIT);

	if (n != (ssize_t)sizeof(header))
		return false;
	*msg = (struct vuf_msg){ .request = header.request,
				 .flags = header.flags,
				 .size = header.size };
	ck_assert_uint_le(header.size, sizeof(msg->payload));
	n = header.size ? recv(sock, &msg->payload, header.size, MSG_DONTWAIT)
			: 0;
	return n == (ssize_t)header.size;
}

static struct vuf_msg exchange(struct vu_frontend *fe, struct vuf_msg msg)
{
	struct vuf_msg reply;

	ck_assert(vuf_send(fe->sock, &msg));
	vuf_pump(fe->vu);
	ck_assert_msg(vuf_receive(fe->sock, &reply),
		      "request %u: no reply (%s)", msg.request,
		      rps_vu_last_error(fe->vu));
	ck_assert_uint_eq(reply.request, msg.request);
	ck_assert_uint_eq(reply.flags,
			  VHOST_USER_VERSION | VHOST_USER_FLAG_REPLY);
	return reply;
}

uint64_t vuf_try(struct vu_frontend *fe, struct vuf_msg msg)
{
	struct vuf_msg reply;

	msg.flags |= VHOST_USER_VERSION | VHOST_USER_FLAG_NEED_REPLY;
	reply = exchange(fe, msg);
	ck_assert_uint_eq(reply.size, sizeof(reply.payload.u64));
	return reply.payload.u64;
}

void vuf_tell(struct vu_frontend *fe, const struct vuf_msg *msg)
{
	struct vuf_msg plain = *msg;
	struct vuf_msg reply;

	if (fe->ack) {
		ck_assert_msg(vuf_try(fe, plain) == 0, "request %u refused",
			      msg->request);
		return;
	}
	plain.flags |= VHOST_USER_VERSION;
	vuf_send(fe->sock, &plain);
	vuf_pump(fe->vu);
	ck_assert(!vuf_receive(fe->sock, &reply));
}

void vuf_tell_u64(struct vu_frontend *fe, uint32_t request, uint64_t value)
{
	struct vuf_msg msg = { .request = request,
			       .size = sizeof(value),
			       .payload.u64 = value };

	vuf_tell(fe, &msg);
}

void vuf_tell_fd(struct vu_frontend *fe, uint32_t request, uint64_t value,
		 int fd)
{
	struct vuf_msg msg = { .request = request,
			       .size = sizeof(value),
			       .payload.u64 = value,
			       .fd = { fd },
			       .num_fds = 1 };

	vuf_tell(fe, &msg);
}

void vuf_tell_state(struct vu_frontend *fe, uint32_t request,
		    unsigned int index, unsigned int num)
{
	struct vuf_msg msg = { .request = request,
			       .size = sizeof(msg.payload.state),
			       .payload.state = { index, num } };

	vuf_tell(fe, &msg);
}

uint64_t vuf_ask(struct vu_frontend *fe, uint32_t request)
{
	struct vuf_msg msg = { .request = request,
			       .flags = VHOST_USER_VERSION };

	return exchange(fe, msg).payload.u64;
}

uint32_t vuf_ask_base(struct vu_frontend *fe, unsigned int index)
{
	struct vuf_msg msg = { .request = VHOST_USER_GET_VRING_BASE,
			       .flags = VHOST_USER_VERSION,
			       .size = sizeof(msg.payload.state),
			       .payload.state = { index, 0 } };
	struct vuf_msg reply = exchange(fe, msg);

	ck_assert_uint_eq(reply.size, sizeof(reply.payload.state));
	ck_assert_uint_eq(reply.payload.state.index, index);
	return reply.payload.state.num;
}

void vuf_negotiate(struct vu_frontend *fe, uint64_t features,
		   uint64_t protocol_features)
{
	const uint64_t bit = BIT(VHOST_USER_F_PROTOCOL_FEATURES);

	vuf_tell_u64(fe, VHOST_USER_SET_FEATURES, features | bit);
	fe->ack = protocol_features & BIT(VHOST_USER_PROTOCOL_F_REPLY_ACK);
	vuf_tell_u64(fe, VHOST_USER_SET_PROTOCOL_FEATURES, protocol_features);
}

void vuf_open_channel(struct vu_frontend *fe)
{
	struct vuf_msg msg = { .request = VHOST_USER_SET_BACKEND_REQ_FD,
			       .num_fds = 1 };
	int pair[2];

	ck_assert_int_eq(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	msg.fd[0] = pair[1];
	vuf_tell(fe, &msg);
	close(pair[1]);
	fe->channel = pair[0];
}

static struct vhost_user_region whole_memory(void)
{
	return (struct vhost_user_region){ VUF_GUEST_BASE, VUF_MEM_BYTES,
					   VUF_USER_BASE, 0 };
}

struct vuf_msg vuf_mem_table(const struct vu_frontend *fe)
{
	struct vuf_msg msg = {
		.request = VHOST_USER_SET_MEM_TABLE,
		.flags = VHOST_USER_VERSION,
		.size = VHOST_USER_TABLE_HEAD +
			sizeof(struct vhost_user_region),
		.payload.table = { .num_regions = 1 },
		.fd = { fe->mem_fd },
		.num_fds = 1,
	};

	msg.payload.table.region[0] = whole_memory();
	return msg;
}

struct vuf_msg vuf_ring_addr(unsigned int index)
{
	struct rps_vring_addrs addrs;
	struct gpa base = { VUF_USER_BASE + (uint64_t)index * VUF_RING_BYTES };
	struct vuf_msg msg = { .request = VHOST_USER_SET_VRING_ADDR,
			       .flags = VHOST_USER_VERSION,
			       .size = sizeof(msg.payload.addr) };

	ck_assert_int_eq(rps_vring_place(base, VUF_RING_NUM, 4096, &addrs), 0);
	msg.payload.addr = (struct vhost_user_vring_addr){
		.index = index,
		.desc = addrs.desc.v,
		.avail = addrs.avail.v,
		.used = addrs.used.v,
		.log = UINT64_MAX,
	};
	return msg;
}

void vuf_set_ring(struct vu_frontend *fe, unsigned int index)
{
	struct vuf_msg addr = vuf_ring_addr(index);

	vuf_tell_state(fe, VHOST_USER_SET_VRING_NUM, index, VUF_RING_NUM);
	vuf_tell_state(fe, VHOST_USER_SET_VRING_BASE, index, 0);
	vuf_tell(fe, &addr);
}

static void add_memory(struct vu_frontend *fe)
{
	struct vuf_msg msg = { .request = VHOST_USER_ADD_MEM_REG,
			       .size = sizeof(msg.payload.region),
			       .payload.region = { 0, whole_memory() },
			       .fd = { fe->mem_fd },
			       .num_fds = 1 };

	vuf_tell(fe, &msg);
}

static void start_rings_like_qemu(struct vu_frontend *fe)
{
	for (unsigned int i = 0; i < RPS_NUM_QUEUES; i++) {
		vuf_set_ring(fe, i);
		vuf_tell_fd(fe, VHOST_USER_SET_VRING_KICK, i, fe->kick[i]);
	}
	for (unsigned int i = 0; i < RPS_NUM_QUEUES; i++)
		vuf_tell_state(fe, VHOST_USER_SET_VRING_ENABLE, i, 1);
	/* The guest's notifiers come when everything runs already. */
	for (unsigned int i = 0; i < RPS_NUM_QUEUES; i++)
		vuf_tell_fd(fe, VHOST_USER_SET_VRING_CALL, i, fe->call[i]);
}

void vuf_start_like_qemu(struct vu_frontend *fe)
{
	uint64_t features = vuf_ask(fe, VHOST_USER_GET_FEATURES);
	uint64_t offered = vuf_ask(fe, VHOST_USER_GET_PROTOCOL_FEATURES);
	struct vuf_msg owner = { .request = VHOST_USER_SET_OWNER };

	ck_assert(features & BIT(VHOST_USER_F_PROTOCOL_FEATURES));
	ck_assert_uint_eq(offered & QEMU_PROTOCOL_FEATURES,
			  QEMU_PROTOCOL_FEATURES);
	vuf_tell_u64(fe, VHOST_USER_SET_PROTOCOL_FEATURES,
		     QEMU_PROTOCOL_FEATURES);
	fe->ack = true;
	ck_assert_uint_eq(vuf_ask(fe, VHOST_USER_GET_QUEUE_NUM),
			  RPS_NUM_QUEUES);
	ck_assert_uint_ge(vuf_ask(fe, VHOST_USER_GET_MAX_MEM_SLOTS), 8);
	vuf_open_channel(fe);
	vuf_tell(fe, &owner);
	for (unsigned int i = 0; i < RPS_NUM_QUEUES; i++)
		vuf_tell_fd(fe, VHOST_USER_SET_VRING_CALL, i, fe->call[i]);
	vuf_tell_u64(fe, VHOST_USER_SET_FEATURES, features);
	add_memory(fe);
	start_rings_like_qemu(fe);
}

void vuf_stop_like_qemu(struct vu_frontend *fe)
{
	for (unsigned int i = 0; i < RPS_NUM_QUEUES; i++)
		vuf_tell_state(fe, VHOST_USER_SET_VRING_ENABLE, i, 0);
	for (unsigned int i = 0; i < RPS_NUM_QUEUES; i++)
		vuf_ask_base(fe, i);
}

/* Its calls arrive on a socket, because an eventfd raises no SIGIO. */
static void set_call_socket(struct vu_frontend *fe, unsigned int index)
{
	int pair[2];

	ck_assert_int_eq(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	vuf_tell_fd(fe, VHOST_USER_SET_VRING_CALL, index, pair[1]);
	close(pair[1]);
	close(fe->call[index]);
	fe->call[index] = pair[0];
}

void vuf_start_like_uml(struct vu_frontend *fe)
{
	struct vuf_msg owner = { .request = VHOST_USER_SET_OWNER };
	struct vuf_msg table = vuf_mem_table(fe);
	uint64_t features;

	vuf_tell(fe, &owner);
	features = vuf_ask(fe, VHOST_USER_GET_FEATURES);
	vuf_ask(fe, VHOST_USER_GET_PROTOCOL_FEATURES);
	/* Wants the reply that it is about to negotiate. */
	fe->ack = true;
	vuf_tell_u64(fe, VHOST_USER_SET_PROTOCOL_FEATURES,
		     UML_PROTOCOL_FEATURES);
	vuf_open_channel(fe);
	vuf_tell_u64(fe, VHOST_USER_SET_FEATURES, features);
	/* Room for two regions, of which it has one. */
	table.size += (uint32_t)sizeof(struct vhost_user_region);
	vuf_tell(fe, &table);
	for (unsigned int i = 0; i < RPS_NUM_QUEUES; i++) {
		set_call_socket(fe, i);
		vuf_set_ring(fe, i);
	}
	for (unsigned int i = 0; i < RPS_NUM_QUEUES; i++) {
		vuf_tell_fd(fe, VHOST_USER_SET_VRING_KICK, i, fe->kick[i]);
		vuf_tell_state(fe, VHOST_USER_SET_VRING_ENABLE, i, 1);
	}
}

bool vuf_is_closed(const struct vu_frontend *fe)
{
	char byte;
	ssize_t n;

	/* What the back end has not read any more comes as a reset. */
	do {
		n = recv(fe->sock, &byte, 1, MSG_DONTWAIT);
	} while (n > 0);
	return n == 0 || errno != EAGAIN;
}

void vuf_kick(struct vu_frontend *fe, unsigned int index)
{
	const uint64_t one = 1;

	ck_assert_int_eq(write(fe->kick[index], &one, sizeof(one)), 8);
	vuf_pump(fe->vu);
}

bool vuf_called(const struct vu_frontend *fe, unsigned int index)
{
	struct timeval soon = { 0, 0 };
	uint64_t value;
	fd_set set;

	FD_ZERO(&set);
	FD_SET(fe->call[index], &set);
	if (select(fe->call[index] + 1, &set, NULL, NULL, &soon) != 1)
		return false;
	return read(fe->call[index], &value, sizeof(value)) == 8;
}

unsigned int vuf_count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int count = 0;

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

unsigned int vuf_count_maps(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned int count = 0;
	char line[512];

	ck_assert_ptr_nonnull(maps);
	while (fgets(line, sizeof(line), maps)) {
		if (strstr(line, "/memfd:guest"))
			count++;
	}
	fclose(maps);
	return count;
}
