/* SPDX-License-Identifier: BSD-3-Clause */
#include <rps/vring.h>

#include <errno.h>

#include "ring_fixture.h"
#include "suite_main.h"

struct layout_row {
	uint32_t num;
	uint32_t align;
	struct rps_vring_layout at;
};

/* num, align, {avail, used_event, used, avail_event, total, legacy_total} */
/* clang-format off */
static const struct layout_row layout_row[] = {
	{   1,    4, {    16,    22,    24,    36,    38,    40 } },
	{   2,    4, {    32,    40,    44,    64,    66,    68 } },
	{   4,    4, {    64,    76,    80,   116,   118,   120 } },
	{   8,    4, {   128,   148,   152,   220,   222,   224 } },
	{  16,    4, {   256,   292,   296,   428,   430,   432 } },
	{  32,    4, {   512,   580,   584,   844,   846,   848 } },
	{ 256,    4, {  4096,  4612,  4616,  6668,  6670,  6672 } },
	{ 512,    4, {  8192,  9220,  9224, 13324, 13326, 13328 } },
	{   1,    8, {    16,    22,    24,    36,    38,    40 } },
	{   2,    8, {    32,    40,    48,    68,    70,    72 } },
	{   4,    8, {    64,    76,    80,   116,   118,   120 } },
	{   8,    8, {   128,   148,   152,   220,   222,   224 } },
	{  16,    8, {   256,   292,   296,   428,   430,   432 } },
	{  32,    8, {   512,   580,   584,   844,   846,   848 } },
	{ 256,    8, {  4096,  4612,  4616,  6668,  6670,  6672 } },
	{ 512,    8, {  8192,  9220,  9224, 13324, 13326, 13328 } },
	{   1,   16, {    16,    22,    32,    44,    46,    48 } },
	{   2,   16, {    32,    40,    48,    68,    70,    80 } },
	{   4,   16, {    64,    76,    80,   116,   118,   128 } },
	{   8,   16, {   128,   148,   160,   228,   230,   240 } },
	{  16,   16, {   256,   292,   304,   436,   438,   448 } },
	{  32,   16, {   512,   580,   592,   852,   854,   864 } },
	{ 256,   16, {  4096,  4612,  4624,  6676,  6678,  6688 } },
	{ 512,   16, {  8192,  9220,  9232, 13332, 13334, 13344 } },
	{   1,   64, {    16,    22,    64,    76,    78,   128 } },
	{   2,   64, {    32,    40,    64,    84,    86,   128 } },
	{   4,   64, {    64,    76,   128,   164,   166,   192 } },
	{   8,   64, {   128,   148,   192,   260,   262,   320 } },
	{  16,   64, {   256,   292,   320,   452,   454,   512 } },
	{  32,   64, {   512,   580,   640,   900,   902,   960 } },
	{ 256,   64, {  4096,  4612,  4672,  6724,  6726,  6784 } },
	{ 512,   64, {  8192,  9220,  9280, 13380, 13382, 13440 } },
	{   1, 4096, {    16,    22,  4096,  4108,  4110,  8192 } },
	{   2, 4096, {    32,    40,  4096,  4116,  4118,  8192 } },
	{   4, 4096, {    64,    76,  4096,  4132,  4134,  8192 } },
	{   8, 4096, {   128,   148,  4096,  4164,  4166,  8192 } },
	{  16, 4096, {   256,   292,  4096,  4228,  4230,  8192 } },
	{  32, 4096, {   512,   580,  4096,  4356,  4358,  8192 } },
	{ 256, 4096, {  4096,  4612,  8192, 10244, 10246, 12288 } },
	{ 512, 4096, {  8192,  9220, 12288, 16388, 16390, 20480 } },
};
/* clang-format on */

START_TEST(parts_lie_where_the_formula_puts_them)
{
	const struct layout_row *row = &layout_row[_i];
	struct rps_vring_layout at;

	ck_assert_int_eq(rps_vring_layout(row->num, row->align, &at), 0);

	ck_assert_uint_eq(at.avail, row->at.avail);
	ck_assert_uint_eq(at.used_event, row->at.used_event);
	ck_assert_uint_eq(at.used, row->at.used);
	ck_assert_uint_eq(at.avail_event, row->at.avail_event);
	ck_assert_uint_eq(at.total, row->at.total);
	ck_assert_uint_eq(at.legacy_total, row->at.legacy_total);
}
END_TEST

