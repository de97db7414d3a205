/* SPDX-License-Identifier: BSD-3-Clause */
#include <rps/vhost_user.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../xport/vhost_user_sigbus.h"
#include "suite_main.h"
#include "vu_frontend.h"

#define BIT(n) (1ull << (n))

static struct rps_vu *vu;
static struct rps_xport *xport;
static struct vu_frontend fe;
static unsigned int fds_at_start;

static void setup(void)
{
	fds_at_start = vuf_count_fds();
	vu = vuf_backend();
	xport = rps_vu_xport(vu);
	vuf_open(&fe, vu);
}

static void teardown(void)
{
	vuf_close(&fe);
	rps_vu_destroy(vu);
	ck_assert_uint_eq(vuf_count_fds(), fds_at_start);
	ck_assert_uint_eq(vuf_count_maps(), 0);
}

static struct rps_vu_stats stats(void)
{
	struct rps_vu_stats out;

	rps_vu_get_stats(vu, &out);
	return out;
}

static const struct start {
	const char *name;
	void (*start)(struct vu_frontend *fe);
} starts[] = {
	{ "QEMU", vuf_start_like_qemu },
	{ "user-mode Linux", vuf_start_like_uml },
};

START_TEST(a_frontend_starts_the_device)
{
	struct vring ring;

	ck_assert(!xport->ready);

	starts[_i].start(&fe);

	ck_assert(xport->ready);
	ck_assert_uint_eq(xport->mem.order, RPS_ORDER_LE);
	ck_assert(feature_has(xport->features, VIRTIO_F_VERSION_1));
	ck_assert(
		!feature_has(xport->features, VHOST_USER_F_PROTOCOL_FEATURES));
	for (unsigned int i = 0; i < RPS_NUM_QUEUES; i++) {
		ck_assert_uint_eq(xport->queue[i].num, VUF_RING_NUM);
		ck_assert_uint_eq(xport->queue[i].addrs.desc.v,
				  VUF_GUEST_BASE + i * VUF_RING_BYTES);
		ck_assert_int_eq(rps_vring_attach(&ring, &xport->mem,
						  xport->queue[i].num,
						  xport->queue[i].addrs),
				 0);
	}
}
END_TEST

START_TEST(kicks_and_calls_reach_the_other_end)
{
	starts[_i].start(&fe);

	vuf_kick(&fe, RPS_QUEUE_TX);
	vuf_kick(&fe, RPS_QUEUE_TX);
	vuf_kick(&fe, RPS_QUEUE_RX);
	xport->ops->notify(xport, RPS_QUEUE_RX);

	ck_assert_uint_eq(xport->queue[RPS_QUEUE_TX].kicks, 2);
	ck_assert_uint_eq(xport->queue[RPS_QUEUE_RX].kicks, 1);
	ck_assert(vuf_called(&fe, RPS_QUEUE_RX));
	ck_assert(!vuf_called(&fe, RPS_QUEUE_RX));
	ck_assert(!vuf_called(&fe, RPS_QUEUE_TX));
	ck_assert_uint_eq(stats().kicks, 3);
	ck_assert_uint_eq(stats().notifications, 1);
}
END_TEST

struct told {
	unsigned int count[RPS_NUM_EVENTS];
	uint64_t last[RPS_NUM_EVENTS];
};

static void note_event(void *priv, enum rps_event event, uint64_t a, uint64_t b,
		       uint64_t c)
{
	struct told *told = priv;

	(void)b;
	(void)c;
	told->count[event]++;
	told->last[event] = a;
}

