// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * The reading is a walk over tables: the rows of the instance, then for each interface its rows and its
 * associations, then the tags. Paths as in "Instance metadata categories" of the EC2 user guide.
 */
#include "awsapi/imds_identity.h"

#include "awsapi/imds_text.h"
#include "base/cleanup.h"
#include "base/err.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MACS_PATH "meta-data/network/interfaces/macs/"
#define TAGS_PATH "meta-data/tags/instance/"

enum row_type {
	ROW_WORD,
	ROW_NUMBER,
	ROW_PREFIX,
	ROW_PREFIXES,
	ROW_ADDRESSES,
	ROW_MACS,
	ROW_PUBLIC
};

struct row {
	const char *path;
	enum row_type type;
	bool required;
	size_t offset, size;
};

#define WORD(struct_name, member_name)                                         \
	.type = ROW_WORD, .offset = offsetof(struct struct_name, member_name), \
	.size = sizeof(((struct struct_name *)NULL)->member_name)

static const struct row base_rows[] = {
	{ "meta-data/instance-id", WORD(imds_identity, instance_id), .required = true },
	{ "meta-data/instance-type", WORD(imds_identity, instance_type), .required = true },
	{ "meta-data/instance-life-cycle", WORD(imds_identity, life_cycle) },
	{ "meta-data/placement/region", WORD(imds_identity, region), .required = true },
	{ "meta-data/placement/availability-zone", WORD(imds_identity, zone), .required = true },
	{ "meta-data/placement/availability-zone-id", WORD(imds_identity, zone_id) },
	{ "meta-data/services/domain", WORD(imds_identity, domain) },
	{ "meta-data/services/partition", WORD(imds_identity, partition) },
	{ "meta-data/mac", WORD(imds_identity, mac), .required = true },
	{ MACS_PATH, .type = ROW_MACS, .required = true },
};

static const struct row interface_rows[] = {
	{ "interface-id", WORD(imds_interface, id), .required = true },
	{ "device-number", .type = ROW_NUMBER,
	  .offset = offsetof(struct imds_interface, device_number), .required = true },
	{ "subnet-id", WORD(imds_interface, subnet_id) },
	{ "vpc-id", WORD(imds_interface, vpc_id) },
	{ "subnet-ipv4-cidr-block", .type = ROW_PREFIX,
	  .offset = offsetof(struct imds_interface, subnet_cidr) },
	{ "vpc-ipv4-cidr-blocks", .type = ROW_PREFIXES,
	  .offset = offsetof(struct imds_interface, vpc_cidrs) },
	{ "local-ipv4s", .type = ROW_ADDRESSES,
	  .offset = offsetof(struct imds_interface, private_ips) },
	{ "public-ipv4s", .type = ROW_ADDRESSES,
	  .offset = offsetof(struct imds_interface, public_ips) },
	/* On the live service, though not in the user guide's list. */
	{ "ipv4-prefix", .type = ROW_PREFIXES,
	  .offset = offsetof(struct imds_interface, delegated) },
	{ "ipv4-associations/", .type = ROW_PUBLIC },
};

static void interface_done(struct imds_interface *interface)
{
	for (size_t i = 0; i < interface->n_associations; i++)
		free(interface->associations[i].private_ips.v);
	free(interface->associations);
	free(interface->private_ips.v);
	free(interface->public_ips.v);
	ip4_prefixes_done(&interface->vpc_cidrs);
	ip4_prefixes_done(&interface->delegated);
}

void imds_identity_done(struct imds_identity *identity)
{
	for (size_t i = 0; i < identity->n_interfaces; i++)
		interface_done(&identity->interfaces[i]);
	free(identity->interfaces);
	free(identity->tags.v);
	*identity = IMDS_IDENTITY_NULL;
}

const struct imds_interface *imds_identity_interface(const struct imds_identity *identity,
						     const char *mac)
{
	for (size_t i = 0; i < identity->n_interfaces; i++)
		if (strcmp(identity->interfaces[i].mac, mac) == 0)
			return &identity->interfaces[i];
	return NULL;
}

const struct imds_interface *imds_identity_primary(const struct imds_identity *identity)
{
	return imds_identity_interface(identity, identity->mac);
}

bool imds_interface_is_associated(const struct imds_interface *interface, struct ip4 public_ip,
				  struct ip4 private_ip)
{
	for (size_t i = 0; i < interface->n_associations; i++) {
		const struct imds_association *const association = &interface->associations[i];
		if (association->public_ip.v != public_ip.v)
			continue;
		for (size_t j = 0; j < association->private_ips.n; j++)
			if (association->private_ips.v[j].v == private_ip.v)
				return true;
	}
	return false;
}

/* Lower-case hexadecimal pairs, as the service writes them. */
static bool is_mac(const char *text, size_t length)
{
	if (length != IMDS_MAC_MAX - 1)
		return false;
	for (size_t i = 0; i < length; i++)
		if (i % 3 == 2 ? text[i] != ':' : !memchr("0123456789abcdef", text[i], 16))
			return false;
	return true;
}

