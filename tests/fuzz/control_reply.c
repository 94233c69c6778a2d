// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Any line comes back from a daemon, and the command line prints it in all its ways. No control
 * character other than the newline reaches the terminal; as JSON it is ASCII and means the same
 * when it is read again.
 */
#include "base/err.h"
#include "cli/explain.h"
#include "cli/status.h"
#include "control/control.h"
#include "control/reply.h"
#include "fuzz.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check_clean(const char *text, bool ascii)
{
	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		if ((*p < 0x20 && *p != '\n') || *p == 0x7f || (ascii && *p > 0x7f))
			abort();
		if (*p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0) /* C1 in UTF-8 */
			abort();
	}
}

static void check_print(void (*print)(FILE *, const struct control_node *),
			const struct control_node *result)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	if (!out)
		abort();
	print(out, result);
	fclose(out);
	if (strlen(text) != length)
		abort();
	check_clean(text, false);
	free(text);
}

static void check_json(const struct control_reply *reply)
{
	struct control_reply *again = NULL;
	char *pretty = control_reply_text(reply, true);
	char *text = control_reply_text(reply, false);
	char *line = NULL;

	check_clean(pretty, true);
	check_clean(text, true);
	if (strchr(text, '\n') ||
	    asprintf(&line, "{\"v\":1,\"ok\":true,\"result\":%s}", text) < 0 ||
	    control_reply_parse(line, strlen(line), &again, NULL) < 0)
		abort();
	char *text_again = control_reply_text(again, false);
	if (strcmp(text, text_again) != 0)
		abort();
	control_reply_free(again);
	free(text_again);
	free(line);
	free(text);
	free(pretty);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct control_reply *reply = NULL;
	struct err err = ERR_NULL;
	int r = control_reply_parse((const char *)data, size, &reply, &err);

	if (r < 0) {
		if (reply || !err.text[0] || (r != -EPROTO && r != -EREMOTEIO))
			abort();
		check_clean(err.text, false);
		return 0;
	}
	check_print(status_print, control_reply_result(reply));
	check_print(explain_print, control_reply_result(reply));
	check_json(reply);
	control_reply_free(reply);
	return 0;
}
