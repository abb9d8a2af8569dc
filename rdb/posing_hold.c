#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/journal.h"
#include "base/retry.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "rdb/posing_note.h"
#include "rdb/redis_config.h"
#include "rdb/redis_conn.h"
#include "rdb/redis_error.h"

#include "rdb/posing_hold.h"

/* Of the replication link, while no bytes come. */
#define FROM_DISK_TIMEOUT_S "3600"
#define STREAMED_TIMEOUT_S  "300"

struct posing_hold {
	struct redis_address address;
	char *user;
	struct redis_opts opts;
	struct journal *journal;
	struct buf key;
	struct posing_note note;
	bool taken;
};

struct posing_hold *
posing_hold_new(const struct redis_address *address, const char *user,
    const struct redis_opts *opts, struct journal *journal)
{
	struct posing_hold *h = xcalloc(1, sizeof(*h));

	h->address = *address;
	h->address.host = xstrdup(address->host);
	h->user = user != NULL ? xstrdup(user) : NULL;
	h->opts = *opts;
	h->journal = journal;
	buf_init(&h->key, 4096);
	posing_note_key(&h->key, address);
	return h;
}

void
posing_hold_free(struct posing_hold *h)
{
	if (h == NULL)
		return;
	posing_note_release(&h->note);
	buf_release(&h->key);
	free(h->address.host);
	free(h->user);
	free(h);
}

bool
posing_hold_taken(const struct posing_hold *h)
{
	return h->taken;
}

struct redis_conn *
posing_hold_connect(
    struct posing_hold *h, const struct scope *scope, struct err *err)
{
	return redis_connect(&h->address, h->user, &h->opts, scope, err);
}

/* A refusal is the server's nature; a broken connection is not. */
static int
refused(struct err *err)
{
	if (redis_error_is_refusal(err))
		err->kind = ERR_UNSUPPORTED;
	return -1;
}

/* at_least: more than that is left alone. */
static int
note_parameter(struct posing_hold *h, struct redis_conn *c,
    const struct scope *scope, const char *name, const char *now, bool at_least,
    struct err *err)
{
	char *was;

	if (redis_config_get(c, scope, name, &was, err) != 0)
		return refused(err);
	/* NULL: unknown to an old server. */
	if (was != NULL && strcmp(was, now) != 0 &&
	    !(at_least && atoi(was) >= atoi(now)))
		posing_note_change(&h->note, name, was, now);
	free(was);
	return 0;
}

static int
note_masterauth(struct posing_hold *h, struct redis_conn *c,
    const struct scope *scope, struct secret *password, struct err *err)
{
	struct secret was = {0};
	int rc;

	if (redis_config_get_secret(c, scope, "masterauth", &was, err) != 0)
		return refused(err);
	if (was.data == NULL)
		rc = err_set(err, ERR_UNSUPPORTED,
		    "the target's masterauth is not to be had");
	else
		rc = posing_note_seal(&h->note, scope, &was, password, err);
	secret_release(&was);
	return rc;
}

static int
apply(struct posing_hold *h, struct redis_conn *c, const struct scope *scope,
    const struct secret *password, struct err *err)
{
	if (password != NULL &&
	    redis_config_set(c, scope, "masterauth", password->data, err) != 0)
		return refused(err);
	for (size_t i = 0; i < h->note.nchanges; i++)
		if (redis_config_set(c, scope, h->note.changes[i].name,
			h->note.changes[i].now, err) != 0)
			return refused(err);
	return 0;
}

int
posing_hold_take(struct posing_hold *h, struct redis_conn *c,
    const struct scope *scope, const struct posing_way *way,
    struct secret *password, struct err *err)
{
	const char *load = way->streamed ? "on-empty-db" : "disabled";
	const char *timeout = way->streamed ? STREAMED_TIMEOUT_S
					    : FROM_DISK_TIMEOUT_S;
	char *text;
	int rc;

	assert(!h->taken);
	posing_note_release(&h->note);
	h->note.master_host = xstrdup(way->host);
	h->note.master_port = way->port;
	if (password != NULL &&
	    note_masterauth(h, c, scope, password, err) != 0)
		return -1;
	/* One that loads as it receives stands still for as long. */
	if (note_parameter(
		h, c, scope, "repl-diskless-load", load, false, err) != 0 ||
	    note_parameter(
		h, c, scope, "repl-timeout", timeout, !way->streamed, err) != 0)
		return -1;
	text = posing_note_format(&h->note);
	rc = h->journal->ops->put(h->journal, h->key.data, text, err);
	free(text);
	if (rc != 0)
		return err_in(err, "noting what is to be undone");
	h->taken = true;
	return apply(h, c, scope, password, err);
}

int
posing_hold_follow(struct posing_hold *h, struct redis_conn *c,
    const struct scope *scope, struct err *err)
{
	/* SLAVEOF until Redis 5; both take it today. */
	redisReply *r = redis_command(c, scope, err, "REPLICAOF %s %d",
	    h->note.master_host, h->note.master_port);

	if (r == NULL && err->kind == ERR_UNSUPPORTED)
		r = redis_command(c, scope, err, "SLAVEOF %s %d",
		    h->note.master_host, h->note.master_port);
	if (r == NULL) {
		refused(err);
		return err_in(err, "REPLICAOF");
	}
	freeReplyObject(r);
	return 0;
}

