/* SPDX-License-Identifier: BSD-3-Clause */
#include "../prog/services.h"

#include <errno.h>
#include <stdlib.h>

#include "node_pair.h"
#include "suite_main.h"

static struct node_pair *pair;
static struct rps_services *services; /* on the device */

static void setup(void)
{
	pair = pair_create(&bus_default);
	services = calloc(1, sizeof(*services));
	rps_services_init(services, &pair->device, NULL, NULL);
}

static void teardown(void)
{
	free(services);
	pair_destroy(pair);
}

static struct rps_service_slot *add(enum rps_service_kind kind,
				    const char *text)
{
	struct rps_service_spec spec;

	ck_assert_ptr_null(rps_service_parse(kind, text, &spec));
	ck_assert_int_eq(rps_services_add(services, &spec), 0);
	return rps_services_find(services, spec.name);
}

static const struct good {
	enum rps_service_kind kind;
	const char *text;
	struct rps_service_spec expected;
} good[] = {
	{ RPS_SERVICE_ECHO, "a", { 0, "a", RPMSG_ADDR_ANY, 100, 16 } },
	{ RPS_SERVICE_ECHO, "a:0", { 0, "a", 0, 100, 16 } },
	{ RPS_SERVICE_SINK, "a b:0x400", { 0, "a b", 0x400, 100, 16 } },
	{ RPS_SERVICE_SINK, "a:b:7", { 0, "a:b", 7, 100, 16 } },
	{ RPS_SERVICE_DEAF, "a:4294967294", { 0, "a", 0xfffffffe, 100, 16 } },
	{ RPS_SERVICE_SOURCE, "a,count=3", { 0, "a", RPMSG_ADDR_ANY, 3, 16 } },
	{ RPS_SERVICE_SOURCE, "a:1,len=0,count=0", { 0, "a", 1, 0, 0 } },
	{ RPS_SERVICE_SOURCE, "a:1,len=4096", { 0, "a", 1, 100, 4096 } },
};

START_TEST(a_service_is_what_its_text_says)
{
	struct rps_service_spec spec;

	ck_assert_ptr_null(
		rps_service_parse(good[_i].kind, good[_i].text, &spec));
	ck_assert_int_eq((int)spec.kind, (int)good[_i].kind);
	ck_assert_str_eq(spec.name, good[_i].expected.name);
	ck_assert_uint_eq(spec.addr, good[_i].expected.addr);
	ck_assert_uint_eq(spec.count, good[_i].expected.count);
	ck_assert_uint_eq(spec.len_bytes, good[_i].expected.len_bytes);
}
END_TEST

static const struct bad {
	enum rps_service_kind kind;
	const char *text;
	const char *word;
} bad[] = {
	{ RPS_SERVICE_ECHO, "", "no name" },
	{ RPS_SERVICE_ECHO, ":1", "no name" },
	{ RPS_SERVICE_ECHO, "a:", "address" },
	{ RPS_SERVICE_ECHO, "a:x", "address" },
	{ RPS_SERVICE_ECHO, "a:-1", "address" },
	{ RPS_SERVICE_ECHO, "a: 1", "address" },
	{ RPS_SERVICE_ECHO, "a:1x", "address" },
	{ RPS_SERVICE_ECHO, "a:0xffffffff", "address" },
	{ RPS_SERVICE_ECHO, "a:99999999999999999999", "address" },
	{ RPS_SERVICE_ECHO, "a,len=1", "options" },
	{ RPS_SERVICE_DEAF, "a", "needs an address" },
	{ RPS_SERVICE_SOURCE, "a,", "options" },
	{ RPS_SERVICE_SOURCE, "a,len=4097", "len" },
	{ RPS_SERVICE_SOURCE, "a,count=4294967296", "count" },
	{ RPS_SERVICE_SOURCE, "a,speed=1", "options" },
	{ RPS_SERVICE_SINK, "a-name-of-thirty-two-characters-", "31" },
};

START_TEST(what_is_wrong_with_a_service_is_said)
{
	struct rps_service_spec spec;
	const char *wrong =
		rps_service_parse(bad[_i].kind, bad[_i].text, &spec);

	ck_assert_msg(wrong && strstr(wrong, bad[_i].word), "%s: %s",
		      bad[_i].text, wrong ? wrong : "nothing");
}
END_TEST

