#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/secret.h"
#include "arm/token_claims.h"

#define OID "6f9619ff-8b86-d011-b42d-00c04fc964ff"

static void
tells(const char *token, const char *object_id)
{
	char out[OBJECT_ID_MAX];
	struct secret s = {0};

	secret_set(&s, token, strlen(token));
	token_object_id(&s, out);
	assert_string_equal(out, object_id);
	secret_release(&s);
}

/* A token with these claims, in the alphabet for URLs and without padding. */
static void
claims_tell(const char *claims, const char *object_id)
{
	struct buf text;

	buf_init(&text, 4096);
	buf_adds(&text, "e30.");
	base64_encode(&text, claims, strlen(claims));
	while (text.data[text.len - 1] == '=')
		buf_truncate(&text, text.len - 1);
	for (char *p = text.data; *p != '\0'; p++)
		*p = *p == '+' ? '-' : *p == '/' ? '_' : *p;
	buf_adds(&text, ".c2ln");
	tells(text.data, object_id);
	buf_release(&text);
}

static void
whose_a_token_is_can_be_read(void **state)
{
	(void)state;
	claims_tell("{\"oid\":\"" OID "\"}", OID);
	claims_tell(
	    "{\"name\":\"\xc3\xbf\xc3\xbf?>~\",\"oid\":\"" OID "\"}", OID);
	claims_tell("{\"a\":\"1\",\"oid\":\"" OID "\"}", OID);
	claims_tell("{\"a\":\"12\",\"oid\":\"" OID "\"}", OID);
}

static void
what_does_not_tell_is_no_failure(void **state)
{
	(void)state;
	tells("", "");
	tells("opaque", "");
	tells("a.b", "");
	tells("a..c", "");
	tells("a.!!!!.c", "");
	tells("a.bm8.c", "");
	claims_tell("{}", "");
	claims_tell("{\"oid\":7}", "");
	claims_tell("{\"oid\":\"\"}", "");
	/* It becomes a user's name: nothing else gets in by it. */
	claims_tell("{\"oid\":\"default \"}", "");
	claims_tell("{\"oid\":\"0123456789012345678901234567890123456789"
		    "012345678901234567890123\"}",
	    "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(whose_a_token_is_can_be_read),
	    cmocka_unit_test(what_does_not_tell_is_no_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
