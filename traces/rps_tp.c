/* SPDX-License-Identifier: BSD-3-Clause */
/* Probes and tracepoints, made by LTTng out of rps_tp.h. */
#define LTTNG_UST_TRACEPOINT_CREATE_PROBES
#define LTTNG_UST_TRACEPOINT_DEFINE
#include "rps_tp.h"
