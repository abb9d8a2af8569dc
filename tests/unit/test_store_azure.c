/*
 * The Azure driver against a server that answers, resets, stalls and cuts as
 * each test lists.  Time is a fake clock's: retries sleep nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
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
#include "base/secret.h"
#include "storage/store.h"
#include "storage/store_open.h"
#include "tests/sim/fake_clock.h"
#include "tests/sim/script_http.h"

#define KEY   "c2VjcmV0LWtleS1vZi10aGUtdGVzdA=="
#define SAS   "sv=2025-11-05&sp=rw&sig=c2VjcmV0c2ln%3D"
#define TOKEN "secret-token"

#define REQUEST_ID "x-ms-request-id: 01234567-89ab\r\n"
#define CODE(code) REQUEST_ID "x-ms-error-code: " code "\r\n"
#define CREATED	   "ETag: \"0x2\"\r\n"

enum how { ANSWER, RESET, STALL, CUT };

/* What the server does with one request; after the last step it is over. */
struct step {
	int status;
	const char *headers;
	const char *body;
	enum how how;
};

struct rig {
	const struct step *steps;
	size_t nsteps;
	atomic_size_t next;
	struct script_server *server;
	struct http *http;
	struct fake_clock clock;
	struct scope scope;
	struct store *store;
	struct err err;
};

static int
take(struct script_conn *c, const struct step *s)
{
	const char *body = s->body != NULL ? s->body : "";

	switch (s->how) {
	case RESET:
		script_reset(c);
		return -1;
	case STALL:
		script_stall(c);
		return -1;
	case CUT:
		script_sendf(c,
		    "HTTP/1.1 %d Cut\r\nContent-Length: 1000\r\n%s"
		    "\r\n%s",
		    s->status, s->headers != NULL ? s->headers : "", body);
		script_close(c);
		return -1;
	case ANSWER:
		break;
	}
	return script_http_answer(c, s->status, s->headers, body, strlen(body));
}

static void
follow(struct script_conn *c, void *arg)
{
	struct rig *r = arg;
	struct script_request request;
	int rc = 0;

	while (rc == 0 && script_http_read(c, &request) == 0) {
		size_t i = atomic_fetch_add(&r->next, 1);

		if (i < r->nsteps)
			rc = take(c, &r->steps[i]);
		else
			rc = script_fail(c, "not expected: %s", request.head);
		script_http_release(&request);
	}
	script_http_release(&request);
}

static struct store *
open_with(struct rig *r, struct store_opts *opts)
{
	char *url = script_server_url(r->server, "/acct/cont/pre%20fix");
	struct store *s;

	opts->http = r->http;
	s = store_open(url, opts, &r->err);
	if (s == NULL)
		fail_msg("%s", r->err.text);
	free(url);
	return s;
}

static void
rig_up(struct rig *r, const struct step *steps, size_t n)
{
	const struct http_opts http = {.stall_timeout_ms = 300};
	struct secret key = {.data = (char *)KEY, .len = strlen(KEY)};
	struct store_opts opts = {.key = &key};

	*r = (struct rig){.steps = steps, .nsteps = n};
	r->scope = fake_clock_init(&r->clock);
	r->clock.wall_ms = INT64_C(1795242469000);
	r->scope = scope_within(&r->scope, 100000);
	r->server = script_server_new(NULL, follow, r);
	r->http = http_new(&http, &r->err);
	assert_non_null(r->http);
	r->store = open_with(r, &opts);
}

#define RIG(r, steps) rig_up(r, steps, sizeof(steps) / sizeof(*(steps)))

/* Every step was taken, and no error holds a secret. */
static void
rig_down(struct rig *r)
{
	static const char *const secrets[] = {
	    KEY, "c2VjcmV0", TOKEN, "SharedKey ", "Bearer "};

	if (script_server_failure(r->server) != NULL)
		fail_msg("%s", script_server_failure(r->server));
	assert_int_equal(atomic_load(&r->next), r->nsteps);
	for (size_t i = 0; i < sizeof(secrets) / sizeof(*secrets); i++)
		assert_null(strstr(r->err.text, secrets[i]));
	store_free(r->store);
	http_free(r->http);
	script_server_free(r->server);
}

static void
assert_ok(struct rig *r, int rc)
{
	if (rc != 0)
		fail_msg("kind %d: %s", r->err.kind, r->err.text);
}

