/*
 * blob_name.h -- in which order names stand, and which can be one.
 *
 * Listings ascend by UTF-16 code units, as Azurite's do (measured); Azure
 * documents "lexicographic" and nothing more.  It differs from the order of
 * bytes only where a character beyond U+FFFF meets one from U+E000 to U+FFFF.
 */
#ifndef STORAGE_BLOB_NAME_H
#define STORAGE_BLOB_NAME_H

struct err;

/* <0, 0, >0.  Of what is no UTF-8, the bytes decide, ranked in the same way, so
 * that there is one order for all. */
int blob_name_compare(const char *, const char *);

/*
 * ERR_USAGE, with the reason, for what Azure cannot hold: empty, over 1,024
 * characters (our own ceiling: BLOB_NAME_MAX bytes), over 254 segments, no UTF-8, a control character, or a segment "." or "..", which URLs drop.
 */
int blob_name_check(const char *, struct err *);

#endif
