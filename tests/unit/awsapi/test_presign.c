// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Signatures against the examples of the AWS documentation, and URLs against botocore's (recorded; the
 * tests of label aws ask botocore anew).
 */
#include "awsapi/presign.h"

#include "base/err.h"

#include "cmocka_all.h"

#include <errno.h>
#include <string.h>

#define SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

static void the_documentations_examples_have_their_signatures(void **state)
{
	char signature[AWS_SIGNATURE_TEXT_MAX];
	(void)state;

	/* IAM ListUsers, "Signature Version 4 signing process". */
	const struct aws_scope iam = { "20150830T123600Z", "us-east-1", "iam", SECRET };
	assert_int_equal(
		aws_sigv4_sign(&iam,
			       "GET\n/\nAction=ListUsers&Version=2010-05-08\n"
			       "content-type:application/x-www-form-urlencoded; charset=utf-8\n"
			       "host:iam.amazonaws.com\nx-amz-date:20150830T123600Z\n\n"
			       "content-type;host;x-amz-date\n"
			       "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
			       signature, NULL),
		0);
	assert_string_equal(signature,
			    "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7");
	/* "Authenticating Requests: Using Query Parameters", Amazon S3. */
	const struct aws_scope s3 = { "20130524T000000Z", "us-east-1", "s3",
				      "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY" };
	assert_int_equal(
		aws_sigv4_sign(&s3,
			       "GET\n/test.txt\nX-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential="
			       "AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
			       "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400"
			       "&X-Amz-SignedHeaders=host\nhost:examplebucket.s3.amazonaws.com\n\n"
			       "host\nUNSIGNED-PAYLOAD",
			       signature, NULL),
		0);
	assert_string_equal(signature,
			    "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
}

static const struct aws_presign sample = {
	.host = "sts.eu-central-1.amazonaws.com",
	.region = "eu-central-1",
	.cluster = "my-cluster",
	.access_key = "AKIDEXAMPLE",
	.secret_key = SECRET,
	.now_sec = 1440938160,
};

#define URL                                                                                   \
	"https://sts.eu-central-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15" \
	"&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20150830"           \
	"%2Feu-central-1%2Fsts%2Faws4_request&X-Amz-Date=20150830T123600Z&X-Amz-Expires=60"

static void urls_are_signed_as_botocore_signs_them(void **state)
{
	struct aws_presign presign = sample;
	char *url = NULL;
	(void)state;

	assert_int_equal(aws_presign_url(&presign, &url, NULL), 0);
	assert_string_equal(url,
			    URL "&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id&X-Amz-Signature="
				"4c86414795751d5070da838f047bc6b60c72ad600f96283b44dd715b0b0114ef");
	aws_secret_free(url);
	presign.session_token = "to/ke+n==";
	assert_int_equal(aws_presign_url(&presign, &url, NULL), 0);
	assert_string_equal(url,
			    URL "&X-Amz-Security-Token=to%2Fke%2Bn%3D%3D"
				"&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id&X-Amz-Signature="
				"33428e9e1a283fd71f4c0d18d2f77f6decaa28b8cb8eaa2b81633d8b6b3d37fc");
	aws_secret_free(url);
}

static void a_clusters_token_is_the_url_in_unpadded_base64url(void **state)
{
	char *token = NULL;
	(void)state;

	assert_int_equal(aws_eks_token(&sample, &token, NULL), 0);

	assert_memory_equal(token,
			    "k8s-aws-v1.aHR0cHM6Ly9zdHMuZXUtY2VudHJhbC0xLmFtYXpvbmF3cy5jb20v", 60);
	assert_null(strpbrk(token, "+/="));
	const size_t url_length = strlen(URL) +
				  strlen("&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id"
					 "&X-Amz-Signature=") +
				  64;
	assert_int_equal(strlen(token), 11 + (url_length * 4 + 2) / 3);
	aws_secret_free(token);
	/* Wherever these stand, one of them becomes what plain base64 writes as '+'. */
	struct aws_presign presign = sample;
	presign.session_token = "~~~";
	assert_int_equal(aws_eks_token(&presign, &token, NULL), 0);
	assert_null(strpbrk(token, "+/="));
	assert_non_null(strchr(token + strlen("k8s-aws-v1."), '-'));
	aws_secret_free(token);
}

static void what_cannot_be_signed_is_refused(void **state)
{
	char *url = NULL;
	char *const untouched = url;
	struct err err = ERR_NULL;
	(void)state;

	struct aws_presign presign = sample;
	presign.cluster = "a\nhost:evil";
	assert_int_equal(aws_presign_url(&presign, &url, &err), -EINVAL);
	assert_string_equal(err.text, "no name of a host or cluster to sign a URL for");
	presign.cluster = "a  b";
	assert_int_equal(aws_presign_url(&presign, &url, &err), -EINVAL);
	presign.cluster = "";
	assert_int_equal(aws_presign_url(&presign, &url, &err), -EINVAL);
	presign = sample;
	presign.now_sec = -1;
	assert_int_equal(aws_presign_url(&presign, &url, &err), -EINVAL);
	presign.now_sec = 300000000000; /* the year 11476 */
	assert_int_equal(aws_eks_token(&presign, &url, &err), -EINVAL);
	assert_ptr_equal(url, untouched);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_documentations_examples_have_their_signatures),
		cmocka_unit_test(urls_are_signed_as_botocore_signs_them),
		cmocka_unit_test(a_clusters_token_is_the_url_in_unpadded_base64url),
		cmocka_unit_test(what_cannot_be_signed_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
