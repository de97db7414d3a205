/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The time of the records as the clock of LTTng, and one buffer for all
 * processors, since events of one moment keep their order only within one.
 * For LTTNG_UST_CLOCK_PLUGIN and LTTNG_UST_GETCPU_PLUGIN, in the daemons too.
 */
#include <stddef.h>
#include <string.h>

#include <lttng/ust-clock.h>
#include <lttng/ust-getcpu.h>

#include "rps_clock.h"

/* What LTTng calls. */
void lttng_ust_clock_plugin_init(void);
void lttng_ust_getcpu_plugin_init(void);

static const uint64_t *now;

static uint64_t read64(void)
{
	return __atomic_load_n(now, __ATOMIC_ACQUIRE);
}

static uint64_t freq(void)
{
	return UINT64_C(1000000000);
}

/* Two traces of one seed are to be the same, so this is the same in each. */
static int uuid(char *out)
{
	static const char text[] = "9a5e8f0c-6d1b-4c0e-8a57-2f3b9d1c7e46";

	_Static_assert(sizeof(text) == LTTNG_UST_UUID_STR_LEN, "a UUID");
	memcpy(out, text, sizeof(text));
	return 0;
}

static const char *name(void)
{
	return "rps";
}

static const char *description(void)
{
	return "time of the records: virtual in a simulated world";
}

static int one_buffer(void)
{
	return 0;
}

__attribute__((visibility("default"))) void lttng_ust_clock_plugin_init(void)
{
	now = rps_clock_map(false);
	if (!now || lttng_ust_trace_clock_set_read64_cb(read64) ||
	    lttng_ust_trace_clock_set_freq_cb(freq) ||
	    lttng_ust_trace_clock_set_uuid_cb(uuid) ||
	    lttng_ust_trace_clock_set_name_cb(name) ||
	    lttng_ust_trace_clock_set_description_cb(description))
		return;
	lttng_ust_enable_trace_clock_override();
}

__attribute__((visibility("default"))) void lttng_ust_getcpu_plugin_init(void)
{
	lttng_ust_getcpu_override(one_buffer);
}
