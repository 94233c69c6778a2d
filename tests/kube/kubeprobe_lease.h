// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Inside kubeprobe: asks about a Lease by hand, or again and again as an elector would. */
#pragma once

#include <stdint.h>

#include <jansson.h>

struct err;
struct kube_client;
struct lease_probe;

struct lease_words { /* borrowed */
	const char *namespace, *name, *identity;
	uint32_t duration_sec, deadline_ms;
	uint32_t period_ms; /* between two asks; 0: only by hand */
};

/* `print` takes its argument. NULL with the reason in `err`. */
struct lease_probe *lease_probe_new(struct kube_client *client, const struct lease_words *words,
				    void (*print)(json_t *json), struct err *err);
void lease_probe_free(struct lease_probe *probe); /* NULL is fine */
/* look, try, take, release; stop, go */
void lease_probe_line(struct lease_probe *probe, const char *line);
