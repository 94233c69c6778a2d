// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* eipgw whois: which pod has, or had at a moment, a port of an egress IP. */
#include "cli/whois.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/cleanup.h"
#include "base/options.h"
#include "cli/command.h"
#include "cli/flow_pages.h"
#include "conf/gateway.h"
#include "control/control.h"
#include "control/out.h"
#include "natlog/stamp.h"

enum { BEFORE = 3, BEFORE_MOST = 1000, HELD_MOST = 1000 };

/* ---- what is asked */

static int take_destination(const char *text, struct search_query *query, struct err *err)
{
	struct endpoint destination;

	if (!text)
		return 0;
	if (endpoint_parse(text, &destination, err))
		return -EINVAL;
	if (destination.name[0] || destination.prefix.len != 32)
		return err_set(err, -EINVAL, "--destination: one address is expected");
	query->destination = destination.prefix.addr;
	query->destination_port = destination.port;
	return 0;
}

static int take_limit(const char *text, size_t *ret, struct err *err)
{
	char *end = NULL;
	unsigned long n = BEFORE;

	if (text) {
		errno = 0;
		n = strtoul(text, &end, 10);
		if (errno || end == text || *end || text[0] == '-' || n > BEFORE_MOST)
			return err_set(err, -EINVAL, "--limit: 0 to %d", BEFORE_MOST);
	}
	*ret = n;
	return 0;
}

static int take_egress(const char *text, struct whois *ret, struct err *err)
{
	struct search_query *query = &ret->query;

	if (endpoint_parse(text, &ret->egress, err))
		return -EINVAL;
	if (!ret->egress.has_port || ret->egress.prefix.len % 32)
		return err_set(
			err, -EINVAL,
			"an egress IP and its port are expected, such as 203.0.113.100:41234");
	query->address = ret->egress.prefix.addr;
	query->port = ret->egress.port;
	memcpy(query->egress, ret->egress.name, sizeof(ret->egress.name));
	return 0;
}

static int take_question(const struct cli_options *options, const char *egress, struct whois *ret,
			 struct err *err)
{
	struct search_query *query = &ret->query;
	int rc = take_egress(egress, ret, err);

	ret->asked_ns = stamp_now_ns();
	query->most_held = HELD_MOST;
	if (!rc && options->protocol &&
	    !(query->protocol = line_protocol_of(options->protocol, strlen(options->protocol))))
		rc = err_set(err, -EINVAL, "--protocol: tcp, udp, icmp, sctp");
	if (!rc)
		rc = take_destination(options->destination, query, err);
	if (!rc)
		rc = take_limit(options->limit, &query->most_before, err);
	if (!rc)
		rc = when_parse(options->at ? options->at : "now", ret->asked_ns, &ret->when, err);
	if (!rc && ret->when.from_ns > ret->asked_ns)
		rc = err_set(err, -EINVAL, "--at: that lies ahead");
	query->from_ns = ret->when.from_ns;
	query->to_ns = ret->when.to_ns;
	return rc;
}

/* ---- what is open now */

static bool take_page(struct control_reply *page, void *data)
{
	struct whois *whois = data;
	struct control_reply **pages =
		reallocarray(whois->pages, whois->n_pages + 1, sizeof(*pages));

	if (!pages) {
		control_reply_free(page);
		return false;
	}
	whois->pages = pages;
	pages[whois->n_pages++] = page;
	whois->has_live = control_flag(control_reply_result(page), "done");
	whois->has_more = control_flag(control_reply_result(page), "more");
	return true;
}

static void look_at_live(const struct cli *cli, const struct cli_options *options,
			 const char *egress, struct whois *whois)
{
	const struct flow_pages_ops ops = { .take = take_page, .data = whois };
	struct control_args args = { .n = 0 };
	struct err err = ERR_NULL;

	(void)flow_argument(&args, "egress_ip", egress);
	(void)flow_argument(&args, "protocol", options->protocol);
	(void)flow_argument(&args, "destination", options->destination);
	if (flow_pages(cli, options, &args, &ops, &err) != EXIT_OK) {
		whois->has_live = false;
		memcpy(whois->no_live, err.text, sizeof(whois->no_live));
		whois->no_live_id = err.id;
	}
}