START_TEST(observers_are_told_of_both_ends)
{
	struct told device = { .count = { 0 } };
	struct told driver = { .count = { 0 } };
	const struct rps_probe device_probe = { note_event, &device };
	const struct rps_probe driver_probe = { note_event, &driver };

	rps_vu_observe(vu, &device_probe, &driver_probe);
	vuf_start_like_uml(&fe);
	vuf_tell_u64(&fe, VHOST_USER_SET_PROTOCOL_FEATURES,
		     BIT(VHOST_USER_PROTOCOL_F_REPLY_ACK) |
			     BIT(VHOST_USER_PROTOCOL_F_STATUS));
	vuf_tell_u64(&fe, VHOST_USER_SET_STATUS, VIRTIO_STATUS_DRIVER_OK);
	vuf_kick(&fe, RPS_QUEUE_TX);
	xport->ops->notify(xport, RPS_QUEUE_RX);

	ck_assert_uint_ge(driver.count[RPS_EVENT_features_write], 1);
	ck_assert_uint_eq(driver.last[RPS_EVENT_features_write] &
				  BIT(VIRTIO_F_VERSION_1),
			  BIT(VIRTIO_F_VERSION_1));
	ck_assert_uint_ge(driver.count[RPS_EVENT_status_write], 1);
	ck_assert_uint_eq(driver.last[RPS_EVENT_status_write],
			  VIRTIO_STATUS_DRIVER_OK);
	ck_assert_uint_eq(driver.count[RPS_EVENT_kick], stats().kicks);
	ck_assert_uint_eq(driver.last[RPS_EVENT_kick], RPS_QUEUE_TX);
	ck_assert_uint_eq(device.count[RPS_EVENT_notify],
			  stats().notifications);
	ck_assert_uint_eq(device.count[RPS_EVENT_notify], 1);
	ck_assert_ptr_eq(xport->mem.probe, &device_probe);

	rps_vu_observe(vu, NULL, NULL);
	vuf_kick(&fe, RPS_QUEUE_TX);
	ck_assert_uint_eq(driver.count[RPS_EVENT_kick] + 1, stats().kicks);
}
END_TEST

START_TEST(memory_is_the_frontends)
{
	struct gpa addr = { VUF_GUEST_BASE + 0x100000 };
	char *bytes;

	starts[_i].start(&fe);
	bytes = rps_mem_map(&xport->mem, addr, 16);
	ck_assert_ptr_nonnull(bytes);

	memcpy(bytes, "from the device", 16);

	ck_assert_str_eq((char *)fe.mem + 0x100000, "from the device");
}
END_TEST

START_TEST(stop_tells_where_the_device_was)
{
	vuf_start_like_qemu(&fe);
	xport->queue[RPS_QUEUE_TX].base = 0xfffe;

	ck_assert_uint_eq(vuf_ask_base(&fe, RPS_QUEUE_TX), 0xfffe);
	ck_assert_uint_eq(vuf_ask_base(&fe, RPS_QUEUE_RX), 0);
	ck_assert(!xport->ready);
}
END_TEST

START_TEST(a_stopped_device_starts_again)
{
	uint32_t generation;

	vuf_start_like_qemu(&fe);
	vuf_stop_like_qemu(&fe);
	generation = xport->generation;
	ck_assert(!xport->ready);

	for (unsigned int i = 0; i < RPS_NUM_QUEUES; i++) {
		vuf_set_ring(&fe, i);
		vuf_tell_fd(&fe, VHOST_USER_SET_VRING_KICK, i, fe.kick[i]);
		vuf_tell_state(&fe, VHOST_USER_SET_VRING_ENABLE, i, 1);
	}

	ck_assert(xport->ready);
	ck_assert_uint_ne(xport->generation, generation);
	vuf_kick(&fe, 0);
	ck_assert_uint_eq(xport->queue[0].kicks, 1);
}
END_TEST

/* User-mode Linux takes its rings back by disabling them, and no more. */
START_TEST(a_disabled_ring_may_be_set_up_anew)
{
	vuf_start_like_uml(&fe);
	for (unsigned int i = 0; i < RPS_NUM_QUEUES; i++)
		vuf_tell_state(&fe, VHOST_USER_SET_VRING_ENABLE, i, 0);
	ck_assert(!xport->ready);

	for (unsigned int i = 0; i < RPS_NUM_QUEUES; i++) {
		vuf_set_ring(&fe, i);
		vuf_tell_fd(&fe, VHOST_USER_SET_VRING_KICK, i, fe.kick[i]);
		vuf_tell_state(&fe, VHOST_USER_SET_VRING_ENABLE, i, 1);
	}

	ck_assert(xport->ready);
}
END_TEST

START_TEST(a_stopped_ring_is_not_kicked)
{
	const uint64_t one = 1;

	vuf_start_like_qemu(&fe);
	vuf_ask_base(&fe, 0);

	ck_assert_int_eq(write(fe.kick[0], &one, 8), 8);
	vuf_pump(vu);

	ck_assert_uint_eq(xport->queue[0].kicks, 0);
}
END_TEST

