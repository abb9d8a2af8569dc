/*
 * rdb_reader.h -- reads an RDB file as it arrives: structure, CRC64, events.
 *
 * A push parser in bounded memory, whatever the size of a value: it is fed
 * bytes cut anywhere and calls a visitor.  It knows every opcode and type of
 * RDB 1 to 12, VALKEY080, and Redis Enterprise's extra opcodes.  Nothing is
 * allocated by a size that the file declares; what is told whole (a key's
 * name, an AUX field, a function library) may have 64 MiB, and more is
 * ERR_UNSUPPORTED.  Every other failure of its own is ERR_CORRUPT
 * (ERR_UNSUPPORTED for a type, opcode or version we do not know) with the
 * offset, and the database and key in which it happened.
 *
 * Facts: redis/src/rdb.h and rdb.c of 2.4 to 7.4, valkey/src/rdb.h 9.0,
 * librdb.
 */
#ifndef RDB_RDB_READER_H
#define RDB_RDB_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct library_set;
struct rdb_reader;
struct rdb_visitor;

/* The newest versions of either family that the reader knows. */
#define RDB_VERSION_REDIS_MAX  12
#define RDB_VERSION_VALKEY_MAX 80

#define RDB_KEY_SHOWN_MAX 512 /* bytes that key_show() makes of a key */
#define RDB_NO_EXPIRY	  INT64_C(-1)

/* What a value is for its user, whatever its encoding. */
enum rdb_kind {
	RDB_STRING,
	RDB_LIST,
	RDB_SET,
	RDB_ZSET,
	RDB_HASH,
	RDB_STREAM,
	RDB_MODULE,
	RDB_KINDS
};

const char *rdb_kind_name(enum rdb_kind); /* "string", ... */

struct rdb_key {
	uint32_t db;
	enum rdb_kind kind;
	uint8_t type;		   /* the file's type byte: the encoding */
	int64_t expires_ms;	   /* Unix time; RDB_NO_EXPIRY */
	int64_t idle_s;		   /* LRU idle time; -1 when absent */
	int lfu;		   /* LFU counter 0-255; -1 when absent */
	const unsigned char *name; /* the whole key, contiguous */
	size_t name_len;
	uint64_t offset; /* of the type byte in the file */
};

/*
 * The parts of a decoded value.  An element arrives as one or more pieces of
 * one part, in order; the last of them has last set.
 */
enum rdb_part {
	RDB_PART_STRING, /* the value of a string, decoded */
	RDB_PART_ITEM,	 /* list: in order; set: in any order */
	RDB_PART_FIELD,	 /* hash */
	RDB_PART_VALUE,	 /* hash: of the field before */
	RDB_PART_MEMBER, /* zset; its score follows by score() */
	RDB_PART_STREAM_FIELD,
	RDB_PART_STREAM_VALUE,
	RDB_PART_GROUP,	   /* stream: name of a consumer group */
	RDB_PART_CONSUMER, /* stream: name, in the group before */
	RDB_PART_MODULE,   /* module values: bytes as they stand */
};

struct rdb_stream_id {
	uint64_t ms, seq;
};

/*
 * Stream facts that are not bytes.  What an older encoding lacks is not
 * reported at all.
 */
enum rdb_stream_fact {
	RDB_STREAM_LENGTH,	/* n */
	RDB_STREAM_LAST_ID,	/* id */
	RDB_STREAM_FIRST_ID,	/* id; STREAM_2 on */
	RDB_STREAM_MAX_DELETED, /* id; STREAM_2 on */
	RDB_STREAM_ADDED,	/* n: entries ever added; STREAM_2 on */
	RDB_STREAM_GROUP_LAST,	/* id: last delivered; after its GROUP part */
	RDB_STREAM_GROUP_READ,	/* n, all ones for unknown; STREAM_2 on */
	RDB_STREAM_PENDING,	/* id, n delivery count, ms delivery time */
	RDB_STREAM_SEEN,	/* ms; after its CONSUMER part */
	RDB_STREAM_ACTIVE,	/* ms; STREAM_3 on */
	RDB_STREAM_OWNED,	/* id: pending with the consumer before */
};

/*
 * The visitor's functions may be NULL; then the reader skips that work.  Each
 * returns 0, or -1 with err filled, which ends the reading.  Bytes passed are
 * valid during the call only.
 */
struct rdb_visitor_ops {
	/* valkey: the header said VALKEY. */
	int (*header)(
	    struct rdb_visitor *, int version, bool valkey, struct err *);
	int (*aux)(struct rdb_visitor *, const unsigned char *name,
	    size_t name_len, const unsigned char *value, size_t value_len,
	    struct err *);
	/* A library's source. (FUNCTION2) */
	int (*function)(struct rdb_visitor *, const unsigned char *, size_t len,
	    struct err *);
	/* Module data outside of keys. */
	int (*module_aux)(
	    struct rdb_visitor *, uint64_t module_id, struct err *);
	/* Hints of the writer: keys and keys with expiry of this database. */
	int (*resize_db)(struct rdb_visitor *, uint32_t db, uint64_t keys,
	    uint64_t expires, struct err *);

