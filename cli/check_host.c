// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Pure: configuration, devices, kernel. */
#include "cli/check.h"

#include "base/cleanup.h"
#include "cli/facts.h"
#include "conf/gateway.h"
#include "control/control.h"
#include "daemon/sysctls.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { OVERHEAD = 50 /* VXLAN over IPv4 */, MTU_JUMBO = 9001 /* inside a VPC */ };

static const struct {
	const char *name, *modules;
} features[] = {
	[FEATURE_NF_TABLES] = { "nf_tables with NAT and connection tracking",
				"nf_tables, nft_ct, nft_nat, nf_nat, nf_conntrack" },
	[FEATURE_CTNETLINK] = { "connection tracking by netlink", "nf_conntrack_netlink" },
	[FEATURE_VXLAN] = { "VXLAN devices in external mode", "vxlan" },
	[FEATURE_LWTUNNEL] = { "routes into tunnels",
			       "none: it's CONFIG_LWTUNNEL with CONFIG_NET_IP_TUNNEL" },
	[FEATURE_BPF_FILTER] = { "classic BPF filters on devices", "cls_bpf, sch_ingress" },
};
static_assert(ARRAY_SIZE(features) == FEATURE_COUNT, "each feature has a name");

void judge_config(const struct facts *facts, struct check_results *results)
{
	struct check_result *result;

	if (facts->tunnel) {
		check_say(results, OUTCOME_OK, "%s is accepted", facts->config_path);
		return;
	}
	result = check_say(results, OUTCOME_FAIL, "%s: %s", facts->config_path,
			   facts->config_error.text);
	check_fix(result, "see eipgw-%s.json(5)", facts->is_node ? "node" : "gateway");
}

/* What only the daemon knows, such as that the interface has no room for another address. */
void judge_daemon(const struct facts *facts, struct check_results *results)
{
	const struct control_node *const list = control_get(facts->status, "egress_ips");
	const char *const state = control_text(facts->status, "state");
	size_t told = 0;

	if (!facts->status) {
		check_say(results, OUTCOME_UNTRIED, "none answers; what follows doesn't need it");
		return;
	}
	for (size_t i = 0; i < control_size(list); i++) {
		const struct control_node *const one = control_at(list, i);
		const char *const what = control_text(one, "state");
		struct check_result *result;

		if (strcmp(what, "blocked") != 0 && strcmp(what, "lost") != 0)
			continue;
		told++;
		result = check_say(results, OUTCOME_FAIL, "egress IP %s is %s: %s",
				   control_text(one, "name"), what, control_text(one, "reason"));
		check_fix(result, strcmp(what, "lost") == 0 ?
					  "reload or restart the daemon to take it back" :
					  "do what it says; the daemon tries again by itself");
	}
	if (!told)
		check_say(results, OUTCOME_OK, "%s answers%s%s",
			  control_text(facts->status, "program"), state[0] ? ": " : "", state);
}

void judge_uplink(const struct facts *facts, struct check_results *results)
{
	const uint32_t mtu = facts->uplink.mtu;
	/* The largest packet that must get through the tunnel whole. */
	const uint32_t inner = facts->tunnel->mtu ? facts->tunnel->mtu : facts->internet_mtu;
	struct check_result *result;

	if (!facts->has_uplink) {
		result = check_say(results, OUTCOME_FAIL, "there is no device %s%s%s",
				   facts->uplink_name, facts->links_error[0] ? ": " : "",
				   facts->links_error);
		check_fix(result, "name the device of the primary network interface (ip link) as "
				  "the uplink");
	} else if (!facts->uplink.up) {
		result = check_say(results, OUTCOME_FAIL, "%s is down", facts->uplink_name);
		check_fix(result, "ip link set %s up", facts->uplink_name);
	} else if (mtu < inner + OVERHEAD) {
		result = check_say(results, OUTCOME_FAIL,
				   "%s has an MTU of %" PRIu32 ", but packets of %" PRIu32
				   " bytes have to get through the tunnel, which adds %d",
				   facts->uplink_name, mtu, inner, OVERHEAD);
		check_fix(result,
			  "raise it (ip link set %s mtu %d), or set tunnel.mtu to %" PRIu32
			  " on all nodes and gateways",
			  facts->uplink_name, MTU_JUMBO, mtu > OVERHEAD ? mtu - OVERHEAD : 0);
	} else if (mtu < MTU_JUMBO) {
		result = check_say(results, OUTCOME_WARN,
				   "%s has an MTU of %" PRIu32 ": packets of up to %" PRIu32
				   " bytes fit into the tunnel; pods of the VPC CNI send up to %d",
				   facts->uplink_name, mtu, mtu - OVERHEAD, MTU_JUMBO);
		check_fix(result, "where all instances have jumbo frames: ip link set %s mtu %d",
			  facts->uplink_name, MTU_JUMBO);
	} else {
		check_say(results, OUTCOME_OK,
			  "%s is up with an MTU of %" PRIu32
			  ", room for the %d bytes of the tunnel",
			  facts->uplink_name, mtu, OVERHEAD);
	}
}

