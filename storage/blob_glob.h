/*
 * blob_glob.h -- patterns of blob names.
 *
 *	*	any run of characters but '/', also none
 *	**	any run; where a segment begins with it and ends with it, that
 *		and its '/' are any number of whole segments, also none
 *	?	one character but '/'
 *	[...]	one character of these and of ranges a-z, never '/'; after [!
 *		or [^ one of all others; a ']' that comes first is itself
 *	\	the next character as it is
 *
 * Characters are UTF-8; of what is none each byte is one.
 */
#ifndef STORAGE_BLOB_GLOB_H
#define STORAGE_BLOB_GLOB_H

#include <stdbool.h>

struct err;

#define GLOB_MAX 1024 /* bytes */

/* ERR_USAGE, quoting it, for what cannot be meant: over GLOB_MAX bytes, no
 * UTF-8, a '[' without its ']', a '\' at the end. */
int glob_check(const char *glob, struct err *);

/* The whole name, in time of the product of both lengths at most.  The glob
 * has been checked. */
bool glob_match(const char *glob, const char *name);

#endif
