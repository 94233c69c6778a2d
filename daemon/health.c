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
		log_warning("repair", "%s%s%s; put right by us took_us=%lld cause=%s",
			    report->noticed, report->noticed[0] ? ": " : "", report->summary,
			    took_us, cause);
	else if (report->changed)
		log_info("plan", "applied: %s took_us=%lld cause=%s", report->summary, took_us,
			 cause);
	else
		log_debug("plan", "nothing to do took_us=%lld cause=%s", took_us, cause);
}

void health_tell(struct health *health, const struct keeper_report *report, const char *status)
{
	bool failed = report->rc != 0;

	if (!failed)
		log_good_run(report);
	if (failed && !health->failing) {
		log_error("plan", "%s; what is in the kernel stays, trying again", report->error);
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
