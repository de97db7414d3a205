/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Runs what is measured, and prints what it counted itself.  Instructions are
 * counted from outside, by callgrind.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "allocs.h"
#include "link.h"
#include "measured.h"
#include "spsc.h"
#include "threads.h"

#define PAYLOAD_BYTES (LINK_BUF_BYTES - RPMSG_HDR_BYTES)
/* Every buffer and every ring entry was used before anything is counted. */
#define WARM_UP (8u * LINK_NUM)

static const char usage[] =
	"usage: rps-bench SCENARIO MESSAGES PAYLOAD_BYTES\n"
	"       rps-bench list | memory\n"
	"       rps-bench threads MESSAGES\n"
	"\n"
	"Prints name=value pairs.  MESSAGES counts one-way messages.\n";

static _Alignas(4096) struct link the_link;
static struct spsc ring[2];
static uint8_t payload[PAYLOAD_BYTES];

static int count(const struct scenario *which, uint64_t messages,
		 uint32_t len_bytes)
{
	struct bench bench = {
		.link = &the_link,
		.spsc = { &ring[0], &ring[1] },
		.payload = payload,
		.len_bytes = len_bytes,
	};
	uint64_t told;
	uint64_t allocs;

	memset(payload, 0xa5, sizeof(payload));
	which->prepare(&bench);
	which->run(&bench, WARM_UP);
	bench.received = 0;
	told = the_link.kicks + the_link.irqs;
	allocs = allocs_so_far();
	measured(which, &bench, messages);
	printf("messages=%" PRIu64 " notifications=%" PRIu64 " allocs=%" PRIu64
	       "\n",
	       bench.received, the_link.kicks + the_link.irqs - told,
	       allocs_so_far() - allocs);
	return bench.received > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* What one link, queue and endpoint cost, both in private and shared bytes. */
static int memory(void)
{
	struct rps_vring_layout layout;

	if (rps_vring_layout(LINK_NUM, 4, &layout))
		return EXIT_FAILURE;
	printf("node=%zu driver=%zu device=%zu vdrv=%zu vdrv_entry=%zu vdev=%zu"
	       " endpoint=%zu ring=%" PRIu64 " entries=%u rings_bytes=%u"
	       " shared_bytes=%u\n",
	       sizeof(struct rps_node), sizeof(struct rps_drv),
	       sizeof(struct rps_dev), sizeof(struct vdrv), sizeof(uint32_t),
	       sizeof(struct vdev),
	       sizeof(struct rps_ept) + sizeof(struct rps_ept *), layout.total,
	       LINK_NUM, LINK_BUFS, LINK_BYTES);
	return EXIT_SUCCESS;
}

/* Two threads, in picoseconds. */
static int threads(uint64_t messages)
{
	struct threads_result result;
	int err = threads_measure(&the_link, messages, &result);

	if (err) {
		fprintf(stderr, "rps-bench: threads: %s\n",
			err == -ENODEV ? "needs two processors"
				       : strerror(-err));
		return EXIT_FAILURE;
	}
	printf("line_ps=%" PRIu64 " message_ps=%" PRIu64 " ratio_milli=%" PRIu64
	       " rounds=%u\n",
	       result.line_ps, result.message_ps, result.ratio_milli,
	       result.rounds);
	return EXIT_SUCCESS;
}

static int list(void)
{
	const struct scenario *which;

	for (unsigned int i = 0; (which = scenario_at(i)); i++)
		puts(which->name);
	return EXIT_SUCCESS;
}

static int refuse(void)
{
	fputs(usage, stderr);
	return 2;
}

/* Return: whether all of @text is a number up to @max. */
static bool number(const char *text, uint64_t max, uint64_t *out)
{
	char *end;

	*out = strtoull(text, &end, 10);
	return end != text && *end == '\0' && *text != '-' && *out <= max;
}

int main(int argc, char **argv)
{
	const struct scenario *which;
	uint64_t messages;
	uint64_t len_bytes;

	if (argc == 2 && strcmp(argv[1], "list") == 0)
		return list();
	if (argc == 2 && strcmp(argv[1], "memory") == 0)
		return memory();
	if (argc == 3 && strcmp(argv[1], "threads") == 0 &&
	    number(argv[2], UINT32_MAX, &messages) && messages > 0)
		return threads(messages + messages % 2);
	if (argc != 4)
		return refuse();
	which = scenario_find(argv[1]);
	if (!which || !number(argv[2], UINT32_MAX, &messages) ||
	    !number(argv[3], PAYLOAD_BYTES, &len_bytes) || messages == 0)
		return refuse();
	return count(which, messages, (uint32_t)len_bytes);
}