static void
assert_fails(struct rig *r, int rc, enum err_kind kind, const char *says)
{
	assert_int_equal(rc, -1);
	if (r->err.kind != kind || strstr(r->err.text, says) == NULL)
		fail_msg("kind %d, not %d: %s", r->err.kind, kind, r->err.text);
}

static bool
sent(struct rig *r, size_t i, const char *text)
{
	return strstr(script_server_record(r->server, i).data, text) != NULL;
}

static void
assert_sent(struct rig *r, size_t i, const char *text)
{
	if (!sent(r, i, text))
		fail_msg("no '%s' in '%s'", text,
		    script_server_record(r->server, i).data);
}

/* The value of a header of request i, to be freed. */
static char *
header_sent(struct rig *r, size_t i, const char *name)
{
	const char *at = strstr(script_server_record(r->server, i).data, name);

	assert_non_null(at);
	at += strlen(name) + 2;
	return strndup(at, strcspn(at, "\r"));
}

static const struct block_id ids[] = {
    {"0123456789abcdef00000000"}, {"0123456789abcdef00000001"}};

static int
stage(struct rig *r)
{
	struct chunk *chunks[] = {chunk_view("hel", 3), chunk_view("lo", 2)};
	int rc;

	r->err = (struct err){0};
	rc = r->store->ops->stage(r->store, &r->scope, "a+b/\xc3\xa9?#%",
	    &ids[0], chunks, 2, &r->err);
	chunk_unref(chunks[0]);
	chunk_unref(chunks[1]);
	return rc;
}

static int
stat_it(struct rig *r)
{
	struct blob_props props;

	r->err = (struct err){0};
	return r->store->ops->stat(
	    r->store, &r->scope, "blob", &props, &r->err);
}

static int
commit(struct rig *r)
{
	const struct commit_opts opts = {
	    .cond.if_absent = true,
	    .content_type = "application/gzip",
	    .md5 = (const unsigned char *)"0123456789abcdef",
	};

	r->err = (struct err){0};
	return r->store->ops->commit(
	    r->store, &r->scope, "blob", ids, 2, &opts, NULL, &r->err);
}

static void
stages_the_bytes_with_their_sum(void **state)
{
	static const struct step steps[] = {{.status = 201}};
	struct rig r;

	(void)state;
	RIG(&r, steps);
	assert_ok(&r, stage(&r));
	assert_sent(&r, 0,
	    "PUT /acct/cont/pre%20fix/a%2Bb/%C3%A9%3F%23%25"
	    "?comp=block&blockid=0123456789abcdef00000000 HTTP/1.1\r\n");
	assert_sent(&r, 0, "Content-MD5: XUFAKrxLKna5cZ2REBfFkg==\r\n");
	assert_sent(&r, 0, "Content-Length: 5\r\n");
	assert_sent(&r, 0, "x-ms-version: 2025-11-05\r\n");
	assert_sent(&r, 0, "x-ms-date: Sat, 21 Nov 2026 06:27:49 GMT\r\n");
	assert_sent(&r, 0, "Authorization: SharedKey acct:");
	assert_sent(&r, 0, "\r\n\r\nhello");
	rig_down(&r);
}

