// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "pod_rows.h"

#include "base/cleanup.h"

#define META(name, uid, more)                                \
	"\"metadata\":{\"name\":\"" name "\",\"uid\":\"" uid \
	"\",\"resourceVersion\":\"1\",\"creationTimestamp\":\"2026-01-0" more "}"
#define POD_AT(ip, more, spec, phase)                                                                                          \
	"{" META(                                                                                                              \
		"p", "u1",                                                                                                     \
		"1T00:00:00Z\",\"namespace\":\"pay\",\"labels\":{\"app\":\"web\"}" more) ",\"spec\":{\"nodeName\":\"n1\"" spec \
											 "},\"status\":{\"phase\":\"" phase    \
											 "\"" ip                               \
											 "}}"
#define IP ",\"podIP\":\"10.0.0.1\",\"podIPs\":[{\"ip\":\"10.0.0.1\"}]"
#define IP46 ",\"podIP\":\"10.0.0.1\",\"podIPs\":[{\"ip\":\"10.0.0.1\"},{\"ip\":\"2001:db8::1\"}]"
#define IP6 ",\"podIP\":\"2001:db8::1\",\"podIPs\":[{\"ip\":\"2001:db8::1\"}]"
#define POD POD_AT(IP, "", "", "Running")
#define OTHER(labels, created)                                            \
	"{" META("q", "u2",                                               \
		 created                                                  \
		 "T00:00:00Z\",\"namespace\":\"pay\",\"labels\":{" labels \
		 "}") ",\"spec\":{\"nodeName\":\"n2\"},\"status\":{\"phase\":\"Running\"" IP "}}"
#define SPACE "{" META("pay", "s1", "1T00:00:00Z\",\"labels\":{\"team\":\"a\"}") "}"
#define POLICY_OF(name, day, spec)                                       \
	"{" META(name, "p-" name,                                        \
		 day "T00:00:00Z\",\"generation\":1") ",\"spec\":{" spec \
						      "},\"status\":{\"observedGeneration\":1}}"
#define TO_BANK ",\"egressGateway\":\"gw\",\"egressIPs\":[\"bank\"]"
#define PODS_OF(app) "\"selectors\":[{\"podSelector\":{\"matchLabels\":{\"app\":\"" app "\"}}}]"
#define POLICY POLICY_OF("web", "2", PODS_OF("web") TO_BANK)
#define GATEWAY_OF(status)                                                                                                                         \
	"{" META(                                                                                                                                  \
		"gw", "g1",                                                                                                                        \
		"1T00:00:00Z\",\"generation\":1") ",\"spec\":{\"egressIPs\":[{\"name\":\"bank\",\"publicIP\":\"203.0.113.1\"},{\"name\":\"mail\"," \
						  "\"allocationID\":\"eipalloc-1\"}]},\"status\":{\"observedGeneration\":1" status                 \
						  "}}"
#define MEMBERS(state) \
	",\"members\":[{\"name\":\"gw-a\",\"address\":\"10.0.9.9\",\"state\":\"" state "\"}]"
#define CARRIED(more)                                                                          \
	",\"egressIPs\":[{\"name\":\"bank\",\"publicIP\":\"203.0.113.1\",\"member\":\"gw-a\"," \
	"\"since\":\"2026-01-03T00:00:00Z\"" more "}]"
#define VERIFIED ",\"verified\":{\"time\":\"2026-01-04T00:00:00Z\",\"outside\":true}"
#define READY(status, reason, message)                                                        \
	",\"conditions\":[{\"type\":\"Ready\",\"status\":\"" status "\",\"reason\":\"" reason \
	"\",\"message\":\"" message "\",\"lastTransitionTime\":\"2026-01-03T00:00:00Z\"}]"
#define GATEWAY GATEWAY_OF(MEMBERS("Active") CARRIED(VERIFIED) READY("True", "Carried", "all"))
#define NODE                                                                              \
	"{" META("n1", "n1",                                                              \
		 "1T00:00:00Z\"") ",\"status\":{\"addresses\":[{\"type\":\"InternalIP\"," \
				  "\"address\":\"10.0.8.8\"}]}}"
