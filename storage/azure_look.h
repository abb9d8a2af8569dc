/*
 * azure_look.h -- what a blob carries, as headers and listings tell of it.
 *
 * Beside azure_props.h, which takes what every blob has; both are offered each
 * value.  Text goes into the arena.
 */
#ifndef STORAGE_AZURE_LOOK_H
#define STORAGE_AZURE_LOOK_H

#include <stdint.h>

struct arena;
struct blob_traits;
struct err;
struct http_headers;

struct azure_look {
	struct arena *arena;
	int64_t now_ms; /* by which an immutability policy has ended or not */
	struct blob_traits *traits;
};

/* One blob, from nothing told to all. */
void azure_look_begin(struct azure_look *, struct blob_traits *);
void azure_look_end(struct azure_look *);

/*
 * A named value: of a header, or of a listing's element.  Names compare
 * without case; unknown ones are passed over, as are empty values.
 * ERR_CORRUPT for a value that is not what its name says.
 */
int azure_look_take(
    struct azure_look *, const char *name, const char *value, struct err *);

/* ERR_CORRUPT for more than a blob can have. */
int azure_look_metadata(
    struct azure_look *, const char *name, const char *value, struct err *);
int azure_look_tag(
    struct azure_look *, const char *name, const char *value, struct err *);

/* All of the answer to Get Blob Properties, begin and end included. */
int azure_look_headers(struct azure_look *, struct blob_traits *,
    const struct http_headers *, struct err *);

/* The answer to Get Blob Tags; tags_told is true then. */
int
azure_look_tags(struct azure_look *, const char *xml, size_t len, struct err *);

#endif
