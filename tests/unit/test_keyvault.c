#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/http.h"
#include "arm/keyvault.h"
#include "tests/sim/token_rig.h"

#define PATH "/secrets/redis-password"

struct counted {
	struct credential base;
	char asked[64];
	int gets, forgets;
};

static int
counted_get(struct credential *c, const struct scope *scope,
    const char *resource, struct token *out, struct err *err)
{
	struct counted *k = (struct counted *)c;
	char text[40];

	(void)scope;
	(void)err;
	snprintf(k->asked, sizeof(k->asked), "%s", resource);
	snprintf(text, sizeof(text), "secret-token-%d", ++k->gets);
	out->expires_ms = INT64_MAX;
	secret_set(&out->value, text, strlen(text));
	return 0;
}

static void
counted_forget(struct credential *c, const char *resource)
{
	struct counted *k = (struct counted *)c;

	assert_string_equal(resource, k->asked);
	k->forgets++;
}

static const struct credential_ops counted_ops = {
    .get = counted_get,
    .forget = counted_forget,
};

struct ground {
	struct token_rig r;
	struct counted tokens;
	struct keyvault vault;
	char url[200];
	struct secret value;
};

static void
ground_up(struct ground *g, const struct token_step *steps, size_t n)
{
	static const struct http_opts none;

	*g = (struct ground){.tokens.base.ops = &counted_ops};
	token_rig_up(&g->r, steps, n);
	g->r.cloud.vault_suffix = "127.0.0.1";
	g->r.http = http_new(&none, &g->r.err);
	g->vault = (struct keyvault){.http = g->r.http,
	    .credential = &g->tokens.base,
	    .cloud = &g->r.cloud};
	snprintf(g->url, sizeof(g->url), "%s" PATH, g->r.root);
}

static void
ground_down(struct ground *g)
{
	secret_release(&g->value);
	token_rig_down(&g->r);
}

static int
get(struct ground *g)
{
	g->r.err = (struct err){0};
	return keyvault_get(
	    &g->vault, g->url, &g->r.scope, &g->value, &g->r.err);
}

static void
fails(struct ground *g, enum err_kind kind, const char *says)
{
	assert_int_equal(get(g), -1);
	assert_null(g->value.data);
	if (g->r.err.kind != kind || strstr(g->r.err.text, says) == NULL)
		fail_msg("kind %s, wanted %s with '%s': '%s'",
		    err_kind_name(g->r.err.kind), err_kind_name(kind), says,
		    g->r.err.text);
	assert_non_null(strstr(g->r.err.text, PATH));
}

static void
a_secret_is_read(void **state)
{
	static const struct token_step steps[] = {{200, NULL,
	    "{\"value\":\"secret-\\u00e9 \\\"x\\\"\",\"id\":\"https://v/1\","
	    "\"attributes\":{\"enabled\":true}}"}};
	struct ground g;

	(void)state;
	ground_up(&g, steps, 1);
	assert_int_equal(get(&g), 0);
	assert_string_equal(g.value.data, "secret-\xc3\xa9 \"x\"");
	assert_string_equal(g.tokens.asked, "https://vault.azure.net");
	token_rig_sent(&g.r, 0, "GET " PATH "?api-version=7.5 HTTP/1.1\r\n");
	token_rig_sent(&g.r, 0, "Authorization: Bearer secret-token-1\r\n");
	ground_down(&g);
}

static void
a_token_that_was_refused_is_asked_for_once_more(void **state)
{
	static const struct token_step steps[] = {
	    {401, "WWW-Authenticate: Bearer authorization=\"x\"\r\n", ""},
	    {200, NULL, "{\"value\":\"secret-1\"}"},
	    {401, NULL, ""},
	    {401, NULL, "{\"error\":{\"code\":\"Unauthorized\"}}"},
	};
	struct ground g;

	(void)state;
	ground_up(&g, steps, 4);
	assert_int_equal(get(&g), 0);
	token_rig_sent(&g.r, 1, "Authorization: Bearer secret-token-2\r\n");
	assert_int_equal(g.tokens.forgets, 1);
	secret_release(&g.value);
	fails(&g, ERR_AUTH, "401");
	assert_int_equal(g.tokens.forgets, 2);
	ground_down(&g);
}

