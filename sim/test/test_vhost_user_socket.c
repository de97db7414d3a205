/* SPDX-License-Identifier: BSD-3-Clause */
#include "../xport/vhost_user_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "suite_main.h"

static char folder[64];
static char path[80];
static struct vu_socket listener;

static void setup(void)
{
	snprintf(folder, sizeof(folder), "/tmp/rps-socket-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/s", folder);
	listener.fd = -1;
}

static void teardown(void)
{
	rps_vu_socket_close(&listener);
	unlink(path);
	ck_assert_int_eq(rmdir(folder), 0);
}

/* A name that nobody listens on, as a killed process leaves it. */
static void leave_stale_socket(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	memcpy(addr.sun_path, path, strlen(path));
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	close(fd);
}

START_TEST(only_the_user_may_connect)
{
	mode_t before = umask(0);
	struct stat st;

	ck_assert_int_eq(rps_vu_socket_listen(&listener, path), 0);
	umask(before);

	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode, S_IFSOCK | 0600);
}
END_TEST

START_TEST(closing_removes_the_name)
{
	ck_assert_int_eq(rps_vu_socket_listen(&listener, path), 0);

	rps_vu_socket_close(&listener);

	ck_assert_int_eq(access(path, F_OK), -1);
}
END_TEST

START_TEST(a_name_that_became_another_is_left_alone)
{
	ck_assert_int_eq(rps_vu_socket_listen(&listener, path), 0);
	ck_assert_int_eq(unlink(path), 0);
	leave_stale_socket();

	rps_vu_socket_close(&listener);

	ck_assert_int_eq(access(path, F_OK), 0);
}
END_TEST

START_TEST(a_stale_name_is_replaced)
{
	leave_stale_socket();

	ck_assert_int_eq(rps_vu_socket_listen(&listener, path), 0);
}
END_TEST

START_TEST(a_live_listener_is_not_replaced)
{
	struct vu_socket second;

	ck_assert_int_eq(rps_vu_socket_listen(&listener, path), 0);

	ck_assert_int_eq(rps_vu_socket_listen(&second, path), -EADDRINUSE);
	rps_vu_socket_close(&second);
	ck_assert_int_eq(access(path, F_OK), 0);
}
END_TEST

START_TEST(what_is_no_socket_is_not_replaced)
{
	close(open(path, O_CREAT | O_WRONLY, 0600));

	ck_assert_int_eq(rps_vu_socket_listen(&listener, path), -EEXIST);
	ck_assert_int_eq(access(path, F_OK), 0);
}
END_TEST

START_TEST(a_link_to_elsewhere_is_not_followed)
{
	char target[96];

	snprintf(target, sizeof(target), "%s/elsewhere", folder);
	ck_assert_int_eq(symlink(target, path), 0);

	ck_assert_int_eq(rps_vu_socket_listen(&listener, path), -EEXIST);
	ck_assert_int_eq(access(target, F_OK), -1);
}
END_TEST

START_TEST(names_have_a_length)
{
	char longest[sizeof(listener.addr.sun_path) + 1];

	memset(longest, 'x', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';

	ck_assert_int_eq(rps_vu_socket_listen(&listener, longest),
			 -ENAMETOOLONG);
	ck_assert_int_eq(rps_vu_socket_listen(&listener, ""), -EINVAL);
	ck_assert_int_eq(rps_vu_socket_listen(&listener, "/nowhere/at/all"),
			 -ENOENT);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vhost_user_socket");
	TCase *tests = tcase_create("socket");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, only_the_user_may_connect);
	tcase_add_test(tests, closing_removes_the_name);
	tcase_add_test(tests, a_name_that_became_another_is_left_alone);
	tcase_add_test(tests, a_stale_name_is_replaced);
	tcase_add_test(tests, a_live_listener_is_not_replaced);
	tcase_add_test(tests, what_is_no_socket_is_not_replaced);
	tcase_add_test(tests, a_link_to_elsewhere_is_not_followed);
	tcase_add_test(tests, names_have_a_length);
	suite_add_tcase(suite, tests);
	return suite_main(suite);
}
