/* SPDX-License-Identifier: BSD-3-Clause */
#include "../xport/vhost_user_mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "suite_main.h"
#include "vu_frontend.h"

#define FILE_BYTES 0x10000u
#define GUEST      0x40000000ull
#define USER       0x7f0000000000ull

static struct vu_mem mem;
static int file;

static void setup(void)
{
	file = memfd_create("guest", MFD_CLOEXEC);
	ck_assert_int_eq(ftruncate(file, FILE_BYTES), 0);
}

static void teardown(void)
{
	rps_vu_mem_clear(&mem);
	ck_assert_uint_eq(vuf_count_maps(), 0);
	close(file);
}

START_TEST(a_region_is_reached_by_both_addresses)
{
	struct vhost_user_region region = { GUEST, 0x2000, USER, 0x1000 };
	struct rps_mem out = { .num_regions = 0 };
	struct gpa addr = { 0 };
	const char *bytes;

	ck_assert_int_eq(pwrite(file, "here", 5, 0x1234), 5);
	ck_assert_int_eq(rps_vu_mem_add(&mem, &region, file), 0);
	rps_vu_mem_publish(&mem, &out);

	ck_assert(rps_vu_mem_translate(&mem, USER + 0x234, &addr));
	ck_assert_uint_eq(addr.v, GUEST + 0x234);
	bytes = rps_mem_map(&out, addr, 5);
	ck_assert_str_eq(bytes, "here");
}
END_TEST

START_TEST(translation_ends_with_the_region)
{
	struct vhost_user_region region = { GUEST, 0x2000, USER, 0 };
	struct gpa addr;

	ck_assert_int_eq(rps_vu_mem_add(&mem, &region, file), 0);

	ck_assert(rps_vu_mem_translate(&mem, USER, &addr));
	ck_assert(rps_vu_mem_translate(&mem, USER + 0x1fff, &addr));
	ck_assert(!rps_vu_mem_translate(&mem, USER + 0x2000, &addr));
	ck_assert(!rps_vu_mem_translate(&mem, USER - 1, &addr));
	ck_assert(!rps_vu_mem_translate(&mem, 0, &addr));
}
END_TEST

static const struct bad_region {
	const char *name;
	struct vhost_user_region region;
	int expected;
} bad_regions[] = {
	{ "empty", { GUEST, 0, USER, 0 }, -EINVAL },
	{ "guest address wraps", { 0 - 0x1000ull, 0x2000, USER, 0 }, -EINVAL },
	{ "user address wraps", { GUEST, 0x2000, 0 - 0x1000ull, 0 }, -EINVAL },
	{ "offset wraps", { GUEST, 0x2000, USER, 0 - 0x1000ull }, -EINVAL },
	{ "size wraps", { GUEST, UINT64_MAX, USER, 0x1000 }, -EINVAL },
	{ "guest address misaligned", { GUEST + 1, 0x1000, USER, 0 }, -EINVAL },
	{ "user address misaligned", { GUEST, 0x1000, USER + 16, 0 }, -EINVAL },
	{ "offset misaligned", { GUEST, 0x1000, USER, 0x800 }, -EINVAL },
	{ "one byte too long", { 0, FILE_BYTES + 1, USER, 0 }, -ERANGE },
	{ "offset at the end", { GUEST, 1, USER, FILE_BYTES }, -ERANGE },
	{ "offset behind the end", { GUEST, 1, USER, 1ull << 40 }, -ERANGE },
	{ "huge", { GUEST << 8, 1ull << 62, USER, 0 }, -ERANGE },
	{ "same again", { GUEST + 0x8000, 0x1000, USER, 0 }, -EEXIST },
	{ "last page again", { GUEST + 0x8fff - 0xfff, 1, USER, 0 }, -EEXIST },
	{ "from below", { GUEST + 0x7000, 0x1001, USER, 0 }, -EEXIST },
};

START_TEST(a_bad_region_is_refused)
{
	struct vhost_user_region known = { GUEST + 0x8000, 0x1000, USER, 0 };
	const struct bad_region *bad = &bad_regions[_i];
	unsigned int maps;

	ck_assert_int_eq(rps_vu_mem_add(&mem, &known, file), 0);
	maps = vuf_count_maps();

	ck_assert_msg(rps_vu_mem_add(&mem, &bad->region, file) == bad->expected,
		      "%s", bad->name);
	ck_assert_uint_eq(mem.num_regions, 1);
	ck_assert_uint_eq(vuf_count_maps(), maps);
}
END_TEST

