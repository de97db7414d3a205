/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rps-device: a remote processor to talk to, behind a vhost-user socket.
 */
#include <argp.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <rps/trace.h>

#include "services_remote.h"

#define EXIT_USAGE       2
#define DEFAULT_PROVIDER "librps-lttng.so"

struct options {
	struct rps_vu_config config;
	struct rps_service_spec spec[RPS_SERVICE_SLOTS];
	unsigned int num_specs;
	const char *script;
	const char *trace;
	uint64_t count;
	uint64_t delay_ms;
	bool verbose;
};

enum key {
	KEY_SOCKET = 's',
	KEY_VERBOSE = 'v',
	KEY_ECHO = 256,
	KEY_SINK,
	KEY_SOURCE,
	KEY_ANNOUNCE,
	KEY_NO_NS,
	KEY_EVENT_IDX,
	KEY_NO_VERSION_1,
	KEY_FEATURES,
	KEY_INBAND,
	KEY_SCRIPT,
	KEY_COUNT,
	KEY_DELAY,
	KEY_TRACE,
};

/* clang-format off */
static const struct argp_option option_table[] = {
	{ "socket", KEY_SOCKET, "PATH", 0, "UNIX socket to listen on (required)", 0 },
	{ "echo", KEY_ECHO, "NAME[:ADDR]", 0, "Give each message back to its sender", 1 },
	{ "sink", KEY_SINK, "NAME[:ADDR]", 0, "Count messages", 1 },
	{ "source", KEY_SOURCE, "NAME[:ADDR][,count=N][,len=N]", 0, "Send N messages (100) of N bytes (16) to the first who speaks", 1 },
	{ "announce", KEY_ANNOUNCE, "NAME:ADDR", 0, "Announce a service that does nothing", 1 },
	{ "no-ns", KEY_NO_NS, NULL, 0, "Do not offer the name service", 2 },
	{ "event-idx", KEY_EVENT_IDX, NULL, 0, "Offer VIRTIO_F_EVENT_IDX", 2 },
	{ "no-version-1", KEY_NO_VERSION_1, NULL, 0, "Be a legacy device, with rings in the guest's byte order (for user-mode Linux; QEMU's generic PCI device is modern only)", 2 },
	{ "features", KEY_FEATURES, "MASK", 0, "Offer these feature bits; options that follow still change them", 2 },
	{ "inband", KEY_INBAND, NULL, 0, "Offer kicks and calls in the vhost-user protocol itself", 2 },
	{ "script", KEY_SCRIPT, "FILE", 0, "Steps to do once the device has started (announce, withdraw, send, wait, echo, quit)", 3 },
	{ "count", KEY_COUNT, "N", 0, "End after N messages have come in", 3 },
	{ "delay", KEY_DELAY, "MS", 0, "Start, and announce, that long after the driver is ready (0)", 3 },
	{ "trace", KEY_TRACE, "PROVIDER", OPTION_ARG_OPTIONAL, "Tell LTTng what happens, through this provider (" DEFAULT_PROVIDER ")", 3 },
	{ "verbose", KEY_VERBOSE, NULL, 0, "A line for each message, and the vhost-user protocol at the end", 3 },
	{ NULL, 0, NULL, 0, NULL, 0 },
};

static const char doc[] =
	"Play the device end of RPMsg over VirtIO for a driver in a virtual machine.\v"
	"Frontends may come and go; every time the driver starts, all services are announced again. "
	"SIGINT and SIGTERM end the program, which prints what it has counted.\n\n"
	"Linux serves announcements where the interrupt finds it: on virtio-pci a name whose driver makes a device "
	"node, such as rpmsg-raw, may hang it unless that driver is loaded after the announcement.\n\n"
	"Exit status: 0 ended as asked; 1 the socket cannot be used, or a step of the script failed; "
	"2 wrong usage or script.\n\n"
	"Example, with QEMU 10.2 or later:\n\n"
	"  rps-device --socket /tmp/rpmsg.sock --echo rpmsg-client-sample &\n"
	"  qemu-system-x86_64 ... -m 256M \\\n"
	"    -object memory-backend-memfd,id=mem,size=256M,share=on \\\n"
	"    -machine q35,memory-backend=mem \\\n"
	"    -chardev socket,id=c0,path=/tmp/rpmsg.sock \\\n"
	"    -device vhost-user-test-device-pci,\\\n"
	"chardev=c0,virtio-id=7,num_vqs=2,vq_size=256";
/* clang-format on */

static void add_service(struct argp_state *state, enum rps_service_kind kind,
			const char *text)
{
	struct options *options = state->input;
	const char *wrong;

	if (options->num_specs == RPS_SERVICE_SLOTS)
		argp_error(state, "more than %u services", RPS_SERVICE_SLOTS);
	wrong = rps_service_parse(kind, text,
				  &options->spec[options->num_specs++]);
	if (wrong)
		argp_error(state, "%s: %s", text, wrong);
}