static int add_interfaces(struct imds_identity *identity, const char *text)
{
	const char *line;
	size_t n;
	size_t length;
	const int r = imds_text_count(text, &n);

	if (r < 0 || n > IMDS_INTERFACES_MAX)
		return -EMSGSIZE;
	if (n == 0)
		return -EPROTO;
	CLEANUP(cleanup_free) struct imds_interface *v = calloc(n, sizeof(*v));
	if (!v)
		return -ENOMEM;
	for (size_t i = 0; (length = imds_text_line(&text, &line)) > 0; i++) {
		if (!is_mac(line, length))
			return -EPROTO;
		memcpy(v[i].mac, line, length);
	}
	identity->interfaces = TAKE_PTR(v);
	identity->n_interfaces = n;
	return 0;
}

static int add_associations(struct imds_interface *interface, const char *text)
{
	struct imds_addresses publics = { .v = NULL };
	const int r = imds_text_addresses(text, &publics);
	CLEANUP(cleanup_free) struct ip4 *v = publics.v;

	if (r < 0 || publics.n == 0)
		return r;
	interface->associations = calloc(publics.n, sizeof(*interface->associations));
	if (!interface->associations)
		return -ENOMEM;
	interface->n_associations = publics.n;
	for (size_t i = 0; i < publics.n; i++)
		interface->associations[i].public_ip = v[i];
	return 0;
}

static int take_number(const char *text, uint32_t *ret)
{
	char word[8];

	if (imds_text_word(text, word, sizeof(word)) < 0 || word[strspn(word, "0123456789")])
		return -EPROTO;
	*ret = (uint32_t)strtoul(word, NULL, 10);
	return 0;
}

static int take_prefix(const char *text, struct ip4_prefix *ret)
{
	char word[IP4_PREFIX_TEXT_MAX];
	const int r = imds_text_word(text, word, sizeof(word));

	return r < 0 || ip4_prefix_parse(word, ret, NULL) < 0 ? -EPROTO : 0;
}

/* Stores the text into `object`, the struct of the row's table. */
static int take_row(const struct row *row, void *object, const char *text)
{
	void *const member = (char *)object + row->offset;

	switch (row->type) {
	case ROW_WORD:
		return imds_text_word(text, member, row->size);
	case ROW_NUMBER:
		return take_number(text, member);
	case ROW_PREFIX:
		return take_prefix(text, member);
	case ROW_PREFIXES:
		return imds_text_prefixes(text, member);
	case ROW_ADDRESSES:
		return imds_text_addresses(text, member);
	case ROW_MACS:
		return add_interfaces(object, text);
	case ROW_PUBLIC:
		return add_associations(object, text);
	}
	return -EPROTO;
}

/* The service shows only tags whose keys consist of these; a lone "." or ".." isn't one. */
static bool is_tag_key(const char *text, size_t length)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789+-=.,_:@";

	if (length >= AWS_TAG_KEY_MAX)
		return false;
	for (size_t i = 0; i < length; i++)
		if (!memchr(allowed, text[i], sizeof(allowed) - 1) ||
		    (i > 0 && text[i] == '.' && text[i - 1] == '.'))
			return false;
	return length > 1 || text[0] != '.';
}

static int take_tag_keys(struct imds_identity *identity, const char *text)
{
	const char *line;
	size_t n;
	size_t length;
	const int r = imds_text_count(text, &n);

	if (r < 0 || n > AWS_TAGS_MAX)
		return -EMSGSIZE;
	identity->tags_enabled = true;
	if (n == 0)
		return 0;
	identity->tags.v = calloc(n, sizeof(*identity->tags.v));
	if (!identity->tags.v)
		return -ENOMEM;
	while ((length = imds_text_line(&text, &line)) > 0)
		if (is_tag_key(line, length))
			memcpy(identity->tags.v[identity->tags.n++].key, line, length);
	return 0;
}

/* A value may be empty, and may be longer in UTF-8 than the room: then the tag is left out. */
static void take_tag_value(struct imds_reading *reading, const char *text)
{
	struct aws_tags *const tags = &reading->identity.tags;
	struct aws_tag *const tag = &tags->v[reading->item];
	const size_t length = text ? strlen(text) : 0;

	if (text && length < AWS_TAG_VALUE_MAX) {
		memcpy(tag->value, text, length + 1);
		reading->item++;
		return;
	}
	tags->n--;
	memmove(tag, tag + 1, (tags->n - reading->item) * sizeof(*tag));
}

int imds_reading_init(struct imds_reading *reading, const char *mac)
{
	*reading = (struct imds_reading){ .phase = IMDS_PHASE_BASE };
	if (!mac)
		return 0;
	if (!is_mac(mac, strlen(mac)))
		return -EINVAL;
	reading->phase = IMDS_PHASE_INTERFACES;
	reading->one_interface = true;
	return add_interfaces(&reading->identity, mac);
}

