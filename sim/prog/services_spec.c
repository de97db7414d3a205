/* SPDX-License-Identifier: BSD-3-Clause */
#include "services.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_COUNT     100u
#define DEFAULT_LEN_BYTES 16u
#define SPEC_BYTES        128u

bool rps_number_parse(const char *text, uint64_t max, uint64_t *out)
{
	char *end;

	/* strtoull() would take signs and spaces. */
	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	*out = strtoull(text, &end, 0);
	return !errno && *end == '\0' && *out <= max;
}

static const char *parse_name(char *text, struct rps_service_spec *out)
{
	char *colon = strrchr(text, ':');
	uint64_t addr = RPMSG_ADDR_ANY;

	if (colon) {
		*colon = '\0';
		if (!rps_number_parse(colon + 1, RPMSG_ADDR_ANY - 1, &addr))
			return "the address is no number below 0xffffffff";
	}
	if (text[0] == '\0')
		return "there is no name";
	if (strlen(text) >= RPMSG_NAME_SIZE)
		return "the name is longer than 31 characters";
	rps_name_copy(out->name, text);
	out->addr = (uint32_t)addr;
	return NULL;
}

static const char *parse_option(const char *text, struct rps_service_spec *out)
{
	uint64_t value;

	if (out->kind != RPS_SERVICE_SOURCE)
		return "only a source has options";
	if (strncmp(text, "count=", 6) == 0) {
		if (!rps_number_parse(text + 6, UINT32_MAX, &value))
			return "count is no number below 2^32";
		out->count = (uint32_t)value;
		return NULL;
	}
	if (strncmp(text, "len=", 4) == 0) {
		if (!rps_number_parse(text + 4, RPS_BACKLOG_BYTES, &value))
			return "len is no number up to 4096";
		out->len_bytes = (uint16_t)value;
		return NULL;
	}
	return "options are count=N and len=N";
}

const char *rps_service_parse(enum rps_service_kind kind, const char *text,
			      struct rps_service_spec *out)
{
	char copy[SPEC_BYTES];
	const char *wrong;
	char *rest = copy;

	*out = (struct rps_service_spec){ .kind = kind,
					  .count = DEFAULT_COUNT,
					  .len_bytes = DEFAULT_LEN_BYTES };
	if (strlen(text) >= sizeof(copy))
		return "it is too long";
	memcpy(copy, text, strlen(text) + 1);

	wrong = parse_name(strsep(&rest, ","), out);
	while (!wrong && rest)
		wrong = parse_option(strsep(&rest, ","), out);
	if (!wrong && kind == RPS_SERVICE_DEAF && out->addr == RPMSG_ADDR_ANY)
		return "an announcement needs an address";
	return wrong;
}