START_TEST(place_adds_the_offsets_to_the_base)
{
	const struct layout_row *row = &layout_row[_i];
	struct rps_vring_addrs addrs;

	ck_assert_int_eq(rps_vring_place((struct gpa){ 0x40000000 }, row->num,
					 row->align, &addrs),
			 0);

	ck_assert_uint_eq(addrs.desc.v, 0x40000000);
	ck_assert_uint_eq(addrs.avail.v, 0x40000000 + row->at.avail);
	ck_assert_uint_eq(addrs.used.v, 0x40000000 + row->at.used);
}
END_TEST

START_TEST(the_largest_ring_has_a_layout)
{
	struct rps_vring_layout at;

	ck_assert_int_eq(rps_vring_layout(32768, 4096, &at), 0);

	ck_assert_uint_eq(at.avail, 524288);
	ck_assert_uint_eq(at.used_event, 589828);
	ck_assert_uint_eq(at.used, 593920);
	ck_assert_uint_eq(at.avail_event, 856068);
}
END_TEST

struct refusal {
	uint32_t num;
	uint32_t align;
};

/* clang-format off */
static const struct refusal refusal[] = {
	{     0, 4096 }, {     3, 4096 }, {     6, 4096 }, { 32769, 4096 },
	{ 65536, 4096 }, { 0x80000000, 4096 }, { 0xffffffff, 4096 },
	{     4,    0 }, {     4,    1 }, {     4,    2 }, {     4,    3 },
	{     4,   24 }, {     4, 4095 }, {     4, 0xffffffff },
};
/* clang-format on */

START_TEST(sizes_that_are_no_power_of_two_are_refused)
{
	const struct refusal *row = &refusal[_i];
	struct rps_vring_layout at = { .avail = 12345 };
	struct rps_vring_addrs addrs;

	ck_assert_int_eq(rps_vring_layout(row->num, row->align, &at), -EINVAL);
	ck_assert_uint_eq(at.avail, 12345);
	ck_assert_int_eq(rps_vring_place((struct gpa){ 0 }, row->num,
					 row->align, &addrs),
			 -EINVAL);
}
END_TEST

/* Memory of exactly one ring of 4 entries, aligned to 16. */
#define ATTACH_NUM   4u
#define ATTACH_GPA   UINT64_C(0x20000000)
#define ATTACH_BYTES 118u

static _Alignas(16) uint8_t attach_bytes[ATTACH_BYTES + 16];

static struct rps_mem attach_mem(unsigned int misaligned_bytes)
{
	struct rps_mem mem = { 0 };

	ck_assert_int_eq(rps_mem_add(&mem, (struct gpa){ ATTACH_GPA },
				     ATTACH_BYTES,
				     attach_bytes + misaligned_bytes),
			 0);
	return mem;
}

struct attachment {
	uint32_t num;
	uint64_t desc;
	uint64_t avail;
	uint64_t used;
	int expected;
};

#define AT(offset) (ATTACH_GPA + (uint64_t)(offset))

/* clang-format off */
static const struct attachment attachment[] = {
	{ 4,          AT(0),   AT(64), AT(80),  0 },
	{ 2,          AT(0),   AT(64), AT(80),  0 },
	{ 1,          AT(0),   AT(64), AT(80),  0 },
	/* as near as the alignments allow */
	{ 1,          AT(32),  AT(2),  AT(12),  0 },
	/* sizes */
	{ 0,          AT(0),   AT(64), AT(80),  -EINVAL },
	{ 3,          AT(0),   AT(64), AT(80),  -EINVAL },
	{ 65536,      AT(0),   AT(64), AT(80),  -EINVAL },
	{ 65540,      AT(0),   AT(64), AT(80),  -EINVAL },
	/* alignments */
	{ 4,          AT(8),   AT(72), AT(88),  -EINVAL },
	{ 1,          AT(4),   AT(64), AT(80),  -EINVAL },
	{ 4,          AT(0),   AT(65), AT(80),  -EINVAL },
	{ 4,          AT(0),   AT(64), AT(82),  -EINVAL },
	{ 4,          AT(0),   AT(64), AT(78),  -EINVAL },
	/* outside, or with the last byte outside */
	{ 8,          AT(0),   AT(64), AT(80),  -EFAULT },
	{ 4,          AT(-16), AT(64), AT(80),  -EFAULT },
	{ 4,          AT(64),  AT(64), AT(80),  -EFAULT },
	{ 4,          AT(0),   AT(106), AT(80), -EFAULT },
	{ 4,          AT(0),   AT(64), AT(84),  -EFAULT },
	{ 4,          AT(0),   AT(64), AT(120), -EFAULT },
	{ 4,          0,       AT(64), AT(80),  -EFAULT },
	/* the end would wrap around */
	{ 4,          UINT64_MAX - 15, AT(64), AT(80),        -EFAULT },
	{ 4,          AT(0), UINT64_MAX - 1, AT(80),          -EFAULT },
	{ 4,          AT(0), AT(64), UINT64_MAX - 3,          -EFAULT },
};
/* clang-format on */

