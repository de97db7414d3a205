/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a monitor knows, as one thing: for whoever runs the same world many
 * times over and looks at it each time.
 *
 * The order in which it is told matters to a rule only as far as both ends know
 * it themselves: each end's records come as its code has them, and a load
 * behind the store whose value it returns.  A rule that compares the ends asks
 * what one of them has seen of the other, never how far that one happens to be.
 * So steps that do not touch each other may be told in either order, and stores
 * that are seen late where they were made; nothing is found or overlooked by
 * that, and what is known afterwards has the same hash.
 */
#ifndef RPS_MONITOR_STATE_H
#define RPS_MONITOR_STATE_H

#include <rps/monitor.h>

/* Keeps what is known now. Return: 0, or -ENOMEM; nothing is allocated by the
 * next call, nor by the other functions. */
int monitor_keep(struct rps_monitor *monitor);

/* Back to what was kept, as if nothing had been told since; how often each
 * rule was met goes on counting. */
void monitor_go_back(struct rps_monitor *monitor);

/* What was found so far is no matter any more, and may be found again. */
void monitor_forgive(struct rps_monitor *monitor);

/* Return: hash of all that decides what will be found from here on; two
 * monitors have to have begun alike. */
uint64_t monitor_hash(const struct rps_monitor *monitor);

/* Return: what was found first, or NULL. */
const struct rps_finding *monitor_first(const struct rps_monitor *monitor);

#endif
