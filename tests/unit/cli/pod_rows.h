// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Situations of a pod, as Kubernetes' objects, and what is to be said of them. */
#pragma once

#include "cli/pod.h"

#define NONE "none"     /* an empty list */
#define FORBIDDEN "403" /* answers that are failures */
#define ABSENT "404"
#define SILENT "0"
#define LOGIN "401"

/* A pod that leaves as it should. */
extern const char *const pod_usual[POD_ASK_COUNT];

/* The usual objects with one thing otherwise. */
struct row {
	const char *what;
	const char *verdict, *wrong; /* wrong "": nothing is */
	const char *finding;         /* that there must be; NULL: the one that is wrong */
	const char *text; /* in the headline if something is wrong, else in that finding */
	const char *v[POD_ASK_COUNT]; /* NULL: as usual; a line each */
	const char *destination;
	const char *node_says, *gateway_says; /* a verdict; NULL: no daemon here */
};
extern const struct row pod_rows[];
extern const size_t pod_rows_count;