void imds_reading_done(struct imds_reading *reading)
{
	imds_identity_done(&reading->identity);
	reading->phase = IMDS_PHASE_END;
}

static struct imds_interface *current(const struct imds_reading *reading)
{
	return &reading->identity.interfaces[reading->interface];
}

bool imds_reading_next(const struct imds_reading *reading, char path[static IMDS_PATH_MAX])
{
	char address[IP4_TEXT_MAX];
	const char *key;

	switch (reading->phase) {
	case IMDS_PHASE_BASE:
		snprintf(path, IMDS_PATH_MAX, "%s", base_rows[reading->row].path);
		return true;
	case IMDS_PHASE_INTERFACES:
		snprintf(path, IMDS_PATH_MAX, MACS_PATH "%s/%s", current(reading)->mac,
			 interface_rows[reading->row].path);
		return true;
	case IMDS_PHASE_ASSOCIATIONS:
		ip4_format(current(reading)->associations[reading->item].public_ip, address);
		snprintf(path, IMDS_PATH_MAX, MACS_PATH "%s/ipv4-associations/%s",
			 current(reading)->mac, address);
		return true;
	case IMDS_PHASE_TAGS:
		snprintf(path, IMDS_PATH_MAX, TAGS_PATH);
		return true;
	case IMDS_PHASE_TAG_VALUES:
		key = reading->identity.tags.v[reading->item].key;
		return snprintf(path, IMDS_PATH_MAX, TAGS_PATH "%s", key) < IMDS_PATH_MAX;
	case IMDS_PHASE_END:
		break;
	}
	return false;
}

static void enter(struct imds_reading *reading, enum imds_phase phase)
{
	reading->phase = phase;
	reading->row = 0;
	reading->item = 0;
}

static void leave_interface(struct imds_reading *reading)
{
	if (++reading->interface < reading->identity.n_interfaces)
		enter(reading, IMDS_PHASE_INTERFACES);
	else
		enter(reading, reading->one_interface ? IMDS_PHASE_END : IMDS_PHASE_TAGS);
}

/* After the answer to one path; the walk's order is here and nowhere else. */
static void move_on(struct imds_reading *reading)
{
	const struct imds_identity *const identity = &reading->identity;

	switch (reading->phase) {
	case IMDS_PHASE_BASE:
		if (++reading->row == ARRAY_SIZE(base_rows))
			enter(reading, IMDS_PHASE_INTERFACES);
		break;
	case IMDS_PHASE_INTERFACES:
		if (++reading->row < ARRAY_SIZE(interface_rows))
			break;
		if (current(reading)->n_associations > 0)
			enter(reading, IMDS_PHASE_ASSOCIATIONS);
		else
			leave_interface(reading);
		break;
	case IMDS_PHASE_ASSOCIATIONS:
		if (++reading->item == current(reading)->n_associations)
			leave_interface(reading);
		break;
	case IMDS_PHASE_TAGS:
		enter(reading, identity->tags.n > 0 ? IMDS_PHASE_TAG_VALUES : IMDS_PHASE_END);
		break;
	case IMDS_PHASE_TAG_VALUES:
		if (reading->item == identity->tags.n)
			enter(reading, IMDS_PHASE_END);
		break;
	case IMDS_PHASE_END:
		break;
	}
}

static int take(struct imds_reading *reading, const char *text)
{
	struct imds_identity *const identity = &reading->identity;
	const struct row *row;
	void *object;

	switch (reading->phase) {
	case IMDS_PHASE_BASE:
		row = &base_rows[reading->row];
		object = identity;
		break;
	case IMDS_PHASE_INTERFACES:
		row = &interface_rows[reading->row];
		object = current(reading);
		break;
	case IMDS_PHASE_ASSOCIATIONS:
		/* 404: it has gone since the list was read. */
		return text ? imds_text_addresses(
				      text,
				      &current(reading)->associations[reading->item].private_ips) :
			      0;
	case IMDS_PHASE_TAGS:
		return text ? take_tag_keys(identity, text) : 0;
	case IMDS_PHASE_TAG_VALUES:
		take_tag_value(reading, text);
		return 0;
	default:
		return -EPROTO;
	}
	if (!text)
		return row->required ? -ENOENT : 0;
	return take_row(row, object, text);
}

int imds_reading_take(struct imds_reading *reading, const char *text, struct err *err)
{
	char path[IMDS_PATH_MAX];
	const bool asked = imds_reading_next(reading, path);
	const int r = take(reading, text);

	if (r == 0) {
		move_on(reading);
		return 0;
	}
	if (r == -ENOENT)
		return err_set(err, r, "instance metadata: %s: not there", asked ? path : "");
	if (r == -ENOMEM)
		return err_set(err, r, "out of memory");
	return err_set(err, r, "instance metadata: %s: not what it should say", asked ? path : "");
}
