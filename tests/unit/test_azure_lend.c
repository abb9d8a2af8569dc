/* Lending on bytes: what is asked of the service, and what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/credential.h"
#include "base/err.h"
#include "base/secret.h"
#include "storage/store.h"
#include "storage/store_open.h"
#include "tests/sim/azure_rig.h"

#define HOUR_MS INT64_C(3600000)

/* The rig's clock stands at 2026-11-21T06:27:49Z. */
#define KEY(expiry) \
	"<?xml version=\"1.0\" encoding=\"utf-8\"?><UserDelegationKey>" \
	"<SignedOid>oid-1</SignedOid><SignedTid>tid-2</SignedTid>" \
	"<SignedStart>2026-11-21T06:12:49Z</SignedStart>" \
	"<SignedExpiry>" expiry "</SignedExpiry><SignedService>b" \
	"</SignedService><SignedVersion>2025-11-05</SignedVersion>" \
	"<Value>c2VjcmV0LWtleQ==</Value></UserDelegationKey>"

static struct store *
lent(struct azure_rig *r, const char *name)
{
	struct store *s = r->store->ops->lend->open(r->store, name, &r->err);

	if (s == NULL)
		fail_msg("%s", r->err.text);
	return s;
}

static int
url_of(struct azure_rig *r, struct store *s, const char *blob, int64_t valid_ms,
    char **url)
{
	const struct lent_right right = {.valid_ms = valid_ms};

	*url = NULL;
	r->err = (struct err){0};
	return s->ops->lend->url(s, &r->scope, blob, &right, url, &r->err);
}

static void
a_container_is_made_and_destroyed_beside_the_stores(void **state)
{
	static const struct azure_step steps[] = {
	    AZURE_LOST,
	    {409, CODE("ContainerAlreadyExists"), NULL, ANSWER},
	    {202, NULL, NULL, ANSWER},
	    {404, CODE("ContainerNotFound"), NULL, ANSWER},
	    {409, CODE("ContainerBeingDeleted"), NULL, ANSWER},
	    {403, CODE("AuthorizationFailure"), NULL, ANSWER},
	};
	struct azure_rig r;
	struct store *s;

	(void)state;
	RIG(&r, steps);
	s = lent(&r, "nightly-export");
	azure_rig_ok(&r, s->ops->lend->create(s, &r.scope, &r.err));
	azure_rig_sent(&r, 1, "PUT /acct/nightly-export?restype=container ");
	for (int i = 0; i < 3; i++)
		azure_rig_ok(&r, s->ops->lend->destroy(s, &r.scope, &r.err));
	azure_rig_sent(&r, 2, "DELETE /acct/nightly-export?restype=container ");
	azure_rig_fails(&r, s->ops->lend->destroy(s, &r.scope, &r.err),
	    ERR_AUTH, "nightly-export");
	store_free(s);
	azure_rig_down(&r);
}

static void
what_was_not_lent_is_never_destroyed(void **state)
{
	struct azure_rig r;

	(void)state;
	azure_rig_up(&r, NULL, 0);
	azure_rig_fails(&r,
	    r.store->ops->lend->destroy(r.store, &r.scope, &r.err), ERR_USAGE,
	    "nothing lent");
	assert_null(r.store->ops->lend->open(r.store, "Not/a name", &r.err));
	assert_int_equal(r.err.kind, ERR_USAGE);
	azure_rig_down(&r);
}

static void
by_the_key_nothing_is_asked(void **state)
{
	struct azure_rig r;
	struct store *s;
	char *url;

	(void)state;
	azure_rig_up(&r, NULL, 0);
	s = lent(&r, "nightly-export");
	azure_rig_ok(&r, url_of(&r, s, NULL, 2 * HOUR_MS, &url));
	assert_non_null(strstr(url,
	    "/acct/nightly-export?sv=2025-11-05&sr=c&sp=racwdtm&"
	    "se=2026-11-21T08%3A27%3A49Z&sig="));
	store_lent_url_free(url);
	azure_rig_ok(&r, url_of(&r, r.store, "a b", 2 * HOUR_MS, &url));
	assert_non_null(
	    strstr(url, "/acct/cont/pre%20fix/a%20b?sv=2025-11-05&sr=b&sp=r&"));
	store_lent_url_free(url);
	store_free(s);
	azure_rig_down(&r);
}

static void
other_rights_are_given_as_they_are_asked_for(void **state)
{
	static const struct lent_right list = {
	    .valid_ms = 2 * HOUR_MS, .permissions = "rwdl"};
	static const struct lent_right none = {.none = true};
	const struct store_lend_ops *ops;
	struct azure_rig r;
	struct store *s;
	char *url;

	(void)state;
	azure_rig_up(&r, NULL, 0);
	s = lent(&r, "nightly-export");
	ops = s->ops->lend;
	azure_rig_ok(&r, ops->url(s, &r.scope, NULL, &list, &url, &r.err));
	assert_non_null(strstr(url, "&sr=c&sp=rwdl&se="));
	store_lent_url_free(url);
	/* To who reaches it by an identity of its own. */
	azure_rig_ok(&r, ops->url(s, &r.scope, NULL, &none, &url, &r.err));
	assert_string_equal(url, s->url);
	store_lent_url_free(url);
	azure_rig_ok(
	    &r, ops->url(r.store, &r.scope, "a b", &none, &url, &r.err));
	assert_non_null(strstr(url, "/acct/cont/pre%20fix/a%20b"));
	assert_null(strchr(url, '?'));
	store_lent_url_free(url);
	store_free(s);
	azure_rig_down(&r);
}

