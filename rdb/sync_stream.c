/*
 * With $len the framing says where the dump ends, and the reader must agree.
 * With $EOF the reader says it, and the mark must follow: searching for the
 * mark could be fooled by a value.  Only for a dump that the reader does not
 * understand the mark is searched for.  As it may be cut by the end of a
 * chunk, the last bytes of every chunk are then carried into the next one.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/chunk.h"
#include "base/err.h"
#include "base/scope.h"
#include "base/sink.h"
#include "rdb/rdb_reader.h"
#include "rdb/redis_conn.h"
#include "rdb/sync_client.h"

#include "rdb/sync_stream.h"

/* A read: so much that calls cost nothing, and that the cache holds it. */
#define READ_MAX ((size_t)128 << 10)

/* Worth waking for: Redis passes its child's bytes on 16 KiB at a time, and to
 * be woken for each of them cost both sides a tenth of their time. */
#define BATCH (64 << 10)

/* So long the source may pause before a chunk goes on half full. */
#define IDLE_MS 10

/* Keys that have to be here before the size of all is told. */
#define RECKON_LEAST 100

#define CARRY_MAX (SYNC_MARK_LEN - 1)

struct stream {
	struct redis_conn *conn;
	const struct scope *scope;
	const struct sync_framing *framing;
	const struct sync_opts *opts;
	struct sink *sink;
	struct sync_facts *facts;

	struct chunk *chunk; /* being filled, or NULL */
	size_t fill;	     /* bytes in it */
	unsigned char carry[CARRY_MAX];
	size_t ncarry;	 /* bytes that the next chunk begins with */
	size_t searched; /* no mark begins before this place in the chunk */

	uint64_t received; /* bytes of the dump, as far as known */
	bool ended;
};

static bool
by_mark(const struct stream *s)
{
	return s->framing->len == 0;
}

int
sync_framing_parse(const char *line, struct sync_framing *out, struct err *err)
{
	uint64_t len = 0;

	*out = (struct sync_framing){0};
	if (strncmp(line, "$EOF:", 5) == 0 &&
	    strlen(line + 5) == SYNC_MARK_LEN) {
		memcpy(out->mark, line + 5, SYNC_MARK_LEN);
		return 0;
	}
	if (line[0] != '$' || line[1] == '\0')
		goto bad;
	for (const char *p = line + 1; *p != '\0'; p++) {
		if (*p < '0' || *p > '9' || len > INT64_MAX / 10 - 1)
			goto bad;
		len = len * 10 + (uint64_t)(*p - '0');
	}
	if (len == 0)
		goto bad;
	out->len = len;
	return 0;
bad:
	return err_set(
	    err, ERR_CORRUPT, "the server announced its dump by '%.60s'", line);
}

static int
in_dump(const struct stream *s, struct err *err)
{
	return err_in(err, "'%s': dump", redis_conn_name(s->conn));
}

static int
new_chunk(struct stream *s, struct err *err)
{
	s->chunk = chunk_new(s->opts->budget, CHUNK_SIZE, s->scope, err);
	if (s->chunk == NULL)
		return -1;
	memcpy(chunk_room(s->chunk), s->carry, s->ncarry);
	s->fill = s->ncarry;
	s->ncarry = 0;
	s->searched = 0;
	return 0;
}

/* As if the keys to come were like those that came; 0: too few to say. */
static uint64_t
reckoned_total(const struct stream *s)
{
	uint64_t all = s->facts->keys_before;
	struct rdb_summary sum;

	/* A reader that gave up counts no more. */
	if (s->facts->unverified)
		return 0;
	rdb_reader_summary(s->opts->reader, &sum);
	if (sum.keys < RECKON_LEAST || sum.keys < all / 100)
		return 0;
	if (sum.keys >= all)
		return s->facts->bytes;
	return (
	    uint64_t)((double)s->facts->bytes * (double)all / (double)sum.keys);
}

static void
tell_progress(const struct stream *s)
{
	bool about = by_mark(s) && s->facts->keys_before > 0;

	if (s->opts->progress != NULL)
		s->opts->progress(s->opts->progress_arg, s->facts->bytes,
		    about ? reckoned_total(s) : s->framing->len, about);
}