START_TEST(every_step_on_the_way_is_not_ready)
{
	const uint64_t features = BIT(VIRTIO_F_VERSION_1);
	struct vuf_msg table = vuf_mem_table(&fe);

	vuf_negotiate(&fe, features, 0);
	vuf_tell(&fe, &table);
	for (unsigned int i = 0; i < RPS_NUM_QUEUES; i++) {
		vuf_set_ring(&fe, i);
		ck_assert(!xport->ready);
		vuf_tell_fd(&fe, VHOST_USER_SET_VRING_KICK, i, fe.kick[i]);
		ck_assert(!xport->ready);
	}
	vuf_tell_state(&fe, VHOST_USER_SET_VRING_ENABLE, 1, 1);
	ck_assert(!xport->ready);

	vuf_tell_state(&fe, VHOST_USER_SET_VRING_ENABLE, 0, 1);

	ck_assert(xport->ready);
}
END_TEST

START_TEST(rings_start_enabled_without_protocol_features)
{
	struct vuf_msg table = vuf_mem_table(&fe);

	vuf_tell_u64(&fe, VHOST_USER_SET_FEATURES, BIT(VIRTIO_F_VERSION_1));
	vuf_tell(&fe, &table);
	for (unsigned int i = 0; i < RPS_NUM_QUEUES; i++) {
		vuf_set_ring(&fe, i);
		vuf_tell_fd(&fe, VHOST_USER_SET_VRING_KICK, i, fe.kick[i]);
	}

	ck_assert(xport->ready);
}
END_TEST

static void start_legacy(bool endian_0, bool endian_1)
{
	const uint64_t bit = BIT(VHOST_USER_PROTOCOL_F_CROSS_ENDIAN);
	struct vuf_msg table = vuf_mem_table(&fe);

	vuf_negotiate(&fe, 0, bit);
	vuf_tell(&fe, &table);
	for (unsigned int i = 0; i < RPS_NUM_QUEUES; i++) {
		vuf_set_ring(&fe, i);
		if (i == 0 ? endian_0 : endian_1)
			vuf_tell_state(&fe, VHOST_USER_SET_VRING_ENDIAN, i, 1);
		vuf_tell_fd(&fe, VHOST_USER_SET_VRING_KICK, i, fe.kick[i]);
		vuf_tell_state(&fe, VHOST_USER_SET_VRING_ENABLE, i, 1);
	}
}

START_TEST(a_legacy_ring_has_the_order_of_the_host)
{
	start_legacy(false, false);

	ck_assert(xport->ready);
	ck_assert_uint_eq(xport->mem.order, RPS_ORDER_HOST);
}
END_TEST

START_TEST(a_legacy_ring_has_the_order_that_was_set)
{
	start_legacy(true, true);

	ck_assert(xport->ready);
	ck_assert_uint_eq(xport->mem.order, RPS_ORDER_BE);
}
END_TEST

START_TEST(rings_of_two_byte_orders_are_never_ready)
{
	start_legacy(true, false);

	ck_assert(!xport->ready);
}
END_TEST

START_TEST(memory_may_change_under_a_running_device)
{
	struct vuf_msg table = vuf_mem_table(&fe);
	uint32_t generation;

	vuf_start_like_uml(&fe);
	generation = xport->generation;

	vuf_tell(&fe, &table);

	ck_assert(xport->ready);
	ck_assert_uint_ne(xport->generation, generation);
	ck_assert_uint_eq(vuf_count_maps(), 2);
}
END_TEST

START_TEST(a_refused_table_leaves_the_old_one)
{
	struct vuf_msg bad = vuf_mem_table(&fe);
	uint32_t generation;

	vuf_start_like_uml(&fe);
	generation = xport->generation;
	bad.payload.table.region[0].size = VUF_MEM_BYTES + 1;

	ck_assert_uint_ne(vuf_try(&fe, bad), 0);

	ck_assert(xport->ready);
	ck_assert_uint_eq(xport->generation, generation);
}
END_TEST

