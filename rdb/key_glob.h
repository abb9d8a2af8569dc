/*
 * key_glob.h -- patterns of keys' names, as KEYS and SCAN read them.
 *
 * `*`, `?`, `[abc]`, `[a-z]`, `[^x]`, and `\` before what is meant itself, on
 * bytes.  What Redis makes of a pattern that is not well-formed is made of it
 * here too: a class that nothing closes ends with the pattern, and a range may
 * stand the wrong way round.
 *
 * A match takes time in proportion to pattern times name, whatever they are.
 *
 * Facts: redis/src/util.c, stringmatchlen().
 */
#ifndef RDB_KEY_GLOB_H
#define RDB_KEY_GLOB_H

#include <stdbool.h>
#include <stddef.h>

bool key_glob_match(const char *pattern, size_t pattern_len,
    const unsigned char *name, size_t name_len);

#endif
