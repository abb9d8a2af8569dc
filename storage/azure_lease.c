#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "base/scope.h"
#include "storage/azure_commit.h"
#include "storage/azure_error.h"
#include "storage/azure_held.h"
#include "storage/azure_request.h"
#include "storage/lease.h"
#include "storage/store.h"
#include "storage/store_azure.h"

#include "storage/azure_lease.h"

/* Whatever the service says of a lease here, it is another's. */
static void
judge(struct err *err, const struct http_response *response)
{
	(void)response;
	if (strncmp(err->code, "Lease", strlen("Lease")) == 0)
		err->kind = ERR_LOCKED;
}

static int
start(struct azure_request *r, struct store *s, const char *doing,
    const char *action, const char *blob, struct err *err)
{
	if (azure_request_init(r, store_azure_container(s), "PUT", doing, blob,
		"comp=lease", err) != 0)
		return -1;
	http_headers_set(&r->http.headers, "x-ms-lease-action", action);
	r->judge = judge;
	return 0;
}

/* Safe to repeat: the service lets the holder of an id acquire anew. */
static int
ask(struct store *s, const struct scope *scope, const char *blob, int seconds,
    const char *id, struct err *err)
{
	struct azure_request r;
	int rc = start(&r, s, "acquiring the lease of", "acquire", blob, err);

	if (rc == 0) {
		http_headers_addf(
		    &r.http.headers, "x-ms-lease-duration", "%d", seconds);
		http_headers_set(&r.http.headers, "x-ms-proposed-lease-id", id);
		rc = azure_request_run(&r, scope, err);
	}
	azure_request_release(&r);
	return rc;
}

/* An empty blob to hold the lease; fine when another was quicker. */
static int
make_blob(struct store *s, const struct scope *scope, const char *blob,
    struct err *err)
{
	const struct commit_opts opts = {.cond.if_absent = true};
	const struct azure_commit commit = {.blob = blob, .opts = &opts};
	char etag[ETAG_MAX];

	if (azure_commit(store_azure_container(s), &commit, scope, etag, err) ==
		0 ||
	    err->kind == ERR_CONFLICT || err->kind == ERR_LOCKED) {
		*err = (struct err){0};
		return 0;
	}
	return -1;
}

static int
acquire(struct store *s, const struct scope *scope, const char *blob,
    int seconds, const char *id, struct err *err)
{
	int rc;

	if (lease_check(seconds, id, err) != 0)
		return -1;
	rc = ask(s, scope, blob, seconds, id, err);
	if (rc != 0 && azure_error_is_no_blob(err) &&
	    make_blob(s, scope, blob, err) == 0)
		rc = ask(s, scope, blob, seconds, id, err);
	if (rc == 0)
		azure_held_put(store_azure_held(s), blob, id);
	return rc;
}

static int
renew(struct store *s, const struct scope *scope, const char *blob,
    const char *id, struct err *err)
{
	struct azure_request r;
	int rc = start(&r, s, "renewing the lease of", "renew", blob, err);

	if (rc == 0) {
		http_headers_set(&r.http.headers, "x-ms-lease-id", id);
		rc = azure_request_run(&r, scope, err);
	}
	azure_request_release(&r);
	if (rc == 0)
		azure_held_put(store_azure_held(s), blob, id);
	else if (err->kind == ERR_LOCKED)
		azure_held_remove(store_azure_held(s), blob, id);
	return rc;
}

/* A lease that is not ours, or has no blob, needs no release. */
static bool
is_released(const struct err *err)
{
	return err->kind == ERR_LOCKED || azure_error_is_no_blob(err);
}

static int
release(struct store *s, const struct scope *scope, const char *blob,
    const char *id, struct err *err)
{
	struct azure_request r;
	int rc = start(&r, s, "releasing the lease of", "release", blob, err);

	if (rc == 0) {
		http_headers_set(&r.http.headers, "x-ms-lease-id", id);
		rc = azure_request_until(&r, scope, is_released, err);
	}
	azure_request_release(&r);
	if (rc == 0 || err->kind == ERR_LOCKED)
		azure_held_remove(store_azure_held(s), blob, id);
	return rc;
}

const struct store_lease_ops azure_lease_ops = {
    .acquire = acquire,
    .renew = renew,
    .release = release,
};
