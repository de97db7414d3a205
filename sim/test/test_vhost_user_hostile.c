/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a hostile frontend can do costs it its connection, and nobody else
 * anything.  Each row is one frontend; after each an honest one is served.
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

#define BIT(n) (1ull << (n))

static struct rps_vu *vu;
static struct rps_xport *xport;
static struct vu_frontend fe;
static unsigned int fds_at_start;

static void setup(void)
{
	static const uint8_t config_bytes[4] = { 1, 2, 3, 4 };
	struct rps_vu_config config = {
		.features = BIT(VIRTIO_RPMSG_F_NS) | BIT(VIRTIO_F_VERSION_1),
		.num_queues = RPS_NUM_QUEUES,
		.config_bytes = config_bytes,
		.config_len = sizeof(config_bytes),
		.inband = true,
		.status = true,
	};

	fds_at_start = vuf_count_fds();
	vu = vuf_backend_with(&config);
	xport = rps_vu_xport(vu);
	vuf_open(&fe, vu);
}

static void teardown(void)
{
	rps_vu_destroy(vu);
	ck_assert_uint_eq(vuf_count_fds(), fds_at_start);
	ck_assert_uint_eq(vuf_count_maps(), 0);
}

/* How far the frontend has come when it turns; never with REPLY_ACK. */
enum stage {
	CONNECTED,
	NEGOTIATED,
	MAPPED,
	RUNNING,
};

static void reach(enum stage stage)
{
	const uint64_t features = BIT(VIRTIO_F_VERSION_1);
	const uint64_t protocol =
		BIT(VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS) |
		BIT(VHOST_USER_PROTOCOL_F_CROSS_ENDIAN) |
		BIT(VHOST_USER_PROTOCOL_F_CONFIG) |
		BIT(VHOST_USER_PROTOCOL_F_STATUS);
	struct vuf_msg table = vuf_mem_table(&fe);

	if (stage >= NEGOTIATED)
		vuf_negotiate(&fe, features, protocol);
	if (stage >= MAPPED)
		vuf_tell(&fe, &table);
	for (unsigned int i = 0; stage >= RUNNING && i < RPS_NUM_QUEUES; i++) {
		vuf_set_ring(&fe, i);
		vuf_tell_fd(&fe, VHOST_USER_SET_VRING_KICK, i, fe.kick[i]);
		vuf_tell_state(&fe, VHOST_USER_SET_VRING_ENABLE, i, 1);
	}
	ck_assert(xport->ready == (stage == RUNNING));
}

/* The frontend is gone, nothing of it is left, and another one is served. */
static void expect_ended(const char *name, const char *word)
{
	struct rps_vu_stats stats;

	rps_vu_get_stats(vu, &stats);
	ck_assert_msg(!stats.connected, "%s: still connected", name);
	ck_assert_msg(strstr(rps_vu_last_error(vu), word), "%s: ended with %s",
		      name, rps_vu_last_error(vu));
	ck_assert_msg(vuf_is_closed(&fe), "%s: socket open", name);
	ck_assert(!xport->ready);
	ck_assert_uint_eq(xport->mem.num_regions, 0);
	vuf_close(&fe);

	vuf_open(&fe, vu);
	vuf_start_like_qemu(&fe);
	vuf_kick(&fe, 0);
	ck_assert_msg(xport->ready, "%s: the next one does not start", name);
	vuf_close(&fe);
}

/* What a row sends as descriptors. */
enum file {
	FILE_NONE,
	FILE_MEMORY,
	FILE_SHORT,
	FILE_READ_ONLY,
	FILE_DIRECTORY,
	FILE_NULL,
	FILE_EVENT,
	FILE_DATAGRAM,
	FILE_DEAD_PIPE,
};

static int open_file(enum file file)
{
	int pipes[2];
	int fd;

	switch (file) {
	case FILE_NONE:
		return -1;
	case FILE_MEMORY:
		return dup(fe.mem_fd);
	case FILE_SHORT:
		fd = memfd_create("short", 0);
		ck_assert_int_eq(ftruncate(fd, VUF_MEM_BYTES - 1), 0);
		return fd;
	case FILE_READ_ONLY:
		return open("/proc/self/exe", O_RDONLY);
	case FILE_DIRECTORY:
		return open("/", O_RDONLY);
	case FILE_NULL:
		return open("/dev/null", O_RDWR);
	case FILE_EVENT:
		return eventfd(0, 0);
	case FILE_DATAGRAM:
		return socket(AF_UNIX, SOCK_DGRAM, 0);
	case FILE_DEAD_PIPE:
		ck_assert_int_eq(pipe(pipes), 0);
		close(pipes[1]);
		return pipes[0];
	}
	return -1;
}

