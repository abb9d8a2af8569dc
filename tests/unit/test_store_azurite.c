/*
 * The Azure driver on Azurite: the conformance suite by each kind of right,
 * and what takes two accounts or a wrong one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/chunk.h"
#include "base/credential.h"
#include "base/err.h"
#include "base/http.h"
#include "base/scope.h"
#include "storage/blob_traits.h"
#include "storage/store.h"
#include "storage/store_open.h"
#include "tests/sim/azurite.h"
#include "tests/sim/store_conformance.h"
#include "tests/sim/test_ca.h"

#define CONTAINER "drsync"
#define WAIT_MS	  60000

/* An Azurite with a container in each account, started when first needed. */
struct place {
	bool tls;
	struct test_ca *ca;
	struct azurite *azurite;
	struct http *http;
};

static struct scope
patience(void)
{
	struct scope root = scope_root(NULL);

	return scope_within(&root, WAIT_MS);
}

static void
place_need(struct place *p)
{
	struct http_opts opts = {0};
	struct scope scope = patience();
	struct err err = {0};

	azurite_require();
	if (p->azurite != NULL)
		return;
	if (p->tls) {
		p->ca = test_ca_new();
		opts.ca_file = test_ca_file(p->ca);
	}
	p->azurite = azurite_start(p->ca);
	p->http = http_new(&opts, &err);
	if (p->http == NULL ||
	    azurite_create_container(p->azurite, p->http, &scope,
		AZURITE_SOURCE, CONTAINER, &err) != 0 ||
	    azurite_create_container(
		p->azurite, p->http, &scope, AZURITE_DR, CONTAINER, &err) != 0)
		fail_msg("%s", err.text);
}

static void
place_release(struct place *p)
{
	if (p->http != NULL)
		http_free(p->http);
	azurite_stop(p->azurite);
	test_ca_free(p->ca);
}

static struct store *
open_with(struct place *p, const char *account, const char *tail,
    struct store_opts *opts)
{
	char *url = azurite_url(p->azurite, account, tail);
	struct err err = {0};
	struct store *s;

	opts->http = p->http;
	s = store_open(url, opts, &err);
	if (s == NULL)
		fail_msg("%s", err.text);
	free(url);
	return s;
}

static struct store *
open_by_key_below(struct place *p, const char *account, const char *tail)
{
	struct store_opts opts = {0};

	place_need(p);
	opts.key = azurite_key(p->azurite, account);
	return open_with(p, account, tail, &opts);
}

/* With a prefix of the store's own, which the suite must never see. */
static struct store *
open_by_key(void *arg)
{
	return open_by_key_below(
	    arg, AZURITE_SOURCE, CONTAINER "/our%20own/pr%C3%A9fix+");
}

static struct store *
open_by_sas(void *arg)
{
	struct place *p = arg;
	struct secret sas = {0};
	struct store_opts opts = {.sas = &sas};
	struct store *s;

	place_need(p);
	azurite_container_sas(
	    p->azurite, AZURITE_SOURCE, CONTAINER, "racwdlt", &sas);
	s = open_with(p, AZURITE_SOURCE, CONTAINER "/by-sas", &opts);
	secret_release(&sas);
	return s;
}

/* What stores by token borrow. */
struct by_token {
	struct place *place;
	struct credential *credential;
	struct store_ops ops;
};

static struct store *
open_by_token(void *arg)
{
	struct by_token *t = arg;
	struct store_opts opts = {0};
	struct store *s;

	place_need(t->place);
	if (t->credential == NULL) {
		struct secret token = {0};

		azurite_token(&token);
		t->credential = credential_fixed_new(&token);
		secret_release(&token);
	}
	opts.credential = t->credential;
	s = open_with(t->place, AZURITE_SOURCE, CONTAINER, &opts);

	/* Azurite takes no token for the source of a copy; Azure does. */
	t->ops = *s->ops;
	t->ops.caps &= ~(unsigned)STORE_CAP_COPY_FROM_URL;
	s->ops = &t->ops;
	return s;
}

static void
put(struct store *s, const char *name, const char *text,
    struct blob_props *props)
{
	struct scope scope = patience();
	struct err err = {0};

