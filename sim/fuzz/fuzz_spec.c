/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a person may write on the command line of rps-device.
 *
 * Input: the kind of service, then the text.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../prog/services.h"
#include "fuzz.h"

/* A canonical form of it says the same. */
static void again(const struct rps_service_spec *spec)
{
	struct rps_service_spec other;
	char text[128];
	int len;

	len = snprintf(text, sizeof(text), "%s", spec->name);
	if (spec->addr != RPMSG_ADDR_ANY)
		len += snprintf(text + len, sizeof(text) - (size_t)len,
				":0x%" PRIx32, spec->addr);
	if (spec->kind == RPS_SERVICE_SOURCE)
		snprintf(text + len, sizeof(text) - (size_t)len,
			 ",count=%" PRIu32 ",len=%u", spec->count,
			 spec->len_bytes);
	/* A colon belongs to the name where an address follows it. */
	if (strchr(spec->name, ':') && spec->addr == RPMSG_ADDR_ANY)
		return;
	fuzz_require(rps_service_parse(spec->kind, text, &other) == NULL);
	fuzz_require(strcmp(other.name, spec->name) == 0);
	fuzz_require(other.addr == spec->addr && other.kind == spec->kind);
	fuzz_require(other.count == spec->count &&
		     other.len_bytes == spec->len_bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len_bytes)
{
	struct fuzz_input in = { data, len_bytes };
	enum rps_service_kind kind =
		(enum rps_service_kind)(fuzz_u8(&in) % (RPS_SERVICE_DEAF + 1));
	char *text = malloc(in.left_bytes + 1);
	struct rps_service_spec spec;
	const char *wrong, *end;

	fuzz_require(text != NULL);
	text[fuzz_bytes(&in, text, in.left_bytes)] = '\0';
	wrong = rps_service_parse(kind, text, &spec);
	if (wrong) {
		fuzz_require(strlen(wrong) > 0);
	} else {
		fuzz_require(memchr(spec.name, 0, sizeof(spec.name)) != NULL);
		fuzz_require(spec.name[0] && !strchr(spec.name, ','));
		/* All of what was written, up to an address or an option. */
		end = text + strlen(spec.name);
		fuzz_require(strncmp(text, spec.name, strlen(spec.name)) == 0);
		fuzz_require(*end == ':' || *end == ',' || *end == '\0');
		fuzz_require(spec.len_bytes <= RPS_BACKLOG_BYTES);
		fuzz_require(kind != RPS_SERVICE_DEAF ||
			     spec.addr != RPMSG_ADDR_ANY);
		again(&spec);
	}
	free(text);
	return 0;
}
