#include <arpa/inet.h>
#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/url.h"
#include "base/xalloc.h"

#include "rdb/redis_target.h"

#define PORT_DEFAULT  6379
#define PORT_SENTINEL 26379
#define PORT_MAX      65535
#define DB_MAX	      999999
#define HOST_MAX      253 /* RFC 1035 */
#define MASTER_MAX    255

/* The whole of text as a number up to max; -1 when it is none. */
static int
parse_number(const char *text, int max)
{
	long n = 0;

	if (*text == '\0')
		return -1;
	for (; *text != '\0'; text++) {
		if (!isdigit((unsigned char)*text))
			return -1;
		n = n * 10 + (*text - '0');
		if (n > max)
			return -1;
	}
	return (int)n;
}

static int
parse_db(const char *text, int *db, struct err *err)
{
	*db = parse_number(text, DB_MAX);
	/* Not repeated: it may be of a password that was put there. */
	if (*db < 0)
		return err_set(err, ERR_USAGE,
		    "what follows the '/' or 'db=' of a redis URL is no "
		    "database number");
	return 0;
}

static bool
is_name(const char *s)
{
	size_t len = strlen(s);

	if (len == 0 || len > HOST_MAX)
		return false;
	for (; *s != '\0'; s++)
		if (!isalnum((unsigned char)*s) && strchr(".-_", *s) == NULL)
			return false;
	return true;
}

/* An address, with a zone perhaps: "fe80::1%eth0". */
static bool
is_ipv6(const char *s)
{
	size_t len = strcspn(s, "%");
	char text[INET6_ADDRSTRLEN];
	struct in6_addr addr;

	if (len >= sizeof(text) || (s[len] == '%' && !is_name(s + len + 1)))
		return false;
	memcpy(text, s, len);
	text[len] = '\0';
	return inet_pton(AF_INET6, text, &addr) == 1;
}

/* text is HOST, HOST:PORT, [V6] or [V6]:PORT; it is cut up in place.  out has
 * the port that is meant when none is given. */
static int
parse_host(char *text, struct redis_address *out, struct err *err)
{
	bool bracketed = text[0] == '[';
	char *host = text;
	char *port;

	if (bracketed) {
		port = strchr(++host, ']');
		if (port == NULL)
			return err_set(err, ERR_USAGE,
			    "an address in a redis URL lacks its ']'");
		*port++ = '\0';
		if (*port != '\0' && *port != ':')
			return err_set(err, ERR_USAGE,
			    "':PORT' must follow the ']' in a redis URL");
	} else {
		port = host + strcspn(host, ":");
	}
	if (*port == ':') {
		*port++ = '\0';
		out->port = parse_number(port, PORT_MAX);
		/* Who forgot "@HOST" has a password there. */
		if (out->port <= 0)
			return err_set(err, ERR_USAGE,
			    "what follows the ':' of a redis URL's host is no "
			    "port");
	}
	if (bracketed ? !is_ipv6(host) : !is_name(host))
		return err_set(
		    err, ERR_USAGE, "'%.64s' is no host in a redis URL", host);
	out->host = xstrdup(host);
	return 0;
}

/* Each is as like in what the list does not tell. */
static int
parse_hosts(char *list, const struct redis_address *like,
    struct redis_address *hosts, size_t *n, struct err *err)
{
	for (char *next; list != NULL; list = next) {
		struct redis_address *a = &hosts[*n];

		if (*n == REDIS_HOSTS_MAX)
			return err_set(err, ERR_USAGE,
			    "a redis URL names at most %d hosts",
			    REDIS_HOSTS_MAX);
		next = strchr(list, ',');
		if (next != NULL)
			*next++ = '\0';
		*a = *like;
		if (parse_host(list, a, err) != 0)
			return -1;
		++*n;
	}
	return 0;
}

/* USER@ at the front of rest; returns what follows it, or NULL. */
static char *
parse_user(char *rest, struct redis_target *t, struct err *err)
{
	size_t authority = strcspn(rest, "/?");
	char *at = memrchr(rest, '@', authority);

	if (at == NULL)
		return rest;
	*at = '\0';
	if (strchr(rest, ':') != NULL) {
		err_set(err, ERR_USAGE,
		    "a password does not belong into a redis URL; refer to "
		    "it by the environment or a file");
		return NULL;
	}
	if (url_decode(rest, err) != 0)
		return NULL;
	if (*rest != '\0')
		t->user = xstrdup(rest);
	return at + 1;
}

/* "db=N", and nothing else. */
static int
parse_query(const char *query, struct redis_target *t, struct err *err)
{
	if (strncmp(query, "db=", 3) != 0)
		return err_set(err, ERR_USAGE,
		    "a unix or sentinel URL takes '?db=N' and nothing else");
	return parse_db(query + 3, &t->db, err);
}

