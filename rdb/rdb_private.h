/*
 * rdb_private.h -- what the files of the RDB reader share.
 *
 *	rdb_reader.c	feeding, CRC64, the end, errors
 *	rdb_step.c	walks layouts: numbers, loops, strings
 *	rdb_frame.c	header, opcodes, begin and end of keys, trailer
 *	rdb_string.c	strings in their encodings, to where they are wanted
 *	rdb_unpack.c	elements of packed strings to parts of values
 *	rdb_stream.c	stream entries from their listpacks
 *	rdb_tell.c	events to visitors
 */
#ifndef RDB_RDB_PRIVATE_H
#define RDB_RDB_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "rdb/decimal.h"
#include "rdb/intake.h"
#include "rdb/rdb_layout.h"
#include "rdb/rdb_reader.h"

#define RDB_VISITORS_MAX 6
#define RDB_LOOPS_MAX	 4

/* Most bytes of a key's name, an AUX field, a function library, and of the
 * field names of a stream node: what must be whole in memory. */
#define RDB_WHOLE_MAX ((size_t)64 << 20)

/* Bytes of a key in an error: less than an err's text, which says more. */
#define RDB_ERR_KEY_MAX 128

struct lzf;
struct packed;
struct packed_item;

enum rdb_string_phase {
	RDB_STRING_NONE,
	RDB_STRING_HEAD,
	RDB_STRING_PLAIN,
	RDB_STRING_LZF,
	RDB_STRING_LZF_SKIP,
};

/* Where the bytes of the string under way go. */
enum rdb_target {
	RDB_TO_NOWHERE,
	RDB_TO_PART,
	RDB_TO_PACKED,
	RDB_TO_COUNT, /* a packed string of which only the count is wanted */
	RDB_TO_NAME,
	RDB_TO_KEPT,
	RDB_TO_SCORE,
	RDB_TO_NODE_ID,
};

struct rdb_string {
	enum rdb_string_phase phase;
	enum rdb_target target;
	uint8_t arg;   /* enum rdb_part, or index of kept */
	bool block;    /* to be told as one */
	uint64_t left; /* bytes of it in the file to come */
	char text[DECIMAL_INT_MAX];
};

/* What the elements of a packed string make. */
struct rdb_unpack {
	enum rdb_shape shape;
	unsigned at; /* in the pair or triple */
	char score[DECIMAL_SCORE_MAX];
	size_t score_len;
};

enum rdb_node_at {
	RDB_NODE_COUNT, /* the node's head: */
	RDB_NODE_DELETED,
	RDB_NODE_NFIELDS,
	RDB_NODE_FIELDS,
	RDB_NODE_ZERO,
	RDB_NODE_FLAGS, /* each entry: */
	RDB_NODE_MS,
	RDB_NODE_SEQ,
	RDB_NODE_ENTRY_NFIELDS,
	RDB_NODE_FIELD,
	RDB_NODE_VALUE,
	RDB_NODE_STEPS,
};

struct rdb_node {
	enum rdb_node_at at;
	unsigned char id_bytes[16];
	size_t id_len;
	struct rdb_stream_id id;    /* that entries are relative to */
	struct rdb_stream_id entry; /* of the entry under way */
	uint64_t live, deleted;	    /* entries to come */
	uint64_t nfields;
	struct buf fields; /* names, each behind its length */
	size_t field_at;   /* in fields: the next, or the one being added */
	bool mid_item;	   /* a piece of the item came before */
	int64_t flags;
	uint64_t entry_nfields;
	uint64_t left; /* fields or values to come */
};

struct rdb_loop {
	const struct rdb_step *body;
	uint64_t left;
};

struct rdb_reader {
	struct rdb_visitor *visitors[RDB_VISITORS_MAX];
	size_t nvisitors;
	bool want_raw, want_decoded, want_count, want_blocks;

	struct intake in;
	const unsigned char *fed; /* the feed under way, */
	uint64_t fed_at;	  /* its offset in the file, */
	uint64_t crc_at;	  /* and the offset the CRC64 has come to */
	uint64_t end_at;	  /* offset of the trailer */
	size_t mark;		  /* bytes of a replication's end mark */

	struct err err;
	bool failed;
	bool visitor_failed;

