/* SPDX-License-Identifier: BSD-3-Clause */
#include "rps_clock.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static struct {
	uint64_t *now; /* shared; NULL where LTTng keeps its own clock */
	uint64_t base; /* when the world began whose records come in */
	uint64_t last; /* its time */
} time_told;

uint64_t *rps_clock_map(bool writable)
{
	const char *path = getenv(RPS_CLOCK_VARIABLE);
	int prot = writable ? PROT_READ | PROT_WRITE : PROT_READ;
	void *map = MAP_FAILED;
	int fd = -1;

	if (path)
		fd = open(path, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC);
	if (fd >= 0) {
		map = mmap(NULL, RPS_CLOCK_BYTES, prot, MAP_SHARED, fd, 0);
		close(fd);
	}
	return map == MAP_FAILED ? NULL : map;
}

__attribute__((constructor)) static void init(void)
{
	time_told.now = rps_clock_map(true);
}

void rps_clock_set(uint64_t ns)
{
	if (!time_told.now || ns == time_told.last)
		return;
	if (ns < time_told.last)
		time_told.base += time_told.last;
	time_told.last = ns;
	__atomic_store_n(time_told.now, time_told.base + ns, __ATOMIC_RELEASE);
}
