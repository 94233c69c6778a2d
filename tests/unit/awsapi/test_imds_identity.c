// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What becomes of the metadata's texts, without a service: a table plays it. */
#include "awsapi/imds_identity.h"

#include "awsapi/imds_notices.h"
#include "base/cleanup.h"
#include "base/err.h"

#include "cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MAC_A "0a:00:00:00:00:01"
#define MAC_B "0a:00:00:00:00:02"
#define MACS "meta-data/network/interfaces/macs/"
#define A MACS MAC_A "/"
#define B MACS MAC_B "/"

#define TEN "aaaaaaaaaa"
#define LONG TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN /* 130 letters: no tag's key */

struct page {
	const char *path, *text;
};

static const struct page pages[] = {
	{ "meta-data/instance-id", "i-0abc" },
	{ "meta-data/instance-type", "c7gn.large\n" },
	{ "meta-data/instance-life-cycle", "spot" },
	{ "meta-data/placement/region", "eu-central-1" },
	{ "meta-data/placement/availability-zone", "eu-central-1b" },
	{ "meta-data/services/domain", "amazonaws.com" },
	{ "meta-data/services/partition", "aws" },
	{ "meta-data/mac", MAC_B },
	{ MACS, MAC_A "/\n" MAC_B "/" },
	{ A "interface-id", "eni-0a" },
	{ A "device-number", "1" },
	{ B "interface-id", "eni-0b" },
	{ B "device-number", "0" },
	{ B "subnet-id", "subnet-0b" },
	{ B "vpc-id", "vpc-0b" },
	{ B "subnet-ipv4-cidr-block", "10.0.1.0/24" },
	{ B "vpc-ipv4-cidr-blocks", "10.0.0.0/16\n100.64.0.0/16" },
	{ B "local-ipv4s", "10.0.1.200\n10.0.1.201" },
	{ B "public-ipv4s", "203.0.113.7\r\n203.0.113.100\r\n" },
	{ B "ipv4-prefix", "10.0.1.48/28" },
	{ B "ipv4-associations/", "203.0.113.7\n203.0.113.100\n" },
	{ B "ipv4-associations/203.0.113.7", "10.0.1.200" },
	{ B "ipv4-associations/203.0.113.100", "10.0.1.201" },
	{ "meta-data/tags/instance/", "Name\nempty\ngone\nbad/key\n..\nweird key\n" LONG },
	{ "meta-data/tags/instance/Name", "gateway \xc3\xa4" },
	{ "meta-data/tags/instance/empty", "" },
};

/* Answers from the table, except that `path` has `text`. The number of questions, or the failure. */
static int read_with(struct imds_reading *reading, const char *path, const char *text,
		     struct err *err)
{
	char asked[IMDS_PATH_MAX];
	int n = 0;

	for (; imds_reading_next(reading, asked); n++) {
		const char *answer = NULL;

		assert_true(n < 1000);
		for (size_t i = 0; i < ARRAY_SIZE(pages); i++)
			if (strcmp(pages[i].path, asked) == 0)
				answer = pages[i].text;
		if (path && strcmp(path, asked) == 0)
			answer = text;
		const int r = imds_reading_take(reading, answer, err);
		if (r < 0)
			return r;
	}
	return n;
}

static void the_whole_identity_is_read(void **state)
{
	struct imds_reading reading;
	struct err err = ERR_NULL;
	(void)state;

	assert_int_equal(imds_reading_init(&reading, NULL), 0);
	assert_true(read_with(&reading, NULL, NULL, &err) > 0);

	const struct imds_identity *const identity = &reading.identity;
	assert_string_equal(identity->instance_id, "i-0abc");
	assert_string_equal(identity->instance_type, "c7gn.large");
	assert_string_equal(identity->life_cycle, "spot");
	assert_string_equal(identity->region, "eu-central-1");
	assert_string_equal(identity->zone, "eu-central-1b");
	assert_string_equal(identity->zone_id, "");
	assert_string_equal(identity->domain, "amazonaws.com");
	assert_string_equal(identity->partition, "aws");
	assert_int_equal(identity->n_interfaces, 2);

	const struct imds_interface *const primary = imds_identity_primary(identity);
	assert_ptr_equal(primary, &identity->interfaces[1]);
	assert_string_equal(primary->id, "eni-0b");
	assert_int_equal(primary->device_number, 0);
	assert_int_equal(identity->interfaces[0].device_number, 1);
	assert_string_equal(primary->subnet_id, "subnet-0b");
	assert_string_equal(primary->vpc_id, "vpc-0b");
	assert_int_equal(primary->subnet_cidr.len, 24);
	assert_int_equal(primary->vpc_cidrs.n, 2);
	assert_int_equal(primary->vpc_cidrs.v[1].addr.v, 0x64400000);
	assert_int_equal(primary->private_ips.n, 2);
	assert_int_equal(primary->private_ips.v[0].v, 0x0a0001c8);
	assert_int_equal(primary->public_ips.n, 2);
	assert_int_equal(primary->delegated.n, 1);
	assert_int_equal(primary->delegated.v[0].len, 28);
	imds_reading_done(&reading);
}

