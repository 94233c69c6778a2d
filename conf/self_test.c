// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "conf/self_test.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"

enum { SELF_TEST_MIN_S = 5, SELF_TEST_MAX_S = 3600 };

static const struct config_key keys[] = {
	{ .name = "urls",
	  .type = CONFIG_TEXTS,
	  .offset = offsetof(struct gateway_self_test, urls),
	  .max = GATEWAY_ECHO_MAX,
	  .help = "http or https; each answers with the address that it was asked from" },
	{ .name = "interval_s",
	  .type = CONFIG_U32,
	  .offset = offsetof(struct gateway_self_test, interval_s),
	  .min = SELF_TEST_MIN_S,
	  .max = SELF_TEST_MAX_S,
	  .def = "60",
	  .help = "seconds between two tests of an egress IP" },
};
const struct config_table self_test_config_table = { sizeof(struct gateway_self_test), keys,
						     ARRAY_SIZE(keys) };

/* What is no URL otherwise, the first request tells. */
static const char *find_url_fault(const char *url)
{
	const char *host = strstr(url, "://");

	if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
		return "begins with neither http:// nor https://";
	host += 3;
	if (!host[0] || strchr("/?#:", host[0]))
		return "has no host";
	return memchr(host, '@', strcspn(host, "/?#")) ? "has a user name" : NULL;
}

int self_test_config_check(const struct gateway_self_test *self_test, struct err *err)
{
	const struct config_texts *urls = &self_test->urls;

	for (size_t i = 0; i < urls->n; i++) {
		const char *fault = find_url_fault(urls->v[i]);

		if (fault)
			return err_set(err, -EINVAL, "self_test.urls[%zu]: %s", i, fault);
		for (size_t j = 0; j < i; j++) {
			if (strcmp(urls->v[i], urls->v[j]) == 0)
				return err_set(err, -EINVAL,
					       "self_test.urls[%zu]: is self_test.urls[%zu] too", i,
					       j);
		}
	}
	return 0;
}
