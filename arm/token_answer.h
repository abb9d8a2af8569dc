/*
 * token_answer.h -- what the token endpoints answer, taken apart.
 *
 * They agree on "access_token" and on little else: lifetimes come as numbers
 * or as strings of digits, as seconds left ("expires_in") or as a date
 * ("expires_on": Unix seconds, RFC 3339, RFC 1123 or m/d/Y).
 */
#ifndef ARM_TOKEN_ANSWER_H
#define ARM_TOKEN_ANSWER_H

#include <stddef.h>
#include <stdint.h>

struct err;
struct http_response;
struct scope;
struct token;

#define TOKEN_ANSWER_MAX ((size_t)256 << 10)

/*
 * now_ms is the wall clock's.  Seconds left are believed before a date, so
 * that a clock that is wrong does no harm.  ERR_CORRUPT when there is no token
 * that a header could carry, or it is over already.
 */
int token_answer_parse(const char *text, size_t len, int64_t now_ms,
    struct token *out, struct err *);

/*
 * Fill err from an answer that is no success: for whom there is no token, the
 * status, its error and description (bounded, on one line, without the ids and
 * the time that Entra repeats there).  A passing state is ERR_TRANSIENT, all
 * else ERR_AUTH.  Always -1.
 */
int token_answer_refused(const struct http_response *, const struct scope *,
    const char *who, struct err *);

#endif