START_TEST(losing_its_memory_stops_the_device)
{
	struct vuf_msg remove = { .request = VHOST_USER_REM_MEM_REG,
				  .size = sizeof(remove.payload.region) };

	vuf_start_like_qemu(&fe);
	remove.payload.region.region =
		(struct vhost_user_region){ VUF_GUEST_BASE, VUF_MEM_BYTES,
					    VUF_USER_BASE, 0 };

	vuf_tell(&fe, &remove);

	ck_assert(!xport->ready);
	ck_assert_uint_eq(xport->mem.num_regions, 0);
	ck_assert(stats().connected);
}
END_TEST

START_TEST(reset_device_forgets_rings_and_keeps_the_session)
{
	struct vuf_msg reset = { .request = VHOST_USER_RESET_DEVICE };

	vuf_start_like_qemu(&fe);

	vuf_tell(&fe, &reset);

	ck_assert(!xport->ready);
	ck_assert_uint_eq(xport->queue[0].num, 0);
	ck_assert(stats().connected);
	ck_assert_uint_eq(vuf_ask(&fe, VHOST_USER_GET_QUEUE_NUM), 2);
}
END_TEST

START_TEST(reset_owner_disables_all_rings)
{
	struct vuf_msg reset = { .request = VHOST_USER_RESET_OWNER };

	vuf_start_like_qemu(&fe);

	vuf_tell(&fe, &reset);

	ck_assert(!xport->ready);
	ck_assert(stats().connected);
}
END_TEST

START_TEST(status_is_kept_and_zero_stops_the_device)
{
	vuf_start_like_uml(&fe);
	vuf_tell_u64(&fe, VHOST_USER_SET_PROTOCOL_FEATURES,
		     BIT(VHOST_USER_PROTOCOL_F_REPLY_ACK) |
			     BIT(VHOST_USER_PROTOCOL_F_STATUS));
	vuf_tell_u64(&fe, VHOST_USER_SET_STATUS, 15);
	ck_assert_uint_eq(vuf_ask(&fe, VHOST_USER_GET_STATUS), 15);
	ck_assert(xport->ready);

	vuf_tell_u64(&fe, VHOST_USER_SET_STATUS, 0);

	ck_assert(!xport->ready);
	ck_assert_uint_eq(stats().status, 0);
}
END_TEST

START_TEST(need_reply_is_nothing_without_reply_ack)
{
	struct vuf_msg msg = { .request = VHOST_USER_SET_OWNER,
			       .flags = VHOST_USER_VERSION |
					VHOST_USER_FLAG_NEED_REPLY };
	struct vuf_msg reply;

	ck_assert(vuf_send(fe.sock, &msg));
	vuf_pump(vu);

	ck_assert(!vuf_receive(fe.sock, &reply));
	ck_assert(stats().connected);
}
END_TEST

START_TEST(need_reply_changes_nothing_where_there_is_an_answer)
{
	struct vuf_msg msg = { .request = VHOST_USER_GET_FEATURES };
	struct vuf_msg second;

	vuf_start_like_uml(&fe);

	ck_assert_uint_eq(vuf_try(&fe, msg),
			  vuf_ask(&fe, VHOST_USER_GET_FEATURES));
	ck_assert(!vuf_receive(fe.sock, &second));
}
END_TEST

START_TEST(what_is_refused_is_answered_and_the_session_goes_on)
{
	static const uint32_t refused[] = { VHOST_USER_SEND_RARP,
					    VHOST_USER_SET_LOG_BASE,
					    VHOST_USER_GET_INFLIGHT_FD,
					    VHOST_USER_GET_CONFIG, 999 };
	struct vuf_msg msg = { .request = refused[_i], .size = 12 };

	vuf_start_like_uml(&fe);
	/* 12 bytes are a GET_CONFIG of nothing; the others are not read. */
	ck_assert_uint_ne(vuf_try(&fe, msg), 0);

	ck_assert(stats().connected);
	ck_assert(xport->ready);
	ck_assert_uint_eq(stats().refused, 1);
	ck_assert_uint_eq(stats().bad_messages, 0);
}
END_TEST

static void negotiate_inband(void)
{
	vuf_negotiate(&fe, BIT(VIRTIO_F_VERSION_1),
		      BIT(VHOST_USER_PROTOCOL_F_REPLY_ACK) |
			      BIT(VHOST_USER_PROTOCOL_F_BACKEND_REQ) |
			      BIT(VHOST_USER_PROTOCOL_F_INBAND_NOTIFICATIONS));
	vuf_open_channel(&fe);
}

