#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/quantity.h"
#include "base/url.h"

#include "agent/job/option_value.h"

static int
check_choice(const struct option_row *o, const char *value, struct err *err)
{
	char list[200] = "";
	size_t n = 0;

	for (const char *const *c = o->choices; *c != NULL; c++) {
		if (strcmp(*c, value) == 0)
			return 0;
		n += (size_t)snprintf(
		    list + n, sizeof(list) - n, "%s%s", n > 0 ? ", " : "", *c);
	}
	return err_set(err, ERR_USAGE, "'%.40s' is none of: %s", value, list);
}

static int
check_int(const struct option_row *o, const char *value, struct err *err)
{
	const char *rest;
	uint64_t n;

	if (o->zero != NULL && strcmp(value, o->zero) == 0)
		return 0;
	if (!quantity_number(value, &n, &rest) || *rest != '\0' ||
	    n > (uint64_t)o->most || n < (uint64_t)o->least)
		return err_set(err, ERR_USAGE,
		    "'%.40s' is no number from %" PRId64 " to %" PRId64 "%s%s",
		    value, o->least, o->most, o->zero != NULL ? ", nor " : "",
		    o->zero != NULL ? o->zero : "");
	return 0;
}

static int
check_size(const struct option_row *o, const char *value, struct err *err)
{
	uint64_t size;

	if (quantity_bytes(value, &size, err) != 0)
		return -1;
	if (size < (uint64_t)o->least)
		return err_set(err, ERR_USAGE,
		    "'%.40s' is less than the %" PRId64 " MiB that it takes at "
		    "least",
		    value, o->least >> 20);
	return 0;
}

/* Which vaults are meant, the cloud tells, when all settings are known. */
static int
check_vault(const char *url, struct err *err)
{
	struct url u;
	bool good;

	if (url_parse(&u, url, err) != 0)
		return err_in(err, "a secret in Key Vault");
	good = url_is_private(&u) && strncmp(u.path, "/secrets/", 9) == 0;
	url_release(&u);
	return good ? 0
		    : err_set(err, ERR_USAGE,
			  "a secret in Key Vault is named by "
			  "https://VAULT.vault.azure.net/secrets/NAME");
}

static int
check_secret(enum option o, const char *value, struct err *err)
{
	/* The identity opens the vault, and so cannot be in it. */
	if (strncmp(value, "keyvault:", 9) == 0 && o != OPT_IDENTITY_SECRET)
		return check_vault(value + 9, err);
	if (strncmp(value, "env:", 4) == 0 && value[4] != '\0')
		return 0;
	if (strncmp(value, "file:", 5) == 0 && value[5] != '\0')
		return 0;
	/* The value may be the secret itself: it is not repeated. */
	return err_set(err, ERR_USAGE,
	    "a secret is given by reference only: env:NAME%s file:PATH%s",
	    o == OPT_IDENTITY_SECRET ? " or" : ",",
	    o == OPT_IDENTITY_SECRET ? "" : " or keyvault:URL");
}

static int
check_url(const char *value, struct err *err)
{
	const char *sep = strstr(value, "://");
	const char *at, *colon, *end;

	if (sep == NULL || sep == value)
		return err_set(err, ERR_USAGE,
		    "it is no URL, which begins like redis:// or file:///");
	/* A password may hold '@', and '/' where no path can follow. */
	end = sep + 3 + strcspn(sep + 3, "/?");
	if (strncmp(value, "redis", 5) == 0)
		end = value + strlen(value);
	at = memrchr(sep + 3, '@', (size_t)(end - sep - 3));
	colon = at != NULL ? memchr(sep + 3, ':', (size_t)(at - sep - 3))
			   : NULL;
	if (colon != NULL || strstr(value, "sig=") != NULL)
		return err_set(err, ERR_USAGE,
		    "the URL holds a secret; give that by reference instead");
	return 0;
}

int
option_check(enum option o, const char *value, struct err *err)
{
	const struct option_row *row = &options[o];
	int64_t ms;

	switch (row->type) {
	case OPTION_TEXT:
	case OPTION_PATH:
		if (value[0] == '\0')
			return err_set(err, ERR_USAGE, "it is empty");
		return 0;
	case OPTION_URL:
		return check_url(value, err);
	case OPTION_SECRET:
		return check_secret(o, value, err);
	case OPTION_CHOICE:
		return check_choice(row, value, err);
	case OPTION_INT:
		return check_int(row, value, err);
	case OPTION_SIZE:
		return check_size(row, value, err);
	case OPTION_DURATION:
		return quantity_ms(value, &ms, err);
	}
	return 0;
}
