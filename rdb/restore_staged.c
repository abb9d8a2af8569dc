/*
 * While a slot is on its way RENAME is refused (ASK, TRYAGAIN), and so is the
 * DEL of both its names that a value begins with: its answer is waited for, so
 * that what would be in vain is not sent.
 *
 * A try that failed may have commands under way yet, which must not meet those
 * of the next one: that has another name.  What the old one is left with is
 * deleted by the next, and once more at the end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/xalloc.h"
#include "rdb/cluster_slot.h"
#include "rdb/dump_payload.h"
#include "rdb/rdb_reader.h"
#include "rdb/restore_cluster.h"
#include "rdb/restore_command.h"
#include "rdb/restore_lane.h"
#include "rdb/restore_loader.h"
#include "rdb/restore_pipe.h"
#include "rdb/restore_values.h"
#include "rdb/value_carry.h"
#include "rdb/value_commands.h"

#include "rdb/restore_staged.h"

#define WINDOW ((size_t)512 << 10) /* of bytes unanswered */

/* Names that were given up, of all values together; and one is in use. */
#define LEFT_MAX (RESTORE_TEMPS_MAX - 1)

struct left {
	char name[VALUE_TEMP_MAX];
	uint16_t slot;
};

struct restore_staged {
	struct restore_cluster *cluster;
	const struct scope *scope;
	struct restore_values *values;
	int version; /* of the dump, */
	bool valkey;

	/* The value at hand. */
	const struct rdb_key *key;
	struct dump_payload *payload;
	struct restore_subject subject;
	uint16_t slot;
	unsigned first_left; /* of those that it has */

	struct left left[LEFT_MAX];
	unsigned nleft;
	uint64_t keys, expired, unclaimed;
};

struct restore_staged *
restore_staged_new(struct restore_cluster *cluster,
    const struct value_server *server, const char *prefix,
    const struct scope *scope)
{
	struct restore_staged *s = xcalloc(1, sizeof(*s));

	s->cluster = cluster;
	s->scope = scope;
	s->values = restore_values_new(server, prefix, WINDOW, scope);
	return s;
}

void
restore_staged_free(struct restore_staged *s)
{
	if (s == NULL)
		return;
	restore_values_free(s->values);
	free(s);
}

void
restore_staged_dump(struct restore_staged *s, int version, bool valkey)
{
	s->version = version;
	s->valkey = valkey;
}

static void
format_del(struct buf *text, const struct left *l)
{
	buf_init(text, sizeof(l->name) + 64);
	buf_addf(text, "*2\r\n$3\r\nDEL\r\n$%zu\r\n%s\r\n", strlen(l->name),
	    l->name);
}

/* Until all is answered. */
static int
settle(
    const struct restore_staged *s, struct restore_pipe *pipe, struct err *err)
{
	if (restore_pipe_flush(pipe, s->scope, err) != 0)
		return -1;
	return restore_pipe_settle(pipe, s->scope, 0, err);
}

/* What was given up of this value. */
static int
remove_before(
    struct restore_staged *s, struct restore_pipe *pipe, struct err *err)
{
	for (unsigned i = s->first_left; i < s->nleft; i++) {
		struct buf text;
		int rc;

		format_del(&text, &s->left[i]);
		restore_pipe_begin(pipe, &s->subject);
		rc = restore_pipe_add(pipe, s->scope, text.data, text.len, err);
		buf_release(&text);
		if (rc != 0)
			return -1;
		restore_pipe_end(pipe, RESTORE_VALUE);
	}
	return 0;
}

static int
add(void *arg, const void *data, size_t len, struct err *err)
{
	return restore_values_add(arg, data, len, err);
}

/* Its name is another one's no more. */
static int
give_up(struct restore_staged *s, struct err *err)
{
	struct left *l;

	if (s->nleft == LEFT_MAX) {
		err->kind = ERR_UNSUPPORTED;
		return err_in(
		    err, "values were begun %d times in vain", LEFT_MAX);
	}
	l = &s->left[s->nleft++];
	l->slot = s->slot;
	snprintf(
	    l->name, sizeof(l->name), "%s", restore_values_temp(s->values));
	return -1;
}

static int
write_value(
    struct restore_staged *s, struct restore_pipe *pipe, struct err *err)
{
	restore_values_dump(s->values, s->version, s->valkey);
	if (restore_values_begin(s->values, pipe, s->nleft, s->key, err) != 0 ||
	    settle(s, pipe, err) != 0)
		return -1;
	if (remove_before(s, pipe, err) != 0 ||
	    dump_payload_value(s->payload, add, s->values, err) != 0 ||
	    settle(s, pipe, err) != 0)
		return give_up(s, err);
	s->keys += restore_pipe_keys(pipe);
	s->expired += 1 - restore_pipe_keys(pipe);
	s->unclaimed += restore_pipe_unclaimed(pipe);
	return 0;
}

static int
use(void *arg, struct redis_conn *conn, struct err *err)
{
	struct restore_pipe *pipe = restore_pipe_new(conn);
	int rc = write_value(arg, pipe, err);

	restore_pipe_close(pipe);
	return rc;
}

int
restore_staged_put(struct restore_staged *s, const struct rdb_key *k,
    struct dump_payload *payload, struct err *err)
{
	s->key = k;
	s->payload = payload;
	s->slot = cluster_slot(k->name, k->name_len);
	s->first_left = s->nleft;
	restore_subject_key(&s->subject, RESTORE_VALUE, k);
	return restore_cluster_use(s->cluster, s->slot, use, s, err);
}

static int
remove_left(struct restore_staged *s, const struct left *l, struct err *err)
{
	const struct rdb_key k = {
	    .name = (const unsigned char *)l->name,
	    .name_len = strlen(l->name),
	};
	struct restore_batch b = {.slot = l->slot, .replies = 1};
	struct buf text;
	int rc;

	restore_subject_key(&b.subject, RESTORE_REMOVE, &k);
	format_del(&text, l);
	b.bytes = text.data;
	b.len = text.len;
	rc = restore_cluster_batch(s->cluster, &b, err);
	buf_release(&text);
	return rc;
}

int
restore_staged_finish(struct restore_staged *s, struct err *err)
{
	for (unsigned i = 0; i < s->nleft; i++)
		if (remove_left(s, &s->left[i], err) != 0)
			return -1;
	return 0;
}

uint64_t
restore_staged_keys(const struct restore_staged *s)
{
	return s->keys;
}

uint64_t
restore_staged_expired(const struct restore_staged *s)
{
	return s->expired;
}

uint32_t
restore_staged_lost(const struct restore_staged *s)
{
	return restore_values_lost(s->values) |
	    (s->unclaimed > 0 ? 1U << VALUE_LOST_PENDING : 0);
}