static void start_inband(void)
{
	struct vuf_msg table = vuf_mem_table(&fe);

	negotiate_inband();
	vuf_tell(&fe, &table);
	for (unsigned int i = 0; i < RPS_NUM_QUEUES; i++) {
		vuf_set_ring(&fe, i);
		vuf_tell_state(&fe, VHOST_USER_SET_VRING_ENABLE, i, 1);
	}
}

START_TEST(kicks_may_come_in_band)
{
	start_inband();
	ck_assert(xport->ready);

	vuf_tell_state(&fe, VHOST_USER_VRING_KICK, RPS_QUEUE_TX, 0);

	ck_assert_uint_eq(xport->queue[RPS_QUEUE_TX].kicks, 1);
	ck_assert_uint_eq(xport->queue[RPS_QUEUE_RX].kicks, 0);
}
END_TEST

START_TEST(an_in_band_kick_starts_a_stopped_ring)
{
	start_inband();
	vuf_ask_base(&fe, RPS_QUEUE_TX);
	ck_assert(!xport->ready);

	vuf_tell_state(&fe, VHOST_USER_VRING_KICK, RPS_QUEUE_TX, 0);

	ck_assert(xport->ready);
}
END_TEST

static void answer_call(const struct vuf_msg *call)
{
	struct vuf_msg reply = { .request = call->request,
				 .flags = VHOST_USER_VERSION |
					  VHOST_USER_FLAG_REPLY,
				 .size = 8 };

	ck_assert(vuf_send(fe.channel, &reply));
	vuf_pump(vu);
}

START_TEST(calls_may_go_in_band_one_at_a_time)
{
	struct vuf_msg call;

	start_inband();
	for (int i = 0; i < 1000; i++)
		xport->ops->notify(xport, RPS_QUEUE_RX);

	ck_assert(vuf_receive(fe.channel, &call));
	ck_assert_uint_eq(call.request, VHOST_USER_BACKEND_VRING_CALL);
	ck_assert_uint_eq(call.flags,
			  VHOST_USER_VERSION | VHOST_USER_FLAG_NEED_REPLY);
	ck_assert_uint_eq(call.payload.state.index, RPS_QUEUE_RX);
	ck_assert(!vuf_receive(fe.channel, &call));
	ck_assert_uint_eq(stats().unanswered, 1);

	/* What was used meanwhile is told once the frontend has answered. */
	answer_call(&call);
	ck_assert(vuf_receive(fe.channel, &call));
	ck_assert_uint_eq(stats().unanswered, 1);
	answer_call(&call);
	ck_assert(!vuf_receive(fe.channel, &call));
	ck_assert_uint_eq(stats().unanswered, 0);
}
END_TEST

START_TEST(in_band_calls_of_two_queues_do_not_wait_for_each_other)
{
	struct vuf_msg call;

	start_inband();
	xport->ops->notify(xport, 1);
	xport->ops->notify(xport, 0);

	ck_assert(vuf_receive(fe.channel, &call));
	ck_assert_uint_eq(call.payload.state.index, 1);
	ck_assert(vuf_receive(fe.channel, &call));
	ck_assert_uint_eq(call.payload.state.index, 0);
	ck_assert_uint_eq(stats().unanswered, 2);
	answer_call(&call);
	xport->ops->notify(xport, 1);
	ck_assert(vuf_receive(fe.channel, &call));
	ck_assert_uint_eq(call.payload.state.index, 1);
}
END_TEST

START_TEST(a_call_descriptor_is_preferred_to_the_channel)
{
	struct vuf_msg call;

	start_inband();
	vuf_tell_fd(&fe, VHOST_USER_SET_VRING_CALL, 0, fe.call[0]);

	xport->ops->notify(xport, 0);

	ck_assert(vuf_called(&fe, 0));
	ck_assert(!vuf_receive(fe.channel, &call));
}
END_TEST

