// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Pure: who we are, whether EC2 answers us, and by which way. */
#include "cli/check.h"

#include "awsapi/call.h"
#include "awsapi/imds_identity.h"
#include "cli/facts.h"
#include "conf/gateway.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* EC2 refuses a signature that is more than 5 minutes off (RequestExpired). */
enum { SKEW_WARN_SEC = 60, SKEW_FAIL_SEC = 300, EXPIRY_WARN_SEC = 300 };

/* What is fatal for a gateway that owns its addresses is only a gap in the check of one that doesn't. */
static enum outcome fatal(const struct facts *facts)
{
	return facts->wants_ec2 ? OUTCOME_FAIL : OUTCOME_UNTRIED;
}

static const char *unneeded(const struct facts *facts)
{
	return facts->wants_ec2 ? "" : " (eipgwd doesn't need it: \"ownership\" is \"static\")";
}

/* Of the credentials: those that a login to EKS is made of are needed whoever associates Elastic IPs. */
static bool needs_login(const struct facts *facts)
{
	return facts->wants_ec2 || (facts->kube.is_wanted && facts->gateway &&
				    facts->gateway->kubernetes.eks.cluster[0]);
}

void judge_imds(const struct facts *facts, struct check_results *results)
{
	const struct imds_identity *const identity = facts->identity;
	struct check_result *result;
	char text[IP4_TEXT_MAX];

	if (!identity) {
		result = check_say(results, fatal(facts), "%s%s", facts->imds_error.text,
				   unneeded(facts));
		check_fix(result,
			  "eipgwd runs on EC2 instances; there, enable the metadata service "
			  "(aws ec2 modify-instance-metadata-options --http-endpoint "
			  "enabled), and let no local firewall rule stop 169.254.169.254");
		return;
	}
	const struct imds_interface *const primary = imds_identity_primary(identity);
	check_say(results, OUTCOME_OK, "%s (%s) at %s on %s, zone %s", identity->instance_id,
		  identity->instance_type,
		  primary && primary->private_ips.n ? ip4_format(primary->private_ips.v[0], text) :
						      "?",
		  primary ? primary->id : "?", identity->zone);
}

void judge_credentials(const struct facts *facts, struct check_results *results)
{
	const struct credentials_status *const status = &facts->credentials;
	const int64_t left = status->expires_sec - facts->now_sec;
	struct check_result *result;

	if (!facts->is_logged_in) {
		const bool is_needed = needs_login(facts);

		result = check_say(results, is_needed ? OUTCOME_FAIL : OUTCOME_UNTRIED, "%s%s",
				   facts->login_error.text, is_needed ? "" : unneeded(facts));
		if (!facts->url[0])
			check_fix(result, "set AWS_REGION, or aws.region in the configuration");
		else
			check_fix(
				result,
				"give the instance an instance profile with a role, whose policy is "
				"%s",
				iam_document_files[facts->wants_routes ? IAM_ROUTE_TABLE :
									 IAM_TUNNEL]);
	} else if (status->kind == CREDENTIALS_ENVIRONMENT && needs_login(facts)) {
		result = check_say(results, OUTCOME_WARN,
				   "%s is from the environment of this shell; eipgwd has its own",
				   status->access_key);
		check_fix(result, "run this without the variables AWS_ACCESS_KEY_ID, "
				  "AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN to check what the "
				  "instance's role may");
	} else if (status->expires_sec && left < EXPIRY_WARN_SEC) {
		result = check_say(results, OUTCOME_WARN, "%s from the %s %s", status->access_key,
				   credentials_kind_names[status->kind],
				   left < 0 ? "has ended" : "is about to end");
		check_fix(result,
			  "its source gave old ones; see whether the role is still attached");
	} else if (status->expires_sec) {
		check_say(results, OUTCOME_OK, "%s from the %s, good for %" PRId64 " minutes",
			  status->access_key, credentials_kind_names[status->kind], left / 60);
	} else {
		check_say(results, OUTCOME_OK, "%s from the %s, without an end", status->access_key,
			  credentials_kind_names[status->kind]);
	}
}

void judge_ec2(const struct facts *facts, struct check_results *results)
{
	const struct aws_failure *const failure = &facts->first_failure;
	struct check_result *result;

	if (!facts->is_logged_in) {
		check_say(results, OUTCOME_UNTRIED, "needs credentials and a region");
	} else if (!facts->ec2_answered) {
		result = check_say(results, fatal(facts), "%s gives no answer: %s%s", facts->url,
				   failure->text, unneeded(facts));
		check_fix(result, "see \"path to EC2\" below; the security group and the network "
				  "ACL must let TCP port 443 out");
	} else if (failure->class == HTTP_CLASS_CREDENTIALS) {
		result = check_say(results, fatal(facts), "%s refuses the credentials: %s%s",
				   facts->url, failure->text, unneeded(facts));
		check_fix(result, "see \"credentials\" above, and \"clock\" below");
	} else if (failure->class == HTTP_CLASS_RETRY || failure->class == HTTP_CLASS_THROTTLED) {
		result = check_say(results, OUTCOME_WARN, "%s answers, but: %s", facts->url,
				   failure->text);
		check_fix(result, "run the check again in a minute");
	} else {
		check_say(results, OUTCOME_OK, "%s answers", facts->url);
	}
}

