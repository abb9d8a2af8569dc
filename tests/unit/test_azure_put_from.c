/* Put Blob From URL on bytes: what is sent, and what each answer means. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/credential.h"
#include "base/err.h"
#include "base/secret.h"
#include "storage/blob_traits.h"
#include "storage/store.h"
#include "tests/sim/azure_rig.h"

#define SOURCE "https://src.example/c/b?sig=c2VjcmV0"
#define BUSY   CODE("CannotVerifyCopySource") "x-ms-copy-source-error-code: "

struct bell {
	pthread_mutex_t lock;
	pthread_cond_t rung;
	unsigned times;
};

static void
ring(void *arg)
{
	struct bell *b = arg;

	pthread_mutex_lock(&b->lock);
	b->times++;
	pthread_cond_signal(&b->rung);
	pthread_mutex_unlock(&b->lock);
}

static void
bell_wait(struct bell *b, unsigned times)
{
	pthread_mutex_lock(&b->lock);
	while (b->times < times)
		pthread_cond_wait(&b->rung, &b->lock);
	pthread_mutex_unlock(&b->lock);
}

#define BELL \
	{ \
		.lock = PTHREAD_MUTEX_INITIALIZER, \
		.rung = PTHREAD_COND_INITIALIZER \
	}

static const struct put_from plain = {
    .blob = "a+b/\xc3\xa9?#%",
    .src_url = SOURCE,
    .src_etag = "\"0x9\"",
};

static struct put_call *
begin(struct azure_rig *r, const struct put_from *what, struct bell *b)
{
	r->err = (struct err){0};
	return r->store->ops->copy->put_begin(
	    r->store, &r->scope, what, ring, b, &r->err);
}

static int
put(struct azure_rig *r, const struct put_from *what, struct blob_props *props)
{
	struct bell b = BELL;
	struct put_call *call = begin(r, what, &b);

	if (call == NULL)
		return -1;
	bell_wait(&b, 1);
	return r->store->ops->copy->put_end(call, props, &r->err);
}

static void
it_gives_all_that_the_blob_is_to_carry(void **state)
{
	static const struct azure_step steps[] = {{201,
	    "ETag: \"0x2\"\r\nLast-Modified: Sun, 22 Nov 2026 00:00:01 GMT\r\n"
	    "Content-MD5: MDEyMzQ1Njc4OWFiY2RlZg==\r\n",
	    NULL, ANSWER}};
	static struct trait metadata[] = {{"drsync_source", "id:0x9"}};
	static struct trait tags[] = {{"k", "v w"}};
	const struct blob_traits traits = {
	    .content_type = "text/plain",
	    .cache_control = "no-cache",
	    .metadata = {metadata, 1},
	    .tags = {tags, 1},
	    .tags_told = true,
	    .tier = TIER_COLD,
	};
	struct put_from what = plain;
	struct blob_props props;
	struct azure_rig r;

	(void)state;
	what.src_authorization = "Bearer " TOKEN;
	what.src_md5 = (const unsigned char *)"0123456789abcdef";
	what.traits = &traits;
	what.cond = (struct store_cond){.if_match = "\"0x1\""};
	RIG(&r, steps);
	azure_rig_ok(&r, put(&r, &what, &props));
	azure_rig_sent(
	    &r, 0, "PUT /acct/cont/pre%20fix/a%2Bb/%C3%A9%3F%23%25 HTTP");
	azure_rig_sent(&r, 0, "x-ms-copy-source: " SOURCE "\r\n");
	azure_rig_sent(
	    &r, 0, "x-ms-copy-source-authorization: Bearer " TOKEN "\r\n");
	azure_rig_sent(&r, 0, "x-ms-source-if-match: \"0x9\"\r\n");
	azure_rig_sent(
	    &r, 0, "x-ms-source-content-md5: MDEyMzQ1Njc4OWFiY2RlZg==\r\n");
	azure_rig_sent(&r, 0, "x-ms-blob-type: BlockBlob\r\n");
	azure_rig_sent(&r, 0, "x-ms-copy-source-blob-properties: false\r\n");
	azure_rig_sent(&r, 0, "x-ms-blob-content-type: text/plain\r\n");
	azure_rig_sent(&r, 0, "x-ms-blob-cache-control: no-cache\r\n");
	azure_rig_sent(&r, 0, "x-ms-meta-drsync_source: id:0x9\r\n");
	azure_rig_sent(&r, 0, "x-ms-tags: k=v%20w\r\n");
	azure_rig_sent(&r, 0, "x-ms-access-tier: Cold\r\n");
	azure_rig_sent(&r, 0, "If-Match: \"0x1\"\r\n");
	azure_rig_sent(&r, 0, "Content-Length: 0\r\n");
	azure_rig_sent(&r, 0, "x-ms-version: 2025-11-05\r\n");
	azure_rig_sent(&r, 0, "Authorization: SharedKey acct:");
	assert_string_equal(props.etag, "\"0x2\"");
	assert_int_equal(props.modified_ms, INT64_C(1795305601000));
	assert_true(props.has_md5);
	assert_memory_equal(props.md5, "0123456789abcdef", MD5_BYTES);
	azure_rig_down(&r);
}

static void
without_traits_it_takes_the_sources_own(void **state)
{
	static const struct azure_step steps[] = {AZURE_DONE};
	struct put_from what = plain;
	struct blob_props props;
	struct azure_rig r;

	(void)state;
	what.cond.if_absent = true;
	RIG(&r, steps);
	azure_rig_ok(&r, put(&r, &what, &props));
	azure_rig_sent(&r, 0, "x-ms-copy-source-blob-properties: true\r\n");
	azure_rig_sent(&r, 0, "If-None-Match: *\r\n");
	assert_false(azure_rig_has_sent(&r, 0, "x-ms-meta-"));
	assert_false(azure_rig_has_sent(&r, 0, "x-ms-blob-content"));
	assert_false(azure_rig_has_sent(&r, 0, "x-ms-source-content-md5"));
	assert_false(azure_rig_has_sent(&r, 0, "copy-source-authorization"));
	assert_false(props.has_md5);
	azure_rig_down(&r);
}

static void
one_attempt_says_what_it_came_to(void **state)
{
	static const struct {
		struct azure_step step;
		enum err_kind kind;
		const char *says;
	} cases[] = {
	    {{501, NULL, NULL, ANSWER}, ERR_UNSUPPORTED,
		"the service does not copy it: 501"},
	    {{403, CODE("CannotVerifyCopySource"), NULL, ANSWER},
		ERR_UNSUPPORTED, "cannot reach or read the source"},
	    {{412, CODE("SourceConditionNotMet"), NULL, ANSWER}, ERR_CONFLICT,
		"the source was changed"},
	    {{412, CODE("ConditionNotMet"), NULL, ANSWER}, ERR_CONFLICT,
		"another has written it"},
	    {{409, CODE("BlobAlreadyExists"), NULL, ANSWER}, ERR_CONFLICT,
		"another has made it"},
	    {{412, CODE("LeaseIdMissing"), NULL, ANSWER}, ERR_LOCKED,
		"it is leased by another"},
	    {{400, CODE("Md5Mismatch"), NULL, ANSWER}, ERR_CORRUPT,
		"the source's bytes have not the MD5"},
	    {AZURE_BUSY, ERR_TRANSIENT, "ServerBusy"},
	    {{403, BUSY "ServerBusy\r\n", NULL, ANSWER}, ERR_TRANSIENT,
		"copying from a URL 'a+b/"},
	    {{.how = CUT, .status = 201}, ERR_TRANSIENT, "copying"},
	    {{.how = STALL}, ERR_TRANSIENT, "stalled"},
	    {{201, NULL, NULL, ANSWER}, ERR_CORRUPT, "without an ETag"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct blob_props props;
		struct azure_rig r;

		azure_rig_up(&r, &cases[i].step, 1);
		azure_rig_fails(
		    &r, put(&r, &plain, &props), cases[i].kind, cases[i].says);
		azure_rig_down(&r);
	}
}

/* Neither name nor arrays of the caller's are looked at later. */
static void
many_are_under_way_at_once(void **state)
{
	enum { MANY = 8 };
	static struct azure_step steps[MANY];
	struct put_call *calls[MANY];
	struct bell b = BELL;
	struct azure_rig r;

	(void)state;
	for (size_t i = 0; i < MANY; i++)
		steps[i] = (struct azure_step)AZURE_DONE;
	RIG(&r, steps);
	for (size_t i = 0; i < MANY; i++) {
		char *name = strdup("gone at once");
		struct put_from what = plain;

		what.blob = name;
		calls[i] = begin(&r, &what, &b);
		assert_non_null(calls[i]);
		memset(name, 'x', strlen(name));
		free(name);
	}
	bell_wait(&b, MANY);
	for (size_t i = 0; i < MANY; i++) {
		struct blob_props props;

		azure_rig_ok(
		    &r, r.store->ops->copy->put_end(calls[i], &props, &r.err));
		assert_string_equal(props.etag, "\"0x2\"");
		azure_rig_sent(&r, i, "/gone%20at%20once HTTP");
	}
	azure_rig_down(&r);
}

