// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "daemon/health.h"

#include "base/log.h"
#include "daemon/frame.h"
#include "nat/keeper.h"

static void log_good_run(const struct keeper_report *report)
{
	const char *cause = keeper_cause_names[report->cause];
	long long took_us = report->took_us;

	if (report->repaired)
		log_warning(MSG_REPAIRED, "repair", "%s%s%s; put right by us took_us=%lld cause=%s",
			    report->noticed, report->noticed[0] ? ": " : "", report->summary,
			    took_us, cause);
	else if (report->changed)
		log_info("plan", "applied: %s took_us=%lld cause=%s", report->summary, took_us,
			 cause);
	else
		log_debug("plan", "nothing to do took_us=%lld cause=%s", took_us, cause);
}

/* Once, and again when it is otherwise. */
static void tell_ip6(struct health *health, enum keeper_second_state now)
{
	if (!health->guards_ip6 || (int)now == health->ip6)
		return;
	health->ip6 = (int)now;
	if (now == KEEPER_SECOND_NEEDLESS)
		log_info("ip6", "the kernel has no IPv6: there is nothing to guard");
	else if (now == KEEPER_SECOND_LACKING)
		log_warning(MSG_IP6_LACKING, "ip6",
			    "the kernel has IPv6, but no nf_tables for it (family ip6): the "
			    "IPv6 of selected pods is not dropped; trying again");
}

void health_tell(struct health *health, const struct keeper_report *report, const char *status)
{
	bool failed = report->rc != 0;
	char cause[MESSAGE_TEXT_MAX];

	tell_ip6(health, report->second);
	if (!failed)
		log_good_run(report);
	if (failed && !health->failing) {
		log_error(MSG_KERNEL_FAILED, "plan",
			  "%s%s; what is in the kernel stays, trying again", report->error,
			  message_cite(report->error_id, cause));
		frame_status(health->frame, report->error);
	}
	if (!failed && health->failing)
		log_info("plan", "good again");
	if (!failed && (health->failing || report->changed || report->cause == KEEPER_START ||
			!health->told)) {
		if (health->waiting)
			frame_status(health->frame, status);
		else
			frame_ready(health->frame, status);
		health->told = !health->waiting;
	}
	health->failing = failed;
}
