/* SPDX-License-Identifier: BSD-3-Clause */
#include "vhost_user_sigbus.h"

#include <errno.h>
#include <signal.h>

#define GUARDED_MAX 16u

/*
 * The one mutable global of the library: a signal handler is given nothing
 * else.  Written by the program's thread only, which also is the one that
 * faults.
 */
static struct {
	struct rps_vu *volatile vu[GUARDED_MAX];
	struct sigaction before;
	volatile sig_atomic_t installed;
} guard;

static bool patch(const void *addr)
{
	for (unsigned int i = 0; i < GUARDED_MAX; i++) {
		struct rps_vu *vu = guard.vu[i];

		if (vu && rps_vu_mem_patch(&vu->mem, addr)) {
			rps_vu_doom(vu, "frontend truncated its memory file");
			return true;
		}
	}
	return false;
}

static void on_sigbus(int signal, siginfo_t *info, void *context)
{
	int err = errno;

	(void)context;
	if (info->si_code <= 0 || !patch(info->si_addr)) {
		/* Not ours: whoever was there before meets it again, where the
		 * instruction is repeated or, if somebody sent it, right now. */
		sigaction(signal, &guard.before, NULL);
		guard.installed = 0;
		if (info->si_code <= 0)
			raise(signal);
	}
	errno = err;
}

static int install(void)
{
	struct sigaction action = { .sa_sigaction = on_sigbus,
				    .sa_flags = SA_SIGINFO };

	if (guard.installed)
		return 0;
	sigemptyset(&action.sa_mask);
	if (sigaction(SIGBUS, &action, &guard.before))
		return -errno;
	guard.installed = 1;
	return 0;
}

int rps_vu_guard_sigbus(struct rps_vu *vu)
{
	for (unsigned int i = 0; i < GUARDED_MAX; i++) {
		if (guard.vu[i] && guard.vu[i] != vu)
			continue;
		guard.vu[i] = vu;
		return install();
	}
	return -ENOSPC;
}

void rps_vu_sigbus_forget(const struct rps_vu *vu)
{
	for (unsigned int i = 0; i < GUARDED_MAX; i++) {
		if (guard.vu[i] == vu)
			guard.vu[i] = NULL;
	}
}
