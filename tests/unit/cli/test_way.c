// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* The first place where a way breaks. */
#include "cli/way.h"

#include "base/cleanup.h"
#include "conf/gateway.h"

#include "cmocka_all.h"

#include <string.h>

static struct aws_private_address gateway_addresses[] = { { .address = { 0x0a000001 } } };
static struct gateway_egress egress;
static struct aws_interface source, place;
static struct aws_instance instances[2];
static struct aws_address address;
static struct way way;

/* One that leads from eni-pod on i-pod to the Elastic IP on eni-gw of i-gw. */
static void mend(void)
{
	source = (struct aws_interface){ .id = "eni-pod",
					 .status = "in-use",
					 .interface_type = "interface",
					 .attachment_instance_id = "i-pod" };
	place = (struct aws_interface){ .id = "eni-gw",
					.status = "in-use",
					.attachment_instance_id = "i-gw",
					.addresses = { gateway_addresses, 1 } };
	instances[0] = (struct aws_instance){ .id = "i-pod", .state = "running" };
	instances[1] = (struct aws_instance){ .id = "i-gw", .state = "running" };
	address = (struct aws_address){ .allocation_id = "eipalloc-1",
					.association_id = "eipassoc-1",
					.network_interface_id = "eni-gw",
					.private_ip = { 0x0a000032 } };
	egress = (struct gateway_egress){ .name = "bank", .private = { 0x0a000032 } };
	way = (struct way){ .source = { 0x0a000105 },
			    .interfaces = { &source, 1, "" },
			    .instances = { instances, 2, "" },
			    .egress_name = "bank",
			    .egress = &egress,
			    .gateway_address = { 0x0a000001 },
			    .has_asked_address = true,
			    .addresses = { &address, 1 },
			    .places = { &place, 1, "" } };
}

static void assert_break(const char *what)
{
	char text[WAY_TEXT_MAX];

	way_break(&way, text);
	if (!what)
		assert_string_equal(text, "");
	else if (!strstr(text, what))
		fail_msg("%s", text);
	mend();
}

static void what_is_whole_does_not_break(void **state)
{
	(void)state;
	mend();
	assert_break(NULL);
	/* What may not be seen doesn't break either. */
	way.instances.n = 0;
	assert_break(NULL);
	way.places.n = 0;
	assert_break(NULL);
	way.egress = NULL;
	way.addresses.n = 0;
	assert_break(NULL);
	way.addresses.n = 0;
	way.has_asked_address = false;
	assert_break(NULL);
	way.gateway_address.v = 0;
	gateway_addresses[0].address.v = 1;
	assert_break(NULL);
	gateway_addresses[0].address.v = 0x0a000001;
	way.interfaces.n = 0;
	snprintf(way.failure, sizeof(way.failure), "denied");
	assert_break(NULL);
	/* A branch interface has no attachment of its own. */
	snprintf(source.interface_type, sizeof(source.interface_type), "branch");
	snprintf(source.status, sizeof(source.status), "available");
	assert_break(NULL);
}

static void the_first_break_is_told(void **state)
{
	(void)state;
	mend();
	way.interfaces.n = 0;
	way.addresses.n = 0;
	assert_break("no network interface that can be seen has 10.0.1.5");
	snprintf(source.status, sizeof(source.status), "available");
	assert_break("eni-pod, which has 10.0.1.5, is attached to nothing");
	snprintf(instances[0].state, sizeof(instances[0].state), "stopped");
	way.addresses.n = 0;
	assert_break("is on i-pod, which is stopped");
	way.addresses.n = 0;
	assert_break("there is no Elastic IP");
	way.addresses.n = 2;
	assert_break("there is more than one Elastic IP");
	address.association_id[0] = '\0';
	assert_break("eipalloc-1 isn't associated");
	egress.private.v++;
	assert_break("is on 10.0.0.50, but the configuration says 10.0.0.51");
	snprintf(place.status, sizeof(place.status), "available");
	assert_break("on eni-gw, which is attached to nothing");
	snprintf(instances[1].state, sizeof(instances[1].state), "stopping");
	assert_break("on eni-gw of i-gw, which is stopping");
	way.gateway_address.v++;
	assert_break("which isn't the gateway's: that has 10.0.0.2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_whole_does_not_break),
		cmocka_unit_test(the_first_break_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
