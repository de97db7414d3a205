/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The whole way: our driver end, the vhost-user protocol, our device end, and
 * services on it.
 */
#include "../prog/services_remote.h"

#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "node_pair.h"
#include "suite_main.h"
#include "vu_driver.h"

#define BIT(n)     (1ull << (n))
#define ROUNDS_MAX 100000u

static struct rps_remote *remote;
static struct vu_driver *driver;
static struct inbox inbox;
static struct rps_ept ept; /* of the driver, at 0x500 */
static char *text;         /* what the remote has said */
static size_t text_len;
static FILE *out;
static char path[64];

static void create(uint64_t features)
{
	struct rps_vu_config config = { .path = path,
					.features = features,
					.num_queues = RPS_NUM_QUEUES };
	int err;

	vuf_path(path, sizeof(path));
	out = open_memstream(&text, &text_len);
	remote = rps_remote_create(&config, out, &err);
	ck_assert_ptr_nonnull(remote);
	driver = calloc(1, sizeof(*driver));
	memset(&inbox, 0, sizeof(inbox));
}

static void setup(void)
{
	create(BIT(VIRTIO_RPMSG_F_NS) | BIT(VIRTIO_F_VERSION_1));
}

static void teardown(void)
{
	rps_remote_destroy(remote);
	fclose(out);
	free(text);
	free(driver);
}

static void add(enum rps_service_kind kind, const char *spec_text)
{
	struct rps_service_spec spec;

	ck_assert_ptr_null(rps_service_parse(kind, spec_text, &spec));
	ck_assert_int_eq(rps_services_add(&remote->services, &spec), 0);
}

/* Both ends move until neither has anything to do. */
static enum rps_remote_state settle(uint64_t now_ms)
{
	enum rps_remote_state state = RPS_REMOTE_BUSY;
	unsigned int quiet = 0;

	for (unsigned int i = 0; quiet < 4; i++) {
		unsigned int heard = inbox.count;
		bool more = false;

		ck_assert_uint_lt(i, ROUNDS_MAX);
		ck_assert_int_eq(rps_remote_step(remote, now_ms, &state), 0);
		if (driver->node.ready)
			more = rps_node_poll(&driver->node);
		more = more || inbox.count != heard;
		quiet = more || state == RPS_REMOTE_BUSY ? 0 : quiet + 1;
		if (state == RPS_REMOTE_ENDS)
			break;
	}
	return state;
}

static void connect_driver(uint32_t num)
{
	vud_open(driver, remote->vu);
	vud_start(driver, num);
	pair_open(&driver->node, &ept, 0x500, &inbox);
	settle(0);
}

static bool is_announced(const char *name, uint32_t addr)
{
	return rps_chan_find(&driver->node.chans, name, RPMSG_ADDR_ANY, addr);
}

static bool has_said(const char *line)
{
	fflush(out);
	return strstr(text, line);
}

static const struct flavour {
	const char *name;
	uint64_t features;
} flavours[] = {
	{ "modern", BIT(VIRTIO_RPMSG_F_NS) | BIT(VIRTIO_F_VERSION_1) },
	{ "event index", BIT(VIRTIO_RPMSG_F_NS) | BIT(VIRTIO_F_VERSION_1) |
				 BIT(VIRTIO_F_EVENT_IDX) },
	{ "legacy", BIT(VIRTIO_RPMSG_F_NS) },
	{ "legacy, event index",
	  BIT(VIRTIO_RPMSG_F_NS) | BIT(VIRTIO_F_EVENT_IDX) },
};

START_TEST(messages_come_back)
{
	create(flavours[_i].features);
	add(RPS_SERVICE_ECHO, "e:0x400");
	connect_driver(4);
	ck_assert(is_announced("e", 0x400));

	for (uint32_t i = 0; i < long_loop(3000); i++) {
		uint8_t byte = (uint8_t)i;

		ck_assert_int_eq(rps_node_trysend(&driver->node, 0x500, 0x400,
						  &byte, 1),
				 0);
		settle(0);
		ck_assert_uint_eq(inbox.count, i + 1);
		ck_assert_uint_eq(inbox.first, byte);
	}
	vud_close(driver);
}
END_TEST

/* More than the rings hold: who waits is woken. */
START_TEST(a_source_is_heard_to_the_end)
{
	create(flavours[_i].features);
	add(RPS_SERVICE_SOURCE, "s:0x400,count=5000,len=496");
	connect_driver(4);

	ck_assert_int_eq(rps_node_trysend(&driver->node, 0x500, 0x400, "", 0),
			 0);
	settle(0);

	ck_assert_uint_eq(inbox.count, 5000);
	ck_assert_uint_eq(inbox.len_bytes, 496);
	ck_assert_uint_eq(inbox.first, (uint8_t)4999);
	vud_close(driver);
}
END_TEST

START_TEST(every_start_is_announced_anew)
{
	add(RPS_SERVICE_ECHO, "e:0x400");
	connect_driver(16);
	for (unsigned int i = 0; i < 3; i++) {
		ck_assert(is_announced("e", 0x400));
		ck_assert_int_eq(rps_node_trysend(&driver->node, 0x500, 0x400,
						  "x", 1),
				 0);
		settle(0);
		ck_assert_uint_eq(inbox.count, i + 1);

		vud_stop(driver);
		settle(0);
		ck_assert(!remote->started);
		vud_start(driver, 8);
		settle(0);
	}
	ck_assert(has_said("device started: rings of 16 and 16 entries, "
			   "little endian, features 0x100000001"));
	ck_assert(has_said("rings of 8 and 8"));
	ck_assert(has_said("device stopped"));
	vud_close(driver);
}
END_TEST

