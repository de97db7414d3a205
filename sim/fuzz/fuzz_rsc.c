/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Resource tables of a remote processor, against a second reading.
 *
 * Input: a byte (0: big endian), the device id wanted, the table.
 */
#include <rps/rsc.h>

#include <errno.h>
#include <stdlib.h>

#include "fuzz.h"

struct table {
	const uint8_t *bytes;
	uint64_t len_bytes;
	bool big_endian;
};

static uint64_t get32(const struct table *table, uint64_t at)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < 4; i++)
		value = value << 8 |
			table->bytes[at + (table->big_endian ? i : 3 - i)];
	return value;
}

static bool holds(const struct table *table, uint64_t at, uint64_t len_bytes)
{
	return at + len_bytes <= table->len_bytes;
}

/* Return: 0 and @at; what is wrong with entry @index; 1 where it is another. */
static int read_entry(const struct table *table, uint64_t index, uint64_t id,
		      uint64_t *at)
{
	uint64_t entry = get32(table, 16 + 4 * index);
	uint64_t vdev = entry + 4;

	if (!holds(table, entry, 4))
		return -EINVAL;
	if (get32(table, entry) != 3)
		return 1;
	if (!holds(table, vdev, 24) ||
	    !holds(table, vdev,
		   24 + 20 * (uint64_t)table->bytes[vdev + 21] +
			   get32(table, vdev + 16)))
		return -EINVAL;
	*at = vdev;
	return get32(table, vdev) == id ? 0 : 1;
}

static int read_table(const struct table *table, uint64_t id, uint64_t *at)
{
	if (!holds(table, 0, 16) || get32(table, 0) != 1 ||
	    get32(table, 8) != 0 || get32(table, 12) != 0 ||
	    !holds(table, 16, 4 * get32(table, 4)))
		return -EINVAL;
	for (uint64_t i = 0; i < get32(table, 4); i++) {
		int err = read_entry(table, i, id, at);

		if (err <= 0)
			return err;
	}
	return -ENOENT;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len_bytes)
{
	struct fuzz_input in = { data, len_bytes };
	struct table table = { .big_endian = !fuzz_u8(&in) };
	uint32_t id = fuzz_u8(&in);
	uint8_t *bytes = malloc(in.left_bytes ? in.left_bytes : 1);
	uint64_t wanted = 0;
	uint32_t at = 0;
	int err;

	fuzz_require(bytes != NULL);
	table.len_bytes = fuzz_bytes(&in, bytes, in.left_bytes);
	table.bytes = bytes;
	err = rps_rsc_find_vdev(table.big_endian ? RPS_ORDER_BE : RPS_ORDER_LE,
				bytes, (uint32_t)table.len_bytes, id, &at);
	fuzz_require(err == read_table(&table, id, &wanted));
	fuzz_require(err != 0 || at == wanted);
	free(bytes);
	return 0;
}
