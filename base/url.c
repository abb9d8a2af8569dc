#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/redact.h"
#include "base/xalloc.h"

#include "base/url.h"

/* Error texts quote nothing of the URL: any part of a broken one may turn out
 * to be the password.  The caller knows where it stood. */

static bool
is_unreserved(unsigned char c)
{
	return c < 0x80 && c != '\0' &&
	    (isalnum(c) || strchr("-._~", c) != NULL);
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static char *
slice(const char *from, const char *to)
{
	size_t len = (size_t)(to - from);
	char *s = xmalloc(len + 1);

	memcpy(s, from, len);
	s[len] = '\0';
	return s;
}

static void
free_secret(char *s)
{
	if (s != NULL)
		explicit_bzero(s, strlen(s));
	free(s);
}

static int
check_bytes(const char *text, struct err *err)
{
	size_t len = strlen(text);

	if (len > URL_MAX)
		return err_set(
		    err, ERR_USAGE, "a URL is over %d bytes", URL_MAX);
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c <= ' ' || c == 0x7f)
			return err_set(err, ERR_USAGE,
			    "a URL holds a blank or a control character; "
			    "write it as %%%02X",
			    c);
		if (c == '#')
			return err_set(err, ERR_USAGE,
			    "a URL holds a '#'; write it as %%23");
	}
	return 0;
}

/* Fills scheme; *p moves behind the colon. */
static int
parse_scheme(struct url *u, const char **p, struct err *err)
{
	const char *end = *p;

	while (isalnum((unsigned char)*end) ||
	    (end > *p && *end != '\0' && strchr("+-.", *end) != NULL))
		end++;
	if (end == *p || *end != ':' || !isalpha((unsigned char)**p))
		return err_set(
		    err, ERR_USAGE, "not a URL: it starts with no scheme");
	u->scheme = slice(*p, end);
	for (char *c = u->scheme; *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c);
	*p = end + 1;
	return 0;
}

/* user[:password] */
static int
parse_userinfo(struct url *u, const char *p, const char *end, struct err *err)
{
	const char *colon = memchr(p, ':', (size_t)(end - p));
	const char *user_end = colon != NULL ? colon : end;

	if (memchr(p, '@', (size_t)(end - p)) != NULL)
		return err_set(err, ERR_USAGE,
		    "a URL's user or password holds an '@'; write it as %%40");
	if (user_end > p)
		u->user = slice(p, user_end);
	if (colon != NULL)
		u->password = slice(colon + 1, end);
	if ((u->user != NULL && url_decode(u->user, err) != 0) ||
	    (u->password != NULL && url_decode(u->password, err) != 0))
		return err_in(err, "a URL's user or password");
	return 0;
}

static int
parse_port(struct url *u, const char *p, const char *end, struct err *err)
{
	int port = 0;

	if (p == end)
		return 0;
	for (; p < end && isdigit((unsigned char)*p) && port <= 65535; p++)
		port = 10 * port + (*p - '0');
	if (p < end || port == 0 || port > 65535)
		return err_set(err, ERR_USAGE,
		    "a URL's port is no number from 1 to 65535 (a ':', '/' or "
		    "'@' in a password is written as %%3A, %%2F, %%40)");
	u->port = port;
	return 0;
}

/* host[:port], of which host may be an IPv6 address in brackets. */
static int
parse_host(struct url *u, const char *p, const char *end, struct err *err)
{
	const char *host = p;
	bool six = p < end && *p == '[';
	const char *stop;

	if (six) {
		host++;
		stop = memchr(p, ']', (size_t)(end - p));
		p = stop != NULL ? stop + 1 : end;
	} else {
		stop = memchr(p, ':', (size_t)(end - p));
		if (stop == NULL)
			stop = end;
		p = stop;
	}
	if (stop == NULL || (p < end && *p != ':') || (six && stop == host))
		return err_set(
		    err, ERR_USAGE, "a URL's host in brackets is malformed");
	for (const char *c = host; c < stop; c++) {
		if (six ? strchr("0123456789abcdefABCDEF:.", *c) == NULL
			: !is_unreserved((unsigned char)*c))
			return err_set(err, ERR_USAGE,
			    "a URL's host holds a character that no host has");
	}
	u->host = slice(host, stop);
	return p < end ? parse_port(u, p + 1, end, err) : 0;
}