static void
what_cannot_be_asked_is_told_at_once(void **state)
{
	struct put_from what = plain;
	char url[2100];
	struct bell b = BELL;
	struct azure_rig r;

	(void)state;
	memset(url, 'x', sizeof(url) - 1);
	url[sizeof(url) - 1] = '\0';
	azure_rig_up(&r, NULL, 0);
	what.src_url = url;
	assert_null(begin(&r, &what, &b));
	azure_rig_fails(&r, -1, ERR_UNSUPPORTED, "2048 bytes");
	what = plain;
	what.blob = "a/../b";
	assert_null(begin(&r, &what, &b));
	azure_rig_fails(&r, -1, ERR_USAGE, "cannot name a blob");
	what = plain;
	what.src_etag = "\"a\"\r\nx-ms-meta-b: c";
	assert_null(begin(&r, &what, &b));
	azure_rig_fails(&r, -1, ERR_USAGE, "copying from a URL 'a+b/");
	assert_int_equal(b.times, 0);
	azure_rig_down(&r);
}

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

	(void)scope;
	(void)resource;
	(void)err;
	*token = (struct token){.expires_ms = INT64_MAX};
	secret_set(&token->value, t->forgotten > 0 ? TOKEN "-b" : TOKEN "-a",
	    strlen(TOKEN) + 2);
	return 0;
}