	int (*key_begin)(
	    struct rdb_visitor *, const struct rdb_key *, struct err *);
	/*
	 * The value as the file has it, after the type byte, in pieces, which
	 * together are what a DUMP payload holds between type and footer.
	 */
	int (*raw)(struct rdb_visitor *, const unsigned char *, size_t len,
	    struct err *);
	/* The value decoded, whatever its encoding. */
	int (*piece)(struct rdb_visitor *, enum rdb_part, const unsigned char *,
	    size_t len, bool last, struct err *);
	/*
	 * A string of the value that a server keeps as one block, as it is in
	 * the file: ziplist, listpack, intset, zipmap, or a list's element in
	 * a node of its own.  Comes before what is in it, with its size
	 * decompressed, as the file claims it.  id: a stream node's.
	 */
	int (*block)(struct rdb_visitor *, uint64_t size, struct rdb_stream_id,
	    struct err *);
	/* Never NaN.  0 and -0 are one score to Redis, which shows them apart. */
	int (*score)(struct rdb_visitor *, double, struct err *);
	/* Absolute Unix time at which the field named before expires; comes
	 * after its value and only for fields that expire. */
	int (*field_expiry)(
	    struct rdb_visitor *, int64_t expires_ms, struct err *);
	int (*stream_entry)(struct rdb_visitor *, struct rdb_stream_id,
	    uint64_t fields, struct err *);
	int (*stream_fact)(struct rdb_visitor *, enum rdb_stream_fact,
	    struct rdb_stream_id, uint64_t n, int64_t ms, struct err *);
	/* raw_bytes as passed to raw; elements as a user counts them. */
	int (*key_end)(struct rdb_visitor *, uint64_t raw_bytes,
	    uint64_t elements, struct err *);
};

struct rdb_visitor {
	const struct rdb_visitor_ops *ops;
};

/* Up to six visitors see each event, in the order they were added. */
struct rdb_reader *rdb_reader_new(void);
void rdb_reader_free(struct rdb_reader *);
void rdb_reader_add(struct rdb_reader *, struct rdb_visitor *);

/*
 * Function libraries that are in the set are not told, and those that are told
 * are added: for the dumps of several servers that are read as one.
 */
void rdb_reader_libraries(struct rdb_reader *, struct library_set *);

/*
 * After a failure every later call fails alike.  After the end only zeros may
 * come, and before them the 40 hex digits that end a diskless replication.
 */
int rdb_reader_feed(struct rdb_reader *, const void *, size_t, struct err *);

/* Fails with ERR_CORRUPT when the file is not at its end. */
int rdb_reader_finish(struct rdb_reader *, struct err *);

/* Bytes of the biggest; 0: none, or not known. */
struct rdb_sizes {
	uint64_t string;  /* string value, decompressed */
	uint64_t element; /* element of another kind, or packed blob of them */
	uint64_t whole;	  /* name, library or module value: in no parts */
	uint64_t label;	  /* name of a stream's group or consumer */
	uint64_t fields;  /* not bytes: of the stream entry that has the most,
			   * where a visitor wanted values decoded */
};

/* The bigger of each. */
void rdb_sizes_join(struct rdb_sizes *, const struct rdb_sizes *);

struct rdb_summary {
	int version;
	bool valkey;
	bool complete;	  /* end seen and CRC64 right (or absent) */
	bool has_crc;	  /* not written with checksums disabled */
	uint64_t crc64;	  /* computed, of all before the trailer */
	uint64_t size;	  /* without padding after the end */
	uint64_t padding; /* zero bytes after the end */
	uint64_t keys;
	uint32_t types_seen; /* bit t set: type byte t occurs (t < 32) */
	bool has_functions, has_modules;
	uint32_t db_max; /* the highest database number */
	/* Bytes of the biggest value, as passed to raw, or key's name, or
	 * library behind its length; 0: none, or not known. */
	uint64_t value_max;
	struct rdb_sizes sizes;
};

/* Grows as bytes are fed. */
void rdb_reader_summary(const struct rdb_reader *, struct rdb_summary *);

/* True once the end and its CRC64 were seen: what follows is not the file. */
bool rdb_reader_at_end(const struct rdb_reader *);

/*
 * For a stream that goes on after the file (replication with $EOF): feed that
 * stops at the end, and tells how many bytes it took.
 */
int rdb_reader_feed_some(
    struct rdb_reader *, const void *, size_t, size_t *taken, struct err *);

#endif