static void
what_the_vault_says_is_told(void **state)
{
	static const struct token_step steps[] = {
	    {404, NULL,
		"{\"error\":{\"code\":\"SecretNotFound\",\"message\":\"A "
		"secret with (name/id) redis-password was not found\"}}"},
	    {403, NULL,
		"{\"error\":{\"code\":\"Forbidden\",\"message\":\"Caller is "
		"not authorized\",\"innererror\":{\"code\":"
		"\"ForbiddenByRbac\"}}}"},
	    {200, NULL, "<html>"},
	    {200, NULL, "{\"id\":\"x\"}"},
	    {200, NULL, "{\"value\":\"\"}"},
	};
	struct ground g;

	(void)state;
	ground_up(&g, steps, 5);
	fails(&g, ERR_MISSING, "SecretNotFound");
	fails(&g, ERR_AUTH, "needs the role Key Vault Secrets User");
	fails(&g, ERR_CORRUPT, "the vault's answer");
	fails(&g, ERR_CORRUPT, "no value");
	fails(&g, ERR_USAGE, "empty");
	ground_down(&g);
}

static void
a_vault_that_is_busy_is_waited_for(void **state)
{
	static const struct token_step steps[] = {
	    {429, "Retry-After: 5\r\n", ""},
	    {503, NULL, ""},
	    {0, NULL, NULL},
	    {200, NULL, "{\"value\":\"secret-1\"}"},
	};
	struct ground g;

	(void)state;
	ground_up(&g, steps, 4);
	assert_int_equal(get(&g), 0);
	assert_int_equal(g.r.clock.slept_ms, 5000);
	ground_down(&g);
}

static void
a_credential_asks_the_vault_each_time(void **state)
{
	static const struct token_step steps[] = {
	    {200, NULL, "{\"value\":\"secret-1\"}"},
	    {200, NULL, "{\"value\":\"secret-2\"}"},
	};
	struct credential *c;
	struct token token = {0};
	struct ground g;

	(void)state;
	ground_up(&g, steps, 2);
	c = keyvault_credential_new(&g.vault, g.url);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(
		    c->ops->get(c, &g.r.scope, "", &token, &g.r.err), 0);
		assert_int_equal(token.value.data[7], '1' + i);
		assert_true(token.expires_ms == INT64_MAX);
		secret_release(&token.value);
	}
	c->ops->free(c);
	ground_down(&g);
}

static void
a_token_goes_to_the_clouds_own_vaults_alone(void **state)
{
	static const char *const good[] = {
	    "https://v.vault.azure.net/secrets/n",
	    "https://V-1.Vault.Azure.Net/secrets/n",
	    "https://v.vault.azure.net/secrets/A-1/0123456789abcdef",
	};
	static const char *const bad[] = {
	    "http://v.vault.azure.net/secrets/n",
	    "https://vault.azure.net.example.net/secrets/n",
	    "https://evilvault.azure.net/secrets/n",
	    "https://.vault.azure.net/secrets/n",
	    "https://v.vault.azure.cn/secrets/n",
	    "https://u@v.vault.azure.net/secrets/n",
	    "https://v.vault.azure.net/secrets/n?api-version=1",
	    "https://v.vault.azure.net/secrets/",
	    "https://v.vault.azure.net/secrets/n/",
	    "https://v.vault.azure.net/secrets/a/b/c",
	    "https://v.vault.azure.net/secrets/../keys/n",
	    "https://v.vault.azure.net/secrets/a%2fb",
	    "https://v.vault.azure.net/keys/n",
	    "v.vault.azure.net/secrets/n",
	};
	struct err err = {0};
	const struct cloud *cloud = cloud_find("public", &err);

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		if (keyvault_check(cloud, good[i], &err) != 0)
			fail_msg("%s: %s", good[i], err.text);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		if (keyvault_check(cloud, bad[i], &err) == 0)
			fail_msg("%s was taken", bad[i]);
		assert_int_equal(err.kind, ERR_USAGE);
	}
}

/* Each cloud's token is for its own. */
static void
each_cloud_has_vaults_of_its_own(void **state)
{
	static const char *const clouds[] = {"public", "usgov", "china"};
	static const char *const urls[] = {
	    "https://v.vault.azure.net/secrets/n",
	    "https://v.vault.usgovcloudapi.net/secrets/n",
	    "https://v.vault.azure.cn/secrets/n"};
	struct err err = {0};

	(void)state;
	for (size_t i = 0; i < 3; i++)
		for (size_t j = 0; j < 3; j++)
			assert_int_equal(
			    keyvault_check(
				cloud_find(clouds[i], &err), urls[j], &err),
			    i == j ? 0 : -1);
	assert_null(cloud_find("germany", &err));
	assert_int_equal(err.kind, ERR_USAGE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_secret_is_read),
	    cmocka_unit_test(a_token_that_was_refused_is_asked_for_once_more),
	    cmocka_unit_test(what_the_vault_says_is_told),
	    cmocka_unit_test(a_vault_that_is_busy_is_waited_for),
	    cmocka_unit_test(a_credential_asks_the_vault_each_time),
	    cmocka_unit_test(a_token_goes_to_the_clouds_own_vaults_alone),
	    cmocka_unit_test(each_cloud_has_vaults_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
