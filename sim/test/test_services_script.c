/* SPDX-License-Identifier: BSD-3-Clause */
#include "../prog/services_script.h"

#include <errno.h>
#include <stdlib.h>

#include "node_pair.h"
#include "suite_main.h"

static struct node_pair *pair;
static struct rps_services *services; /* on the device */
static struct rps_script *script;
static struct inbox inbox;
static struct rps_ept ept; /* of the driver, at 0x500 */

static void setup(void)
{
	pair = pair_create(&bus_default);
	services = calloc(1, sizeof(*services));
	script = calloc(1, sizeof(*script));
	memset(&inbox, 0, sizeof(inbox));
	rps_services_init(services, &pair->device, NULL, NULL);
	pair_connect(pair);
	pair_open(&pair->driver, &ept, 0x500, &inbox);
}

static void teardown(void)
{
	free(script);
	free(services);
	pair_destroy(pair);
}

static int parse(const char *text)
{
	char copy[1024];
	size_t len = strlen(text);
	FILE *file;
	int err;

	ck_assert_uint_lt(len, sizeof(copy));
	memcpy(copy, text, len + 1);
	/* fmemopen() refuses an empty buffer. */
	file = fmemopen(copy, len ? len : 1, "r");
	ck_assert_ptr_nonnull(file);
	err = rps_script_parse(script, file);
	fclose(file);
	return err;
}

static enum rps_script_result run(uint64_t now_ms)
{
	enum rps_script_result result =
		rps_script_run(script, services, now_ms);

	pair_settle(pair);
	return result;
}

static bool is_announced(const char *name, uint32_t addr)
{
	return rps_chan_find(&pair->driver.chans, name, RPMSG_ADDR_ANY, addr);
}

static const struct wrong {
	const char *text;
	const char *error;
} wrong[] = {
	{ "jump\n", "1: no such verb" },
	{ "\n# x\n  jump\n", "3: no such verb" },
	{ "announce\n", "1: a name is missing" },
	{ "announce a\n", "1: an address is missing" },
	{ "announce a b\n", "1: the address is no number below 0xffffffff" },
	{ "announce a 1 2\n", "1: there is something after the step" },
	{ "announce a-name-of-thirty-two-characters- 1\n",
	  "1: the name is longer than 31 characters" },
	{ "withdraw\n", "1: a name is missing" },
	{ "send a\n", "1: an address is missing" },
	{ "send a peers x\n", "1: the address is no number below 0xffffffff" },
	{ "send a 1 hex:0\n", "1: hexadecimal bytes have two digits each" },
	{ "send a 1 hex:0g\n", "1: no hexadecimal digit" },
	{ "wait\n", "1: a number of milliseconds is missing" },
	{ "wait soon\n", "1: a number of milliseconds is missing" },
	{ "wait 1 2\n", "1: there is something after the step" },
	{ "echo\n", "1: echo is on or off" },
	{ "echo maybe\n", "1: echo is on or off" },
	{ "quit now\n", "1: there is something after the step" },
};

START_TEST(what_is_wrong_with_a_script_is_said_with_its_line)
{
	ck_assert_int_eq(parse(wrong[_i].text), -EINVAL);
	ck_assert_str_eq(script->error, wrong[_i].error);
}
END_TEST

START_TEST(a_line_may_be_long_but_not_longer)
{
	char line[RPS_SCRIPT_LINE_BYTES + 1];

	memset(line, '#', sizeof(line));
	line[RPS_SCRIPT_LINE_BYTES - 2] = '\n';
	line[RPS_SCRIPT_LINE_BYTES - 1] = '\0';
	ck_assert_int_eq(parse(line), 0);

	line[RPS_SCRIPT_LINE_BYTES - 2] = '#';
	line[RPS_SCRIPT_LINE_BYTES - 1] = '\n';
	line[RPS_SCRIPT_LINE_BYTES] = '\0';
	ck_assert_int_eq(parse(line), -EINVAL);
	ck_assert_str_eq(script->error, "1: the line is too long");
}
END_TEST

START_TEST(a_script_of_nothing_is_done)
{
	ck_assert_int_eq(parse("\n   \n# nothing\n"), 0);
	ck_assert_uint_eq(script->num_steps, 0);
	ck_assert_int_eq((int)run(0), RPS_SCRIPT_DONE);
}
END_TEST