START_TEST(a_service_is_announced_whenever_there_is_a_link)
{
	add(RPS_SERVICE_ECHO, "one:0x400");
	add(RPS_SERVICE_SINK, "two");
	pair_connect(pair);
	pair_settle(pair);

	ck_assert_ptr_nonnull(rps_chan_find(&pair->driver.chans, "one",
					    RPMSG_ADDR_ANY, 0x400));
	ck_assert_ptr_nonnull(rps_chan_find(&pair->driver.chans, "two",
					    RPMSG_ADDR_ANY, 0x401));
}
END_TEST

START_TEST(services_are_where_there_is_room_and_an_address)
{
	struct rps_service_spec spec;

	add(RPS_SERVICE_ECHO, "a:0x400");
	ck_assert_ptr_null(
		rps_service_parse(RPS_SERVICE_ECHO, "b:0x400", &spec));
	ck_assert_int_eq(rps_services_add(services, &spec), -EADDRINUSE);
	ck_assert_ptr_null(rps_services_find(services, "b"));

	spec.addr = RPMSG_ADDR_ANY;
	while (services->num_slots < RPS_SERVICE_SLOTS)
		ck_assert_int_eq(rps_services_add(services, &spec), 0);
	ck_assert_int_eq(rps_services_add(services, &spec), -ENOSPC);
}
END_TEST

START_TEST(an_echo_goes_to_its_sender)
{
	struct rps_service_slot *slot = add(RPS_SERVICE_ECHO, "e:0x400");
	struct inbox inbox = { 0 };
	struct rps_ept ept;

	pair_connect(pair);
	pair_open(&pair->driver, &ept, 0x500, &inbox);
	ck_assert_int_eq(rps_node_trysend(&pair->driver, 0x500, 0x400, "hi", 2),
			 0);
	pair_settle(pair);
	/* The driver has had its turn before there was an answer. */
	pair_settle(pair);

	ck_assert_uint_eq(inbox.count, 1);
	ck_assert_uint_eq(inbox.src, 0x400);
	ck_assert_uint_eq(inbox.len_bytes, 2);
	ck_assert_uint_eq(slot->received, 1);
	ck_assert_uint_eq(slot->received_bytes, 2);
	ck_assert_uint_eq(slot->sent_bytes, 2);
	ck_assert_uint_eq(slot->peer, 0x500);
}
END_TEST

START_TEST(an_echo_that_is_off_only_counts)
{
	struct rps_service_slot *slot = add(RPS_SERVICE_ECHO, "e:0x400");

	services->echo_on = false;
	pair_connect(pair);
	ck_assert_int_eq(rps_node_trysend(&pair->driver, 0x500, 0x400, "hi", 2),
			 0);
	pair_settle(pair);

	ck_assert_uint_eq(slot->received, 1);
	ck_assert_uint_eq(slot->sent, 0);
}
END_TEST

/* The driver's ring of 4 is full, because nobody polls the driver. */
START_TEST(what_finds_no_buffer_waits_in_order)
{
	struct rps_service_slot *slot = add(RPS_SERVICE_SINK, "s:0x400");
	struct inbox inbox = { 0 };
	struct rps_ept ept;

	pair_connect(pair);
	pair_settle(pair);
	pair_open(&pair->driver, &ept, 0x500, &inbox);
	for (uint8_t i = 0; i < 10; i++)
		ck_assert_int_eq(rps_services_send(slot, 0x500, &i, 1), 0);
	ck_assert_uint_eq(services->backlog_len, 6);
	ck_assert_int_eq((int)rps_services_flush(services), RPS_FLUSH_BLOCKED);

	for (uint8_t i = 4; i < 10; i += 4) {
		pair_settle(pair);
		ck_assert_uint_eq(inbox.first, i - 1);
		(void)!rps_services_flush(services);
	}
	pair_settle(pair);
	ck_assert_int_eq((int)rps_services_flush(services), RPS_FLUSH_IDLE);
	ck_assert_uint_eq(inbox.count, 10);
	ck_assert_uint_eq(inbox.first, 9);
}
END_TEST

