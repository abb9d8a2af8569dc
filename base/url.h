/*
 * url.h -- URLs taken apart and put together (RFC 3986).
 *
 * Percent-encoding is kept as it came: parts are slices of the given text,
 * and url_decode() is the caller's to use where a part is looked into.
 */
#ifndef BASE_URL_H
#define BASE_URL_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct err;

#define URL_MAX 8192

struct url {
	char *scheme;	/* lower case */
	char *user;	/* NULL when absent or empty; decoded */
	char *password; /* NULL when absent; decoded; a secret */
	char *host;	/* without brackets; "" when absent */
	int port;	/* 0 when absent */
	char *path;	/* encoded, "" or from the slash on */
	char *query;	/* encoded, without '?'; NULL when absent */
};

/* ERR_USAGE with a text that quotes nothing of the URL. */
int url_parse(struct url *, const char *text, struct err *);
void url_release(struct url *);

/* "localhost" or an address of this machine; no name that begins like one. */
bool url_is_loopback(const char *host);

/* Whether nobody on the way sees what goes there: https, or http that does not
 * leave this machine. */
bool url_is_private(const struct url *);

/* Encodes all but unreserved characters, and '/' when keep_slash. */
void url_encode(struct buf *, const char *, bool keep_slash);

/* In place; ERR_USAGE for a bad escape or an encoded NUL. */
int url_decode(char *, struct err *);

/*
 * The decoded value of a query parameter, to be freed; NULL when absent (or
 * badly encoded).
 */
char *url_query_get(const char *query, const char *name);

/*
 * The URL as it may be shown: no user information, and of the query only the
 * names and the values that are no secret ("sig=", "code=" and the like are
 * replaced).  For any text that may hold URLs or header lines, see redact().
 */
void url_show(struct buf *, const char *text);

#endif
