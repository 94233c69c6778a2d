// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "awsapi/tables.h"

#include <string.h>

#include "awsapi/ec2.h"

static const struct xml_field tag_fields[] = {
	ROW_ID("key", struct aws_tag, key),
	ROW_TEXT("value", struct aws_tag, value),
};
const struct xml_table aws_tag_table = TABLE(struct aws_tag, tag_fields);

const char *aws_tags_find(const struct aws_tags *tags, const char *key)
{
	for (size_t i = 0; i < tags->n; i++)
		if (strcmp(tags->v[i].key, key) == 0)
			return tags->v[i].value;
	return NULL;
}

void aws_params_add_tags(struct aws_params *params, const char *key, const struct aws_tag *tags,
			 size_t n)
{
	for (size_t i = 0; i < n; i++) {
		aws_params_addf(params, tags[i].key, "%s.%zu.Key", key, i + 1);
		aws_params_addf(params, tags[i].value, "%s.%zu.Value", key, i + 1);
	}
}

const char *aws_ip4_text(struct ip4 address, char buf[static IP4_TEXT_MAX])
{
	return address.v ? ip4_format(address, buf) : "";
}

int aws_request_finish(struct aws_request *request)
{
	const int rc = request->params.rc;

	if (rc != 0)
		aws_request_done(request);
	return rc;
}
