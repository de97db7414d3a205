/* SPDX-License-Identifier: BSD-3-Clause */
#include "services_script.h"

#include <errno.h>
#include <string.h>

/* The next word of the line, or NULL; what follows stays in @rest. */
static char *word(char **rest)
{
	char *start = *rest + strspn(*rest, " \t");
	size_t len = strcspn(start, " \t");

	if (len == 0)
		return NULL;
	*rest = start + len + (start[len] != '\0');
	start[len] = '\0';
	return start;
}

static const char *take_name(char **rest, struct rps_script_step *step)
{
	const char *name = word(rest);

	if (!name)
		return "a name is missing";
	if (strlen(name) >= RPMSG_NAME_SIZE)
		return "the name is longer than 31 characters";
	rps_name_copy(step->name, name);
	return NULL;
}

static const char *addr_of(const char *text, struct rps_script_step *step)
{
	uint64_t addr;

	if (!text)
		return "an address is missing";
	if (!rps_number_parse(text, RPMSG_ADDR_ANY - 1, &addr))
		return "the address is no number below 0xffffffff";
	step->addr = (uint32_t)addr;
	return NULL;
}

static const char *parse_announce(char **rest, struct rps_script_step *step)
{
	const char *wrong = take_name(rest, step);

	return wrong ? wrong : addr_of(word(rest), step);
}

static const char *parse_withdraw(char **rest, struct rps_script_step *step)
{
	return take_name(rest, step);
}

static int hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, c | 0x20) : NULL;

	return at ? (int)(at - digits) : -1;
}

static const char *take_hex(const char *text, struct rps_script_step *step)
{
	size_t len = strlen(text);

	if (len % 2)
		return "hexadecimal bytes have two digits each";
	for (size_t i = 0; i < len; i += 2) {
		int high = hex_digit(text[i]);
		int low = hex_digit(text[i + 1]);

		if (high < 0 || low < 0)
			return "no hexadecimal digit";
		step->payload[i / 2] = (uint8_t)(high * 16 + low);
	}
	step->len_bytes = (uint16_t)(len / 2);
	return NULL;
}

static const char *parse_send(char **rest, struct rps_script_step *step)
{
	const char *wrong = take_name(rest, step);

	const char *to = wrong ? NULL : word(rest);

	step->addr = RPMSG_ADDR_ANY;
	if (!wrong && (!to || strcmp(to, "peer") != 0))
		wrong = addr_of(to, step);
	if (wrong)
		return wrong;

	/* The rest of the line is the text, spaces included. */
	if (strncmp(*rest, "hex:", 4) == 0) {
		wrong = take_hex(*rest + 4, step);
	} else {
		step->len_bytes = (uint16_t)strlen(*rest);
		memcpy(step->payload, *rest, step->len_bytes);
	}
	*rest += strlen(*rest);
	return wrong;
}

static const char *parse_wait(char **rest, struct rps_script_step *step)
{
	const char *text = word(rest);
	uint64_t wait_ms;

	if (!text || !rps_number_parse(text, UINT32_MAX, &wait_ms))
		return "a number of milliseconds is missing";
	step->wait_ms = (uint32_t)wait_ms;
	return NULL;
}

static const char *parse_echo(char **rest, struct rps_script_step *step)
{
	const char *text = word(rest);

	step->on = text && strcmp(text, "on") == 0;
	if (!text || (!step->on && strcmp(text, "off") != 0))
		return "echo is on or off";
	return NULL;
}

static const char *parse_quit(char **rest, struct rps_script_step *step)
{
	(void)rest;
	(void)step;
	return NULL;
}

static const struct verb {
	const char *name;
	enum rps_script_verb verb;
	const char *(*parse)(char **rest, struct rps_script_step *step);
} verbs[] = {
	{ "announce", RPS_SCRIPT_ANNOUNCE, parse_announce },
	{ "withdraw", RPS_SCRIPT_WITHDRAW, parse_withdraw },
	{ "send", RPS_SCRIPT_SEND, parse_send },
	{ "wait", RPS_SCRIPT_WAIT, parse_wait },
	{ "echo", RPS_SCRIPT_ECHO, parse_echo },
	{ "quit", RPS_SCRIPT_QUIT, parse_quit },
};

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	}
	return NULL;
}