/* *p, behind the two slashes, moves to the path. */
static int
parse_authority(struct url *u, const char **p, struct err *err)
{
	const char *start = *p;
	const char *end = start + strcspn(start, "/?");
	const char *at = memrchr(start, '@', (size_t)(end - start));

	*p = end;
	if (at != NULL && parse_userinfo(u, start, at, err) != 0)
		return -1;
	start = at != NULL ? at + 1 : start;
	if (start == end && at != NULL)
		return err_set(err, ERR_USAGE, "a URL has a user and no host");
	return parse_host(u, start, end, err);
}

int
url_parse(struct url *u, const char *text, struct err *err)
{
	const char *p = text;
	const char *query;

	*u = (struct url){0};
	if (check_bytes(text, err) != 0 || parse_scheme(u, &p, err) != 0)
		goto fail;
	if (p[0] == '/' && p[1] == '/') {
		p += 2;
		if (parse_authority(u, &p, err) != 0)
			goto fail;
	} else {
		u->host = xstrdup("");
		if (p[0] != '/') {
			err_set(err, ERR_USAGE,
			    "a URL has no slash after its scheme");
			goto fail;
		}
	}
	query = strchrnul(p, '?');
	u->path = slice(p, query);
	if (*query == '?')
		u->query = xstrdup(query + 1);
	return 0;
fail:
	url_release(u);
	return -1;
}

void
url_release(struct url *u)
{
	free(u->scheme);
	free(u->user);
	free_secret(u->password);
	free(u->host);
	free(u->path);
	free_secret(u->query);
	*u = (struct url){0};
}

bool
url_is_loopback(const char *host)
{
	return strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 ||
	    (strncmp(host, "127.", 4) == 0 &&
		host[strspn(host, "0123456789.")] == '\0');
}

bool
url_is_private(const struct url *u)
{
	return strcmp(u->scheme, "https") == 0 ||
	    (strcmp(u->scheme, "http") == 0 && url_is_loopback(u->host));
}

void
url_encode(struct buf *out, const char *text, bool keep_slash)
{
	for (const char *p = text; *p != '\0'; p++) {
		const char *from = p;

		while (is_unreserved((unsigned char)*p) ||
		    (keep_slash && *p == '/'))
			p++;
		buf_add(out, from, (size_t)(p - from));
		if (*p == '\0')
			break;
		buf_addf(out, "%%%02X", (unsigned char)*p);
	}
}

int
url_decode(char *text, struct err *err)
{
	char *out = text;

	for (const char *p = text; *p != '\0'; p++) {
		int high, low;

		if (*p != '%')
			continue;
		high = hex_value(p[1]);
		low = high >= 0 ? hex_value(p[2]) : -1;
		if (low < 0)
			return err_set(err, ERR_USAGE,
			    "a '%%' is not followed by two hexadecimal "
			    "digits; write it as %%25");
		if (high == 0 && low == 0)
			return err_set(err, ERR_USAGE, "%%00 is not allowed");
	}
	for (const char *p = text; *p != '\0'; p++) {
		if (*p == '%') {
			*out++ = (char)(hex_value(p[1]) << 4 | hex_value(p[2]));
			p += 2;
		} else {
			*out++ = *p;
		}
	}
	*out = '\0';
	return 0;
}

char *
url_query_get(const char *query, const char *name)
{
	const char *p = query;

	while (p != NULL && *p != '\0') {
		const char *end = strchrnul(p, '&');
		const char *equals = memchr(p, '=', (size_t)(end - p));
		char *key = slice(p, equals != NULL ? equals : end);
		struct err err;
		bool found = url_decode(key, &err) == 0 &&
		    strcmp(key, name) == 0;
		char *value;

		free(key);
		if (!found) {
			p = *end == '&' ? end + 1 : end;
			continue;
		}
		value = equals != NULL ? slice(equals + 1, end) : xstrdup("");
		if (url_decode(value, &err) == 0)
			return value;
		free_secret(value);
		return NULL;
	}
	return NULL;
}

void
url_show(struct buf *out, const char *text)
{
	redact(out, text);
}
