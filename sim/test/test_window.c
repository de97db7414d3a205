/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pages of a guest's program, seen side by side.  A file stands for the
 * guest's memory; what is written here must be in it, where the guest has it.
 */
#include <rps/window.h>

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include <rps/xport.h>

#include "suite_main.h"
#include "vu_frontend.h"

#define GUEST      0x40000000ull
#define FILE_PAGES 8u

static struct rps_xport guest;
static uint8_t *memory;
static size_t page_bytes;
static int file;

static void setup(void)
{
	page_bytes = (size_t)sysconf(_SC_PAGESIZE);
	file = memfd_create("guest", MFD_CLOEXEC);
	ck_assert_int_eq(ftruncate(file, (off_t)(FILE_PAGES * page_bytes)), 0);
	memory = mmap(NULL, FILE_PAGES * page_bytes, PROT_READ | PROT_WRITE,
		      MAP_SHARED, file, 0);
	ck_assert_ptr_ne(memory, MAP_FAILED);
	guest = (struct rps_xport){ .ready = true };
	ck_assert_int_eq(rps_mem_add(&guest.mem, (struct gpa){ GUEST },
				     FILE_PAGES * page_bytes, memory),
			 0);
}

static void teardown(void)
{
	if (memory)
		munmap(memory, FILE_PAGES * page_bytes);
	ck_assert_uint_eq(vuf_count_maps(), 0);
	close(file);
}

static uint64_t page(unsigned int number)
{
	return GUEST + number * page_bytes;
}

static char in_file(size_t at)
{
	char byte = 0;

	ck_assert_int_eq(pread(file, &byte, 1, (off_t)at), 1);
	return byte;
}

START_TEST(pages_lie_side_by_side)
{
	const uint64_t pages[] = { page(5), page(0), page(3) };
	int error = -1;
	struct rps_window *window = rps_window_create(
		&guest, pages, 3, (uint32_t)page_bytes, &error);

	ck_assert_ptr_nonnull(window);
	ck_assert_int_eq(error, 0);
	memcpy(rps_window_bytes(window) + page_bytes - 2, "abcd", 4);
	memory[3 * page_bytes + 7] = 'e';

	ck_assert_int_eq(in_file(6 * page_bytes - 1), 'b');
	ck_assert_int_eq(in_file(0), 'c');
	ck_assert_int_eq(rps_window_bytes(window)[2 * page_bytes + 7], 'e');
	rps_window_destroy(window);
}
END_TEST

START_TEST(a_window_outlives_the_connection)
{
	const uint64_t pages[] = { page(2) };
	int error;
	struct rps_window *window = rps_window_create(
		&guest, pages, 1, (uint32_t)page_bytes, &error);

	ck_assert_ptr_nonnull(window);
	munmap(memory, FILE_PAGES * page_bytes);
	memory = NULL;
	rps_window_bytes(window)[1] = 'x';
	ck_assert_int_eq(in_file(2 * page_bytes + 1), 'x');
	rps_window_destroy(window);
}
END_TEST

START_TEST(parts_have_driver_addresses_of_their_own)
{
	const uint64_t pages[] = { page(1), page(4) };
	int error;
	struct rps_window *window = rps_window_create(
		&guest, pages, 2, (uint32_t)page_bytes, &error);
	struct rps_mem *mem;
	uint8_t *bytes;

	ck_assert_ptr_nonnull(window);
	mem = rps_window_mem(window);
	bytes = rps_window_bytes(window);
	ck_assert_ptr_null(rps_mem_map(mem, (struct gpa){ 0x9000 }, 1));
	ck_assert_int_eq(rps_window_add(window, 0x9000, page_bytes, page_bytes),
			 0);
	ck_assert_int_eq(rps_window_add(window, 0x5000, 16, 32), 0);
	ck_assert_ptr_eq(rps_mem_map(mem, (struct gpa){ 0x9008 }, 1),
			 bytes + page_bytes + 8);
	ck_assert_ptr_eq(rps_mem_map(mem, (struct gpa){ 0x5000 }, 32),
			 bytes + 16);
	ck_assert_int_eq(rps_window_add(window, 0x9000, 0, 16), -EEXIST);
	ck_assert_int_eq(rps_window_add(window, 0, 2 * page_bytes, 1), -EINVAL);
	ck_assert_int_eq(rps_window_add(window, 0, 1, 2 * page_bytes), -EINVAL);
	ck_assert_int_eq(rps_window_add(window, 0, UINT64_MAX, 1), -EINVAL);

	rps_window_clear(window);
	ck_assert_ptr_null(rps_mem_map(mem, (struct gpa){ 0x9000 }, 1));
	rps_window_destroy(window);
}
END_TEST

START_TEST(what_is_not_the_guests_is_not_shown)
{
	const uint64_t outside[] = { page(0), page(FILE_PAGES) };
	const uint64_t odd[] = { page(0) + 16 };
	uint32_t bytes = (uint32_t)page_bytes;
	int error = 0;

	ck_assert_ptr_null(
		rps_window_create(&guest, outside, 2, bytes, &error));
	ck_assert_int_eq(error, -EFAULT);
	ck_assert_ptr_null(rps_window_create(&guest, odd, 1, bytes, &error));
	ck_assert_int_eq(error, -EINVAL);
	ck_assert_ptr_null(
		rps_window_create(&guest, outside, 0, bytes, &error));
	ck_assert_int_eq(error, -EINVAL);
	ck_assert_ptr_null(
		rps_window_create(&guest, outside, 1, bytes / 2, &error));
	ck_assert_int_eq(error, -EINVAL);
	rps_window_destroy(NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("window");
	TCase *tcase = tcase_create("window");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, pages_lie_side_by_side);
	tcase_add_test(tcase, a_window_outlives_the_connection);
	tcase_add_test(tcase, parts_have_driver_addresses_of_their_own);
	tcase_add_test(tcase, what_is_not_the_guests_is_not_shown);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
