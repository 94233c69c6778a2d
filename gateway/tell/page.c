// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/tell/page.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "conf/gateway.h"
#include "control/dispatch.h"
#include "control/out.h"
#include "gateway/tell/page_text.h"
#include "gateway/tell/recent.h"
#include "gateway/tell/state.h"
#include "gateway/tell/trend.h"
#include "metrics/site.h"

/* Someone who looks on reloads every five seconds; others meanwhile get the same. */
enum { DOCUMENT_FRESH_MS = 3600000, ANSWER_FRESH_MS = 1000, DAY_FRESH_MS = 10000 };

static int write_document(struct site_text *text, const struct site_page *page, void *data,
			  struct err *err)
{
	(void)page;
	(void)data;
	(void)err;
	return site_put(text, page_text, page_text_length);
}

/*
 * As a member of the socket's group would ask on the control socket: commands that change something aren't there for him. What is
 * asked is the page's own, nothing of it comes from the browser.
 */
static int write_answer(struct site_text *text, const struct site_page *page, void *data,
			struct err *err)
{
	struct frame *frame = data;
	const struct control_service service = { frame_spec(frame)->commands, frame };
	CLEANUP(cleanup_control_out)
	struct control_out *out = control_dispatch(&service, CONTROL_RIGHTS_OPEN, page->argument,
						   strlen(page->argument));
	const char *answer;
	size_t length;
	int rc = out ? control_out_finish(out, &answer, &length, err) : -ENOMEM;

	return rc ? rc : site_put(text, answer, length);
}

int page_run_trend(const struct control_args *args, struct control_out *out, void *data,
		   struct err *err)
{
	const struct agent *agent = frame_state(data);

	if (!agent)
		return err_set(err, -EAGAIN, "the daemon is starting");
	return trend_report(agent_state(agent).trend, args, out, err);
}

int page_run_events(const struct control_args *args, struct control_out *out, void *data,
		    struct err *err)
{
	const struct agent *agent = frame_state(data);

	(void)args;
	if (!agent)
		return err_set(err, -EAGAIN, "the daemon is starting");
	recent_report(agent_state(agent).recent, out);
	return 0;
}

static int find_place(const void *data, struct listen_place *ret, struct err *err)
{
	const struct gateway_config *config = data;

	return admin_config_read(&config->admin, ret, err);
}

#define ANSWER(where, fresh, what)                                                   \
	{                                                                            \
		.path = (where), .type = "application/json", .fresh_ms = (fresh),    \
		.write = write_answer, .argument = "{\"v\":1,\"command\":" what "}", \
	}

static const struct site_page pages[] = {
	{ .path = "/",
	  .type = "text/html; charset=utf-8",
	  .policy = page_policy,
	  .fresh_ms = DOCUMENT_FRESH_MS,
	  .write = write_document },
	ANSWER("/api/status", ANSWER_FRESH_MS, "\"status\""),
	ANSWER("/api/top", ANSWER_FRESH_MS, "\"top\""),
	ANSWER("/api/events", ANSWER_FRESH_MS, "\"events\""),
	ANSWER("/api/history", ANSWER_FRESH_MS, "\"trend\",\"span\":\"recent\""),
	ANSWER("/api/history/day", DAY_FRESH_MS, "\"trend\",\"span\":\"day\""),
};

const struct frame_admin gateway_admin = { pages, ARRAY_SIZE(pages), find_place };
