// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "awsapi/failure.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "awsapi/xml.h"
#include "base/cleanup.h"
#include "base/message.h"
#include "http/http.h"

#define EC2_CODES "EC2 API Reference, Error codes"
#define COMMON "Auto Scaling and STS API References, Common Errors"
#define BOTOCORE "botocore retries/standard.py"
#define CONSISTENCY "EC2 API Reference, Eventual consistency"
#define DRY_RUN "EC2 API Reference, DryRun"

/* Two spellings per family are normal (...ID.NotFound, ...Id.NotFound): hence patterns. */
const struct aws_error_row aws_error_rows[] = {
	{ "DryRunOperation", HTTP_CLASS_OK, DRY_RUN },

	{ "RequestLimitExceeded", HTTP_CLASS_THROTTLED, EC2_CODES },
	{ "EC2ThrottledException", HTTP_CLASS_THROTTLED, BOTOCORE },
	{ "ConcurrentMutationLimitExceeded", HTTP_CLASS_THROTTLED, EC2_CODES },
	{ "Throttling*", HTTP_CLASS_THROTTLED, BOTOCORE }, /* and ThrottlingException */
	{ "ThrottledException", HTTP_CLASS_THROTTLED, BOTOCORE },
	{ "RequestThrottled*", HTTP_CLASS_THROTTLED, BOTOCORE },
	{ "TooManyRequestsException", HTTP_CLASS_THROTTLED, BOTOCORE },
	{ "BandwidthLimitExceeded", HTTP_CLASS_THROTTLED, BOTOCORE },
	{ "SlowDown", HTTP_CLASS_THROTTLED, BOTOCORE },
	{ "PriorRequestNotComplete", HTTP_CLASS_THROTTLED, BOTOCORE },
	{ "TransactionInProgressException", HTTP_CLASS_THROTTLED, BOTOCORE },

	{ "RequestTimeout*", HTTP_CLASS_RETRY, BOTOCORE },
	{ "InternalError", HTTP_CLASS_RETRY, EC2_CODES },
	{ "InternalFailure", HTTP_CLASS_RETRY, EC2_CODES },
	{ "Unavailable", HTTP_CLASS_RETRY, EC2_CODES },
	{ "ServiceUnavailable", HTTP_CLASS_RETRY, EC2_CODES },
	{ "IncorrectState", HTTP_CLASS_RETRY,
	  EC2_CODES }, /* "in an incorrect state for the request" */
	{ "ResourceContention", HTTP_CLASS_RETRY, "Auto Scaling API Reference, Errors" },
	{ "IDPCommunicationError", HTTP_CLASS_RETRY, "STS AssumeRoleWithWebIdentity, Errors" },

	/* Expired session tokens answer as old signatures do: the clock, or the credentials. */
	{ "RequestExpired", HTTP_CLASS_CREDENTIALS, EC2_CODES },
	{ "ExpiredToken*", HTTP_CLASS_CREDENTIALS, COMMON },
	{ "AuthFailure", HTTP_CLASS_CREDENTIALS, EC2_CODES },
	{ "InvalidClientTokenId", HTTP_CLASS_CREDENTIALS, COMMON },
	{ "UnrecognizedClient*", HTTP_CLASS_CREDENTIALS, COMMON },
	{ "SignatureDoesNotMatch", HTTP_CLASS_CREDENTIALS, EC2_CODES },
	{ "IncompleteSignature", HTTP_CLASS_CREDENTIALS, COMMON },
	{ "MissingAuthenticationToken", HTTP_CLASS_CREDENTIALS, COMMON },
	{ "InvalidIdentityToken*", HTTP_CLASS_CREDENTIALS,
	  "STS AssumeRoleWithWebIdentity, Errors" },

	{ "UnauthorizedOperation", HTTP_CLASS_PERMANENT, EC2_CODES },
	{ "AccessDenied*", HTTP_CLASS_PERMANENT, COMMON },
	{ "OptInRequired", HTTP_CLASS_PERMANENT, COMMON },
	{ "Blocked", HTTP_CLASS_PERMANENT, EC2_CODES },
	{ "PendingVerification", HTTP_CLASS_PERMANENT, EC2_CODES },

	{ "*.NotFound", HTTP_CLASS_NOT_FOUND, EC2_CODES },

	{ "Resource.AlreadyAssociated", HTTP_CLASS_CONFLICT, EC2_CODES },
	{ "InvalidIPAddress.InUse", HTTP_CLASS_CONFLICT, EC2_CODES },
	{ "PrivateIpAddressInUse", HTTP_CLASS_CONFLICT, EC2_CODES },
	{ "DependencyViolation", HTTP_CLASS_CONFLICT, EC2_CODES },
	{ "RouteAlreadyExists", HTTP_CLASS_CONFLICT, EC2_CODES },

	{ "AddressLimitExceeded", HTTP_CLASS_PERMANENT, EC2_CODES },
	{ "PrivateIpAddressLimitExceeded", HTTP_CLASS_PERMANENT, EC2_CODES },
	{ "InsufficientFreeAddressesInSubnet", HTTP_CLASS_PERMANENT, EC2_CODES },
	{ "OperationNotPermitted", HTTP_CLASS_PERMANENT, EC2_CODES },
	{ "UnsupportedOperation", HTTP_CLASS_PERMANENT, EC2_CODES },
	{ "Invalid*", HTTP_CLASS_PERMANENT, EC2_CODES }, /* InvalidParameterValue, ....Malformed */
	{ "Missing*", HTTP_CLASS_PERMANENT, EC2_CODES },
	{ "ValidationError", HTTP_CLASS_PERMANENT, COMMON },
};
const size_t aws_error_rows_count = ARRAY_SIZE(aws_error_rows);

