// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Inside cli/: what a command is, and what all of them use. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "cli/cli.h"

struct control_args;
struct control_node;
struct control_out;
struct control_reply;
struct err;

#define WORDS_MAX 4 /* a command and its arguments */

struct cli_options {
	const char *socket, *config, *deployment, *kubeconfig, *context, *server, *timeout;
	const char *at, *destination, *egress_ip, *limit, *log, *namespace, *pod, *policy;
	const char *protocol, *sort, *state;
	bool json, list, node, no_aws, ready, undo, once, watch, version, help;
};

struct words {
	size_t n;
	const char *v[WORDS_MAX];
};

struct command {
	const char *name;      /* one word, or two */
	const char *arguments; /* as in the usage */
	const char *summary;   /* NULL: another form of an option, not listed */
	size_t least, most;    /* how many arguments */
	const char *options;   /* names, each between blanks: " json socket " */
	int (*run)(const struct cli *cli, const struct cli_options *options,
		   const struct words *arguments);
};

typedef void (*print_fn)(FILE *out, const struct control_node *result);

/*
 * Both print the sentence to cli->err and return the code. The identifier behind it is that of the code; EXIT_OK has none.
 */
int complain(const struct cli *cli, int code, const char *sentence);
int complain_of_usage(const struct cli *cli, const char *sentence);
/* The same; with --json there is also an object on the output, whatever happened. */
int complain_of_failure(const struct cli *cli, const struct cli_options *options, int code,
			const char *sentence);
/* The same, with the cause's own identifier if it has one. `options` NULL: no object. */
int complain_of_error(const struct cli *cli, const struct cli_options *options, int code,
		      const struct err *err);

struct question {
	const char *command;
	const struct control_args *args; /* NULL: none */
};
/* Asks --socket's daemon or this host's; see ask_daemon. */
int ask_chosen(const struct cli *cli, const struct cli_options *options,
	       const struct question *question, struct control_reply **ret, struct err *err);

/* A result as text, or with --json as it is. `key`: that member only; NULL: all. */
int print_reply(const struct cli *cli, const struct cli_options *options,
		const struct control_reply *reply, print_fn print, const char *key);
/* An answer that was made here (control_out_new_answer; NULL is out of memory) as if a daemon had given it. */
int print_own(const struct cli *cli, const struct cli_options *options, struct control_out *out,
	      print_fn print, const char *key);
/* The same answer, to be looked at. NULL with the reason. */
struct control_reply *read_own(struct control_out *out, struct err *err);
void cleanup_reply(struct control_reply **reply);

/* The commands that have a file of their own. */
int run_check(const struct cli *cli, const struct cli_options *options,
	      const struct words *arguments);
int run_eips(const struct cli *cli, const struct cli_options *options,
	     const struct words *arguments);
int run_allocate(const struct cli *cli, const struct cli_options *options,
		 const struct words *arguments);
int run_drain(const struct cli *cli, const struct cli_options *options,
	      const struct words *arguments);
int run_explain(const struct cli *cli, const struct cli_options *options,
		const struct words *arguments);
int run_explain_pod(const struct cli *cli, const struct cli_options *options,
		    const struct words *arguments);
int run_flows(const struct cli *cli, const struct cli_options *options,
	      const struct words *arguments);
int run_whois(const struct cli *cli, const struct cli_options *options,
	      const struct words *arguments);
int run_top(const struct cli *cli, const struct cli_options *options,
	    const struct words *arguments);