/* clang-format off */
#define HEADER(id, bytes) .request = VHOST_USER_##id, .size = bytes
#define U64(id, value) HEADER(id, 8), .payload.u64 = value
#define STATE(id, index, num) HEADER(id, 8), .payload.state = { index, num }
#define RING(id, ...) HEADER(SET_VRING_ADDR, 40), .payload.addr = { id, __VA_ARGS__ }
#define TABLE(bytes, num, ...) HEADER(SET_MEM_TABLE, bytes), \
	.payload.table = { num, 0, { __VA_ARGS__ } }
#define REGION(id, ...) HEADER(id, 40), .payload.region = { 0, { __VA_ARGS__ } }
#define CONFIG(id, bytes, at, len, how) HEADER(id, bytes), \
	.payload.config = { .offset = at, .size = len, .flags = how }
#define GB VUF_GUEST_BASE
#define UB VUF_USER_BASE
#define MB VUF_MEM_BYTES
#define RB 0x4000ull /* of the second ring */

static const struct row {
	const char *name;
	enum stage stage;
	const char *word; /* of the reason that is given */
	enum file file;
	struct vuf_msg msg;
} rows[] = {
	/* Frames. */
	{ "version 0", CONNECTED, "flags", 0, { HEADER(SET_OWNER, 0), .flags = 2 } },
	{ "unknown flags", CONNECTED, "flags", 0, { HEADER(SET_OWNER, 0), .flags = 0x80 } },
	{ "reply flag", CONNECTED, "reply", 0, { HEADER(SET_OWNER, 0), .flags = 5 } },
	{ "unknown request", CONNECTED, "unknown request 0", 0, { 0 } },
	{ "unknown request", CONNECTED, "unknown request 4294967295", 0, { .request = UINT32_MAX } },
	{ "request of later days", RUNNING, "unknown request 1000", 0, { .request = 1000, .size = 512 } },
	{ "payload too large", CONNECTED, "too large", 0, { HEADER(SET_MEM_TABLE, 513) } },
	{ "payload of 4 GiB", CONNECTED, "too large", 0, { HEADER(SET_MEM_TABLE, UINT32_MAX) } },
	{ "payload where none is", CONNECTED, "payload", 0, { HEADER(GET_FEATURES, 8) } },
	{ "payload too short", CONNECTED, "payload", 0, { HEADER(SET_FEATURES, 7) } },
	{ "payload missing", CONNECTED, "payload", 0, { HEADER(SET_VRING_ADDR, 0) } },
	{ "payload too long", CONNECTED, "payload", 0, { HEADER(SET_VRING_NUM, 12) } },
	{ "descriptor where none is", CONNECTED, "1 descriptors", FILE_EVENT, { HEADER(GET_FEATURES, 0), .num_fds = 1 } },
	{ "eight descriptors", CONNECTED, "8 descriptors", FILE_EVENT, { HEADER(SET_OWNER, 0), .num_fds = 8 } },
	{ "nine descriptors", CONNECTED, "too many", FILE_EVENT, { HEADER(SET_OWNER, 0), .num_fds = 9 } },
	{ "descriptors of the unknown", CONNECTED, "unknown", FILE_MEMORY, { .request = 77, .num_fds = 8 } },
	/* Not offered, or not negotiated. */
	{ "logging", NEGOTIATED, "not offered", FILE_MEMORY, { HEADER(SET_LOG_BASE, 16), .num_fds = 1 } },
	{ "network", NEGOTIATED, "not offered", 0, { U64(NET_SET_MTU, 1500) } },
	{ "postcopy", NEGOTIATED, "not offered", 0, { HEADER(POSTCOPY_ADVISE, 0) } },
	{ "memory slots too early", CONNECTED, "not negotiated", 0, { HEADER(GET_MAX_MEM_SLOTS, 0) } },
	{ "configuration too early", CONNECTED, "not negotiated", 0, { CONFIG(GET_CONFIG, 16, 0, 4, 0) } },
	{ "status too early", CONNECTED, "not negotiated", 0, { U64(SET_STATUS, 1) } },
	{ "byte order too early", CONNECTED, "not negotiated", 0, { STATE(SET_VRING_ENDIAN, 0, 0) } },
	{ "in-band kick too early", RUNNING, "not negotiated", 0, { STATE(VRING_KICK, 0, 0) } },
	/* Features. */
	{ "feature not offered", CONNECTED, "0x4000000000", 0, { U64(SET_FEATURES, BIT(38)) } },
	{ "all features", CONNECTED, "not offered", 0, { U64(SET_FEATURES, UINT64_MAX) } },
	{ "protocol feature not offered", CONNECTED, "not offered", 0, { U64(SET_PROTOCOL_FEATURES, BIT(1)) } },
	{ "all protocol features", CONNECTED, "not offered", 0, { U64(SET_PROTOCOL_FEATURES, UINT64_MAX) } },
	{ "in band alone", CONNECTED, "REPLY_ACK", 0, { U64(SET_PROTOCOL_FEATURES, BIT(14)) } },
	{ "in band without channel", CONNECTED, "BACKEND_REQ", 0, { U64(SET_PROTOCOL_FEATURES, BIT(14) | BIT(3)) } },
	/* Memory. */
	{ "table of nine", NEGOTIATED, "9 regions", FILE_MEMORY, { TABLE(264, 9, { 0, 0, 0, 0 }), .num_fds = 8 } },
	{ "table of 4 G", NEGOTIATED, "4294967295 regions", FILE_MEMORY, { TABLE(264, UINT32_MAX, { 0, 0, 0, 0 }), .num_fds = 8 } },
	{ "table longer than its payload", NEGOTIATED, "2 regions", FILE_MEMORY, { TABLE(40, 2, { GB, MB, UB, 0 }), .num_fds = 2 } },
	{ "table of half a region", NEGOTIATED, "1 regions", FILE_MEMORY, { TABLE(24, 1, { 0, 0, 0, 0 }), .num_fds = 1 } },
	{ "table without head", NEGOTIATED, "payload", 0, { TABLE(7, 0, { 0, 0, 0, 0 }) } },
	{ "table with nine regions' room", NEGOTIATED, "payload", 0, { TABLE(296, 0, { 0, 0, 0, 0 }) } },
	{ "table with too few files", NEGOTIATED, "1 descriptors", FILE_MEMORY, { TABLE(72, 2, { GB, 4096, UB, 0 }, { 0, 4096, 0, 0 }), .num_fds = 1 } },
	{ "table with too many files", NEGOTIATED, "2 descriptors", FILE_MEMORY, { TABLE(72, 1, { GB, 4096, UB, 0 }), .num_fds = 2 } },
	{ "table without files", NEGOTIATED, "0 descriptors", 0, { TABLE(40, 1, { GB, 4096, UB, 0 }) } },
	{ "table that overlaps", NEGOTIATED, "overlap", FILE_MEMORY, { TABLE(72, 2, { GB, 8192, UB, 0 }, { GB + 4096, 4096, 0, 0 }), .num_fds = 2 } },
	{ "region of size 0", NEGOTIATED, "empty", FILE_MEMORY, { TABLE(40, 1, { GB, 0, UB, 0 }), .num_fds = 1 } },
	{ "region that wraps", NEGOTIATED, "wraps", FILE_MEMORY, { TABLE(40, 1, { 0 - 4096ull, 8192, UB, 0 }), .num_fds = 1 } },
	{ "region misaligned", NEGOTIATED, "misaligned", FILE_MEMORY, { TABLE(40, 1, { GB + 8, 4096, UB, 0 }), .num_fds = 1 } },
	{ "file one byte short", NEGOTIATED, "shorter", FILE_SHORT, { TABLE(40, 1, { GB, MB, UB, 0 }), .num_fds = 1 } },
	{ "file of 2^63 bytes", NEGOTIATED, "shorter", FILE_MEMORY, { TABLE(40, 1, { 0, BIT(63), 0, 0 }), .num_fds = 1 } },
	{ "offset behind the file", NEGOTIATED, "shorter", FILE_MEMORY, { TABLE(40, 1, { GB, 4096, UB, MB }), .num_fds = 1 } },
	{ "file that cannot be written", NEGOTIATED, "cannot be mapped", FILE_READ_ONLY, { TABLE(40, 1, { GB, 4096, UB, 0 }), .num_fds = 1 } },
	{ "directory as memory", NEGOTIATED, "no regular file", FILE_DIRECTORY, { TABLE(40, 1, { GB, 4096, UB, 0 }), .num_fds = 1 } },
	{ "device as memory", NEGOTIATED, "no regular file", FILE_NULL, { TABLE(40, 1, { GB, 4096, UB, 0 }), .num_fds = 1 } },
	{ "eventfd as memory", NEGOTIATED, "no regular file", FILE_EVENT, { TABLE(40, 1, { GB, 4096, UB, 0 }), .num_fds = 1 } },
	{ "region added without file", NEGOTIATED, "0 descriptors", 0, { REGION(ADD_MEM_REG, GB, MB, UB, 0) } },
	{ "region added twice", MAPPED, "overlap", FILE_MEMORY, { REGION(ADD_MEM_REG, GB, MB, UB, 0), .num_fds = 1 } },
	{ "region removed that is not there", MAPPED, "no such", 0, { REGION(REM_MEM_REG, GB, MB - 1, UB, 0) } },
	{ "region removed with two files", MAPPED, "2 descriptors", FILE_MEMORY, { REGION(REM_MEM_REG, GB, MB, UB, 0), .num_fds = 2 } },
	/* Rings. */
	{ "ring 2", MAPPED, "ring index 2", 0, { STATE(SET_VRING_NUM, 2, 256) } },
	{ "ring 2^31", MAPPED, "ring index 2147483648", 0, { STATE(SET_VRING_NUM, 1u << 31, 256) } },
	{ "base of ring 2", MAPPED, "ring index", 0, { STATE(SET_VRING_BASE, 2, 0) } },
	{ "base asked of ring 2", MAPPED, "ring index", 0, { STATE(GET_VRING_BASE, 2, 0) } },
	{ "ring 2 enabled", MAPPED, "ring index", 0, { STATE(SET_VRING_ENABLE, 2, 1) } },
	{ "byte order of ring 2", MAPPED, "ring index", 0, { STATE(SET_VRING_ENDIAN, 2, 0) } },
	{ "address of ring 2", MAPPED, "ring index", 0, { RING(2, 0, UB, UB, UB, 0) } },
	{ "kick of ring 2", MAPPED, "ring index", FILE_EVENT, { U64(SET_VRING_KICK, 2), .num_fds = 1 } },
	{ "call of ring 255", MAPPED, "ring index 255", FILE_EVENT, { U64(SET_VRING_CALL, 255), .num_fds = 1 } },
	{ "error of ring 2", MAPPED, "ring index", FILE_EVENT, { U64(SET_VRING_ERR, 2), .num_fds = 1 } },
	{ "ring of 0", MAPPED, "ring size 0", 0, { STATE(SET_VRING_NUM, 0, 0) } },
	{ "ring of 3", MAPPED, "ring size 3", 0, { STATE(SET_VRING_NUM, 0, 3) } },
	{ "ring of 65536", MAPPED, "ring size 65536", 0, { STATE(SET_VRING_NUM, 0, 65536) } },
	{ "ring of 2^31", MAPPED, "ring size", 0, { STATE(SET_VRING_NUM, 0, 1u << 31) } },
	{ "base 65536", MAPPED, "ring base 65536", 0, { STATE(SET_VRING_BASE, 0, 65536) } },
	{ "enabled by 2", MAPPED, "enabled by 2", 0, { STATE(SET_VRING_ENABLE, 0, 2) } },
	{ "byte order 2", MAPPED, "byte order 2", 0, { STATE(SET_VRING_ENDIAN, 0, 2) } },
	{ "size of a running ring", RUNNING, "running", 0, { STATE(SET_VRING_NUM, 0, 128) } },
	{ "base of a running ring", RUNNING, "running", 0, { STATE(SET_VRING_BASE, 1, 7) } },
	{ "byte order of a running ring", RUNNING, "running", 0, { STATE(SET_VRING_ENDIAN, 1, 0) } },
	{ "addresses without memory", NEGOTIATED, "begins outside", 0, { RING(0, 0, UB, UB + 8192, UB + 4096, 0) } },
	{ "guest addresses", MAPPED, "begins outside", 0, { RING(0, 0, GB, GB + 8192, GB + 4096, 0) } },
	{ "addresses of 0", RUNNING, "begins outside", 0, { RING(0, 0, 0, 0, 0, 0) } },
	{ "descriptors outside", RUNNING, "begins outside", 0, { RING(0, 0, UB + MB, UB, UB + 4096, 0) } },
	{ "used ring outside", RUNNING, "begins outside", 0, { RING(0, 0, UB, UINT64_MAX - 3, UB + 4096, 0) } },
	{ "available ring outside", RUNNING, "begins outside", 0, { RING(0, 0, UB, UB + 8192, UB - 2, 0) } },
	{ "descriptors end outside", RUNNING, "ends outside", 0, { RING(0, 0, UB + MB - 4080, UB, UB + 4096, 0) } },
	{ "used ring ends outside", RUNNING, "ends outside", 0, { RING(0, 0, UB, UB + MB - 2048, UB + 4096, 0) } },
	{ "available ring ends outside", RUNNING, "ends outside", 0, { RING(0, 0, UB, UB + 8192, UB + MB - 516, 0) } },
	{ "descriptors misaligned", RUNNING, "misaligned", 0, { RING(0, 0, UB + 8, UB + 8192, UB + 4096 + 512, 0) } },
	{ "used ring misaligned", RUNNING, "misaligned", 0, { RING(1, 0, UB + RB, UB + 8194, UB + 4096, 0) } },
	{ "available ring misaligned", RUNNING, "misaligned", 0, { RING(1, 0, UB + RB, UB + 8192, UB + 4097, 0) } },
	{ "logged ring", RUNNING, "logging", 0, { RING(0, 1, UB, UB + 8192, UB + 4096, 0) } },
	/* Descriptors of rings. */
	{ "kick that says it is none", MAPPED, "1 descriptors, not 0", FILE_EVENT, { U64(SET_VRING_KICK, 0x100), .num_fds = 1 } },
	{ "kick that is missing", MAPPED, "0 descriptors, not 1", 0, { U64(SET_VRING_KICK, 0) } },
	{ "call that is missing", MAPPED, "0 descriptors, not 1", 0, { U64(SET_VRING_CALL, 1) } },
	{ "two kicks", MAPPED, "2 descriptors", FILE_EVENT, { U64(SET_VRING_KICK, 0), .num_fds = 2 } },
	{ "kick with unknown flags", MAPPED, "ring flags 0x200", FILE_EVENT, { U64(SET_VRING_KICK, 0x200), .num_fds = 1 } },
	{ "file as kick", MAPPED, "cannot be polled", FILE_MEMORY, { U64(SET_VRING_KICK, 0), .num_fds = 1 } },
	{ "directory as kick", RUNNING, "cannot be polled", FILE_DIRECTORY, { U64(SET_VRING_KICK, 0), .num_fds = 1 } },
	{ "dead pipe as kick", MAPPED, "kick descriptor is broken", FILE_DEAD_PIPE, { U64(SET_VRING_KICK, 1), .num_fds = 1 } },
	{ "file as call", MAPPED, "no events", FILE_MEMORY, { U64(SET_VRING_CALL, 0), .num_fds = 1 } },
	{ "device as call", RUNNING, "no events", FILE_NULL, { U64(SET_VRING_CALL, 0), .num_fds = 1 } },
	{ "channel without socket", NEGOTIATED, "0 descriptors", 0, { HEADER(SET_BACKEND_REQ_FD, 0) } },
	{ "eventfd as channel", NEGOTIATED, "no socket", FILE_EVENT, { HEADER(SET_BACKEND_REQ_FD, 0), .num_fds = 1 } },
	{ "datagrams as channel", NEGOTIATED, "no socket", FILE_DATAGRAM, { HEADER(SET_BACKEND_REQ_FD, 0), .num_fds = 1 } },
	/* The rest. */
	{ "status 256", NEGOTIATED, "status 0x100", 0, { U64(SET_STATUS, 256) } },
	{ "configuration that lies", NEGOTIATED, "configuration of 4", 0, { CONFIG(GET_CONFIG, 12, 0, 4, 0) } },
	{ "configuration that lies the other way", NEGOTIATED, "configuration of 0", 0, { CONFIG(SET_CONFIG, 16, 0, 0, 0) } },
	{ "configuration without head", NEGOTIATED, "payload", 0, { CONFIG(GET_CONFIG, 11, 0, 0, 0) } },
	{ "configuration too long", NEGOTIATED, "payload", 0, { CONFIG(GET_CONFIG, 269, 0, 257, 0) } },
};
/* clang-format on */