static void
tokens_forget(struct credential *c, const char *resource)
{
	(void)resource;
	((struct tokens *)c)->forgotten++;
}

static void
a_refused_token_is_asked_for_again_once(void **state)
{
	static const struct credential_ops ops = {
	    .get = tokens_get, .forget = tokens_forget};
	static const struct azure_step steps[] = {
	    {401, CODE("InvalidAuthenticationInfo"), NULL, ANSWER},
	    AZURE_DONE,
	    {401, CODE("InvalidAuthenticationInfo"), NULL, ANSWER},
	    {401, CODE("InvalidAuthenticationInfo"), NULL, ANSWER},
	};
	struct tokens tokens = {.base.ops = &ops};
	struct blob_props props;
	struct azure_rig r;

	(void)state;
	RIG(&r, steps);
	azure_rig_reopen(&r, (struct store_opts){.credential = &tokens.base});
	azure_rig_ok(&r, put(&r, &plain, &props));
	azure_rig_sent(&r, 0, "Authorization: Bearer " TOKEN "-a\r\n");
	azure_rig_sent(&r, 1, "Authorization: Bearer " TOKEN "-b\r\n");
	azure_rig_fails(&r, put(&r, &plain, &props), ERR_AUTH, "401");
	azure_rig_down(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(it_gives_all_that_the_blob_is_to_carry),
	    cmocka_unit_test(without_traits_it_takes_the_sources_own),
	    cmocka_unit_test(one_attempt_says_what_it_came_to),
	    cmocka_unit_test(many_are_under_way_at_once),
	    cmocka_unit_test(what_cannot_be_asked_is_told_at_once),
	    cmocka_unit_test(a_refused_token_is_asked_for_again_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