#define AGENT_IN(phase)                                                                                                                               \
	"{" META(                                                                                                                                     \
		"noded-x", "a1",                                                                                                                      \
		"1T00:00:00Z\",\"namespace\":\"eipgw-system\"") ",\"spec\":{\"nodeName\":\"n1\",\"hostNetwork\":true},\"status\":{\"phase\":\"" phase \
								"\"}}"

const char *const pod_usual[POD_ASK_COUNT] = {
	[POD_ASK_POD] = POD,         [POD_ASK_NAMESPACE] = SPACE,
	[POD_ASK_POLICIES] = POLICY, [POD_ASK_GATEWAYS] = GATEWAY,
	[POD_ASK_NODE] = NODE,       [POD_ASK_SHARERS] = POD,
	[POD_ASK_SPACES] = NONE,     [POD_ASK_AGENTS] = AGENT_IN("Running"),
};

const struct row pod_rows[] = {
	{ "all is well", "egress", "", "Carried",
	  "gw-a (10.0.9.9, Active) carries it as 203.0.113.1 since 2026-01-03T00:00:00Z" },
	{ "verified", "egress", "", "Verified",
	  "2026-01-04T00:00:00Z by a server on the internet" },
	{ "node", "egress", "", "Steers", "n1 (10.0.8.8) has to mark it" },
	{ "command", "egress", "", "AgentRuns",
	  "kubectl -n eipgw-system exec noded-x -- eipgw explain 10.0.0.1 198.51.100.1" },

	/* The cluster. */
	{ "silent", "unknown", "NoAnswer", NULL, "failed", { [POD_ASK_POD] = SILENT } },
	{ "throttled", "unknown", "Busy", NULL, "failed", { [POD_ASK_POD] = "429" } },
	{ "its store is away", "unknown", "Busy", NULL, "failed", { [POD_ASK_POLICIES] = "503" } },
	{ "login", "unknown", "NotLoggedIn", NULL, "failed", { [POD_ASK_POD] = LOGIN } },
	{ "forbidden pod", "unknown", "Forbidden", NULL, "failed", { [POD_ASK_POD] = FORBIDDEN } },
	{ "forbidden policies",
	  "unknown",
	  "Forbidden",
	  NULL,
	  "failed",
	  { [POD_ASK_POLICIES] = FORBIDDEN } },
	{ "no CRDs",
	  "unknown",
	  "NotInstalled",
	  NULL,
	  "doesn't know the kinds",
	  { [POD_ASK_POLICIES] = ABSENT } },
	{ "no pod",
	  "unknown",
	  "NoPod",
	  NULL,
	  "no pod p in the namespace pay",
	  { [POD_ASK_POD] = ABSENT } },
	{ "no namespace",
	  "unknown",
	  "NoNamespace",
	  NULL,
	  "no namespace pay",
	  { [POD_ASK_POD] = ABSENT, [POD_ASK_NAMESPACE] = ABSENT } },

	/* The pod. */
	{ "pending",
	  "nothing",
	  "NoAddress",
	  NULL,
	  "Pending on n1 and has no address yet",
	  { [POD_ASK_POD] = POD_AT("", "", "", "Pending") } },
	{ "pending, not selected",
	  "nothing",
	  "",
	  "NoAddress",
	  "no address yet",
	  { [POD_ASK_POD] = POD_AT("", "", "", "Pending"), [POD_ASK_POLICIES] = NONE } },
	{ "IPv6 alone",
	  "nothing",
	  "NoIPv4",
	  NULL,
	  "no IPv4 address",
	  { [POD_ASK_POD] = POD_AT(IP6, "", "", "Running") } },
	{ "both families",
	  "egress",
	  "",
	  "IPv6Dropped",
	  "spec.ipv6 of web",
	  { [POD_ASK_POD] = POD_AT(IP46, "", "", "Running") } },
	{ "succeeded",
	  "nothing",
	  "",
	  "Finished",
	  "ended (Succeeded)",
	  { [POD_ASK_POD] = POD_AT(IP, "", "", "Succeeded") } },
	{ "failed",
	  "nothing",
	  "",
	  "Finished",
	  "ended (Failed)",
	  { [POD_ASK_POD] = POD_AT(IP, "", "", "Failed") } },
	{ "terminating",
	  "egress",
	  "",
	  "Terminating",
	  "to its end",
	  { [POD_ASK_POD] = POD_AT(IP, ",\"deletionTimestamp\":\"2026-01-09T00:00:00Z\"", "",
				   "Running") } },
	{ "host network",
	  "direct",
	  "HostNetwork",
	  NULL,
	  "though they select it",
	  { [POD_ASK_POD] = POD_AT(IP, "", ",\"hostNetwork\":true", "Running") } },
	{ "host network, not selected",
	  "direct",
	  "",
	  "HostNetwork",
	  "its node's address",
	  { [POD_ASK_POD] = POD_AT(IP, "", ",\"hostNetwork\":true", "Running"),
	    [POD_ASK_POLICIES] = NONE } },
	{ "contested",
	  "dropped",
	  "AddressContested",
	  NULL,
	  "pay/q has the address 10.0.0.1, too",
	  { [POD_ASK_SHARERS] = POD "\n" OTHER("", "1") } },
	{ "shared and selected alike",
	  "egress",
	  "",
	  "Selects",
	  "spec.selectors[0]",
	  { [POD_ASK_SHARERS] = POD "\n" OTHER("\"app\":\"web\"", "0") } },
	{ "address given again",
	  "egress",
	  "AddressGivenAgain",
	  NULL,
	  "is that of pay/q now",
	  { [POD_ASK_POD] =
		    POD_AT(IP, ",\"deletionTimestamp\":\"2026-01-09T00:00:00Z\"", "", "Running"),
	    [POD_ASK_SHARERS] = OTHER("\"app\":\"web\"", "2") } },
	{ "others can't be listed",
	  "egress",
	  "",
	  "NotReadable",
	  "another pod has its address",
	  { [POD_ASK_SHARERS] = FORBIDDEN } },

	/* Policies. */
	{ "no policy", "direct", "", "NoPolicy", "no EgressPolicy", { [POD_ASK_POLICIES] = NONE } },
	{ "another label",
	  "direct",
	  "",
	  "DoesNotSelect",
	  "api doesn't select it: spec.selectors[0]: the pod's label app is \"web\", not \"api\"",
	  { [POD_ASK_POLICIES] = POLICY_OF("api", "2", PODS_OF("api") TO_BANK) } },
	{ "namespace label missing",
	  "direct",
	  "",
	  "DoesNotSelect",
	  "the namespace has no label owner, which should be \"x\"",
	  { [POD_ASK_POLICIES] = POLICY_OF(
		    "api", "2",
		    "\"selectors\":[{\"namespaceSelector\":{\"matchLabels\":{\"owner\":\"x\"}}}]" TO_BANK) } },
	{ "other CIDRs",
	  "direct",
	  "",
	  "DoesNotSelect",
	  "podCIDRs don't have",
	  { [POD_ASK_POLICIES] = POLICY_OF("api", "2", "\"podCIDRs\":[\"10.9.0.0/16\"]" TO_BANK) } },
	{ "by address",
	  "egress",
	  "",
	  "Selects",
	  "has its address in podCIDRs",
	  { [POD_ASK_POLICIES] = POLICY_OF("api", "2", "\"podCIDRs\":[\"10.0.0.0/16\"]" TO_BANK) } },
	{ "excluded",
	  "direct",
	  "",
	  "DestinationExcluded",
	  "198.51.100.0/24 of its excludedCIDRs",
	  { [POD_ASK_POLICIES] = POLICY_OF("web", "2",
					   PODS_OF("web") TO_BANK
					   ",\"excludedCIDRs\":[\"198.51.100.0/24\"]") } },
	{ "built in", "direct", "", "DestinationExcluded", "169.254.0.0/16",
	  .destination = "169.254.169.254" },
	{ "a gateway", "direct", "", "DestinationExcluded", "10.0.9.9/32 of the gateways'",
	  .destination = "10.0.9.9" },
	{ "not among the destinations",
	  "direct",
	  "",
	  "DestinationNotGoverned",
	  "destinationCIDRs don't have it",
	  { [POD_ASK_POLICIES] = POLICY_OF("web", "2",
					   PODS_OF("web") TO_BANK
					   ",\"destinationCIDRs\":[\"192.0.2.0/24\"]") } },
	{ "private", "egress", "", "AlwaysExcluded", "always_excluded", .destination = "10.5.5.5" },
	{ "older policy",
	  "egress",
	  "",
	  "OlderPolicyGoverns",
	  "younger would govern 198.51.100.1, too, but web is older",
	  { [POD_ASK_POLICIES] = POLICY_OF("younger", "3", PODS_OF("web") TO_BANK) "\n" POLICY } },
	{ "no selector of that kind",
	  "direct",
	  "",
	  "NotTaken",
	  "EgressPolicy bad isn't taken",
	  { [POD_ASK_POLICIES] = POLICY_OF("bad", "2", "\"selectors\":[{}]" TO_BANK) } },

	/* The egress IP. */
	{ "unknown gateway",
	  "dropped",
	  "EgressGatewayUnknown",
	  NULL,
	  "no egress IP of an EgressGateway \"gone\"",
	  { [POD_ASK_POLICIES] = POLICY_OF(
		    "web", "2",
		    PODS_OF("web") ",\"egressGateway\":\"gone\",\"egressIPs\":[\"bank\"]") } },
	{ "unknown egress IP",
	  "dropped",
	  "EgressIPUnknown",
	  NULL,
	  "has no egress IP fax",
	  { [POD_ASK_POLICIES] = POLICY_OF(
		    "web", "2",
		    PODS_OF("web") ",\"egressGateway\":\"gw\",\"egressIPs\":[\"fax\"]") } },
	{ "one of two is unknown",
	  "egress",
	  "",
	  "EgressIPUnknown",
	  "the others are used",
	  { [POD_ASK_POLICIES] = POLICY_OF("web", "2",
					   PODS_OF("web") ",\"egressGateway\":\"gw\","
							  "\"egressIPs\":[\"bank\",\"fax\"]") } },
	{ "chosen by the hash",
	  "egress",
	  "",
	  "Chosen",
	  "of the 2 egress IPs of web its address's hash chooses bank of gw",
	  { [POD_ASK_POLICIES] = POLICY_OF("web", "2",
					   PODS_OF("web") ",\"egressGateway\":\"gw\","
							  "\"egressIPs\":[\"bank\",\"mail\"]") } },
	{ "one that nobody carries",
	  "dropped",
	  "NotCarried",
	  NULL,
	  "no gateway carries mail of EgressGateway gw now",
	  { [POD_ASK_POLICIES] = POLICY_OF(
		    "web", "2",
		    PODS_OF("web") ",\"egressGateway\":\"gw\",\"egressIPs\":[\"mail\"]") } },
	{ "not chosen yet",
	  "nothing",
	  "NoAddress",
	  "NotChosenYet",
	  "no address yet",
	  { [POD_ASK_POD] = POD_AT("", "", "", "Pending"),
	    [POD_ASK_POLICIES] = POLICY_OF("web", "2",
					   PODS_OF("web") ",\"egressGateway\":\"gw\","
							  "\"egressIPs\":[\"bank\",\"mail\"]") } },

	/* The gateway. */
	{ "no gateway runs",
	  "dropped",
	  "NotCarried",
	  NULL,
	  "none has told of itself",
	  { [POD_ASK_GATEWAYS] = GATEWAY_OF("") } },
	{ "not carried",
	  "dropped",
	  "NotCarried",
	  NULL,
	  "now: bank: somebody moved it",
	  { [POD_ASK_GATEWAYS] = GATEWAY_OF(MEMBERS(
		    "NotReady") READY("False", "NotCarried", "bank: somebody moved it")) } },
	{ "carried by nobody",
	  "dropped",
	  "NotCarried",
	  NULL,
	  "no gateway carries bank",
	  { [POD_ASK_GATEWAYS] =
		    GATEWAY_OF(MEMBERS("Active") ",\"egressIPs\":[{\"name\":\"bank\"}]") } },
	{ "carried by nobody known",
	  "dropped",
	  "CarrierUnknown",
	  NULL,
	  "where it is",
	  { [POD_ASK_GATEWAYS] = GATEWAY_OF(CARRIED("")) } },
	{ "not ready",
	  "dropped",
	  "GatewayNotReady",
	  NULL,
	  "NotReady",
	  { [POD_ASK_GATEWAYS] = GATEWAY_OF(MEMBERS("NotReady") CARRIED("")) } },
	{ "not verified",
	  "egress",
	  "",
	  "NotVerified",
	  "nobody has verified",
	  { [POD_ASK_GATEWAYS] = GATEWAY_OF(MEMBERS("Active") CARRIED("")) } },
	{ "verified by EC2",
	  "egress",
	  "",
	  "VerifiedByEC2",
	  "not from the internet",
	  { [POD_ASK_GATEWAYS] = GATEWAY_OF(MEMBERS("Active") CARRIED(
		    ",\"verified\":{\"time\":\"2026-01-04T00:00:00Z\"}")) } },
	{ "another one isn't carried",
	  "egress",
	  "",
	  "NotReady",
	  "mail: gone",
	  { [POD_ASK_GATEWAYS] = GATEWAY_OF(MEMBERS("Active") CARRIED(VERIFIED)
						    READY("False", "NotCarried", "mail: gone")) } },

	/* The node and its agent. */
	{ "no Node", "dropped", "NoNode", NULL, "no Node n1", { [POD_ASK_NODE] = ABSENT } },
	{ "Node without address",
	  "dropped",
	  "NodeWithoutAddress",
	  NULL,
	  "no InternalIP",
	  { [POD_ASK_NODE] = "{" META("n1", "n1", "1T00:00:00Z\"") "}" } },
	{ "Node can't be read",
	  "egress",
	  "",
	  "NotReadable",
	  "the node's address",
	  { [POD_ASK_NODE] = FORBIDDEN } },
	{ "no agent", "egress", "", "NoAgentPod", "nothing steers", { [POD_ASK_AGENTS] = NONE } },
	{ "agent pending",
	  "egress",
	  "AgentNotRunning",
	  NULL,
	  "eipgw-system/noded-x isn't running",
	  { [POD_ASK_AGENTS] = AGENT_IN("Pending") } },
	{ "agents can't be listed",
	  "egress",
	  "",
	  "NotReadable",
	  "the node agent runs",
	  { [POD_ASK_AGENTS] = FORBIDDEN } },

	/* This host's daemons. */
	{ "the node steers", "egress", "", "KernelAgrees", "it does", .node_says = "steered" },
	{ "the node doesn't", "egress", "KernelDisagrees", NULL,
	  "should be steered, but eipgw-noded on this host says: it does", .node_says = "direct" },
	{ "the gateway translates", "egress", "", "KernelAgrees", "eipgwd on this host",
	  .gateway_says = "translated" },
	{ "the gateway drops", "egress", "KernelDisagrees", NULL, "should be translated",
	  .gateway_says = "dropped" },
	{ "a daemon that is silent", "egress", "", "DaemonSilent", "no answer", .node_says = "" },
};
const size_t pod_rows_count = ARRAY_SIZE(pod_rows);
