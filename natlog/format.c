// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "natlog/format.h"

#include <string.h>

#include "natlog/ipfix.h"
#include "natlog/journal.h"
#include "natlog/syslog.h"

/* ---- by kind */

static size_t flow_to_file(char *buf, const struct output_how *how,
			   const struct natlog_flow *record)
{
	(void)how;
	return natlog_flow_line(buf, record);
}

static size_t block_to_file(char *buf, const struct output_how *how,
			    const struct natlog_block *record)
{
	(void)how;
	return natlog_block_line(buf, record);
}

static size_t block_to_journald(char *buf, const struct output_how *how,
				const struct natlog_block *record)
{
	(void)how;
	return journal_block(buf, record);
}

static size_t block_to_syslog(char *buf, const struct output_how *how,
			      const struct natlog_block *record)
{
	return syslog_block(buf, how->syslog.facility, record);
}

static size_t block_to_ipfix(char *buf, const struct output_how *how,
			     const struct natlog_block *record)
{
	(void)how;
	return ipfix_block((uint8_t *)buf, record);
}

static size_t gap_to_file(char *buf, const struct output_how *how, const struct natlog_gap *record)
{
	(void)how;
	return natlog_gap_line(buf, record);
}

static size_t flow_to_journald(char *buf, const struct output_how *how,
			       const struct natlog_flow *record)
{
	(void)how;
	return journal_flow(buf, record);
}

static size_t gap_to_journald(char *buf, const struct output_how *how,
			      const struct natlog_gap *record)
{
	(void)how;
	return journal_gap(buf, record);
}

static size_t flow_to_syslog(char *buf, const struct output_how *how,
			     const struct natlog_flow *record)
{
	return syslog_flow(buf, how->syslog.facility, record);
}

static size_t gap_to_syslog(char *buf, const struct output_how *how,
			    const struct natlog_gap *record)
{
	return syslog_gap(buf, how->syslog.facility, record);
}

static size_t flow_to_ipfix(char *buf, const struct output_how *how,
			    const struct natlog_flow *record)
{
	(void)how;
	return ipfix_flow((uint8_t *)buf, record);
}

static size_t gap_to_ipfix(char *buf, const struct output_how *how, const struct natlog_gap *record)
{
	(void)how;
	return ipfix_gap((uint8_t *)buf, record);
}

static const struct format {
	bool has_length;
	size_t (*flow)(char *buf, const struct output_how *how, const struct natlog_flow *record);
	size_t (*block)(char *buf, const struct output_how *how, const struct natlog_block *record);
	size_t (*gap)(char *buf, const struct output_how *how, const struct natlog_gap *record);
} formats[OUTPUT_COUNT] = {
	[OUTPUT_FILE] = { false, flow_to_file, block_to_file, gap_to_file },
	[OUTPUT_JOURNALD] = { true, flow_to_journald, block_to_journald, gap_to_journald },
	[OUTPUT_SYSLOG] = { true, flow_to_syslog, block_to_syslog, gap_to_syslog },
	[OUTPUT_IPFIX] = { true, flow_to_ipfix, block_to_ipfix, gap_to_ipfix },
};

/* ---- with its length */

static char *begin(char *buf, const struct output_how *how)
{
	return formats[how->kind].has_length ? buf + FORMAT_LENGTH : buf;
}

static size_t end(char *buf, const struct output_how *how, size_t n)
{
	const uint16_t length = (uint16_t)n;

	if (!n || !formats[how->kind].has_length)
		return n;
	memcpy(buf, &length, sizeof(length));
	return n + FORMAT_LENGTH;
}

size_t format_flow(char buf[static FORMAT_MAX], const struct output_how *how,
		   const struct natlog_flow *record)
{
	return end(buf, how, formats[how->kind].flow(begin(buf, how), how, record));
}

size_t format_block(char buf[static FORMAT_MAX], const struct output_how *how,
		    const struct natlog_block *record)
{
	return end(buf, how, formats[how->kind].block(begin(buf, how), how, record));
}

size_t format_gap(char buf[static FORMAT_MAX], const struct output_how *how,
		  const struct natlog_gap *record)
{
	return end(buf, how, formats[how->kind].gap(begin(buf, how), how, record));
}

bool format_has_begin(const struct output_how *how)
{
	return how->kind == OUTPUT_IPFIX && how->ipfix.has_begins;
}

size_t format_begin(char buf[static FORMAT_MAX], const struct output_how *how,
		    const struct natlog_flow *record)
{
	return end(buf, how, ipfix_begin((uint8_t *)begin(buf, how), record));
}