START_TEST(frontends_come_and_go)
{
	add(RPS_SERVICE_ECHO, "e:0x400");
	for (unsigned int i = 0; i < 3; i++) {
		connect_driver(256);
		ck_assert(is_announced("e", 0x400));
		vud_close(driver);
		memset(&driver->node, 0, sizeof(driver->node));
		settle(0);
		ck_assert(!remote->started);
	}
	ck_assert(has_said("frontend 3 connected"));
	ck_assert(has_said("frontend 3 gone: frontend closed the connection"));
}
END_TEST

START_TEST(a_stopped_ring_goes_on_where_it_was)
{
	add(RPS_SERVICE_ECHO, "e:0x400");
	connect_driver(16);
	for (unsigned int i = 0; i < 5; i++) {
		ck_assert_int_eq(rps_node_trysend(&driver->node, 0x500, 0x400,
						  "x", 1),
				 0);
		settle(0);
	}

	ck_assert_uint_eq(vuf_ask_base(&driver->fe, RPS_QUEUE_TX), 5);
	/* Five echoes and the announcement. */
	ck_assert_uint_eq(vuf_ask_base(&driver->fe, RPS_QUEUE_RX), 6);
	vud_close(driver);
}
END_TEST

START_TEST(a_start_may_be_put_off)
{
	remote->delay_ms = 50;
	add(RPS_SERVICE_ECHO, "e:0x400");
	connect_driver(16);
	ck_assert(!remote->started);
	settle(49);
	ck_assert(!is_announced("e", 0x400));

	settle(50);

	ck_assert(is_announced("e", 0x400));
	vud_close(driver);
}
END_TEST

static struct rps_script *script_of(const char *lines)
{
	struct rps_script *script = calloc(1, sizeof(*script));
	FILE *file = fmemopen((void *)(uintptr_t)lines, strlen(lines), "r");

	ck_assert_int_eq(rps_script_parse(script, file), 0);
	fclose(file);
	return script;
}

START_TEST(a_script_begins_with_the_first_start)
{
	remote->script = script_of("announce a 7\nwait 10\nsend a 0x500 hi\n"
				   "withdraw b\nquit\n");
	ck_assert_int_eq((int)settle(0), RPS_REMOTE_IDLE);
	connect_driver(16);
	ck_assert(is_announced("a", 7));
	ck_assert_uint_eq(inbox.count, 0);

	ck_assert_int_eq((int)settle(10), RPS_REMOTE_ENDS);

	ck_assert_uint_eq(inbox.count, 1);
	ck_assert(remote->script_failed);
	ck_assert(has_said("script line 4: No such file or directory"));
	free(remote->script);
	vud_close(driver);
}
END_TEST

START_TEST(a_count_ends_the_remote)
{
	enum rps_remote_state state = RPS_REMOTE_IDLE;

	remote->stop_after = 2;
	add(RPS_SERVICE_SINK, "s:0x400");
	connect_driver(16);
	for (unsigned int i = 0; i < 2; i++) {
		ck_assert_int_eq((int)state, RPS_REMOTE_IDLE);
		ck_assert_int_eq(rps_node_trysend(&driver->node, 0x500, 0x400,
						  "x", 1),
				 0);
		state = settle(0);
	}

	ck_assert_int_eq((int)state, RPS_REMOTE_ENDS);
	rps_remote_print_stats(remote);
	ck_assert(has_said("s 0x400: received 2 messages of 2 bytes, sent 0"));
	ck_assert(has_said("connections 1, kicks "));
	vud_close(driver);
}
END_TEST

START_TEST(the_loop_ends_when_told_to)
{
	int stop_fd = eventfd(1, EFD_CLOEXEC);

	ck_assert_int_eq(rps_remote_run(remote, stop_fd), 0);
	close(stop_fd);
}
END_TEST

START_TEST(a_verbose_remote_tells_of_each_message)
{
	remote->verbose = true;
	add(RPS_SERVICE_SINK, "s:0x400");
	connect_driver(16);
	ck_assert_int_eq(rps_node_trysend(&driver->node, 0x500, 0x400, "x", 1),
			 0);
	settle(0);

	ck_assert(has_said("s 0x400: announced"));
	ck_assert(has_said("s 0x400: channel from 0x500"));
	ck_assert(has_said("s 0x400: 1 bytes from 0x500"));
	vud_close(driver);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("services_remote");
	TCase *flavoured = tcase_create("flavours");
	TCase *tcase = tcase_create("remote");

	tcase_add_checked_fixture(flavoured, NULL, teardown);
	tcase_set_timeout(flavoured, 20);
	tcase_add_loop_test(flavoured, messages_come_back, 0,
			    ARRAY_SIZE(flavours));
	tcase_add_loop_test(flavoured, a_source_is_heard_to_the_end, 0,
			    ARRAY_SIZE(flavours));
	suite_add_tcase(suite, flavoured);

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, every_start_is_announced_anew);
	tcase_add_test(tcase, frontends_come_and_go);
	tcase_add_test(tcase, a_stopped_ring_goes_on_where_it_was);
	tcase_add_test(tcase, a_start_may_be_put_off);
	tcase_add_test(tcase, a_script_begins_with_the_first_start);
	tcase_add_test(tcase, a_count_ends_the_remote);
	tcase_add_test(tcase, the_loop_ends_when_told_to);
	tcase_add_test(tcase, a_verbose_remote_tells_of_each_message);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