static void send_row(const struct row *row)
{
	struct vuf_msg msg = row->msg;

	if (msg.flags == 0)
		msg.flags = VHOST_USER_VERSION;
	for (unsigned int i = 0; i < msg.num_fds; i++)
		msg.fd[i] = open_file(row->file);
	vuf_send(fe.sock, &msg);
	for (unsigned int i = 0; i < msg.num_fds; i++)
		close(msg.fd[i]);
	vuf_pump(vu);
}

START_TEST(a_bad_message_ends_its_connection)
{
	const struct row *row = &rows[_i];
	struct rps_vu_stats stats;

	reach(row->stage);
	send_row(row);

	rps_vu_get_stats(vu, &stats);
	expect_ended(row->name, row->word);
	ck_assert_uint_le(stats.bad_messages, 1);
}
END_TEST

/* The same rows, of a frontend that asked to be told: what is well formed
 * does not end its connection. */
START_TEST(a_bad_message_is_answered_where_asked)
{
	const struct row *row = &rows[_i];
	struct rps_vu_stats stats;
	struct vuf_msg msg = row->msg;

	reach(row->stage);
	if (row->stage == CONNECTED)
		vuf_negotiate(&fe, 0, BIT(VHOST_USER_PROTOCOL_F_REPLY_ACK));
	else
		vuf_tell_u64(
			&fe, VHOST_USER_SET_PROTOCOL_FEATURES,
			BIT(VHOST_USER_PROTOCOL_F_REPLY_ACK) |
				BIT(VHOST_USER_PROTOCOL_F_CONFIG) |
				BIT(VHOST_USER_PROTOCOL_F_STATUS) |
				BIT(VHOST_USER_PROTOCOL_F_CROSS_ENDIAN) |
				BIT(VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS));
	msg.flags = (msg.flags ? msg.flags : VHOST_USER_VERSION) |
		    VHOST_USER_FLAG_NEED_REPLY;
	send_row(&(struct row){ .file = row->file, .msg = msg });

	rps_vu_get_stats(vu, &stats);
	ck_assert_msg(stats.connected == (stats.refused == 1), "%s: refused %d",
		      row->name, (int)stats.refused);
	if (!stats.connected) {
		expect_ended(row->name, row->word);
		return;
	}
	ck_assert(vuf_receive(fe.sock, &msg));
	ck_assert_uint_eq(msg.request, row->msg.request);
	ck_assert_uint_ne(msg.payload.u64, 0);
	vuf_close(&fe);
}
END_TEST