/* It began before the moment was over, as far as it's known when. */
static bool was_open(const struct whois *whois, const struct control_node *row)
{
	const char *start = control_text(row, "start");
	int64_t ns;

	return stamp_parse(start, strlen(start), &ns) || ns <= whois->when.to_ns;
}

const struct control_node *whois_live(const struct whois *whois, size_t i)
{
	for (size_t j = 0; j < whois->n_pages; j++) {
		const struct control_node *flows =
			control_get(control_reply_result(whois->pages[j]), "flows");

		for (size_t k = 0; k < control_size(flows); k++) {
			if (was_open(whois, control_at(flows, k)) && i-- == 0)
				return control_at(flows, k);
		}
	}
	return NULL;
}

/* ---- blocks */

static const struct control_node *live_blocks(const struct whois *whois)
{
	return whois->n_pages ? control_get(control_reply_result(whois->pages[0]), "blocks") : NULL;
}

static bool is_given(const struct control_node *row)
{
	return strcmp(control_text(row, "is"), "given") == 0;
}

/* Of one whose beginning nobody knows, it's only known for now. */
static bool was_given(const struct whois *whois, const struct control_node *row)
{
	const char *start = control_text(row, "start");
	int64_t ns;

	if (!is_given(row))
		return false;
	if (stamp_parse(start, strlen(start), &ns))
		return whois->when.to_ns >= whois->asked_ns;
	return ns <= whois->when.to_ns;
}

const struct control_node *whois_live_block(const struct whois *whois, size_t i)
{
	const struct control_node *rows = live_blocks(whois);

	for (size_t j = 0; j < control_size(rows); j++) {
		if (was_given(whois, control_at(rows, j)) && i-- == 0)
			return control_at(rows, j);
	}
	return NULL;
}

const struct control_node *whois_no_block(const struct whois *whois)
{
	const struct control_node *rows = live_blocks(whois);

	for (size_t i = 0; i < control_size(rows); i++) {
		if (!is_given(control_at(rows, i)))
			return control_at(rows, i);
	}
	return NULL;
}

bool whois_is_live_too(const struct whois *whois, const struct search_hit *hit)
{
	const struct control_node *row;

	if (line_kind(&hit->line) != LINE_IS_BLOCK_BEGIN)
		return false;
	if (whois->has_live && whois->when.from_ns >= whois->asked_ns)
		return true;
	for (size_t i = 0; (row = whois_live_block(whois, i)); i++) {
		if (line_is(&hit->line, LINE_START, control_text(row, "start")) &&
		    line_is(&hit->line, LINE_POD_ADDRESS,
			    control_text(control_get(row, "pod"), "address")))
			return true;
	}
	return false;
}

static void count_blocks(const struct whois *whois, struct whois_facts *facts)
{
	const struct search_hits *blocks = &whois->log.blocks;

	while (whois_live_block(whois, facts->n_blocks))
		facts->n_blocks++;
	for (size_t i = 0; i < blocks->n; i++) {
		if (whois_is_live_too(whois, &blocks->v[i]))
			continue;
		facts->n_blocks++;
		facts->n_endless += line_kind(&blocks->v[i].line) == LINE_IS_BLOCK_BEGIN;
	}
}

/* ---- the log */

/* As the daemon says, or its configuration. */
static void find_log(const struct cli *cli, const struct cli_options *options, struct whois *whois)
{
	const char *const path = options->config ? options->config : cli->gateway_config;
	struct gateway_config config;
	struct err err = ERR_NULL;

	if (options->log) {
		snprintf(whois->logs, sizeof(whois->logs), "%s", options->log);
		return;
	}
	if (whois->n_pages) {
		snprintf(whois->logs, sizeof(whois->logs), "%s",
			 control_text(control_reply_result(whois->pages[0]), "log_path"));
		return;
	}
	if (config_load(&gateway_config_table, path, &config, &err)) {
		memcpy(whois->no_log, err.text, sizeof(whois->no_log));
		whois->no_log_id = err.id;
		return;
	}
	snprintf(whois->logs, sizeof(whois->logs), "%s", config.log.file.path);
	config_done(&gateway_config_table, &config);
}

