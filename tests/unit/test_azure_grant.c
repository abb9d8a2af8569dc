/* The right to read all of a store, and one blob's URL by it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/credential.h"
#include "base/err.h"
#include "base/secret.h"
#include "storage/store.h"
#include "tests/sim/azure_rig.h"

/* The rig's clock stands at 2026-11-21T06:27:49Z. */
#define KEY \
	"<?xml version=\"1.0\" encoding=\"utf-8\"?><UserDelegationKey>" \
	"<SignedOid>oid-1</SignedOid><SignedTid>tid-2</SignedTid>" \
	"<SignedStart>2026-11-21T06:12:49Z</SignedStart>" \
	"<SignedExpiry>2026-11-21T08:28:49Z</SignedExpiry>" \
	"<SignedService>b</SignedService>" \
	"<SignedVersion>2025-11-05</SignedVersion>" \
	"<Value>c2VjcmV0LWtleQ==</Value></UserDelegationKey>"

static int
read_all(struct azure_rig *r, bool by_url_alone, struct store_grant *g)
{
	r->err = (struct err){0};
	return r->store->ops->grant->read_all(
	    r->store, &r->scope, 60000, by_url_alone, g, &r->err);
}

static void
assert_url(const struct store_grant *g, const char *name, const char *snapshot,
    const char *tail)
{
	struct err err = {0};
	struct buf url;

	buf_init(&url, 4096);
	if (store_grant_url(g, name, snapshot, &url, &err) != 0)
		fail_msg("%s", err.text);
	if (strstr(url.data, tail) == NULL)
		fail_msg("no '%s' in '%s'", tail, url.data);
	buf_release(&url);
}

static struct credential *
reopen_by_token(struct azure_rig *r)
{
	struct secret token = {0};
	struct credential *credential;

	secret_set(&token, TOKEN, strlen(TOKEN));
	credential = credential_fixed_new(&token);
	secret_release(&token);
	azure_rig_reopen(r, (struct store_opts){.credential = credential});
	return credential;
}

static void
the_key_signs_for_the_container(void **state)
{
	struct store_grant g;
	struct azure_rig r;

	(void)state;
	azure_rig_up(&r, NULL, 0);
	for (int alone = 0; alone < 2; alone++) {
		azure_rig_ok(&r, read_all(&r, alone, &g));
		assert_null(g.authorization);
		assert_int_equal(g.expires_ms, INT64_C(1795242529000));
		assert_url(&g, "a/b c?.gz", NULL,
		    "/acct/cont/pre%20fix/a/b%20c%3F.gz?sv=2025-11-05&sr=c"
		    "&sp=r&se=2026-11-21T06%3A28%3A49Z&sig=");
		assert_url(&g, "a", "2026-11-20T00:00:00.0000001Z",
		    "/pre%20fix/a?snapshot=2026-11-20T00%3A00%3A00.0000001Z"
		    "&sv=2025-11-05&sr=c");
		store_grant_release(&g);
	}
	azure_rig_down(&r);
}

static void
the_stores_own_sas_is_lent(void **state)
{
	struct secret sas = {.data = (char *)"se=2026-11-21T06%3A28Z&" SAS};
	struct store_grant g;
	struct azure_rig r;

	(void)state;
	sas.len = strlen(sas.data);
	azure_rig_up(&r, NULL, 0);
	azure_rig_reopen(&r, (struct store_opts){.sas = &sas});
	azure_rig_ok(&r, read_all(&r, true, &g));
	assert_int_equal(g.expires_ms, INT64_C(1795242480000));
	assert_url(&g, "\xc3\xa9", NULL,
	    "/pre%20fix/%C3%A9?se=2026-11-21T06%3A28Z&" SAS);
	store_grant_release(&g);
	azure_rig_down(&r);
}

static void
an_identity_gives_its_token_or_a_signed_url(void **state)
{
	static const struct azure_step steps[] = {{200, NULL, KEY, ANSWER}};
	struct credential *credential;
	struct store_grant g;
	struct azure_rig r;

	(void)state;
	RIG(&r, steps);
	credential = reopen_by_token(&r);
	azure_rig_ok(&r, read_all(&r, false, &g));
	assert_string_equal(g.authorization, "Bearer " TOKEN);
	assert_null(strchr(g.url, '?'));
	assert_url(&g, "a", "2026", "/pre%20fix/a?snapshot=2026");
	store_grant_release(&g);

	azure_rig_ok(&r, read_all(&r, true, &g));
	assert_null(g.authorization);
	assert_url(&g, "a", NULL,
	    "/pre%20fix/a?sv=2025-11-05&sr=c&sp=r"
	    "&se=2026-11-21T06%3A28%3A49Z&skoid=oid-1");
	store_grant_release(&g);
	azure_rig_down(&r);
	credential->ops->free(credential);
}

static void
an_identity_without_such_a_key_cannot_sign(void **state)
{
	static const struct azure_step steps[] = {
	    {403, CODE("AuthorizationPermissionMismatch"), NULL, ANSWER}};
	struct credential *credential;
	struct store_grant g;
	struct azure_rig r;

	(void)state;
	RIG(&r, steps);
	credential = reopen_by_token(&r);
	azure_rig_fails(&r, read_all(&r, true, &g), ERR_UNSUPPORTED,
	    "the role Storage Blob Delegator");
	assert_null(g.url);
	azure_rig_down(&r);
	credential->ops->free(credential);
}

static void
a_name_that_no_url_can_carry_is_refused(void **state)
{
	const struct store_grant g = {.url = (char *)"http://h/c/?sig=x"};
	char name[BLOB_NAME_MAX + 2];
	struct err err = {0};
	struct buf url;

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	buf_init(&url, 1024);
	assert_int_equal(store_grant_url(&g, "a/../b", NULL, &url, &err), -1);
	assert_int_equal(err.kind, ERR_USAGE);
	assert_int_equal(store_grant_url(&g, name, NULL, &url, &err), -1);
	assert_int_equal(err.kind, ERR_USAGE);
	assert_int_equal(url.len, 0);
	name[BLOB_NAME_MAX] = '\0';
	assert_int_equal(store_grant_url(&g, name, NULL, &url, &err), -1);
	assert_int_equal(err.kind, ERR_CORRUPT);
	buf_release(&url);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_key_signs_for_the_container),
	    cmocka_unit_test(the_stores_own_sas_is_lent),
	    cmocka_unit_test(an_identity_gives_its_token_or_a_signed_url),
	    cmocka_unit_test(an_identity_without_such_a_key_cannot_sign),
	    cmocka_unit_test(a_name_that_no_url_can_carry_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