/* As "role:slave" goes with "master_host:...". */
static bool
follows(const struct posing_hold *h, const char *info)
{
	char *host = redis_info_field(info, "master_host");
	char *port = redis_info_field(info, "master_port");
	bool is = host != NULL && port != NULL &&
	    strcasecmp(host, h->note.master_host) == 0 &&
	    atoi(port) == h->note.master_port;

	free(host);
	free(port);
	return is;
}

static bool
field_is(const char *info, const char *field, const char *value)
{
	char *is = redis_info_field(info, field);
	bool same = is != NULL && strcmp(is, value) == 0;

	free(is);
	return same;
}

int
posing_hold_progress(struct posing_hold *h, struct redis_conn *c,
    const struct scope *scope, struct posing_progress *out, struct err *err)
{
	redisReply *r = redis_command(c, scope, err, "INFO");
	char *offset;

	*out = (struct posing_progress){0};
	if (r == NULL)
		return -1;
	if (r->type != REDIS_REPLY_STRING) {
		freeReplyObject(r);
		return err_set(err, ERR_CORRUPT, "INFO answered no text");
	}
	out->follows = follows(h, r->str);
	out->loading = field_is(r->str, "loading", "1");
	out->up = out->follows && !out->loading &&
	    field_is(r->str, "master_link_status", "up");
	offset = redis_info_field(r->str, "slave_repl_offset");
	out->offset = offset != NULL ? atoll(offset) : -1;
	free(offset);
	freeReplyObject(r);
	return 0;
}

static int
promote(struct posing_hold *h, struct redis_conn *c, const struct scope *scope,
    struct err *err)
{
	struct posing_progress now;
	redisReply *r;

	if (posing_hold_progress(h, c, scope, &now, err) != 0)
		return -1;
	if (!now.follows)
		return 0; /* it never did, or somebody else has it now */
	r = redis_command(c, scope, err, "REPLICAOF NO ONE");
	if (r == NULL && err->kind == ERR_UNSUPPORTED)
		r = redis_command(c, scope, err, "SLAVEOF NO ONE");
	if (r == NULL)
		return err_in(err, "REPLICAOF NO ONE");
	freeReplyObject(r);
	return 0;
}

static int
put_parameter_back(struct redis_conn *c, const struct scope *scope,
    const struct posing_change *change, struct err *err)
{
	char *is;
	int rc = 0;

	if (redis_config_get(c, scope, change->name, &is, err) != 0)
		return -1;
	if (is != NULL && strcmp(is, change->now) == 0)
		rc = redis_config_set(c, scope, change->name, change->was, err);
	free(is);
	return rc;
}

static int
put_masterauth_back(struct posing_hold *h, struct redis_conn *c,
    const struct scope *scope, struct err *err)
{
	struct secret is = {0}, was = {0};
	int rc;

	if (h->note.auth_sha256[0] == '\0')
		return 0;
	rc = redis_config_get_secret(c, scope, "masterauth", &is, err);
	if (rc == 0 && posing_note_unseal(&h->note, &is, &was))
		rc = redis_config_set(c, scope, "masterauth",
		    was.data != NULL ? was.data : "", err);
	secret_release(&is);
	secret_release(&was);
	return rc;
}

static int
put_back_once(struct posing_hold *h, const struct scope *scope, struct err *err)
{
	struct redis_conn *c = posing_hold_connect(h, scope, err);
	int rc;

	if (c == NULL)
		return -1;
	rc = promote(h, c, scope, err);
	for (size_t i = 0; rc == 0 && i < h->note.nchanges; i++)
		rc = put_parameter_back(c, scope, &h->note.changes[i], err);
	if (rc == 0)
		rc = put_masterauth_back(h, c, scope, err);
	redis_conn_free(c);
	return rc;
}

int
posing_hold_put_back(
    struct posing_hold *h, const struct scope *scope, struct err *err)
{
	static const struct retry_opts often = {
	    .total_ms = INT64_MAX, .first_ms = 50, .most_ms = 1000};
	struct retry r;

	if (!h->taken)
		return 0;
	retry_init(&r, scope, &often);
	while (put_back_once(h, scope, err) != 0)
		if (retry_wait(&r, err) != 0)
			return err_in(err, "putting '%s' back as it was",
			    h->key.data + strlen("posing/"));
	if (h->journal->ops->remove(h->journal, h->key.data, err) != 0)
		return -1;
	h->taken = false;
	return 0;
}

int
posing_hold_recall(struct posing_hold *h, struct err *err)
{
	struct buf text;
	int rc;

	buf_init(&text, (size_t)64 << 10);
	rc = h->journal->ops->get(h->journal, h->key.data, &text, err);
	if (rc == 0)
		rc = buf_check(&text, "journal entry", err);
	if (rc == 0)
		rc = posing_note_parse(&h->note, text.data, err);
	buf_release(&text);
	h->taken = rc == 0;
	return rc;
}
