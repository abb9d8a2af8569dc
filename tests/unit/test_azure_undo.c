/* Snapshots and soft deletion on bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/secret.h"
#include "storage/store.h"
#include "tests/sim/azure_rig.h"

#define ID	"2026-11-22T00:00:00.1234567Z"
#define ENCODED "2026-11-22T00%3A00%3A00.1234567Z"
#define COPY(id, st) \
	CREATED "x-ms-copy-id: " id "\r\nx-ms-copy-status: " st "\r\n"
#define BEGUN \
	{ \
		202, COPY("c1", "pending"), NULL, ANSWER \
	}
#define UNDER_WAY \
	{ \
		200, COPY("c1", "pending"), NULL, ANSWER \
	}
#define BROUGHT \
	{ \
		200, COPY("c1", "success") "Content-Length: 9\r\n", NULL, \
		    ANSWER \
	}

static const struct store_undo_ops *
undo(struct azure_rig *r)
{
	r->err = (struct err){0};
	return r->store->ops->undo;
}

static int
snapshot(struct azure_rig *r, char id[64])
{
	return undo(r)->snapshot(
	    r->store, &r->scope, "blob", "\"0x1\"", id, &r->err);
}

static int
snapshot_remove(struct azure_rig *r, const char *id)
{
	return undo(r)->snapshot_remove(
	    r->store, &r->scope, "blob", id, &r->err);
}

static int
promote(struct azure_rig *r, struct blob_props *props)
{
	return undo(r)->promote(
	    r->store, &r->scope, "blob", ID, props, &r->err);
}

static void
a_snapshot_is_taken_of_what_was_seen_and_removed(void **state)
{
	static const struct azure_step steps[] = {
	    AZURE_BUSY,
	    {201, "x-ms-snapshot: " ID "\r\n", NULL, ANSWER},
	    {412, CODE("ConditionNotMet"), NULL, ANSWER},
	    {201, NULL, NULL, ANSWER},
	    AZURE_LOST,
	    AZURE_ABSENT,
	    {.status = 202},
	};
	struct azure_rig r;
	char id[64];

	(void)state;
	RIG(&r, steps);
	azure_rig_ok(&r, snapshot(&r, id));
	azure_rig_sent(
	    &r, 1, "PUT /acct/cont/pre%20fix/blob?comp=snapshot HTTP");
	azure_rig_sent(&r, 1, "If-Match: \"0x1\"\r\n");
	assert_string_equal(id, ID);
	azure_rig_fails(
	    &r, snapshot(&r, id), ERR_CONFLICT, "taking a snapshot of");
	azure_rig_fails(
	    &r, snapshot(&r, id), ERR_CORRUPT, "an answer without its name");
	azure_rig_ok(&r, snapshot_remove(&r, id));
	azure_rig_sent(
	    &r, 4, "DELETE /acct/cont/pre%20fix/blob?snapshot=" ENCODED " ");
	azure_rig_ok(&r, snapshot_remove(&r, id));
	azure_rig_down(&r);
}

/* Without its name the request would remove the blob. */
static void
no_blob_is_removed_for_a_snapshot(void **state)
{
	struct azure_rig r;

	(void)state;
	azure_rig_up(&r, NULL, 0);
	azure_rig_fails(
	    &r, snapshot_remove(&r, ""), ERR_USAGE, "a snapshot has a name");
	azure_rig_down(&r);
}

static void
a_promotion_lasts_until_the_blob_is_the_snapshot(void **state)
{
	static const struct azure_step steps[] = {
	    BEGUN, UNDER_WAY, AZURE_LOST, BROUGHT};
	struct blob_props props;
	struct azure_rig r;

	(void)state;
	RIG(&r, steps);
	azure_rig_ok(&r, promote(&r, &props));
	azure_rig_sent(
	    &r, 0, "/acct/cont/pre%20fix/blob?snapshot=" ENCODED "\r\n");
	azure_rig_sent(&r, 1, "HEAD /acct/cont/pre%20fix/blob HTTP");
	assert_int_equal(props.size, 9);
	azure_rig_down(&r);
}