/* _i: messages of an honest start that come before the end */
START_TEST(a_frontend_may_die_after_any_message)
{
	struct vuf_msg table = vuf_mem_table(&fe);
	int left = _i;

	if (left-- > 0)
		vuf_negotiate(&fe, BIT(VIRTIO_F_VERSION_1), 0);
	if (left-- > 0)
		vuf_tell(&fe, &table);
	for (unsigned int i = 0; i < RPS_NUM_QUEUES; i++) {
		if (left-- > 0)
			vuf_set_ring(&fe, i);
		if (left-- > 0)
			vuf_tell_fd(&fe, VHOST_USER_SET_VRING_KICK, i,
				    fe.kick[i]);
		if (left-- > 0)
			vuf_tell_state(&fe, VHOST_USER_SET_VRING_ENABLE, i, 1);
	}
	shutdown(fe.sock, SHUT_RDWR);
	vuf_pump(vu);

	expect_ended("death", "closed the connection");
}
END_TEST

/* _i: bytes of a message that brings a descriptor */
START_TEST(a_frontend_may_die_inside_a_message)
{
	struct vhost_user_header header = { VHOST_USER_SET_VRING_KICK,
					    VHOST_USER_VERSION, 8 };
	struct iovec iov = { &header, (size_t)_i };
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { .bytes = { 0 } };
	struct msghdr out = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control) };

	control.align.cmsg_len = CMSG_LEN(sizeof(int));
	control.align.cmsg_level = SOL_SOCKET;
	control.align.cmsg_type = SCM_RIGHTS;
	memcpy(CMSG_DATA(&control.align), &fe.kick[0], sizeof(int));
	ck_assert_int_eq(sendmsg(fe.sock, &out, 0), _i);
	vuf_pump(vu);
	shutdown(fe.sock, SHUT_RDWR);
	vuf_pump(vu);

	expect_ended("death", "inside a message");
}
END_TEST

