// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* eipgw-user-data: the configuration that Terraform gave to this instance, for eipgwd. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/config.h"
#include "base/err.h"
#include "base/options.h"
#include "conf/user_data.h"
#include "gateway/boot/boot.h"

enum { WAIT_MAX_SEC = 86400 };

struct options {
	const char *check, *directory, *imds_url, *wait;
	bool version, help, help_config;
};

static const struct option_row rows[] = {
	{ "check", "FILE", offsetof(struct options, check),
	  "check a file with user data and exit (3: it has an error)" },
	{ "directory", "DIRECTORY", offsetof(struct options, directory),
	  "where the configuration is written" },
	{ "imds-url", "URL", offsetof(struct options, imds_url),
	  "instance metadata service; for tests" },
	{ "wait", "SECONDS", offsetof(struct options, wait),
	  "for how long the metadata service may be silent, 1 to 86400" },
	{ "version", NULL, offsetof(struct options, version), "print the version and exit" },
	{ "help", NULL, offsetof(struct options, help), "print this and exit" },
	{ "help-config", NULL, offsetof(struct options, help_config),
	  "print the keys of user data and exit" },
};
static const struct option_table table = { rows, ARRAY_SIZE(rows) };

/* 0: it's none that is allowed. */
static uint32_t read_wait(const char *text)
{
	const size_t n = strspn(text, "0123456789");
	uint32_t seconds = 0;

	if (text[n] || n > 5)
		return 0;
	for (size_t i = 0; i < n; i++)
		seconds = seconds * 10 + (uint32_t)(text[i] - '0');
	return seconds <= WAIT_MAX_SEC ? seconds : 0;
}

static int parse(int argc, char *argv[], struct options *ret, struct err *err)
{
	int rest = options_parse(&table, argc, argv, ret, err);

	if (rest < 0)
		return rest;
	if (rest < argc)
		return err_set(err, -1, "unexpected argument '%s'", argv[rest]);
	if (ret->directory[0] != '/' || strlen(ret->directory) >= BOOT_PATH_MAX)
		return err_set(err, -1, "--directory: is no absolute path, or too long");
	if (ret->wait && !read_wait(ret->wait))
		return err_set(err, -1, "--wait: is no number from 1 to %d", WAIT_MAX_SEC);
	return 0;
}

static void print_help(void)
{
	printf("usage: eipgw-user-data [OPTION...]\n"
	       "Makes eipgwd's configuration of the instance's user data.\n\nOptions:\n");
	options_help(&table, stdout);
	printf("\nDefault: --directory /run/eipgw --wait 120\n"
	       "Exit codes: 0 done, 1 failed while running, 2 wrong options, 3 wrong user data.\n");
}

static int run(const struct options *options)
{
	const struct boot_options boot = { .directory = options->directory,
					   .imds_url = options->imds_url,
					   .wait_sec = options->wait ? read_wait(options->wait) :
								       BOOT_WAIT_SEC };

	return boot_run(&boot);
}

static int check(const char *path)
{
	struct err err = ERR_NULL;

	if (boot_check(path, &err)) {
		fprintf(stderr, "eipgw-user-data: %s\n", err.text);
		return EXIT_CONFIG;
	}
	printf("%s: no error found\n", path);
	return EXIT_OK;
}

int main(int argc, char *argv[])
{
	struct options options = { .directory = "/run/eipgw" };
	struct err err = ERR_NULL;

	if (parse(argc, argv, &options, &err)) {
		fprintf(stderr, "eipgw-user-data: %s\nTry 'eipgw-user-data --help'.\n", err.text);
		return EXIT_USAGE;
	}
	if (options.help)
		print_help();
	else if (options.version)
		printf("eipgw-user-data %s\n", EIPGW_VERSION);
	else if (options.help_config)
		config_help(&user_data_table, stdout);
	else if (options.check)
		return check(options.check);
	else
		return run(&options);
	return EXIT_OK;
}