static void
a_sas_stands_at_its_source_too(void **state)
{
	static const struct azure_step steps[] = {
	    {202, COPY("c1", "success"), NULL, ANSWER}, BROUGHT};
	struct secret sas = {.data = (char *)SAS, .len = sizeof(SAS) - 1};
	struct azure_rig r;

	(void)state;
	RIG(&r, steps);
	azure_rig_reopen(&r, (struct store_opts){.sas = &sas});
	azure_rig_ok(&r, promote(&r, NULL));
	azure_rig_sent(&r, 0, "/blob?snapshot=" ENCODED "&" SAS "\r\n");
	azure_rig_down(&r);
}

static void
a_promotion_that_began_unseen_is_waited_for(void **state)
{
	static const struct azure_step steps[] = {
	    AZURE_LOST,
	    {409, CODE("PendingCopyOperation"), NULL, ANSWER},
	    {200, COPY("c0", "pending"), NULL, ANSWER},
	    {200, COPY("c0", "success"), NULL, ANSWER},
	    {202, COPY("c1", "success"), NULL, ANSWER},
	    BROUGHT,
	};
	struct azure_rig r;

	(void)state;
	RIG(&r, steps);
	azure_rig_ok(&r, promote(&r, NULL));
	azure_rig_down(&r);
}

