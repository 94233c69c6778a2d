// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* From the policy that governs to the internet: egress IP, who carries it, the node and what runs there. */
#include "cli/pod_judge.h"

#include "control/control.h"

#include <stdio.h>
#include <string.h>

/* What it sends; one that can't send yet stays one that doesn't. */
static void set_dropped(struct judging *j)
{
	if (j->has_address)
		j->ret->verdict = "dropped";
}

/* ---- which egress IP */

static void explain_no_egress(struct judging *j)
{
	struct inventory_status status;
	bool is_said = j->found.pod.contested;

	set_dropped(j);
	if (inventory_status(j->inventory, j->governs->meta.name, &status) != 0)
		status.n_problems = 0;
	for (size_t i = 0; i < status.n_problems; i++) {
		const enum inventory_reason reason = status.problems[i].reason;

		if (reason != INVENTORY_GATEWAY_UNKNOWN && reason != INVENTORY_EGRESS_UNKNOWN &&
		    reason != INVENTORY_TOO_MANY_TO_SPREAD)
			continue;
		struct finding *const f =
			finding_add(j, FINDING_WRONG, "egress IP", inventory_reason_name(reason));
		finding_say(f, "policy %.253s: %s", j->governs->meta.name, status.problems[i].text);
		finding_fix(
			f,
			"kubectl get egressgateways; then correct egressGateway and egressIPs of "
			"the policy, or make what is missing");
		is_said = true;
	}
	if (!is_said)
		finding_say(finding_add(j, FINDING_WRONG, "egress IP", "NoEgressIP"),
			    "policy %.253s has no egress IP for it", j->governs->meta.name);
}

static void note_unknown(struct judging *j)
{
	struct inventory_status status;

	if (inventory_status(j->inventory, j->governs->meta.name, &status) != 0)
		return;
	for (size_t i = 0; i < status.n_problems; i++)
		if (status.problems[i].reason == INVENTORY_EGRESS_UNKNOWN)
			finding_say(finding_add(j, FINDING_NOTE, "egress IP", "EgressIPUnknown"),
				    "policy %.253s: %s", j->governs->meta.name,
				    status.problems[i].text);
}

/* The index of the egress IP that the pod has, or will have; POLICY_EGRESS_NONE: none, or it isn't known yet. */
static unsigned find_egress(const struct judging *j)
{
	if (j->has_address) {
		const struct policy_rule *const rule = policy_class_rule(
			j->result, inventory_class_of(j->inventory, j->found.addresses[0]),
			j->facts->destination);
		return rule ? rule->egress : POLICY_EGRESS_NONE;
	}
	for (size_t i = 0; j->governs->egress_ips.n == 1 && i < j->n_egress; i++)
		if (strcmp(j->egress[i].group, j->governs->gateway) == 0 &&
		    strcmp(j->egress[i].name, j->governs->egress_ips.v[0]) == 0)
			return (unsigned)i;
	return POLICY_EGRESS_NONE;
}

static const struct group_egress *judge_egress(struct judging *j)
{
	const unsigned index = find_egress(j);
	struct finding *f;

	if (index == POLICY_EGRESS_NONE && !j->has_address && j->governs->egress_ips.n > 1) {
		f = finding_add(j, FINDING_NOTE, "egress IP", "NotChosenYet");
		finding_say(f,
			    "which of the %zu egress IPs of %.253s it takes depends on its address",
			    j->governs->egress_ips.n, j->governs->meta.name);
		return NULL;
	}
	if (index == POLICY_EGRESS_NONE) {
		explain_no_egress(j);
		return NULL;
	}
	const struct group_egress *const egress = &j->egress[index];
	f = finding_add(j, FINDING_OK, "egress IP", "Chosen");
	if (j->governs->egress_ips.n > 1)
		finding_say(f,
			    "of the %zu egress IPs of %.253s its address's hash chooses %s of %s",
			    j->governs->egress_ips.n, j->governs->meta.name, egress->name,
			    egress->group);
	else
		finding_say(f, "%.253s gives it %s of the EgressGateway %s", j->governs->meta.name,
			    egress->name, egress->group);
	snprintf(j->ret->gateway, sizeof(j->ret->gateway), "%s", egress->group);
	snprintf(j->ret->egress_ip, sizeof(j->ret->egress_ip), "%s", egress->name);
	if (egress->public_ip.v)
		ip4_format(egress->public_ip, j->ret->public_ip);
	note_unknown(j);
	return egress;
}