START_TEST(a_script_has_an_end)
{
	char text[1024] = "";

	for (int i = 0; i < 170; i++)
		memcpy(text + 6 * i, "quit\r\n", 7);
	ck_assert_int_eq(parse(text), 0);
	ck_assert_uint_eq(script->num_steps, 170);
}
END_TEST

START_TEST(names_are_announced_and_withdrawn)
{
	ck_assert_int_eq(parse("announce a 0x400\nwait 5\nwithdraw a\nwait 5\n"
			       "announce a 9\n"),
			 0);

	ck_assert_int_eq((int)run(100), RPS_SCRIPT_WAITING);
	ck_assert(is_announced("a", 0x400));
	ck_assert_uint_eq(script->wait_until_ms, 105);
	ck_assert_int_eq((int)run(104), RPS_SCRIPT_WAITING);
	ck_assert(is_announced("a", 0x400));
	ck_assert_int_eq((int)run(105), RPS_SCRIPT_WAITING);
	ck_assert(!is_announced("a", 0x400));
	/* It is served where it was. */
	ck_assert_int_eq((int)run(110), RPS_SCRIPT_DONE);
	ck_assert(is_announced("a", 0x400));
}
END_TEST

START_TEST(messages_are_sent)
{
	ck_assert_int_eq(parse("announce a 0x400\n"
			       "send a 0x500 two words\nwait 1\n"
			       "send a 0x500 hex:fF00\nwait 1\n"
			       "send a 0x500\n"),
			 0);

	ck_assert_int_eq((int)run(0), RPS_SCRIPT_WAITING);
	ck_assert_uint_eq(inbox.len_bytes, 9);
	ck_assert_uint_eq(inbox.src, 0x400);
	ck_assert_int_eq((int)run(1), RPS_SCRIPT_WAITING);
	ck_assert_uint_eq(inbox.len_bytes, 2);
	ck_assert_uint_eq(inbox.first, 0xff);
	ck_assert_int_eq((int)run(2), RPS_SCRIPT_DONE);
	ck_assert_uint_eq(inbox.len_bytes, 0);
	ck_assert_uint_eq(inbox.count, 3);
}
END_TEST

START_TEST(the_peer_is_who_spoke_last)
{
	ck_assert_int_eq(parse("announce a 0x400\nsend a peer one\n"
			       "send a peer two\n"),
			 0);

	ck_assert_int_eq((int)run(0), RPS_SCRIPT_FAILED);
	ck_assert_str_eq(script->error, "2: Destination address required");
	ck_assert_int_eq(rps_node_trysend(&pair->driver, 0x500, 0x400, "x", 1),
			 0);
	pair_settle(pair);
	ck_assert_int_eq((int)run(0), RPS_SCRIPT_DONE);
	ck_assert_uint_eq(inbox.count, 1);
	ck_assert_uint_eq(inbox.first, 't');
}
END_TEST

START_TEST(a_step_that_fails_does_not_stop_the_rest)
{
	ck_assert_int_eq(parse("withdraw nobody\nsend nobody 1 x\necho off\n"
			       "quit\necho on\n"),
			 0);

	ck_assert_int_eq((int)run(0), RPS_SCRIPT_FAILED);
	ck_assert_str_eq(script->error, "1: No such file or directory");
	ck_assert_int_eq((int)run(0), RPS_SCRIPT_FAILED);
	ck_assert_int_eq((int)run(0), RPS_SCRIPT_QUITS);
	ck_assert(!services->echo_on);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("services_script");
	TCase *tcase = tcase_create("script");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase,
			    what_is_wrong_with_a_script_is_said_with_its_line,
			    0, ARRAY_SIZE(wrong));
	tcase_add_test(tcase, a_line_may_be_long_but_not_longer);
	tcase_add_test(tcase, a_script_of_nothing_is_done);
	tcase_add_test(tcase, a_script_has_an_end);
	tcase_add_test(tcase, names_are_announced_and_withdrawn);
	tcase_add_test(tcase, messages_are_sent);
	tcase_add_test(tcase, the_peer_is_who_spoke_last);
	tcase_add_test(tcase, a_step_that_fails_does_not_stop_the_rest);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