START_TEST(the_backlog_has_an_end)
{
	struct rps_service_slot *slot = add(RPS_SERVICE_SINK, "s:0x400");
	uint8_t large[RPS_BACKLOG_BYTES + 1] = { 0 };
	int err = 0;

	pair_connect(pair);
	pair_settle(pair);
	for (unsigned int i = 0; i < 4; i++)
		ck_assert_int_eq(rps_services_send(slot, 0x500, "x", 1), 0);
	ck_assert_int_eq(rps_services_send(slot, 0x500, large, sizeof(large)),
			 -EMSGSIZE);
	for (unsigned int i = 0; i < RPS_BACKLOG_MESSAGES; i++)
		err = err ? err : rps_services_send(slot, 0x500, "x", 1);
	ck_assert_int_eq(err, 0);
	ck_assert_int_eq(rps_services_send(slot, 0x500, "x", 1), -ENOBUFS);

	rps_services_link_down(services);
	ck_assert_uint_eq(services->backlog_len, 0);
	ck_assert_uint_eq(slot->peer, RPMSG_ADDR_ANY);
}
END_TEST

START_TEST(what_can_never_be_sent_is_dropped)
{
	struct rps_service_slot *slot = add(RPS_SERVICE_SINK, "s:0x400");
	uint8_t large[BUS_BUF_BYTES] = { 0 };

	pair_connect(pair);
	pair_settle(pair);
	for (unsigned int i = 0; i < 4; i++)
		ck_assert_int_eq(rps_services_send(slot, 0x500, "x", 1), 0);
	ck_assert_int_eq(rps_services_send(slot, 0x500, large, sizeof(large)),
			 0);
	pair_settle(pair);

	ck_assert_int_eq((int)rps_services_flush(services), RPS_FLUSH_IDLE);
	ck_assert_uint_eq(services->dropped, 1);
}
END_TEST

START_TEST(a_source_sends_to_the_first_who_speaks)
{
	struct rps_service_slot *slot =
		add(RPS_SERVICE_SOURCE, "s:0x400,count=9,len=5");
	struct inbox inbox = { 0 };
	struct rps_ept ept;

	pair_connect(pair);
	pair_open(&pair->driver, &ept, 0x500, &inbox);
	pair_settle(pair);
	ck_assert_int_eq((int)rps_services_flush(services), RPS_FLUSH_IDLE);

	ck_assert_int_eq(rps_node_trysend(&pair->driver, 0x500, 0x400, "", 0),
			 0);
	pair_settle(pair);
	while (rps_services_flush(services) != RPS_FLUSH_IDLE)
		pair_settle(pair);
	pair_settle(pair);
	ck_assert_uint_eq(inbox.count, 9);
	ck_assert_uint_eq(inbox.len_bytes, 5);
	ck_assert_uint_eq(inbox.first, 8);
	ck_assert_uint_eq(slot->sent_bytes, 45);

	/* Who speaks again has had his messages. */
	ck_assert_int_eq(rps_node_trysend(&pair->driver, 0x500, 0x400, "", 0),
			 0);
	pair_settle(pair);
	ck_assert_int_eq((int)rps_services_flush(services), RPS_FLUSH_IDLE);
	ck_assert_uint_eq(inbox.count, 9);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("services");
	TCase *tcase = tcase_create("services");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, a_service_is_what_its_text_says, 0,
			    ARRAY_SIZE(good));
	tcase_add_loop_test(tcase, what_is_wrong_with_a_service_is_said, 0,
			    ARRAY_SIZE(bad));
	tcase_add_test(tcase, a_service_is_announced_whenever_there_is_a_link);
	tcase_add_test(tcase, services_are_where_there_is_room_and_an_address);
	tcase_add_test(tcase, an_echo_goes_to_its_sender);
	tcase_add_test(tcase, an_echo_that_is_off_only_counts);
	tcase_add_test(tcase, what_finds_no_buffer_waits_in_order);
	tcase_add_test(tcase, the_backlog_has_an_end);
	tcase_add_test(tcase, what_can_never_be_sent_is_dropped);
	tcase_add_test(tcase, a_source_sends_to_the_first_who_speaks);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
