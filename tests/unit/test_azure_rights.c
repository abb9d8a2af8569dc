/* Key, SAS and token: on the wire, in grants, and nowhere else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/credential.h"
#include "base/err.h"
#include "base/secret.h"
#include "storage/store.h"
#include "tests/sim/azure_rig.h"

/* A credential whose value changes when it is told to forget the last. */
struct tokens {
	struct credential base;
	unsigned forgotten;
};

static int
tokens_get(struct credential *c, const struct scope *scope,
    const char *resource, struct token *token, struct err *err)
{
	struct tokens *t = (struct tokens *)c;
	char text[32];

	(void)scope;
	(void)err;
	assert_string_equal(resource, "https://storage.azure.com/");
	snprintf(text, sizeof(text), TOKEN "-%u", t->forgotten);
	*token = (struct token){.expires_ms = INT64_C(1795242479000)};
	secret_set(&token->value, text, strlen(text));
	return 0;
}

static void
tokens_forget(struct credential *c, const char *resource)
{
	(void)resource;
	((struct tokens *)c)->forgotten++;
}

static const struct credential_ops tokens_ops = {
    .get = tokens_get, .forget = tokens_forget};

static void
a_refused_token_is_asked_for_again_once(void **state)
{
	static const struct azure_step twice[] = {
	    {401, CODE("InvalidAuthenticationInfo"), NULL, ANSWER},
	    {200, CREATED, NULL, ANSWER},
	    {401, CODE("InvalidAuthenticationInfo"), NULL, ANSWER},
	    {401, CODE("InvalidAuthenticationInfo"), NULL, ANSWER},
	};
	struct tokens tokens = {.base.ops = &tokens_ops};
	struct azure_rig r;

	(void)state;
	RIG(&r, twice);
	azure_rig_reopen(&r, (struct store_opts){.credential = &tokens.base});
	azure_rig_ok(&r, azure_rig_stat(&r));
	azure_rig_sent(&r, 0, "Authorization: Bearer " TOKEN "-0\r\n");
	azure_rig_sent(&r, 1, "Authorization: Bearer " TOKEN "-1\r\n");
	azure_rig_fails(
	    &r, azure_rig_stat(&r), ERR_AUTH, "401 InvalidAuthenticationInfo");
	assert_int_equal(tokens.forgotten, 2);
	azure_rig_down(&r);
}

static void
a_sas_goes_over_the_wire_and_nowhere_else(void **state)
{
	static const struct azure_step steps[] = {
	    {403, CODE("AuthenticationFailed"), NULL, ANSWER},
	    AZURE_BUSY,
	    {.how = RESET},
	    {.status = 201},
	};
	struct secret sas = {.data = (char *)"?" SAS, .len = strlen(SAS) + 1};
	struct azure_rig r;

	(void)state;
	RIG(&r, steps);
	azure_rig_reopen(&r, (struct store_opts){.sas = &sas});
	assert_null(strstr(r.store->url, "sig"));
	azure_rig_fails(
	    &r, azure_rig_stat(&r), ERR_AUTH, "AuthenticationFailed");
	azure_rig_sent(&r, 0, "HEAD /acct/cont/pre%20fix/blob?" SAS " HTTP");
	assert_false(azure_rig_has_sent(&r, 0, "Authorization"));
	azure_rig_ok(&r, azure_rig_stage(&r));
	for (size_t i = 1; i < 4; i++)
		azure_rig_sent(
		    &r, i, "blockid=0123456789abcdef00000000&" SAS " ");
	azure_rig_down(&r);
}

static void
grants_give_what_the_store_has(void **state)
{
	static const struct azure_step none[] = {AZURE_LOST};
	struct tokens tokens = {.base.ops = &tokens_ops};
	struct secret sas = {.data = (char *)"se=2026-11-21T06%3A28Z&" SAS};
	struct store_grant g;
	struct azure_rig r;

	(void)state;
	azure_rig_up(&r, none, 0);
	azure_rig_ok(&r,
	    r.store->ops->grant->read(
		r.store, &r.scope, "a b", 60000, &g, &r.err));
	assert_non_null(strstr(g.url,
	    "/acct/cont/pre%20fix/a%20b?sv=2025-11-05&sr=b&sp=r"
	    "&se=2026-11-21T06%3A28%3A49Z&sig="));
	assert_null(g.authorization);
	assert_int_equal(g.expires_ms, INT64_C(1795242529000));
	store_grant_release(&g);

	sas.len = strlen(sas.data);
	azure_rig_reopen(&r, (struct store_opts){.sas = &sas});
	azure_rig_ok(&r,
	    r.store->ops->grant->read(
		r.store, &r.scope, "a b", 60000, &g, &r.err));
	assert_non_null(strstr(g.url, "/a%20b?se=2026-11-21T06%3A28Z&" SAS));
	assert_int_equal(g.expires_ms, INT64_C(1795242480000));
	store_grant_release(&g);

	azure_rig_reopen(&r, (struct store_opts){.credential = &tokens.base});
	azure_rig_ok(&r,
	    r.store->ops->grant->read(
		r.store, &r.scope, "a b", 60000, &g, &r.err));
	assert_null(strchr(g.url, '?'));
	assert_string_equal(g.authorization, "Bearer " TOKEN "-0");
	assert_int_equal(g.expires_ms, INT64_C(1795242479000));
	store_grant_release(&g);
	azure_rig_down(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_refused_token_is_asked_for_again_once),
	    cmocka_unit_test(a_sas_goes_over_the_wire_and_nowhere_else),
	    cmocka_unit_test(grants_give_what_the_store_has),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