	const struct rdb_step *step;
	struct rdb_loop loops[RDB_LOOPS_MAX];
	size_t depth;
	uint64_t reg[RDB_REGS];
	struct rdb_string str;
	struct lzf *lzf;
	struct packed *packed;
	struct rdb_unpack unpack;
	struct rdb_node node;
	struct buf kept[2];

	struct library_set *told; /* libraries, or NULL */
	struct rdb_key key;	  /* expires_ms, idle_s, lfu: of the next */
	struct buf name;
	unsigned char name_head[RDB_ERR_KEY_MAX]; /* for errors */
	bool in_key, in_value;
	bool in_module;
	const unsigned char *raw_from; /* of the value, not yet told */
	uint64_t raw_bytes;
	uint64_t elements;

	struct rdb_summary sum;
};

/* Both return -1.  Offset and key are added where the feed ends. */
int rdb_corrupt(struct rdb_reader *, const char *fmt, ...) ERR_FMT(2, 3);
int rdb_unsupported(struct rdb_reader *, const char *fmt, ...) ERR_FMT(2, 3);

/* The run of the reader's intake: 0 for more, 1 at the end, -1. */
int rdb_run(void *reader);

/* Steps of the frame around values: 1, 0 for more, -1. */
int rdb_frame_header(struct rdb_reader *);
int rdb_frame_opcode(struct rdb_reader *);
int rdb_frame_key(struct rdb_reader *);
int rdb_frame_end(struct rdb_reader *);
int rdb_frame_trailer(struct rdb_reader *);

/* The CRC64 up to this offset, which lies in the feed under way. */
void rdb_crc_to(struct rdb_reader *, uint64_t offset);

/*
 * A length: bytes it takes, 0 when more must come, -1 when it is none.  With
 * special set it is a string's encoding instead.
 */
int rdb_length(const unsigned char *, size_t left, uint64_t *, bool *special);

void rdb_string_start(struct rdb_reader *, enum rdb_target, uint8_t arg);
/* 1 when the string has ended, 0 for more, -1. */
int rdb_string_run(struct rdb_reader *);
/* The piece function of the reader's lzf. */
int rdb_string_lzf(
    void *reader, const unsigned char *, size_t, bool last, struct err *);

/* Begin, go on and end a packed string, RDB_PACKED() arg. */
void rdb_unpack_start(struct rdb_reader *, uint8_t arg);
int rdb_unpack_item(void *reader, const struct packed_item *, struct err *);
int rdb_unpack_end(struct rdb_reader *);
/* A score as text. */
int
rdb_unpack_score(struct rdb_reader *, const unsigned char *, size_t, bool last);
/* What n elements of the packed string are to its user. */
uint64_t rdb_unpack_elements(const struct rdb_reader *, uint64_t n);

void rdb_node_start(struct rdb_reader *);
int rdb_node_item(struct rdb_reader *, const struct packed_item *);
int rdb_node_end(struct rdb_reader *);

/* What has been read of the value since the last call; last: all of it. */
int rdb_tell_raw(struct rdb_reader *, bool last);
int rdb_tell_piece(struct rdb_reader *, enum rdb_part, const unsigned char *,
    size_t, bool last);
int rdb_tell_integer(struct rdb_reader *, enum rdb_part, int64_t);
int rdb_tell_block(struct rdb_reader *, uint64_t size);
int rdb_tell_score(struct rdb_reader *, double);
int rdb_tell_field_expiry(struct rdb_reader *, enum rdb_ttl, uint64_t);
int rdb_tell_entry(struct rdb_reader *, struct rdb_stream_id, uint64_t fields);
int rdb_tell_fact(struct rdb_reader *, enum rdb_stream_fact);
int rdb_tell_header(struct rdb_reader *);
int rdb_tell_key_begin(struct rdb_reader *);
int rdb_tell_key_end(struct rdb_reader *);
int rdb_tell_opcode(struct rdb_reader *, enum rdb_tell);

static inline uint64_t
rdb_little_endian(const unsigned char *p, size_t n)
{
	uint64_t v = 0;

	for (size_t i = n; i-- > 0;)
		v = v << 8 | p[i];
	return v;
}

static inline uint64_t
rdb_big_endian(const unsigned char *p, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v = v << 8 | p[i];
	return v;
}

#endif