static void
every_refusal_has_its_kind_and_says_what_to_do(void **state)
{
	static const struct {
		struct step step;
		enum err_kind kind;
		const char *says;
	} cases[] = {
	    {{403, CODE("AuthenticationFailed"), NULL, ANSWER}, ERR_AUTH,
		"403 AuthenticationFailed (request id 01234567-89ab); check "
		"the key"},
	    {{403, REQUEST_ID, NULL, ANSWER}, ERR_AUTH, "role assignment"},
	    {{401, REQUEST_ID, NULL, ANSWER}, ERR_AUTH, "401"},
	    {{404, CODE("ContainerNotFound"), NULL, ANSWER}, ERR_MISSING,
		"the container does not exist"},
	    {{404, CODE("BlobNotFound"), NULL, ANSWER}, ERR_MISSING, "'blob'"},
	    {{404, NULL, NULL, ANSWER}, ERR_MISSING, "404"},
	    {{409, CODE("BlobArchived"), NULL, ANSWER}, ERR_UNSUPPORTED,
		"rehydrate"},
	    {{409, CODE("PublicAccessNotPermitted"), NULL, ANSWER}, ERR_AUTH,
		"give a key"},
	    {{412, CODE("ConditionNotMet"), NULL, ANSWER}, ERR_CONFLICT,
		"ConditionNotMet"},
	    {{412, CODE("LeaseIdMissing"), NULL, ANSWER}, ERR_CONFLICT,
		"another holds the lease"},
	    {{416, CODE("InvalidRange"), NULL, ANSWER}, ERR_CORRUPT, "shorter"},
	    {{400, NULL, NULL, ANSWER}, ERR_SYSTEM, "400"},
	    {{200, NULL, NULL, ANSWER}, ERR_CORRUPT, "without an ETag"},
	    {{200, CREATED "Last-Modified: now\r\n", NULL, ANSWER}, ERR_CORRUPT,
		"no date"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct rig r;

		rig_up(&r, &cases[i].step, 1);
		assert_fails(&r, stat_it(&r), cases[i].kind, cases[i].says);
		rig_down(&r);
	}
}

static void
a_busy_service_is_waited_for_and_each_attempt_signed_anew(void **state)
{
	static const struct step steps[] = {
	    {503, CODE("ServerBusy") "Retry-After: 7\r\n", NULL, ANSWER},
	    {500, CODE("OperationTimedOut") "x-ms-retry-after-ms: 1500\r\n",
		NULL, ANSWER},
	    {400, CODE("Md5Mismatch"), NULL, ANSWER},
	    {.status = 201},
	};
	char *first, *second;
	struct rig r;

	(void)state;
	RIG(&r, steps);
	r.clock.random = 1;
	assert_ok(&r, stage(&r));
	assert_true(r.clock.slept_ms >= 8500);
	assert_sent(&r, 0, "x-ms-date: Sat, 21 Nov 2026 06:27:49 GMT\r\n");
	assert_sent(&r, 1, "x-ms-date: Sat, 21 Nov 2026 06:27:56 GMT\r\n");
	first = header_sent(&r, 0, "Authorization");
	second = header_sent(&r, 1, "Authorization");
	assert_string_not_equal(first, second);
	free(first);
	free(second);
	rig_down(&r);
}

static void
it_gives_up_when_the_scope_ends(void **state)
{
	static const struct step steps[] = {
	    {503, CODE("ServerBusy") "Retry-After: 60\r\n", NULL, ANSWER},
	    {503, CODE("ServerBusy") "Retry-After: 60\r\n", NULL, ANSWER},
	};
	struct rig r;

	(void)state;
	RIG(&r, steps);
	assert_fails(&r, stage(&r), ERR_UNREACHABLE, "ServerBusy");
	rig_down(&r);
}

static void
resets_stalls_and_cuts_are_gone_through(void **state)
{
	static const struct step steps[] = {
	    {.how = RESET},
	    {.how = STALL},
	    {206, "Content-Range: bytes 3-7/10\r\n", "he", CUT},
	    {206, "Content-Range: bytes 3-7/10\r\n", "hello", ANSWER},
	};
	unsigned char out[5];
	struct rig r;

	(void)state;
	RIG(&r, steps);
	assert_ok(&r,
	    r.store->ops->read(
		r.store, &r.scope, "blob", "\"0x1\"", 3, out, 5, &r.err));
	assert_memory_equal(out, "hello", 5);
	assert_sent(&r, 3, "x-ms-range: bytes=3-7\r\n");
	assert_sent(&r, 3, "If-Match: \"0x1\"\r\n");
	rig_down(&r);
}

static void
an_answer_that_is_not_the_range_is_refused(void **state)
{
	static const struct {
		struct step step;
		const char *says;
	} cases[] = {
	    {{206, "Content-Range: bytes 3-6/7\r\n", "hell", ANSWER},
		"4 came: the blob is shorter"},
	    {{206, "Content-Range: bytes 3-8/10\r\n", "hello!", ANSWER},
		"over 5 bytes"},
	    {{206, "Content-Range: bytes 0-4/10\r\n", "hello", ANSWER},
		"another range came"},
	    {{206, NULL, "hello", ANSWER}, "another range came"},
	    {{200, NULL, "hello", ANSWER}, "another range came"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		unsigned char out[5];
		struct rig r;

		rig_up(&r, &cases[i].step, 1);
		assert_fails(&r,
		    r.store->ops->read(
			r.store, &r.scope, "blob", NULL, 3, out, 5, &r.err),
		    ERR_CORRUPT, cases[i].says);
		rig_down(&r);
	}
}

/* Get Block List, with what a commit() leaves, or with another's. */
#define BLOCK(id) "<Block><Name>" id "</Name><Size>5</Size></Block>"
#define LIST(blocks) \
	"<?xml version=\"1.0\"?><BlockList><CommittedBlocks>" blocks \
	"</CommittedBlocks></BlockList>"
#define OURS \
	{ \
		200, CREATED, \
		    LIST(BLOCK("0123456789abcdef00000000") \
			    BLOCK("0123456789abcdef00000001")), \
		    ANSWER \
	}
#define THEIRS \
	{ \
		200, CREATED, LIST(BLOCK("ffff456789abcdef00000000")), ANSWER \
	}
#define ABSENT \
	{ \
		404, CODE("BlobNotFound"), NULL, ANSWER \
	}
#define EXISTS \
	{ \
		409, CODE("BlobAlreadyExists"), NULL, ANSWER \
	}
#define BUSY \
	{ \
		503, CODE("ServerBusy"), NULL, ANSWER \
	}
#define LOST \
	{ \
		.how = RESET \
	}
#define DONE \
	{ \
		201, CREATED, NULL, ANSWER \
	}

static void
commits_what_was_asked(void **state)
{
	static const struct step steps[] = {DONE};
	struct rig r;

	(void)state;
	RIG(&r, steps);
	assert_ok(&r, commit(&r));
	assert_sent(&r, 0, "PUT /acct/cont/pre%20fix/blob?comp=blocklist ");
	assert_sent(&r, 0, "If-None-Match: *\r\n");
	assert_sent(&r, 0, "x-ms-blob-content-type: application/gzip\r\n");
	assert_sent(
	    &r, 0, "x-ms-blob-content-md5: MDEyMzQ1Njc4OWFiY2RlZg==\r\n");
	assert_sent(&r, 0, "Content-MD5: ");
	assert_sent(&r, 0,
	    "<BlockList><Latest>0123456789abcdef00000000</Latest>"
	    "<Latest>0123456789abcdef00000001</Latest></BlockList>");
	rig_down(&r);
}

static void
a_lost_commit_is_read_back_before_it_goes_again(void **state)
{
	static const struct step landed[] = {LOST, OURS};
	static const struct step busy_landed[] = {BUSY, OURS};
	static const struct step not_landed[] = {LOST, ABSENT, DONE};
	static const struct step landed_late[] = {LOST, ABSENT, EXISTS, OURS};
	static const struct step twice[] = {
	    LOST, BUSY, ABSENT, LOST, THEIRS, EXISTS, OURS};
	static const struct {
		const struct step *steps;
		size_t n;
	} cases[] = {
	    {landed, 2},
	    {busy_landed, 2},
	    {not_landed, 3},
	    {landed_late, 4},
	    {twice, 7},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct rig r;

		rig_up(&r, cases[i].steps, cases[i].n);
		assert_ok(&r, commit(&r));
		assert_sent(&r, 1,
		    "GET /acct/cont/pre%20fix/blob"
		    "?comp=blocklist&blocklisttype=committed ");
		rig_down(&r);
	}
}

static void
a_conflict_with_another_stays_one(void **state)
{
	static const struct step at_once[] = {EXISTS};
	static const struct step after[] = {LOST, THEIRS, EXISTS, THEIRS};
	struct rig r;

	(void)state;
	RIG(&r, at_once);
	assert_fails(&r, commit(&r), ERR_CONFLICT, "BlobAlreadyExists");
	rig_down(&r);
	RIG(&r, after);
	assert_fails(&r, commit(&r), ERR_CONFLICT, "BlobAlreadyExists");
	rig_down(&r);
}

static void
a_commit_that_cannot_be_read_back_is_unknown(void **state)
{
	static const struct step refused[] = {
	    LOST, {403, CODE("AuthenticationFailed"), NULL, ANSWER}};
	static const struct step garbage[] = {
	    LOST, {200, CREATED, "<html/>", ANSWER}};
	static const struct step over[] = {
	    {503, CODE("ServerBusy") "Retry-After: 200\r\n", NULL, ANSWER}};
	struct rig r;

	(void)state;
	RIG(&r, refused);
	assert_fails(&r, commit(&r), ERR_AUTH, "it is not known whether");
	rig_down(&r);
	RIG(&r, garbage);
	assert_fails(&r, commit(&r), ERR_CORRUPT, "it is not known whether");
	rig_down(&r);
	RIG(&r, over);
	assert_fails(&r, commit(&r), ERR_UNREACHABLE, "it is not known");
	rig_down(&r);
}

static int
remove_it(struct rig *r)
{
	const struct store_cond cond = {.if_match = "\"0x1\""};

	r->err = (struct err){0};
	return r->store->ops->remove(
	    r->store, &r->scope, "blob", &cond, &r->err);
}

static void
what_is_gone_after_a_lost_removal_was_removed(void **state)
{
	static const struct step lost[] = {LOST, ABSENT};
	static const struct step absent[] = {ABSENT};
	static const struct step changed[] = {
	    LOST, {412, CODE("ConditionNotMet"), NULL, ANSWER}};
	static const struct step no_container[] = {
	    LOST, {404, CODE("ContainerNotFound"), NULL, ANSWER}};
	struct rig r;

	(void)state;
	RIG(&r, lost);
	assert_ok(&r, remove_it(&r));
	assert_sent(&r, 1, "DELETE /acct/cont/pre%20fix/blob ");
	assert_sent(&r, 1, "If-Match: \"0x1\"\r\n");
	rig_down(&r);
	RIG(&r, absent);
	assert_fails(&r, remove_it(&r), ERR_MISSING, "BlobNotFound");
	rig_down(&r);
	RIG(&r, changed);
	assert_fails(&r, remove_it(&r), ERR_CONFLICT, "ConditionNotMet");
	rig_down(&r);
	RIG(&r, no_container);
	assert_fails(&r, remove_it(&r), ERR_MISSING, "container");
	rig_down(&r);
}

/* libcurl would repeat them unseen on a connection that was kept. */
static void
what_is_not_safe_twice_goes_on_a_fresh_connection(void **state)
{
	static const struct step steps[] = {
	    {200, CREATED, NULL, ANSWER},
	    DONE,
	    {.status = 202},
	};
	struct rig r;

	(void)state;
	RIG(&r, steps);
	assert_ok(&r, stat_it(&r));
	assert_ok(&r, commit(&r));
	assert_ok(&r, remove_it(&r));
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(script_server_record(r.server, i).conn, i);
	rig_down(&r);
}

static int
acquire(struct rig *r, char id[LEASE_ID_MAX])
{
	r->err = (struct err){0};
	return r->store->ops->lease->acquire(
	    r->store, &r->scope, "lock", 15, id, &r->err);
}

static void
acquiring_makes_the_blob_and_repeats_one_id(void **state)
{
	static const struct step steps[] = {
	    BUSY, ABSENT, EXISTS, DONE, {.status = 201}};
	char id[LEASE_ID_MAX];
	struct rig r;

	(void)state;
	RIG(&r, steps);
	assert_ok(&r, acquire(&r, id));
	assert_int_equal(strlen(id), 36);
	assert_int_equal(id[14], '4');
	for (size_t i = 0; i < 4; i++) {
		char *proposed;

		if (i == 2) {
			assert_sent(&r, i, "If-None-Match: *\r\n");
			assert_sent(&r, i, "<BlockList></BlockList>");
			continue;
		}
		proposed = header_sent(&r, i, "x-ms-proposed-lease-id");
		assert_string_equal(proposed, id);
		free(proposed);
		assert_sent(&r, i, "x-ms-lease-action: acquire\r\n");
		assert_sent(&r, i, "x-ms-lease-duration: 15\r\n");
	}
	/* And what is staged for that blob says whose it is. */
	r.err = (struct err){0};
	{
		struct chunk *c = chunk_view("x", 1);

		assert_ok(&r,
		    r.store->ops->stage(
			r.store, &r.scope, "lock", &ids[0], &c, 1, &r.err));
		chunk_unref(c);
	}
	assert_sent(&r, 4, "x-ms-lease-id: ");
	rig_down(&r);
}

static void
a_lease_of_anothers_is_locked(void **state)
{
	static const struct step steps[] = {
	    {409, CODE("LeaseAlreadyPresent"), NULL, ANSWER},
	    {409, CODE("LeaseIdMismatchWithLeaseOperation"), NULL, ANSWER},
	    {412, CODE("LeaseLost"), NULL, ANSWER},
	    {409, CODE("LeaseIdMismatchWithLeaseOperation"), NULL, ANSWER},
	};
	char id[LEASE_ID_MAX];
	struct rig r;

	(void)state;
	RIG(&r, steps);
	assert_fails(&r, acquire(&r, id), ERR_LOCKED, "another holds");
	for (int i = 0; i < 2; i++)
		assert_fails(&r,
		    r.store->ops->lease->renew(
			r.store, &r.scope, "lock", id, &r.err),
		    ERR_LOCKED, "Lease");
	assert_fails(&r,
	    r.store->ops->lease->release(r.store, &r.scope, "lock", id, &r.err),
	    ERR_LOCKED, "another holds");
	rig_down(&r);
}

static void
a_lost_release_is_over_when_the_lease_is(void **state)
{
	static const struct step steps[] = {
	    LOST,
	    {409, CODE("LeaseIdMismatchWithLeaseOperation"), NULL, ANSWER},
	};
	struct rig r;

	(void)state;
	RIG(&r, steps);
	assert_ok(&r,
	    r.store->ops->lease->release(r.store, &r.scope, "lock",
		"01234567-0123-4123-8123-0123456789ab", &r.err));
	rig_down(&r);
}

static int
stage_from(struct rig *r)
{
	const struct store_grant src = {
	    .url = (char *)"https://src.example/c/b?sig=c2VjcmV0",
	    .authorization = (char *)"Bearer " TOKEN,
	};

	r->err = (struct err){0};
	return r->store->ops->copy->stage_from(r->store, &r->scope, "blob",
	    &ids[0], &src, "\"0x9\"", 100, 50, &r->err);
}

static void
a_refused_copy_says_whether_to_stream(void **state)
{
	static const struct {
		struct step step;
		enum err_kind kind;
	} cases[] = {
	    {{412, CODE("SourceConditionNotMet"), NULL, ANSWER}, ERR_CONFLICT},
	    {{412, CODE("ConditionNotMet"), NULL, ANSWER}, ERR_CONFLICT},
	    {{403, CODE("CannotVerifyCopySource"), NULL, ANSWER},
		ERR_UNSUPPORTED},
	    {{404, CODE("CannotVerifyCopySource"), NULL, ANSWER},
		ERR_UNSUPPORTED},
	    {{500, CODE("CannotVerifyCopySource"), NULL, ANSWER},
		ERR_UNSUPPORTED},
	    {{409, CODE("CopyAcrossAccountsNotSupported"), NULL, ANSWER},
		ERR_UNSUPPORTED},
	    {{501, NULL, NULL, ANSWER}, ERR_UNSUPPORTED},
	    {{400, CODE("InvalidHeaderValue"), NULL, ANSWER}, ERR_UNSUPPORTED},
	    {{400,
		 CODE(
		     "CannotVerifyCopySource") "x-ms-copy-source-error-code: ConditionNotMet\r\n",
		 NULL, ANSWER},
		ERR_CONFLICT},
	    {{403, CODE("AuthenticationFailed"), NULL, ANSWER}, ERR_AUTH},
	    {{404, CODE("ContainerNotFound"), NULL, ANSWER}, ERR_MISSING},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct rig r;

		rig_up(&r, &cases[i].step, 1);
		assert_fails(&r, stage_from(&r), cases[i].kind, "'blob'");
		rig_down(&r);
	}
}

static void
a_copy_names_its_source_and_sits_out_its_overload(void **state)
{
	static const struct step steps[] = {
	    {403,
		CODE(
		    "CannotVerifyCopySource") "x-ms-copy-source-error-code: ServerBusy\r\n",
		NULL, ANSWER},
	    {.status = 201},
	};
	struct rig r;

	(void)state;
	RIG(&r, steps);
	assert_ok(&r, stage_from(&r));
	for (size_t i = 0; i < 2; i++) {
		assert_sent(&r, i, "&blockid=0123456789abcdef00000000 ");
		assert_sent(&r, i,
		    "x-ms-copy-source: https://src.example/c/b?"
		    "sig=c2VjcmV0\r\n");
		assert_sent(&r, i, "x-ms-source-range: bytes=100-149\r\n");
		assert_sent(&r, i, "x-ms-source-if-match: \"0x9\"\r\n");
		assert_sent(&r, i,
		    "x-ms-copy-source-authorization: Bearer " TOKEN "\r\n");
		assert_sent(&r, i, "Content-Length: 0\r\n");
	}
	rig_down(&r);
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
reopen(struct rig *r, struct store_opts opts)
{
	store_free(r->store);
	r->store = open_with(r, &opts);
}

static void
a_refused_token_is_asked_for_again_once(void **state)
{
	static const struct step twice[] = {
	    {401, CODE("InvalidAuthenticationInfo"), NULL, ANSWER},
	    {200, CREATED, NULL, ANSWER},
	    {401, CODE("InvalidAuthenticationInfo"), NULL, ANSWER},
	    {401, CODE("InvalidAuthenticationInfo"), NULL, ANSWER},
	};
	struct tokens tokens = {.base.ops = &tokens_ops};
	struct rig r;

	(void)state;
	RIG(&r, twice);
	reopen(&r, (struct store_opts){.credential = &tokens.base});
	assert_ok(&r, stat_it(&r));
	assert_sent(&r, 0, "Authorization: Bearer " TOKEN "-0\r\n");
	assert_sent(&r, 1, "Authorization: Bearer " TOKEN "-1\r\n");
	assert_fails(
	    &r, stat_it(&r), ERR_AUTH, "401 InvalidAuthenticationInfo");
	assert_int_equal(tokens.forgotten, 2);
	rig_down(&r);
}

static void
a_sas_goes_over_the_wire_and_nowhere_else(void **state)
{
	static const struct step steps[] = {
	    {403, CODE("AuthenticationFailed"), NULL, ANSWER},
	    BUSY,
	    {.how = RESET},
	    {.status = 201},
	};
	struct secret sas = {.data = (char *)"?" SAS, .len = strlen(SAS) + 1};
	struct rig r;

	(void)state;
	RIG(&r, steps);
	reopen(&r, (struct store_opts){.sas = &sas});
	assert_null(strstr(r.store->url, "sig"));
	assert_fails(&r, stat_it(&r), ERR_AUTH, "AuthenticationFailed");
	assert_sent(&r, 0, "HEAD /acct/cont/pre%20fix/blob?" SAS " HTTP");
	assert_false(sent(&r, 0, "Authorization"));
	assert_ok(&r, stage(&r));
	for (size_t i = 1; i < 4; i++)
		assert_sent(&r, i, "blockid=0123456789abcdef00000000&" SAS " ");
	rig_down(&r);
}

static void
grants_give_what_the_store_has(void **state)
{
	static const struct step none[] = {LOST};
	struct tokens tokens = {.base.ops = &tokens_ops};
	struct secret sas = {.data = (char *)"se=2026-11-21T06%3A28Z&" SAS};
	struct store_grant g;
	struct rig r;

	(void)state;
	rig_up(&r, none, 0);
	assert_ok(&r,
	    r.store->ops->grant->read(
		r.store, &r.scope, "a b", 60000, &g, &r.err));
	assert_non_null(strstr(g.url,
	    "/acct/cont/pre%20fix/a%20b?sv=2025-11-05&sr=b&sp=r"
	    "&se=2026-11-21T06%3A28%3A49Z&sig="));
	assert_null(g.authorization);
	assert_int_equal(g.expires_ms, INT64_C(1795242529000));
	store_grant_release(&g);

	sas.len = strlen(sas.data);
	reopen(&r, (struct store_opts){.sas = &sas});
	assert_ok(&r,
	    r.store->ops->grant->read(
		r.store, &r.scope, "a b", 60000, &g, &r.err));
	assert_non_null(strstr(g.url, "/a%20b?se=2026-11-21T06%3A28Z&" SAS));
	assert_int_equal(g.expires_ms, INT64_C(1795242480000));
	store_grant_release(&g);

	reopen(&r, (struct store_opts){.credential = &tokens.base});
	assert_ok(&r,
	    r.store->ops->grant->read(
		r.store, &r.scope, "a b", 60000, &g, &r.err));
	assert_null(strchr(g.url, '?'));
	assert_string_equal(g.authorization, "Bearer " TOKEN "-0");
	assert_int_equal(g.expires_ms, INT64_C(1795242479000));
	store_grant_release(&g);
	rig_down(&r);
}

#define PAGE(name, next) \
	"<EnumerationResults><Blobs><Blob><Name>pre fix/" name \
	"</Name><Properties><Etag>1</Etag><Content-Length>1</Content-Length>" \
	"</Properties></Blob></Blobs><NextMarker>" next \
	"</NextMarker></EnumerationResults>"

static void
listing_asks_below_the_prefix_and_goes_on_by_marker(void **state)
{
	static const struct step steps[] = {
	    {200, NULL, PAGE("a+b", "m&amp;=/"), ANSWER},
	    BUSY,
	    {200, NULL, PAGE("c", ""), ANSWER},
	    {200, NULL, "<html>captive portal</html>", ANSWER},
	};
	struct list_opts opts = {
	    .prefix = "a b&", .by_directory = true, .page_size = 1};
	struct list_page page;
	struct rig r;
	char *next;

	(void)state;
	RIG(&r, steps);
	assert_ok(&r,
	    r.store->ops->list(r.store, &r.scope, &opts, NULL, &page, &r.err));
	assert_sent(&r, 0,
	    "GET /acct/cont?restype=container&comp=list&maxresults=1"
	    "&delimiter=%2F&prefix=pre%20fix%2Fa%20b%26 HTTP");
	assert_string_equal(page.items[0].name, "a+b");
	next = page.next;
	page.next = NULL;
	list_page_release(&page);
	assert_ok(&r,
	    r.store->ops->list(r.store, &r.scope, &opts, next, &page, &r.err));
	assert_sent(&r, 2, "%26&marker=m%26%3D%2F HTTP");
	assert_null(page.next);
	list_page_release(&page);
	assert_fails(&r,
	    r.store->ops->list(r.store, &r.scope, NULL, NULL, &page, &r.err),
	    ERR_CORRUPT, "no blob listing");
	assert_null(page.items);
	free(next);
	rig_down(&r);
}

static void
what_cannot_be_asked_is_not(void **state)
{
	static const struct step none[] = {LOST};
	static const char *const bad[] = {
	    "", ".", "..", "a/../b", "./a", "a/.", "a/.."};
	struct chunk *empty = chunk_view("", 0);
	struct blob_props props;
	char id[LEASE_ID_MAX];
	struct rig r;

	(void)state;
	rig_up(&r, none, 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_fails(&r,
		    r.store->ops->stat(
			r.store, &r.scope, bad[i], &props, &r.err),
		    ERR_USAGE, "cannot name a blob");
	assert_fails(&r,
	    r.store->ops->stage(
		r.store, &r.scope, "a", &ids[0], &empty, 1, &r.err),
	    ERR_USAGE, "a block has 1 to");
	assert_fails(&r,
	    r.store->ops->commit(r.store, &r.scope, "a", ids, BLOCKS_MAX + 1,
		NULL, NULL, &r.err),
	    ERR_USAGE, "over 50000 blocks");
	assert_fails(&r,
	    r.store->ops->lease->acquire(
		r.store, &r.scope, "a", 14, id, &r.err),
	    ERR_USAGE, "15 to 60");
	chunk_unref(empty);
	rig_down(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(stages_the_bytes_with_their_sum),
	    cmocka_unit_test(every_refusal_has_its_kind_and_says_what_to_do),
	    cmocka_unit_test(
		a_busy_service_is_waited_for_and_each_attempt_signed_anew),
	    cmocka_unit_test(it_gives_up_when_the_scope_ends),
	    cmocka_unit_test(resets_stalls_and_cuts_are_gone_through),
	    cmocka_unit_test(an_answer_that_is_not_the_range_is_refused),
	    cmocka_unit_test(commits_what_was_asked),
	    cmocka_unit_test(a_lost_commit_is_read_back_before_it_goes_again),
	    cmocka_unit_test(a_conflict_with_another_stays_one),
	    cmocka_unit_test(a_commit_that_cannot_be_read_back_is_unknown),
	    cmocka_unit_test(what_is_gone_after_a_lost_removal_was_removed),
	    cmocka_unit_test(what_is_not_safe_twice_goes_on_a_fresh_connection),
	    cmocka_unit_test(acquiring_makes_the_blob_and_repeats_one_id),
	    cmocka_unit_test(a_lease_of_anothers_is_locked),
	    cmocka_unit_test(a_lost_release_is_over_when_the_lease_is),
	    cmocka_unit_test(a_refused_copy_says_whether_to_stream),
	    cmocka_unit_test(a_copy_names_its_source_and_sits_out_its_overload),
	    cmocka_unit_test(a_refused_token_is_asked_for_again_once),
	    cmocka_unit_test(a_sas_goes_over_the_wire_and_nowhere_else),
	    cmocka_unit_test(grants_give_what_the_store_has),
	    cmocka_unit_test(
		listing_asks_below_the_prefix_and_goes_on_by_marker),
	    cmocka_unit_test(what_cannot_be_asked_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
