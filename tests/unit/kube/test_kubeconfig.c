// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "kube/config.h"

#include "base/cleanup.h"
#include "base/err.h"

#include "cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PEM64 "LS0tLS1CRUdJTiBYLS0tLS0K" /* "-----BEGIN X-----\n" */

static int parse(const char *text, const char *context, struct kube_config *ret, struct err *err)
{
	const struct kube_config_text from = { text, strlen(text), "/etc/k", context };

	return kube_config_parse(&from, ret, err);
}

static const char whole[] =
	"apiVersion: v1\n"
	"kind: Config\n"
	"preferences: {}\n"
	"current-context: one\n"
	"clusters:\n"
	"- name: c1\n"
	"  cluster:\n"
	"    server: https://api.example.org:6443/prefix/\n"
	"    certificate-authority-data: " PEM64 "\n"
	"    tls-server-name: kubernetes\n"
	"- name: c2\n"
	"  cluster: {server: 'https://[2001:db8::1]', certificate-authority: pki/ca.crt, insecure-skip-tls-verify: false}\n"
	"users:\n"
	"- name: u1\n"
	"  user:\n"
	"    token: abc\n"
	"- name: u2\n"
	"  user:\n"
	"    client-certificate: /abs/c.crt\n"
	"    client-key-data: " PEM64 "\n"
	"    token: abc\n"
	"    tokenFile: tok\n"
	"contexts:\n"
	"- context: {cluster: c1, user: u1, namespace: payments}\n"
	"  name: one\n"
	"- context: {cluster: c2, user: u2}\n"
	"  name: two\n"
	"- context: {cluster: c2}\n"
	"  name: nobody\n";

static void a_context_leads_to_its_cluster_and_its_user(void **state)
{
	struct kube_config config;
	struct err err = ERR_NULL;
	(void)state;

	if (parse(whole, NULL, &config, &err) != 0)
		fail_msg("%s", err.text);
	assert_string_equal(config.server, "https://api.example.org:6443/prefix");
	assert_string_equal(config.tls_name, "kubernetes");
	assert_string_equal(config.namespace, "payments");
	assert_string_equal(config.ca.text, "-----BEGIN X-----\n");
	assert_string_equal(config.token.text, "abc");
	assert_null(config.certificate.text);
	kube_config_done(&config);

	assert_int_equal(parse(whole, "two", &config, &err), 0);
	assert_string_equal(config.server, "https://[2001:db8::1]");
	assert_string_equal(config.ca.path, "/etc/k/pki/ca.crt");
	assert_string_equal(config.certificate.path, "/abs/c.crt");
	assert_string_equal(config.private_key.text, "-----BEGIN X-----\n");
	assert_string_equal(config.token.path, "/etc/k/tok");
	assert_null(config.token.text);
	assert_string_equal(config.tls_name, "");
	kube_config_done(&config);

	assert_int_equal(parse(whole, "nobody", &config, &err), 0);
	assert_null(config.token.text);
	kube_config_done(&config);
}

static void json_is_read_too(void **state)
{
	static const char text[] =
		"{\"current-context\":\"x\",\"contexts\":[{\"name\":\"x\",\"context\":{\"cluster\":\"c\",\"user\":\"u\"}}],"
		"\"clusters\":[{\"name\":\"c\",\"cluster\":{\"server\":\"http://127.0.0.1:8001\"}}],"
		"\"users\":[{\"name\":\"u\",\"user\":{}}]}";
	struct kube_config config;
	struct err err = ERR_NULL;
	(void)state;

	if (parse(text, NULL, &config, &err) != 0)
		fail_msg("%s", err.text);
	assert_string_equal(config.server, "http://127.0.0.1:8001");
	kube_config_done(&config);
}

#define CLUSTER(x)                                                                    \
	"current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n" \
	"users: [{name: u, user: {}}]\nclusters:\n- name: c\n  cluster: {" x "}\n"
#define USER(x)                                                                                 \
	"current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n"           \
	"clusters: [{name: c, cluster: {server: 'https://h'}}]\nusers:\n- name: u\n  user: {" x \
	"}\n"