static uint64_t number(struct argp_state *state, const char *text, uint64_t max)
{
	uint64_t value = 0;

	if (!rps_number_parse(text, max, &value))
		argp_error(state, "%s: no number, or too large", text);
	return value;
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
	struct options *options = state->input;
	uint64_t *features = &options->config.features;

	switch (key) {
	case KEY_SOCKET:
		options->config.path = text;
		return 0;
	case KEY_ECHO:
		add_service(state, RPS_SERVICE_ECHO, text);
		return 0;
	case KEY_SINK:
		add_service(state, RPS_SERVICE_SINK, text);
		return 0;
	case KEY_SOURCE:
		add_service(state, RPS_SERVICE_SOURCE, text);
		return 0;
	case KEY_ANNOUNCE:
		add_service(state, RPS_SERVICE_DEAF, text);
		return 0;
	case KEY_NO_NS:
		*features &= ~(1ull << VIRTIO_RPMSG_F_NS);
		return 0;
	case KEY_EVENT_IDX:
		*features |= 1ull << VIRTIO_F_EVENT_IDX;
		return 0;
	case KEY_NO_VERSION_1:
		*features &= ~(1ull << VIRTIO_F_VERSION_1);
		return 0;
	case KEY_FEATURES:
		*features = number(state, text, UINT64_MAX);
		return 0;
	case KEY_INBAND:
		options->config.inband = true;
		return 0;
	case KEY_SCRIPT:
		options->script = text;
		return 0;
	case KEY_COUNT:
		options->count = number(state, text, UINT64_MAX);
		return 0;
	case KEY_DELAY:
		options->delay_ms = number(state, text, UINT32_MAX);
		return 0;
	case KEY_TRACE:
		options->trace = text ? text : DEFAULT_PROVIDER;
		return 0;
	case KEY_VERBOSE:
		options->verbose = true;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "%s: no argument is expected", text);
		return 0;
	case ARGP_KEY_END:
		if (!options->config.path)
			argp_error(state, "--socket is missing");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* Return: the script, to be freed; does not return where it is wrong. */
static struct rps_script *load_script(const char *path)
{
	struct rps_script *script = calloc(1, sizeof(*script));
	FILE *file = fopen(path, "r");

	if (!script || !file) {
		fprintf(stderr, "rps-device: %s: %s\n", path, strerror(errno));
		exit(EXIT_USAGE);
	}
	if (rps_script_parse(script, file)) {
		fprintf(stderr, "%s:%s\n", path, script->error);
		exit(EXIT_USAGE);
	}
	fclose(file);
	return script;
}

/* Return: the provider; does not return where there is none. */
static struct rps_trace *load_trace(const char *path)
{
	char why[512];
	struct rps_trace *trace = rps_trace_open(path, why, sizeof(why));

	if (trace)
		return trace;
	fprintf(stderr, "rps-device: %s\n", why);
	exit(EXIT_USAGE);
}

/* Return: whether all could be added. */
static bool add_services(struct rps_remote *remote,
			 const struct options *options)
{
	for (unsigned int i = 0; i < options->num_specs; i++) {
		const struct rps_service_spec *spec = &options->spec[i];
		int err = rps_services_add(&remote->services, spec);

		if (!err)
			continue;
		fprintf(stderr, "rps-device: %s at %#x: %s\n", spec->name,
			spec->addr, strerror(-err));
		return false;
	}
	return true;
}

/* Readable when the program is to end; the signals do nothing else. */
static int open_stop_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static void print_protocol(struct rps_vu *vu)
{
	static char text[32768];

	rps_vu_log(vu, text, sizeof(text));
	printf("--- vhost-user\n%s", text);
}

/* Return: 0 or -errno. */
static int serve(struct rps_remote *remote, const struct options *options)
{
	int stop_fd = open_stop_signals();
	int err;

	if (stop_fd < 0)
		return -errno;
	err = rps_vu_guard_sigbus(remote->vu);
	if (!err) {
		printf("listening on %s\n", options->config.path);
		fflush(stdout);
		err = rps_remote_run(remote, stop_fd);
	}
	close(stop_fd);
	return err;
}

static int run(struct rps_remote *remote, const struct options *options,
	       struct rps_script *script)
{
	int err;

	remote->verbose = options->verbose;
	remote->stop_after = options->count;
	remote->delay_ms = (uint32_t)options->delay_ms;
	remote->script = script;
	if (!add_services(remote, options))
		return EXIT_USAGE;
	err = serve(remote, options);
	if (err)
		fprintf(stderr, "rps-device: %s\n", strerror(-err));
	rps_remote_print_stats(remote);
	if (options->verbose)
		print_protocol(remote->vu);
	return err || remote->script_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	static const struct argp argp = { option_table, parse_option, NULL, doc,
					  NULL,         NULL,         NULL };
	struct options options = {
		.config = { .features = 1ull << VIRTIO_RPMSG_F_NS |
					1ull << VIRTIO_F_VERSION_1,
			    .num_queues = RPS_NUM_QUEUES,
			    .status = true },
	};
	struct rps_script *script = NULL;
	struct rps_trace *trace = NULL;
	int status = EXIT_FAILURE;
	struct rps_remote *remote;
	int err;

	argp_err_exit_status = EXIT_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &options);
	if (options.script)
		script = load_script(options.script);
	if (options.trace)
		trace = load_trace(options.trace);
	remote = rps_remote_create(&options.config, stdout, &err);
	if (remote) {
		remote->trace = trace;
		status = run(remote, &options, script);
	} else {
		fprintf(stderr, "rps-device: cannot listen on %s: %s\n",
			options.config.path, strerror(-err));
	}
	rps_remote_destroy(remote);
	rps_trace_close(trace);
	free(script);
	return status;
}