/* ---- who carries it */

static const struct kube_gateway *find_gateway(const struct judging *j, const char *name)
{
	const struct kube_objects *const objects = &j->facts->v[POD_ASK_GATEWAYS].objects;

	for (size_t i = 0; i < objects->n; i++) {
		const struct kube_gateway *const gateway = objects->v[i];
		if (strcmp(gateway->meta.name, name) == 0)
			return gateway;
	}
	return NULL;
}

static const struct kube_condition *find_ready(const struct kube_gateway *gateway)
{
	for (size_t i = 0; i < gateway->status.conditions.n; i++)
		if (strcmp(gateway->status.conditions.v[i].type, "Ready") == 0)
			return &gateway->status.conditions.v[i];
	return NULL;
}

static const struct kube_carried *find_carried(const struct kube_gateway *gateway, const char *name)
{
	for (size_t i = 0; i < gateway->status.egress_ips.n; i++)
		if (strcmp(gateway->status.egress_ips.v[i].name, name) == 0)
			return &gateway->status.egress_ips.v[i];
	return NULL;
}

static const struct kube_member *find_member(const struct kube_gateway *gateway, const char *name)
{
	for (size_t i = 0; i < gateway->status.members.n; i++)
		if (strcmp(gateway->status.members.v[i].name, name) == 0)
			return &gateway->status.members.v[i];
	return NULL;
}

static void explain_not_carried(struct judging *j, const struct kube_gateway *gateway,
				const char *egress)
{
	const struct kube_condition *const ready = find_ready(gateway);
	const bool is_silent = !ready && gateway->status.members.n == 0;
	struct finding *const f = finding_add(j, FINDING_WRONG, "gateway", "NotCarried");

	set_dropped(j);
	if (is_silent) {
		finding_say(f,
			    "no gateway carries %.253s: none has told of itself in the status of "
			    "EgressGateway %.253s",
			    egress, gateway->meta.name);
		finding_fix(
			f,
			"start eipgwd with \"kubernetes\": {\"group\": \"%.200s\"}; if it runs, "
			"'eipgw status' on the gateway says what it waits for",
			gateway->meta.name);
		return;
	}
	finding_say(f, "no gateway carries %.253s of EgressGateway %.253s now%s%.400s", egress,
		    gateway->meta.name, ready && ready->message ? ": " : "",
		    ready && ready->message ? ready->message : "");
	finding_fix(f, "'eipgw status' and 'eipgw check' on the gateways %s",
		    "say what keeps them from it");
}

static void judge_carrier(struct judging *j, const struct kube_carried *carried,
			  const struct kube_member *member)
{
	static const char *const states[] = { "state unknown", "Active", "Standby", "Draining",
					      "NotReady" };
	const bool is_ready = member->state != KUBE_MEMBER_NOT_READY;
	struct finding *const f = finding_add(j, is_ready ? FINDING_OK : FINDING_WRONG, "gateway",
					      is_ready ? "Carried" : "GatewayNotReady");

	finding_say(f, "%.253s (%s, %s) carries it%s%s%s%.40s", member->name,
		    j->ret->member_address, states[member->state],
		    j->ret->public_ip[0] ? " as " : "", j->ret->public_ip,
		    carried->since ? " since " : "", carried->since ? carried->since : "");
	if (is_ready)
		return;
	set_dropped(j);
	finding_fix(f, "'eipgw status' on %.253s says what it lacks", member->name);
}

static void judge_verified(struct judging *j, const struct kube_carried *carried)
{
	const struct kube_verified *const verified = &carried->verified;
	struct finding *f;

	if (!verified->time) {
		f = finding_add(j, FINDING_NOTE, "gateway", "NotVerified");
		finding_say(f, "nobody has verified that the internet sees this address: neither "
			       "\"ownership\": \"ec2\" nor self_test is on");
		return;
	}
	f = finding_add(j, FINDING_OK, "gateway", verified->outside ? "Verified" : "VerifiedByEC2");
	finding_say(f, "verified at %.40s%s", verified->time,
		    verified->outside ? " by a server on the internet" :
					" in EC2, and not from the internet");
}

