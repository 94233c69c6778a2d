// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "node/veth.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

enum { PREFIX_MAX = 4, DIGITS = 11, TEXT_MAX = 512 /* two names of Kubernetes' of at most 253 */ };

int veth_name(const char *prefix, const char *space, const char *name,
	      char ret[static VETH_NAME_MAX])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	char text[TEXT_MAX], hex[2 * DIGITS];
	int n = snprintf(text, sizeof(text), "%s.%s", space, name);

	if (strlen(prefix) > PREFIX_MAX || n < 0 || (size_t)n >= sizeof(text))
		return -EINVAL;
	if (!EVP_Digest(text, (size_t)n, digest, NULL, EVP_sha1(), NULL))
		return -EIO;
	for (size_t i = 0; i < (DIGITS + 1) / 2; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	snprintf(ret, VETH_NAME_MAX, "%s%.*s", prefix, DIGITS, hex);
	return 0;
}
