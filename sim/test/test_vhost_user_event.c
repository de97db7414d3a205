/* SPDX-License-Identifier: BSD-3-Clause */
#include "../xport/vhost_user_event.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "suite_main.h"

/* What carries events: an eventfd, or two ends of something. */
struct carrier {
	int ours;
	int theirs;
};

static struct carrier make_carrier(enum vu_event_kind kind)
{
	int fd[2] = { -1, -1 };

	switch (kind) {
	case VU_EVENT_COUNTER:
		fd[0] = eventfd(0, 0);
		fd[1] = dup(fd[0]);
		break;
	case VU_EVENT_SOCKET:
		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
		break;
	case VU_EVENT_PIPE:
		ck_assert_int_eq(pipe(fd), 0);
		break;
	}
	return (struct carrier){ .ours = fd[0], .theirs = fd[1] };
}

/* _i: enum vu_event_kind */
START_TEST(an_event_goes_from_end_to_end)
{
	struct carrier carrier = make_carrier((enum vu_event_kind)_i);
	struct vu_event in = { .fd = -1 };
	struct vu_event out = { .fd = -1 };

	ck_assert_int_eq(rps_vu_event_open(&in, carrier.ours), 0);
	ck_assert_int_eq(rps_vu_event_open(&out, carrier.theirs), 0);
	ck_assert_int_eq((int)in.kind, _i);

	ck_assert_int_eq(rps_vu_event_drain(&in), 0);
	ck_assert_int_eq(rps_vu_event_signal(&out), 0);
	ck_assert_int_eq(rps_vu_event_drain(&in), 1);
	ck_assert_int_eq(rps_vu_event_drain(&in), 0);
	rps_vu_event_close(&in);
	rps_vu_event_close(&out);
}
END_TEST

START_TEST(a_counter_that_was_raised_often_counts_once)
{
	struct vu_event event = { .fd = -1 };

	ck_assert_int_eq(rps_vu_event_open(&event, eventfd(5, 0)), 0);

	ck_assert_int_eq(rps_vu_event_drain(&event), 1);
	ck_assert_int_eq(rps_vu_event_drain(&event), 0);
	rps_vu_event_close(&event);
}
END_TEST

/* _i: enum vu_event_kind */
START_TEST(a_full_carrier_does_not_block)
{
	struct carrier carrier = make_carrier((enum vu_event_kind)_i);
	struct vu_event out = { .fd = -1 };
	const uint64_t full = UINT64_MAX - 1;

	ck_assert_int_eq(rps_vu_event_open(&out, carrier.theirs), 0);
	if (out.kind == VU_EVENT_COUNTER)
		ck_assert_int_eq(write(carrier.ours, &full, 8), 8);

	for (int i = 0; i < 10000; i++)
		ck_assert_int_eq(rps_vu_event_signal(&out), 0);
	rps_vu_event_close(&out);
	close(carrier.ours);
}
END_TEST

/* _i: enum vu_event_kind, without the counter, which has one end only */
START_TEST(a_dead_end_is_an_error_and_no_signal)
{
	struct carrier carrier = make_carrier((enum vu_event_kind)_i);
	struct vu_event event = { .fd = -1 };

	close(carrier.ours);
	ck_assert_int_eq(rps_vu_event_open(&event, carrier.theirs), 0);

	ck_assert_int_eq(rps_vu_event_signal(&event), -EPIPE);
	rps_vu_event_close(&event);
}
END_TEST

START_TEST(a_dead_writer_is_told)
{
	struct carrier carrier = make_carrier(VU_EVENT_PIPE);
	struct vu_event event = { .fd = -1 };

	close(carrier.theirs);
	ck_assert_int_eq(rps_vu_event_open(&event, carrier.ours), 0);

	ck_assert_int_eq(rps_vu_event_drain(&event), -EPIPE);
	rps_vu_event_close(&event);
}
END_TEST

START_TEST(what_carries_no_events_is_refused)
{
	static const char *const paths[] = { "/dev/null", "/",
					     "/proc/self/exe" };
	struct vu_event event = { .fd = -1 };
	int fd = open(paths[_i], O_RDONLY);

	ck_assert_int_ge(fd, 0);

	ck_assert_int_eq(rps_vu_event_open(&event, fd), -EINVAL);
	ck_assert_int_eq(event.fd, -1);
	ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
}
END_TEST

START_TEST(draining_does_not_block_on_a_shared_counter)
{
	struct vu_event event = { .fd = -1 };

	ck_assert_int_eq(rps_vu_event_open(&event, eventfd(0, 0)), 0);
	/* The peer shares the file, and takes our flag back. */
	ck_assert_int_eq(fcntl(event.fd, F_SETFL, 0), 0);

	ck_assert_int_eq(rps_vu_event_drain(&event), 0);
	rps_vu_event_close(&event);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vhost_user_event");
	TCase *tests = tcase_create("event");

	tcase_add_loop_test(tests, an_event_goes_from_end_to_end,
			    VU_EVENT_COUNTER, VU_EVENT_PIPE + 1);
	tcase_add_test(tests, a_counter_that_was_raised_often_counts_once);
	tcase_add_loop_test(tests, a_full_carrier_does_not_block,
			    VU_EVENT_COUNTER, VU_EVENT_PIPE + 1);
	tcase_add_loop_test(tests, a_dead_end_is_an_error_and_no_signal,
			    VU_EVENT_SOCKET, VU_EVENT_PIPE + 1);
	tcase_add_test(tests, a_dead_writer_is_told);
	tcase_add_loop_test(tests, what_carries_no_events_is_refused, 0, 3);
	tcase_add_test(tests, draining_does_not_block_on_a_shared_counter);
	suite_add_tcase(suite, tests);
	return suite_main(suite);
}
