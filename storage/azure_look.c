#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/http.h"
#include "storage/azure_time.h"
#include "storage/azure_xml.h"
#include "storage/blob_traits.h"

#include "storage/azure_look.h"

#define META	      "x-ms-meta-"
#define METADATA_MOST METADATA_BYTES_MAX /* of names without a value */

/* What takes a value; at is where in the traits. */
typedef int
take_fn(struct azure_look *, void *at, const char *value, struct err *);

static int
take_text(struct azure_look *k, void *at, const char *value, struct err *err)
{
	(void)err;
	*(const char **)at = arena_strdup(k->arena, value);
	return 0;
}

static int
take_flag(struct azure_look *k, void *at, const char *value, struct err *err)
{
	(void)k;
	(void)err;
	*(bool *)at = strcasecmp(value, "true") == 0;
	return 0;
}

static int
take_instant(struct azure_look *k, void *at, const char *value, struct err *err)
{
	(void)k;
	return azure_time_parse(value, at, err);
}

static int
number(const char *value, int64_t *out, struct err *err)
{
	char *end;

	errno = 0;
	*out = strtoll(value, &end, 10);
	if (errno != 0 || *end != '\0' || end == value || *out < 0)
		return err_set(err, ERR_CORRUPT, "'%.40s' is no count", value);
	return 0;
}

static int
take_sequence(
    struct azure_look *k, void *at, const char *value, struct err *err)
{
	(void)k;
	return number(value, at, err);
}

static int
take_tag_count(
    struct azure_look *k, void *at, const char *value, struct err *err)
{
	int64_t n;

	(void)k;
	if (number(value, &n, err) != 0)
		return -1;
	*(unsigned *)at = n < TAGS_MAX ? (unsigned)n : TAGS_MAX;
	return 0;
}

static int
take_lease(struct azure_look *k, void *at, const char *value, struct err *err)
{
	(void)k;
	(void)err;
	*(bool *)at = strcasecmp(value, "locked") == 0;
	return 0;
}

static int
take_hold(struct azure_look *k, void *at, const char *value, struct err *err)
{
	(void)k;
	(void)err;
	if (strcasecmp(value, "true") == 0)
		*(bool *)at = true;
	return 0;
}

static int
take_hold_until(
    struct azure_look *k, void *at, const char *value, struct err *err)
{
	int64_t until_ms;

	if (azure_time_parse(value, &until_ms, err) != 0)
		return -1;
	if (until_ms > k->now_ms)
		*(bool *)at = true;
	return 0;
}

static int
take_resource(
    struct azure_look *k, void *at, const char *value, struct err *err)
{
	(void)k;
	(void)err;
	*(bool *)at = strcasecmp(value, "directory") == 0;
	return 0;
}

#define ROW(name, take, field) \
	{ \
		name, sizeof(name) - 1, take, \
		    offsetof(struct blob_traits, field) \
	}

/* First as listings name them, in about their order. */
static const struct row {
	const char *name;
	size_t len;
	take_fn *take;
	size_t at;
} rows[] = {
    ROW("Creation-Time", take_instant, created_ms),
    ROW("Content-Type", take_text, content_type),
    ROW("Content-Encoding", take_text, content_encoding),
    ROW("Content-Language", take_text, content_language),
    ROW("Cache-Control", take_text, cache_control),
    ROW("Content-Disposition", take_text, content_disposition),
    ROW("AccessTier", take_text, tier_name),
    ROW("AccessTierInferred", take_flag, tier_is_inferred),
    ROW("LeaseStatus", take_lease, is_leased),
    ROW("ArchiveStatus", take_text, rehydrating),
    ROW("CopyId", take_text, copy_id),
    ROW("CopyStatus", take_text, copy_status),
    ROW("TagCount", take_tag_count, tag_count),
    ROW("Sealed", take_flag, is_sealed),
    ROW("ResourceType", take_resource, is_directory),
    ROW("LegalHold", take_hold, is_held),
    ROW("ImmutabilityPolicyUntilDate", take_hold_until, is_held),
    ROW("Snapshot", take_text, snapshot),
    ROW("VersionId", take_text, version),
    ROW("IsCurrentVersion", take_flag, is_current_version),
    ROW("Deleted", take_flag, is_deleted),
    ROW("x-ms-blob-sequence-number", take_sequence, sequence_number),
    ROW("x-ms-creation-time", take_instant, created_ms),
    ROW("x-ms-access-tier", take_text, tier_name),
    ROW("x-ms-access-tier-inferred", take_flag, tier_is_inferred),
    ROW("x-ms-lease-status", take_lease, is_leased),
    ROW("x-ms-archive-status", take_text, rehydrating),
    ROW("x-ms-copy-id", take_text, copy_id),
    ROW("x-ms-copy-status", take_text, copy_status),
    ROW("x-ms-tag-count", take_tag_count, tag_count),
    ROW("x-ms-blob-sealed", take_flag, is_sealed),
    ROW("x-ms-resource-type", take_resource, is_directory),
    ROW("x-ms-legal-hold", take_hold, is_held),
    ROW("x-ms-immutability-policy-until-date", take_hold_until, is_held),
    ROW("x-ms-version-id", take_text, version),
    ROW("x-ms-is-current-version", take_flag, is_current_version),
};

