// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * kubeprobe KUBECONFIG COMMAND [KEY=VALUE]...: our client, by hand or by a test. Prints a JSON object a line; ends when
 * its standard input does.
 *
 *   follow kind=Pod [fields=SELECTOR] [labels=SELECTOR] [page=N] [watch_sec=N] [quiet_ms=N]
 *       what a reflector tells; a line of input: its status
 *   status kind=EgressPolicy name=NAME [manager=NAME] [interval_ms=N]
 *       each line of input is a number of matched pods, written into the status; with "!" before it, at once
 *   events name=NAME uid=UID [again_ms=N]
 *       each line of input is the sentence of an Event about that EgressPolicy
 *   lease namespace=NS name=NAME identity=ID [duration_sec=N] [deadline_ms=N] [period_ms=N]
 *       a line of input is an ask: look, try, take, release; with a period, which asks "try" by itself: "stop" and "go"
 *
 * KUBECONFIG "in-cluster:DIR": as in a pod whose files are in DIR; "eks:FILE": as a gateway with that configuration.
 */
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/loop.h"
#include "http/http.h"
#include "kube/client.h"
#include "kube/events.h"
#include "kube/kinds.h"
#include "kube/reflector.h"
#include "kube/status.h"
#include "kubeprobe_lease.h"
#include "kubeprobe_login.h"

struct probe {
	struct loop *loop;
	struct http *http;
	struct login login;
	struct kube_client *client;
	struct kube_reflector *reflector;
	struct kube_status_writer *writer;
	struct kube_events *events;
	struct lease_probe *lease;
	struct loop_io *input;
	char line[4096];
	size_t length;
	size_t peak_bytes; /* of live memory, seen at each object */
};

static char **arguments;

/* AddressSanitizer's, where it's linked. */
size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

static size_t live_bytes(void)
{
	return __sanitizer_get_current_allocated_bytes ? __sanitizer_get_current_allocated_bytes() :
							 mallinfo2().uordblks;
}

/* The value of KEY=VALUE; NULL if it isn't there. */
static const char *get(const char *key)
{
	const size_t length = strlen(key);

	for (char **p = arguments; *p; p++)
		if (strncmp(*p, key, length) == 0 && (*p)[length] == '=')
			return *p + length + 1;
	return NULL;
}

static uint32_t get_number(const char *key)
{
	return get(key) ? (uint32_t)strtoul(get(key), NULL, 10) : 0;
}

static void fail(const char *what, const struct err *err)
{
	fprintf(stderr, "kubeprobe: %s: %s\n", what, err->text);
	exit(1);
}

/* Takes it. */
static void print(json_t *json)
{
	char *const text = json_dumps(json, JSON_COMPACT);

	puts(text ? text : "{}");
	fflush(stdout);
	free(text);
	json_decref(json);
}

static const struct kube_kind *get_kind(void)
{
	static const struct kube_kind *const kinds[] = { &kube_pods, &kube_namespaces, &kube_nodes,
							 &kube_policies, &kube_gateways };
	const char *const name = get("kind") ? get("kind") : "";

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strcmp(kinds[i]->name, name) == 0)
			return kinds[i];
	fprintf(stderr, "kubeprobe: kind=%s isn't one of ours\n", name);
	exit(2);
}

/* follow */

/* "namespace/name", or "/name"; allocated. */
static char *name_of(const struct kube_meta *meta)
{
	char *name = NULL;

	if (asprintf(&name, "%s/%s", meta->namespace ? meta->namespace : "", meta->name) < 0)
		abort();
	return name;
}

static void on_object(enum kube_change change, const void *object, void **user, void *data)
{
	const struct kube_meta *const meta = object;
	struct probe *const probe = data;
	json_t *const json = kube_json_make(get_kind()->table, object);
	const size_t bytes = live_bytes();

	if (bytes > probe->peak_bytes)
		probe->peak_bytes = bytes;
	if (!*user)
		*user = name_of(meta);
	print(json_pack("{s:s, s:s*, s:s, s:o}", "event",
			change == KUBE_ADDED ? "added" : "changed", "namespace", meta->namespace,
			"name", meta->name, "object", json));
}

static void on_removed(void *user, void *data)
{
	char *const name = user;
	char *const slash = strchr(name, '/');

	(void)data;
	*slash = '\0';
	print(json_pack("{s:s, s:s*, s:s}", "event", "removed", "namespace",
			slash > name ? name : NULL, "name", slash + 1));
	free(name);
}

static void forget(void *user, void *data)
{
	(void)data;
	free(user);
}

static void on_unreadable(const struct kube_meta *meta, const char *why, void **user, void *data)
{
	(void)user;
	(void)data;
	print(json_pack("{s:s, s:s, s:s}", "event", "unreadable", "name", meta->name, "why", why));
}

