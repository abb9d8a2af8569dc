/*
 * The signatures were computed by another program (Python's hmac) from the
 * documentation's layouts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/secret.h"

#include "storage/azure_sas.h"

#define UNTIL INT64_C(1795246069999)

/* Bytes 0 to 63, so that the key holds a NUL. */
static void
make_key(struct secret *key)
{
	unsigned char raw[64];

	for (size_t i = 0; i < sizeof(raw); i++)
		raw[i] = (unsigned char)i;
	secret_set(key, raw, sizeof(raw));
}

static void
assert_by_key(const struct azure_sas *sas, const char *want)
{
	struct secret key = {0};
	struct err err = {0};
	struct buf out;

	make_key(&key);
	buf_init(&out, 1024);
	assert_int_equal(azure_sas_by_key(&out, sas, &key, &err), 0);
	assert_string_equal(out.data, want);
	buf_release(&out);
	secret_release(&key);
}

static void
by_the_accounts_key_for_a_blob_and_for_a_container(void **state)
{
	const struct azure_sas blob = {
	    .account = "acct",
	    .container = "c1",
	    .blob = "job/\xc3\xa9 +%.gz",
	    .permissions = AZURE_SAS_READ,
	    .expires_ms = UNTIL,
	    .https_only = true,
	};
	struct azure_sas container = {
	    .account = "acct",
	    .container = "c1",
	    .permissions = AZURE_SAS_EXPORT,
	    .expires_ms = UNTIL,
	    .https_only = true,
	};

	(void)state;
	assert_by_key(&blob,
	    "sv=2025-11-05&sr=b&sp=r&se=2026-11-21T07%3A27%3A49Z&spr=https"
	    "&sig=2bevqb09KZBslOsRX7TrIfmaJbAU8fyoMcygwWO5a7E%3D");
	assert_by_key(&container,
	    "sv=2025-11-05&sr=c&sp=racwdtm&se=2026-11-21T07%3A27%3A49Z"
	    "&spr=https"
	    "&sig=0qPlRsWbfGn4dYg5m1UGAvp4dVozbITFXkurRujM2kE%3D");
	container.https_only = false;
	assert_by_key(&container,
	    "sv=2025-11-05&sr=c&sp=racwdtm&se=2026-11-21T07%3A27%3A49Z"
	    "&sig=1TJnCpQpIXHkJUVs24VSNawgoMtXeGYmeDNTautBoO8%3D");
}

#define DELEGATED \
	"&se=2026-11-21T07%3A27%3A49Z&skoid=oid-1&sktid=tid-2" \
	"&skt=2026-11-21T06%3A00%3A00Z&ske=2026-11-22T06%3A00%3A00Z&sks=b" \
	"&skv=2025-11-05&spr=https&sig="

static void
assert_delegated(const struct azure_sas *sas, const char *want)
{
	struct azure_delegation d = {
	    .oid = (char *)"oid-1",
	    .tid = (char *)"tid-2",
	    .start = (char *)"2026-11-21T06:00:00Z",
	    .expiry = (char *)"2026-11-22T06:00:00Z",
	    .service = (char *)"b",
	    .version = (char *)"2025-11-05",
	};
	struct err err = {0};
	struct buf out;

	make_key(&d.key);
	buf_init(&out, 1024);
	assert_int_equal(azure_sas_by_delegation(&out, sas, &d, &err), 0);
	assert_string_equal(out.data, want);
	buf_release(&out);
	secret_release(&d.key);
}

static void
by_a_key_that_was_lent_to_an_identity(void **state)
{
	struct azure_sas sas = {
	    .account = "acct",
	    .container = "c1",
	    .blob = "a b",
	    .permissions = AZURE_SAS_READ,
	    .expires_ms = UNTIL,
	    .https_only = true,
	};

	(void)state;
	assert_delegated(&sas,
	    "sv=2025-11-05&sr=b&sp=r" DELEGATED
	    "LvKFZsbUCHXR%2FrQmVnPc6GqvE9bSARjaRD85UG5EpDg%3D");
	sas.blob = NULL;
	sas.permissions = AZURE_SAS_EXPORT;
	assert_delegated(&sas,
	    "sv=2025-11-05&sr=c&sp=racwdtm" DELEGATED
	    "8RINJwrZUSJiJVlwrJ1HftpPa%2FSGNFNo0SRqG1mb0vI%3D");
}

static void
one_that_does_not_fit_is_an_error(void **state)
{
	const struct azure_sas sas = {
	    .account = "acct",
	    .container = "c1",
	    .permissions = AZURE_SAS_EXPORT,
	};
	struct secret key = {0};
	struct err err = {0};
	struct buf out;

	(void)state;
	make_key(&key);
	buf_init(&out, 20);
	assert_int_equal(azure_sas_by_key(&out, &sas, &key, &err), -1);
	assert_int_equal(err.kind, ERR_CORRUPT);
	buf_release(&out);
	secret_release(&key);
}

static void
rights_are_letters_in_their_order(void **state)
{
	static const char *const good[] = {
	    "r", "rwdl", AZURE_SAS_EXPORT, "racwdltm", AZURE_SAS_PERMISSIONS};
	static const char *const bad[] = {"", "wr", "rr", "rq", "r w", "rwdl&"};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!azure_sas_permissions_ok(good[i]))
			fail_msg("'%s'", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (azure_sas_permissions_ok(bad[i]))
			fail_msg("'%s'", bad[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		by_the_accounts_key_for_a_blob_and_for_a_container),
	    cmocka_unit_test(by_a_key_that_was_lent_to_an_identity),
	    cmocka_unit_test(one_that_does_not_fit_is_an_error),
	    cmocka_unit_test(rights_are_letters_in_their_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
