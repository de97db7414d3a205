/* SPDX-License-Identifier: BSD-3-Clause */
#include "points.h"

#include <string.h>

/* Ends as in RPS_END_DRIVER and RPS_END_DEVICE. */
enum { DRIVER, DEVICE };

static const int8_t kind_of_seam[NUM_SEAMS] = {
	[SEAM_AVAIL_FLAGS] = PLACE_AVAIL_FLAGS + 1,
	[SEAM_AVAIL_IDX] = PLACE_AVAIL_IDX + 1,
	[SEAM_USED_EVENT] = PLACE_USED_EVENT + 1,
	[SEAM_USED_FLAGS] = PLACE_USED_FLAGS + 1,
	[SEAM_USED_IDX] = PLACE_USED_IDX + 1,
	[SEAM_AVAIL_EVENT] = PLACE_AVAIL_EVENT + 1,
};

int place_kind_of(enum seam seam)
{
	return kind_of_seam[seam] - 1;
}

bool points_is_wish(unsigned int place)
{
	unsigned int kind = place / POINTS_QUEUES;

	return kind != PLACE_AVAIL_IDX && kind != PLACE_USED_IDX;
}

void points_begin_queue(struct points *points, unsigned int queue)
{
	for (unsigned int end = 0; end < ORDER_ENDS; end++)
		memset(&points->queue[end][queue], 0,
		       sizeof(points->queue[end][queue]));
}

void points_load(struct points *points, unsigned int end, unsigned int place,
		 const struct order_store *from)
{
	struct points_queue *queue = &points->queue[end][place % POINTS_QUEUES];

	points->now++;
	if (!points_is_wish(place)) {
		queue->looked = from->ordinal;
		queue->cover = from->cover;
		queue->bare_look = points->fenced_at[end] < queue->wished_at;
	} else if (queue->wish_read_at < queue->published_at) {
		queue->bare_wish = points->fenced_at[end] < queue->published_at;
		queue->wish_read_at = points->now;
	}
}

void points_store(struct points *points, unsigned int end, unsigned int place,
		  uint32_t entries)
{
	struct points_queue *queue = &points->queue[end][place % POINTS_QUEUES];

	points->now++;
	if (!points_is_wish(place)) {
		queue->published += entries;
		queue->published_at = points->now;
	} else {
		queue->wished_at = points->now;
	}
}

void points_fence(struct points *points, unsigned int end)
{
	points->fenced_at[end] = ++points->now;
}

/* The entry that an index announces; one access of each is counted. */
static bool is_slot(unsigned int writer, enum seam seam)
{
	return seam == (writer == DRIVER ? SEAM_AVAIL_RING : SEAM_USED_ID);
}

void points_data(struct points *points, unsigned int end, enum seam seam,
		 unsigned int queue, bool write)
{
	if (write && is_slot(end, seam))
		points->queue[end][queue].slots_written++;
	if (!write && is_slot(1 - end, seam))
		points->queue[end][queue].slots_read++;
}

/* An entry is written behind the index that announces it. */
static bool written_late(const struct points_queue *queue, unsigned int end,
			 enum seam seam)
{
	bool entry =
		is_slot(end, seam) || (end == DEVICE && seam == SEAM_USED_LEN);

	return entry && queue->published >= queue->slots_written;
}

struct blame points_blame_race(const struct points *points, unsigned int end,
			       enum seam seam, unsigned int queue, bool write,
			       uint32_t unordered)
{
	const struct points_queue *mine = &points->queue[end][queue];
	struct blame other_published = { POINT_PUBLISH, 1 - end, queue };
	struct blame i_read = { POINT_READ_FIRST, end, queue };

	if (write && written_late(mine, end, seam))
		return (struct blame){ POINT_PUBLISH, end, queue };
	/* It was released, and seen, and not acquired. */
	if (mine->cover >= unordered)
		return i_read;
	return mine->looked >= mine->slots_read ? other_published : i_read;
}

bool points_overlooked(const struct points *points, unsigned int end,
		       unsigned int queue)
{
	return points->queue[1 - end][queue].published >
	       points->queue[end][queue].slots_read;
}

struct blame points_blame_sleep(const struct points *points, unsigned int end,
				unsigned int queue)
{
	struct blame blame = { POINT_NOTIFY, 1 - end, queue };

	if (points->queue[1 - end][queue].bare_wish)
		blame.point = POINT_FENCE_WISH;
	else if (points->queue[end][queue].bare_look)
		blame = (struct blame){ POINT_FENCE_LOOK, end, queue };
	return blame;
}

struct point_text {
	const char *requirement;
	const char *name[ORDER_ENDS]; /* of the driver's, of the device's */
};

/* clang-format off */
static const struct point_text point_text[NUM_POINTS] = {
	[POINT_NONE] = { "", { "", "" } },
	[POINT_PUBLISH] = { "LAY-021", { "publish avail.idx", "publish used.idx" } },
	[POINT_READ_FIRST] = { "LAY-021", { "read used.idx before its entry", "read avail.idx before its entry" } },
	[POINT_FENCE_WISH] = { "LAY-022", { "fence before reading used.flags or avail_event",
					    "fence before reading avail.flags or used_event" } },
	[POINT_FENCE_LOOK] = { "LAY-022", { "fence after asking for interrupts", "fence after asking for kicks" } },
	[POINT_NOTIFY] = { "LAY-023", { "kick", "interrupt" } },
};
/* clang-format on */

const char *points_name(struct blame blame)
{
	return point_text[blame.point].name[blame.end];
}

const char *points_requirement(struct blame blame)
{
	return point_text[blame.point].requirement;
}
