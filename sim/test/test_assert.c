/* SPDX-License-Identifier: BSD-3-Clause */
#include "../base/assert.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "suite_main.h"

START_TEST(a_true_condition_is_evaluated_once)
{
	int evaluated = 0;

	rps_assert(++evaluated == 1);

	ck_assert_int_eq(evaluated, 1);
}
END_TEST

static void die_of_a_bug(int say_it_to)
{
	const struct rlimit no_core = { 0, 0 };

	setrlimit(RLIMIT_CORE, &no_core);
	signal(SIGABRT, SIG_DFL);
	dup2(say_it_to, STDERR_FILENO);
	rps_assert(!"reached");
	_exit(0);
}

START_TEST(a_bug_of_ours_stops_the_program_and_says_where)
{
	char text[256] = "";
	int end[2];
	int status;
	pid_t pid;

	ck_assert_int_eq(pipe(end), 0);
	pid = fork();
	if (pid == 0)
		die_of_a_bug(end[1]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	close(end[1]);
	ck_assert_int_gt(read(end[0], text, sizeof(text) - 1), 0);
	close(end[0]);

	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(WTERMSIG(status), SIGABRT);
	ck_assert_ptr_nonnull(strstr(text, "test_assert.c"));
	ck_assert_ptr_nonnull(strstr(text, "reached"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("assert");
	TCase *tcase = tcase_create("assert");

	tcase_add_test(tcase, a_true_condition_is_evaluated_once);
	tcase_add_test(tcase, a_bug_of_ours_stops_the_program_and_says_where);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