static const char *parse_step(const char *name, char *rest,
			      struct rps_script_step *step)
{
	const struct verb *verb = find_verb(name);
	const char *wrong;

	if (!verb)
		return "no such verb";
	step->verb = verb->verb;
	wrong = verb->parse(&rest, step);
	return !wrong && word(&rest) ? "there is something after the step"
				     : wrong;
}

/* NULL also for a line without a step. */
static const char *parse_line(struct rps_script *script, char *text,
			      unsigned int line)
{
	struct rps_script_step *step = &script->step[script->num_steps];
	char *rest = text;
	const char *name;

	if (!strchr(text, '\n') && strlen(text) + 1 == RPS_SCRIPT_LINE_BYTES)
		return "the line is too long";
	text[strcspn(text, "\r\n")] = '\0';
	name = word(&rest);
	if (!name || name[0] == '#')
		return NULL;
	if (script->num_steps == RPS_SCRIPT_STEPS)
		return "there are too many steps";
	*step = (struct rps_script_step){ .line = line };
	script->num_steps++;
	return parse_step(name, rest, step);
}

int rps_script_parse(struct rps_script *script, FILE *file)
{
	char text[RPS_SCRIPT_LINE_BYTES];
	const char *wrong = NULL;
	unsigned int line = 0;

	memset(script, 0, sizeof(*script));
	while (!wrong && fgets(text, sizeof(text), file))
		wrong = parse_line(script, text, ++line);
	if (!wrong && ferror(file))
		wrong = "it cannot be read";
	if (!wrong)
		return 0;
	snprintf(script->error, sizeof(script->error), "%u: %s", line, wrong);
	return -EINVAL;
}

static int run_announce(struct rps_services *services,
			const struct rps_script_step *step)
{
	struct rps_service_slot *slot = rps_services_find(services, step->name);
	struct rps_service_spec spec = { .kind = RPS_SERVICE_DEAF,
					 .addr = step->addr };

	if (slot)
		return rps_node_announce(services->node, &slot->ept);
	rps_name_copy(spec.name, step->name);
	return rps_services_add(services, &spec);
}

static int run_withdraw(struct rps_services *services,
			const struct rps_script_step *step)
{
	struct rps_service_slot *slot = rps_services_find(services, step->name);

	return slot ? rps_node_withdraw(services->node, &slot->ept) : -ENOENT;
}

static int run_send(struct rps_services *services,
		    const struct rps_script_step *step)
{
	struct rps_service_slot *slot = rps_services_find(services, step->name);
	uint32_t dst = step->addr;

	if (!slot)
		return -ENOENT;
	if (dst == RPMSG_ADDR_ANY)
		dst = slot->peer;
	if (dst == RPMSG_ADDR_ANY)
		return -EDESTADDRREQ;
	return rps_services_send(slot, dst, step->payload, step->len_bytes);
}

static int run_step(struct rps_script *script, struct rps_services *services,
		    const struct rps_script_step *step, uint64_t now_ms)
{
	switch (step->verb) {
	case RPS_SCRIPT_ANNOUNCE:
		return run_announce(services, step);
	case RPS_SCRIPT_WITHDRAW:
		return run_withdraw(services, step);
	case RPS_SCRIPT_SEND:
		return run_send(services, step);
	case RPS_SCRIPT_WAIT:
		script->wait_until_ms = now_ms + step->wait_ms;
		return 0;
	case RPS_SCRIPT_ECHO:
		services->echo_on = step->on;
		return 0;
	case RPS_SCRIPT_QUIT:
		return 0;
	}
	return -EINVAL;
}

enum rps_script_result rps_script_run(struct rps_script *script,
				      struct rps_services *services,
				      uint64_t now_ms)
{
	while (script->next < script->num_steps) {
		const struct rps_script_step *step =
			&script->step[script->next];
		int err;

		if (now_ms < script->wait_until_ms)
			return RPS_SCRIPT_WAITING;
		script->next++;
		err = run_step(script, services, step, now_ms);
		if (err) {
			snprintf(script->error, sizeof(script->error), "%u: %s",
				 step->line, strerror(-err));
			return RPS_SCRIPT_FAILED;
		}
		if (step->verb == RPS_SCRIPT_QUIT)
			return RPS_SCRIPT_QUITS;
	}
	return now_ms < script->wait_until_ms ? RPS_SCRIPT_WAITING
					      : RPS_SCRIPT_DONE;
}