	if (store_put(s, &scope, name, text, strlen(text), NULL, props, &err) !=
	    0)
		fail_msg("%s", err.text);
}

static void
assert_holds(struct store *s, const char *name, const char *text)
{
	struct scope scope = patience();
	struct err err = {0};
	struct buf got;

	buf_init(&got, 1 << 20);
	if (store_get(s, &scope, name, 1 << 20, &got, NULL, &err) != 0)
		fail_msg("%s", err.text);
	assert_string_equal(got.data, text);
	buf_release(&got);
}

/* Stage and commit all of what stands at from as one block at to. */
static int
copy(struct store *to, const char *name, const struct store_grant *from,
    const struct blob_props *src, struct err *err)
{
	const struct block_id id = {"00000000000000ab00000000"};
	const struct commit_opts opts = {.cond.if_absent = true};
	struct scope scope = patience();

	*err = (struct err){0};
	if (to->ops->copy->stage_from(
		to, &scope, name, &id, from, src->etag, 0, src->size, err) != 0)
		return -1;
	return to->ops->commit(to, &scope, name, &id, 1, &opts, NULL, err);
}

static void
copies_between_two_accounts_by_key_and_by_sas(void **state)
{
	struct place *p = *state;
	struct store *source = open_by_key(p);
	struct store *sas = open_by_sas(p);
	struct store *dr = open_by_key_below(p, AZURITE_DR, CONTAINER "/dr");
	struct store *from[] = {source, sas};
	struct scope scope = patience();
	struct err err = {0};

	for (size_t i = 0; i < 2; i++) {
		static const char *const names[] = {
		    "by key/\xc3\xa9 +%?#.gz", "by sas/\xc3\xa9 +%?#.gz"};
		struct store_grant grant = {0};
		struct blob_props props;

		put(from[i], names[i], "from the source's region", &props);
		assert_int_equal(from[i]->ops->grant->read(from[i], &scope,
				     names[i], 600000, &grant, &err),
		    0);
		assert_null(grant.authorization);
		assert_true(grant.expires_ms > scope_wall_ms(&scope) + 500000);
		if (copy(dr, names[i], &grant, &props, &err) != 0)
			fail_msg("%s", err.text);
		assert_holds(dr, names[i], "from the source's region");
		store_grant_release(&grant);
	}
	store_free(source);
	store_free(sas);
	store_free(dr);
}

static void
a_copy_without_leave_to_read_is_unsupported(void **state)
{
	struct place *p = *state;
	struct store *source = open_by_key(p);
	struct store *dr = open_by_key_below(p, AZURITE_DR, CONTAINER "/dr");
	struct store_grant grant = {0}, bare = {0};
	struct scope scope = patience();
	struct blob_props props;
	struct err err = {0};

	put(source, "private", "text", &props);
	assert_int_equal(source->ops->grant->read(
			     source, &scope, "private", 600000, &grant, &err),
	    0);
	bare.url = strdup(grant.url);
	*strchr(bare.url, '?') = '\0';
	assert_int_equal(copy(dr, "private", &bare, &props, &err), -1);
	assert_int_equal(err.kind, ERR_UNSUPPORTED);
	assert_string_equal(err.code, "CannotVerifyCopySource");

	/* Azurite takes no token for the source; Azure does. */
	bare.authorization = strdup("Bearer secret-token");
	assert_int_equal(copy(dr, "private", &bare, &props, &err), -1);
	assert_int_equal(err.kind, ERR_UNSUPPORTED);
	assert_null(strstr(err.text, "secret-token"));

	store_grant_release(&grant);
	store_grant_release(&bare);
	store_free(source);
	store_free(dr);
}

