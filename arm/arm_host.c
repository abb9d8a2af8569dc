#include <string.h>
#include <strings.h>

#include "base/err.h"

#include "arm/arm_host.h"

static bool
is_https(const struct url *u)
{
	return strcmp(u->scheme, "https") == 0;
}

static int
port_of(const struct url *u)
{
	if (u->port != 0)
		return u->port;
	return is_https(u) ? 443 : 80;
}

static int
check_endpoint(const struct url *u, struct err *err)
{
	if (u->host[0] == '\0' || u->user != NULL || u->password != NULL ||
	    u->query != NULL ||
	    (u->path[0] != '\0' && strcmp(u->path, "/") != 0))
		return err_set(
		    err, ERR_USAGE, "it has the form https://HOST[:PORT]");
	if (!is_https(u) &&
	    (strcmp(u->scheme, "http") != 0 || !url_is_loopback(u->host)))
		return err_set(err, ERR_USAGE,
		    "tokens would go to '%s' in the clear; use https", u->host);
	return 0;
}

int
arm_host_init(struct arm_host *h, const char *endpoint, struct err *err)
{
	if (url_parse(&h->url, endpoint, err) == 0) {
		if (check_endpoint(&h->url, err) == 0)
			return 0;
		url_release(&h->url);
	}
	return err_in(err, "the endpoint of Resource Manager");
}

void
arm_host_release(struct arm_host *h)
{
	url_release(&h->url);
}

/* "westus2.management.azure.com" is below "management.azure.com". */
static bool
is_below(const char *host, const char *top)
{
	size_t len = strlen(host), top_len = strlen(top);

	return len > top_len + 1 && host[len - top_len - 1] == '.' &&
	    strcasecmp(host + len - top_len, top) == 0;
}

static bool
is_trusted(const struct arm_host *h, const struct url *u)
{
	const struct url *own = &h->url;

	if (strcmp(u->scheme, own->scheme) != 0 || port_of(u) != port_of(own) ||
	    u->user != NULL || u->password != NULL)
		return false;
	if (strcasecmp(u->host, own->host) == 0)
		return true;
	return is_https(own) && !url_is_loopback(own->host) &&
	    is_below(u->host, own->host);
}

bool
arm_host_trusts(const struct arm_host *h, const char *url)
{
	struct err ignored;
	struct url u;
	bool trusted;

	if (url_parse(&u, url, &ignored) != 0)
		return false;
	trusted = is_trusted(h, &u);
	url_release(&u);
	return trusted;
}