static void an_association_is_a_pair_of_addresses(void **state)
{
	const struct ip4 public = { 0xcb007164 };
	const struct ip4 other_public = { 0xcb007107 };
	const struct ip4 private = { 0x0a0001c9 };
	struct imds_reading reading;
	(void)state;

	assert_int_equal(imds_reading_init(&reading, NULL), 0);
	assert_true(read_with(&reading, NULL, NULL, NULL) > 0);

	const struct imds_interface *const primary = imds_identity_primary(&reading.identity);
	assert_true(imds_interface_is_associated(primary, public, private));
	assert_false(imds_interface_is_associated(primary, other_public, private));
	assert_false(imds_interface_is_associated(primary, private, public));
	assert_false(
		imds_interface_is_associated(&reading.identity.interfaces[0], public, private));
	imds_reading_done(&reading);
}

static void tags_that_went_or_cannot_be_are_left_out(void **state)
{
	struct imds_reading reading;
	(void)state;

	assert_int_equal(imds_reading_init(&reading, NULL), 0);
	assert_true(read_with(&reading, NULL, NULL, NULL) > 0);

	assert_true(reading.identity.tags_enabled);
	assert_int_equal(reading.identity.tags.n, 2);
	assert_string_equal(reading.identity.tags.v[0].key, "Name");
	assert_string_equal(reading.identity.tags.v[0].value, "gateway \xc3\xa4");
	assert_string_equal(reading.identity.tags.v[1].key, "empty");
	assert_string_equal(reading.identity.tags.v[1].value, "");
	imds_reading_done(&reading);
}

static void tags_that_are_switched_off_are_no_fault(void **state)
{
	struct imds_reading reading;
	(void)state;

	assert_int_equal(imds_reading_init(&reading, NULL), 0);
	assert_true(read_with(&reading, "meta-data/tags/instance/", NULL, NULL) > 0);

	assert_false(reading.identity.tags_enabled);
	assert_int_equal(reading.identity.tags.n, 0);
	imds_reading_done(&reading);
}

static void one_interface_is_read_alone(void **state)
{
	struct imds_reading reading;
	(void)state;

	assert_int_equal(imds_reading_init(&reading, MAC_B), 0);
	assert_int_equal(read_with(&reading, NULL, NULL, NULL), 12);

	assert_int_equal(reading.identity.n_interfaces, 1);
	assert_string_equal(reading.identity.interfaces[0].id, "eni-0b");
	assert_int_equal(reading.identity.interfaces[0].n_associations, 2);
	imds_reading_done(&reading);
	assert_int_equal(imds_reading_init(&reading, "not a mac"), -EINVAL);
	assert_int_equal(imds_reading_init(&reading, MAC_B "/.."), -EINVAL);
}

static void what_an_answer_should_not_say_is_refused(void **state)
{
	static char many[(IMDS_LIST_MAX + 1) * 9 + 1];
	static const struct {
		const char *path, *text;
		int r;
	} rows[] = {
		{ "meta-data/instance-id", NULL, -ENOENT },
		{ "meta-data/instance-id", "", -EPROTO },
		{ "meta-data/instance-id", "i-0 abc", -EPROTO },
		{ "meta-data/instance-id", "i-0\nabc", -EPROTO },
		{ "meta-data/instance-id",
		  "i-00000000000000000000000000000000000000000000000000000000000000", -EPROTO },
		{ "meta-data/mac", NULL, -ENOENT },
		{ MACS, NULL, -ENOENT },
		{ MACS, "", -EPROTO },
		{ MACS, "../../user-data", -EPROTO },
		{ MACS, MAC_A "0", -EPROTO },
		{ MACS, "0A:00:00:00:00:01", -EPROTO },
		{ A "interface-id", NULL, -ENOENT },
		{ A "device-number", "one", -EPROTO },
		{ A "device-number", "-1", -EPROTO },
		{ A "device-number", "99999999999", -EPROTO },
		{ B "local-ipv4s", "10.0.1", -EPROTO },
		{ B "local-ipv4s", "10.0.1.200 10.0.1.201", -EPROTO },
		{ B "local-ipv4s", many, -EPROTO },
		{ B "subnet-ipv4-cidr-block", "10.0.1.1/24", -EPROTO },
		{ B "vpc-ipv4-cidr-blocks", "10.0.0.0/33", -EPROTO },
		{ B "ipv4-associations/", "x", -EPROTO },
		{ B "ipv4-associations/203.0.113.7", "<html>", -EPROTO },
	};
	(void)state;

	for (size_t i = 0; i <= IMDS_LIST_MAX; i++)
		memcpy(many + i * 8, "1.2.3.4\n", 8);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct imds_reading reading;
		struct err err = ERR_NULL;

		assert_int_equal(imds_reading_init(&reading, NULL), 0);
		const int r = read_with(&reading, rows[i].path, rows[i].text, &err);
		const int wanted = rows[i].text == many ? -EMSGSIZE : rows[i].r;
		if (r != wanted || !strstr(err.text, rows[i].path))
			fail_msg("%s = %s: %d %s", rows[i].path, rows[i].text, r, err.text);
		imds_reading_done(&reading);
	}
}

