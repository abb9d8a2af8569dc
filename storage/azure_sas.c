#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/url.h"
#include "storage/azure_sign.h"
#include "storage/azure_time.h"

#include "storage/azure_sas.h"

#define STRING_TO_SIGN_MAX ((size_t)16 << 10)

void
azure_delegation_release(struct azure_delegation *d)
{
	free(d->oid);
	free(d->tid);
	free(d->start);
	free(d->expiry);
	free(d->service);
	free(d->version);
	secret_release(&d->key);
	*d = (struct azure_delegation){0};
}

/* sp st se resource, of both kinds */
static void
add_beginning(
    struct buf *what, const struct azure_sas *sas, const char *expires)
{
	buf_addf(what, "%s\n\n%s\n/blob/%s/%s", sas->permissions, expires,
	    sas->account, sas->container);
	if (sas->blob != NULL)
		buf_addf(what, "/%s", sas->blob);
	buf_addc(what, '\n');
}

/* sip spr sv sr snapshot ses rscc..rsct, of both kinds */
static void
add_end(struct buf *what, const struct azure_sas *sas)
{
	buf_addf(what, "\n%s\n%s\n%c\n\n\n\n\n\n\n",
	    sas->https_only ? "https" : "", AZURE_VERSION,
	    sas->blob != NULL ? 'b' : 'c');
}

static void
add_field(struct buf *out, const char *name, const char *value)
{
	buf_addf(out, "&%s=", name);
	url_encode(out, value, false);
}

/* The query of what was signed; its signature comes last. */
static int
add_query(struct buf *out, const struct azure_sas *sas, const char *expires,
    const struct azure_delegation *d, const char *signature, struct err *err)
{
	buf_addf(out, "sv=%s&sr=%c&sp=%s", AZURE_VERSION,
	    sas->blob != NULL ? 'b' : 'c', sas->permissions);
	add_field(out, "se", expires);
	if (d != NULL) {
		add_field(out, "skoid", d->oid);
		add_field(out, "sktid", d->tid);
		add_field(out, "skt", d->start);
		add_field(out, "ske", d->expiry);
		add_field(out, "sks", d->service);
		add_field(out, "skv", d->version);
	}
	if (sas->https_only)
		buf_adds(out, "&spr=https");
	add_field(out, "sig", signature);
	return buf_check(out, "the SAS", err);
}

static int
sign(struct buf *out, const struct azure_sas *sas, const char *expires,
    const struct azure_delegation *d, const struct secret *key,
    const struct buf *what, struct err *err)
{
	struct buf signature;
	int rc = buf_check(what, "the string to sign", err);

	buf_init(&signature, 64);
	if (rc == 0) {
		azure_signature(&signature, key, what);
		rc = add_query(out, sas, expires, d, signature.data, err);
	}
	buf_release(&signature);
	return rc;
}

bool
azure_sas_permissions_ok(const char *letters)
{
	const char *all = AZURE_SAS_PERMISSIONS;
	const char *p = letters;

	while (*p != '\0' && (all = strchr(all, *p)) != NULL) {
		all++;
		p++;
	}
	return p > letters && *p == '\0';
}

int
azure_sas_by_key(struct buf *out, const struct azure_sas *sas,
    const struct secret *key, struct err *err)
{
	char expires[AZURE_TIME_MAX];
	struct buf what;
	int rc;

	azure_time_iso_format(sas->expires_ms, expires);
	buf_init(&what, STRING_TO_SIGN_MAX);
	add_beginning(&what, sas, expires);
	buf_addc(&what, '\n'); /* si: no stored policy */
	add_end(&what, sas);
	rc = sign(out, sas, expires, NULL, key, &what, err);
	buf_release(&what);
	return rc;
}

int
azure_sas_by_delegation(struct buf *out, const struct azure_sas *sas,
    const struct azure_delegation *d, struct err *err)
{
	char expires[AZURE_TIME_MAX];
	struct buf what;
	int rc;

	azure_time_iso_format(sas->expires_ms, expires);
	buf_init(&what, STRING_TO_SIGN_MAX);
	add_beginning(&what, sas, expires);
	buf_addf(&what, "%s\n%s\n%s\n%s\n%s\n%s\n", d->oid, d->tid, d->start,
	    d->expiry, d->service, d->version);
	buf_adds(&what, "\n\n\n\n\n"); /* saoid suoid scid skdutid sduoid */
	add_end(&what, sas);
	rc = sign(out, sas, expires, d, &d->key, &what, err);
	buf_release(&what);
	return rc;
}