static const struct {
	const char *text, *sentence;
} refused[] = {
	{ "", "there's nothing in it" },
	{ "# only\n", "there's nothing in it" },
	{ "- a\n", "line 1: isn't a kubeconfig" },
	{ "a: [\n", "line 2: no YAML: " },
	{ "a: b\n---\nc: d\n", "line 2: more than one document" },
	{ "a: 1\nb: 2\na: 3\n", "line 3: a key comes twice" },
	{ "a: &x 1\n", "line 1: anchors and aliases aren't read" },
	{ "a: &x {}\nb: *x\n", "line 1: anchors" },
	{ "b: *x\n", "line 1: anchors" },
	{ "? [a]\n: b\n", "line 1: a key that is no text" },
	{ "\"a\\0b\": c\n", "line 1: a NUL in a text" },
	{ "a: [[[[[[[[[[[[[[[[[[[[[[[[[[[[", "nested more than 24 deep" },
	{ "kind: Config\n", "current-context isn't set" },
	{ "current-context: ''\n", "current-context isn't set" },
	{ "current-context: x\n", "contexts \"x\": isn't there" },
	{ "current-context: x\ncontexts: {}\n", "line 2: contexts \"x\": isn't in a list" },
	{ "current-context: x\ncontexts: [{name: x}]\n", "line 2: contexts \"x\": is empty" },
	{ "current-context: x\ncontexts: [{name: x, context: {user: u}}]\n",
	  "contexts \"x\": names no cluster" },
	{ "current-context: x\ncontexts: [{name: x, context: {cluster: c}}]\n",
	  "clusters \"c\": isn't there" },
	{ "current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\nclusters: [{name: c, cluster: {server: 'https://h'}}]\n",
	  "users \"u\": isn't there" },
	{ CLUSTER(""), "line 6: clusters \"c\": has no server" },
	{ CLUSTER("server: 'http://h'"),
	  "line 6: clusters \"c\": server: must begin with https://" },
	{ CLUSTER("server: 'http://localhost.evil'"), "must begin with https://" },
	{ CLUSTER("server: 'https://u:p@h'"), "isn't a URL" },
	{ CLUSTER("server: 'https:///'"), "isn't a URL" },
	{ CLUSTER("server: [a]"), "line 6: clusters \"c\": server: isn't a text" },
	{ CLUSTER("server: 'https://h', insecure-skip-tls-verify: true"),
	  "certificate-authority instead" },
	{ CLUSTER("server: 'https://h', insecure-skip-tls-verify: yes"),
	  "insecure-skip-tls-verify" },
	{ CLUSTER("server: 'https://h', proxy-url: 'http://p'"), "proxies aren't used" },
	{ CLUSTER("server: 'https://h', tls-server-name: 'a/b'"),
	  "tls-server-name: isn't a host name" },
	{ CLUSTER("server: 'https://h', certificate-authority-data: '!!'"),
	  "certificate-authority-data: isn't base64 of PEM" },
	{ CLUSTER("server: 'https://h', certificate-authority-data: 'YWJj'"),
	  "isn't base64 of PEM" },
	{ CLUSTER("server: 'https://h', certificate-authority-data: 'LS0tLS1CRUdJTiBYLS0tLS0'"),
	  "isn't base64 of PEM" },
	{ CLUSTER("server: 'https://h', certificate-authority-data: 'LS0tLS1CRUdJTiBYLS0tLQA='"),
	  "isn't base64 of PEM" },
	{ USER("exec: {command: aws}"), "users \"u\": exec: eipgw runs no other program" },
	{ USER("auth-provider: {name: gcp}"), "auth-provider" },
	{ USER("username: a, password: b"), "don't take passwords" },
	{ USER("as: root"), "impersonation" },
	{ USER("client-certificate: c"), "has only one of client-certificate and client-key" },
	{ USER("client-key-data: " PEM64), "has only one of" },
	{ USER("token: [x]"), "token: isn't a text" },
};

