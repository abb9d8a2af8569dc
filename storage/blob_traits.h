/*
 * blob_traits.h -- what a blob carries beside its bytes.
 *
 * Content headers, metadata, index tags, tier and what it stands for in the
 * listing.  All text belongs to an arena: a page's, or a blob_view's.  NULL is
 * "not told", which a service does not tell from empty.
 */
#ifndef STORAGE_BLOB_TRAITS_H
#define STORAGE_BLOB_TRAITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "storage/store.h"

/* Azure's: the sum of all names and values; tags. */
#define METADATA_BYTES_MAX 8192
#define TAGS_MAX	   10

/*
 * The metadata by which a copy tells what it was made of; never carried on,
 * never compared.  Its value is the pair's id, a colon, the source's ETag
 * without quotes.
 */
#define TRAIT_SOURCE_NAME "drsync_source"

struct trait {
	const char *name, *value;
};

struct trait_list {
	struct trait *list; /* ascending by name, metadata without case */
	size_t n;
};

enum blob_tier {
	TIER_NONE, /* not told: page and append blobs, some accounts, file: */
	TIER_HOT,
	TIER_COOL,
	TIER_COLD,
	TIER_ARCHIVE,
	TIER_OTHER, /* its name is in tier_name: "P30", "Smart" */
};

/* Of the service's word for it; NULL and "" are TIER_NONE. */
enum blob_tier blob_tier_parse(const char *);

struct blob_traits {
	const char *content_type, *content_encoding, *content_language,
	    *content_disposition, *cache_control;
	struct trait_list metadata;
	struct trait_list tags;
	bool tags_told; /* else they are not known, and tag_count may be */
	unsigned tag_count;

	enum blob_tier tier;
	const char *tier_name;	 /* as the service writes it; NULL: none */
	bool tier_is_inferred;	 /* the account's default, not its own */
	const char *rehydrating; /* "rehydrate-pending-to-hot"; NULL: not */

	bool is_directory; /* of a hierarchical namespace, or a stub of one */
	bool is_leased;
	bool is_sealed;		 /* append blob */
	int64_t sequence_number; /* page blob; -1: not told */
	const char *snapshot;	 /* its time; NULL: the blob itself */
	const char *version;	 /* NULL: not told */
	bool is_current_version; /* or no version at all */
	bool is_deleted;	 /* soft: listed on request alone */
	const char *copy_id;	 /* of the last Copy Blob into it */
	const char *copy_status; /* "pending", ... */
	bool is_held;		 /* legal hold or unexpired immutability */
	int64_t created_ms;	 /* 0: not told */
};

/* One blob, looked at. */
struct blob_view {
	struct blob_props props;
	struct blob_traits traits;
	struct arena arena;
};

void blob_view_release(struct blob_view *);

/* What differs, or is to be set. */
enum trait_kind {
	TRAIT_HEADERS = 1 << 0,
	TRAIT_METADATA = 1 << 1,
	TRAIT_TAGS = 1 << 2,
	TRAIT_TIER = 1 << 3,
};

/*
 * Which of `what` the copy has not as the source has them.  No content type
 * and the default one are the same.  Tags that one side did not tell are not
 * compared; a tier is compared when the source's is its own and the copy's
 * type can have one, and one that the copy is on its way to is there.
 */
unsigned blob_traits_differ(const struct blob_traits *source,
    const struct blob_traits *copy, unsigned what);

/* Case is no difference.  NULL: absent. */
const char *trait_get(const struct trait_list *, const char *name);

/*
 * Metadata with one more, or with another value of it, in arena; with NULL
 * without it.  The array is a new one: copies of the list keep theirs.
 */
void trait_set(
    struct arena *, struct trait_list *, const char *name, const char *value);

/* Into the order that a trait_list has. */
void trait_sort(struct trait_list *, bool without_case);

/*
 * Which name, or value, the service would refuse: NULL is none.  Metadata
 * names are C# identifiers (ASCII here), values are printable ASCII; together
 * at most METADATA_BYTES_MAX.
 */
const char *trait_metadata_fault(const struct trait_list *);

#endif