START_TEST(a_frontend_that_does_not_read_is_hung_up)
{
	struct vuf_msg msg = { .request = VHOST_USER_GET_FEATURES,
			       .flags = VHOST_USER_VERSION };
	struct rps_vu_stats stats = { .connected = true };

	for (int i = 0; i < 1000000 && stats.connected; i++) {
		vuf_send(fe.sock, &msg);
		ck_assert_int_ge(rps_vu_service(vu), 0);
		rps_vu_get_stats(vu, &stats);
	}

	expect_ended("not reading", "does not read replies");
}
END_TEST

static void negotiate_channel(void)
{
	vuf_negotiate(&fe, BIT(VIRTIO_F_VERSION_1),
		      BIT(VHOST_USER_PROTOCOL_F_REPLY_ACK) |
			      BIT(VHOST_USER_PROTOCOL_F_BACKEND_REQ) |
			      BIT(VHOST_USER_PROTOCOL_F_CONFIG) |
			      BIT(VHOST_USER_PROTOCOL_F_INBAND_NOTIFICATIONS));
	vuf_open_channel(&fe);
}

START_TEST(a_channel_that_is_not_read_is_no_reason_to_wait)
{
	struct rps_vu_stats stats = { .connected = true };

	negotiate_channel();
	for (int i = 0; i < 1000000 && stats.connected; i++) {
		ck_assert_int_eq(rps_vu_set_config(vu, 0, "x", 1), 0);
		ck_assert_int_ge(rps_vu_service(vu), 0);
		rps_vu_get_stats(vu, &stats);
	}

	expect_ended("not reading", "does not read its backend channel");
}
END_TEST