struct error_answer {
	char code[AWS_CODE_MAX];
	char message[384];
	char request_id[AWS_ID_MAX];
};

#define FIELD(p, t, member)                                                                \
	{                                                                                  \
		.path = (p), .type = (t), .offset = offsetof(struct error_answer, member), \
		.size = sizeof(((struct error_answer *)NULL)->member)                      \
	}

/*
 * Both grammars, and their mixture that emulators speak. The message is cut at its line's end: after that
 * SignatureDoesNotMatch repeats the request's headers, the session token among them.
 */
static const struct xml_field error_fields[] = {
	FIELD("Errors/Error/Code", XML_AS_CUT_TEXT, code),
	FIELD("Errors/Error/Message", XML_AS_CUT_TEXT, message),
	FIELD("RequestID", XML_AS_CUT_TEXT, request_id),
	FIELD("Error/Code", XML_AS_CUT_TEXT, code),
	FIELD("Error/Message", XML_AS_CUT_TEXT, message),
	FIELD("RequestId", XML_AS_CUT_TEXT, request_id),
};
static const struct xml_table error_table = { sizeof(struct error_answer), error_fields,
					      ARRAY_SIZE(error_fields) };

enum http_class aws_classify_code(const char *code)
{
	for (size_t i = 0; i < aws_error_rows_count; i++)
		if (fnmatch(aws_error_rows[i].pattern, code, 0) == 0)
			return aws_error_rows[i].class;
	return HTTP_CLASS_COUNT;
}

static void read_code(const char *action, const struct error_answer *answer,
		      struct aws_failure *ret)
{
	const enum http_class class = aws_classify_code(answer->code);

	ret->class = class == HTTP_CLASS_COUNT ? http_classify(0, ret->status) : class;
	memcpy(ret->code, answer->code, sizeof(ret->code));
	memcpy(ret->request_id, answer->request_id, sizeof(ret->request_id));
	snprintf(ret->text, sizeof(ret->text), "%s: %s: %s", action, answer->code,
		 answer->message[0] ? answer->message : "no message");
}

void aws_failure_read(const char *action, const struct http_response *response,
		      struct aws_failure *ret)
{
	struct error_answer answer = { 0 };

	aws_failure_set(ret, action, http_classify(response->rc, response->status), "");
	ret->retry_after_ms = response->retry_after_ms;
	ret->date_sec = response->date_sec;
	if (response->rc != 0) {
		snprintf(ret->text, sizeof(ret->text), "%s: %s", action, response->error);
		return;
	}
	ret->status = response->status;
	if (response->status >= 200 && response->status < 300) {
		ret->text[0] = '\0';
		return;
	}
	if (xml_read(&error_table, response->body, response->body_length, &answer, NULL) == 0 &&
	    answer.code[0])
		read_code(action, &answer, ret);
	else
		snprintf(ret->text, sizeof(ret->text),
			 "%s: HTTP status %ld without an AWS error code", action, response->status);
}

bool aws_failure_is_denied(const struct aws_failure *failure)
{
	return strcmp(failure->code, "UnauthorizedOperation") == 0 ||
	       fnmatch("AccessDenied*", failure->code, 0) == 0;
}

int aws_failure_id(const struct aws_failure *failure)
{
	static const int ids[HTTP_CLASS_COUNT] = {
		[HTTP_CLASS_RETRY] = MSG_AWS_UNREACHABLE,
		[HTTP_CLASS_THROTTLED] = MSG_AWS_THROTTLED,
		[HTTP_CLASS_CREDENTIALS] = MSG_AWS_CREDENTIALS,
		[HTTP_CLASS_NOT_FOUND] = MSG_AWS_NOT_FOUND,
		[HTTP_CLASS_CONFLICT] = MSG_AWS_CONFLICT,
		[HTTP_CLASS_PERMANENT] = MSG_AWS_REFUSED,
	};

	if (failure->is_clock)
		return MSG_AWS_CLOCK;
	return aws_failure_is_denied(failure) ? MSG_AWS_DENIED : ids[failure->class];
}

void aws_failure_set(struct aws_failure *ret, const char *action, enum http_class class,
		     const char *text)
{
	*ret = (struct aws_failure){ .class = class, .retry_after_ms = -1, .date_sec = -1 };
	snprintf(ret->text, sizeof(ret->text), "%s: %s", action, text);
}

bool aws_failure_blame_clock(struct aws_failure *failure, const char *action, int64_t now_sec)
{
	const int64_t ahead = failure->date_sec >= 0 ? now_sec - failure->date_sec : 0;

	if (failure->class != HTTP_CLASS_CREDENTIALS ||
	    (ahead <= AWS_SKEW_MAX_SEC && ahead >= -AWS_SKEW_MAX_SEC))
		return false;
	snprintf(failure->text, sizeof(failure->text),
		 "%s: %s: this machine's clock is %lld s %s AWS's; set it", action, failure->code,
		 (long long)(ahead < 0 ? -ahead : ahead), ahead < 0 ? "behind" : "ahead of");
	failure->is_clock = true;
	return true;
}