START_TEST(a_frontend_that_will_poll_is_not_called)
{
	struct vuf_msg call;

	start_inband();
	vuf_tell_u64(&fe, VHOST_USER_SET_VRING_CALL, VHOST_USER_VRING_NO_FD);

	xport->ops->notify(xport, 0);

	ck_assert(!vuf_receive(fe.channel, &call));
	ck_assert_uint_eq(stats().notifications, 0);
}
END_TEST

START_TEST(a_ring_that_wants_polling_is_polled)
{
	struct pollfd ready = { .fd = rps_vu_fd(vu), .events = POLLIN };

	vuf_start_like_uml(&fe);
	vuf_tell_u64(&fe, VHOST_USER_SET_VRING_KICK, VHOST_USER_VRING_NO_FD);
	ck_assert(xport->ready);

	ck_assert_int_eq(poll(&ready, 1, 5000), 1);
	ck_assert_int_gt(rps_vu_service(vu), 0);
	ck_assert_uint_ge(xport->queue[0].kicks, 1);
	ck_assert_uint_eq(xport->queue[1].kicks, 0);
}
END_TEST

START_TEST(the_descriptor_is_readable_while_there_is_work)
{
	struct pollfd ready = { .fd = rps_vu_fd(vu), .events = POLLIN };
	const uint64_t one = 1;

	vuf_start_like_qemu(&fe);
	ck_assert_int_eq(poll(&ready, 1, 0), 0);
	ck_assert_int_eq(write(fe.kick[0], &one, 8), 8);

	ck_assert_int_eq(poll(&ready, 1, 0), 1);
	ck_assert_int_eq(rps_vu_service(vu), 1);
	ck_assert_int_eq(poll(&ready, 1, 0), 0);
}
END_TEST

/* Also not because of one that waits, or the caller would spin. */
START_TEST(a_second_frontend_waits_for_the_first_to_go)
{
	struct pollfd ready = { .fd = rps_vu_fd(vu), .events = POLLIN };
	struct vu_frontend second;

	vuf_start_like_qemu(&fe);
	vuf_open(&second, vu);
	ck_assert_int_eq(poll(&ready, 1, 0), 0);
	ck_assert_uint_eq(stats().connections, 1);

	shutdown(fe.sock, SHUT_RDWR);
	vuf_pump(vu);

	ck_assert_uint_eq(stats().connections, 2);
	vuf_start_like_uml(&second);
	ck_assert(xport->ready);
	vuf_close(&second);
}
END_TEST

START_TEST(a_frontend_comes_back)
{
	uint32_t generation;

	for (int i = 0; i < 5; i++) {
		starts[i % 2].start(&fe);
		ck_assert(xport->ready);
		generation = xport->generation;

		vuf_close(&fe);
		ck_assert(!xport->ready);
		ck_assert_uint_ne(xport->generation, generation);
		ck_assert_uint_eq(xport->mem.num_regions, 0);
		ck_assert_str_eq(rps_vu_last_error(vu),
				 "frontend closed the connection");
		vuf_open(&fe, vu);
	}
	ck_assert_uint_eq(stats().bad_messages, 0);
	ck_assert_uint_eq(stats().disconnects, 5);
}
END_TEST

START_TEST(a_truncated_file_costs_the_connection_only)
{
	struct gpa addr = { VUF_GUEST_BASE + 0x5008 };
	struct pollfd ready = { .fd = rps_vu_fd(vu), .events = POLLIN };
	volatile uint32_t *word;

	ck_assert_int_eq(rps_vu_guard_sigbus(vu), 0);
	vuf_start_like_qemu(&fe);
	word = rps_mem_map(&xport->mem, addr, 4);
	*word = 7;
	ck_assert_int_eq(ftruncate(fe.mem_fd, 0x5000), 0);

	ck_assert_uint_eq(*word, 0);
	*word = 8;
	ck_assert_uint_eq(*word, 8);

	ck_assert_int_eq(poll(&ready, 1, 0), 1);
	vuf_pump(vu);
	ck_assert_str_eq(rps_vu_last_error(vu),
			 "frontend truncated its memory file");
	ck_assert(vuf_is_closed(&fe));
	ck_assert(!xport->ready);
}
END_TEST

static void touch_what_is_not_there(void)
{
	int file = memfd_create("other", 0);
	volatile char *byte;

	if (ftruncate(file, 4096))
		return;
	byte = mmap(NULL, 4096, PROT_READ, MAP_SHARED, file, 0);
	if (ftruncate(file, 0))
		return;
	(void)*byte;
}