START_TEST(addresses_that_somebody_claims_are_checked)
{
	const struct attachment *row = &attachment[_i];
	struct rps_mem mem = attach_mem(0);
	struct rps_vring_addrs addrs = { { row->desc },
					 { row->avail },
					 { row->used } };
	struct vring ring;

	ck_assert_int_eq(rps_vring_attach(&ring, &mem, row->num, addrs),
			 row->expected);
}
END_TEST

START_TEST(attached_parts_point_into_the_memory)
{
	struct rps_mem mem = attach_mem(0);
	struct rps_vring_addrs addrs;
	struct vring ring;

	ck_assert_int_eq(rps_vring_place((struct gpa){ ATTACH_GPA }, ATTACH_NUM,
					 16, &addrs),
			 0);
	ck_assert_int_eq(rps_vring_attach(&ring, &mem, ATTACH_NUM, addrs), 0);

	ck_assert_uint_eq(ring.num, ATTACH_NUM);
	ck_assert_ptr_eq(ring.desc, attach_bytes);
	ck_assert_ptr_eq(ring.avail, attach_bytes + 64);
	ck_assert_ptr_eq(ring.used_event, attach_bytes + 76);
	ck_assert_ptr_eq(ring.used, attach_bytes + 80);
	ck_assert_ptr_eq(ring.avail_event, attach_bytes + 116);
}
END_TEST

START_TEST(attaching_touches_no_byte)
{
	struct rps_mem mem = attach_mem(0);
	uint8_t before[ATTACH_BYTES];
	struct rps_vring_addrs addrs;
	struct vring ring;

	memset(attach_bytes, 0x77, sizeof(attach_bytes));
	memcpy(before, attach_bytes, sizeof(before));
	ck_assert_int_eq(rps_vring_place((struct gpa){ ATTACH_GPA }, ATTACH_NUM,
					 16, &addrs),
			 0);
	ck_assert_int_eq(rps_vring_attach(&ring, &mem, ATTACH_NUM, addrs), 0);

	ck_assert_mem_eq(attach_bytes, before, sizeof(before));
}
END_TEST

START_TEST(aligned_addresses_in_a_misaligned_mapping_are_refused)
{
	struct rps_mem mem = attach_mem((unsigned int)_i);
	struct rps_vring_addrs addrs;
	struct vring ring;

	ck_assert_int_eq(rps_vring_place((struct gpa){ ATTACH_GPA }, ATTACH_NUM,
					 16, &addrs),
			 0);
	ck_assert_int_eq(rps_vring_attach(&ring, &mem, ATTACH_NUM, addrs),
			 -EINVAL);
}
END_TEST

START_TEST(need_event_is_evaluated_in_16_bits)
{
	const struct need_event_row *row = &need_event_row[_i];

	ck_assert_int_eq(rps_vring_need_event(row->event, row->new, row->old),
			 row->notify);
}
END_TEST

static TCase *layout_tests(void)
{
	TCase *tcase = tcase_create("layout");

	tcase_add_loop_test(tcase, parts_lie_where_the_formula_puts_them, 0,
			    ARRAY_SIZE(layout_row));
	tcase_add_loop_test(tcase, place_adds_the_offsets_to_the_base, 0,
			    ARRAY_SIZE(layout_row));
	tcase_add_test(tcase, the_largest_ring_has_a_layout);
	tcase_add_loop_test(tcase, sizes_that_are_no_power_of_two_are_refused,
			    0, ARRAY_SIZE(refusal));
	return tcase;
}

static TCase *attach_tests(void)
{
	TCase *tcase = tcase_create("attach");

	tcase_add_loop_test(tcase, addresses_that_somebody_claims_are_checked,
			    0, ARRAY_SIZE(attachment));
	tcase_add_test(tcase, attached_parts_point_into_the_memory);
	tcase_add_test(tcase, attaching_touches_no_byte);
	tcase_add_loop_test(
		tcase, aligned_addresses_in_a_misaligned_mapping_are_refused, 1,
		8);
	return tcase;
}

int main(void)
{
	Suite *suite = suite_create("vring");
	TCase *events = tcase_create("events");

	_Static_assert(ARRAY_SIZE(layout_row) == 40, "all rows of the table");
	tcase_add_loop_test(events, need_event_is_evaluated_in_16_bits, 0,
			    NUM_NEED_EVENT_ROWS);
	suite_add_tcase(suite, layout_tests());
	suite_add_tcase(suite, attach_tests());
	suite_add_tcase(suite, events);
	return suite_main(suite);
}
