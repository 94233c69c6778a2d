// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "http/url.h"

#include "base/cleanup.h"
#include "base/err.h"

#include <curl/curl.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

static void cleanup_url(CURLU **url)
{
	curl_url_cleanup(*url);
}

static void cleanup_part(char **part)
{
	curl_free(*part);
}

static bool address_is_near(uint32_t address)
{
	return (address >> 24) == 127 || (address >> 16) == 0xa9fe; /* 169.254.0.0/16 */
}

static bool address6_is_near(const uint8_t a[static 16])
{
	static const uint8_t loopback[16] = { [15] = 1 };
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	static const uint8_t ec2[4] = { 0xfd, 0x00, 0x0e,
					0xc2 }; /* IMDS and the credential agents */
	uint32_t inner;

	if (memcmp(a, mapped, sizeof(mapped)) == 0) {
		memcpy(&inner, a + 12, sizeof(inner));
		return address_is_near(ntohl(inner));
	}
	return memcmp(a, loopback, sizeof(loopback)) == 0 || memcmp(a, ec2, sizeof(ec2)) == 0 ||
	       (a[0] == 0xfe && (a[1] & 0xc0) == 0x80);
}

/* `host` as libcurl normalises it: "2130706433" has become "127.0.0.1", IPv6 stands in brackets. */
static bool host_is_near(char *host)
{
	struct in_addr v4;
	struct in6_addr v6;
	const size_t length = strlen(host);

	if (length > 2 && host[0] == '[' && host[length - 1] == ']') {
		host[length - 1] = '\0';
		return inet_pton(AF_INET6, host + 1, &v6) == 1 && address6_is_near(v6.s6_addr);
	}
	if (inet_pton(AF_INET, host, &v4) == 1)
		return address_is_near(ntohl(v4.s_addr));
	return strcasecmp(host, "localhost") == 0;
}

static bool has_part(CURLU *url, CURLUPart part)
{
	CLEANUP(cleanup_part) char *text = NULL;

	return curl_url_get(url, part, &text, 0) == CURLUE_OK;
}

int url_check(const char *url, bool *ret_near, struct err *err)
{
	CLEANUP(cleanup_url) CURLU *parsed = curl_url();
	CLEANUP(cleanup_part) char *scheme = NULL;
	CLEANUP(cleanup_part) char *host = NULL;

	if (!parsed)
		return err_set(err, -ENOMEM, "out of memory");
	const CURLUcode code = curl_url_set(parsed, CURLUPART_URL, url, 0);
	if (code == CURLUE_OUT_OF_MEMORY)
		return err_set(err, -ENOMEM, "out of memory");
	/* The URL isn't shown: it may carry a signature. */
	if (code != CURLUE_OK)
		return err_set(err, -EINVAL, "not a URL: %s", curl_url_strerror(code));
	if (curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
	    (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0))
		return err_set(err, -EINVAL, "only http and https URLs are used");
	if (has_part(parsed, CURLUPART_USER) || has_part(parsed, CURLUPART_PASSWORD))
		return err_set(err, -EINVAL, "a URL must not have a user name or a password");
	if (curl_url_get(parsed, CURLUPART_HOST, &host, 0) != CURLUE_OK || !host[0])
		return err_set(err, -EINVAL, "the URL has no host");
	*ret_near = host_is_near(host);
	return 0;
}
