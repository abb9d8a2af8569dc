#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/chunk.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "storage/azure_container.h"
#include "storage/azure_request.h"
#include "storage/azure_sas.h"
#include "storage/azure_time.h"
#include "storage/azure_xml.h"

#include "storage/azure_user_key.h"

#define HOUR_MS INT64_C(3600000)
#define LIFE_MS (7 * 24 * HOUR_MS)

/* The service's clock may be behind ours by as much as it puts up with. */
#define SKEW_MS (15 * INT64_C(60000))

#define ANSWER_MAX ((size_t)64 << 10)
#define KEY_MAX	   256

struct azure_user_key {
	pthread_mutex_t lock; /* guards what follows */
	struct azure_delegation now;
};

struct azure_user_key *
azure_user_key_new(void)
{
	struct azure_user_key *k = xcalloc(1, sizeof(*k));

	pthread_mutex_init(&k->lock, NULL);
	return k;
}

void
azure_user_key_free(struct azure_user_key *k)
{
	if (k == NULL)
		return;
	azure_delegation_release(&k->now);
	pthread_mutex_destroy(&k->lock);
	free(k);
}

static int
take_key(struct azure_delegation *d, const char *text, struct err *err)
{
	struct buf raw;
	int rc;

	buf_init(&raw, KEY_MAX);
	rc = base64_decode(&raw, text, err);
	if (rc == 0)
		rc = buf_check(&raw, "the key", err);
	if (rc == 0)
		secret_set(&d->key, raw.data, raw.len);
	if (raw.size > 0)
		explicit_bzero(raw.data, raw.size);
	buf_release(&raw);
	return rc;
}

static int
on_close(void *arg, const struct azure_xml_place *at, const char *text,
    struct err *err)
{
	struct azure_delegation *d = arg;
	const struct {
		const char *path;
		char **to;
	} known[] = {
	    {"UserDelegationKey/SignedOid", &d->oid},
	    {"UserDelegationKey/SignedTid", &d->tid},
	    {"UserDelegationKey/SignedStart", &d->start},
	    {"UserDelegationKey/SignedExpiry", &d->expiry},
	    {"UserDelegationKey/SignedService", &d->service},
	    {"UserDelegationKey/SignedVersion", &d->version},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (strcmp(at->path, known[i].path) == 0) {
			free(*known[i].to);
			*known[i].to = xstrdup(text);
		}
	if (strcmp(at->path, "UserDelegationKey/Value") == 0)
		return take_key(d, text, err);
	return 0;
}

int
azure_user_key_parse(
    const char *xml, size_t len, struct azure_delegation *d, struct err *err)
{
	const struct azure_xml_reader reader = {.arg = d, .close = on_close};

	*d = (struct azure_delegation){0};
	if (azure_xml_read(xml, len, &reader, err) != 0)
		return -1;
	if (d->oid == NULL || d->tid == NULL || d->start == NULL ||
	    d->expiry == NULL || d->service == NULL || d->version == NULL ||
	    d->key.len == 0)
		return err_set(
		    err, ERR_CORRUPT, "XML that is no user delegation key");
	return azure_time_iso_parse(d->expiry, &d->expires_ms, err);
}

static int
format_request(
    struct buf *out, int64_t from_ms, int64_t until_ms, struct err *err)
{
	char from[AZURE_TIME_MAX], until[AZURE_TIME_MAX];

	azure_time_iso_format(from_ms, from);
	azure_time_iso_format(until_ms, until);
	buf_adds(out, "<?xml version=\"1.0\" encoding=\"utf-8\"?><KeyInfo>");
	buf_adds(out, "<Start>");
	buf_adds(out, from);
	buf_adds(out, "</Start><Expiry>");
	buf_adds(out, until);
	buf_adds(out, "</Expiry></KeyInfo>");
	return buf_check(out, "a request for a key", err);
}

/* until_ms is what a SAS needs; the next one may need a little more. */
static int
ask(const struct azure_container *c, const struct scope *scope,
    int64_t until_ms, struct http_response *response, struct err *err)
{
	int64_t now_ms = scope_wall_ms(scope);
	struct azure_request r;
	struct chunk *body;
	struct buf text;
	int rc;

	if (until_ms > now_ms + LIFE_MS - SKEW_MS)
		return err_set(err, ERR_USAGE,
		    "a SAS by an identity lasts for at most 7 days; shorten "
		    "the deadline, or give the account's key");
	if (until_ms + HOUR_MS <= now_ms + LIFE_MS - SKEW_MS)
		until_ms += HOUR_MS;
	buf_init(&text, 1024);
	rc = format_request(&text, now_ms - SKEW_MS, until_ms, err);
	azure_request_account(&r, c, "POST",
	    "asking for a user delegation key for",
	    "restype=service&comp=userdelegationkey");
	body = chunk_view(text.data, text.len);
	http_headers_set(&r.http.headers, "Content-Type", "application/xml");
	azure_request_body(&r, &body, 1);
	r.http.response_max = ANSWER_MAX;
	if (rc == 0)
		rc = azure_request_do(&r, scope, response, err);
	azure_request_release(&r);
	chunk_unref(body);
	buf_release(&text);
	return rc;
}

static int
fetch(const struct azure_container *c, const struct scope *scope,
    int64_t until_ms, struct azure_delegation *d, struct err *err)
{
	struct http_response response;
	int rc;

	*d = (struct azure_delegation){0};
	if (ask(c, scope, until_ms, &response, err) != 0)
		return -1;
	rc = azure_user_key_parse(
	    response.body.data, response.body.len, d, err);
	if (response.body.size > 0)
		explicit_bzero(response.body.data, response.body.len);
	http_response_release(&response);
	if (rc == 0 && d->expires_ms < until_ms)
		rc = err_set(err, ERR_SERVER,
		    "it ends at %.40s, which is too early", d->expiry);
	return rc != 0 ? err_in(err, "the user delegation key") : 0;
}

/* False when there is none that lasts. */
static bool
sign_by_kept(struct azure_user_key *k, const struct azure_sas *sas,
    struct buf *out, int *rc, struct err *err)
{
	bool lasts;

	pthread_mutex_lock(&k->lock);
	lasts = k->now.key.data != NULL && k->now.expires_ms >= sas->expires_ms;
	if (lasts)
		*rc = azure_sas_by_delegation(out, sas, &k->now, err);
	pthread_mutex_unlock(&k->lock);
	return lasts;
}

int
azure_user_key_sas(struct azure_user_key *k, const struct azure_container *c,
    const struct scope *scope, const struct azure_sas *sas, struct buf *out,
    struct err *err)
{
	struct azure_delegation fresh;
	int rc;

	if (sign_by_kept(k, sas, out, &rc, err))
		return rc;
	rc = fetch(c, scope, sas->expires_ms, &fresh, err);
	if (rc == 0)
		rc = azure_sas_by_delegation(out, sas, &fresh, err);
	if (rc == 0) {
		pthread_mutex_lock(&k->lock);
		azure_delegation_release(&k->now);
		k->now = fresh;
		pthread_mutex_unlock(&k->lock);
	} else {
		azure_delegation_release(&fresh);
	}
	return rc;
}