static void judge_condition(struct judging *j, const struct kube_gateway *gateway)
{
	const struct kube_condition *const ready = find_ready(gateway);

	if (ready && ready->status && strcmp(ready->status, "True") != 0)
		finding_say(finding_add(j, FINDING_NOTE, "gateway", "NotReady"),
			    "EgressGateway %.253s isn't Ready: %.60s, %.600s", gateway->meta.name,
			    ready->reason ? ready->reason : "",
			    ready->message ? ready->message : "");
	if (gateway->meta.generation > gateway->status.observed_generation)
		finding_say(finding_add(j, FINDING_NOTE, "gateway", "StatusOld"),
			    "the status of EgressGateway %.253s is that of an older version of it",
			    gateway->meta.name);
}

static void judge_gateway(struct judging *j, const struct group_egress *egress)
{
	const struct kube_gateway *const gateway = find_gateway(j, egress->group);
	const struct kube_carried *const carried = gateway ? find_carried(gateway, egress->name) :
							     NULL;
	const struct kube_member *const member =
		carried && carried->member ? find_member(gateway, carried->member) : NULL;

	if (!gateway)
		return;
	if (!carried || !carried->member) {
		explain_not_carried(j, gateway, egress->name);
		return;
	}
	snprintf(j->ret->member, sizeof(j->ret->member), "%s", carried->member);
	if (!member || !member->address.v) {
		set_dropped(j);
		struct finding *const f =
			finding_add(j, FINDING_WRONG, "gateway", "CarrierUnknown");
		finding_say(f,
			    "%.253s carries %s, but where it is doesn't stand in status.members of "
			    "EgressGateway %s",
			    carried->member, egress->name, egress->group);
		finding_fix(f, "'eipgw status' on %.253s says whether it can write its status",
			    carried->member);
		return;
	}
	ip4_format(member->address, j->ret->member_address);
	if (carried->public_ip.v)
		ip4_format(carried->public_ip, j->ret->public_ip);
	judge_carrier(j, carried, member);
	judge_verified(j, carried);
	judge_condition(j, gateway);
}

/* ---- the node */

static struct ip4 find_internal(const struct kube_node *node)
{
	for (size_t i = 0; i < node->addresses.n; i++) {
		const struct kube_node_address *const address = &node->addresses.v[i];
		if (address->address.family == 4 && address->type &&
		    strcmp(address->type, "InternalIP") == 0)
			return address->address.v4;
	}
	return (struct ip4){ 0 };
}

static void judge_node(struct judging *j)
{
	const struct pod_fact *const fact = &j->facts->v[POD_ASK_NODE];
	const struct kube_node *const node = fact_first(j->facts, POD_ASK_NODE);
	const struct ip4 address = node ? find_internal(node) : (struct ip4){ 0 };
	struct finding *f;

	if (fact->state == FACT_UNASKED)
		return;
	if (fact->state == FACT_FAILED && fact->failure.class != HTTP_CLASS_NOT_FOUND) {
		judge_untried(j, POD_ASK_NODE, "node", "the node's address");
		return;
	}
	if (!address.v) {
		set_dropped(j);
		f = finding_add(j, FINDING_WRONG, "node", node ? "NodeWithoutAddress" : "NoNode");
		finding_say(f,
			    "%s %.253s%s: the gateway can't send it its answers, and takes nothing "
			    "from it",
			    node ? "the Node" : "there is no Node", j->ret->node,
			    node ? " has no InternalIP" : "");
		finding_fix(f, "kubectl get node %.253s -o wide", j->ret->node);
		return;
	}
	ip4_format(address, j->ret->node_address);
	if (!j->ret->member_address[0])
		return;
	f = finding_add(j, FINDING_OK, "node", "Steers");
	finding_say(
		f,
		"%.253s (%s) has to mark it and steer it into the tunnel to %s, and to drop what "
		"would leave otherwise",
		j->ret->node, j->ret->node_address, j->ret->member_address);
}

/* The command that asks the node's kernel, by way of the agent's pod. */
static void write_command(const struct judging *j, const struct kube_pod *agent, char *buf,
			  size_t size)
{
	char to[IP4_TEXT_MAX];

	snprintf(buf, size, "kubectl -n %.253s exec %.253s -- eipgw explain %s %s",
		 agent->meta.namespace, agent->meta.name, j->ret->address,
		 ip4_format(j->facts->destination, to));
}

