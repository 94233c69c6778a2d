// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "base/message.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

const struct message_entry message_list[] = {
#define MESSAGE(number, symbol, name) { (number), name },
#include "base/messages.def"
#undef MESSAGE
	{ MESSAGE_NONE, "" },
};

int message_named(const char *name)
{
	const struct message_entry *message = message_list;

	if (!name[0])
		return MESSAGE_NONE;
	while (message->id && strcmp(message->name, name) != 0)
		message++;
	return message->id;
}

const char *message_format(int id, char buf[static MESSAGE_TEXT_MAX])
{
	buf[0] = '\0';
	if (id)
		snprintf(buf, MESSAGE_TEXT_MAX, "EIPGW-%04d", id);
	return buf;
}

const char *message_cite(int id, char buf[static MESSAGE_TEXT_MAX])
{
	buf[0] = '\0';
	if (id)
		snprintf(buf, MESSAGE_TEXT_MAX, " (EIPGW-%04d)", id);
	return buf;
}

int message_parse(const char *text)
{
	static const char prefix[] = "EIPGW-";
	int id = 0;

	if (strncasecmp(text, prefix, strlen(prefix)) == 0)
		text += strlen(prefix);
	if (strlen(text) != 4 || text[strspn(text, "0123456789")])
		return MESSAGE_NONE;
	for (; *text; text++)
		id = 10 * id + (*text - '0');
	return id;
}

void message_append(int id, char *buf, size_t size)
{
	char tail[MESSAGE_TAIL_MAX], text[MESSAGE_TEXT_MAX];
	const int length = snprintf(tail, sizeof(tail), " [%s]", message_format(id, text));
	const size_t kept = strnlen(buf, size);
	size_t at = kept;

	if (!id || size <= (size_t)length)
		return;
	if (at > size - 1 - (size_t)length)
		at = size - 1 - (size_t)length;
	while (at < kept && at > 0 && ((unsigned char)buf[at] & 0xc0) == 0x80)
		at--;
	memcpy(buf + at, tail, (size_t)length + 1);
}
