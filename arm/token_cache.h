/*
 * token_cache.h -- a credential before another one, that keeps its tokens.
 *
 * One for each resource, until five minutes before it ends; where it lives for
 * two hours or more, another is asked for at its half life already.  However
 * many wait for one, one fetch is made, and all get what came of it.  While
 * the old token is good a failing fetch is no failure, and is not made again
 * for a while.  It is for any number of threads.
 */
#ifndef ARM_TOKEN_CACHE_H
#define ARM_TOKEN_CACHE_H

struct credential;

/*
 * Takes inner over.  forget() drops what is kept, once in ten seconds: the
 * others of many requests that were refused are told of a token which is no
 * longer there.
 */
struct credential *token_cache_new(struct credential *inner);

#endif