static void judge_agent(struct judging *j)
{
	const struct pod_fact *const fact = &j->facts->v[POD_ASK_AGENTS];
	const struct kube_pod *const agent = fact_first(j->facts, POD_ASK_AGENTS);
	char command[700];
	struct finding *f;

	judge_untried(j, POD_ASK_AGENTS, "agent", "whether the node agent runs");
	if (fact->state != FACT_KNOWN)
		return;
	if (!agent) {
		f = finding_add(j, FINDING_NOTE, "agent", "NoAgentPod");
		finding_say(
			f,
			"no pod with the label app.kubernetes.io/name=eipgw-noded is on %.253s: "
			"unless eipgw-noded runs there otherwise, nothing steers and nothing guards",
			j->ret->node);
		return;
	}
	if (agent->phase != KUBE_PHASE_RUNNING) {
		f = finding_add(j, FINDING_WRONG, "agent", "AgentNotRunning");
		finding_say(f,
			    "the node agent %.253s/%.253s isn't running: new pods aren't steered",
			    agent->meta.namespace, agent->meta.name);
		finding_fix(f, "kubectl -n %.253s describe pod %.253s", agent->meta.namespace,
			    agent->meta.name);
		return;
	}
	write_command(j, agent, command, sizeof(command));
	f = finding_add(j, FINDING_OK, "agent", "AgentRuns");
	finding_say(f, "the node agent runs; what its kernel does: %s", command);
}

void judge_way(struct judging *j)
{
	const struct group_egress *const egress = judge_egress(j);

	if (egress)
		judge_gateway(j, egress);
	judge_node(j);
	judge_agent(j);
}

/* ---- this host's daemons */

struct expectation {
	const char *verdict, *word; /* what it has to be, if it's `verdict` */
};

/* What the daemon should say; NULL: it's nothing to it. */
static const char *expected_word(const struct judging *j, const struct pod_daemon *daemon)
{
	static const struct expectation of_node[] = { { "egress", "steered" },
						      { "direct", "direct" },
						      { "dropped", "dropped" } };
	static const struct expectation of_gateway[] = { { "egress", "translated" } };
	const bool is_node = strcmp(daemon->program, "eipgw-noded") == 0;
	const char *const self = is_node ? j->ret->node : j->ret->member;
	const struct expectation *const rows = is_node ? of_node : of_gateway;
	const size_t n = is_node ? sizeof(of_node) / sizeof(of_node[0]) : 1;

	if (!j->has_address || !self[0] || strcmp(daemon->name, self) != 0)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (strcmp(rows[i].verdict, j->ret->verdict) == 0)
			return rows[i].word;
	return NULL;
}

static void judge_daemon(struct judging *j, const struct pod_daemon *daemon)
{
	const char *const wanted = expected_word(j, daemon);
	const char *const about = strcmp(daemon->program, "eipgw-noded") == 0 ? "node" : "gateway";
	struct finding *f;

	if (!wanted)
		return;
	if (!daemon->explanation) {
		finding_say(finding_add(j, FINDING_UNTRIED, about, "DaemonSilent"), "%s: %s",
			    daemon->program, daemon->error);
		return;
	}
	const char *const summary = control_text(daemon->explanation, "summary");
	if (strcmp(control_text(daemon->explanation, "verdict"), wanted) == 0) {
		f = finding_add(j, FINDING_OK, about, "KernelAgrees");
		finding_say(f, "%s on this host, by its kernel's rules: %.600s", daemon->program,
			    summary);
		return;
	}
	f = finding_add(j, FINDING_WRONG, about, "KernelDisagrees");
	finding_say(f, "by Kubernetes' objects it should be %s, but %s on this host says: %.600s",
		    wanted, daemon->program, summary);
	finding_fix(f,
		    "'eipgw status' says whether it has heard of the latest objects, and its log "
		    "what keeps it");
}

void judge_daemons(struct judging *j)
{
	for (size_t i = 0; i < j->facts->n_daemons; i++)
		judge_daemon(j, &j->facts->daemons[i]);
}
