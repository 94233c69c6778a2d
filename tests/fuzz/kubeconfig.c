// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Any bytes as a kubeconfig: what is taken leads to an https server or to this host; what is refused has a reason. */
#include "kube/config.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct kube_config_text from = { (const char *)data, size, "/dir", NULL };
	struct kube_config config = KUBE_CONFIG_NULL;
	struct err err = ERR_NULL;
	const int r = kube_config_parse(&from, &config, &err);

	assert(r == 0 || r == -EINVAL || r == -ENOMEM);
	assert((r < 0) == (err.text[0] != '\0'));
	if (r < 0) {
		assert(config.server[0] == '\0' && !config.token.text && !config.ca.text);
		return 0;
	}
	assert(strncmp(config.server, "https://", 8) == 0 ||
	       strncmp(config.server, "http://localhost", 16) == 0 ||
	       strncmp(config.server, "http://127.0.0.1", 16) == 0 ||
	       strncmp(config.server, "http://[::1]", 12) == 0);
	assert(!strpbrk(config.server, "@?# \n") && !strpbrk(config.tls_name, "/@ \n"));
	assert(!(config.certificate.path || config.certificate.text) ==
	       !(config.private_key.path || config.private_key.text));
	assert(!config.ca.path || config.ca.path[0] == '/');
	assert(!config.token.path || !config.token.text);
	kube_config_done(&config);
	return 0;
}
