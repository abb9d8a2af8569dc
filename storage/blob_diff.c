#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "storage/blob_name.h"
#include "storage/blob_traits.h"
#include "storage/store.h"

#include "storage/blob_diff.h"

static const struct {
	const char *name, *advice;
} skips[SKIPS] = {
    [SKIP_NOT] = {"not", NULL},
    [SKIP_FILTERED] = {"filtered", NULL},
    [SKIP_ARCHIVED] = {"archived",
	"give them another tier, or allow them to be rehydrated"},
    [SKIP_REHYDRATING] = {"rehydrating", "a run after that copies them"},
    [SKIP_PENDING_COPY] = {"pending",
	"a copy into them goes on at the source; a run after that copies them"},
    [SKIP_DIRECTORY] = {"directory",
	"the destination knows none; what is in them is copied"},
    [SKIP_NAME] = {"name",
	"the destination cannot hold it; rename them at the source"},
    [SKIP_OURS] = {"ours",
	"they came from the destination, and changed there; the job of the "
	"other direction brings that"},
};

const char *
diff_skip_name(enum diff_skip skip)
{
	return skips[skip].name;
}

const char *
diff_skip_advice(enum diff_skip skip)
{
	return skips[skip].advice;
}

/* Of what cannot be told nothing is known, and that is all zeros. */
static const struct blob_traits *
traits_of(const struct list_item *item)
{
	static const struct blob_traits none;

	return item->traits != NULL ? item->traits : &none;
}

/* Whoever marks something larger so has a blob of that name. */
static bool
is_directory(const struct list_item *item)
{
	return traits_of(item)->is_directory && item->props.size == 0;
}

static bool
same_etag(const char *recorded, const char *etag)
{
	size_t len = strlen(etag);

	if (len >= 2 && etag[0] == '"' && etag[len - 1] == '"') {
		etag++;
		len -= 2;
	}
	return len > 0 && strlen(recorded) == len &&
	    memcmp(recorded, etag, len) == 0;
}

/* The ETag from which that pair copied it; NULL: it did not. */
static const char *
recorded(const struct list_item *item, const char *pair)
{
	const char *value = trait_get(
	    &traits_of(item)->metadata, TRAIT_SOURCE_NAME);
	size_t len;

	if (value == NULL || pair == NULL)
		return NULL;
	len = strlen(pair);
	return strncmp(value, pair, len) == 0 && value[len] == ':'
	    ? value + len + 1
	    : NULL;
}

/* One is the copy of the other as it is now. */
static bool
is_copy_of(
    const struct list_item *item, const struct list_item *of, const char *pair)
{
	const char *etag = recorded(item, pair);

	return etag != NULL && same_etag(etag, of->props.etag);
}

static bool
has_hash(const struct list_item *item)
{
	return item->props.has_md5 && item->props.type == BLOB_BLOCK;
}

/* What a Copy Blob has not ended with success may be zeros, of the right size
 * and with the right mark. */
static bool
is_whole(const struct list_item *copy)
{
	const char *status = traits_of(copy)->copy_status;

	return status == NULL || strcasecmp(status, "success") == 0;
}

enum likeness { UNLIKE, LIKE_BY_ETAG, LIKE_BY_HASH };

static enum likeness
compare(const struct diff_opts *o, const struct list_item *source,
    const struct list_item *copy)
{
	if (copy == NULL || source->props.size != copy->props.size)
		return UNLIKE;
	if (has_hash(source) && has_hash(copy))
		return memcmp(source->props.md5, copy->props.md5, MD5_BYTES) ==
			0
		    ? LIKE_BY_HASH
		    : UNLIKE;
	if (source->props.size == 0 &&
	    is_directory(source) == is_directory(copy))
		return LIKE_BY_HASH; /* which of nothing is one */
	if (is_copy_of(copy, source, o->pair) && is_whole(copy))
		return LIKE_BY_ETAG;
	/* A disk is written to in place, of which its size and what the back
	 * pair recorded tell nothing. */
	return source->props.type != BLOB_PAGE &&
		is_copy_of(source, copy, o->back_pair)
	    ? LIKE_BY_ETAG
	    : UNLIKE;
}

/*
 * Metadata goes with a block blob's content; what is written to in place
 * keeps it, and then says nothing of what is in the blob by now.
 */
static bool
is_ours(const struct diff_opts *o, const struct list_item *source,
    const struct list_item *copy)
{
	return copy != NULL && source->props.type == BLOB_BLOCK &&
	    recorded(source, o->back_pair) != NULL;
}

/* Why it cannot be copied now, or must not. */
static enum diff_skip
why_not(const struct diff_opts *o, const struct list_item *source,
    const struct list_item *copy)
{
	const struct blob_traits *t = traits_of(source);
	struct err ignored;

	if (t->copy_status != NULL &&
	    strcasecmp(t->copy_status, "pending") == 0)
		return SKIP_PENDING_COPY;
	if (is_ours(o, source, copy))
		return SKIP_OURS;
	if (t->rehydrating != NULL)
		return SKIP_REHYDRATING;
	if (t->tier == TIER_ARCHIVE && !o->take_archived)
		return SKIP_ARCHIVED;
	if (copy == NULL && blob_name_check(source->name, &ignored) != 0)
		return SKIP_NAME;
	return SKIP_NOT;
}

static unsigned
traits_to_mend(const struct diff_opts *o, const struct list_item *source,
    const struct list_item *copy)
{
	const struct blob_traits *t = traits_of(source);
	unsigned what = o->traits;

	if (source->traits == NULL || copy->traits == NULL)
		return 0;
	/* It says "archive" until it is done. */
	if (t->rehydrating != NULL)
		what &= ~(unsigned)TRAIT_TIER;
	return blob_traits_differ(t, copy->traits, what);
}

void
blob_diff(const struct diff_opts *o, const struct list_item *source,
    const struct list_item *copy, struct diff *d)
{
	enum likeness like = compare(o, source, copy);

	*d = (struct diff){0};
	if (is_directory(source) && !o->to_has_directories) {
		d->verdict = DIFF_SKIP;
		d->skip = SKIP_DIRECTORY;
	} else if (like == UNLIKE) {
		d->skip = why_not(o, source, copy);
		d->verdict = d->skip == SKIP_NOT ? DIFF_COPY : DIFF_SKIP;
	} else {
		d->content_known = like == LIKE_BY_HASH;
		d->traits = traits_to_mend(o, source, copy);
		d->verdict = d->traits == 0 ? DIFF_SAME : DIFF_MEND;
	}
}
