/* utf8.h -- what may stand in a JSON document. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stddef.h>

/* Of the character that a string goes on with; 0 for what is no UTF-8
 * (RFC 3629), and 1 at its end. */
size_t utf8_bytes(const char *);

#endif
