#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/json.h"
#include "base/secret.h"

#include "arm/token_claims.h"

/* The second of a JWT's three parts, decoded (RFC 7515); -1 when there is
 * none. */
static int
decode_claims(const struct secret *token, struct buf *out)
{
	const char *p = strchr(token->data, '.');
	struct err none = {0};
	struct buf text;
	size_t len;
	int rc;

	if (p == NULL || strchr(p + 1, '.') == NULL)
		return -1;
	len = strcspn(++p, ".");
	buf_init(&text, SECRET_MAX);
	for (size_t i = 0; i < len; i++)
		buf_addc(&text, p[i] == '-' ? '+' : p[i] == '_' ? '/' : p[i]);
	while (text.len % 4 != 0)
		buf_addc(&text, '=');
	rc = base64_decode(out, text.data, &none);
	buf_release(&text);
	return rc;
}

static bool
is_object_id(const char *text)
{
	size_t n = 0;

	while (isxdigit((unsigned char)text[n]) || text[n] == '-')
		n++;
	return n > 0 && n < OBJECT_ID_MAX && text[n] == '\0';
}

void
token_object_id(const struct secret *token, char out[OBJECT_ID_MAX])
{
	struct err none = {0};
	const char *oid = "";
	struct buf claims;
	cJSON *o = NULL;

	out[0] = '\0';
	buf_init(&claims, SECRET_MAX);
	if (decode_claims(token, &claims) == 0)
		o = json_parse(
		    claims.data, claims.len, SECRET_MAX, false, &none);
	if (o != NULL && json_opt_str(o, "oid", &oid, &none) == 0 &&
	    is_object_id(oid))
		snprintf(out, OBJECT_ID_MAX, "%s", oid);
	cJSON_Delete(o);
	buf_release(&claims);
}