void judge_clock(const struct facts *facts, struct check_results *results)
{
	const int64_t ahead = facts->now_sec - facts->aws_sec;
	const int64_t skew = ahead < 0 ? -ahead : ahead;
	const char *const way = ahead < 0 ? "behind" : "ahead of";
	struct check_result *result;

	if (facts->aws_sec < 0) {
		check_say(results, OUTCOME_UNTRIED, "EC2's answer had no date");
		return;
	}
	if (skew < SKEW_WARN_SEC) {
		check_say(results, OUTCOME_OK, "agrees with AWS's within %" PRId64 " s", skew + 1);
		return;
	}
	result = check_say(results, skew >= SKEW_FAIL_SEC ? fatal(facts) : OUTCOME_WARN,
			   "is %" PRId64 " s %s AWS's; signatures more than %d s off are refused",
			   skew, way, SKEW_FAIL_SEC);
	check_fix(result, "synchronise it: chrony with the Amazon Time Sync Service, "
			  "169.254.169.123");
}

/* The Elastic IP or other public address of the primary private address; NULL: it has none that we know. */
static const struct aws_private_address *find_primary(const struct facts *facts)
{
	const struct aws_private_addresses *const addresses = &facts->interface.addresses;

	for (size_t i = 0; i < addresses->n; i++)
		if (addresses->v[i].primary && addresses->v[i].public_ip.v)
			return &addresses->v[i];
	return NULL;
}

static bool is_ours(const struct facts *facts, struct ip4 public_ip)
{
	for (size_t i = 0; i < facts->n_egress; i++)
		for (size_t k = 0; k < facts->egress[i].found.n; k++)
			if (facts->egress[i].found.v[k].public_ip.v == public_ip.v)
				return true;
	return false;
}

static void judge_path_by_metadata(const struct facts *facts, struct check_results *results)
{
	const struct imds_interface *const primary =
		facts->identity ? imds_identity_primary(facts->identity) : NULL;
	struct check_result *result;

	if (!primary) {
		check_say(results, OUTCOME_UNTRIED,
			  "EC2 doesn't answer, and nothing tells which addresses are here");
	} else if (primary->public_ips.n == 0) {
		result = check_say(
			results, fatal(facts),
			"%s is a public address (%s), and this instance has none: it can't "
			"get there to claim its Elastic IP",
			facts->host, facts->host_address);
		check_fix(result,
			  "give the instance a public address of its own at launch, or make "
			  "an interface endpoint for ec2 in the VPC, or a route to a NAT "
			  "gateway");
	} else {
		result = check_say(
			results, fatal(facts),
			"the instance has a public address, and yet %s (%s) doesn't answer",
			facts->host, facts->host_address);
		check_fix(result,
			  "the subnet's route table needs 0.0.0.0/0 to an internet gateway; "
			  "the security group and network ACL must let TCP port 443 out");
	}
}

/* aws-eks.md's bootstrap trap: whoever needs the Elastic IP to reach the API can't claim the Elastic IP. */
void judge_path(const struct facts *facts, struct check_results *results)
{
	const struct aws_private_address *const primary = find_primary(facts);
	char text[IP4_TEXT_MAX];
	struct check_result *result;

	if (facts->resolved == FACT_FAILED) {
		result = check_say(results, fatal(facts), "%s has no address%s", facts->host,
				   unneeded(facts));
		check_fix(result,
			  "the VPC's DNS (enableDnsSupport) or the host's resolver must know "
			  "it");
	} else if (facts->resolved == FACT_UNASKED) {
		check_say(results, OUTCOME_UNTRIED, "needs the region");
	} else if (facts->endpoint_is_private) {
		check_say(results, OUTCOME_OK,
			  "%s is a private address (%s): an endpoint inside; no public address is "
			  "needed",
			  facts->host, facts->host_address);
	} else if (!facts->ec2_answered) {
		judge_path_by_metadata(facts, results);
	} else if (facts->interface_state != FACT_KNOWN) {
		check_say(
			results, OUTCOME_UNTRIED,
			"EC2 answered; by which way isn't known without this instance's interface");
	} else if (primary && is_ours(facts, primary->public_ip)) {
		result = check_say(
			results, OUTCOME_FAIL,
			"the way to %s is by %s, an egress IP of the configuration on the "
			"primary private address: when it moves, this gateway can't get it "
			"back",
			facts->host, ip4_format(primary->public_ip, text));
		check_fix(result,
			  "associate it with a secondary private address, and let the "
			  "primary one have a public address of its own or make an interface "
			  "endpoint for ec2");
	} else if (primary) {
		check_say(
			results, OUTCOME_OK,
			"%s is public (%s); the primary private address has the public address %s "
			"of its own, which is no egress IP%s",
			facts->host, facts->host_address, ip4_format(primary->public_ip, text),
			primary->allocation_id[0] ? "" : " (assigned by the subnet)");
	} else {
		check_say(results, OUTCOME_OK,
			  "%s is public (%s) and answered although the primary private address has "
			  "no public one: there is another way out, such as a NAT gateway or proxy",
			  facts->host, facts->host_address);
	}
}

void judge_source_check(const struct facts *facts, struct check_results *results)
{
	const bool on = facts->interface.source_dest_check;
	const char *const id = facts->interface.id;
	struct check_result *result;

	if (!facts->wants_routes) {
		check_say(results, OUTCOME_OK, "is %s on %s; the tunnel needs neither",
			  on ? "on" : "off", id);
	} else if (!on) {
		check_say(results, OUTCOME_OK, "is off on %s, as route-table mode needs it", id);
	} else if (facts->wants_ec2) {
		result = check_say(results, OUTCOME_WARN,
				   "is on on %s: until eipgwd turns it off, EC2 drops what route "
				   "tables send here",
				   id);
		check_fix(result, "start eipgwd, or reload it if somebody turned it on again");
	} else {
		result = check_say(results, OUTCOME_FAIL,
				   "is on on %s: EC2 drops what route tables send here", id);
		check_fix(result,
			  "aws ec2 modify-network-interface-attribute --network-interface-id %s "
			  "--no-source-dest-check",
			  id);
	}
}
