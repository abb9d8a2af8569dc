/*
 * file_traits.h -- what a blob carries, as one line of text.
 *
 *	h.type=text%2Fplain&h.cache=no-cache&m.NAME=VALUE&t.NAME=VALUE
 *
 * Content headers, metadata, tags; each name and value percent-encoded.  The
 * content type comes first.  A tier is the service's, and not kept.
 */
#ifndef STORAGE_FILE_TRAITS_H
#define STORAGE_FILE_TRAITS_H

struct arena;
struct blob_traits;
struct buf;

void file_traits_format(struct buf *, const struct blob_traits *);

/* The text is taken apart; of one that is not ours, what there is. */
void file_traits_parse(char *text, struct arena *, struct blob_traits *);

/* What there is to tell of a file that says nothing. */
void file_traits_none(struct blob_traits *);

#endif