/* Hand the chunk on, but for what may be the beginning of the mark. */
static int
pass_on(struct stream *s, struct err *err)
{
	size_t keep = 0;
	int rc = 0;

	if (by_mark(s) && !s->ended)
		keep = s->fill < CARRY_MAX ? s->fill : CARRY_MAX;
	s->fill -= keep;
	memcpy(s->carry, chunk_room(s->chunk) + s->fill, keep);
	s->ncarry = keep;
	chunk_set_len(s->chunk, s->fill);
	if (s->fill > 0)
		rc = sink_write(s->sink, s->chunk, err);
	if (rc == 0)
		s->facts->bytes += s->fill;
	chunk_unref(s->chunk);
	s->chunk = NULL;
	if (rc == 0)
		tell_progress(s);
	return rc;
}

/* How much the next read may bring. */
static size_t
room(const struct stream *s)
{
	size_t size = CHUNK_SIZE - s->fill;

	if (size > READ_MAX)
		size = READ_MAX;
	if (!by_mark(s) && size > s->framing->len - s->received)
		size = (size_t)(s->framing->len - s->received);
	return size;
}

/*
 * 1: *got bytes came.  0: the source pauses, and there is something in the
 * chunk that could be worked on meanwhile.
 */
static int
read_step(struct stream *s, size_t *got, struct err *err)
{
	bool may_pause = s->fill > CARRY_MAX;
	struct scope brief = may_pause ? scope_within(s->scope, IDLE_MS)
				       : *s->scope;

	if (redis_conn_read(s->conn, &brief, chunk_room(s->chunk) + s->fill,
		room(s), got, err) != 0) {
		if (may_pause && err->kind == ERR_UNREACHABLE &&
		    scope_left_ms(s->scope) > 0)
			return 0;
		return err_in(
		    err, "after %" PRIu64 " bytes of the dump", s->received);
	}
	if (*got == 0)
		return err_set(err, ERR_TRANSIENT,
		    "'%s': source closed the connection after %" PRIu64
		    " bytes of the dump",
		    redis_conn_name(s->conn), s->received);
	return 1;
}

/* At least one byte more into the chunk; *got says how many. */
static int
read_more(struct stream *s, size_t *got, struct err *err)
{
	int rc;

	do {
		if (s->chunk == NULL && new_chunk(s, err) != 0)
			return -1;
		rc = read_step(s, got, err);
		if (rc == 0 && pass_on(s, err) != 0)
			return -1;
	} while (rc == 0);
	return rc > 0 ? 0 : -1;
}

static bool
is_newer(const struct rdb_reader *r)
{
	struct rdb_summary sum;

	rdb_reader_summary(r, &sum);
	return sum.version >
	    (sum.valkey ? RDB_VERSION_VALKEY_MAX : RDB_VERSION_REDIS_MAX);
}

/*
 * The reader said no.  A version that it does not know is no damage: the
 * dump is kept, but unverified.
 */
static int
go_blind(struct stream *s, struct err *err)
{
	if (err->kind != ERR_UNSUPPORTED || !is_newer(s->opts->reader))
		return in_dump(s, err);
	s->facts->unverified = true;
	snprintf(s->facts->unverified_why, sizeof(s->facts->unverified_why),
	    "%.255s", err->text);
	return 0;
}

/* Whether what was announced is a whole dump, and zeros at most. */
static bool
fills(const struct stream *s)
{
	struct rdb_summary sum;

	rdb_reader_summary(s->opts->reader, &sum);
	return sum.complete && sum.size + sum.padding == s->received;
}

static int
take_counted(struct stream *s, size_t got, struct err *err)
{
	const unsigned char *bytes = chunk_room(s->chunk) + s->fill;

	s->fill += got;
	s->received += got;
	if (!s->facts->unverified &&
	    rdb_reader_feed(s->opts->reader, bytes, got, err) != 0 &&
	    go_blind(s, err) != 0)
		return -1;
	s->ended = s->received == s->framing->len;
	if (s->ended && !s->facts->unverified && !fills(s))
		return err_set(err, ERR_CORRUPT,
		    "'%s': the dump's own end is not where the server's "
		    "announcement of %" PRIu64 " bytes puts it",
		    redis_conn_name(s->conn), s->received);
	return 0;
}

