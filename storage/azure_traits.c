#include <stddef.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/http.h"
#include "base/url.h"
#include "storage/blob_traits.h"

#include "storage/azure_traits.h"

/* Ten tags, of which each byte may have to be encoded. */
#define TAGS_TEXT_MAX ((size_t)16 << 10)

static void
add_headers(struct http_headers *h, const struct blob_traits *t)
{
	const struct {
		const char *name, *value;
	} list[] = {
	    {"x-ms-blob-content-type", t->content_type},
	    {"x-ms-blob-content-encoding", t->content_encoding},
	    {"x-ms-blob-content-language", t->content_language},
	    {"x-ms-blob-content-disposition", t->content_disposition},
	    {"x-ms-blob-cache-control", t->cache_control},
	};

	for (size_t i = 0; i < sizeof(list) / sizeof(*list); i++)
		if (list[i].value != NULL)
			http_headers_set(h, list[i].name, list[i].value);
}

static void
add_metadata(struct http_headers *h, const struct trait_list *metadata)
{
	struct buf name;

	buf_init(&name, METADATA_BYTES_MAX + sizeof("x-ms-meta-"));
	for (size_t i = 0; i < metadata->n; i++) {
		buf_truncate(&name, 0);
		buf_adds(&name, "x-ms-meta-");
		buf_adds(&name, metadata->list[i].name);
		http_headers_add(h, name.data, metadata->list[i].value);
	}
	buf_release(&name);
}

static void
add_tags(struct http_headers *h, const struct trait_list *tags)
{
	struct buf text;

	if (tags->n == 0)
		return;
	buf_init(&text, TAGS_TEXT_MAX);
	for (size_t i = 0; i < tags->n; i++) {
		if (i > 0)
			buf_addc(&text, '&');
		url_encode(&text, tags->list[i].name, false);
		buf_addc(&text, '=');
		url_encode(&text, tags->list[i].value, false);
	}
	http_headers_set(h, "x-ms-tags", text.data);
	buf_release(&text);
}

const char *
azure_traits_tier(const struct blob_traits *t)
{
	static const char *const names[] = {
	    [TIER_HOT] = "Hot",
	    [TIER_COOL] = "Cool",
	    [TIER_COLD] = "Cold",
	    [TIER_ARCHIVE] = "Archive",
	};

	if (t->tier == TIER_NONE || t->tier_is_inferred)
		return NULL;
	return t->tier == TIER_OTHER ? t->tier_name : names[t->tier];
}

void
azure_traits_add(
    struct http_headers *h, const struct blob_traits *t, unsigned which)
{
	if ((which & TRAIT_HEADERS) != 0)
		add_headers(h, t);
	if ((which & TRAIT_METADATA) != 0)
		add_metadata(h, &t->metadata);
	if ((which & TRAIT_TAGS) != 0 && t->tags_told)
		add_tags(h, &t->tags);
	if ((which & TRAIT_TIER) != 0 && azure_traits_tier(t) != NULL)
		http_headers_set(h, "x-ms-access-tier", azure_traits_tier(t));
}

void
azure_traits_add_md5(struct http_headers *h, const unsigned char *md5)
{
	struct buf text;

	if (md5 == NULL)
		return;
	buf_init(&text, 32);
	base64_encode(&text, md5, MD5_BYTES);
	http_headers_set(h, "x-ms-blob-content-md5", text.data);
	buf_release(&text);
}
