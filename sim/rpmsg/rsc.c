/* SPDX-License-Identifier: BSD-3-Clause */
#include <rps/rsc.h>

#include <errno.h>
#include <string.h>

#define RSC_VERSION 1u
#define RSC_VDEV    3u

/* struct resource_table; the offsets of the entries follow it. */
enum {
	AT_VER = 0,
	AT_NUM = 4,
	AT_RESERVED = 8,
	HEADER_BYTES = 16,
};

/* struct fw_rsc_vdev, behind the type word; its vrings follow it. */
enum {
	AT_ID = 0,
	AT_CONFIG_LEN = 16,
	AT_NUM_VRINGS = 21,
	VDEV_BYTES = 24,
	VRING_BYTES = 20,
};

static uint32_t read32(enum rps_order order, const uint8_t *at)
{
	uint32_t raw;

	memcpy(&raw, at, sizeof(raw));
	return rps_swap32(order, raw);
}

static int check_header(enum rps_order order, const uint8_t *table,
			uint32_t bytes)
{
	uint32_t num;

	if (bytes < HEADER_BYTES ||
	    read32(order, &table[AT_VER]) != RSC_VERSION)
		return -EINVAL;
	if (read32(order, &table[AT_RESERVED]) ||
	    read32(order, &table[AT_RESERVED + 4]))
		return -EINVAL;
	num = read32(order, &table[AT_NUM]);
	if (num > (bytes - HEADER_BYTES) / sizeof(uint32_t))
		return -EINVAL;
	return 0;
}

/* Return: whether the vdev at @vdev ends within @room bytes. */
static bool vdev_fits(enum rps_order order, const uint8_t *vdev, uint32_t room)
{
	uint64_t need = VDEV_BYTES;

	if (room < VDEV_BYTES)
		return false;
	need += VRING_BYTES * (uint64_t)vdev[AT_NUM_VRINGS];
	need += read32(order, &vdev[AT_CONFIG_LEN]);
	return need <= room;
}

int rps_rsc_find_vdev(enum rps_order order, const uint8_t *table,
		      uint32_t bytes, uint32_t id, uint32_t *at)
{
	int err = check_header(order, table, bytes);
	uint32_t num;

	if (err)
		return err;
	num = read32(order, &table[AT_NUM]);
	for (uint32_t i = 0; i < num; i++) {
		uint32_t entry = read32(order, &table[HEADER_BYTES + 4ull * i]);
		uint32_t room;

		if (entry > bytes || bytes - entry < sizeof(uint32_t))
			return -EINVAL;
		if (read32(order, &table[entry]) != RSC_VDEV)
			continue;
		entry += (uint32_t)sizeof(uint32_t);
		room = bytes - entry;
		if (!vdev_fits(order, &table[entry], room))
			return -EINVAL;
		if (read32(order, &table[entry + AT_ID]) == id) {
			*at = entry;
			return 0;
		}
	}
	return -ENOENT;
}
