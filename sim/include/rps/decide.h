/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Decisions: whatever could have happened otherwise in a simulated world.  A
 * scheduler makes them, a list of them is a run, and the same list is the same
 * run again.
 */
#ifndef RPS_DECIDE_H
#define RPS_DECIDE_H

#include <rps/api.h>

/* Who decides. */
enum rps_scheduler {
	RPS_SCHEDULER_ROUND_ROBIN, /* changes over at every step; newest values;
				      no faults */
	RPS_SCHEDULER_RANDOM,      /* by the seed, each choice as likely */
	RPS_SCHEDULER_PCT,        /* priorities with few changes, by the seed */
	RPS_SCHEDULER_REPLAY,     /* as a list says */
	RPS_SCHEDULER_EXHAUSTIVE, /* all of them, one after another: explore.h */
};

/* How stores and loads of an end may lag behind each other. */
enum rps_model {
	RPS_MODEL_SC,   /* not at all */
	RPS_MODEL_TSO,  /* stores wait in a queue, as on x86 */
	RPS_MODEL_WEAK, /* whatever C11 allows where nothing orders them */
};

/* What is decided.  Choice 0 is always the one that needs no explanation:
 * remove decisions from a list, and less happens. */
enum rps_choice {
	RPS_CHOICE_END,   /* 0: the end that ran last goes on; 1: the other */
	RPS_CHOICE_VALUE, /* which store a load returns; 0: the newest */
	RPS_CHOICE_PLACE, /* where a store comes among those of the other end
			     that this end has not seen; 0: behind them */
	RPS_CHOICE_FAULT, /* 0: nothing happens */
	RPS_NUM_CHOICES
};

/* One decision. */
struct rps_decision {
	uint8_t kind;   /* enum rps_choice */
	uint8_t count;  /* how many choices there were, 2 to RPS_CHOICES_MAX */
	uint8_t choice; /* below @count */
};

#define RPS_CHOICES_MAX 16u

/* The version of the text below; one of another version is refused. */
#define RPS_DECISIONS_VERSION 1u

/**
 * rps_decisions_write() - a list as text, to be kept and replayed.
 * @list:     @count decisions, in order.
 * @scenario: one line that says what the list belongs to.
 * @buf:      gets what fits into @size bytes, terminated.
 *
 * Return: bytes of the whole text.
 */
RPS_API size_t rps_decisions_write(const struct rps_decision *list,
				   uint32_t count, const char *scenario,
				   char *buf, size_t size);

/* What a text of decisions says, and what is wrong with it. */
struct rps_decisions_text {
	uint32_t count;      /* decisions */
	char scenario[512];  /* its line */
	char complaint[128]; /* "" where the text is good */
};

/**
 * rps_decisions_parse() - the opposite.
 * @text: terminated.
 * @list: gets the first @max decisions.
 * @out:  always filled in.
 *
 * Return: 0; -EPROTO for another version or something else altogether;
 * -EINVAL where a word makes no sense; -ENODATA where the end is missing;
 * -EBADMSG where the text was changed; -ENOSPC where @max is too small.
 */
RPS_API RPS_CHECKED int rps_decisions_parse(const char *text,
					    struct rps_decision *list,
					    uint32_t max,
					    struct rps_decisions_text *out);

#endif