START_TEST(only_files_that_can_be_written_are_mapped)
{
	struct vhost_user_region region = { GUEST, 0x1000, USER, 0 };
	int null = open("/dev/zero", O_RDWR);
	int read_only = open("/proc/self/exe", O_RDONLY);
	int pipes[2];

	ck_assert_int_eq(pipe(pipes), 0);

	ck_assert_int_eq(rps_vu_mem_add(&mem, &region, null), -ENODEV);
	ck_assert_int_eq(rps_vu_mem_add(&mem, &region, pipes[0]), -ENODEV);
	ck_assert_int_eq(rps_vu_mem_add(&mem, &region, read_only), -EACCES);
	ck_assert_int_eq(rps_vu_mem_add(&mem, &region, -1), -EBADF);
	close(null);
	close(read_only);
	close(pipes[0]);
	close(pipes[1]);
}
END_TEST

START_TEST(the_table_takes_as_many_as_there_are_slots)
{
	struct vhost_user_region region = { GUEST, 0x1000, USER, 0 };

	for (unsigned int i = 0; i < RPS_MEM_REGIONS_MAX; i++) {
		ck_assert_int_eq(rps_vu_mem_add(&mem, &region, file), 0);
		region.guest_addr += 0x1000;
	}

	ck_assert_int_eq(rps_vu_mem_add(&mem, &region, file), -ENOSPC);
}
END_TEST

START_TEST(a_region_is_removed_by_what_identifies_it)
{
	struct vhost_user_region a = { GUEST, 0x1000, USER, 0 };
	struct vhost_user_region b = { GUEST + 0x1000, 0x1000, USER + 0x1000,
				       0x1000 };
	struct vhost_user_region other = { GUEST, 0x2000, USER, 0 };
	struct gpa addr;

	ck_assert_int_eq(rps_vu_mem_add(&mem, &a, file), 0);
	ck_assert_int_eq(rps_vu_mem_add(&mem, &b, file), 0);

	ck_assert_int_eq(rps_vu_mem_remove(&mem, &other), -ENOENT);
	a.mmap_offset = 0x5000; /* "The mmap offset is ignored." */
	ck_assert_int_eq(rps_vu_mem_remove(&mem, &a), 0);
	ck_assert_int_eq(rps_vu_mem_remove(&mem, &a), -ENOENT);
	ck_assert(!rps_vu_mem_translate(&mem, USER, &addr));
	ck_assert(rps_vu_mem_translate(&mem, USER + 0x1000, &addr));
	ck_assert_uint_eq(vuf_count_maps(), 1);
}
END_TEST

START_TEST(a_lost_page_is_patched_and_its_neighbours_stay)
{
	struct vhost_user_region region = { GUEST, 0x3000, USER, 0 };
	uint8_t *host;

	ck_assert_int_eq(rps_vu_mem_add(&mem, &region, file), 0);
	host = mem.region[0].host;
	memset(host, 0xaa, 0x3000);

	ck_assert(!rps_vu_mem_patch(&mem, host - 1));
	ck_assert(!rps_vu_mem_patch(&mem, host + 0x3000));
	ck_assert(rps_vu_mem_patch(&mem, host + 0x1fff));
	ck_assert_uint_eq(host[0x0fff], 0xaa);
	ck_assert_uint_eq(host[0x1000], 0);
	ck_assert_uint_eq(host[0x1fff], 0);
	ck_assert_uint_eq(host[0x2000], 0xaa);
}
END_TEST

START_TEST(every_refusal_has_a_text)
{
	static const int errors[] = { -EINVAL, -EEXIST, -ENOSPC, -ERANGE,
				      -ENODEV, -ENOENT, -EACCES };

	for (size_t i = 0; i < ARRAY_SIZE(errors); i++)
		ck_assert_ptr_nonnull(
			strstr(rps_vu_mem_reason(errors[i]), "memory"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vhost_user_mem");
	TCase *tests = tcase_create("mem");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, a_region_is_reached_by_both_addresses);
	tcase_add_test(tests, translation_ends_with_the_region);
	tcase_add_loop_test(tests, a_bad_region_is_refused, 0,
			    ARRAY_SIZE(bad_regions));
	tcase_add_test(tests, only_files_that_can_be_written_are_mapped);
	tcase_add_test(tests, the_table_takes_as_many_as_there_are_slots);
	tcase_add_test(tests, a_region_is_removed_by_what_identifies_it);
	tcase_add_test(tests, a_lost_page_is_patched_and_its_neighbours_stay);
	tcase_add_test(tests, every_refusal_has_a_text);
	suite_add_tcase(suite, tests);
	return suite_main(suite);
}