static void what_cannot_be_used_is_refused_with_its_place(void **state)
{
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		struct kube_config config = KUBE_CONFIG_NULL;
		struct err err = ERR_NULL;

		if (parse(refused[i].text, NULL, &config, &err) != -EINVAL ||
		    !strstr(err.text, refused[i].sentence))
			fail_msg("%s\nwas: %s\nnot: %s", refused[i].text, err.text,
				 refused[i].sentence);
		assert_string_equal(config.server, "");
	}
}

static void no_sentence_shows_a_secret(void **state)
{
	static const char *const texts[] = {
		USER("token: s3cr3t, exec: {}"), USER("token: {s3cr3t: s3cr3t}"),
		USER("client-key-data: s3cr3t"), USER("token: \"s3cr3t"),
		"token: s3cr3t: s3cr3t\n",       "s3cr3t\n",
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct kube_config config;
		struct err err = ERR_NULL;

		assert_int_equal(parse(texts[i], NULL, &config, &err), -EINVAL);
		assert_null(strstr(err.text, "s3cr3t"));
	}
}

static void a_file_too_large_or_too_full_is_refused(void **state)
{
	CLEANUP(cleanup_free) char *text = malloc((1 << 20) + 2);
	struct kube_config config;
	struct err err = ERR_NULL;
	size_t n = 2;
	(void)state;

	memset(text, '#', (1 << 20) + 1);
	text[(1 << 20) + 1] = '\0';
	assert_int_equal(parse(text, NULL, &config, &err), -EINVAL);
	assert_non_null(strstr(err.text, "more than 1048576 bytes"));

	memcpy(text, "a:", 2);
	for (int i = 0; i < 20001; i++, n += 3)
		memcpy(text + n, "\n- ", 3);
	text[n] = '\0';
	assert_int_equal(parse(text, NULL, &config, &err), -EINVAL);
	assert_non_null(strstr(err.text, "more than 20000 values"));
}

static void a_file_is_read_from_its_folder(void **state)
{
	char dir[] = "/tmp/eipgw-kubeconfig-XXXXXX";
	char path[128];
	char wanted[160];
	struct kube_config config;
	struct err err = ERR_NULL;
	(void)state;

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/config", dir);
	FILE *const file = fopen(path, "w");
	assert_non_null(file);
	fputs(whole, file);
	fclose(file);

	assert_int_equal(kube_config_load(path, "two", &config, &err), 0);
	snprintf(wanted, sizeof(wanted), "%s/pki/ca.crt", dir);
	assert_string_equal(config.ca.path, wanted);
	kube_config_done(&config);
	assert_int_equal(kube_config_load(path, "three", &config, &err), -EINVAL);
	assert_ptr_equal(strstr(err.text, path), err.text);
	unlink(path);
	assert_int_equal(kube_config_load(path, "two", &config, &err), -ENOENT);
	rmdir(dir);
}

/* Each file has a part; what several have is the first one's. */
static void several_files_are_one(void **state)
{
	static const char *const texts[] = {
		"contexts: [{name: a, context: {cluster: c, user: u}}]\n",
		"current-context: a\n"
		"contexts: [{name: a, context: {cluster: wrong, user: u}}]\n"
		"clusters: [{name: c, cluster: {server: 'https://h', certificate-authority: ca}}]\n",
		"current-context: b\nusers: [{name: u, user: {tokenFile: t}}]\n",
	};
	char dir[] = "/tmp/eipgw-kubeconfig-XXXXXX";
	char path[3][64], all[256], wanted[64];
	struct kube_config config;
	struct err err = ERR_NULL;
	(void)state;

	assert_non_null(mkdtemp(dir));
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		snprintf(wanted, sizeof(wanted), "%s/%zu", dir, i);
		mkdir(wanted, 0700);
		snprintf(path[i], sizeof(path[i]), "%s/%zu/config", dir, i);
		FILE *const file = fopen(path[i], "w");
		assert_non_null(file);
		fputs(texts[i], file);
		fclose(file);
	}
	snprintf(all, sizeof(all), ":%s:/nowhere/config:%s:%s", path[0], path[1], path[2]);
	assert_int_equal(
		kube_config_choose(&(struct kube_config_choice){ .paths = all }, &config, &err), 0);
	assert_string_equal(config.server, "https://h");
	snprintf(wanted, sizeof(wanted), "%s/1/ca", dir);
	assert_string_equal(config.ca.path, wanted);
	snprintf(wanted, sizeof(wanted), "%s/2/t", dir);
	assert_string_equal(config.token.path, wanted);
	kube_config_done(&config);

	/* b is the current context of one, and stands in none. What is wrong is named with its file. */
	assert_int_equal(kube_config_choose(&(struct kube_config_choice){ path[2] }, &config, &err),
			 -EINVAL);
	assert_non_null(strstr(err.text, "contexts \"b\": isn't there"));
	assert_int_equal(kube_config_choose(&(struct kube_config_choice){ path[1] }, &config, &err),
			 -EINVAL);
	assert_ptr_equal(strstr(err.text, path[1]), err.text);
	assert_int_equal(kube_config_choose(&(struct kube_config_choice){ "/nowhere/config" },
					    &config, &err),
			 -ENOENT);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		unlink(path[i]);
		snprintf(wanted, sizeof(wanted), "%s/%zu", dir, i);
		rmdir(wanted);
	}
	rmdir(dir);
}