static void
a_promotion_that_fails_says_so(void **state)
{
	static const struct {
		struct azure_step steps[2];
		size_t n;
		enum err_kind kind;
		const char *says;
	} cases[] = {
	    {{{409, CODE("PendingCopyOperation"), NULL, ANSWER}}, 1, ERR_LOCKED,
		"another copy into it is under way"},
	    {{BEGUN,
		 {200,
		     COPY("c1",
			 "failed") "x-ms-copy-status-description: 500 Internal\r\n",
		     NULL, ANSWER}},
		2, ERR_SERVER, "'blob' failed: 500 Internal"},
	    {{BEGUN, {200, COPY("c1", "aborted"), NULL, ANSWER}}, 2, ERR_SERVER,
		"was aborted: no reason"},
	    {{BEGUN, {200, COPY("c2", "success"), NULL, ANSWER}}, 2,
		ERR_CONFLICT, "'blob' was written by another"},
	    {{BEGUN, AZURE_ABSENT}, 2, ERR_MISSING, "BlobNotFound"},
	    {{{404, CODE("CannotVerifyCopySource"), NULL, ANSWER}}, 1,
		ERR_UNSUPPORTED, "cannot reach or read the source"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct azure_rig r;

		azure_rig_up(&r, cases[i].steps, cases[i].n);
		azure_rig_fails(
		    &r, promote(&r, NULL), cases[i].kind, cases[i].says);
		azure_rig_down(&r);
	}
}

static int
undelete(struct azure_rig *r)
{
	return undo(r)->undelete(r->store, &r->scope, "blob", &r->err);
}

#define LIST(blobs) \
	"<?xml version=\"1.0\"?><EnumerationResults><Blobs>" blobs \
	"</Blobs><NextMarker/></EnumerationResults>"
#define VERSION(name, id, more) \
	"<Blob><Name>pre fix/" name "</Name><VersionId>" id \
	"</VersionId>" more \
	"<Properties><Etag>0x1</Etag><Content-Length>1</Content-Length>" \
	"</Properties></Blob>"
#define NO_VERSIONS \
	{ \
		200, NULL, LIST(""), ANSWER \
	}

static void
what_was_deleted_is_brought_back_if_it_is_kept(void **state)
{
	static const struct azure_step steps[] = {
	    AZURE_LOST,
	    {.status = 200},
	    {200, CREATED, NULL, ANSWER},
	    AZURE_ABSENT,
	    NO_VERSIONS,
	    {.status = 200},
	    AZURE_ABSENT,
	    {400, CODE("InvalidQueryParameterValue"), NULL, ANSWER},
	    {403, CODE("AuthorizationFailure"), NULL, ANSWER},
	};
	struct azure_rig r;

	(void)state;
	RIG(&r, steps);
	azure_rig_ok(&r, undelete(&r));
	azure_rig_sent(
	    &r, 1, "PUT /acct/cont/pre%20fix/blob?comp=undelete HTTP");
	azure_rig_fails(&r, undelete(&r), ERR_MISSING, "bringing back 'blob'");
	azure_rig_fails(&r, undelete(&r), ERR_MISSING, "asking for 'blob'");
	azure_rig_fails(&r, undelete(&r), ERR_AUTH, "bringing back 'blob'");
	azure_rig_down(&r);
}

static void
of_a_blob_that_is_gone_the_newest_version_is_brought_back(void **state)
{
	static const struct azure_step steps[] = {
	    {.status = 200},
	    AZURE_ABSENT,
	    {200, NULL,
		LIST(VERSION("blob", "2026-11-20T00:00:00.1Z", "") VERSION(
		    "blob", "2026-11-21T00:00:00.1Z", "") VERSION("blob",
		    "2026-11-22T00:00:00.1Z", "<Deleted>true</Deleted>")
			VERSION("blob.other", "2026-11-23T00:00:00.1Z", "")),
		ANSWER},
	    {202, COPY("c1", "success"), NULL, ANSWER},
	    BROUGHT,
	};
	struct azure_rig r;

	(void)state;
	RIG(&r, steps);
	azure_rig_ok(&r, undelete(&r));
	azure_rig_sent(&r, 2, "versions");
	azure_rig_sent(&r, 2, "prefix=pre%20fix%2Fblob");
	azure_rig_sent(&r, 3, "PUT /acct/cont/pre%20fix/blob HTTP");
	azure_rig_sent(&r, 3,
	    "/acct/cont/pre%20fix/blob"
	    "?versionid=2026-11-21T00%3A00%3A00.1Z\r\n");
	azure_rig_down(&r);
}

#define KEPT(policy) \
	"<?xml version=\"1.0\"?><StorageServiceProperties>" \
	"<DeleteRetentionPolicy>" policy "</DeleteRetentionPolicy>" \
	"</StorageServiceProperties>"

static void
the_account_may_tell_how_long_it_keeps_what_was_deleted(void **state)
{
	static const struct azure_step steps[] = {
	    {200, NULL, KEPT("<Enabled>true</Enabled><Days>7</Days>"), ANSWER},
	    {200, NULL, KEPT("<Enabled>false</Enabled>"), ANSWER},
	    {403, CODE("AuthorizationPermissionMismatch"), NULL, ANSWER},
	    {200, NULL, "<html/>", ANSWER},
	    {400, CODE("InvalidQueryParameterValue"), NULL, ANSWER},
	};
	static const int want[] = {7, 0, -1};
	struct azure_rig r;
	int days;

	(void)state;
	RIG(&r, steps);
	for (size_t i = 0; i < 3; i++) {
		azure_rig_ok(&r,
		    undo(&r)->keeps_deleted(r.store, &r.scope, &days, &r.err));
		assert_int_equal(days, want[i]);
	}
	azure_rig_sent(
	    &r, 0, "GET /acct/?restype=service&comp=properties HTTP");
	azure_rig_fails(&r,
	    undo(&r)->keeps_deleted(r.store, &r.scope, &days, &r.err),
	    ERR_CORRUPT, "no service's properties");
	azure_rig_fails(&r,
	    undo(&r)->keeps_deleted(r.store, &r.scope, &days, &r.err),
	    ERR_SERVER, "InvalidQueryParameterValue");
	azure_rig_down(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_snapshot_is_taken_of_what_was_seen_and_removed),
	    cmocka_unit_test(no_blob_is_removed_for_a_snapshot),
	    cmocka_unit_test(a_promotion_lasts_until_the_blob_is_the_snapshot),
	    cmocka_unit_test(a_sas_stands_at_its_source_too),
	    cmocka_unit_test(a_promotion_that_began_unseen_is_waited_for),
	    cmocka_unit_test(a_promotion_that_fails_says_so),
	    cmocka_unit_test(what_was_deleted_is_brought_back_if_it_is_kept),
	    cmocka_unit_test(
		of_a_blob_that_is_gone_the_newest_version_is_brought_back),
	    cmocka_unit_test(
		the_account_may_tell_how_long_it_keeps_what_was_deleted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