static const struct bad_reply {
	const char *name;
	struct vuf_msg msg;
	unsigned int calls; /* that were made before */
} bad_replies[] = {
	{ "reply to nothing", { .request = 4, .flags = 5, .size = 8 }, 0 },
	{ "second reply", { .request = 4, .flags = 5, .size = 8 }, 1 },
	{ "another request", { .request = 2, .flags = 5, .size = 8 }, 1 },
	{ "no reply flag", { .request = 4, .flags = 1, .size = 8 }, 1 },
	{ "no payload", { .request = 4, .flags = 5, .size = 0 }, 1 },
	{ "too large", { .request = 4, .flags = 5, .size = 513 }, 1 },
	{ "wrong version", { .request = 4, .flags = 6, .size = 8 }, 1 },
	{ "descriptor",
	  { .request = 4, .flags = 5, .size = 8, .num_fds = 1 },
	  1 },
};

START_TEST(a_bad_reply_on_the_channel_ends_the_connection)
{
	const struct bad_reply *bad = &bad_replies[_i];
	struct vuf_msg good = { .request = 4, .flags = 5, .size = 8 };
	struct vuf_msg msg = bad->msg;

	negotiate_channel();
	for (unsigned int i = 0; i < bad->calls; i++)
		xport->ops->notify(xport, i);
	if (!strcmp(bad->name, "second reply"))
		vuf_send(fe.channel, &good);
	msg.fd[0] = fe.mem_fd;
	vuf_send(fe.channel, &msg);
	vuf_pump(vu);

	expect_ended(bad->name, "backend channel");
}
END_TEST