#define NO_USER                                                              \
	"current-context: x\ncontexts: [{name: x, context: {cluster: c}}]\n" \
	"clusters: [{name: c, cluster: {server: 'https://h'}}]\n"

/* Whatever its user's entry says, or if it isn't there. */
static void a_token_takes_the_place_of_the_login(void **state)
{
	static const char *const texts[] = {
		USER("exec: {command: aws}"),
		USER("token: other"),
		CLUSTER("server: 'https://h'"),
		NO_USER,
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		const struct kube_config_text from = { texts[i], strlen(texts[i]), "/etc/k", NULL,
						       .token = "s3cr3t" };
		struct kube_config config;
		struct err err = ERR_NULL;

		if (kube_config_parse(&from, &config, &err) != 0)
			fail_msg("%s", err.text);
		assert_string_equal(config.token.text, "s3cr3t");
		assert_null(config.token.path);
		assert_null(config.certificate.path);
		kube_config_done(&config);
	}
}

static void a_pod_finds_its_server_in_the_environment(void **state)
{
	struct kube_config config;
	struct err err = ERR_NULL;
	(void)state;

	unsetenv("KUBERNETES_SERVICE_HOST");
	assert_int_equal(kube_config_in_cluster(NULL, &config, &err), -ENOENT);
	setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1", 1);
	setenv("KUBERNETES_SERVICE_PORT", "443", 1);
	assert_int_equal(kube_config_in_cluster(NULL, &config, &err), 0);
	assert_string_equal(config.server, "https://10.96.0.1:443");
	assert_string_equal(config.token.path, KUBE_SERVICE_ACCOUNT "/token");
	assert_string_equal(config.ca.path, KUBE_SERVICE_ACCOUNT "/ca.crt");
	kube_config_done(&config);

	setenv("KUBERNETES_SERVICE_HOST", "fd00::1", 1);
	assert_int_equal(kube_config_in_cluster("/x", &config, &err), 0);
	assert_string_equal(config.server, "https://[fd00::1]:443");
	assert_string_equal(config.token.path, "/x/token");
	kube_config_done(&config);

	setenv("KUBERNETES_SERVICE_HOST", "h@x/", 1);
	assert_int_equal(kube_config_in_cluster("/x", &config, &err), -EINVAL);
	unsetenv("KUBERNETES_SERVICE_HOST");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_context_leads_to_its_cluster_and_its_user),
		cmocka_unit_test(json_is_read_too),
		cmocka_unit_test(what_cannot_be_used_is_refused_with_its_place),
		cmocka_unit_test(no_sentence_shows_a_secret),
		cmocka_unit_test(a_file_too_large_or_too_full_is_refused),
		cmocka_unit_test(a_file_is_read_from_its_folder),
		cmocka_unit_test(several_files_are_one),
		cmocka_unit_test(a_token_takes_the_place_of_the_login),
		cmocka_unit_test(a_pod_finds_its_server_in_the_environment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
