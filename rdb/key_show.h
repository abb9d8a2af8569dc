/* key_show.h -- a key as it may be shown to people and terminals. */
#ifndef RDB_KEY_SHOW_H
#define RDB_KEY_SHOW_H

#include <stddef.h>

struct buf;

/*
 * Printable ASCII and valid UTF-8 as they are, a backslash doubled, every
 * other byte as \xHH: control characters and those that turn the direction of
 * text included, so that a key cannot write over what stands around it.  At
 * most RDB_KEY_SHOWN_MAX bytes are added, the last of them "..." when cut.
 */
void key_show(struct buf *, const unsigned char *, size_t);

/* The same as a string, to be freed. */
char *key_shown(const unsigned char *, size_t);

#endif
