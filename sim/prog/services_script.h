/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A remote's script: one step a line, run once, from the first start of the
 * device on; while the device is stopped it waits.
 *
 *   # a comment
 *   announce NAME ADDR    (again, where NAME is served already)
 *   withdraw NAME
 *   send NAME TO TEXT     (from the service NAME to address TO, or to `peer`)
 *   send NAME TO hex:0aff
 *   wait MS
 *   echo on|off
 *   quit
 */
#ifndef RPS_SERVICES_SCRIPT_H
#define RPS_SERVICES_SCRIPT_H

#include <stdio.h>

#include "services.h"

#define RPS_SCRIPT_STEPS      256u
#define RPS_SCRIPT_LINE_BYTES 256u

enum rps_script_verb {
	RPS_SCRIPT_ANNOUNCE,
	RPS_SCRIPT_WITHDRAW,
	RPS_SCRIPT_SEND,
	RPS_SCRIPT_WAIT,
	RPS_SCRIPT_ECHO,
	RPS_SCRIPT_QUIT,
};

struct rps_script_step {
	unsigned int line;
	enum rps_script_verb verb;
	char name[RPMSG_NAME_SIZE];
	uint32_t addr; /* RPMSG_ADDR_ANY: `peer` */
	uint32_t wait_ms;
	bool on;
	uint16_t len_bytes;
	uint8_t payload[RPS_SCRIPT_LINE_BYTES];
};

struct rps_script {
	struct rps_script_step step[RPS_SCRIPT_STEPS];
	unsigned int num_steps;
	unsigned int next;
	uint64_t wait_until_ms;
	char error[128]; /* "line 3: ...", of parsing or of the last step */
};

/* Return: 0, or -EINVAL with @script->error. */
RPS_CHECKED int rps_script_parse(struct rps_script *script, FILE *file);

enum rps_script_result {
	RPS_SCRIPT_DONE,    /* nothing is left */
	RPS_SCRIPT_WAITING, /* until wait_until_ms */
	RPS_SCRIPT_QUITS,
	RPS_SCRIPT_FAILED, /* with @script->error; goes on at the next step */
};

/**
 * rps_script_run() - all steps up to the next wait.
 * @now_ms: any clock that does not go back.
 */
RPS_CHECKED enum rps_script_result rps_script_run(struct rps_script *script,
						  struct rps_services *services,
						  uint64_t now_ms);

#endif