/* An old and large log has more files than a process may mostly open. */
static void allow_many_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static void look_into_logs(struct whois *whois)
{
	char logs[sizeof(whois->logs)], *save = NULL;
	struct err err = ERR_NULL;
	int rc = 0;

	memcpy(logs, whois->logs, sizeof(logs));
	allow_many_files();
	for (const char *log = strtok_r(logs, ",", &save); !rc && log;
	     log = strtok_r(NULL, ",", &save)) {
		rc = search_run(log, &whois->query, &whois->log, &err);
		whois->has_log = !rc;
	}
	if (!rc)
		return;
	memcpy(whois->no_log, err.text, sizeof(whois->no_log));
	whois->no_log_id = MSG_LOG_UNSEARCHED;
}

/* ---- */

static void whois_done(struct whois *whois)
{
	for (size_t i = 0; i < whois->n_pages; i++)
		control_reply_free(whois->pages[i]);
	free(whois->pages);
	search_answer_done(&whois->log);
}

/* Neither the log nor a daemon could be asked. */
static int complain_of_nothing(const struct cli *cli, const struct cli_options *options,
			       const struct whois *whois)
{
	const bool is_log = whois->no_log[0];
	struct err err = ERR_NULL;

	err_set(&err, 0, "%s", is_log ? whois->no_log : whois->no_live);
	err_mark(&err, is_log ? whois->no_log_id : whois->no_live_id, 0);
	return complain_of_error(cli, options, whois->logs[0] ? EXIT_RUNTIME : EXIT_NO_DAEMON,
				 &err);
}

/* An older daemon says nothing of it, and records them. */
static bool has_no_flows(const struct whois *whois)
{
	const struct control_node *records =
		whois->n_pages ? control_get(control_reply_result(whois->pages[0]), "log_flows") :
				 NULL;

	return records && !control_flag(control_reply_result(whois->pages[0]), "log_flows");
}

static int answer(const struct cli *cli, const struct cli_options *options,
		  const struct whois *whois)
{
	struct whois_facts facts = { .asked_ns = whois->asked_ns,
				     .from_ns = whois->when.from_ns,
				     .to_ns = whois->when.to_ns,
				     .has_live = whois->has_live,
				     .has_log = whois->has_log,
				     .has_no_flows = has_no_flows(whois),
				     .n_held = whois->log.held.n,
				     .log = &whois->log };
	CLEANUP(cleanup_control_out) struct control_out *out = control_out_new_answer();
	struct whois_verdict verdict;
	int code;

	for (size_t i = 0; whois_live(whois, i); i++)
		facts.n_held++;
	count_blocks(whois, &facts);
	verdict = whois_judge(&facts);
	if (out)
		whois_report(whois, &verdict, out);
	code = print_own(cli, options, out, whois_print, NULL);
	return code == EXIT_OK && verdict.word == WHOIS_UNKNOWN ? EXIT_RUNTIME : code;
}

int run_whois(const struct cli *cli, const struct cli_options *options,
	      const struct words *arguments)
{
	struct whois whois = { .n_pages = 0 };
	struct err err = ERR_NULL;
	int code;

	if (take_question(options, arguments->v[0], &whois, &err))
		return complain_of_usage(cli, err.text);
	if (options->log && !options->socket)
		snprintf(whois.no_live, sizeof(whois.no_live), "with --log none is asked");
	else
		look_at_live(cli, options, arguments->v[0], &whois);
	find_log(cli, options, &whois);
	if (whois.logs[0])
		look_into_logs(&whois);
	if (!whois.has_live && !whois.has_log)
		code = complain_of_nothing(cli, options, &whois);
	else
		code = answer(cli, options, &whois);
	whois_done(&whois);
	return code;
}
