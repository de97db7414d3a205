/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Files through the door of a fuzz target, without a fuzzer.
 *
 * usage: build/replay/fuzz_TARGET FILE...
 *
 * Each name is printed before its file is played, so that the last one is that
 * of a crash.  Exit status: 0 all played; 2 a file could not be read or is too
 * long, or none was named; a crash otherwise.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

/* No input of ours is longer: ci/fuzz has its fuzzers stop at 4096. */
#define INPUT_BYTES_MAX 65536u

static int play(const char *name)
{
	static uint8_t buffer[INPUT_BYTES_MAX + 1];
	FILE *file = fopen(name, "rb");
	uint8_t *data;
	size_t len;

	if (!file) {
		perror(name);
		return 2;
	}
	len = fread(buffer, 1, sizeof(buffer), file);
	fclose(file);
	if (len > INPUT_BYTES_MAX) {
		fprintf(stderr, "%s: longer than %u bytes\n", name,
			INPUT_BYTES_MAX);
		return 2;
	}
	printf("%s: %zu bytes\n", name, len);
	fflush(stdout);

	/* Memory of just this length: reading past it is noticed. */
	data = malloc(len ? len : 1);
	if (!data)
		return 2;
	memcpy(data, buffer, len);
	LLVMFuzzerTestOneInput(data, len);
	free(data);
	return 0;
}

int main(int argc, char **argv)
{
	int worst = 0;

	if (argc < 2) {
		fprintf(stderr, "usage: %s FILE...\n", argv[0]);
		return 2;
	}
	for (int i = 1; i < argc; i++) {
		int status = play(argv[i]);

		if (status)
			worst = status;
	}
	return worst;
}