static void an_interface_without_addresses_is_one_too(void **state)
{
	struct imds_reading reading;
	(void)state;

	assert_int_equal(imds_reading_init(&reading, MAC_A), 0);
	assert_int_equal(read_with(&reading, NULL, NULL, NULL), 10);

	assert_int_equal(reading.identity.interfaces[0].private_ips.n, 0);
	assert_int_equal(reading.identity.interfaces[0].n_associations, 0);
	imds_reading_done(&reading);
}

static void notices_are_read(void **state)
{
	struct imds_notices n = { .spot = IMDS_SPOT_NONE };
	(void)state;

	assert_false(imds_notices_want_end(&n));
	assert_int_equal(
		imds_notice_take(&n, IMDS_NOTICE_SPOT,
				 "{\"action\":\"stop\",\"time\":\"2026-11-23T04:05:06Z\"}"),
		0);
	assert_int_equal(n.spot, IMDS_SPOT_STOP);
	assert_int_equal(n.spot_sec, 1795406706);
	assert_true(imds_notices_want_end(&n));
	assert_int_equal(imds_notice_take(&n, IMDS_NOTICE_SPOT, NULL), 0);
	assert_false(imds_notices_want_end(&n));
	assert_int_equal(n.spot_sec, 0);

	assert_int_equal(imds_notice_take(&n, IMDS_NOTICE_REBALANCE,
					  "{\"noticeTime\": \"2026-11-23T04:05:06Z\"}"),
			 0);
	assert_int_equal(n.rebalance_sec, 1795406706);
	assert_false(imds_notices_want_end(&n));
	assert_int_equal(imds_notice_take(&n, IMDS_NOTICE_REBALANCE, NULL), 0);
	assert_int_equal(n.rebalance_sec, 0);

	assert_int_equal(imds_notice_take(&n, IMDS_NOTICE_LIFECYCLE, "InService"), 0);
	assert_false(imds_notices_want_end(&n));
	assert_int_equal(imds_notice_take(&n, IMDS_NOTICE_LIFECYCLE, "Terminated\n"), 0);
	assert_true(imds_notices_want_end(&n));
	assert_int_equal(imds_notice_take(&n, IMDS_NOTICE_LIFECYCLE, NULL), 0);
	assert_string_equal(n.lifecycle, "");
}

static void a_notice_that_cannot_be_read_changes_nothing(void **state)
{
	static const struct {
		enum imds_notice which;
		const char *text;
	} rows[] = {
		{ IMDS_NOTICE_SPOT, "" },
		{ IMDS_NOTICE_SPOT, "[]" },
		{ IMDS_NOTICE_SPOT, "{\"action\":\"stop\"}" },
		{ IMDS_NOTICE_SPOT, "{\"action\":\"none\",\"time\":\"2026-11-23T04:05:06Z\"}" },
		{ IMDS_NOTICE_SPOT, "{\"action\":\"stop\",\"time\":5}" },
		{ IMDS_NOTICE_SPOT,
		  "{\"action\":\"stop\",\"action\":\"stop\",\"time\":\"2026-11-23T04:05:06Z\"}" },
		{ IMDS_NOTICE_SPOT, "{\"action\":\"stop\",\"time\":\"soon\"}" },
		{ IMDS_NOTICE_REBALANCE, "{\"noticeTime\":\"soon\"}" },
		{ IMDS_NOTICE_REBALANCE, "<html>" },
		{ IMDS_NOTICE_LIFECYCLE, "" },
		{ IMDS_NOTICE_LIFECYCLE, "In Service" },
		{ IMDS_NOTICE_LIFECYCLE, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" },
	};
	const struct imds_notices before = { .spot = IMDS_SPOT_TERMINATE,
					     .spot_sec = 5,
					     .rebalance_sec = 6,
					     .lifecycle = "InService" };
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct imds_notices n = before;
		assert_int_equal(imds_notice_take(&n, rows[i].which, rows[i].text), -EPROTO);
		assert_memory_equal(&n, &before, sizeof(n));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_whole_identity_is_read),
		cmocka_unit_test(an_association_is_a_pair_of_addresses),
		cmocka_unit_test(tags_that_went_or_cannot_be_are_left_out),
		cmocka_unit_test(tags_that_are_switched_off_are_no_fault),
		cmocka_unit_test(one_interface_is_read_alone),
		cmocka_unit_test(what_an_answer_should_not_say_is_refused),
		cmocka_unit_test(an_interface_without_addresses_is_one_too),
		cmocka_unit_test(notices_are_read),
		cmocka_unit_test(a_notice_that_cannot_be_read_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
