/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rps-explore: our own ends in every schedule of small scopes, or in many.
 *
 * usage: rps-explore [--random | --pct DEPTH] [--schedules N] [--seed N]
 *                    [--states N] [--no-canary] [--all] [--list] [--counts]
 *                    SCOPE...
 *
 * A SCOPE is a line of words such as "num=2 messages=1,1 model=weak,tso event",
 * see rps/explore.h.  One line each is printed: what was gone through, how
 * fast, and what was found.  --all goes on behind the first failure; --list
 * prints the decisions of the first one; --counts prints name=value pairs alone.
 * Exit status: 0 all passed; 1 something was found; 2 wrong usage; 3 a bound
 * was met first; 4 the canary was not found, or the explorer broke.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rps/explore.h>

#define DECISIONS_MAX 32768u
#define SECONDS_QUIET 2.0

enum { PASSED, FAILED, USAGE, BOUNDED, BROKEN };

static const int status_of_verdict[] = {
	[RPS_EXPLORE_PASS] = PASSED,
	[RPS_EXPLORE_FAIL] = FAILED,
	[RPS_EXPLORE_INCONC] = BOUNDED,
	[RPS_EXPLORE_ERROR] = BROKEN,
};

static const char *const verdict_name[] = {
	[RPS_EXPLORE_PASS] = "PASS",
	[RPS_EXPLORE_FAIL] = "FAIL",
	[RPS_EXPLORE_INCONC] = "INCONC",
	[RPS_EXPLORE_ERROR] = "ERROR",
};

struct options {
	struct rps_explore_params params;
	bool list;
	bool counts;
};

struct clock {
	double begun;
	double told;
};

static double now(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return (double)at.tv_sec + (double)at.tv_nsec * 1e-9;
}

/* A line every two seconds where there is somebody to read it. */
static bool show_progress(void *priv, const struct rps_explore_result *so_far)
{
	struct clock *clock = priv;
	double at = now();

	if (at - clock->told < SECONDS_QUIET)
		return true;
	clock->told = at;
	fprintf(stderr,
		"rps-explore: %" PRIu64 " schedules of about %" PRIu64
		", %" PRIu64 " states\n",
		so_far->schedules, so_far->estimate, so_far->states);
	return true;
}

static void print_result(const char *scope,
			 const struct rps_explore_result *result,
			 double seconds)
{
	double per_second = seconds > 0 ? 1 / seconds : 0;

	printf("%-6s %s: %" PRIu64 " schedules, %" PRIu64 " states, %" PRIu64
	       " steps, deepest %" PRIu32 ", %s; %.2f s, %.0f schedules/s, "
	       "%.2f million steps/s\n",
	       verdict_name[result->verdict], scope, result->schedules,
	       result->states, result->steps, result->deepest,
	       result->exhausted ? "exhausted" : "not exhausted", seconds,
	       (double)result->schedules * per_second,
	       (double)result->steps * per_second * 1e-6);
	if (result->verdict == RPS_EXPLORE_INCONC)
		printf("       bound met: about %" PRIu64
		       " schedules in all%s\n",
		       result->estimate,
		       result->bounded ? ", some with stores too old to be kept"
				       : "");
	if (result->verdict == RPS_EXPLORE_ERROR)
		printf("       not found, so nothing is proven: %s\n",
		       result->canary);
	if (result->failures > 0)
		printf("       %s, at step %" PRIu64 "\n", result->text,
		       result->step);
}

static void print_counts(const struct rps_explore_result *result)
{
	printf("schedules=%" PRIu64 " complete=%" PRIu64 " states=%" PRIu64
	       " steps=%" PRIu64 "\n",
	       result->schedules, result->complete, result->states,
	       result->steps);
}

static void print_list(const struct rps_scope *scope,
		       const struct rps_decision *list, uint32_t count)
{
	char line[256];
	size_t size;
	char *text;

	rps_scope_write(scope, line, sizeof(line));
	size = rps_decisions_write(list, count, line, NULL, 0) + 1;
	text = malloc(size);
	if (!text)
		return;
	rps_decisions_write(list, count, line, text, size);
	fputs(text, stdout);
	free(text);
}

static int explore(const char *text, struct options *options)
{
	static struct rps_decision list[DECISIONS_MAX];
	struct rps_explore_result result;
	struct rps_scope scope;
	struct clock clock;
	char complaint[128];
	int err;

	if (rps_scope_parse(text, &scope, complaint, sizeof(complaint))) {
		fprintf(stderr, "rps-explore: %s: %s\n", text, complaint);
		return USAGE;
	}
	clock.begun = clock.told = now();
	options->params.progress = show_progress;
	options->params.priv = &clock;
	err = rps_explore(&scope, &options->params, &result, list,
			  DECISIONS_MAX);
	if (err) {
		fprintf(stderr, "rps-explore: %s: %s\n", text, strerror(-err));
		return BROKEN;
	}
	if (options->counts)
		print_counts(&result);
	else
		print_result(text, &result, now() - clock.begun);
	if (options->list && result.failures > 0)
		print_list(&scope, list, result.decisions);
	return status_of_verdict[result.verdict];
}

/* --- options */

static int usage(void)
{
	fprintf(stderr,
		"usage: rps-explore [--random | --pct DEPTH] [--schedules N] "
		"[--seed N]\n"
		"                   [--states N] [--no-canary] [--all] "
		"[--list] [--counts]\n"
		"                   SCOPE...\n");
	return USAGE;
}

static bool read_number(const char *text, uint64_t *value)
{
	char *behind;

	if (!text || *text < '0' || *text > '9')
		return false;
	*value = strtoull(text, &behind, 0);
	return *behind == '\0';
}

/* Return: how many words the option took, 0 where it is none. */
static int read_option(char **word, struct options *options)
{
	struct rps_explore_params *params = &options->params;
	uint64_t number = 0;

	if (strcmp(word[0], "--random") == 0)
		return params->scheduler = RPS_SCHEDULER_RANDOM, 1;
	if (strcmp(word[0], "--no-canary") == 0)
		return params->no_canary = true, 1;
	if (strcmp(word[0], "--all") == 0)
		return params->keep_going = true, 1;
	if (strcmp(word[0], "--list") == 0)
		return options->list = true, 1;
	if (strcmp(word[0], "--counts") == 0)
		return options->counts = true, 1;
	if (!read_number(word[1], &number))
		return 0;
	if (strcmp(word[0], "--pct") == 0) {
		params->scheduler = RPS_SCHEDULER_PCT;
		params->pct_depth = (uint32_t)number;
		return 2;
	}
	if (strcmp(word[0], "--schedules") == 0)
		return params->max_schedules = number, 2;
	if (strcmp(word[0], "--seed") == 0)
		return params->seed = number, 2;
	if (strcmp(word[0], "--states") == 0)
		return params->max_states = number, 2;
	return 0;
}

int main(int argc, char **argv)
{
	struct options options = {
		.params.scheduler = RPS_SCHEDULER_EXHAUSTIVE,
	};
	int worst = PASSED;
	int at = 1;

	while (at < argc && strncmp(argv[at], "--", 2) == 0) {
		int taken = read_option(&argv[at], &options);

		if (taken == 0)
			return usage();
		at += taken;
	}
	if (at == argc)
		return usage();
	/* Chance needs to be told when it is enough. */
	if (options.params.scheduler != RPS_SCHEDULER_EXHAUSTIVE &&
	    options.params.max_schedules == 0)
		options.params.max_schedules = 10000;
	for (; at < argc; at++) {
		int status = explore(argv[at], &options);

		worst = status > worst ? status : worst;
	}
	return worst;
}
