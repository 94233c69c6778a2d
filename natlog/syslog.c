// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "natlog/syslog.h"

#include "natlog/line.h"
#include "natlog/stamp.h"

enum { SEVERITY_WARNING = 4, SEVERITY_INFO = 6 };

/*
 * <PRI>1 TIMESTAMP HOSTNAME APP-NAME PROCID MSGID, and no structured data. The text isn't marked as UTF-8 by a BOM, which
 * parsers of JSON don't like; without one it may be of any kind.
 */
static void begin(struct line *line, uint32_t priority, const char *host, int64_t at_ns)
{
	char stamp[STAMP_MAX];

	line_put(line, "<");
	line_put_number(line, priority);
	line_put(line, ">1 ");
	line_put(line, stamp_format(at_ns, stamp));
	line_put(line, " ");
	line_put(line, host && *host ? host : "-");
	line_put(line, " eipgwd - ");
}

static size_t end(struct line *line, const char *buf)
{
	line_close(line);
	return line->is_full ? 0 : (size_t)(line->at - buf);
}

size_t syslog_flow(char buf[static SYSLOG_MESSAGE_MAX], uint32_t facility,
		   const struct natlog_flow *record)
{
	struct line line;

	line_begin(&line, buf, SYSLOG_MESSAGE_MAX);
	begin(&line, facility * 8 + SEVERITY_INFO, record->gateway, record->end_ns);
	line_put(&line, "flow - ");
	line_open(&line, NULL);
	natlog_put_flow(&line, record);
	return end(&line, buf);
}

size_t syslog_gap(char buf[static SYSLOG_MESSAGE_MAX], uint32_t facility,
		  const struct natlog_gap *record)
{
	struct line line;

	line_begin(&line, buf, SYSLOG_MESSAGE_MAX);
	begin(&line, facility * 8 + SEVERITY_WARNING, record->gateway, record->to_ns);
	line_put(&line, "gap - ");
	line_open(&line, NULL);
	natlog_put_gap(&line, record);
	return end(&line, buf);
}

size_t syslog_frame(char buf[static SYSLOG_FRAME_MAX], size_t n)
{
	struct line line;

	line_begin(&line, buf, SYSLOG_FRAME_MAX);
	line_put_number(&line, n);
	line_put(&line, " ");
	return (size_t)(line.at - buf);
}