void judge_port(const struct facts *facts, struct check_results *results)
{
	const struct tunnel_config *const tunnel = facts->tunnel;
	struct check_result *result;

	if (facts->has_tunnel && facts->tunnel_link.vxlan_external &&
	    facts->tunnel_link.vxlan_port == tunnel->port) {
		check_say(results, OUTCOME_OK, "UDP port %" PRIu32 " is %s's", tunnel->port,
			  tunnel->device);
	} else if (facts->has_tunnel && !facts->tunnel_link.vxlan_external) {
		result = check_say(results, OUTCOME_FAIL,
				   "the device %s is there, and isn't eipgw's", tunnel->device);
		check_fix(result, "choose another tunnel.device");
	} else if (facts->port_user[0] || facts->port_error) {
		result = check_say(results, OUTCOME_FAIL, "UDP port %" PRIu32 " is taken%s%s%s%s",
				   tunnel->port, facts->port_user[0] ? " by the VXLAN device " : "",
				   facts->port_user, facts->port_error ? ": " : "",
				   facts->port_error ? strerror(facts->port_error) : "");
		check_fix(result, "choose another tunnel.port, the same on all nodes and gateways "
				  "and in their security groups (ss -lun shows who listens)");
	} else {
		check_say(results, OUTCOME_OK, "UDP port %" PRIu32 " is free", tunnel->port);
	}
}

void judge_features(const struct facts *facts, struct check_results *results)
{
	size_t known = 0;

	for (size_t i = 0; i < FEATURE_COUNT; i++) {
		const struct feature_fact *const fact = &facts->features[i];
		struct check_result *result;

		known += fact->state == FACT_KNOWN;
		/* A node has no filter on its tunnel device. */
		if (fact->state != FACT_FAILED || (i == FEATURE_BPF_FILTER && facts->is_node))
			continue;
		result = check_say(results, OUTCOME_FAIL, "no %s: %s", features[i].name,
				   fact->error);
		check_fix(result, "load or install the kernel's modules (%s)", features[i].modules);
	}
	if (known == 0 && facts->features[0].state == FACT_UNASKED)
		check_say(results, OUTCOME_UNTRIED, "no network namespace of its own to try in: %s",
			  facts->features[0].error);
	else if (known == FEATURE_COUNT || (known + 1 == FEATURE_COUNT && facts->is_node))
		check_say(results, OUTCOME_OK,
			  "nf_tables, NAT, connection tracking, VXLAN, tunnel routes and filters "
			  "were tried in a network namespace of its own");
}

void judge_sysctls(const struct facts *facts, struct check_results *results)
{
	const struct sysctl_table *const table = facts->is_node ? &node_sysctls : &gateway_sysctls;
	const char *const daemon = facts->is_node ? "eipgw-noded" : "eipgwd";
	struct check_result *result = NULL;

	for (size_t i = 0; i < table->n && i < SYSCTL_FACTS_MAX; i++) {
		const struct sysctl_row *const row = &table->rows[i];
		const struct sysctl_fact *const fact = &facts->sysctls[i];
		const char *const device = row->place == SYSCTL_TUNNEL ? facts->tunnel->device :
									 facts->uplink_name;
		char key[SYSCTL_KEY_MAX];

		if (fact->is_absent || strcmp(fact->value, row->value) == 0)
			continue;
		result = check_say(results, OUTCOME_WARN, "%s is %s and should be %s: %s",
				   sysctl_row_key(row, device, key),
				   fact->value[0] ? fact->value : "not readable", row->value,
				   row->meaning);
	}
	/* Said once, below the last of them. */
	if (result)
		check_fix(result,
			  "%s sets them when it starts; if they stay so, something resets them "
			  "(/etc/sysctl.d), or /proc/sys is read-only",
			  daemon);
	else
		check_say(results, OUTCOME_OK,
			  "all are as %s wants them, or will be there with "
			  "their device or module",
			  daemon);
}
