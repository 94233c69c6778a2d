// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What arrives at stderr, read back through a datagram socket: one message there is one write(2) here. */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit.h"

#define LINE_MAX_BYTES 2048

struct capture {
	int saved_stderr;
	int reader;
};

static int start_capture(void **state)
{
	static struct capture capture;
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, fds) < 0)
		return -1;
	fflush(stderr);
	capture.saved_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	if (capture.saved_stderr < 0 || dup2(fds[1], STDERR_FILENO) < 0)
		return -1;
	close(fds[1]);
	capture.reader = fds[0];
	log_level_set(LOG_LEVEL_INFO);
	*state = &capture;
	return 0;
}

static int stop_capture(void **state)
{
	struct capture *const capture = *state;

	dup2(capture->saved_stderr, STDERR_FILENO);
	close(capture->saved_stderr);
	close(capture->reader);
	return 0;
}

/* The next write, as text; "" when there was none. */
static const char *next_write(const struct capture *capture)
{
	static char text[4 * LINE_MAX_BYTES];
	const ssize_t n = recv(capture->reader, text, sizeof(text) - 1, MSG_DONTWAIT);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void a_line_has_priority_subsystem_and_message(void **state)
{
	log_warning("repair", "rule lost priority=%d", 600);

	assert_string_equal(next_write(*state), "<4>repair: rule lost priority=600\n");
	assert_string_equal(next_write(*state), "");
}

static void each_level_has_its_syslog_priority(void **state)
{
	log_level_set(LOG_LEVEL_DEBUG);
	log_error("a", "x");
	log_warning("a", "x");
	log_info("a", "x");
	log_debug("a", "x");

	assert_string_equal(next_write(*state), "<3>a: x\n");
	assert_string_equal(next_write(*state), "<4>a: x\n");
	assert_string_equal(next_write(*state), "<6>a: x\n");
	assert_string_equal(next_write(*state), "<7>a: x\n");
}

static void what_is_above_the_level_is_not_written(void **state)
{
	log_debug("a", "debug at level info");
	assert_string_equal(next_write(*state), "");
	log_level_set(LOG_LEVEL_ERROR);
	log_warning("a", "warning at level error");
	assert_string_equal(next_write(*state), "");
	log_error("a", "error");
	assert_string_equal(next_write(*state), "<3>a: error\n");
	assert_int_equal(log_level_get(), LOG_LEVEL_ERROR);
}

static struct {
	int n;
	enum log_level level;
	char subsystem[32], message[64];
} copied;

static void take_copy(enum log_level level, const char *subsystem, const char *message, void *data)
{
	(void)data;
	copied.n++;
	copied.level = level;
	snprintf(copied.subsystem, sizeof(copied.subsystem), "%s", subsystem);
	snprintf(copied.message, sizeof(copied.message), "%s", message);
}

static void a_copy_has_the_message_whatever_the_level(void **state)
{
	log_copy_to(take_copy, NULL);
	log_level_set(LOG_LEVEL_ERROR);
	log_info("own", "held\n%d", 1);
	assert_string_equal(next_write(*state), "");
	assert_int_equal(copied.n, 1);
	assert_int_equal(copied.level, LOG_LEVEL_INFO);
	assert_string_equal(copied.subsystem, "own");
	assert_string_equal(copied.message, "held?1");
	log_debug("own", "detail");
	assert_int_equal(copied.n, 1);
	log_copy_to(NULL, NULL);
	log_error("own", "lost");
	assert_string_equal(next_write(*state), "<3>own: lost\n");
	assert_int_equal(copied.n, 1);
}

static void nothing_from_outside_can_forge_a_line(void **state)
{
	log_info("config", "key=%s", "x\n<3>main: lost everything\r\n\t\033[31m\x7f");
	assert_string_equal(next_write(*state),
			    "<6>config: key=x?<3>main: lost everything????[31m?\n");
	assert_string_equal(next_write(*state), "");

	log_info("a\n<0>b", "x\n");
	assert_string_equal(next_write(*state), "<6>a?<0>b: x?\n");
}

static void utf8_stays_and_its_control_characters_do_not(void **state)
{
	log_info("a", "%s",
		 "K\xc3\xb6ln \xe2\x82\xac \xc2\x85 \xc2\x9b"
		 "2J \xc3\x85 \xc2\xa0");

	assert_string_equal(next_write(*state),
			    "<6>a: K\xc3\xb6ln \xe2\x82\xac ?? ??2J \xc3\x85 \xc2\xa0\n");
}

static void a_long_line_is_cut_and_still_one_line(void **state)
{
	char longer[3 * LINE_MAX_BYTES];

	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	log_info("a", "%s", longer);

	const char *const text = next_write(*state);
	const size_t length = strlen(text);
	assert_in_range(length, LINE_MAX_BYTES - 4, LINE_MAX_BYTES);
	assert_string_equal(text + length - 5, "x...\n");
	assert_ptr_equal(strchr(text, '\n'), text + length - 1);
}

static void lines_around_the_limit_lose_nothing_but_what_is_cut(void **state)
{
	char text[LINE_MAX_BYTES + 8];

	for (size_t n = LINE_MAX_BYTES - 16; n < LINE_MAX_BYTES + 4; n++) {
		memset(text, 'x', n);
		text[n] = '\0';
		log_info("a", "%s", text);

		const char *const line = next_write(*state);
		const bool is_whole = strlen("<6>a: ") + n + 1 < LINE_MAX_BYTES;
		assert_in_range(strlen(line), 1, LINE_MAX_BYTES);
		assert_int_equal(line[strlen(line) - 1], '\n');
		assert_int_equal(strstr(line, "...\n") == NULL, is_whole);
	}
}

static void an_identifier_stands_behind_the_text(void **state)
{
	static const char tail[] = "x... [EIPGW-2008]\n";
	char longer[LINE_MAX_BYTES + 8];

	log_warning(MSG_SYSCTL, "sysctl", "%s=%d", "a", 1);
	assert_string_equal(next_write(*state), "<4>sysctl: a=1 [EIPGW-2008]\n");
	log_error(MESSAGE_NONE, "a", "x");
	assert_string_equal(next_write(*state), "<3>a: x\n");

	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	log_warning(MSG_SYSCTL, "a", "%s", longer);
	const char *const text = next_write(*state);
	const size_t length = strlen(text);
	assert_in_range(length, LINE_MAX_BYTES - 32, LINE_MAX_BYTES);
	assert_string_equal(text + length - strlen(tail), tail);
}

static void errno_is_left_alone_even_when_nobody_reads(void **state)
{
	struct capture *const capture = *state;

	errno = EXDEV;
	log_info("a", "x");
	assert_int_equal(errno, EXDEV);
	assert_string_equal(next_write(capture), "<6>a: x\n");
	assert_int_equal(dup2(capture->reader, STDERR_FILENO), STDERR_FILENO);
	errno = EXDEV;
	log_info("a", "the other end is closed");
	assert_int_equal(errno, EXDEV);
}

static void level_names_are_read_exactly(void **state)
{
	static const struct {
		const char *text;
		enum log_level level;
	} good[] = { { "error", LOG_LEVEL_ERROR },
		     { "warning", LOG_LEVEL_WARNING },
		     { "info", LOG_LEVEL_INFO },
		     { "debug", LOG_LEVEL_DEBUG } };
	static const char *const bad[] = { "", "Error", "warn", "info ", "3", "debugg" };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		enum log_level level = LOG_LEVEL_COUNT;

		assert_int_equal(log_level_parse(good[i].text, &level), 0);
		assert_int_equal(level, good[i].level);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		enum log_level level = LOG_LEVEL_COUNT;

		assert_int_equal(log_level_parse(bad[i], &level), -EINVAL);
		assert_int_equal(level, LOG_LEVEL_COUNT);
	}
}

#define captured(f) cmocka_unit_test_setup_teardown(f, start_capture, stop_capture)

int main(void)
{
	const struct CMUnitTest tests[] = {
		captured(a_line_has_priority_subsystem_and_message),
		captured(each_level_has_its_syslog_priority),
		captured(what_is_above_the_level_is_not_written),
		captured(a_copy_has_the_message_whatever_the_level),
		captured(nothing_from_outside_can_forge_a_line),
		captured(utf8_stays_and_its_control_characters_do_not),
		captured(a_long_line_is_cut_and_still_one_line),
		captured(lines_around_the_limit_lose_nothing_but_what_is_cut),
		captured(an_identifier_stands_behind_the_text),
		captured(errno_is_left_alone_even_when_nobody_reads),
		cmocka_unit_test(level_names_are_read_exactly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
