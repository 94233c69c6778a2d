// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What xml_read takes out of an answer, what it passes over, and what it refuses. */
#include "awsapi/xml.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/ip4.h"

#include "cmocka_all.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tag {
	char key[8], value[8];
};

struct thing {
	char id[8];
	struct ip4 address;
	struct ip4_prefix prefix;
	uint32_t number;
	bool flag;
	char note[8];
	struct {
		struct tag *v;
		size_t n;
	} tags;
};

struct answer {
	char token[8];
	struct {
		struct thing *v;
		size_t n;
	} things;
};

static const struct xml_field tag_fields[] = {
	{ .path = "key", .type = XML_AS_TEXT, .offset = offsetof(struct tag, key), .size = 8 },
	{ .path = "value", .type = XML_AS_TEXT, .offset = offsetof(struct tag, value), .size = 8 },
};
static const struct xml_table tag_table = { sizeof(struct tag), tag_fields, 2 };

static const struct xml_field thing_fields[] = {
	{ .path = "id",
	  .type = XML_AS_TEXT,
	  .flags = XML_IS_REQUIRED,
	  .offset = offsetof(struct thing, id),
	  .size = 8 },
	{ .path = "net/address", .type = XML_AS_IP4, .offset = offsetof(struct thing, address) },
	{ .path = "net/prefix", .type = XML_AS_PREFIX, .offset = offsetof(struct thing, prefix) },
	{ .path = "number", .type = XML_AS_U32, .offset = offsetof(struct thing, number) },
	{ .path = "flag", .type = XML_AS_BOOL, .offset = offsetof(struct thing, flag) },
	{ .path = "sure", .type = XML_AS_TRUE },
	{ .path = "note",
	  .type = XML_AS_CUT_TEXT,
	  .offset = offsetof(struct thing, note),
	  .size = 8 },
	{ .path = "tagSet/item",
	  .type = XML_AS_LIST,
	  .offset = offsetof(struct thing, tags),
	  .max = 3,
	  .sub = &tag_table },
};
static const struct xml_table thing_table = { sizeof(struct thing), thing_fields,
					      ARRAY_SIZE(thing_fields) };

static const struct xml_field answer_fields[] = {
	{ .path = "token",
	  .type = XML_AS_TEXT,
	  .offset = offsetof(struct answer, token),
	  .size = 8 },
	{ .path = "thingSet/item",
	  .type = XML_AS_LIST,
	  .offset = offsetof(struct answer, things),
	  .max = 100000,
	  .sub = &thing_table },
};
static const struct xml_table answer_table = { sizeof(struct answer), answer_fields,
					       ARRAY_SIZE(answer_fields), "R" };

static int read_text(const char *text, struct answer *answer, struct err *err)
{
	return xml_read(&answer_table, text, strlen(text), answer, err);
}

static void assert_refused(const char *text, int rc, const char *sentence)
{
	static const struct answer zero;
	struct answer answer = { 0 };
	struct err err = ERR_NULL;

	assert_int_equal(read_text(text, &answer, &err), rc);
	assert_string_equal(err.text, sentence);
	assert_memory_equal(&answer, &zero, sizeof(zero));
}

static const char whole[] =
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	"<R xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">\n"
	"  <requestId>x</requestId><!-- c --><?pi?>\n"
	"  <thingSet>\n"
	"    <item><id>a&amp;b</id><new><id>no</id><item><id>no</id></item></new>\n"
	"      <net><address>10.0.0.1</address><prefix>10.0.1.0/28</prefix></net>\n"
	"      <tagSet><item><key>k</key><value> v </value></item>\n"
	"        <item><value/><key>l</key></item></tagSet>\n"
	"      <number>4294967295</number><flag>true</flag><sure>true</sure></item>\n"
	"    <item><tagSet/><note>1234567890</note><flag>false</flag><id><![CDATA[<c>]]></id>\n"
	"      <net><address/></net></item>\n"
	"  </thingSet>\n"
	"  <token>next</token><thingSet2><item><id>no</id></item></thingSet2>\n"
	"</R>\n";

