/* SPDX-License-Identifier: BSD-3-Clause */
/* The program plays the provider that it loads: a path of NULL is itself. */
#include <rps/trace.h>

#include <string.h>

#include <rps/world.h>

#include "suite_main.h"

#define WHY_BYTES 512

static struct {
	struct rps_record record;
	unsigned int count;
	const char *mark;
	uint64_t mark_step;
	bool active;
} seen;

static void record(void *priv, const struct rps_record *what)
{
	(void)priv;
	seen.record = *what;
	seen.count++;
}

static bool active(void)
{
	return seen.active;
}

static void mark(uint64_t step, const char *text)
{
	seen.mark_step = step;
	seen.mark = text;
}

static uint64_t written(void)
{
	return seen.count;
}

RPS_API extern struct rps_trace_provider rps_trace_provider;

struct rps_trace_provider rps_trace_provider = {
	.version = RPS_TRACE_PROVIDER_VERSION,
	.sink = { .record = record },
	.active = active,
	.mark = mark,
	.written = written,
};

static struct rps_trace *opened(void)
{
	char why[WHY_BYTES] = "";
	struct rps_trace *trace;

	/* Tests may run in one process. */
	memset(&seen, 0, sizeof(seen));
	rps_trace_provider.version = RPS_TRACE_PROVIDER_VERSION;
	trace = rps_trace_open(NULL, why, sizeof(why));
	ck_assert_msg(trace, "%s", why);
	return trace;
}

START_TEST(events_become_records)
{
	struct rps_trace *trace = opened();
	const struct rps_probe *probe;
	uint64_t ns;

	seen.active = true;
	probe = rps_trace_probe(trace, RPS_END_DEVICE);
	ck_assert_ptr_nonnull(probe);
	probe->event(probe->priv, RPS_EVENT_used_publish, 1, 2, 3);

	ck_assert_uint_eq(seen.count, 1);
	ck_assert_uint_eq(rps_trace_written(trace), 1);
	ck_assert_uint_eq(seen.record.kind, RPS_RECORD_EVENT);
	ck_assert_uint_eq(seen.record.what, RPS_EVENT_used_publish);
	ck_assert_uint_eq(seen.record.end, RPS_END_DEVICE);
	ck_assert_uint_eq(seen.record.a, 1);
	ck_assert_uint_eq(seen.record.b, 2);
	ck_assert_uint_eq(seen.record.c, 3);
	ck_assert_uint_eq(seen.record.step, 1);
	ck_assert_uint_gt(seen.record.ns, 0);

	ns = seen.record.ns;
	probe = rps_trace_probe(trace, RPS_END_DRIVER);
	probe->event(probe->priv, RPS_EVENT_kick, 0, 0, 0);
	ck_assert_uint_eq(seen.record.end, RPS_END_DRIVER);
	ck_assert_uint_eq(seen.record.step, 2);
	ck_assert_uint_ge(seen.record.ns, ns);
	rps_trace_close(trace);
}
END_TEST

START_TEST(without_a_listener_there_is_no_observer)
{
	struct rps_trace *trace = opened();

	ck_assert_ptr_null(rps_trace_probe(trace, RPS_END_DRIVER));
	seen.active = true;
	ck_assert_ptr_nonnull(rps_trace_probe(trace, RPS_END_DRIVER));
	ck_assert_ptr_null(rps_trace_probe(trace, RPS_END_DEVICE + 1));
	rps_trace_close(trace);
}
END_TEST

START_TEST(sink_and_mark_are_those_of_the_provider)
{
	struct rps_trace *trace = opened();

	ck_assert_ptr_eq(rps_trace_sink(trace), &rps_trace_provider.sink);
	rps_trace_mark(trace, "a test begins");
	ck_assert_str_eq(seen.mark, "a test begins");
	ck_assert_uint_eq(seen.mark_step, 0);
	rps_trace_close(trace);
	rps_trace_close(NULL);
}
END_TEST

static const struct {
	const char *path;
	uint32_t version;
	const char *reason;
} refusal[] = {
	{ "/nowhere/librps-lttng.so", RPS_TRACE_PROVIDER_VERSION,
	  "No such file" },
	{ "/dev/null", RPS_TRACE_PROVIDER_VERSION, "/dev/null" },
	{ NULL, RPS_TRACE_PROVIDER_VERSION + 1, "another version" },
};

START_TEST(a_provider_that_is_none_is_refused_with_the_cure)
{
	char why[WHY_BYTES] = "";
	char cut[8] = "";

	rps_trace_provider.version = refusal[_i].version;
	ck_assert_ptr_null(rps_trace_open(refusal[_i].path, why, sizeof(why)));
	ck_assert_msg(strstr(why, refusal[_i].reason), "%s", why);
	ck_assert_msg(strstr(why, "liblttng-ust-dev"), "%s", why);
	ck_assert_ptr_null(rps_trace_open(refusal[_i].path, cut, sizeof(cut)));
	ck_assert_uint_eq(strlen(cut), sizeof(cut) - 1);
}
END_TEST

START_TEST(an_object_without_a_provider_is_refused)
{
	char why[WHY_BYTES] = "";

	ck_assert_ptr_null(rps_trace_open("libc.so.6", why, sizeof(why)));
	ck_assert_msg(strstr(why, "no provider"), "%s", why);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("trace");
	TCase *tcase = tcase_create("trace");

	tcase_add_test(tcase, events_become_records);
	tcase_add_test(tcase, without_a_listener_there_is_no_observer);
	tcase_add_test(tcase, sink_and_mark_are_those_of_the_provider);
	tcase_add_loop_test(tcase,
			    a_provider_that_is_none_is_refused_with_the_cure, 0,
			    ARRAY_SIZE(refusal));
	tcase_add_test(tcase, an_object_without_a_provider_is_refused);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