/* The dump ended; the mark begins with the n bytes at p, and must be all. */
static int
require_mark(
    struct stream *s, const unsigned char *p, size_t n, struct err *err)
{
	unsigned char mark[SYNC_MARK_LEN];
	size_t have = n < SYNC_MARK_LEN ? n : SYNC_MARK_LEN;
	size_t got;

	memcpy(mark, p, have);
	for (; have < SYNC_MARK_LEN; have += got) {
		if (redis_conn_read(s->conn, s->scope, mark + have,
			SYNC_MARK_LEN - have, &got, err) != 0)
			return err_in(err, "end mark");
		if (got == 0)
			return err_set(err, ERR_TRANSIENT,
			    "'%s': source closed the connection after %" PRIu64
			    " bytes of the dump, before its end mark",
			    redis_conn_name(s->conn), s->received);
	}
	if (memcmp(mark, s->framing->mark, SYNC_MARK_LEN) != 0)
		return err_set(err, ERR_CORRUPT,
		    "'%s': what follows the dump's %" PRIu64
		    " bytes is not its end mark",
		    redis_conn_name(s->conn), s->received);
	s->ended = true;
	return 0;
}

static int
take_searching(struct stream *s, size_t got)
{
	const unsigned char *bytes = chunk_room(s->chunk);
	const unsigned char *mark;

	s->fill += got;
	s->received += got;
	mark = memmem(bytes + s->searched, s->fill - s->searched,
	    s->framing->mark, SYNC_MARK_LEN);
	if (mark == NULL) {
		s->searched = s->fill > CARRY_MAX ? s->fill - CARRY_MAX : 0;
		return 0;
	}
	s->received -= s->fill - (size_t)(mark - bytes);
	s->fill = (size_t)(mark - bytes);
	s->ended = true;
	return 0;
}

static int
take_marked(struct stream *s, size_t got, struct err *err)
{
	const unsigned char *bytes = chunk_room(s->chunk) + s->fill;
	size_t taken = 0;

	if (s->facts->unverified)
		return take_searching(s, got);
	if (rdb_reader_feed_some(s->opts->reader, bytes, got, &taken, err) !=
	    0) {
		if (go_blind(s, err) != 0)
			return -1;
		return take_searching(s, got);
	}
	s->fill += taken;
	s->received += taken;
	if (rdb_reader_at_end(s->opts->reader))
		return require_mark(s, bytes + taken, got - taken, err);
	assert(taken == got);
	return 0;
}

static int
run(struct stream *s, struct err *err)
{
	size_t got;
	int rc;

	while (!s->ended) {
		if (read_more(s, &got, err) != 0)
			return -1;
		if (s->facts->first_byte_ms == 0)
			s->facts->first_byte_ms = scope_wall_ms(s->scope);
		if (by_mark(s))
			rc = take_marked(s, got, err);
		else
			rc = take_counted(s, got, err);
		if (rc != 0)
			return -1;
		if (s->ended)
			s->facts->last_byte_ms = scope_wall_ms(s->scope);
		if ((s->ended || s->fill == CHUNK_SIZE) && pass_on(s, err) != 0)
			return -1;
	}
	return 0;
}

int
sync_stream_run(struct redis_conn *conn, const struct scope *scope,
    const struct sync_framing *framing, const struct sync_opts *opts,
    struct sink *sink, struct sync_facts *facts, struct err *err)
{
	struct stream s = {
	    .conn = conn,
	    .scope = scope,
	    .framing = framing,
	    .opts = opts,
	    .sink = sink,
	    .facts = facts,
	};
	int rc;

	facts->diskless = by_mark(&s);
	facts->total = framing->len;
	redis_conn_set_batch(conn, BATCH);
	rc = run(&s, err);
	redis_conn_set_batch(conn, 0);
	chunk_unref(s.chunk);
	return rc;
}