START_TEST(a_channel_that_closes_is_only_closed)
{
	struct rps_vu_stats stats;

	negotiate_channel();
	close(fe.channel);
	fe.channel = -1;
	vuf_pump(vu);
	xport->ops->notify(xport, 0);
	vuf_pump(vu);

	rps_vu_get_stats(vu, &stats);
	ck_assert(stats.connected);
	vuf_close(&fe);
}
END_TEST

START_TEST(a_dead_call_end_is_no_signal_and_no_end)
{
	struct rps_vu_stats stats;
	int pipes[2];

	reach(RUNNING);
	ck_assert_int_eq(pipe(pipes), 0);
	vuf_tell_fd(&fe, VHOST_USER_SET_VRING_CALL, 0, pipes[1]);
	close(pipes[0]);
	close(pipes[1]);

	xport->ops->notify(xport, 0);
	vuf_pump(vu);

	rps_vu_get_stats(vu, &stats);
	ck_assert(stats.connected);
	ck_assert_uint_eq(stats.notifications, 0);
	vuf_close(&fe);
}
END_TEST

START_TEST(configuration_is_read_within_its_bounds)
{
	struct vuf_msg msg = { .request = VHOST_USER_GET_CONFIG,
			       .flags = VHOST_USER_VERSION,
			       .size = 12 + 2,
			       .payload.config = { 2, 2, 0, { 0 } } };

	reach(NEGOTIATED);
	ck_assert(vuf_send(fe.sock, &msg));
	vuf_pump(vu);
	ck_assert(vuf_receive(fe.sock, &msg));
	ck_assert_uint_eq(msg.size, 14);
	ck_assert_mem_eq(msg.payload.config.bytes, "\3\4", 2);

	/* "zero length of payload to indicate an error" */
	msg.flags = VHOST_USER_VERSION;
	msg.payload.config.offset = 3;
	ck_assert(vuf_send(fe.sock, &msg));
	vuf_pump(vu);
	ck_assert(vuf_receive(fe.sock, &msg));
	ck_assert_uint_eq(msg.size, 0);
	vuf_close(&fe);
}
END_TEST

