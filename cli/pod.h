// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Inside cli/: `eipgw explain pod`. What Kubernetes says is gathered once; what follows for one pod is a list of
 * findings along its packets' way, made by the same code as the daemons': the first one that is wrong is the answer.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/ip4.h"
#include "cli/facts.h"
#include "kube/once.h"

struct control_node;
struct control_out;
struct kube_client;

enum pod_question {
	POD_ASK_POD,
	POD_ASK_NAMESPACE,
	POD_ASK_POLICIES,
	POD_ASK_GATEWAYS,
	POD_ASK_NODE,
	POD_ASK_SHARERS, /* pods that have its address, itself included */
	POD_ASK_SPACES,  /* the namespaces of those */
	POD_ASK_AGENTS,  /* the node agent's pods on its node */
	POD_ASK_COUNT
};

struct pod_fact {
	enum fact_state state;
	struct kube_failure failure; /* of FACT_FAILED; class NOT_FOUND: there's none */
	struct kube_objects objects; /* of FACT_KNOWN */
};

#define POD_DAEMONS_MAX 2
struct pod_daemon { /* of this host */
	const char *program, *name;
	const struct control_node *explanation; /* NULL: it gave none, and `error` says why */
	const char *error;
};

struct pod_facts {
	const char *namespace, *name; /* as asked for */
	const char *server;
	struct ip4 destination;
	struct pod_fact v[POD_ASK_COUNT];
	struct pod_daemon daemons[POD_DAEMONS_MAX];
	size_t n_daemons;
};

/* Asks. A question that hangs on another one's answer stays unasked without that. */
void pod_gather(struct kube_client *client, struct pod_facts *facts);
void pod_facts_done(struct pod_facts *facts);

enum finding_level {
	FINDING_OK,
	FINDING_NOTE,    /* good to know; nothing is wrong with it */
	FINDING_UNTRIED, /* can't be known from here */
	FINDING_WRONG,
	FINDING_LEVEL_COUNT
};
extern const char *const finding_level_names[FINDING_LEVEL_COUNT];

#define FINDING_TEXT_MAX 1024
#define FINDING_FIX_MAX 640
struct finding {
	enum finding_level level;
	const char *
		about; /* "pod", "policy", "destination", "egress IP", "gateway", "node", "agent", "cluster" */
	const char *name; /* one word for programs, which stays: "NoPod" */
	char text[FINDING_TEXT_MAX];
	char fix[FINDING_FIX_MAX]; /* what to do now; "": nothing */
};

#define POD_WORD_MAX 256
struct judgement {
	/* "egress", "direct" (its normal way), "dropped", "nothing" (it sends none), "unknown" */
	const char *verdict;
	char headline[FINDING_TEXT_MAX];
	char address[IP4_TEXT_MAX], node[POD_WORD_MAX], node_address[IP4_TEXT_MAX];
	char policy[POD_WORD_MAX]; /* that governs the destination; "": none */
	char gateway[POD_WORD_MAX], egress_ip[POD_WORD_MAX], public_ip[IP4_TEXT_MAX];
	char member[POD_WORD_MAX], member_address[IP4_TEXT_MAX];
	struct finding *v;
	size_t n;
	struct finding lost; /* where memory was short */
	bool is_incomplete;
};

/* Pure. -ENOMEM; the judgement is to be ended in any case. */
int pod_judge(const struct pod_facts *facts, struct judgement *ret);
void judgement_done(struct judgement *judgement);
/* The first finding that is wrong, or NULL. */
const struct finding *judgement_wrong(const struct judgement *judgement);
/* All of it into the open object. */
void judgement_put(struct control_out *out, const struct pod_facts *facts,
		   const struct judgement *judgement);
/* As text. */
void pod_print(FILE *out, const struct control_node *answer);