static int
parse_unix(char *rest, bool tls, struct redis_target *t, struct err *err)
{
	char *query = strchr(rest, '?');

	(void)tls;
	if (query != NULL) {
		*query++ = '\0';
		if (parse_query(query, t, err) != 0)
			return -1;
	}
	if (url_decode(rest, err) != 0)
		return -1;
	if (rest[0] != '/' || rest[1] == '\0')
		return err_set(err, ERR_USAGE,
		    "a unix URL is unix:///PATH, with an absolute path");
	if (strlen(rest) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return err_set(err, ERR_USAGE,
		    "the path of a unix socket is too long for the system");
	t->hosts[0].host = xstrdup(rest);
	t->hosts[0].db = t->db;
	t->nhosts = 1;
	return 0;
}

static int
parse_tcp(char *rest, bool tls, struct redis_target *t, struct err *err)
{
	struct redis_address like = {.port = PORT_DEFAULT, .tls = tls};
	char *path = strchr(rest, '/');

	if (strchr(rest, '?') != NULL || strchr(rest, '#') != NULL)
		return err_set(err, ERR_USAGE,
		    "a redis URL takes no '?' or '#': options are given apart");
	if (path != NULL) {
		*path++ = '\0';
		if (*path != '\0' && parse_db(path, &t->db, err) != 0)
			return -1;
	}
	like.db = t->db;
	return parse_hosts(rest, &like, t->hosts, &t->nhosts, err);
}

static bool
is_master(const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < len; i++)
		if (!isgraph((unsigned char)name[i]))
			return false;
	return len > 0 && len <= MASTER_MAX;
}

static int
parse_sentinel(char *rest, bool tls, struct redis_target *t, struct err *err)
{
	struct redis_address like = {.port = PORT_SENTINEL, .tls = tls};
	char *name = strchr(rest, '/');
	char *query;

	if (name == NULL || strchr(rest, '#') != NULL)
		goto no_name;
	*name++ = '\0';
	query = strchr(name, '?');
	if (query != NULL) {
		*query++ = '\0';
		if (parse_query(query, t, err) != 0)
			return -1;
	}
	if (strchr(name, '/') != NULL || url_decode(name, err) != 0 ||
	    !is_master(name))
		goto no_name;
	t->master = xstrdup(name);
	t->sentinels = xcalloc(REDIS_HOSTS_MAX, sizeof(*t->sentinels));
	return parse_hosts(rest, &like, t->sentinels, &t->nsentinels, err);
no_name:
	return err_set(err, ERR_USAGE,
	    "a sentinel URL ends in the name of the primary: "
	    "redis+sentinel://HOST,HOST2/NAME");
}

static void
show_hosts(struct buf *b, const struct redis_address *hosts, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bool v6 = strchr(hosts[i].host, ':') != NULL;

		buf_addf(b, "%s%s%s%s:%d", i > 0 ? "," : "", v6 ? "[" : "",
		    hosts[i].host, v6 ? "]" : "", hosts[i].port);
	}
}

static char *
show_sentinel(const struct redis_target *t)
{
	struct buf b;

	buf_init(&b, URL_MAX);
	buf_addf(&b, "redis%s+sentinel://", t->sentinels[0].tls ? "s" : "");
	show_hosts(&b, t->sentinels, t->nsentinels);
	buf_addc(&b, '/');
	url_encode(&b, t->master, false);
	if (t->db != 0)
		buf_addf(&b, "?db=%d", t->db);
	return buf_take(&b);
}

static char *
show(const struct redis_target *t)
{
	struct buf b;

	if (t->master != NULL)
		return show_sentinel(t);
	buf_init(&b, URL_MAX);
	if (t->hosts[0].port == 0) {
		buf_adds(&b, "unix://");
		url_encode(&b, t->hosts[0].host, true);
		if (t->db != 0)
			buf_addf(&b, "?db=%d", t->db);
		return buf_take(&b);
	}
	buf_adds(&b, t->hosts[0].tls ? "rediss://" : "redis://");
	show_hosts(&b, t->hosts, t->nhosts);
	if (t->db != 0)
		buf_addf(&b, "/%d", t->db);
	return buf_take(&b);
}

typedef int parse_fn(char *, bool, struct redis_target *, struct err *);

static int
parse_scheme(char *text, struct redis_target *t, struct err *err)
{
	static const struct {
		const char *prefix;
		bool tls;
		parse_fn *parse;
	} schemes[] = {
	    {"redis://", false, parse_tcp},
	    {"rediss://", true, parse_tcp},
	    {"unix://", false, parse_unix},
	    {"redis+sentinel://", false, parse_sentinel},
	    {"rediss+sentinel://", true, parse_sentinel},
	};
	char *rest;

	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		size_t len = strlen(schemes[i].prefix);

		if (strncmp(text, schemes[i].prefix, len) != 0)
			continue;
		rest = parse_user(text + len, t, err);
		return rest != NULL
		    ? schemes[i].parse(rest, schemes[i].tls, t, err)
		    : -1;
	}
	return err_set(err, ERR_USAGE,
	    "a Redis is named by redis://, rediss://, redis+sentinel:// or "
	    "unix://");
}

int
redis_target_parse(const char *url, struct redis_target *out, struct err *err)
{
	char *text;
	int rc;

	*out = (struct redis_target){0};
	if (strlen(url) > URL_MAX)
		return err_set(
		    err, ERR_USAGE, "a redis URL is over %d bytes", URL_MAX);
	text = xstrdup(url);
	out->hosts = xcalloc(REDIS_HOSTS_MAX, sizeof(*out->hosts));
	rc = parse_scheme(text, out, err);
	if (rc == 0)
		out->shown = show(out);
	else
		redis_target_release(out);
	/* It may have held a password, which was refused. */
	explicit_bzero(text, strlen(url));
	free(text);
	return rc;
}