static void send_oneself_a_bus_error(void)
{
	raise(SIGBUS);
}

/* Exits with 0 where the process survives. */
static int status_of(void (*deed)(void))
{
	const struct rlimit no_core = { 0, 0 };
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		setrlimit(RLIMIT_CORE, &no_core);
		/* A sanitizer would be there before us. */
		signal(SIGBUS, SIG_DFL);
		if (rps_vu_guard_sigbus(vu))
			_exit(1);
		deed();
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return status;
}

static void (*const deeds[])(void) = {
	touch_what_is_not_there,
	send_oneself_a_bus_error,
};

START_TEST(another_bus_error_is_not_ours)
{
	int status = status_of(deeds[_i]);

	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(WTERMSIG(status), SIGBUS);
}
END_TEST

START_TEST(no_more_back_ends_are_guarded_than_there_is_room)
{
	/* Never looked into: only their addresses count. */
	static char other[15];

	ck_assert_int_eq(rps_vu_guard_sigbus(vu), 0);
	ck_assert_int_eq(rps_vu_guard_sigbus(vu), 0);
	for (int i = 0; i < 15; i++)
		ck_assert_int_eq(
			rps_vu_guard_sigbus((struct rps_vu *)(void *)&other[i]),
			0);
	ck_assert_int_eq(rps_vu_guard_sigbus((struct rps_vu *)(void *)other),
			 0);
	ck_assert_int_eq(rps_vu_guard_sigbus((struct rps_vu *)(void *)&fe),
			 -ENOSPC);
	for (int i = 0; i < 15; i++)
		rps_vu_sigbus_forget((struct rps_vu *)(void *)&other[i]);
}
END_TEST

START_TEST(a_flood_is_served_in_portions)
{
	struct vuf_msg msg = { .request = VHOST_USER_SET_OWNER,
			       .flags = VHOST_USER_VERSION };
	unsigned int sent = 0;

	while (sent < 200 && vuf_send(fe.sock, &msg))
		sent++;

	ck_assert_uint_gt(sent, 64);
	ck_assert_int_eq(rps_vu_service(vu), 64);
	vuf_pump(vu);
	ck_assert_uint_eq(stats().requests, sent);
}
END_TEST

START_TEST(the_log_tells_what_happened)
{
	char text[16384];
	char brief[8];
	size_t len;

	vuf_start_like_qemu(&fe);
	len = rps_vu_log(vu, text, sizeof(text));

	ck_assert_uint_eq(len, strlen(text));
	ck_assert_ptr_nonnull(strstr(text, "connection 1\n"));
	ck_assert_ptr_nonnull(strstr(text, "SET_VRING_NUM queue 1 num 256\n"));
	ck_assert_ptr_nonnull(strstr(text, "device is ready\n"));
	ck_assert_uint_eq(rps_vu_log(vu, brief, sizeof(brief)), len);
	ck_assert_uint_eq(strlen(brief), 7);
	ck_assert_uint_eq(rps_vu_log(vu, NULL, 0), len);
}
END_TEST

static const struct bad_config {
	const char *name;
	struct rps_vu_config config;
} bad_configs[] = {
	{ "no path", { .num_queues = 2 } },
	{ "no queues", { .path = "/tmp/x" } },
	{ "three queues", { .path = "/tmp/x", .num_queues = 3 } },
	{ "dirty log", { "/tmp/x", BIT(26), 2, NULL, 0, false, false } },
	{ "IOMMU", { "/tmp/x", BIT(33), 2, NULL, 0, false, false } },
	{ "configuration from nowhere",
	  { "/tmp/x", 0, 2, NULL, 4, false, false } },
	{ "large configuration", { "/tmp/x", 0, 2, "", 257, false, false } },
};

START_TEST(an_offer_that_cannot_be_kept_is_refused)
{
	int err = 0;

	ck_assert_msg(!rps_vu_create(&bad_configs[_i].config, &err), "%s",
		      bad_configs[_i].name);
	ck_assert_int_eq(err, -EINVAL);
	ck_assert_ptr_null(rps_vu_create(&bad_configs[_i].config, NULL));
	rps_vu_destroy(NULL);
}
END_TEST