START_TEST(configuration_is_written_by_migration_only)
{
	struct vuf_msg msg = { .request = VHOST_USER_SET_CONFIG,
			       .flags = VHOST_USER_VERSION,
			       .size = 12 + 1,
			       .payload.config = { 0, 1, 0, { 9 } } };
	struct rps_vu_stats stats;

	reach(NEGOTIATED);
	vuf_tell(&fe, &msg);
	rps_vu_get_stats(vu, &stats);
	ck_assert(stats.connected);
	ck_assert_uint_eq(stats.refused, 1);

	msg.payload.config.flags = VHOST_USER_CONFIG_F_MIGRATION;
	vuf_tell(&fe, &msg);
	rps_vu_get_stats(vu, &stats);
	ck_assert_uint_eq(stats.refused, 1);

	msg.payload.config.offset = 4;
	vuf_tell(&fe, &msg);
	rps_vu_get_stats(vu, &stats);
	ck_assert_uint_eq(stats.refused, 2);
	vuf_close(&fe);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vhost_user_hostile");
	TCase *table = tcase_create("table");
	TCase *other = tcase_create("other");

	tcase_add_checked_fixture(table, setup, teardown);
	tcase_add_loop_test(table, a_bad_message_ends_its_connection, 0,
			    ARRAY_SIZE(rows));
	tcase_add_loop_test(table, a_bad_message_is_answered_where_asked, 0,
			    ARRAY_SIZE(rows));
	suite_add_tcase(suite, table);

	tcase_add_checked_fixture(other, setup, teardown);
	tcase_add_loop_test(other, a_frontend_may_die_after_any_message, 0, 9);
	tcase_add_loop_test(other, a_frontend_may_die_inside_a_message, 1, 13);
	tcase_add_test(other, a_frontend_that_does_not_read_is_hung_up);
	tcase_add_test(other, a_channel_that_is_not_read_is_no_reason_to_wait);
	tcase_add_loop_test(other,
			    a_bad_reply_on_the_channel_ends_the_connection, 0,
			    ARRAY_SIZE(bad_replies));
	tcase_add_test(other, a_channel_that_closes_is_only_closed);
	tcase_add_test(other, a_dead_call_end_is_no_signal_and_no_end);
	tcase_add_test(other, configuration_is_read_within_its_bounds);
	tcase_add_test(other, configuration_is_written_by_migration_only);
	suite_add_tcase(suite, other);
	return suite_main(suite);
}
