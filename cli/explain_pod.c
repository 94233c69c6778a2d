// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* eipgw explain pod: what Kubernetes says of a pod's way, and what this host's daemons say if they are on it. */
#include "base/cleanup.h"
#include "base/err.h"
#include "base/loop.h"
#include "base/options.h"
#include "cli/ask.h"
#include "cli/command.h"
#include "cli/explain.h"
#include "cli/login.h"
#include "cli/pod.h"
#include "control/control.h"
#include "control/out.h"
#include "http/http.h"
#include "kube/client.h"
#include "kube/config.h"
#include "kube/kinds.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct ip4 default_destination = { 0xc6336401 }; /* 198.51.100.1, as the daemons' */

#define NAME_TEXT_MAX 254

struct pod_name {
	char namespace[NAME_TEXT_MAX]; /* "": not said */
	char name[NAME_TEXT_MAX];
};

/* DNS subdomains (RFC 1123), as Kubernetes has them; what isn't one would be another path. */
static bool is_name(const char *text, size_t length)
{
	static const char chars[] = "abcdefghijklmnopqrstuvwxyz0123456789-.";

	return length > 0 && length < NAME_TEXT_MAX && strspn(text, chars) >= length &&
	       text[0] != '.' && text[0] != '-';
}

static int parse_name(const char *text, struct pod_name *ret, struct err *err)
{
	const char *const slash = strchr(text, '/');
	const char *const name = slash ? slash + 1 : text;
	const size_t length = slash ? (size_t)(slash - text) : 0;

	if ((slash && !is_name(text, length)) || !is_name(name, strlen(name)))
		return err_set(err, -EINVAL, "'%.300s' is no pod's name: NAMESPACE/NAME", text);
	snprintf(ret->namespace, sizeof(ret->namespace), "%.*s", (int)length, text);
	snprintf(ret->name, sizeof(ret->name), "%s", name);
	return 0;
}

/* ---- this host's daemons */

struct daemons {
	struct control_reply *status[POD_DAEMONS_MAX], *explanation[POD_DAEMONS_MAX];
	struct err errors[POD_DAEMONS_MAX];
	size_t n;
};

static void cleanup_daemons(struct daemons *daemons)
{
	for (size_t i = 0; i < daemons->n; i++) {
		control_reply_free(daemons->status[i]);
		control_reply_free(daemons->explanation[i]);
	}
}

static void set_argument(struct control_args *args, const char *key, struct ip4 address)
{
	stpcpy(args->v[args->n].key, key);
	ip4_format(address, args->v[args->n].value);
	args->n++;
}

/* One that doesn't answer is none. */
static void ask_one(const char *path, struct ip4 source, struct ip4 destination,
		    struct daemons *daemons)
{
	const char *const sockets[] = { path, NULL };
	struct control_args args = { .n = 0 };
	const size_t i = daemons->n;
	struct err err = ERR_NULL;

	set_argument(&args, "source", source);
	set_argument(&args, "destination", destination);
	if (ask_daemon(sockets, "status", NULL, &daemons->status[i], &err) != EXIT_OK)
		return;
	daemons->n++;
	(void)ask_daemon(sockets, "explain", &args, &daemons->explanation[i], &daemons->errors[i]);
}

static void ask_daemons(const struct cli *cli, const struct cli_options *options,
			struct pod_facts *facts, struct daemons *daemons)
{
	const char *const chosen[] = { options->socket, NULL };
	const struct pod_fact *const fact = &facts->v[POD_ASK_POD];
	const struct kube_pod *const pod = fact->state == FACT_KNOWN ? fact->objects.v[0] : NULL;
	const char *const *path = options->socket ? chosen : cli->sockets;

	if (!pod || pod->ip.family != 4)
		return;
	for (; *path && daemons->n < POD_DAEMONS_MAX; path++)
		ask_one(*path, pod->ip.v4, facts->destination, daemons);
	for (size_t i = 0; i < daemons->n; i++) {
		const struct control_node *const status = control_reply_result(daemons->status[i]);

		facts->daemons[facts->n_daemons++] = (struct pod_daemon){
			.program = control_text(status, "program"),
			.name = control_text(status, "name"),
			.explanation = daemons->explanation[i] ?
					       control_reply_result(daemons->explanation[i]) :
					       NULL,
			.error = daemons->errors[i].text,
		};
	}
}

/* ---- the answer */