START_TEST(a_name_that_is_taken_is_an_error)
{
	struct rps_vu_config config = { .path = "/", .num_queues = 2 };
	unsigned int fds = vuf_count_fds();
	int err = 0;

	ck_assert_ptr_null(rps_vu_create(&config, &err));
	ck_assert_int_eq(err, -EEXIST);
	ck_assert_uint_eq(vuf_count_fds(), fds);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vhost_user");
	TCase *start = tcase_create("start and stop");
	TCase *rules = tcase_create("rules");
	TCase *inband = tcase_create("in band");
	TCase *life = tcase_create("life");

	tcase_add_checked_fixture(start, setup, teardown);
	tcase_add_loop_test(start, a_frontend_starts_the_device, 0, 2);
	tcase_add_loop_test(start, kicks_and_calls_reach_the_other_end, 0, 2);
	tcase_add_test(start, observers_are_told_of_both_ends);
	tcase_add_loop_test(start, memory_is_the_frontends, 0, 2);
	tcase_add_test(start, stop_tells_where_the_device_was);
	tcase_add_test(start, a_stopped_device_starts_again);
	tcase_add_test(start, a_disabled_ring_may_be_set_up_anew);
	tcase_add_test(start, a_stopped_ring_is_not_kicked);
	tcase_add_test(start, every_step_on_the_way_is_not_ready);
	tcase_add_test(start, rings_start_enabled_without_protocol_features);
	tcase_add_test(start, a_legacy_ring_has_the_order_of_the_host);
	tcase_add_test(start, a_legacy_ring_has_the_order_that_was_set);
	tcase_add_test(start, rings_of_two_byte_orders_are_never_ready);
	tcase_add_test(start, memory_may_change_under_a_running_device);
	tcase_add_test(start, a_refused_table_leaves_the_old_one);
	tcase_add_test(start, losing_its_memory_stops_the_device);
	tcase_add_test(start, reset_device_forgets_rings_and_keeps_the_session);
	tcase_add_test(start, reset_owner_disables_all_rings);
	tcase_add_test(start, status_is_kept_and_zero_stops_the_device);
	suite_add_tcase(suite, start);

	tcase_add_checked_fixture(rules, setup, teardown);
	tcase_add_test(rules, need_reply_is_nothing_without_reply_ack);
	tcase_add_test(rules,
		       need_reply_changes_nothing_where_there_is_an_answer);
	tcase_add_loop_test(rules,
			    what_is_refused_is_answered_and_the_session_goes_on,
			    0, 5);
	suite_add_tcase(suite, rules);

	tcase_add_checked_fixture(inband, setup, teardown);
	tcase_add_test(inband, kicks_may_come_in_band);
	tcase_add_test(inband, an_in_band_kick_starts_a_stopped_ring);
	tcase_add_test(inband, calls_may_go_in_band_one_at_a_time);
	tcase_add_test(inband,
		       in_band_calls_of_two_queues_do_not_wait_for_each_other);
	tcase_add_test(inband, a_call_descriptor_is_preferred_to_the_channel);
	tcase_add_test(inband, a_frontend_that_will_poll_is_not_called);
	tcase_add_test(inband, a_ring_that_wants_polling_is_polled);
	suite_add_tcase(suite, inband);

	tcase_add_checked_fixture(life, setup, teardown);
	tcase_add_test(life, the_descriptor_is_readable_while_there_is_work);
	tcase_add_test(life, a_second_frontend_waits_for_the_first_to_go);
	tcase_add_test(life, a_frontend_comes_back);
	tcase_add_test(life, a_truncated_file_costs_the_connection_only);
	tcase_add_loop_test(life, another_bus_error_is_not_ours, 0,
			    ARRAY_SIZE(deeds));
	tcase_add_test(life, no_more_back_ends_are_guarded_than_there_is_room);
	tcase_add_test(life, a_flood_is_served_in_portions);
	tcase_add_test(life, the_log_tells_what_happened);
	tcase_add_loop_test(life, an_offer_that_cannot_be_kept_is_refused, 0,
			    ARRAY_SIZE(bad_configs));
	tcase_add_test(life, a_name_that_is_taken_is_an_error);
	suite_add_tcase(suite, life);
	return suite_main(suite);
}