static void assert_is_whole(const struct answer *answer)
{
	assert_string_equal(answer->token, "next");
	assert_int_equal(answer->things.n, 2);
	const struct thing *const first = &answer->things.v[0];
	const struct thing *const second = &answer->things.v[1];
	assert_string_equal(first->id, "a&b");
	assert_int_equal(first->address.v, 0x0a000001);
	assert_int_equal(first->prefix.addr.v, 0x0a000100);
	assert_int_equal(first->prefix.len, 28);
	assert_true(first->number == UINT32_MAX);
	assert_true(first->flag);
	assert_int_equal(first->tags.n, 2);
	assert_string_equal(first->tags.v[0].key, "k");
	assert_string_equal(first->tags.v[0].value, " v ");
	assert_string_equal(first->tags.v[1].key, "l");
	assert_string_equal(first->tags.v[1].value, "");
	assert_string_equal(second->id, "<c>");
	assert_string_equal(second->note, "1234567");
	assert_false(second->flag);
	assert_int_equal(second->address.v, 0);
	assert_int_equal(second->tags.n, 0);
}

static void wanted_elements_are_found_in_any_order_among_unknown_ones(void **state)
{
	struct answer answer = { 0 };
	struct err err = ERR_NULL;
	(void)state;

	assert_int_equal(read_text(whole, &answer, &err), 0);

	assert_string_equal(err.text, "");
	assert_is_whole(&answer);
	xml_done(&answer_table, &answer);
	assert_null(answer.things.v);
	xml_done(&answer_table, &answer);
}

static void an_answer_cut_at_any_byte_is_refused_and_leaves_nothing(void **state)
{
	static const struct answer zero;
	const size_t end = strlen(whole) - 1; /* the last newline may be missing */
	(void)state;

	for (size_t length = 0; length < end; length++) {
		struct answer answer = { 0 };
		/* Exactly as long, so that the address sanitizer sees a read beyond. */
		CLEANUP(cleanup_free) char *part = malloc(length + 1);
		assert_non_null(part);
		CLEANUP(cleanup_free) char *exact = length ? malloc(length) : NULL;
		if (length)
			memcpy(exact, whole, length);
		assert_int_equal(xml_read(&answer_table, length ? exact : part, length, &answer,
					  NULL),
				 -EPROTO);
		assert_memory_equal(&answer, &zero, sizeof(zero));
	}
	struct answer answer = { 0 };
	assert_int_equal(xml_read(&answer_table, whole, end, &answer, NULL), 0);
	xml_done(&answer_table, &answer);
}

static void pages_are_put_together(void **state)
{
	struct answer answer = { 0 };
	(void)state;

	assert_int_equal(read_text("<R><thingSet><item><id>1</id></item></thingSet>"
				   "<token>t</token></R>",
				   &answer, NULL),
			 0);
	answer.token[0] = '\0';
	assert_int_equal(read_text("<R><thingSet><item><id>2</id></item><item><id>3</id></item>"
				   "</thingSet></R>",
				   &answer, NULL),
			 0);

	assert_string_equal(answer.token, "");
	assert_int_equal(answer.things.n, 3);
	assert_string_equal(answer.things.v[0].id, "1");
	assert_string_equal(answer.things.v[2].id, "3");
	xml_done(&answer_table, &answer);
}

static void text_of_elements_inside_a_wanted_one_is_not_its_own(void **state)
{
	struct answer answer = { 0 };
	(void)state;

	assert_int_equal(read_text("<R><token>ne<token>no</token><x>no</x>xt</token></R>", &answer,
				   NULL),
			 0);

	assert_string_equal(answer.token, "next");
}

static void empty_and_absent_sets_are_empty_lists(void **state)
{
	static const char *const texts[] = { "<R/>", "<R><thingSet/></R>",
					     "<R><thingSet>\n</thingSet></R>" };
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct answer answer = { 0 };
		assert_int_equal(read_text(texts[i], &answer, NULL), 0);
		assert_int_equal(answer.things.n, 0);
	}
}