/* What this host's daemons say comes below their programs' names, if they are on the pod's way. */
static void add_explanations(struct control_reply *reply, const struct pod_facts *facts,
			     const struct judgement *judgement, const struct daemons *daemons)
{
	for (size_t i = 0; i < facts->n_daemons; i++) {
		const struct pod_daemon *const daemon = &facts->daemons[i];
		const bool is_node = strcmp(daemon->program, "eipgw-noded") == 0;
		const char *const self = is_node ? judgement->node : judgement->member;

		if (daemon->explanation && self[0] && strcmp(self, daemon->name) == 0)
			(void)control_reply_put(reply, daemon->program, daemons->explanation[i]);
	}
}

static void print_answer(FILE *out, const struct control_node *answer)
{
	static const char *const programs[] = { "eipgw-noded", "eipgwd" };

	pod_print(out, answer);
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		const struct control_node *const said = control_get(answer, programs[i]);

		if (!said)
			continue;
		fprintf(out, "\n%s on this host: ", programs[i]);
		explain_print(out, said);
	}
}

static int answer(const struct cli *cli, const struct cli_options *options,
		  const struct pod_facts *facts, const struct daemons *daemons)
{
	CLEANUP(judgement_done) struct judgement judgement = { .v = NULL };
	CLEANUP(cleanup_control_out) struct control_out *out = control_out_new_answer();
	struct err err = ERR_NULL;

	if (pod_judge(facts, &judgement) < 0 || !out)
		return complain_of_failure(cli, options, EXIT_RUNTIME, "out of memory");
	judgement_put(out, facts, &judgement);
	CLEANUP(cleanup_reply) struct control_reply *reply = read_own(out, &err);
	if (!reply)
		return complain_of_error(cli, options, EXIT_RUNTIME, &err);
	add_explanations(reply, facts, &judgement, daemons);
	const int code = print_reply(cli, options, reply, print_answer, NULL);
	return code != EXIT_OK || !judgement_wrong(&judgement) ? code : EXIT_RUNTIME;
}

static void cleanup_loop(struct loop **loop)
{
	loop_free(*loop);
}

static void cleanup_http(struct http **http)
{
	http_free(*http);
}

static void cleanup_client(struct kube_client **client)
{
	kube_client_free(*client);
}

static int gather(const struct kube_config *config, struct pod_facts *facts, struct err *err)
{
	CLEANUP(cleanup_loop) struct loop *loop = loop_new();
	CLEANUP(cleanup_http) struct http *http = loop ? http_new(loop, err) : NULL;
	const struct kube_client_options options = { .loop = loop, .http = http, .config = config };
	CLEANUP(cleanup_client)
	struct kube_client *client = http ? kube_client_new(&options, err) : NULL;

	if (!client)
		return -EIO;
	pod_gather(client, facts);
	return 0;
}

static int parse_arguments(const struct words *arguments, struct pod_name *name,
			   struct pod_facts *facts, struct err *err)
{
	int r = parse_name(arguments->v[0], name, err);

	if (r == 0 && arguments->n > 1) {
		r = ip4_parse(arguments->v[1], &facts->destination, err);
		if (r < 0)
			err_prefix(err, r, "destination");
	}
	return r;
}

int run_explain_pod(const struct cli *cli, const struct cli_options *options,
		    const struct words *arguments)
{
	CLEANUP(pod_facts_done) struct pod_facts facts = { .destination = default_destination };
	CLEANUP(kube_config_done) struct kube_config config = KUBE_CONFIG_NULL;
	CLEANUP(cleanup_daemons) struct daemons daemons = { .n = 0 };
	struct err err = ERR_NULL;
	struct pod_name name = { .namespace = "" };

	if (parse_arguments(arguments, &name, &facts, &err) < 0)
		return complain_of_usage(cli, err.text);
	const int code = login_choose(options, &config, &err);
	if (code != EXIT_OK)
		return complain_of_error(cli, options, code, &err);
	/* As kubectl does: the context's namespace, or "default". */
	if (!name.namespace[0])
		snprintf(name.namespace, sizeof(name.namespace), "%s",
			 config.namespace[0] ? config.namespace : "default");
	facts.namespace = name.namespace;
	facts.name = name.name;
	facts.server = config.server;
	if (gather(&config, &facts, &err) < 0)
		return complain_of_error(cli, options, EXIT_RUNTIME, &err);
	ask_daemons(cli, options, &facts, &daemons);
	return answer(cli, options, &facts, &daemons);
}
