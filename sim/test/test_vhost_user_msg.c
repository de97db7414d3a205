/* SPDX-License-Identifier: BSD-3-Clause */
#include "../xport/vhost_user_msg.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "suite_main.h"
#include "vu_frontend.h"

static int pair[2]; /* we write to [0], the reader reads from [1] */
static struct vu_reader reader;

static void setup(void)
{
	ck_assert_int_eq(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
}

static void teardown(void)
{
	rps_vu_msg_reset(&reader);
	close(pair[0]);
	close(pair[1]);
}

static const struct vuf_msg state_msg = {
	.request = VHOST_USER_SET_VRING_NUM,
	.flags = VHOST_USER_VERSION,
	.size = 8,
	.payload.state = { 1, 256 },
};

START_TEST(a_message_on_the_wire_is_what_the_document_says)
{
	static const uint32_t wire[] = {
		9,          1,          40, /* request, flags, size */
		1,          0,              /* index, flags */
		0x11111111, 0x22222222,     /* descriptor */
		0x33333333, 0x44444444,     /* used */
		0x55555555, 0x66666666,     /* available */
		0,          0,              /* log */
	};
	const struct vhost_user_vring_addr *addr = &reader.msg.payload.addr;

	ck_assert_int_eq(write(pair[0], wire, sizeof(wire)), sizeof(wire));

	ck_assert_int_eq(rps_vu_msg_receive(&reader, pair[1]), 0);
	ck_assert_uint_eq(reader.msg.header.request, VHOST_USER_SET_VRING_ADDR);
	ck_assert_uint_eq(addr->index, 1);
	ck_assert_mem_eq(&addr->desc, &wire[5], 8);
	ck_assert_mem_eq(&addr->used, &wire[7], 8);
	ck_assert_mem_eq(&addr->avail, &wire[9], 8);
}
END_TEST

START_TEST(a_message_may_come_byte_by_byte)
{
	uint8_t wire[20];

	memcpy(wire, &(struct vhost_user_header){ 8, 1, 8 }, 12);
	memcpy(wire + 12, &state_msg.payload, 8);
	for (size_t i = 0; i < sizeof(wire); i++) {
		ck_assert_int_eq(rps_vu_msg_receive(&reader, pair[1]), -EAGAIN);
		ck_assert_int_eq(write(pair[0], &wire[i], 1), 1);
	}

	ck_assert_int_eq(rps_vu_msg_receive(&reader, pair[1]), 0);
	ck_assert_uint_eq(reader.msg.payload.state.num, 256);
}
END_TEST

START_TEST(descriptors_stay_with_their_message)
{
	struct vuf_msg first = state_msg;
	int fd = eventfd(0, 0);

	first.fd[0] = fd;
	first.num_fds = 1;
	ck_assert(vuf_send(pair[0], &first));
	ck_assert(vuf_send(pair[0], &state_msg));
	ck_assert(vuf_send(pair[0], &first));

	for (unsigned int i = 0; i < 3; i++) {
		ck_assert_int_eq(rps_vu_msg_receive(&reader, pair[1]), 0);
		ck_assert_uint_eq(reader.msg.num_fds, i == 1 ? 0 : 1);
		rps_vu_msg_reset(&reader);
	}
	close(fd);
}
END_TEST

START_TEST(a_descriptor_that_nobody_takes_is_closed)
{
	struct vuf_msg msg = state_msg;
	unsigned int before = vuf_count_fds();

	for (msg.num_fds = 0; msg.num_fds < VU_MSG_FDS_MAX; msg.num_fds++)
		msg.fd[msg.num_fds] = pair[0];
	ck_assert(vuf_send(pair[0], &msg));
	ck_assert_int_eq(rps_vu_msg_receive(&reader, pair[1]), 0);
	ck_assert_uint_eq(vuf_count_fds(), before + VU_MSG_FDS_MAX);
	close(rps_vu_msg_take_fd(&reader.msg, 3));

	rps_vu_msg_reset(&reader);
	ck_assert_uint_eq(vuf_count_fds(), before);
}
END_TEST

static const struct bad_frame {
	const char *name;
	struct vhost_user_header header;
	unsigned int num_fds;
	int expected;
} bad_frames[] = {
	{ "version 0", { 1, 0, 0 }, 0, -EPROTO },
	{ "version 2", { 1, 2, 0 }, 0, -EPROTO },
	{ "version 3", { 1, 3, 0 }, 0, -EPROTO },
	{ "unknown flag", { 1, 0x11, 0 }, 0, -EPROTO },
	{ "all flags", { 1, UINT32_MAX, 0 }, 0, -EPROTO },
	{ "one byte too large", { 1, 1, 513 }, 0, -EMSGSIZE },
	{ "negative size", { 1, 1, UINT32_MAX }, 0, -EMSGSIZE },
	{ "nine descriptors", { 1, 1, 0 }, 9, -E2BIG },
	{ "twelve descriptors", { 1, 1, 8 }, 12, -E2BIG },
};

START_TEST(a_bad_frame_is_refused)
{
	const struct bad_frame *bad = &bad_frames[_i];
	struct vuf_msg msg = { .request = bad->header.request,
			       .flags = bad->header.flags,
			       .size = bad->header.size,
			       .num_fds = bad->num_fds };
	unsigned int before = vuf_count_fds();

	for (unsigned int i = 0; i < bad->num_fds; i++)
		msg.fd[i] = pair[0];
	vuf_send(pair[0], &msg);

	ck_assert_msg(rps_vu_msg_receive(&reader, pair[1]) == bad->expected,
		      "%s", bad->name);
	rps_vu_msg_reset(&reader);
	ck_assert_uint_eq(vuf_count_fds(), before);
}
END_TEST

START_TEST(the_largest_payload_is_read)
{
	struct vuf_msg msg = { .request = 99,
			       .flags = VHOST_USER_VERSION,
			       .size = sizeof(msg.payload) };

	ck_assert(vuf_send(pair[0], &msg));

	ck_assert_int_eq(rps_vu_msg_receive(&reader, pair[1]), 0);
	ck_assert_uint_eq(reader.msg.header.size, 512);
}
END_TEST

/* _i: bytes that came before the peer died. */
START_TEST(a_peer_may_die_at_any_byte)
{
	uint8_t wire[20];

	memcpy(wire, &(struct vhost_user_header){ 8, 1, 8 }, 12);
	memcpy(wire + 12, &state_msg.payload, 8);
	ck_assert_int_eq(write(pair[0], wire, (size_t)_i), _i);
	shutdown(pair[0], SHUT_WR);

	ck_assert_int_eq(rps_vu_msg_receive(&reader, pair[1]),
			 _i == 0 ? -ECONNRESET : -EPIPE);
}
END_TEST

START_TEST(sending_to_a_peer_that_does_not_read_ends)
{
	struct vu_msg msg = { .header = { 1, 5, 8 } };
	int err = 0;

	for (int i = 0; i < 100000 && !err; i++)
		err = rps_vu_msg_send(pair[1], &msg);

	ck_assert_int_eq(err, -EAGAIN);
}
END_TEST

START_TEST(sending_to_nobody_raises_no_signal)
{
	struct vu_msg msg = { .header = { 1, 5, 8 } };

	shutdown(pair[0], SHUT_RDWR);

	ck_assert_int_eq(rps_vu_msg_send(pair[1], &msg), -EPIPE);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vhost_user_msg");
	TCase *tests = tcase_create("msg");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, a_message_on_the_wire_is_what_the_document_says);
	tcase_add_test(tests, a_message_may_come_byte_by_byte);
	tcase_add_test(tests, descriptors_stay_with_their_message);
	tcase_add_test(tests, a_descriptor_that_nobody_takes_is_closed);
	tcase_add_loop_test(tests, a_bad_frame_is_refused, 0,
			    ARRAY_SIZE(bad_frames));
	tcase_add_test(tests, the_largest_payload_is_read);
	tcase_add_loop_test(tests, a_peer_may_die_at_any_byte, 0, 20);
	tcase_add_test(tests, sending_to_a_peer_that_does_not_read_ends);
	tcase_add_test(tests, sending_to_nobody_raises_no_signal);
	suite_add_tcase(suite, tests);
	return suite_main(suite);
}