static void
a_wrong_key_is_told_without_it(void **state)
{
	struct place *p = *state;
	struct store_opts opts = {0};
	struct scope scope = patience();
	struct blob_props props;
	struct err err = {0};
	struct store *s;

	place_need(p);
	opts.key = azurite_key(p->azurite, AZURITE_DR);
	s = open_with(p, AZURITE_SOURCE, CONTAINER, &opts);
	assert_int_equal(s->ops->stat(s, &scope, "x", &props, &err), -1);
	assert_int_equal(err.kind, ERR_AUTH);
	assert_int_equal(err.status, 403);
	assert_true(err.code[0] != '\0');
	assert_true(err.request_id[0] != '\0');
	assert_non_null(strstr(err.text, err.code));
	assert_non_null(strstr(err.text, err.request_id));
	assert_non_null(strstr(err.text, "check the key"));
	assert_null(strstr(err.text, opts.key->data));
	store_free(s);
}

static void
a_missing_container_is_told_from_a_missing_blob(void **state)
{
	struct place *p = *state;
	struct store *s = open_by_key_below(p, AZURITE_DR, "not-there");
	struct store *good = open_by_key_below(p, AZURITE_DR, CONTAINER);
	struct scope scope = patience();
	struct list_page page;
	struct blob_props props;
	struct err err = {0};

	assert_int_equal(s->ops->list(s, &scope, NULL, NULL, &page, &err), -1);
	assert_int_equal(err.kind, ERR_SERVER);
	assert_non_null(strstr(err.text, "container does not exist"));
	assert_int_equal(s->ops->stat(s, &scope, "a", &props, &err), -1);
	assert_int_equal(err.kind, ERR_SERVER);
	assert_non_null(strstr(err.text, "container does not exist"));
	assert_int_equal(
	    store_put(s, &scope, "a", "x", 1, NULL, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_SERVER);
	assert_non_null(strstr(err.text, "container does not exist"));
	assert_int_equal(s->ops->lease->acquire(s, &scope, "a", 15,
			     "01234567-0123-4123-8123-0123456789ab", &err),
	    -1);
	assert_int_equal(err.kind, ERR_SERVER);
	assert_non_null(strstr(err.text, "container does not exist"));

	err = (struct err){0};
	assert_int_equal(good->ops->stat(good, &scope, "a", &props, &err), -1);
	assert_int_equal(err.kind, ERR_MISSING);
	assert_null(strstr(err.text, "container does not exist"));
	store_free(s);
	store_free(good);
}

/* What two stores of one container show is theirs alone. */
static void
tags_without_the_right_to_them_are_not_told(void **state)
{
	struct trait tag = {"k", "v"};
	const struct blob_traits traits = {
	    .tags = {&tag, 1}, .tags_told = true};
	const struct commit_opts opts = {.traits = &traits};
	struct place *p = *state;
	struct secret sas = {0};
	struct store_opts by_sas = {.sas = &sas};
	struct scope scope = patience();
	struct store *key, *s;
	struct blob_view v;
	struct err err = {0};

	key = open_by_key_below(p, AZURITE_SOURCE, CONTAINER "/tagged");
	assert_int_equal(
	    store_put(key, &scope, "blob", "x", 1, &opts, NULL, &err), 0);
	azurite_container_sas(
	    p->azurite, AZURITE_SOURCE, CONTAINER, "racwdl", &sas);
	s = open_with(p, AZURITE_SOURCE, CONTAINER "/tagged", &by_sas);
	if (s->ops->traits->look(
		s, &scope, "blob", NULL, LIST_TAGS, &v, &err) != 0)
		fail_msg("%s", err.text);
	assert_false(v.traits.tags_told);
	assert_int_equal(v.props.size, 1);
	blob_view_release(&v);
	store_free(s);
	store_free(key);
	secret_release(&sas);
}

static void
a_container_is_made_once_and_found(void **state)
{
	struct store *s = open_by_key_below(
	    *state, AZURITE_DR, "made-when-asked");
	struct scope scope = patience();
	struct err err = {0};

	assert_int_equal(s->ops->traits->exists(s, &scope, &err), -1);
	assert_int_equal(err.kind, ERR_MISSING);
	for (int i = 0; i < 2; i++) {
		err = (struct err){0};
		if (s->ops->traits->create(s, &scope, &err) != 0)
			fail_msg("%s", err.text);
	}
	assert_int_equal(s->ops->traits->exists(s, &scope, &err), 0);
	store_free(s);
}

static void
a_tier_is_set_and_seen(void **state)
{
	const struct blob_traits cool = {
	    .tier = TIER_COOL, .tier_name = "Cool"};
	const struct blob_traits cold = {
	    .tier = TIER_COLD, .tier_name = "Cold"};
	const struct commit_opts opts = {.traits = &cool};
	struct store *s = open_by_key_below(
	    *state, AZURITE_SOURCE, CONTAINER "/tiers");
	const struct store_trait_ops *traits = s->ops->traits;
	struct scope scope = patience();
	struct blob_props props;
	struct blob_view v;
	struct err err = {0};

	assert_int_equal(
	    store_put(s, &scope, "blob", "x", 1, &opts, &props, &err), 0);
	assert_int_equal(traits->look(s, &scope, "blob", NULL, 0, &v, &err), 0);
	assert_int_equal(v.traits.tier, TIER_COOL);
	assert_false(v.traits.tier_is_inferred);
	blob_view_release(&v);
	if (traits->set(s, &scope, "blob", props.etag, TRAIT_TIER, &cold, NULL,
		&props, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(traits->look(s, &scope, "blob", NULL, 0, &v, &err), 0);
	assert_int_equal(v.traits.tier, TIER_COLD);
	assert_string_equal(v.props.etag, props.etag);
	blob_view_release(&v);
	store_free(s);
}

static void
a_prefix_is_a_wall(void **state)
{
	struct place *p = *state;
	struct store *a = open_by_key_below(p, AZURITE_DR, CONTAINER "/wall/a");
	struct store *all = open_by_key_below(p, AZURITE_DR, CONTAINER "/wall");
	struct store *b = open_by_key_below(
	    p, AZURITE_DR, CONTAINER "/wall/a%20b");
	struct scope scope = patience();
	struct list_page page;
	struct err err = {0};

	put(a, "one", "1", NULL);
	put(b, "two", "2", NULL);
	assert_int_equal(a->ops->list(a, &scope, NULL, NULL, &page, &err), 0);
	assert_int_equal(page.n, 1);
	assert_string_equal(page.items[0].name, "one");
	list_page_release(&page);
	assert_int_equal(
	    all->ops->list(all, &scope, NULL, NULL, &page, &err), 0);
	assert_int_equal(page.n, 2);
	list_page_release(&page);
	assert_holds(all, "a b/two", "2");
	store_free(a);
	store_free(b);
	store_free(all);
}

/* What a service does with a URL that it was lent: body NULL reads. */
static int
use_url(struct place *p, char *url, struct chunk *body, struct buf *got)
{
	struct http_request r = {.method = body != NULL ? "PUT" : "GET"};
	struct http_response response;
	struct scope scope = patience();
	struct err err = {0};
	int status;

	r.url = strdup(url);
	if (body != NULL) {
		http_headers_set(&r.headers, "x-ms-blob-type", "BlockBlob");
		http_headers_set(&r.headers, "x-ms-version", "2025-11-05");
		r.body = &body;
		r.nbody = 1;
	}
	if (http_do(p->http, &scope, &r, &response, &err) != 0)
		fail_msg("%s", err.text);
	status = response.status;
	if (got != NULL)
		buf_add(got, response.body.data, response.body.len);
	http_response_release(&response);
	http_request_release(&r);
	return status;
}

static char *
lent_url(struct store *s, const char *blob)
{
	struct scope scope = patience();
	const struct lent_right right = {.valid_ms = 7200000};
	struct err err = {0};
	char *url;

	if (s->ops->lend->url(s, &scope, blob, &right, &url, &err) != 0)
		fail_msg("%s", err.text);
	return url;
}

/* "https://.../container/blob?sas" of a container's. */
static char *
with_blob(const char *container_url, const char *blob)
{
	const char *query = strchr(container_url, '?');
	struct buf out;

	buf_init(&out, 8192);
	buf_add(&out, container_url, (size_t)(query - container_url));
	buf_addf(&out, "/%s%s", blob, query);
	return buf_take(&out);
}

static void
write_into(struct place *p, struct store *lent)
{
	struct chunk *body = chunk_view("exported", 8);
	char *container = lent_url(lent, NULL);
	char *blob = with_blob(container, "some%20name.gz");

	assert_int_equal(use_url(p, blob, body, NULL), 201);
	chunk_unref(body);
	free(blob);
	store_lent_url_free(container);
}

/* The right to write there is none to the store's own container. */
static void
read_one(struct place *p, struct store *lent)
{
	char *url = lent_url(lent, "some name.gz");
	struct chunk *body = chunk_view("x", 1);
	struct buf got;

	buf_init(&got, 1024);
	assert_int_equal(use_url(p, url, NULL, &got), 200);
	assert_string_equal(got.data, "exported");
	assert_int_equal(use_url(p, url, body, NULL), 403);
	chunk_unref(body);
	buf_release(&got);
	store_lent_url_free(url);
}

static void
lend_and_take_back(struct place *p, struct store *s)
{
	struct scope scope = patience();
	struct list_page page;
	struct err err = {0};
	struct store *lent = s->ops->lend->open(s, "job-20261121-export", &err);

	assert_non_null(lent);
	for (int i = 0; i < 2; i++)
		if (lent->ops->lend->create(lent, &scope, &err) != 0)
			fail_msg("%s", err.text);
	write_into(p, lent);
	if (lent->ops->list(lent, &scope, NULL, NULL, &page, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(page.n, 1);
	assert_string_equal(page.items[0].name, "some name.gz");
	assert_int_equal(page.items[0].props.type, BLOB_BLOCK);
	list_page_release(&page);
	read_one(p, lent);
	for (int i = 0; i < 2; i++)
		if (lent->ops->lend->destroy(lent, &scope, &err) != 0)
			fail_msg("%s", err.text);
	assert_int_equal(
	    lent->ops->list(lent, &scope, NULL, NULL, &page, &err), -1);
	assert_string_equal(err.code, "ContainerNotFound");
	store_free(lent);
}

static void
a_container_is_lent_by_the_key(void **state)
{
	struct store *s = open_by_key_below(*state, AZURITE_DR, CONTAINER);

	lend_and_take_back(*state, s);
	store_free(s);
}

static void
a_container_is_lent_by_an_identity(void **state)
{
	struct place *p = *state;
	struct by_token t = {.place = p};
	struct store *s = open_by_token(&t);

	lend_and_take_back(p, s);
	store_free(s);
	t.credential->ops->free(t.credential);
}

int
main(void)
{
	struct place plain = {0}, tls = {.tls = true};
	struct by_token token = {.place = &tls};
	struct conformance_env by_key = {.open = open_by_key, .arg = &plain};
	struct conformance_env by_sas = {.open = open_by_sas, .arg = &plain};
	struct conformance_env by_token = {
	    .open = open_by_token, .arg = &token};
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_prestate(
		copies_between_two_accounts_by_key_and_by_sas, &plain),
	    cmocka_unit_test_prestate(
		a_copy_without_leave_to_read_is_unsupported, &plain),
	    cmocka_unit_test_prestate(a_wrong_key_is_told_without_it, &plain),
	    cmocka_unit_test_prestate(
		a_missing_container_is_told_from_a_missing_blob, &plain),
	    cmocka_unit_test_prestate(
		tags_without_the_right_to_them_are_not_told, &plain),
	    cmocka_unit_test_prestate(
		a_container_is_made_once_and_found, &plain),
	    cmocka_unit_test_prestate(a_tier_is_set_and_seen, &plain),
	    cmocka_unit_test_prestate(a_prefix_is_a_wall, &plain),
	    cmocka_unit_test_prestate(a_container_is_lent_by_the_key, &plain),
	    cmocka_unit_test_prestate(a_container_is_lent_by_an_identity, &tls),
	};
	int failed = 0;

	failed += cmocka_run_group_tests(tests, NULL, NULL);
	if (!azurite_installed())
		return failed;
	failed += store_conformance_run("azurite by key", &by_key);
	failed += store_conformance_run("azurite by SAS", &by_sas);
	failed += store_conformance_run("azurite by token", &by_token);
	if (token.credential != NULL)
		token.credential->ops->free(token.credential);
	place_release(&plain);
	place_release(&tls);
	return failed;
}
