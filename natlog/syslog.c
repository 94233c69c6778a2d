// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "natlog/syslog.h"

#include "natlog/fields.h"
#include "natlog/stamp.h"

enum { SEVERITY_WARNING = 4, SEVERITY_INFO = 6 };

/*
 * <PRI>1 TIMESTAMP HOSTNAME APP-NAME PROCID MSGID, and no structured data. The text isn't marked as UTF-8 by a BOM, which
 * parsers of JSON don't like; without one it may be of any kind.
 */
static void begin(struct fields *fields, uint32_t priority, const char *host, int64_t at_ns)
{
	char stamp[STAMP_MAX];

	fields_put(fields, "<");
	fields_put_number(fields, priority);
	fields_put(fields, ">1 ");
	fields_put(fields, stamp_format(at_ns, stamp));
	fields_put(fields, " ");
	fields_put(fields, host && *host ? host : "-");
	fields_put(fields, " eipgwd - ");
}

static size_t end(struct fields *fields, const char *buf)
{
	fields_close(fields);
	return fields->is_full ? 0 : (size_t)(fields->at - buf);
}

size_t syslog_flow(char buf[static SYSLOG_MESSAGE_MAX], uint32_t facility,
		   const struct natlog_flow *record)
{
	struct fields fields;

	fields_begin(&fields, buf, SYSLOG_MESSAGE_MAX);
	begin(&fields, facility * 8 + SEVERITY_INFO, record->gateway, record->end_ns);
	fields_put(&fields, "flow - ");
	fields_open(&fields, NULL);
	natlog_put_flow(&fields, record);
	return end(&fields, buf);
}

size_t syslog_block(char buf[static SYSLOG_MESSAGE_MAX], uint32_t facility,
		    const struct natlog_block *record)
{
	struct fields fields;

	fields_begin(&fields, buf, SYSLOG_MESSAGE_MAX);
	begin(&fields, facility * 8 + SEVERITY_INFO, record->gateway,
	      record->is_end ? record->end_ns : record->start_ns);
	fields_put(&fields, "block - ");
	fields_open(&fields, NULL);
	natlog_put_block(&fields, record);
	return end(&fields, buf);
}

size_t syslog_gap(char buf[static SYSLOG_MESSAGE_MAX], uint32_t facility,
		  const struct natlog_gap *record)
{
	struct fields fields;

	fields_begin(&fields, buf, SYSLOG_MESSAGE_MAX);
	begin(&fields, facility * 8 + SEVERITY_WARNING, record->gateway, record->to_ns);
	fields_put(&fields, "gap - ");
	fields_open(&fields, NULL);
	natlog_put_gap(&fields, record);
	return end(&fields, buf);
}

size_t syslog_frame(char buf[static SYSLOG_FRAME_MAX], size_t n)
{
	struct fields fields;

	fields_begin(&fields, buf, SYSLOG_FRAME_MAX);
	fields_put_number(&fields, n);
	fields_put(&fields, " ");
	return (size_t)(fields.at - buf);
}