static void print_status(const struct probe *probe)
{
	struct kube_reflector_status status;

	kube_reflector_status(probe->reflector, &status);
	print(json_pack("{s:s, s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s, s:s, s:I}",
			"event", "status", "state", status.state, "synced", status.is_synced,
			"objects", (json_int_t)status.objects, "lists", (json_int_t)status.lists,
			"pages", (json_int_t)status.pages, "watches", (json_int_t)status.watches,
			"events", (json_int_t)status.events, "expired", (json_int_t)status.expired,
			"failures", (json_int_t)status.failures, "version", status.version,
			"last_failure", status.last_failure, "peak_bytes",
			(json_int_t)probe->peak_bytes));
}

static void on_synced(void *data)
{
	(void)data;
	print(json_pack("{s:s}", "event", "synced"));
}

static void on_failed(const struct kube_failure *failure, int64_t again_ms, void *data)
{
	(void)data;
	print(json_pack("{s:s, s:s, s:i, s:s, s:s, s:I}", "event", "failed", "class",
			http_class_names[failure->class], "status", (int)failure->status, "reason",
			failure->reason, "text", failure->text, "again_ms", (json_int_t)again_ms));
}

static void start_follow(struct probe *probe)
{
	const struct kube_reflector_options options = {
		.client = probe->client,
		.kind = get_kind(),
		.field_selector = get("fields"),
		.label_selector = get("labels"),
		.callbacks = { on_object, on_removed, on_unreadable, on_synced, on_failed },
		.data = probe,
		.page_limit = get_number("page"),
		.watch_sec = get_number("watch_sec"),
		.quiet_ms = get_number("quiet_ms"),
	};
	struct err err = ERR_NULL;

	probe->reflector = kube_reflector_new(&options, &err);
	if (!probe->reflector)
		fail("follow", &err);
}

static void line_follow(struct probe *probe, const char *line)
{
	(void)line;
	print_status(probe);
}

/* status */

static void on_status_failed(const char *name, const struct kube_failure *failure, void *data)
{
	(void)name;
	on_failed(failure, 0, data);
}

static void start_status(struct probe *probe)
{
	const struct kube_status_options options = {
		.client = probe->client,
		.manager = get("manager") ? get("manager") : "kubeprobe",
		.interval_ms = get_number("interval_ms"),
		.on_failed = on_status_failed,
	};
	struct err err = ERR_NULL;

	probe->writer = kube_status_writer_new(&options, &err);
	if (!probe->writer)
		fail("status", &err);
}

static void set_policy(struct probe *probe, const struct kube_target *target, const char *line)
{
	struct kube_condition condition = { .type = "Ready",
					    .status = "True",
					    .since = "2026-01-01T00:00:00Z",
					    .reason = "Probed",
					    .message = line };
	const struct kube_policy_status status = {
		.matched_pods = strtol(line, NULL, 10),
		.conditions = { &condition, 1 },
	};

	if (kube_status_set(probe->writer, target, &kube_policy_status_table, &status) < 0)
		exit(1);
}

/* "gw1 10.0.1.200": this manager's member of the group; with a third word, that one's, in his place. */
static void set_gateway(struct probe *probe, struct kube_target *target, const char *line)
{
	static char words[192];
	char *rest = NULL;

	snprintf(words, sizeof(words), "%s", line);
	struct kube_member member = { .name = strtok_r(words, " \n", &rest),
				      .state = KUBE_MEMBER_ACTIVE };
	const struct kube_gateway_status status = { .members = { &member, 1 } };
	const char *address = strtok_r(NULL, " \n", &rest);

	target->manager = strtok_r(NULL, " \n", &rest);
	if (!address || ip4_parse(address, &member.address, NULL) < 0 ||
	    kube_status_set(probe->writer, target, &kube_gateway_status_table, &status) < 0)
		exit(1);
}

static void line_status(struct probe *probe, const char *line)
{
	struct kube_target target = { .kind = get_kind(), .name = get("name") };
	const bool is_urgent = *line == '!';
	struct kube_status_counts counts;

	line += is_urgent;
	if (target.kind == &kube_gateways)
		set_gateway(probe, &target, line);
	else if (*line)
		set_policy(probe, &target, line);
	if (is_urgent)
		kube_status_hurry(probe->writer, &target);
	kube_status_counts(probe->writer, &counts);
	print(json_pack("{s:s, s:I, s:I, s:I}", "event", "counts", "written",
			(json_int_t)counts.written, "failed", (json_int_t)counts.failed, "waiting",
			(json_int_t)counts.waiting));
}

/* events */

