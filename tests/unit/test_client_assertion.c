#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/json.h"
#include "base/secret.h"
#include "arm/client_assertion.h"
#include "tests/sim/fake_clock.h"
#include "tests/sim/self_signed.h"
#include "tests/sim/temp_dir.h"

#define AUDIENCE "https://login.microsoftonline.com/t/oauth2/v2.0/token"
#define CLIENT	 "11111111-2222-3333-4444-555555555555"

struct ground {
	struct temp_dir dir;
	char file[300];
	EVP_PKEY *key;
	X509 *cert;
	struct fake_clock clock;
	struct scope scope;
	struct secret jwt;
	struct err err;
};

static void
write_pem(
    const struct ground *g, EVP_PKEY *key, X509 *cert, const char *passphrase)
{
	self_signed_write(g->file, key, cert, passphrase);
}

static int
setup(void **state)
{
	struct ground *g = calloc(1, sizeof(*g));

	temp_dir_make(&g->dir);
	snprintf(g->file, sizeof(g->file), "%s/principal.pem", g->dir.path);
	g->key = EVP_RSA_gen(2048);
	g->cert = self_signed(g->key);
	g->scope = fake_clock_init(&g->clock);
	g->clock.wall_ms = (int64_t)1700000000 * 1000;
	*state = g;
	return 0;
}

static int
teardown(void **state)
{
	struct ground *g = *state;

	EVP_PKEY_free(g->key);
	X509_free(g->cert);
	secret_release(&g->jwt);
	temp_dir_remove(&g->dir);
	free(g);
	return 0;
}

static int
make(struct ground *g)
{
	g->err = (struct err){0};
	return client_assertion_make(
	    g->file, CLIENT, AUDIENCE, &g->scope, &g->jwt, &g->err);
}

static void
add_decoded(struct buf *out, const char *part, size_t len)
{
	struct err err = {0};
	struct buf text;

	buf_init(&text, 4096);
	for (size_t i = 0; i < len; i++)
		buf_addc(&text,
		    part[i] == '-'	 ? '+'
			: part[i] == '_' ? '/'
					 : part[i]);
	while (text.len % 4 != 0)
		buf_addc(&text, '=');
	assert_int_equal(base64_decode(out, text.data, &err), 0);
	buf_release(&text);
}

/* Part i of the three, decoded. */
static struct buf
part(const struct ground *g, int i)
{
	const char *p = g->jwt.data;
	struct buf out;

	for (; i > 0; i--)
		p = strchr(p, '.') + 1;
	buf_init(&out, 4096);
	add_decoded(&out, p, strcspn(p, "."));
	return out;
}

static cJSON *
json_part(const struct ground *g, int i)
{
	struct buf text = part(g, i);
	cJSON *o = cJSON_Parse(text.data);

	assert_non_null(o);
	buf_release(&text);
	return o;
}

static void
says(const cJSON *o, const char *key, const char *value)
{
	assert_string_equal(
	    cJSON_GetStringValue(cJSON_GetObjectItem(o, key)), value);
}

static void
the_claims_are_of_this_moment(void **state)
{
	struct ground *g = *state;
	cJSON *o;

	write_pem(g, g->key, g->cert, NULL);
	assert_int_equal(make(g), 0);
	o = json_part(g, 1);
	says(o, "aud", AUDIENCE);
	says(o, "iss", CLIENT);
	says(o, "sub", CLIENT);
	says(o, "jti", "00000000-0000-4000-8000-000000000000");
	assert_true(cJSON_GetObjectItem(o, "nbf")->valuedouble == 1700000000);
	assert_true(cJSON_GetObjectItem(o, "iat")->valuedouble == 1700000000);
	assert_true(cJSON_GetObjectItem(o, "exp")->valuedouble == 1700000600);
	cJSON_Delete(o);
}

static void
the_header_names_the_certificate(void **state)
{
	struct ground *g = *state;
	unsigned char thumb[32];
	unsigned len;
	struct buf said;
	cJSON *o;
	const char *x5t;

	write_pem(g, g->key, g->cert, NULL);
	assert_int_equal(make(g), 0);
	o = json_part(g, 0);
	says(o, "alg", "PS256");
	says(o, "typ", "JWT");
	x5t = cJSON_GetStringValue(cJSON_GetObjectItem(o, "x5t#S256"));
	assert_non_null(x5t);
	assert_null(strpbrk(x5t, "+/="));
	buf_init(&said, 64);
	add_decoded(&said, x5t, strlen(x5t));
	X509_digest(g->cert, EVP_sha256(), thumb, &len);
	assert_int_equal(said.len, 32);
	assert_memory_equal(said.data, thumb, 32);
	buf_release(&said);
	cJSON_Delete(o);
}

/* As a verifier does it that knows nothing of how it was made. */
static bool
verifies(const struct ground *g)
{
	size_t len = (size_t)(strrchr(g->jwt.data, '.') - g->jwt.data);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY *key = X509_get_pubkey(g->cert);
	struct buf signature = part(g, 2);
	EVP_PKEY_CTX *pss;
	bool good;

	assert_int_equal(
	    EVP_DigestVerifyInit(ctx, &pss, EVP_sha256(), NULL, key), 1);
	EVP_PKEY_CTX_set_rsa_padding(pss, RSA_PKCS1_PSS_PADDING);
	EVP_PKEY_CTX_set_rsa_pss_saltlen(pss, 32);
	good = EVP_DigestVerify(ctx, (const unsigned char *)signature.data,
		   signature.len, (const unsigned char *)g->jwt.data, len) == 1;
	buf_release(&signature);
	EVP_PKEY_free(key);
	EVP_MD_CTX_free(ctx);
	return good;
}

static void
the_signature_is_ps256(void **state)
{
	struct ground *g = *state;

	write_pem(g, g->key, g->cert, NULL);
	assert_int_equal(make(g), 0);
	assert_true(verifies(g));
	g->jwt.data[3] ^= 1;
	assert_false(verifies(g));
}

static void
refused(struct ground *g, const char *word)
{
	assert_int_equal(make(g), -1);
	assert_int_equal(g->err.kind, ERR_USAGE);
	if (strstr(g->err.text, word) == NULL ||
	    strstr(g->err.text, "principal.pem") == NULL)
		fail_msg("'%s': %s", word, g->err.text);
	assert_null(g->jwt.data);
}

static void
a_file_that_will_not_do_is_told(void **state)
{
	struct ground *g = *state;
	EVP_PKEY *other = EVP_RSA_gen(2048), *curve = EVP_EC_gen("P-256");
	EVP_PKEY *small = EVP_RSA_gen(512);
	X509 *of_curve = self_signed(curve), *of_small = self_signed(small);

	refused(g, "No such file");
	write_pem(g, g->key, NULL, NULL);
	refused(g, "no certificate");
	write_pem(g, NULL, g->cert, NULL);
	refused(g, "no private key");
	write_pem(g, g->key, g->cert, "x");
	refused(g, "without a passphrase");
	write_pem(g, other, g->cert, NULL);
	refused(g, "not that of its first certificate");
	write_pem(g, curve, of_curve, NULL);
	refused(g, "none of RSA");
	write_pem(g, small, of_small, NULL);
	refused(g, "cannot sign by PS256");
	X509_free(of_curve);
	X509_free(of_small);
	EVP_PKEY_free(small);
	EVP_PKEY_free(curve);
	EVP_PKEY_free(other);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		the_claims_are_of_this_moment, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		the_header_names_the_certificate, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		the_signature_is_ps256, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		a_file_that_will_not_do_is_told, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