void
azure_look_begin(struct azure_look *k, struct blob_traits *t)
{
	*t = (struct blob_traits){.sequence_number = -1};
	k->traits = t;
}

void
azure_look_end(struct azure_look *k)
{
	struct blob_traits *t = k->traits;
	const char *stub = trait_get(&t->metadata, "hdi_isfolder");

	t->tier = blob_tier_parse(t->tier_name);
	if (stub != NULL && strcasecmp(stub, "true") == 0)
		t->is_directory = true;
	if (t->version == NULL)
		t->is_current_version = true;
	if (t->tags_told)
		t->tag_count = (unsigned)t->tags.n;
	trait_sort(&t->metadata, true);
	trait_sort(&t->tags, false);
}

int
azure_look_take(
    struct azure_look *k, const char *name, const char *value, struct err *err)
{
	size_t len = strlen(name);

	if (*value == '\0')
		return 0;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (rows[i].len == len && strcasecmp(rows[i].name, name) == 0)
			return rows[i].take(
			    k, (char *)k->traits + rows[i].at, value, err);
	return 0;
}

/* There is room up to the next power of two. */
static void
add(struct arena *a, struct trait_list *l, const char *name, const char *value)
{
	if ((l->n & (l->n - 1)) == 0) {
		size_t room = l->n > 0 ? 2 * l->n : 1;
		struct trait *list = arena_alloc(a, room * sizeof(*list));

		if (l->n > 0)
			memcpy(list, l->list, l->n * sizeof(*list));
		l->list = list;
	}
	l->list[l->n++] = (struct trait){
	    arena_strdup(a, name), arena_strdup(a, value)};
}

int
azure_look_metadata(
    struct azure_look *k, const char *name, const char *value, struct err *err)
{
	if (k->traits->metadata.n == METADATA_MOST)
		return err_set(err, ERR_CORRUPT, "a blob with over %d metadata",
		    METADATA_MOST);
	/* So a listing tells a name that XML cannot hold, in the text. */
	if (strcmp(name, "x-ms-invalid-name") == 0)
		add(k->arena, &k->traits->metadata, value, "");
	else
		add(k->arena, &k->traits->metadata, name, value);
	return 0;
}

int
azure_look_tag(
    struct azure_look *k, const char *name, const char *value, struct err *err)
{
	if (k->traits->tags.n == TAGS_MAX)
		return err_set(
		    err, ERR_CORRUPT, "a blob with over %d tags", TAGS_MAX);
	add(k->arena, &k->traits->tags, name, value);
	return 0;
}

int
azure_look_headers(struct azure_look *k, struct blob_traits *t,
    const struct http_headers *headers, struct err *err)
{
	azure_look_begin(k, t);
	for (size_t i = 0; i < headers->n; i++) {
		const struct http_header *h = &headers->list[i];
		int rc;

		if (strncasecmp(h->name, META, sizeof(META) - 1) == 0)
			rc = azure_look_metadata(
			    k, h->name + sizeof(META) - 1, h->value, err);
		else
			rc = azure_look_take(k, h->name, h->value, err);
		if (rc != 0)
			return -1;
	}
	azure_look_end(k);
	return 0;
}

struct tags {
	struct azure_look *look;
	const char *name; /* of the open one */
	bool is_root;
};

static int
on_close(void *arg, const struct azure_xml_place *at, const char *text,
    struct err *err)
{
	struct tags *t = arg;
	const char *name = t->name;

	if (strcmp(at->path, "Tags") == 0)
		t->is_root = true;
	if (strcmp(at->path, "Tags/TagSet/Tag/Key") == 0)
		t->name = arena_strdup(t->look->arena, text);
	if (strcmp(at->path, "Tags/TagSet/Tag/Value") != 0)
		return 0;
	t->name = NULL;
	if (name == NULL)
		return err_set(err, ERR_CORRUPT, "a tag without a name");
	return azure_look_tag(t->look, name, text, err);
}

int
azure_look_tags(
    struct azure_look *k, const char *xml, size_t len, struct err *err)
{
	struct tags t = {.look = k};
	const struct azure_xml_reader reader = {.arg = &t, .close = on_close};

	k->traits->tags = (struct trait_list){0};
	if (azure_xml_read(xml, len, &reader, err) != 0)
		return -1;
	if (!t.is_root)
		return err_set(err, ERR_CORRUPT, "XML that is no set of tags");
	k->traits->tags_told = true;
	azure_look_end(k);
	return 0;
}