static void start_events(struct probe *probe)
{
	const struct kube_events_options options = {
		.client = probe->client,
		.controller = "eipgw.io/probe",
		.instance = "probe-1",
		.again_ms = get_number("again_ms"),
	};
	struct err err = ERR_NULL;

	probe->events = kube_events_new(&options, &err);
	if (!probe->events)
		fail("events", &err);
}

static void line_events(struct probe *probe, const char *line)
{
	const struct kube_event event = {
		.kind = kube_policies.name,
		.api_version = kube_policies.api_version,
		.name = get("name"),
		.uid = get("uid"),
		.is_warning = true,
		.reason = "Probed",
		.action = "Probing",
		.note = line,
	};
	struct kube_event_counts counts;

	if (*line)
		kube_events_note(probe->events, &event);
	kube_events_counts(probe->events, &counts);
	print(json_pack("{s:s, s:I, s:I, s:I, s:s}", "event", "counts", "made",
			(json_int_t)counts.made, "counted_on", (json_int_t)counts.counted_on,
			"dropped", (json_int_t)counts.dropped, "last_failure",
			counts.last_failure));
}

static void line_lease(struct probe *probe, const char *line)
{
	lease_probe_line(probe->lease, line);
}

static void start_lease(struct probe *probe)
{
	const struct lease_words words = {
		.namespace = get("namespace"),
		.name = get("name"),
		.identity = get("identity"),
		.duration_sec = get("duration_sec") ? get_number("duration_sec") : 6,
		.deadline_ms = get("deadline_ms") ? get_number("deadline_ms") : 2000,
		.period_ms = get_number("period_ms"),
	};
	struct err err = ERR_NULL;

	probe->lease = lease_probe_new(probe->client, &words, print, &err);
	if (!probe->lease)
		fail("lease", &err);
}

static const struct command {
	const char *name;
	void (*start)(struct probe *probe);
	void (*line)(struct probe *probe, const char *line);
} commands[] = {
	{ "follow", start_follow, line_follow },
	{ "status", start_status, line_status },
	{ "events", start_events, line_events },
	{ "lease", start_lease, line_lease },
};
static const struct command *command;

static void on_input(int fd, unsigned events, void *data)
{
	struct probe *const probe = data;
	const ssize_t n =
		read(fd, probe->line + probe->length, sizeof(probe->line) - 1 - probe->length);
	char *end;
	(void)events;

	if (n <= 0) {
		loop_stop(probe->loop);
		return;
	}
	probe->length += (size_t)n;
	while ((end = memchr(probe->line, '\n', probe->length))) {
		*end = '\0';
		command->line(probe, probe->line);
		probe->length -= (size_t)(end + 1 - probe->line);
		memmove(probe->line, end + 1, probe->length);
	}
}

static void start(void *data)
{
	command->start(data);
}

static void setup(struct probe *probe, const char *path)
{
	struct err err = ERR_NULL;

	probe->loop = loop_new();
	probe->login = (struct login){ .loop = probe->loop, .start = start, .data = probe };
	if (login_open(&probe->login, path, &err) < 0)
		fail("configuration", &err);
	probe->http = probe->loop ? http_new(probe->loop, &err) : NULL;
	if (!probe->http)
		fail("start", &err);
	const struct kube_client_options options = { .loop = probe->loop,
						     .http = probe->http,
						     .config = &probe->login.config };
	probe->client = kube_client_new(&options, &err);
	probe->input = loop_io_new(probe->loop, STDIN_FILENO, LOOP_READ, on_input, probe);
	if (!probe->client || !probe->input)
		fail("start", &err);
}

static void teardown(struct probe *probe)
{
	loop_io_free(probe->input);
	if (probe->reflector)
		kube_reflector_each(probe->reflector, forget, NULL);
	kube_reflector_free(probe->reflector);
	kube_status_writer_free(probe->writer);
	kube_events_free(probe->events);
	lease_probe_free(probe->lease);
	kube_client_free(probe->client);
	http_free(probe->http);
	login_done(&probe->login);
	loop_free(probe->loop);
}

int main(int argc, char **argv)
{
	struct probe probe = { .loop = NULL };

	for (size_t i = 0; argc > 2 && i < ARRAY_SIZE(commands); i++)
		if (strcmp(commands[i].name, argv[2]) == 0)
			command = &commands[i];
	if (!command) {
		fputs("usage: kubeprobe KUBECONFIG follow|status|events|lease [KEY=VALUE]...\n",
		      stderr);
		return 2;
	}
	arguments = argv + 3;
	setup(&probe, argv[1]);
	if (!probe.login.eks)
		start(&probe);
	loop_run(probe.loop);
	teardown(&probe);
	return 0;
}
