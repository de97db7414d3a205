/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef RPS_SEAM_H
#define RPS_SEAM_H

enum seam {
#define SEAM(name, text) SEAM_##name,
#include "seam.def"
#undef SEAM
	NUM_SEAMS
};

#endif