static void an_answer_of_another_kind_is_refused(void **state)
{
	(void)state;
	assert_refused("<S/>", -EPROTO, "expected R, found <S>");
	assert_refused("", -EPROTO, "no XML: no element found in line 1");
	assert_refused("<html><body>\n<p>Bad gateway</body></html>", -EPROTO,
		       "expected R, found <html>");
	assert_refused("{\"a\": 1}", -EPROTO, "no XML: not well-formed (invalid token) in line 1");
	assert_refused("<R/><R/>", -EPROTO, "no XML: junk after document element in line 1");
}

static void a_doctype_is_refused_before_its_entities_are_read(void **state)
{
	(void)state;
	assert_refused("<!DOCTYPE R><R/>", -EPROTO, "the answer has a DOCTYPE");
	assert_refused("<!DOCTYPE R [<!ENTITY a 'x'><!ENTITY b '&a;&a;'>]><R>&b;</R>", -EPROTO,
		       "the answer has a DOCTYPE");
	assert_refused("<!DOCTYPE R SYSTEM 'file:///etc/passwd'><R/>", -EPROTO,
		       "the answer has a DOCTYPE");
	assert_refused("<R>&unknown;</R>", -EPROTO, "no XML: undefined entity in line 1");
}

static void a_wrong_value_is_refused_with_its_place(void **state)
{
#define ITEM(inside) "<R><thingSet><item><id>1</id>" inside "</item></thingSet></R>"
	static const struct {
		const char *text;
		int rc;
		const char *sentence;
	} table[] = {
		{ ITEM("<flag>yes</flag>"), -EPROTO, "flag has the value \"yes\"" },
		{ ITEM("<flag/>"), -EPROTO, "flag has the value \"\"" },
		{ ITEM("<sure>false</sure>"), -EPROTO, "sure has the value \"false\"" },
		{ ITEM("<number>-1</number>"), -EPROTO, "number has the value \"-1\"" },
		{ ITEM("<number/>"), -EPROTO, "number has the value \"\"" },
		{ ITEM("<number>4294967296</number>"), -EPROTO,
		  "number has the value \"4294967296\"" },
		{ ITEM("<net><address>10.0.0.256</address></net>"), -EPROTO,
		  "net/address has the value \"10.0.0.256\"" },
		{ ITEM("<net><prefix>10.0.0.1/28</prefix></net>"), -EPROTO,
		  "net/prefix has the value \"10.0.0.1/28\"" },
		{ ITEM("<flag>\x1b</flag>"), -EPROTO,
		  "no XML: not well-formed (invalid token) in line 1" },
		{ ITEM("<id>12345678</id>"), -EMSGSIZE, "id is longer than 7 bytes" },
		{ "<R><thingSet><item><flag>true</flag></item></thingSet></R>", -EPROTO,
		  "id is missing" },
		{ ITEM("<tagSet><item/><item/><item/><item/></tagSet>"), -EMSGSIZE,
		  "more than 3 items in tagSet/item" },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		assert_refused(table[i].text, table[i].rc, table[i].sentence);
}

/* n times `part` between begin and end; to be freed. */
static char *repeat(const char *begin, const char *part, size_t n, const char *end)
{
	char *text = NULL;
	size_t length = 0;
	FILE *const out = open_memstream(&text, &length);

	assert_non_null(out);
	fputs(begin, out);
	for (size_t i = 0; i < n; i++)
		fputs(part, out);
	fputs(end, out);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void depth_items_and_bytes_have_ceilings(void **state)
{
	(void)state;
	CLEANUP(cleanup_free) char *deep = repeat("<R>", "<x>", XML_DEPTH_MAX, "");
	assert_refused(deep, -EMSGSIZE, "elements are nested more than 24 deep");
	CLEANUP(cleanup_free) char *fine = repeat("<R>", "<x></x>", 100000, "</R>");
	struct answer answer = { 0 };
	assert_int_equal(read_text(fine, &answer, NULL), 0);
	CLEANUP(cleanup_free)
	char *many =
		repeat("<R><thingSet>", "<item><id/></item>", XML_ITEMS_MAX + 1, "</thingSet></R>");
	assert_refused(many, -EMSGSIZE, "more than 65536 items in thingSet/item");
	CLEANUP(cleanup_free)
	char *text = repeat("<R><thingSet><item><note>", "0123456789", 100000,
			    "</note><id/></item></thingSet></R>");
	assert_int_equal(read_text(text, &answer, NULL), 0);
	assert_string_equal(answer.things.v[0].note, "0123456");
	xml_done(&answer_table, &answer);
	CLEANUP(cleanup_free) char *heap = calloc(1, XML_BYTES_MAX + 1);
	assert_int_equal(xml_read(&answer_table, heap, XML_BYTES_MAX + 1, &answer, NULL),
			 -EMSGSIZE);
}

static void names_longer_than_any_path_are_passed_over(void **state)
{
	struct answer answer = { 0 };
	(void)state;
	CLEANUP(cleanup_free) char *name = repeat("", "n", 600, "");
	char text[2048];
	snprintf(text, sizeof(text), "<R><%s><token>no</token></%s><token>yes</token></R>", name,
		 name);

	assert_int_equal(read_text(text, &answer, NULL), 0);

	assert_string_equal(answer.token, "yes");
}

static void text_for_people_is_cut_between_characters(void **state)
{
	struct answer answer = { 0 };
	(void)state;

	assert_int_equal(read_text("<R><thingSet><item><id/><note>12345\xc3\xa4\xc3\xb6</note>"
				   "</item></thingSet></R>",
				   &answer, NULL),
			 0);

	assert_string_equal(answer.things.v[0].note, "12345\xc3\xa4");
	xml_done(&answer_table, &answer);
	assert_int_equal(read_text("<R><thingSet><item><id/><note>123456\xc3\xa4</note></item>"
				   "</thingSet></R>",
				   &answer, NULL),
			 0);
	assert_string_equal(answer.things.v[0].note, "123456");
	xml_done(&answer_table, &answer);
	assert_int_equal(
		read_text("<R><thingSet><item><id/><note>\n a\tb\nc</note></item></thingSet></R>",
			  &answer, NULL),
		0);
	assert_string_equal(answer.things.v[0].note, "a?b");
	xml_done(&answer_table, &answer);
}

static size_t allocations_left = SIZE_MAX;

static bool fails_now(void)
{
	if (allocations_left == SIZE_MAX)
		return false;
	return allocations_left == 0 || allocations_left-- == 0;
}

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__real_reallocarray(void *p, size_t n, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size);

void *__wrap_calloc(size_t n, size_t size)
{
	return fails_now() ? NULL : __real_calloc(n, size);
}

void *__wrap_reallocarray(void *p, size_t n, size_t size)
{
	return fails_now() ? NULL : __real_reallocarray(p, n, size);
}

static void a_failed_allocation_is_reported_and_nothing_leaks(void **state)
{
	size_t failures = 0;
	int rc = -ENOMEM;
	(void)state;

	for (size_t n = 0; rc != 0; n++) {
		struct answer answer = { 0 };
		allocations_left = n;
		rc = read_text(whole, &answer, NULL);
		allocations_left = SIZE_MAX;
		if (rc == 0)
			assert_is_whole(&answer);
		else
			assert_int_equal(rc, -ENOMEM);
		failures += rc != 0;
		xml_done(&answer_table, &answer);
	}

	assert_true(failures > 5);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(wanted_elements_are_found_in_any_order_among_unknown_ones),
		cmocka_unit_test(an_answer_cut_at_any_byte_is_refused_and_leaves_nothing),
		cmocka_unit_test(pages_are_put_together),
		cmocka_unit_test(text_of_elements_inside_a_wanted_one_is_not_its_own),
		cmocka_unit_test(empty_and_absent_sets_are_empty_lists),
		cmocka_unit_test(an_answer_of_another_kind_is_refused),
		cmocka_unit_test(a_doctype_is_refused_before_its_entities_are_read),
		cmocka_unit_test(a_wrong_value_is_refused_with_its_place),
		cmocka_unit_test(depth_items_and_bytes_have_ceilings),
		cmocka_unit_test(names_longer_than_any_path_are_passed_over),
		cmocka_unit_test(text_for_people_is_cut_between_characters),
		cmocka_unit_test(a_failed_allocation_is_reported_and_nothing_leaks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
