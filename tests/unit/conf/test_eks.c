// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* The key kubernetes.eks of the gateway's configuration. */
#include "conf/gateway.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/err.h"

#define PEM_64 "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg==" /* -----BEGIN CERTIFICATE----- */
#define CLUSTER "\"cluster\": \"prod_1\""
#define ENDPOINT "\"endpoint\": \"https://AB12.gr7.eu-central-1.eks.amazonaws.com\""
#define CA "\"certificate_authority\": \"/etc/eipgw/eks-ca.pem\""
#define CA_DATA "\"certificate_authority_data\": \"" PEM_64 "\""

static int load(const char *kubernetes, struct gateway_config *ret, struct err *err)
{
	char text[2048];
	int rc;

	snprintf(
		text, sizeof(text),
		"{\"gateway\": {\"name\": \"gw\", \"address\": \"10.0.1.200\", \"uplink\": \"eth0\"},"
		" \"source\": \"kubernetes\", \"kubernetes\": {\"group\": \"partners\", %s}}",
		kubernetes);
	rc = config_parse(&gateway_config_table, text, strlen(text), ret, err);
	if (!rc && gateway_config_check(ret, err)) {
		config_done(&gateway_config_table, ret);
		rc = -EINVAL;
	}
	return rc;
}

static void what_is_configured_is_taken(void **state)
{
	static const char *const rows[] = {
		"\"eks\": {" CLUSTER ", " ENDPOINT ", " CA "}",
		"\"eks\": {" CLUSTER ", " ENDPOINT ", " CA_DATA ", \"region\": \"us-gov-west-1\"}",
		"\"eks\": {" CLUSTER ", \"endpoint\": \"https://10.0.1.1:6443/\", " CA "}",
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct gateway_config config;
		struct err err = ERR_NULL;

		if (load(rows[i], &config, &err))
			fail_msg("%s: %s", rows[i], err.text);
		assert_string_equal(config.kubernetes.eks.cluster, "prod_1");
		assert_string_equal(config.kubernetes.eks.region, i == 1 ? "us-gov-west-1" : "");
		config_done(&gateway_config_table, &config);
	}
}

static void without_it_nothing_of_it_is_asked_for(void **state)
{
	struct gateway_config config;
	(void)state;

	assert_int_equal(load("\"eks\": {}, \"kubeconfig\": \"/k\"", &config, NULL), 0);
	assert_string_equal(config.kubernetes.eks.cluster, "");
	config_done(&gateway_config_table, &config);
}

static void its_faults_are_named(void **state)
{
	static const struct {
		const char *text, *error;
	} rows[] = {
		{ "\"eks\": {" CLUSTER ", " ENDPOINT ", " CA "}, \"kubeconfig\": \"/k\"",
		  "kubernetes.kubeconfig: excludes kubernetes.eks: there is one way to log in" },
		{ "\"eks\": {" CLUSTER ", " ENDPOINT ", " CA "}, \"context\": \"x\"",
		  "kubernetes.context: excludes kubernetes.eks: there is one way to log in" },
		{ "\"eks\": {" ENDPOINT ", " CA "}", "kubernetes.eks.cluster: the key is missing" },
		{ "\"eks\": {\"region\": \"eu-central-1\"}",
		  "kubernetes.eks.cluster: the key is missing" },
		{ "\"eks\": {\"cluster\": \"arn:aws:eks:eu-central-1:1:cluster/x\", " ENDPOINT
		  ", " CA "}",
		  "kubernetes.eks.cluster: isn't the name of an EKS cluster (an ARN isn't one)" },
		{ "\"eks\": {\"cluster\": \"-x\", " ENDPOINT ", " CA "}",
		  "kubernetes.eks.cluster: isn't the name of an EKS cluster (an ARN isn't one)" },
		{ "\"eks\": {" CLUSTER ", " CA "}", "kubernetes.eks.endpoint: the key is missing" },
		{ "\"eks\": {" CLUSTER ", \"endpoint\": \"http://localhost:8001\", " CA "}",
		  "kubernetes.eks.endpoint: must begin with https://" },
		{ "\"eks\": {" CLUSTER ", \"endpoint\": \"AB.eks.amazonaws.com\", " CA "}",
		  "kubernetes.eks.endpoint: must begin with https://" },
		{ "\"eks\": {" CLUSTER ", \"endpoint\": \"https://u@h\", " CA "}",
		  "kubernetes.eks.endpoint: isn't a URL of an API server" },
		{ "\"eks\": {" CLUSTER ", " ENDPOINT "}",
		  "kubernetes.eks.certificate_authority: the key is missing, and "
		  "certificate_authority_data, too" },
		{ "\"eks\": {" CLUSTER ", " ENDPOINT ", " CA ", " CA_DATA "}",
		  "kubernetes.eks.certificate_authority: is given, and certificate_authority_data, "
		  "too" },
		{ "\"eks\": {" CLUSTER ", " ENDPOINT
		  ", \"certificate_authority_data\": \"-----BEGIN CERTIFICATE-----\"}",
		  "kubernetes.eks.certificate_authority_data: isn't base64" },
		{ "\"eks\": {" CLUSTER ", " ENDPOINT
		  ", \"certificate_authority_data\": \"aGVsbG8=\"}",
		  "kubernetes.eks.certificate_authority_data: isn't base64 of PEM (no "
		  "\"-----BEGIN\")" },
		{ "\"eks\": {" CLUSTER ", " ENDPOINT ", " CA ", \"region\": \"evil.example/\"}",
		  "kubernetes.eks.region: isn't a region" },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct gateway_config config;
		struct err err = ERR_NULL;

		assert_int_equal(load(rows[i].text, &config, &err), -EINVAL);
		assert_string_equal(err.text, rows[i].error);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_configured_is_taken),
		cmocka_unit_test(without_it_nothing_of_it_is_asked_for),
		cmocka_unit_test(its_faults_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