static void
reopen_by_token(struct azure_rig *r, struct credential **credential)
{
	struct secret token = {0};

	secret_set(&token, TOKEN, strlen(TOKEN));
	*credential = credential_fixed_new(&token);
	secret_release(&token);
	azure_rig_reopen(r, (struct store_opts){.credential = *credential});
}

static void
an_identitys_key_is_kept_until_a_sas_would_outlive_it(void **state)
{
	static const struct azure_step steps[] = {
	    {200, NULL, KEY("2026-11-21T09:27:49Z"), ANSWER},
	    {200, NULL, KEY("2026-11-21T11:27:49Z"), ANSWER},
	    {200, NULL, KEY("2026-11-21T11:27:49Z"), ANSWER},
	};
	struct credential *credential;
	struct azure_rig r;
	char *url;

	(void)state;
	RIG(&r, steps);
	reopen_by_token(&r, &credential);
	for (int i = 0; i < 2; i++) {
		azure_rig_ok(&r, url_of(&r, r.store, "a", 2 * HOUR_MS, &url));
		assert_non_null(strstr(url, "&skoid=oid-1&sktid=tid-2&skt="));
		assert_null(strstr(url, TOKEN));
		store_lent_url_free(url);
	}
	azure_rig_sent(
	    &r, 0, "POST /acct/?restype=service&comp=userdelegationkey ");
	azure_rig_sent(&r, 0,
	    "<Start>2026-11-21T06:12:49Z</Start>"
	    "<Expiry>2026-11-21T09:27:49Z</Expiry>");
	azure_rig_sent(&r, 0, "Authorization: Bearer " TOKEN);
	azure_rig_ok(&r, url_of(&r, r.store, "a", 4 * HOUR_MS, &url));
	store_lent_url_free(url);

	/* The service gave less than was asked for. */
	azure_rig_fails(&r, url_of(&r, r.store, "a", 6 * HOUR_MS, &url),
	    ERR_SERVER, "too early");
	azure_rig_fails(&r, url_of(&r, r.store, "a", 7 * 24 * HOUR_MS, &url),
	    ERR_USAGE, "at most 7 days");
	azure_rig_down(&r);
	credential->ops->free(credential);
}

static void
an_answer_that_is_no_key_is_an_error(void **state)
{
	static const struct azure_step steps[] = {
	    {200, NULL, "<UserDelegationKey/>", ANSWER},
	    {200, NULL, KEY("never"), ANSWER},
	    {403, CODE("AuthorizationPermissionMismatch"), NULL, ANSWER},
	};
	struct credential *credential;
	struct azure_rig r;
	char *url;

	(void)state;
	RIG(&r, steps);
	reopen_by_token(&r, &credential);
	azure_rig_fails(&r, url_of(&r, r.store, "a", HOUR_MS, &url),
	    ERR_CORRUPT, "no user delegation key");
	azure_rig_fails(
	    &r, url_of(&r, r.store, "a", HOUR_MS, &url), ERR_CORRUPT, "never");
	azure_rig_fails(&r, url_of(&r, r.store, "a", HOUR_MS, &url), ERR_AUTH,
	    "AuthorizationPermissionMismatch");
	azure_rig_down(&r);
	credential->ops->free(credential);
}

static void
what_cannot_be_lent_says_what_to_do(void **state)
{
	struct secret sas = {.data = (char *)SAS, .len = sizeof(SAS) - 1};
	struct err err = {0};
	struct azure_rig r;
	struct store *file;
	char *url;

	(void)state;
	azure_rig_up(&r, NULL, 0);
	assert_int_equal(store_lend_check(r.store, &r.err), 0);
	azure_rig_reopen(&r, (struct store_opts){.sas = &sas});
	azure_rig_fails(&r, store_lend_check(r.store, &r.err), ERR_UNSUPPORTED,
	    "takes the account's key, or an identity");
	assert_null(r.store->ops->lend->open(r.store, "container", &r.err));
	azure_rig_fails(&r, url_of(&r, r.store, "a", HOUR_MS, &url),
	    ERR_UNSUPPORTED, "opened by a SAS");
	azure_rig_down(&r);

	file = store_open("file:///tmp", &(struct store_opts){0}, &err);
	assert_non_null(file);
	assert_int_equal(store_lend_check(file, &err), -1);
	assert_int_equal(err.kind, ERR_UNSUPPORTED);
	assert_non_null(strstr(err.text, "'file:///tmp'"));
	assert_non_null(strstr(err.text, "a container of a storage account"));
	store_free(file);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		a_container_is_made_and_destroyed_beside_the_stores),
	    cmocka_unit_test(what_was_not_lent_is_never_destroyed),
	    cmocka_unit_test(by_the_key_nothing_is_asked),
	    cmocka_unit_test(other_rights_are_given_as_they_are_asked_for),
	    cmocka_unit_test(
		an_identitys_key_is_kept_until_a_sas_would_outlive_it),
	    cmocka_unit_test(an_answer_that_is_no_key_is_an_error),
	    cmocka_unit_test(what_cannot_be_lent_says_what_to_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
